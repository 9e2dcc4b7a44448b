// What must hold for a run, written down naively: scans and recounts, no counters. The kernel is checked against this.
//
// Owns: recounts of every index of a run, a canonical dump for comparisons, trigger rules by definition, and the end that a
// run must come to. Shares no code with kernel/ but its types.

import { expect } from 'vitest';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { Trigger } from '../../kernel/task.ts';

const ENDS = new Set(['SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED']);

export function isEnded(node: Node): boolean {
  return ENDS.has(node.state);
}

function isGood(node: Node): boolean {
  return node.state === 'SUCCESS' || (node.state === 'FAILED' && node.isHandled);
}

function isFailed(node: Node): boolean {
  return node.state === 'FAILED' && !node.isHandled;
}

/** May the node run, may it never, or is it too early to say? By the words of the design. */
export function verdict(node: Node): 'ready' | 'hopeless' | 'wait' {
  const before = [...node.predecessors];
  const allEnded = before.every(isEnded);
  const trigger: Trigger = node.task.trigger ?? 'AllSuccess';
  if (trigger === 'AllSuccess') {
    if (before.some((one) => isEnded(one) && !isGood(one))) return 'hopeless';
    return allEnded ? 'ready' : 'wait';
  }
  if (trigger === 'AllDone') return allEnded ? 'ready' : 'wait';
  if (trigger === 'AnySuccess' && (before.length === 0 || before.some(isGood))) return 'ready';
  if (trigger === 'AnyFailed' && before.some(isFailed)) return 'ready';
  return allEnded ? 'hopeless' : 'wait';
}

export function isMock(node: Node): boolean {
  return node.task.executor.type === 'mock';
}

function isInline(node: Node): boolean {
  return ['mock', 'wait', 'signal', 'inline'].includes(node.task.executor.type);
}

/** Attempts that use up parallelism, by definition. */
export function activeOf(run: Run): number {
  return [...run.nodes.values()].filter(
    (node) => node.current !== null && (node.current.fence !== null || isMock(node)),
  ).length;
}

/** Everything that is wrong with the indexes of a run; empty when it is sound. */
export function problemsOf(run: Run): string[] {
  const problems: string[] = [];
  const claim = (holds: boolean, text: string): void => {
    if (!holds) problems.push(text);
  };
  const nodes = [...run.nodes.values()];
  for (const [state, count] of Object.entries(run.counts))
    claim(count === nodes.filter((node) => node.state === state).length, `counts.${state} is ${count}`);
  claim(run.unfinished === nodes.filter((node) => !isEnded(node)).length, `unfinished is ${run.unfinished}`);
  claim(run.unjudged.length === 0, 'there are nodes to judge between events');
  claim(run.active === activeOf(run), `active is ${run.active}, expected ${activeOf(run)}`);
  const leases = new Map(nodes.flatMap((node) => (node.current?.fence == null ? [] : [[node.current.fence, node]])));
  claim(leases.size === run.leases.size, `leases: ${run.leases.size}, expected ${leases.size}`);
  for (const [fence, node] of run.leases) claim(leases.get(fence) === node, `lease ${fence} is not of ${node.id}`);
  for (const node of nodes) nodeProblems(run, node, claim);
  for (const [isWall, heap] of [[false, run.timers] as const, [true, run.wallTimers] as const]) {
    const due = nodes.flatMap((node) => (node.timer !== null && node.isTimerWall === isWall ? [node.timer.due] : []));
    const next = due.length === 0 ? undefined : Math.min(...due);
    claim(heap.next() === next, `next timer is ${String(heap.next())}, expected ${String(next)}`);
  }
  return problems;
}

type Claim = (holds: boolean, text: string) => void;

function nodeProblems(run: Run, node: Node, claim: Claim): void {
  const { id } = node;
  const before = [...node.predecessors];
  claim(node.open === before.filter((one) => !isEnded(one)).length, `${id}: open is ${node.open}`);
  claim(node.succeeded === before.filter(isGood).length, `${id}: succeeded is ${node.succeeded}`);
  claim(node.failed === before.filter(isFailed).length, `${id}: failed is ${node.failed}`);
  for (const one of before)
    claim(run.nodes.get(one.id) === one && one.successors.has(node), `${id}: strange predecessor ${one.id}`);
  for (const one of node.successors)
    claim(run.nodes.get(one.id) === one && one.predecessors.has(node), `${id}: strange successor ${one.id}`);
  queueProblems(run, node, claim);
  const { current, state, timer } = node;
  const { executor } = node.task;
  const waits = executor.type === 'signal' && run.signalWaits.get(executor.name)?.has(node) === true;
  claim(waits === (executor.type === 'signal' && current !== null), `${id}: waits for a signal: ${waits}`);
  if (state === 'RUNNING' || state === 'WAITING') claim(current !== null, `${id}: ${state} without an attempt`);
  if (isEnded(node)) claim(current === null && timer === null, `${id}: ended, with an attempt or a timer`);
  if (timer !== null) claim(Number.isFinite(timer.due), `${id}: due is ${timer.due}`);
  claim(node.losses <= 11, `${id}: lost ${node.losses} times`);
  const rules = node.task.retry ?? [];
  node.retriesUsed.forEach((used, index) =>
    claim(used <= (rules[index]?.maxAttempts ?? 0), `${id}: retried ${used} times by rule ${index}`),
  );
  if (state !== 'SKIPPED' && isEnded(node) && node.endedBecause !== null)
    claim(
      ['RunFailing', 'Stopped'].includes(node.endedBecause),
      `${id}: ${state}, and ended because ${node.endedBecause}`,
    );
}

function queueProblems(run: Run, node: Node, claim: Claim): void {
  const { id } = node;
  const lines = [run.queue, run.inlineReady, run.mockReady, run.toCheck];
  const inLine = lines.some((queue) => queue.has(node));
  const places = [...lines, run.toSkip].filter((queue) => queue.has(node)).length;
  claim(places <= 1, `${id}: stands in ${places} queues`);
  const asks = node.task.inputSchema !== undefined && !node.isInputChecked;
  if (inLine) claim(run.toCheck.has(node) === asks, `${id}: its input is to be checked: ${asks}`);
  if (run.queue.has(node)) claim(!isInline(node), `${id}: runs inline and is queued for a worker`);
  if (run.inlineReady.has(node)) claim(isInline(node) && !isMock(node), `${id}: is queued as wait or signal`);
  if (run.mockReady.has(node)) claim(isMock(node), `${id}: is queued as a mock`);
  if (node.state === 'RETRYING' && node.current === null)
    claim(inLine !== (node.timer !== null), `${id}: RETRYING with timer and queue, or with neither`);
  else if (node.state === 'PENDING' && node.current === null) {
    const judged = verdict(node);
    const hopeful = judged === 'ready' && node.task.when === undefined;
    if (hopeful) claim(inLine, `${id}: is ready and not queued`);
    if (judged === 'ready') claim(places === 1, `${id}: its trigger holds and it is in no queue`);
    if (judged === 'hopeless') claim(run.toSkip.has(node), `${id}: is hopeless and not to be skipped`);
    if (judged === 'wait') claim(places === 0, `${id}: must wait and is queued`);
  } else claim(places === 0, `${id}: ${node.state}, and queued`);
}

// --- comparing runs ------------------------------------------------------------------------------

/** Everything that two equal runs have in common, as plain data; the order within queues does not count. */
export function dump(run: Run): unknown {
  const ids = (nodes: Iterable<Node>): string[] => Array.from(nodes, ({ id }) => id).sort();
  return {
    end: run.end,
    times: [run.startedAt, run.updatedAt, run.time],
    flags: [run.isSuspended, run.suspendedAt, run.isCancelRequested, run.isFailing, run.rounds],
    firstFailure: run.firstFailure?.id ?? null,
    result: run.result?.id ?? null,
    undoing: run.undoing,
    brokenPromise: run.brokenPromise,
    endings: run.endings,
    restarts: run.restarts,
    nonces: [...run.nonces],
    consumedSignals: [...run.consumedSignals].sort(),
    counts: { ...run.counts },
    active: run.active,
    queue: ids(run.queue),
    inlineReady: ids(run.inlineReady),
    mockReady: ids(run.mockReady),
    toCheck: ids(run.toCheck),
    toSkip: ids(run.toSkip),
    leases: Array.from(run.leases, ([fence, node]) => `${fence} ${node.id}`).sort(),
    signalWaits: Object.fromEntries(
      [...run.signalWaits].flatMap(([name, waits]) => {
        const list = Array.from(waits, ({ id }) => id);
        return list.length === 0 ? [] : [[name, list]];
      }),
    ),
    growth: run.growth,
    nodes: [...run.nodes.values()].sort((left, right) => (left.id < right.id ? -1 : 1)).map((node) => dumpNode(node)),
  };
}

export function dumpNode(node: Node): { readonly [field: string]: unknown } {
  const { predecessors, successors, timer, current, rank: _derived, ...fields } = node;
  return {
    ...fields,
    predecessors: Array.from(predecessors, ({ id }) => id).sort(),
    successors: Array.from(successors, ({ id }) => id).sort(),
    due: timer?.due ?? null,
    isTimerWall: timer === null ? null : node.isTimerWall,
    current: current === null ? null : { ...current },
  };
}

/** Equal dumps; the slow comparison, which says where they differ, only when they do. */
export function expectSame(found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) expect(found).toEqual(expected);
}

// --- how a run must end --------------------------------------------------------------------------

/**
 * States at the end of a run under Continue in which every node that runs ends as `outcomes` says; nobody restarts, cancels or
 * grows it. Repeats one sweep over all nodes until nothing changes.
 */
export function expectedStates(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
  triggerOf: (id: string) => Trigger,
  isSuccess: (id: string) => boolean,
): Map<string, string> {
  const done = new Map<string, string>();
  for (let size = -1; size !== done.size; ) {
    size = done.size;
    for (const [id, before] of graph) {
      if (done.has(id) || ![...before].every((one) => done.has(one))) continue;
      const count = (state: string): number => [...before].filter((one) => done.get(one) === state).length;
      const runs = {
        AllSuccess: count('SUCCESS') === before.size,
        AllDone: true,
        AnySuccess: before.size === 0 || count('SUCCESS') > 0,
        AnyFailed: count('FAILED') > 0,
      }[triggerOf(id)];
      done.set(id, runs ? (isSuccess(id) ? 'SUCCESS' : 'FAILED') : 'SKIPPED');
    }
  }
  return done;
}
