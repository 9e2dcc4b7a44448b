// A run as one value that loads faster than its journal, and back again.
//
// Only what cannot be derived is kept: states, attempts, times, data. Counters, queues and timers follow from it,
// so a snapshot can never disagree with them.

import { countPredecessor, makeChange } from './change.ts';
import type { Json, JsonObject } from './json.ts';
import { type Attempt, type EndedBecause, type Node, type NodeState } from './node.ts';
import { judge } from './apply.ts';
import { type Growth, type Restart, Run, type RunEnd } from './run.ts';
import type { Registration, TaskError } from './task.ts';

const FORMAT = 1;

interface NodeRecord {
  state: NodeState;
  attempts: number;
  attemptsBefore: number;
  retriesUsed: number[];
  losses: number;
  current: Attempt | null;
  round: number;
  due: number | null;
  isTimerWall: boolean;
  startedAt: number | null;
  finishedAt: number | null;
  worker: string | null;
  output: Json;
  error: TaskError | null;
  isHandled: boolean;
  endedBecause: EndedBecause;
}

interface RunRecord {
  format: number;
  registration: Registration;
  growth: Growth[];
  startedAt: number;
  updatedAt: number;
  time: number;
  end: RunEnd | null;
  isSuspended: boolean;
  suspendedAt: number | null;
  isCancelRequested: boolean;
  isFailing: boolean;
  firstFailure: string | null;
  restarts: Restart[];
  nonces: [string, string | null][];
  rounds: number;
  consumedSignals: string[];
  /** Only nodes that something happened to. */
  nodes: [string, Partial<NodeRecord>][];
}

const FRESH: NodeRecord = {
  state: 'PENDING',
  attempts: 0,
  attemptsBefore: 0,
  retriesUsed: [],
  losses: 0,
  current: null,
  round: 0,
  due: null,
  isTimerWall: false,
  startedAt: null,
  finishedAt: null,
  worker: null,
  output: null,
  error: null,
  isHandled: false,
  endedBecause: null,
};

export function freeze(run: Run): JsonObject {
  const record: RunRecord = {
    format: FORMAT,
    registration: run.registration,
    growth: run.growth,
    startedAt: run.startedAt,
    updatedAt: run.updatedAt,
    time: run.time,
    end: run.end,
    isSuspended: run.isSuspended,
    suspendedAt: run.suspendedAt,
    isCancelRequested: run.isCancelRequested,
    isFailing: run.isFailing,
    firstFailure: run.firstFailure?.id ?? null,
    restarts: [...run.restarts],
    nonces: [...run.nonces],
    rounds: run.rounds,
    consumedSignals: [...run.consumedSignals],
    nodes: [...run.nodes.values()].flatMap((node) => freezeNode(node)),
  };
  return record as unknown as JsonObject;
}

function freezeNode(node: Node): [string, Partial<NodeRecord>][] {
  const full: NodeRecord = { ...pick(node), due: node.timer?.due ?? null };
  const changed = Object.entries(full).filter(([name, value]) => {
    const fresh = FRESH[name as keyof NodeRecord];
    return Array.isArray(value) ? value.length > 0 : value !== fresh;
  });
  return changed.length === 0 ? [] : [[node.id, Object.fromEntries(changed)]];
}

function pick(node: Node): Omit<NodeRecord, 'due'> {
  const { state, attempts, attemptsBefore, retriesUsed, losses, current, round, isTimerWall } = node;
  const { startedAt, finishedAt, worker, output, error, isHandled, endedBecause } = node;
  return {
    state,
    attempts,
    attemptsBefore,
    retriesUsed,
    losses,
    current,
    round,
    isTimerWall,
    startedAt,
    finishedAt,
    worker,
    output,
    error,
    isHandled,
    endedBecause,
  };
}

/** Null when it is of another format or no snapshot at all; then the journal is read instead. */
export function thaw(data: JsonObject): Run | null {
  const record = data as unknown as RunRecord;
  if (record.format !== FORMAT) return null;
  const run = new Run(record.registration, record.startedAt, record.time);
  makeChange(run, record.registration.change, null);
  for (const { by, change } of record.growth) makeChange(run, change, by);
  Object.assign(run, {
    growth: record.growth,
    updatedAt: record.updatedAt,
    end: record.end,
    isSuspended: record.isSuspended,
    suspendedAt: record.suspendedAt,
    isCancelRequested: record.isCancelRequested,
    isFailing: record.isFailing,
    rounds: record.rounds,
  });
  run.restarts.push(...record.restarts);
  for (const uid of record.consumedSignals) run.consumedSignals.add(uid);
  for (const [nonce, answer] of record.nonces) run.nonces.set(nonce, answer);
  for (const [id, fields] of record.nodes) {
    const node = run.nodes.get(id);
    if (node !== undefined) thawNode(run, node, { ...FRESH, ...fields });
  }
  run.firstFailure = record.firstFailure === null ? null : (run.nodes.get(record.firstFailure) ?? null);
  settle(run);
  return run;
}

function thawNode(run: Run, node: Node, record: NodeRecord): void {
  const { due, ...fields } = record;
  run.counts[node.state] -= 1;
  run.counts[fields.state] += 1;
  Object.assign(node, fields);
  const { current } = node;
  if (due !== null) {
    node.timer = { due, owner: node };
    (node.isTimerWall ? run.wallTimers : run.timers).add(node.timer);
  }
  if (current === null) return;
  const { executor } = node.task;
  if (current.fence !== null) run.leases.set(current.fence, node);
  if (current.fence !== null || executor.type === 'mock') run.active += 1;
}

/** Counters, queues and waits, from the states. */
function settle(run: Run): void {
  for (const node of run.nodes.values()) {
    node.open = 0;
    node.succeeded = 0;
    node.failed = 0;
    for (const predecessor of node.predecessors) countPredecessor(predecessor, node);
  }
  const waiting = [...run.nodes.values()].filter(
    (node) => node.current !== null && node.task.executor.type === 'signal',
  );
  waiting.sort((left, right) => (left.startedAt ?? 0) - (right.startedAt ?? 0));
  for (const node of waiting) {
    if (node.task.executor.type !== 'signal') continue;
    const { name } = node.task.executor;
    run.signalWaits.set(name, (run.signalWaits.get(name) ?? new Set()).add(node));
  }
  for (const node of run.nodes.values()) {
    if (node.state === 'RETRYING' && node.current === null && node.timer === null)
      (node.isInline ? run.inlineReady : run.queue).add(node);
    else judge(run, node);
  }
}
