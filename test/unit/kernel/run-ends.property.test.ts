// How runs end, what a restart touches, and what nonsense in a journal does: nothing.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply, newRun } from '../../../kernel/apply.ts';
import { decide } from '../../../kernel/decide.ts';
import type { RunEvent, RunEventType } from '../../../kernel/events.ts';
import type { Node } from '../../../kernel/node.ts';
import { idempotencyKey, type Run } from '../../../kernel/run.ts';
import type { NodeSpec, Trigger } from '../../../kernel/task.ts';
import { COMMAND, registration } from '../../support/graph-text.ts';
import { Driver, failure, SUCCESS } from '../../support/kernel-driver.ts';
import { dump, dumpNode, expectedStates, expectSame, isEnded, problemsOf } from '../../support/kernel-oracle.ts';
import { graphs, play, TRIGGERS, type World, worlds } from '../../support/kernel-world.ts';

const RUNS = { numRuns: 500 };

describe('the end', () => {
  test('every run that is driven fairly ends, whatever happened before', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { run } = play(world).finish();
        const nodes = [...run.nodes.values()];
        expect(nodes.filter((node) => !isEnded(node))).toEqual([]);
        expect(problemsOf(run)).toEqual([]);
        const failed = nodes.some((node) => node.state === 'FAILED' && !node.isHandled);
        expect(run.end?.phase).toBe(run.isCancelRequested ? 'Cancelled' : failed ? 'Failed' : 'Succeeded');
        expect(decide(run, { time: run.time + 1e9, wall: run.updatedAt + 1e9 })).toEqual([]);
      }),
      RUNS,
    );
  });

  const plain = graphs(
    fc.constantFrom(...TRIGGERS).map((trigger) => ({ executor: COMMAND, trigger })),
    10,
  );
  const plans = fc.record({
    nodes: plain,
    failing: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }).map((list) => new Set(list.map((index) => `n${index}`))),
    order: fc.array(fc.nat(), { maxLength: 40, size: 'max' }),
  });

  test('under Continue each node ends as its trigger and its predecessors say, in whatever order work is done', () => {
    fc.assert(
      fc.property(plans, ({ nodes, failing, order }) => {
        const { run } = inOrder(new Driver(registration({ nodes }, { failurePolicy: 'Continue' })), failing, order);
        const expected = expectedOf(nodes, failing);
        expect(new Map(Array.from(run.nodes.values(), ({ id, state }) => [id, state]))).toEqual(expected);
        const hasFailed = [...expected.values()].includes('FAILED');
        expect(run.end?.phase).toBe(hasFailed ? 'Failed' : 'Succeeded');
      }),
      RUNS,
    );
  });

  test('under FailFast what started ends by itself and all the rest is skipped', () => {
    fc.assert(
      fc.property(plans, ({ nodes, failing, order }) => {
        const { run, journal } = inOrder(new Driver(registration({ nodes })), failing, order);
        const started = new Set(journal.flatMap((event) => (event.type === 'Claimed' ? [event.node] : [])));
        const first = journal.findIndex((event) => event.type === 'Ended' && event.outcome.result === 'Failure');
        for (const { id, state } of run.nodes.values())
          expect(`${id} ${state}`).toBe(
            `${id} ${!started.has(id) ? 'SKIPPED' : failing.has(id) ? 'FAILED' : 'SUCCESS'}`,
          );
        if (first === -1) {
          expect(new Map(Array.from(run.nodes.values(), ({ id, state }) => [id, state]))).toEqual(
            expectedOf(nodes, failing),
          );
          expect(run.end?.phase).toBe('Succeeded');
        } else {
          expect(journal.slice(first).filter(({ type }) => type === 'Offered')).toEqual([]);
          expect(run.end?.phase).toBe('Failed');
          expect(run.firstFailure?.id).toBe((journal[first] as { node: string }).node);
        }
      }),
      RUNS,
    );
  });
});

describe('order', () => {
  test('two neighbouring events about nodes that are not connected may come in either order', () => {
    let swapped = 0;
    fc.assert(
      fc.property(worlds, fc.nat(), (world, pick) => {
        const { journal } = play(withoutOrder(world), undefined, ['restart', 'grow']);
        const whole = fold(journal);
        const places = journal.flatMap((_, at) => (areIndependent(whole, journal[at], journal[at + 1]) ? [at] : []));
        const at = places[pick % Math.max(1, places.length)];
        if (at === undefined) return;
        swapped += 1;
        const other = [...journal];
        [other[at], other[at + 1]] = [journal[at + 1] as RunEvent, journal[at] as RunEvent];
        expectSame(withoutFirst(fold(other)), withoutFirst(whole));
      }),
      { numRuns: 1000 },
    );
    expect(swapped).toBeGreaterThan(100);
  });
});

describe('restart', () => {
  test('touches the node, what follows, what was skipped or stopped by the failure and what they made, and nothing else', () => {
    fc.assert(
      fc.property(worlds, fc.nat(), (world, pick) => {
        const driver = play(world).finish();
        const { run } = driver;
        const ids = [...run.nodes.keys()];
        const id = ids[pick % ids.length] ?? '';
        const expected = expectedReset(run, id);
        const before = new Map(
          Array.from(run.nodes.values(), (node) => [node, [withoutEdges(node), idempotencyKey(run, node)]]),
        );
        driver.take({ type: 'RestartRequested', node: id, nonce: 'again' });
        const [event] = decide(run, driver.now);
        if (event === undefined) throw new Error('expected an answer to the restart');
        if (run.isCancelRequested) {
          expect(event.type).toBe('RestartRefused');
          return;
        }
        if (event.type !== 'RoundOpened') throw new Error(`expected a new round, found ${event.type}`);
        expect([...event.reset].sort()).toEqual(expected.reset);
        expect([...event.withdrawn].sort()).toEqual(expected.withdrawn);
        apply(run, event);
        expect(problemsOf(run)).toEqual([]);
        for (const [node, [words, key]] of before) {
          const isReset = expected.reset.includes(node.id);
          expect(run.nodes.has(node.id)).toBe(!expected.withdrawn.includes(node.id));
          if (isReset) expect([node.state, node.output, node.startedAt]).toEqual(['PENDING', null, null]);
          else expect(withoutEdges(node)).toEqual(words);
          expect(idempotencyKey(run, node) === key).toBe(!isReset);
        }
        driver.finish();
        expect(run.end).not.toBeNull();
      }),
      RUNS,
    );
  });
});

describe('nonsense', () => {
  const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
  const anyId = pick('n0', 'n1', 'n2', 'g0', 'nobody', '', '__proto__', 'constructor');
  const anyFence = pick('000001-00000001', '000001-00000002', '000001-00000003', 'never');
  const outcome = pick(
    SUCCESS,
    failure(),
    { result: 'Lost', message: '' } as const,
    { result: 'Stopped', reason: 'Timeout' } as const,
  );
  const stamp = { at: fc.constant(0), time: fc.constant(0) };
  const list = fc.array(anyId, { maxLength: 3 });
  const message = fc.record({ fence: anyFence, offset: fc.nat(), id: pick<string | number>(1, 'a') });
  const arbitraries: { [Type in RunEventType]: fc.Arbitrary<object> } = {
    Registered: fc.record({ registration: fc.constant(registration({ nodes: [] })) }),
    Offered: fc.record({ node: anyId, attempt: fc.nat({ max: 3 }), fence: anyFence, worker: pick('w') }),
    Withdrawn: fc.record({ node: anyId, fence: anyFence }),
    Claimed: fc.record({ node: anyId, fence: anyFence, slot: pick('s'), since: fc.nat() }),
    Stopping: fc.record({
      node: anyId,
      fence: anyFence,
      reason: pick('Timeout', 'Cancelled', 'Restarted', 'Stopped', 'Lost'),
    }),
    Ended: fc.record({ node: anyId, fence: anyFence, outcome }),
    InlineStarted: fc.record({ node: anyId, attempt: fc.nat({ max: 3 }), due: fc.nat() }),
    InlineEnded: fc.record({ node: anyId, outcome, signal: pick('s1') }),
    InputChecked: fc.record({ nodes: list }),
    Beat: fc.record({ node: anyId, signal: pick('s1') }),
    RetryDue: fc.record({ nodes: list }),
    Skipped: fc.record({ nodes: list, reason: pick('why not') }),
    NodesCancelled: fc.record({ nodes: list }),
    RetriesGivenUp: fc.record({ nodes: list }),
    Suspended: fc.record({}),
    Resumed: fc.record({}),
    CancelRequested: fc.record({}),
    RestartRequested: fc.record({ node: anyId, nonce: pick('1', '2') }),
    RestartRefused: fc.record({ node: anyId, nonce: pick('1', 'never'), message: pick('no') }),
    RoundOpened: fc.record({ node: anyId, nonce: pick('never'), reset: list, withdrawn: list }),
    Compensating: fc.record({
      nodes: list,
      end: fc.constant({ phase: 'Failed', reason: 'because', message: '' }),
    }),
    GraphChanged: fc.record({
      by: anyId,
      change: fc.record({
        nodes: fc.array(
          fc.record({
            id: anyId,
            task: pick<NodeSpec['task']>('M', 'none', { executor: COMMAND, when: '$$$' }),
            dependencies: list,
          }),
          { maxLength: 2 },
        ),
        edges: fc.array(fc.record({ from: anyId, to: anyId }), { maxLength: 2 }),
      }),
    }),
    ChangeRefused: fc.record({ by: anyId, reason: pick('no'), message }),
    Reported: fc.record({ node: anyId, message, output: pick<number | null>(1, null) }),
    PromiseBroken: fc.record({ promise: pick('noNewNodes'), by: pick('n0', null), reason: pick('no'), message }),
    RunEnded: fc.record({ phase: pick('Failed'), reason: pick('because'), message: pick('') }),
  };
  const garbage = fc
    .constantFrom(...(Object.keys(arbitraries) as RunEventType[]))
    .chain((type) =>
      fc
        .tuple(fc.record(stamp), arbitraries[type])
        .map(([when, rest]) => ({ ...when, ...rest, type }) as unknown as RunEvent),
    );

  test('whatever a journal holds, folding it neither throws nor breaks an index, and what has ended stays ended', () => {
    fc.assert(
      fc.property(worlds, fc.array(garbage, { maxLength: 12, size: 'max' }), (world, events) => {
        const { run } = play(world);
        for (const event of events) {
          const ended = [...run.nodes.values()].filter(isEnded);
          const before = ended.map((node) => node.state);
          apply(run, event);
          expect(problemsOf(run)).toEqual([]);
          expect(ended.map((node) => node.state)).toEqual(before);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('an event about a node, a fence or a restart that nobody knows changes nothing at all', () => {
    const strange = garbage.filter((event) => isStrange(event));
    fc.assert(
      fc.property(worlds, fc.array(strange, { minLength: 1, maxLength: 5 }), (world, events) => {
        const { run } = play(world);
        const before = dump(run);
        for (const event of events) apply(run, event);
        expectSame(dump(run), before);
      }),
      RUNS,
    );
  });
});

// --- helpers -------------------------------------------------------------------------------------

function fold(events: readonly RunEvent[]): Run {
  const [first, ...rest] = events;
  if (first?.type !== 'Registered') throw new Error('expected a journal that begins with Registered');
  const run = newRun(first);
  for (const event of rest) apply(run, event);
  return run;
}

/** Offers, claims and ends in the order that the numbers say, then fairly. */
function inOrder(driver: Driver, failing: ReadonlySet<string>, order: readonly number[]): Driver {
  const outcomeOf = (node: Node): typeof SUCCESS => (failing.has(node.id) ? failure() : SUCCESS);
  driver.settle();
  for (const number of order) {
    const leased = [...driver.run.leases.values()];
    const node = leased[Math.floor(number / 3) % Math.max(1, leased.length)];
    if (node === undefined || number % 3 === 0) driver.offer();
    else if (node.current?.slot === null) driver.claim(node);
    else driver.end(node, outcomeOf(node));
  }
  for (let rounds = 0; driver.run.end === null && rounds < 1000; rounds += 1) {
    driver.enforce();
    for (const node of Array.from(driver.run.leases.values())) {
      if (node.current?.slot === null) driver.claim(node);
      driver.end(node, outcomeOf(node));
    }
    driver.offer();
    driver.settle();
  }
  return driver;
}

function expectedOf(nodes: readonly NodeSpec[], failing: ReadonlySet<string>): Map<string, string> {
  const graph = new Map(nodes.map(({ id, dependencies }) => [id, new Set(dependencies)]));
  const triggers = new Map(nodes.map(({ id, task }) => [id, typeof task === 'string' ? undefined : task.trigger]));
  const triggerOf = (id: string): Trigger => triggers.get(id) ?? 'AllSuccess';
  return expectedStates(graph, triggerOf, (id) => !failing.has(id));
}

/** Where the order of failures and of looks at others does matter, and is meant to, is left out. */
function withoutOrder({ registration: made, moves }: World): World {
  const nodes = (made.change.nodes ?? []).map(({ id, task, dependencies = [] }) => {
    const { when: _when, ...rest } = task as Exclude<NodeSpec['task'], string>;
    return { id, task: rest, dependencies };
  });
  return { registration: { ...made, failurePolicy: 'Continue', change: { nodes } }, moves };
}

const SWAPPABLE: readonly RunEventType[] = ['Offered', 'Claimed', 'Withdrawn', 'Ended', 'InlineEnded', 'Stopping'];

function areIndependent(run: Run, left: RunEvent | undefined, right: RunEvent | undefined): boolean {
  if (left === undefined || right === undefined || !('node' in left) || !('node' in right)) return false;
  if (!SWAPPABLE.includes(left.type) || !SWAPPABLE.includes(right.type)) return false;
  if (('effect' in left && left.effect !== undefined) || ('effect' in right && right.effect !== undefined))
    return false;
  return !reaches(run, left.node, right.node) && !reaches(run, right.node, left.node);
}

function reaches(run: Run, from: string, to: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...Array.from(run.nodes.get(id)?.successors ?? [], (node) => node.id));
  }
  return false;
}

/** Without what says which of two came first. */
function withoutFirst(run: Run): unknown {
  const inOrder = [...run.nodes.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
  const nodes = inOrder.map((node) => ({ ...dumpNode(node), endedAs: 0 }));
  return { ...(dump(run) as object), firstFailure: null, nodes };
}

function withoutEdges(node: Node): unknown {
  const { predecessors: _p, successors: _s, open: _o, succeeded: _g, failed: _f, ...rest } = dumpNode(node);
  return rest;
}

/** By repetition until nothing is added. */
function expectedReset(run: Run, id: string): { reset: string[]; withdrawn: string[] } {
  const nodes = [...run.nodes.values()];
  const members = new Set(
    nodes.filter((node) => node.id === id || node.endedBecause === 'RunFailing').map((node) => node.id),
  );
  const isMade = (node: Node): boolean => node.createdBy !== null && members.has(node.createdBy);
  for (let size = -1; size !== members.size; ) {
    size = members.size;
    const isMember = (other: Node): boolean => members.has(other.id);
    for (const node of nodes) {
      const isWaitedFor = node.state === 'CANCELLED' && [...node.successors].some(isMember);
      if (isMade(node) || isWaitedFor || [...node.predecessors].some(isMember)) members.add(node.id);
    }
  }
  const sorted = (test: (node: Node) => boolean): string[] =>
    nodes
      .filter((node) => members.has(node.id) && test(node))
      .map((node) => node.id)
      .sort();
  return { reset: sorted((node) => !isMade(node)), withdrawn: sorted(isMade) };
}

function isStrange(event: RunEvent): boolean {
  if ('fence' in event) return event.fence === 'never' && event.type !== 'Offered';
  if (event.type === 'RoundOpened') return true;
  if (event.type === 'RestartRefused') return event.nonce === 'never';
  if (event.type === 'RetryDue' || event.type === 'Skipped' || event.type === 'NodesCancelled')
    return event.nodes.every((id) => ['nobody', '', '__proto__', 'constructor'].includes(id));
  if (event.type === 'InlineStarted' || event.type === 'InlineEnded') return ['nobody', ''].includes(event.node);
  return event.type === 'Registered';
}
