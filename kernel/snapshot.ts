// A run as one value that loads faster than its journal, and back again.
//
// Only what cannot be derived is kept: states, attempts, times, data. Counters, queues and timers follow from it,
// so a snapshot can never disagree with them.
//
// S1  a snapshot shares nothing with the run that could still change: it may be written long after it was taken.
// S2  a condition that was found true or false is kept, never looked at again: what it reads may be another by now.

import { makeChange, recount } from './change.ts';
import type { PlannedEnd } from './events.ts';
import type { Json, JsonObject } from './json.ts';
import { type Attempt, type EndedBecause, FRESH, type Node, type NodeState } from './node.ts';
import { waitForSignal } from './apply.ts';
import { hopeless, isReady, judge, route } from './ready.ts';
import { type BrokenPromise, type Growth, type Restart, Run, type RunEnd } from './run.ts';
import type { Registration, TaskError } from './task.ts';

const FORMAT = 1;

interface NodeRecord {
  state: NodeState;
  attempts: number;
  attemptsBefore: number;
  retriesUsed: number[];
  losses: number;
  input?: Json | undefined;
  current: Attempt | null;
  isInputChecked: boolean;
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
  endedAs: number;
  /** Its condition was found true and it has not started yet. */
  isConditionTrue: boolean;
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
  result?: string;
  restarts: Restart[];
  nonces: [string, string | null][];
  rounds: number;
  undoing?: PlannedEnd | null;
  brokenPromise?: BrokenPromise;
  endings?: number;
  consumedSignals: string[];
  /** Nodes that wait for a signal, for each name the oldest wait first. */
  waits: string[];
  /** Only nodes that something happened to. */
  nodes: [string, Partial<NodeRecord>][];
}

const NEW: Omit<NodeRecord, 'retriesUsed'> = {
  ...FRESH,
  state: 'PENDING',
  attempts: 0,
  attemptsBefore: 0,
  current: null,
  round: 0,
  due: null,
  isTimerWall: false,
  isConditionTrue: false,
};

export function freeze(run: Run): JsonObject {
  const record: RunRecord = {
    format: FORMAT,
    registration: run.registration,
    growth: [...run.growth],
    startedAt: run.startedAt,
    updatedAt: run.updatedAt,
    time: run.time,
    end: run.end,
    isSuspended: run.isSuspended,
    suspendedAt: run.suspendedAt,
    isCancelRequested: run.isCancelRequested,
    isFailing: run.isFailing,
    firstFailure: run.firstFailure?.id ?? null,
    ...(run.result === null ? {} : { result: run.result.id }),
    restarts: [...run.restarts],
    nonces: [...run.nonces],
    rounds: run.rounds,
    undoing: run.undoing,
    ...(run.brokenPromise === null ? {} : { brokenPromise: run.brokenPromise }),
    endings: run.endings,
    consumedSignals: [...run.consumedSignals],
    waits: [...run.signalWaits.values()].flatMap((waits) => Array.from(waits, ({ id }) => id)),
    nodes: [...run.nodes.values()].flatMap((node) => freezeNode(run, node)),
  };
  return record as unknown as JsonObject;
}

function freezeNode(run: Run, node: Node): [string, Partial<NodeRecord>][] {
  const full: NodeRecord = { ...pick(node), due: node.timer?.due ?? null, isConditionTrue: isConditionTrue(run, node) };
  const changed = Object.entries(full).filter(([name, value]) =>
    name === 'retriesUsed' ? node.retriesUsed.length > 0 : value !== NEW[name as keyof typeof NEW],
  );
  return changed.length === 0 ? [] : [[node.id, Object.fromEntries(changed)]];
}

function isConditionTrue(run: Run, node: Node): boolean {
  if (node.task.when === undefined || node.state !== 'PENDING') return false;
  return isReady(run, node);
}

function pick(node: Node): Omit<NodeRecord, 'due' | 'isConditionTrue'> {
  const { state, attempts, attemptsBefore, retriesUsed, losses, current, round, isTimerWall } = node;
  const { startedAt, finishedAt, worker, output, error, isHandled, endedBecause, endedAs, isInputChecked } = node;
  return {
    state,
    attempts,
    attemptsBefore,
    retriesUsed: [...retriesUsed],
    losses,
    input: node.input,
    current: current === null ? null : copyOf(current),
    isInputChecked,
    round,
    isTimerWall,
    startedAt,
    finishedAt,
    worker,
    output,
    error,
    isHandled,
    endedBecause,
    endedAs,
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
    growth: [...record.growth],
    updatedAt: record.updatedAt,
    end: record.end,
    isSuspended: record.isSuspended,
    suspendedAt: record.suspendedAt,
    isCancelRequested: record.isCancelRequested,
    isFailing: record.isFailing,
    rounds: record.rounds,
    undoing: record.undoing ?? null,
    brokenPromise: record.brokenPromise ?? null,
    endings: record.endings ?? 0,
  });
  run.restarts.push(...record.restarts);
  for (const uid of record.consumedSignals) run.consumedSignals.add(uid);
  for (const [nonce, answer] of record.nonces) run.nonces.set(nonce, answer);
  const isTrue = new Set<Node>();
  for (const [id, fields] of record.nodes) {
    const node = run.nodes.get(id);
    if (node === undefined) continue;
    thawNode(run, node, { ...NEW, retriesUsed: [], ...fields });
    if (fields.isConditionTrue === true) isTrue.add(node);
  }
  run.firstFailure = record.firstFailure === null ? null : (run.nodes.get(record.firstFailure) ?? null);
  run.result = record.result === undefined ? null : (run.nodes.get(record.result) ?? null);
  for (const id of record.waits) {
    const node = run.nodes.get(id);
    if (node?.task.executor.type === 'signal') waitForSignal(run, node, node.task.executor.name);
  }
  settle(run, isTrue);
  return run;
}

function thawNode(run: Run, node: Node, record: NodeRecord): void {
  const { due, current, retriesUsed, isConditionTrue: _derived, ...fields } = record;
  run.counts[node.state] -= 1;
  run.counts[fields.state] += 1;
  Object.assign(node, fields);
  node.retriesUsed = [...retriesUsed];
  node.current = current === null ? null : copyOf(current);
  if (due !== null) {
    node.timer = { due, owner: node };
    (node.isTimerWall ? run.wallTimers : run.timers).add(node.timer);
  }
  if (current === null) return;
  if (current.fence !== null) run.leases.set(current.fence, node);
  if (current.fence !== null || node.isMock) run.active += 1;
}

/** Counters and queues, from the states. */
function settle(run: Run, isConditionTrue: ReadonlySet<Node>): void {
  for (const node of run.nodes.values()) recount(node);
  for (const node of run.nodes.values()) {
    if (node.current !== null) continue;
    if (node.state === 'RETRYING' ? node.timer === null : isConditionTrue.has(node)) route(run, node);
    else if (node.state === 'PENDING' && node.endedBecause !== null) hopeless(run, node, node.endedBecause);
    else judge(run, node);
  }
}

function copyOf(attempt: Attempt): Attempt {
  const { answers, reported } = attempt;
  return {
    ...attempt,
    ...(answers === undefined ? {} : { answers: [...answers] }),
    ...(reported === undefined ? {} : { reported: { ...reported } }),
  };
}
