// The crash suite's workload on the Postgres store: kill -9 of workers, the controller, the API, slots, tasks, `up`, and of the database
// server itself, while runs go through; then the same must hold as on files, and the tables must tell every step.
//
// OARLOCK_CRASH_PG_KILLS sets how many (default 20), OARLOCK_CRASH_SEED the seed.

import { afterEach, expect, test } from 'vitest';
import { type Found, kill, tick, until } from '../support/crash/engine.ts';
import { type Chance, Flows, pick, type PlannedRun, seeded } from '../support/crash/flows.ts';
import { PostgresEngine } from '../support/crash/postgres-engine.ts';

const KILLS = Number(process.env['OARLOCK_CRASH_PG_KILLS'] ?? 20);
const SEED = Number(process.env['OARLOCK_CRASH_SEED'] ?? Date.now() % 1_000_000);
const ACTIVE = 4;
const LONGEST_PAUSE_MS = 1_200;
const UP = ['--workers', '2', '--slots', '2', '--port', '0'];

const VICTIMS = { worker: 30, controller: 20, api: 5, shell: 14, host: 6, task: 8, postgres: 12, up: 5 } as const;
type Victim = keyof typeof VICTIMS;

let engine: PostgresEngine | null = null;
afterEach(async () => {
  await engine?.close();
  engine = null;
});

function pickVictim(chance: Chance): Victim {
  let rest = chance() * 100;
  for (const [victim, weight] of Object.entries(VICTIMS)) {
    rest -= weight;
    if (rest < 0) return victim as Victim;
  }
  return 'worker';
}

/** A task that is killed has failed; only those that are made for it are. */
function mayDie({ role, run, node }: Found, plans: readonly PlannedRun[]): boolean {
  if (role !== 'task') return true;
  const plan = plans.find(({ name }) => name === run);
  return plan?.nodes.find(({ id }) => id === node)?.mayBeKilled === true;
}

test(`${KILLS} random kills on Postgres lose nothing and double nothing`, { timeout: 400_000 }, async () => {
  process.stdout.write(`seed: OARLOCK_CRASH_SEED=${SEED} OARLOCK_CRASH_PG_KILLS=${KILLS}\n`);
  const since = performance.now();
  const place = await PostgresEngine.open(process.env['OARLOCK_TEST_POSTGRES']);
  engine = place;
  const chance = seeded(SEED);
  const flows = new Flows(place.engine.ledger, chance);
  const plans: PlannedRun[] = [];
  const kills = new Map<Victim, number>();
  let active: PlannedRun[] = [];
  await place.engine.up(...UP);
  for (let killed = 0; killed < KILLS; ) {
    const still: PlannedRun[] = [];
    for (const plan of active) if (!(await place.isOver(plan.name))) still.push(plan);
    active = still;
    while (active.length < ACTIVE) {
      const plan = flows.any(`r${String(plans.length + 1).padStart(4, '0')}`);
      plans.push(plan);
      active.push(plan);
      await place.submit(plan);
    }
    await tick(chance() * LONGEST_PAUSE_MS);
    const victim = pickVictim(chance);
    const living = place.engine.survey();
    const candidates = living.filter((found) => found.role === victim && mayDie(found, plans));
    if (candidates.length === 0) continue;
    const chosen = pick(chance, candidates);
    if (!kill(chosen.pid, 'SIGKILL')) continue;
    if (victim === 'task') for (const { pid, fence } of living) if (fence === chosen.fence) kill(pid, 'SIGKILL');
    kills.set(victim, (kills.get(victim) ?? 0) + 1);
    killed += 1;
    if (victim === 'up') await place.engine.up(...UP);
  }
  await place.untilOver(plans);
  const seconds = ((performance.now() - since) / 1000).toFixed(0);
  const told = [...kills].map(([victim, count]) => `${count} ${victim}`).join(', ');
  process.stdout.write(`${told}; ${plans.length} runs in ${seconds} s\n`);
  expect(await place.violations(plans)).toEqual([]);
  await place.engine.end();
});

test('what a stopped worker runs is ended before it runs elsewhere', { timeout: 120_000 }, async () => {
  const place = await PostgresEngine.open(process.env['OARLOCK_TEST_POSTGRES']);
  engine = place;
  await place.setLease(2_000, 1_500);
  await place.engine.up('--workers', '2', '--slots', '1', '--port', '0');
  const plan = new Flows(place.engine.ledger, seeded(1)).wide('long', 1, 4);
  await place.submit(plan);
  const starts = (): number => place.engine.ledger.read('long').filter(({ word }) => word === 'start').length;
  await until(
    () => starts() === 1,
    () => 'it runs',
  );
  const name = (await place.journal('long')).find(({ type }) => type === 'Offered')?.worker ?? '';
  const stopped = place.engine
    .survey()
    .find(({ role, command }) => role === 'worker' && command.includes(`--name ${name} `));
  kill(stopped?.pid ?? 0, 'SIGSTOP');
  await until(
    () => starts() === 2,
    () => 'it runs again',
  );
  kill(stopped?.pid ?? 0, 'SIGCONT');
  await place.untilOver([plan]);
  expect(await place.violations([plan])).toEqual([]);
  await place.engine.end();
});
