// Processes that are stopped for longer than any limit and then go on (SIGSTOP, SIGCONT: a suspended machine, a debugger, swap), and how
// long it takes until work goes on after a kill. Times are printed; only what nobody would accept fails.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isOver, readJournal, violations } from '../support/crash/checks.ts';
import { Engine, kill, type Started, until } from '../support/crash/engine.ts';
import { Flows, seeded } from '../support/crash/flows.ts';

let engine: Engine;
let flows: Flows;
beforeEach(() => {
  engine = new Engine();
  flows = new Flows(engine.ledger, seeded(1), 0.1);
});
afterEach(() => engine.close());

function worker(name: string, slots: number): Started {
  return engine.start(['worker', '--name', name, '--slots', String(slots)]);
}

function epoch(): number {
  try {
    return Math.max(0, ...readdirSync(join(engine.state, 'controller', 'epochs')).map(Number));
  } catch {
    return 0;
  }
}

function workers(): string[] {
  try {
    return readdirSync(join(engine.state, 'workers')).filter((name) => /^[^.].*\.json$/.test(name));
  } catch {
    return [];
  }
}

async function serving(...names: readonly string[]): Promise<void> {
  await until(
    () => epoch() > 0 && names.every((name) => workers().includes(`${name}.json`)),
    () => `a controller and ${names.join(', ')}\n${engine.report()}`,
  );
}

function lines(run: string, type: string): readonly ReturnType<typeof readJournal>[number][] {
  return readJournal(engine.state, run).filter((line) => line.type === type);
}

test('a worker that is stopped before it can claim finds nothing to take when it goes on', async () => {
  engine.start(['controller']);
  const sleeper = worker('w1', 1);
  await serving('w1');
  kill(sleeper.pid, 'SIGSTOP');
  const plan = flows.wide('wide', 4, 0.05);
  engine.submit(plan);
  await until(
    () => lines('wide', 'Offered').length > 0,
    () => 'an offer for the stopped worker',
  );
  worker('w2', 1);
  await engine.untilOver([plan]);
  kill(sleeper.pid, 'SIGCONT');
  // It is awake and works when it ends something new; the old offers were before that one.
  const next = flows.wide('next', 6, 0.2);
  engine.submit(next);
  await engine.untilOver([next]);
  expect(lines('next', 'Offered').some((line) => line.worker === 'w1')).toBe(true);
  expect([plan, next].flatMap((run) => violations(engine.state, engine.ledger, run))).toEqual([]);
  expect(lines('wide', 'Withdrawn').length).toBeGreaterThan(0);
  await engine.end();
  expect(engine.leftovers()).toEqual([]);
});

test('what runs in the slots of a stopped worker comes to its end, and counts', async () => {
  engine.start(['controller']);
  const sleeper = worker('w1', 2);
  await serving('w1');
  const plan = flows.wide('wide', 2, 0.5);
  engine.submit(plan);
  await until(
    () => engine.ledger.read('wide').filter(({ word }) => word === 'start').length === 2,
    () => 'both tasks run',
  );
  kill(sleeper.pid, 'SIGSTOP');
  await engine.untilOver([plan]);
  expect(violations(engine.state, engine.ledger, plan)).toEqual([]);
  expect(lines('wide', 'Offered').map(({ attempt }) => attempt)).toEqual([1, 1]);
  kill(sleeper.pid, 'SIGCONT');
});

test('there is no second controller while the first is stopped, and one at once when it is killed', async () => {
  const first = engine.start(['controller']);
  worker('w1', 2);
  await serving('w1');
  const plan = flows.wide('wide', 6, 0.2);
  engine.submit(plan);
  await until(
    () => engine.ledger.read('wide').some(({ word }) => word === 'start'),
    () => 'a task runs',
  );
  kill(first.pid, 'SIGSTOP');
  const before = epoch();
  const second = engine.start(['controller']);
  await second.says('waiting for its seat');
  await until(
    () => engine.ledger.read('wide').filter(({ word }) => word === 'end').length >= 2,
    () => 'what ran has ended',
  );
  expect(epoch()).toBe(before);
  expect(isOver(engine.state, 'wide')).toBe(false);
  kill(first.pid, 'SIGKILL');
  const backMs = await until(
    () => epoch() > before,
    () => 'the second controller',
  );
  process.stdout.write(`a waiting controller has the seat ${backMs.toFixed(0)} ms after the kill\n`);
  await engine.untilOver([plan]);
  expect(violations(engine.state, engine.ledger, plan)).toEqual([]);
});

test('after a kill -9 of the controller or of a worker, work goes on soon', async () => {
  await engine.up('--workers', '2', '--slots', '2');
  const told: string[] = [];
  for (const round of [1, 2, 3]) {
    const plan = flows.wide(`controller${round}`, 12, 0.3);
    engine.submit(plan);
    await until(
      () => engine.ledger.read(plan.name).length >= 4,
      () => 'tasks run',
    );
    const before = epoch();
    for (const pid of engine.pids('controller')) kill(pid, 'SIGKILL');
    const ms = await until(
      () => readJournal(engine.state, plan.name).some((line) => line.epoch > before),
      () => `a line of a new controller\n${engine.report()}`,
    );
    told.push(`controller ${ms.toFixed(0)} ms`);
    await engine.untilOver([plan]);
    expect(violations(engine.state, engine.ledger, plan)).toEqual([]);
  }
  for (const round of [1, 2, 3]) {
    const plan = flows.wide(`worker${round}`, 12, 0.3);
    engine.submit(plan);
    await until(
      () => engine.ledger.read(plan.name).length >= 4,
      () => 'tasks run',
    );
    const victim = readPid('w1.json');
    const known = lines(plan.name, 'Offered').length;
    kill(victim, 'SIGKILL');
    const ms = await until(
      () => lines(plan.name, 'Offered').length > known,
      () => `another offer\n${engine.report()}`,
    );
    told.push(`worker ${ms.toFixed(0)} ms`);
    await engine.untilOver([plan]);
    expect(violations(engine.state, engine.ledger, plan)).toEqual([]);
    await serving('w1', 'w2');
  }
  process.stdout.write(`until the next decision after a kill: ${told.join(', ')}\n`);
});

function readPid(file: string): number {
  const seat = JSON.parse(readFileSync(join(engine.state, 'workers', file), 'utf8')) as { identity: { pid: number } };
  return seat.identity.pid;
}
