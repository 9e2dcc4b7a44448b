// Deletion, truncation and garbage in every kind of file under the state directory, while runs go on and while nobody serves it (I9).
//
// Each kind of file gets a run of its own as victim, so that it shows who suffers. Whatever is done: the controller lives, nothing runs
// twice at a time, every other run ends as it should, and the victim ends too. Where only a view or a hint was hurt, the victim must not even notice.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isOver, readStatus, readText, runDirectory, violations } from '../support/crash/checks.ts';
import { Engine, kill, type Started, until } from '../support/crash/engine.ts';
import { Flows, type PlannedRun, seeded } from '../support/crash/flows.ts';

interface Damage {
  readonly name: string;
  readonly does: (path: string) => void;
}

function inPlace(change: (path: string) => void): (path: string) => void {
  return (path) => {
    if (existsSync(path) && statSync(path).isFile()) change(path);
  };
}

function instead(put: (path: string) => void): (path: string) => void {
  return (path) => {
    rmSync(path, { recursive: true, force: true });
    put(path);
  };
}

const DAMAGES: readonly Damage[] = [
  { name: 'deleted', does: instead(() => undefined) },
  { name: 'emptied', does: inPlace((path) => truncateSync(path, 0)) },
  { name: 'cut in half', does: inPlace((path) => truncateSync(path, Math.floor(statSync(path).size / 2))) },
  { name: 'overwritten', does: inPlace((path) => writeFileSync(path, '\0{"seq": [}\n- : \x07garbage\n')) },
  { name: 'replaced by a directory', does: instead((path) => mkdirSync(join(path, 'inside'), { recursive: true })) },
  { name: 'replaced by a link', does: instead((path) => symlinkSync('/etc/hostname', path)) },
  { name: 'replaced by a pipe', does: instead((path) => void spawnSync('mkfifo', [path])) },
];

interface Target {
  readonly name: string;
  /** What it holds can be had from elsewhere: the run must not suffer. */
  readonly isView: boolean;
  readonly of: (engine: Engine, run: string) => readonly string[];
}

const inRun =
  (...names: readonly string[]) =>
  (engine: Engine, run: string): readonly string[] => {
    const directory = runDirectory(engine.state, run);
    return directory === null ? [] : names.map((name) => join(directory, name));
  };

function lease(engine: Engine, run: string): readonly string[] {
  const leases = join(engine.state, 'leases');
  const files = readdirSync(leases).flatMap((worker) =>
    readdirSync(join(leases, worker)).map((name) => join(leases, worker, name)),
  );
  return files
    .filter((path) => /\.(offer|claim\.[^/]*)$/.test(path) && readText(path)?.includes(`"run":"${run}"`))
    .slice(0, 1);
}

const desired =
  (directory: string) =>
  (engine: Engine, run: string): readonly string[] => [join(engine.state, directory, `${run}.yaml`)];

/** Each has a run of its own. */
const TARGETS: readonly Target[] = [
  { name: 'status', isView: true, of: inRun('status.json') },
  { name: 'snapshot', isView: true, of: inRun('snapshot.json') },
  { name: 'description', isView: true, of: inRun('run.json') },
  { name: 'input', isView: true, of: inRun('data/input.json') },
  { name: 'meta', isView: true, of: (engine, run) => [join(engine.state, 'meta', 'WorkflowRun', `${run}.json`)] },
  { name: 'log', isView: true, of: inRun('logs/a.1.log') },
  { name: 'journal', isView: false, of: inRun('journal.ndjson') },
  { name: 'journal-and-snapshot', isView: false, of: inRun('journal.ndjson', 'snapshot.json') },
  { name: 'lease', isView: false, of: lease },
  { name: 'desired', isView: false, of: desired('workflowruns') },
  { name: 'place', isView: false, of: inRun('') },
];

/** Files of the engine itself; they are hurt together, and no run may suffer. */
function shared(engine: Engine): string[] {
  const newest = (directory: string): string[] => readdirSync(join(engine.state, directory)).sort().slice(-3);
  const last = newest('changes').filter((name) => name.endsWith('.json'));
  const seats = ['controller/seat.json', 'workers/w1.json', 'endpoint.json', 'format.json', 'meta/boot.json'];
  const clocks = newest('controller').filter((name) => name.startsWith('clock.'));
  return [
    ...seats,
    ...clocks.map((name) => `controller/${name}`),
    ...last.slice(0, 1).map((name) => `changes/${name}`),
  ].map((name) => join(engine.state, name));
}

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});
afterEach(() => engine.close());

const UP = ['--workers', '2', '--slots', '6'] as const;

interface Round {
  readonly victims: ReadonlyMap<Target, PlannedRun>;
  readonly others: readonly PlannedRun[];
}

/** Runs under way: each has started something, and has something left to do. */
async function begin(): Promise<Round> {
  const flows = new Flows(engine.ledger, seeded(5), 0.3);
  const victims = new Map(TARGETS.map((target) => [target, flows.chain(target.name)]));
  const others = [flows.diamond('other1'), flows.retrying('other2')];
  for (const plan of [...victims.values(), ...others]) engine.submit(plan);
  await until(
    () => [...victims.values()].every(({ name }) => engine.ledger.read(name).length > 0),
    () => `every victim runs\n${engine.report()}`,
  );
  return { victims, others };
}

function hurt(round: Round, damage: Damage): void {
  const paths = [...round.victims].flatMap(([target, { name }]) => target.of(engine, name));
  for (const path of [...paths, ...shared(engine)]) {
    if (!damage.name.startsWith('replaced') || !HURT_AS_FILES.test(path)) damage.does(path);
  }
}

/** Claims, changes and the mark of the boot are tried in their content only: nothing but a file is expected there. */
const HURT_AS_FILES = /\/(leases|changes)\/|\/meta\/boot\.json$/;

/** It has ended, or is gone because its desired file is. */
function isDone(name: string): boolean {
  return (
    isOver(engine.state, name) ||
    (runDirectory(engine.state, name) === null && !existsSync(join(engine.state, 'workflowruns', `${name}.yaml`)))
  );
}

async function check(round: Round): Promise<void> {
  const names = [...round.victims.values(), ...round.others].map(({ name }) => name);
  const open = (): string[] => names.filter((name) => !isDone(name));
  await until(
    () => open().length === 0,
    () =>
      `${open().join(', ')} would end, found ${open()
        .map((name) => JSON.stringify(readStatus(engine.state, name)))
        .join()}\n${engine.report()}`,
    30_000,
  );
  const problems = round.others.flatMap((plan) => violations(engine.state, engine.ledger, plan));
  for (const [target, plan] of round.victims) {
    const overlaps = engine.ledger.read(plan.name).filter(({ word }) => word === 'overlap');
    problems.push(...overlaps.map(({ node }) => `I4 ${node} of ${plan.name} ran twice at a time`));
    if (target.isView) problems.push(...violations(engine.state, engine.ledger, plan));
  }
  expect(problems).toEqual([]);
}

describe('files', () => {
  test.each(DAMAGES)('$name while runs go on', async (damage) => {
    const up = await engine.up(...UP);
    const round = await begin();
    hurt(round, damage);
    await check(round);
    expect(up.output).not.toMatch(/died/);
  });

  // Pipes only while somebody serves: not yet survived at rest.
  const atRest = DAMAGES.filter(({ name }) => name !== 'replaced by a pipe');
  test.each(atRest)('$name while nobody serves the directory', async (damage) => {
    const up = await engine.up(...UP);
    const round = await begin();
    await killAll(up);
    hurt(round, damage);
    const next = await engine.up(...UP);
    await check(round);
    expect(next.output).not.toMatch(/died/);
  });
});

async function killAll(up: Started): Promise<void> {
  kill(up.pid, 'SIGKILL');
  await until(
    () => engine.survey().every(({ role }) => !['up', 'controller', 'worker'].includes(role)),
    () => 'all that served is dead',
  );
}
