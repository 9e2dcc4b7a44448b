// kill -9 at random moments, of everything that is there to be killed, while a stream of small workflows goes through; then what must hold.
//
// OARLOCK_CRASH_KILLS sets how many (default 200), OARLOCK_CRASH_SEED the seed that an earlier run printed. The same seed makes the same
// decisions; the moments depend on the machine.

import { afterEach, expect, test } from 'vitest';
import { isOver, readStatus, violations } from '../support/crash/checks.ts';
import { Engine, type Found, kill, tick } from '../support/crash/engine.ts';
import { type Chance, Flows, pick, type PlannedRun, seeded } from '../support/crash/flows.ts';

const KILLS = Number(process.env['OARLOCK_CRASH_KILLS'] ?? 200);
const SEED = Number(process.env['OARLOCK_CRASH_SEED'] ?? Date.now() % 1_000_000);
/** Runs under way at a time. */
const ACTIVE = 5;
/** Between two kills: about three a second, which leaves the engine time to start again and be killed in everything that it does. */
const LONGEST_PAUSE_MS = 600;

const engine = new Engine();
afterEach(() => engine.close());

/** How often each is the victim, of a hundred. */
const VICTIMS = { worker: 36, controller: 22, shell: 18, host: 7, task: 10, up: 7 } as const;
type Victim = keyof typeof VICTIMS;

function pickVictim(chance: Chance): Victim {
  let rest = chance() * 100;
  for (const [victim, weight] of Object.entries(VICTIMS)) {
    rest -= weight;
    if (rest < 0) return victim as Victim;
  }
  return 'worker';
}

class Soak {
  readonly #chance = seeded(SEED);
  readonly #flows = new Flows(engine.ledger, this.#chance);
  readonly plans: PlannedRun[] = [];
  readonly kills = new Map<Victim, number>();
  /** What was published when a run was first seen over. */
  readonly #ends = new Map<string, string>();
  #active: PlannedRun[] = [];

  async run(): Promise<void> {
    await engine.up('--workers', '2', '--slots', '2');
    for (let killed = 0, missed = 0; killed < KILLS; ) {
      this.#feed();
      await tick(this.#chance() * LONGEST_PAUSE_MS);
      const isHit = await this.#strike(pickVictim(this.#chance));
      killed += isHit ? 1 : 0;
      missed = isHit ? 0 : missed + 1;
      if (missed > 200) throw new Error(`there is nothing to kill; what the engine said:\n${engine.report()}`);
    }
    await engine.untilOver(this.plans);
    this.#note();
  }

  /** Keeps runs under way. */
  #feed(): void {
    this.#note();
    this.#active = this.#active.filter(({ name }) => !this.#ends.has(name));
    while (this.#active.length < ACTIVE) {
      const plan = this.#flows.any(`r${String(this.plans.length + 1).padStart(4, '0')}`);
      this.plans.push(plan);
      this.#active.push(plan);
      engine.submit(plan);
    }
  }

  #note(): void {
    for (const { name } of this.plans)
      if (!this.#ends.has(name) && isOver(engine.state, name)) this.#ends.set(name, this.#published(name));
  }

  #published(name: string): string {
    const { phase, completionTime } = readStatus(engine.state, name) ?? { phase: 'nothing' };
    return `${phase} at ${completionTime}`;
  }

  /** I7, as people see it. */
  changedEnds(): string[] {
    return [...this.#ends].flatMap(([name, end]) =>
      this.#published(name) === end ? [] : [`I7 run ${name} was ${end}, and is ${this.#published(name)}`],
    );
  }

  async #strike(victim: Victim): Promise<boolean> {
    const living = engine.survey();
    const candidates = living.filter((found) => found.role === victim && this.#mayDie(found));
    if (candidates.length === 0) return false;
    const chosen = pick(this.#chance, candidates);
    if (!kill(chosen.pid, 'SIGKILL')) return false;
    // Of a task, also what it had started: a copy of it is all of them.
    if (victim === 'task') for (const { pid, fence } of living) if (fence === chosen.fence) kill(pid, 'SIGKILL');
    this.kills.set(victim, (this.kills.get(victim) ?? 0) + 1);
    if (victim === 'up') await engine.up('--workers', '2', '--slots', '2');
    return true;
  }

  /** A task that is killed has failed; only those that are made for it are. */
  #mayDie({ role, run, node }: Found): boolean {
    if (role !== 'task') return true;
    const plan = this.plans.find(({ name }) => name === run);
    return plan?.nodes.find(({ id }) => id === node)?.mayBeKilled === true;
  }
}

test(`${KILLS} random kills lose nothing and double nothing`, { timeout: 400_000 }, async () => {
  process.stdout.write(`seed: OARLOCK_CRASH_SEED=${SEED} OARLOCK_CRASH_KILLS=${KILLS}\n`);
  const since = performance.now();
  const soak = new Soak();
  await soak.run();
  const seconds = ((performance.now() - since) / 1000).toFixed(0);
  const kills = [...soak.kills].map(([victim, count]) => `${count} ${victim}`).join(', ');
  const entries = soak.plans.flatMap(({ name }) => engine.ledger.read(name));
  const starts = entries.filter(({ word }) => word === 'start').length;
  process.stdout.write(`${kills}; ${soak.plans.length} runs, ${starts} attempts in ${seconds} s\n`);
  expect([
    ...soak.plans.flatMap((plan) => violations(engine.state, engine.ledger, plan)),
    ...soak.changedEnds(),
  ]).toEqual([]);
  await engine.end();
  await engine.isQuiet();
  expect(engine.leftovers()).toEqual([]);
});
