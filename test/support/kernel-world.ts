// Random worlds for a kernel: graphs of every kind of node, and moves of workers, people and time in any order.
//
// All randomness comes from fast-check; a world is plain data, so it shrinks and is printed when something fails.

import fc from 'fast-check';
import type { Effect } from '../../kernel/events.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Executor, GraphChange, NodeSpec, Outcome, Registration, TaskSpec, Trigger } from '../../kernel/task.ts';
import { type Choose, Driver, failure, LOST, SUCCESS, type Watch } from './kernel-driver.ts';
import { COMMAND, registration, WALL } from './graph-text.ts';

export interface World {
  readonly registration: Registration;
  readonly moves: readonly number[];
}

export const TRIGGERS: readonly Trigger[] = ['AllSuccess', 'AllDone', 'AnySuccess', 'AnyFailed'];

const executors: fc.Arbitrary<Executor> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(COMMAND) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('mock' as const),
      delaySeconds: fc.integer({ min: 0, max: 3 }),
      fail: fc.record({ times: fc.integer({ min: 0, max: 2 }) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 3 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      until: fc.integer({ min: -2, max: 5 }).map((seconds) => new Date(WALL + seconds * 1000).toISOString()),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('signal' as const), name: fc.constantFrom('go', 'stop') }) },
  { weight: 1, arbitrary: fc.constant({ type: 'inline' as const, name: 'Pass' }) },
);

const rules = fc.record({
  maxAttempts: fc.integer({ min: 0, max: 2 }),
  intervalSeconds: fc.integer({ min: 0, max: 2 }),
  jitter: fc.boolean(),
});

/** Present once in `of` times. */
function sometimes<T>(of: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: of - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const tasks: fc.Arbitrary<TaskSpec> = fc
  .record({
    executor: executors,
    trigger: sometimes(2, fc.constantFrom(...TRIGGERS)),
    retry: sometimes(2, fc.tuple(rules)),
    timeoutSeconds: sometimes(3, fc.integer({ min: 1, max: 3 })),
    inputSchema: sometimes(6, fc.constantFrom<JsonObject>({}, {}, { not: {} })),
    // Paths to nodes that need not come before: what was found true once must stay true.
    when: sometimes(
      6,
      fc.constantFrom('$.tasks.n0.state == "SUCCESS"', '$.tasks.n1.attempts < 2', '!$.tasks.n2.output'),
    ),
  })
  .map(({ executor, trigger, retry, timeoutSeconds, when, inputSchema }) => ({
    executor,
    ...(inputSchema === undefined ? {} : { inputSchema }),
    ...(trigger === undefined ? {} : { trigger }),
    ...(retry === undefined ? {} : { retry }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(when === undefined ? {} : { when }),
  }));

/** Each pair (from, to) with from before to is an edge or not, so there is no cycle. */
export function graphs(task: fc.Arbitrary<TaskSpec>, size: number): fc.Arbitrary<NodeSpec[]> {
  const node = fc.record({ task, from: fc.array(fc.nat(), { maxLength: 3 }) });
  return fc.array(node, { minLength: 1, maxLength: size, size: 'max' }).map((list) =>
    list.map(({ task: spec, from }, index) => {
      const dependencies = index === 0 ? [] : [...new Set(from.map((pick) => `n${pick % index}`))];
      return { id: `n${index}`, task: spec, ...(dependencies.length === 0 ? {} : { dependencies }) };
    }),
  );
}

export const worlds: fc.Arbitrary<World> = fc
  .record({
    nodes: graphs(tasks, 8),
    failurePolicy: fc.constantFrom('FailFast' as const, 'Continue' as const),
    parallelism: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    moves: fc.array(fc.maxSafeNat(), { maxLength: 80, size: 'max' }),
  })
  .map(({ nodes, failurePolicy, parallelism, moves }) => ({
    registration: registration(
      { nodes },
      { failurePolicy, ...(parallelism === undefined ? {} : { parallelism }), templates: { M: { executor: COMMAND } } },
    ),
    moves,
  }));

/** Numbers from one: each choice takes its part of it. */
function chooser(seed: number): Choose {
  let rest = seed;
  return (below) => {
    const pick = rest % below;
    rest = Math.floor(rest / below);
    return pick;
  };
}

/** `without`: kinds of moves that do not happen. */
export function play({ registration: made, moves }: World, watch?: Watch, without: readonly Kind[] = []): Driver {
  const driver = new Driver(made, watch);
  driver.settle();
  for (const seed of moves) move(driver, chooser(seed), without);
  return driver;
}

type Move = (driver: Driver, choose: Choose) => void;

export type Kind = 'work' | 'time' | 'signal' | 'suspend' | 'cancel' | 'restart' | 'grow';

/** How often, what for, and what. */
const MOVES: readonly (readonly [number, Kind, Move])[] = [
  [12, 'work', (driver) => void driver.offer()],
  [
    8,
    'work',
    (driver, choose) => withLease(driver, choose, (node) => void (node.current?.slot === null && driver.claim(node))),
  ],
  [12, 'work', (driver, choose) => withLease(driver, choose, (node) => endSomehow(driver, node, choose))],
  [
    2,
    'work',
    (driver, choose) =>
      withLease(driver, choose, (node) => void (node.current?.slot === null && driver.withdraw(node))),
  ],
  [3, 'work', (driver) => void driver.enforce()],
  [4, 'work', (driver) => void driver.checkInputs()],
  [3, 'time', (driver) => void driver.advanceToDue()],
  [3, 'time', (driver, choose) => void driver.advance(choose(4) * 500)],
  [1, 'time', (driver, choose) => void driver.advance(0, (choose(9) - 4) * 1000)],
  [2, 'signal', (driver, choose) => void driver.signal(choose(2) === 0 ? 'go' : 'stop')],
  [4, 'suspend', (driver, choose) => suspendOrResume(driver, choose)],
  [1, 'cancel', (driver, choose) => void (choose(8) === 0 && driver.take({ type: 'CancelRequested' }))],
  [1, 'restart', (driver, choose) => restart(driver, choose)],
  [
    4,
    'grow',
    (driver, choose) => withNode(driver, choose, (node) => void driver.grow(node.id, growth(driver, choose))),
  ],
  [4, 'work', (driver) => void driver.settle()],
];
const TOTAL = MOVES.reduce((sum, [weight]) => sum + weight, 0);

function move(driver: Driver, choose: Choose, without: readonly Kind[]): void {
  let pick = choose(TOTAL);
  for (const [weight, kind, act] of MOVES) {
    if (pick < weight) return without.includes(kind) ? undefined : act(driver, choose);
    pick -= weight;
  }
}

function withNode(driver: Driver, choose: Choose, act: (node: Node) => void): void {
  const nodes = [...driver.run.nodes.values()];
  const node = nodes[choose(nodes.length)];
  if (node !== undefined) act(node);
}

function withLease(driver: Driver, choose: Choose, act: (node: Node) => void): void {
  const leased = [...driver.run.leases.values()];
  const node = leased[choose(Math.max(1, leased.length))];
  if (node !== undefined) act(node);
}

function suspendOrResume(driver: Driver, choose: Choose): void {
  if (driver.run.isSuspended) driver.take({ type: 'Resumed' });
  else if (choose(6) === 0) driver.take({ type: 'Suspended' });
}

function restart(driver: Driver, choose: Choose): void {
  withNode(driver, choose, ({ id }) => {
    const node = choose(10) === 0 ? 'nobody' : id;
    driver.take({ type: 'RestartRequested', node, nonce: String(choose(5)) });
  });
}

function endSomehow(driver: Driver, node: Node, choose: Choose): void {
  const reason = node.current?.stopping ?? null;
  const stopped: readonly Outcome[] = reason === null ? [] : [{ result: 'Stopped', reason }];
  const outcomes = [...stopped, ...stopped, SUCCESS, SUCCESS, failure(), failure('Other'), LOST];
  const outcome = outcomes[choose(outcomes.length)] ?? SUCCESS;
  driver.end(node, outcome, choose(3) === 0 ? effect(driver, choose) : undefined);
}

function effect(driver: Driver, choose: Choose): Effect {
  const ids = [...driver.run.nodes.keys()];
  return {
    ...(choose(2) === 0 ? { handled: true } : {}),
    ...(choose(3) === 0 ? { output: [1] } : {}),
    ...(choose(2) === 0 ? { change: growth(driver, choose) } : {}),
    ...(choose(3) === 0 ? { stop: [ids[choose(ids.length)] ?? '', 'nobody'] } : {}),
  };
}

/** Mostly legal; what is not must be refused whole. */
function growth(driver: Driver, choose: Choose): GraphChange {
  const ids = [...driver.run.nodes.keys()];
  const any = (): string => ids[choose(ids.length)] ?? '';
  const id = `g${choose(8)}`;
  const dependencies = choose(2) === 0 ? [] : [any()];
  const kind = choose(5);
  const executor: Executor = choose(4) === 0 ? { type: 'signal', name: 'go' } : COMMAND;
  const task: TaskSpec | string =
    choose(3) === 0 ? 'M' : { executor, ...(choose(2) === 0 ? { when: '$.tasks.n0.output' } : {}) };
  if (kind === 0) return { edges: [{ from: any(), to: any() }] };
  const nodes = [{ id, task, dependencies }];
  return kind <= 2 ? { nodes } : { nodes, edges: [{ from: id, to: any() }] };
}
