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
  /** Null: another node adds it. */
  readonly manifest: object | null;
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
    const shapes = [
      'diamond',
      'chain',
      'retrying',
      'calling',
      'hanging',
      'doomed',
      'tough',
      'machine',
      'undone',
      'growing',
    ] as const;
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

  /**
   * A state machine that goes round, forks and maps. Its last choice looks at all that was computed: with anything lost or doubled on the
   * way the run would end Failed.
   */
  machine(name: string): PlannedRun {
    const call = (id: string, fails: number, ...dependencies: string[]): PlannedNode => ({
      ...this.#call(id, fails, ...dependencies),
      retries: fails,
    });
    const work = (more: object): object => ({
      type: 'Task',
      call: { module: this.#ledger.module, export: 'work' },
      parameters: { pauseMs: Math.round(Number(this.#seconds()) * 1000), fails: 0 },
      retry: { maxAttempts: 2, intervalSeconds: 0 },
      ...more,
    });
    const branch = (id: string, fails: number): object => ({
      startAt: id,
      states: { [id]: work({ parameters: { pauseMs: 20, fails }, end: true }) },
    });
    const item = work({ parameters: { pauseMs: 10, 'fails.$': '$' }, end: true });
    const states = {
      begin: { type: 'Pass', result: { n: 0, items: [0, 1, 2] }, next: 'work' },
      work: work({ resultPath: '$.worked', next: 'add' }),
      add: { type: 'Pass', parameters: { 'n.$': 'States.MathAdd($.n, 1)' }, resultPath: '$.sum', next: 'take' },
      take: { type: 'Pass', inputPath: '$.sum.n', resultPath: '$.n', next: 'more' },
      more: { type: 'Choice', choices: [{ variable: '$.n', numericLessThan: 3, next: 'work' }], default: 'fork' },
      fork: {
        type: 'Parallel',
        branches: [branch('left', 1), branch('right', 0)],
        resultPath: '$.forked',
        next: 'each',
      },
      each: {
        type: 'Map',
        itemsPath: '$.items',
        maxConcurrency: 2,
        itemProcessor: { startAt: 'item', states: { item } },
        resultPath: '$.mapped',
        next: 'check',
      },
      check: {
        type: 'Choice',
        choices: [
          {
            and: [
              { variable: '$.n', numericEquals: 3 },
              { variable: '$.forked[0].fails', numericEquals: 1 },
              { variable: '$.mapped[2].fails', numericEquals: 2 },
            ],
            next: 'right-data',
          },
        ],
        default: 'wrong-data',
      },
      'right-data': { type: 'Success' },
      'wrong-data': { type: 'Fail', error: 'WrongData' },
    };
    const nodes = [
      call('work', 0),
      call('work#2', 0, 'work'),
      call('work#3', 0, 'work#2'),
      call('fork/0/left', 1, 'work#3'),
      call('fork/1/right', 0, 'work#3'),
      ...[0, 1, 2].map((index) => call(`each/${index}/item`, index, 'fork/0/left', 'fork/1/right')),
    ];
    return planOf(name, 'Succeeded', nodes, { startAt: 'begin', states });
  }

  /** Fails at the end, and undoes what it did, the last that was done first. */
  undone(name: string): PlannedRun {
    const task = (more: object): object => ({
      type: 'Task',
      ...this.#command('ok'),
      compensate: this.#command('ok'),
      ...more,
    });
    const states = {
      a: task({ next: 'b' }),
      b: task({ next: 'c' }),
      c: { type: 'Task', ...this.#command('never'), retry: { maxAttempts: 1, intervalSeconds: 0 }, end: true },
    };
    const nodes = [
      this.#ok('a'),
      this.#ok('b', 'a'),
      this.#node('c', ['b'], {}, { ends: 'FAILED', retries: 1 }),
      this.#ok('compensate/b', 'b'),
      this.#ok('compensate/a', 'compensate/b'),
    ];
    return planOf(name, 'Failed', nodes, { startAt: 'a', states });
  }

  /** A task that adds nodes one by one, and is told each time. */
  growing(name: string): PlannedRun {
    return plan(name, [this.#ok('a'), ...this.#grow('b', ['a'], ['x', 'y', 'z'])], this.#templates());
  }

  /** All that a lease can go through, and soon over: success, failure and retry, timeout and stop, and a conversation. */
  golden(name: string): PlannedRun {
    const hang = this.#node('c', ['a'], { ...this.#command('hang'), timeoutSeconds: 0.4 }, { retries: 3 });
    const nodes = [this.#ok('a'), this.#flaky('b', 1, 'a'), hang, this.#ok('d', 'b', 'c')];
    return plan(name, [...nodes, ...this.#grow('e', ['a'], ['x'])], this.#templates());
  }

  /** A task that speaks, and the nodes that it adds. */
  #grow(id: string, dependencies: readonly string[], added: readonly string[]): PlannedNode[] {
    const exec = [this.#ledger.program, 'grow', this.#seconds(), ...added];
    const node = (own: string): PlannedNode => ({ ...this.#node(own, [id], {}, {}), manifest: null });
    return [this.#node(id, dependencies, { exec, messages: true }, {}), ...added.map(node)];
  }

  #templates(): object[] {
    return [{ id: 'work', exec: [this.#ledger.program, 'ok', this.#seconds()] }];
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

function plan(name: string, nodes: readonly PlannedNode[], templates: readonly object[] = []): PlannedRun {
  const phase = nodes.every(({ ends }) => ends === 'SUCCESS') ? 'Succeeded' : 'Failed';
  const tasks = nodes.flatMap(({ manifest }) => manifest ?? []);
  const more = templates.length === 0 ? {} : { templates };
  return planOf(name, phase, nodes, { failurePolicy: 'Continue', tasks, ...more });
}

function planOf(name: string, phase: PlannedRun['phase'], nodes: readonly PlannedNode[], workflow: object): PlannedRun {
  const manifest = {
    apiVersion: 'oarlock.dev/v1',
    kind: 'WorkflowRun',
    metadata: { name },
    spec: { workflow },
  };
  return { name, phase, nodes, text: `${JSON.stringify(manifest, null, 1)}\n` };
}
