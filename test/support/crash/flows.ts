// Small workflows and what must become of them, whatever is killed meanwhile.
//
// Owns: shapes, and the oracle: the state in which each node has to end. The oracle follows from how the tasks are made (ledger.ts) and
// from the trigger rules of the design; nothing of the engine is asked.

import type { Ledger } from './ledger.ts';

export interface PlannedNode {
  readonly id: string;
  readonly dependencies: readonly string[];
  readonly ends: 'SUCCESS' | 'FAILED' | 'SKIPPED';
  /** Failures that are followed by another attempt. */
  readonly retries: number;
  /** Its processes may be killed one by one: such a death is a failure of the task, and there are retries enough. */
  readonly mayBeKilled: boolean;
  readonly manifest: object;
}

export interface PlannedRun {
  readonly name: string;
  readonly phase: 'Succeeded' | 'Failed';
  readonly nodes: readonly PlannedNode[];
  /** The document for workflowruns/. JSON is YAML. */
  readonly text: string;
}

/** The same numbers for the same seed. */
export type Chance = () => number;

/** mulberry32. */
export function seeded(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(chance: Chance, items: readonly T[]): T {
  const item = items[Math.floor(chance() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

const KILLED_RETRIES = 20;

export class Flows {
  readonly #ledger: Ledger;
  readonly #chance: Chance;
  /** Longest pause of a task, in seconds. */
  readonly #pause: number;

  constructor(ledger: Ledger, chance: Chance, pause = 0.25) {
    this.#ledger = ledger;
    this.#chance = chance;
    this.#pause = pause;
  }

  /** A run of a shape that chance picks. */
  any(name: string): PlannedRun {
    const shapes = ['diamond', 'chain', 'retrying', 'calling', 'hanging', 'doomed', 'tough'] as const;
    return this[pick(this.#chance, shapes)](name);
  }

  diamond(name: string): PlannedRun {
    return plan(name, [this.#ok('a'), this.#ok('b', 'a'), this.#ok('c', 'a'), this.#ok('d', 'b', 'c')]);
  }

  chain(name: string): PlannedRun {
    return plan(name, [this.#ok('a'), this.#ok('b', 'a'), this.#ok('c', 'b'), this.#ok('d', 'c'), this.#ok('e', 'd')]);
  }

  retrying(name: string): PlannedRun {
    return plan(name, [
      this.#flaky('a', 1),
      this.#flaky('b', 2, 'a'),
      this.#ok('c', 'a'),
      this.#flaky('d', 1, 'b', 'c'),
    ]);
  }

  calling(name: string): PlannedRun {
    return plan(name, [this.#call('a', 0), this.#call('b', 1, 'a'), this.#ok('c', 'a'), this.#call('d', 0, 'b', 'c')]);
  }

  /** Its first attempt hangs until its timeout, or until something is killed. */
  hanging(name: string): PlannedRun {
    const hang = this.#node('b', ['a'], { ...this.#command('hang'), timeoutSeconds: 1 }, { retries: KILLED_RETRIES });
    return plan(name, [this.#ok('a'), hang, this.#ok('c', 'b')]);
  }

  /** One branch fails for good; the other goes on. */
  doomed(name: string): PlannedRun {
    const never = this.#node('b', ['a'], this.#command('never'), { ends: 'FAILED', retries: 1 });
    const after = this.#node('c', ['b'], this.#command('ok'), { ends: 'SKIPPED' });
    return plan(name, [this.#ok('a'), never, after, this.#ok('d', 'a'), this.#ok('e', 'd')]);
  }

  tough(name: string): PlannedRun {
    const tough = (id: string, ...dependencies: string[]): PlannedNode =>
      this.#node(id, dependencies, this.#command('ok'), { retries: KILLED_RETRIES, mayBeKilled: true });
    return plan(name, [tough('a'), tough('b', 'a'), tough('c', 'a'), this.#ok('d', 'b', 'c')]);
  }

  /** All that a lease can go through, and soon over: success, failure and retry, timeout and stop. */
  golden(name: string): PlannedRun {
    const hang = this.#node('c', ['a'], { ...this.#command('hang'), timeoutSeconds: 0.4 }, { retries: 3 });
    return plan(name, [this.#ok('a'), this.#flaky('b', 1, 'a'), hang, this.#ok('d', 'b', 'c')]);
  }

  /** Nodes that wait for nothing but a slot, each for so long. */
  wide(name: string, count: number, seconds: number): PlannedRun {
    const exec = [this.#ledger.program, 'ok', String(seconds)];
    return plan(
      name,
      Array.from({ length: count }, (_, index) => this.#node(`n${index + 1}`, [], { exec }, {})),
    );
  }

  #ok(id: string, ...dependencies: string[]): PlannedNode {
    return this.#node(id, dependencies, this.#command('ok'), {});
  }

  #flaky(id: string, fails: number, ...dependencies: string[]): PlannedNode {
    return this.#node(id, dependencies, this.#command('flaky', fails), { retries: fails });
  }

  #call(id: string, fails: number, ...dependencies: string[]): PlannedNode {
    const call = { module: this.#ledger.module, export: 'work' };
    const input = { pauseMs: Math.round(Number(this.#seconds()) * 1000), fails };
    return this.#node(id, dependencies, { call, with: input }, { retries: fails });
  }

  /** The same program in each way in which a slot runs one (worker/keeper.ts). */
  #command(...words: readonly (string | number)[]): object {
    const [mode = 'ok', ...rest] = words;
    const argv = [this.#ledger.program, String(mode), this.#seconds(), ...rest.map(String)];
    const text = argv.join(' ');
    return pick(this.#chance, [
      { exec: argv },
      { command: text },
      { command: `${text} && :` },
      { command: `: $$; ${text}` },
    ]);
  }

  #seconds(): string {
    return (this.#chance() * this.#pause).toFixed(2);
  }

  #node(
    id: string,
    dependencies: readonly string[],
    executor: object,
    more: Partial<Pick<PlannedNode, 'ends' | 'retries' | 'mayBeKilled'>>,
  ): PlannedNode {
    const { ends = 'SUCCESS', retries = 0, mayBeKilled = false } = more;
    const manifest = { id, ...executor, dependencies, maxRetries: retries };
    return { id, dependencies, ends, retries, mayBeKilled, manifest };
  }
}

function plan(name: string, nodes: readonly PlannedNode[]): PlannedRun {
  const phase = nodes.every(({ ends }) => ends === 'SUCCESS') ? 'Succeeded' : 'Failed';
  const tasks = nodes.map(({ manifest }) => manifest);
  const manifest = {
    apiVersion: 'oarlock.dev/v1',
    kind: 'WorkflowRun',
    metadata: { name },
    spec: { workflow: { failurePolicy: 'Continue', tasks } },
  };
  return { name, phase, nodes, text: `${JSON.stringify(manifest, null, 1)}\n` };
}
