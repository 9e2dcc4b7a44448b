// What follows now: decide(run, now) is a function of state and time, and returns the events that come next.
//
// The caller journals them, folds them (apply) and asks again until the answer is empty. Offers are not decided here, because they need
// to know which worker has room: the caller takes nextStartable(run) (run.ts) and journals Offered.
//
// D1  the same run and time give the same events; asking twice without folding changes nothing.
// D2  work is O(what changed): nodes that became due, hopeless or ready; the whole run is looked at only when it fails, is
//     cancelled or restarted, once each time.

import { parseTime } from './time.ts';
import type { EndEvent } from './continuation.ts';
import type { RunEvent, Stamp } from './events.ts';
import { restartSet, sinks } from './graph.ts';
import { isObject, type Json } from './json.ts';
import { isCompensation, toCompensate } from './compensation.ts';
import type { Node, NodeState } from './node.ts';
import { outOfReach } from './promises/reach.ts';
import type { Now } from './ports.ts';
import { shortestLimit } from './limits.ts';
import { brokenMessage, type Restart, type Run } from './run.ts';
import type { Outcome, StopReason, TaskError } from './task.ts';
import { dueAfter } from './timers.ts';

/** What stands as a Signal for this run and was not consumed. */
export interface PendingSignal {
  readonly uid: string;
  readonly name: string;
  readonly data: Json;
}

export type BeatEvent = Extract<RunEvent, { type: 'Beat' }>;

export function decide(run: Run, now: Now): RunEvent[] {
  const stamp: Stamp = { at: now.wall, time: now.time };
  const restart = run.restarts[0];
  if (restart !== undefined) return decideRestart(run, restart, now, stamp);
  if (run.end !== null) return [];
  if (run.isCancelling) return decideCancel(run, stamp);
  if (run.brokenPromise !== null && run.undoing === null) return decideBroken(run, stamp);
  const lost = outOfReach(run);
  if (lost !== null) return [{ ...stamp, type: 'PromiseBroken', by: null, ...lost }];
  const due = decideDue(run, now, stamp);
  // What is due may fail the run, and then nothing may start: that is seen only once it is folded.
  if (due.length > 0) return due;
  const events = [...decideSkips(run, stamp), ...decideInlineStarts(run, stamp)];
  if (events.length === 0 && run.unfinished === 0) events.push(endOrUndo(run, stamp));
  return events;
}

export interface DesiredLease {
  readonly node: Node;
  readonly fence: string;
  readonly worker: string;
  /** Stand: as it is. Withdraw: take the offer back if nobody claimed it. Stop: end the attempt. */
  readonly want: 'Stand' | 'Withdraw' | 'Stop';
  readonly reason: StopReason | null;
}

/** What should stand in leases/ for this run at this moment. */
export function desiredLeases(run: Run): DesiredLease[] {
  const holdBack = run.isSuspended || run.isFailing || run.isCancelling || run.restarts.length > 0;
  return [...run.leases].map(([fence, node]) => {
    const stopping = node.current?.stopping ?? null;
    const isClaimed = node.current?.slot != null;
    const want = stopping !== null ? 'Stop' : holdBack && !isClaimed ? 'Withdraw' : 'Stand';
    return { node, fence, worker: node.current?.worker ?? '', want, reason: stopping };
  });
}

/** Milliseconds until something is due by itself; undefined when nothing is. */
export function msUntilDue(run: Run, now: Now): number | undefined {
  const engine = run.timers.next();
  const wall = run.wallTimers.next();
  const waits = [engine === undefined ? [] : engine - now.time, wall === undefined ? [] : wall - now.wall].flat();
  return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
}

// --- restart -------------------------------------------------------------------------------------

function decideRestart(run: Run, restart: Restart, now: Now, stamp: Stamp): RunEvent[] {
  const refuse = (message: string): RunEvent[] => [{ ...stamp, type: 'RestartRefused', ...restart, message }];
  const node = run.nodes.get(restart.node);
  if (node === undefined) return refuse(`no node "${restart.node}"`);
  if (run.undoing !== null) return refuse('what the run did was undone, or is being undone');
  if (run.isCancelRequested) return refuse('the run is cancelled');
  const { reset, withdrawn } = restartSet(run, node);
  const members = [...reset, ...withdrawn];
  const leased = members.filter((member) => member.current?.fence != null);
  // Running members are stopped first: no second copy of a task while the first one lives.
  if (leased.length > 0) {
    const stops = stopAll(leased, 'Restarted', stamp);
    // Time goes on meanwhile for everybody else.
    return stops.length > 0 ? stops : decideDue(run, now, stamp);
  }
  const ids = (nodes: readonly Node[]): string[] => nodes.map(({ id }) => id);
  return [{ ...stamp, type: 'RoundOpened', ...restart, reset: ids(reset), withdrawn: ids(withdrawn) }];
}

function stopAll(nodes: Iterable<Node>, reason: StopReason, stamp: Stamp): RunEvent[] {
  const events: RunEvent[] = [];
  for (const node of nodes) {
    const fence = node.current?.fence;
    if (fence == null || node.current?.stopping !== null) continue;
    events.push({ ...stamp, type: 'Stopping', node: node.id, fence, reason });
  }
  return events;
}

// --- cancel --------------------------------------------------------------------------------------

function decideCancel(run: Run, stamp: Stamp): RunEvent[] {
  const idle =
    run.unfinished > run.leases.size
      ? [...run.nodes.values()].filter((node) => !node.isTerminal && node.current?.fence == null)
      : [];
  const events = stopAll(run.leases.values(), 'Cancelled', stamp);
  if (idle.length > 0) events.push({ ...stamp, type: 'NodesCancelled', nodes: idle.map(({ id }) => id) });
  if (events.length === 0 && run.unfinished === 0) events.push(endOrUndo(run, stamp));
  return events;
}

// --- what is due ---------------------------------------------------------------------------------

function decideDue(run: Run, now: Now, stamp: Stamp): RunEvent[] {
  const events: RunEvent[] = [];
  const retries: string[] = [];
  for (const node of [...run.timers.due(now.time), ...run.wallTimers.due(now.wall)]) {
    if (node.state === 'RETRYING') retries.push(node.id);
    else if (node.current?.fence != null) events.push(...stopAll([node], 'Timeout', stamp));
    else if (node.current !== null)
      events.push({ ...stamp, type: 'InlineEnded', node: node.id, outcome: inlineOutcome(node) });
  }
  if (retries.length > 0 && !run.isFailing) events.push({ ...stamp, type: 'RetryDue', nodes: retries });
  return events;
}

/** How an attempt that needs no worker ends when its time has come. */
function inlineOutcome(node: Node): Outcome {
  const { executor } = node.task;
  if (executor.type === 'wait' && executor.until !== undefined && Number.isNaN(parseTime(executor.until))) {
    const message = `wait until "${executor.until}": expected an instant as 2030-01-31T12:00:00Z`;
    return { result: 'Failure', error: { type: 'TaskFailed', message } };
  }
  if (!node.isTimerWall && isTooLong(node)) return { result: 'Stopped', reason: 'Timeout' };
  if (executor.type !== 'mock') return { result: 'Success', output: null };
  const { fail } = executor;
  const attempt = node.attempts - node.attemptsBefore;
  if (fail !== undefined && attempt <= (fail.times ?? Number.POSITIVE_INFINITY)) {
    return {
      result: 'Failure',
      error: { type: fail.errorType ?? 'TaskFailed', message: fail.message ?? 'the mock was told to fail' },
    };
  }
  return { result: 'Success', output: executor.output ?? null };
}

/** Will its timeout come before its own end? For `until` that was said by the kind of its timer, when it started. */
function isTooLong(node: Node): boolean {
  const { executor } = node.task;
  const timeoutSeconds = shortestLimit(node.task);
  if (executor.type === 'signal') return true;
  if (timeoutSeconds === undefined) return false;
  if (executor.type === 'mock') return (executor.delaySeconds ?? 0) > timeoutSeconds;
  return executor.type !== 'wait' || executor.until !== undefined || (executor.seconds ?? 0) > timeoutSeconds;
}

function decideSkips(run: Run, stamp: Stamp): RunEvent[] {
  if (run.isFailing) return decideFailing(run, stamp);
  const byReason = new Map<string, string[]>();
  for (const node of run.toSkip) {
    const reason =
      node.endedBecause === 'When'
        ? 'its condition is false'
        : `its trigger ${node.task.trigger ?? 'AllSuccess'} cannot come true`;
    const nodes = byReason.get(reason);
    if (nodes === undefined) byReason.set(reason, [node.id]);
    else nodes.push(node.id);
  }
  return [...byReason].map(([reason, nodes]) => ({ ...stamp, type: 'Skipped', nodes, reason }));
}

function whyFailing({ brokenPromise, firstFailure }: Run): string {
  return brokenPromise === null ? `task "${firstFailure?.id ?? ''}" failed` : 'a promise was broken';
}

/** FailFast: nothing new starts, running attempts end by themselves, the rest is SKIPPED. */
function decideFailing(run: Run, stamp: Stamp): RunEvent[] {
  const { counts } = run;
  let offered = 0;
  for (const node of run.leases.values()) if (node.state !== 'RUNNING') offered += 1;
  if (counts.PENDING + counts.WAITING + counts.RETRYING === offered && run.brokenPromise === null) return [];
  const idle = [...run.nodes.values()].filter(
    (node) =>
      !node.isTerminal && (node.state !== 'RUNNING' || run.brokenPromise !== null) && node.current?.fence == null,
  );
  const ids = (test: (state: NodeState) => boolean): string[] =>
    idle.filter((node) => test(node.state)).map(({ id }) => id);
  const skipped = ids((state) => state !== 'RETRYING');
  const givenUp = ids((state) => state === 'RETRYING');
  const events: RunEvent[] = [];
  if (givenUp.length > 0) events.push({ ...stamp, type: 'RetriesGivenUp', nodes: givenUp });
  if (skipped.length > 0) events.push({ ...stamp, type: 'Skipped', nodes: skipped, reason: whyFailing(run) });
  return events;
}

/** A promise was broken: what runs is stopped, and the rest never starts. */
function decideBroken(run: Run, stamp: Stamp): RunEvent[] {
  const events = [...stopAll(run.leases.values(), 'Stopped', stamp), ...decideFailing(run, stamp)];
  return events.length === 0 && run.unfinished === 0 ? [endOrUndo(run, stamp)] : events;
}

function decideInlineStarts(run: Run, stamp: Stamp): RunEvent[] {
  if (!run.isOpen) return [];
  const nodes = [...run.inlineReady];
  let room = run.parallelism - run.active;
  for (const node of run.mockReady) {
    if (room <= 0) break;
    room -= 1;
    nodes.push(node);
  }
  return nodes.map((node) => beginInline(node, stamp));
}

function beginInline(node: Node, stamp: Stamp): RunEvent {
  if (node.isInstant) return { ...stamp, type: 'InlineEnded', node: node.id, outcome: { result: 'Success' } };
  return { ...stamp, type: 'InlineStarted', node: node.id, attempt: node.attempts + 1, ...dueOf(node, stamp) };
}

function dueOf(node: Node, stamp: Stamp): { due?: number; dueWall?: number } {
  const { executor } = node.task;
  const timeoutSeconds = shortestLimit(node.task);
  const after = (seconds: number | undefined): { due?: number } =>
    seconds === undefined ? {} : { due: dueAfter(stamp.time, seconds * 1000) };
  if (executor.type === 'wait' && executor.until !== undefined) {
    const wall = parseTime(executor.until);
    if (Number.isNaN(wall)) return after(0);
    return timeoutSeconds !== undefined && wall - stamp.at > timeoutSeconds * 1000
      ? after(timeoutSeconds)
      : { dueWall: wall };
  }
  // The limits of a wait for a Signal are its own (limits.ts).
  if (executor.type === 'signal') return {};
  if (isTooLong(node)) return after(timeoutSeconds);
  return after(
    (executor.type === 'mock' ? executor.delaySeconds : executor.type === 'wait' ? executor.seconds : 0) ?? 0,
  );
}

// --- signals -------------------------------------------------------------------------------------

/** Data that answers nothing: `{heartbeat: true}`, for a node that must be told that somebody is at work. */
export function isBeat(data: Json): boolean {
  return isObject(data) && data['heartbeat'] === true && Object.keys(data).length === 1;
}

/** One Signal serves one waiting node: signals in revision order, the oldest wait first that does not refuse it. */
export function consumeSignals(
  run: Run,
  signals: Iterable<PendingSignal>,
  now: Now,
  refuses: (node: string, signal: string) => boolean = () => false,
): (EndEvent | BeatEvent)[] {
  if (run.end !== null || run.signalWaits.size === 0) return [];
  const lines = new Map<string, Line>();
  const events: (EndEvent | BeatEvent)[] = [];
  for (const signal of signals) {
    if (run.consumedSignals.has(signal.uid)) continue;
    const waits = run.signalWaits.get(signal.name);
    if (waits === undefined) continue;
    const oldest = waits.first;
    if (oldest?.task.heartbeatSeconds !== undefined && isBeat(signal.data)) {
      events.push({ at: now.wall, time: now.time, type: 'Beat', node: oldest.id, signal: signal.uid });
      continue;
    }
    const line = lines.get(signal.name) ?? new Line(waits);
    lines.set(signal.name, line);
    const node = line.next((waiting) => !refuses(waiting.id, signal.uid));
    if (node === null) continue;
    const outcome: Outcome = { result: 'Success', output: signal.data };
    events.push({
      at: now.wall,
      time: now.time,
      type: 'InlineEnded',
      node: node.id,
      outcome,
      signal: signal.uid,
    });
  }
  return events;
}

/** Those who wait, each served once. */
class Line {
  readonly #rest: Iterator<Node>;
  /** They refused a Signal, and another may be for them. */
  readonly #passed: Node[] = [];

  constructor(waits: Iterable<Node>) {
    this.#rest = waits[Symbol.iterator]();
  }

  next(takes: (node: Node) => boolean): Node | null {
    const passed = this.#passed.findIndex(takes);
    if (passed !== -1) return this.#passed.splice(passed, 1)[0] ?? null;
    for (let step = this.#rest.next(); step.done !== true; step = this.#rest.next()) {
      if (takes(step.value)) return step.value;
      this.#passed.push(step.value);
    }
    return null;
  }
}

// --- the end -------------------------------------------------------------------------------------

/** A run that did not end well first undoes what it did. */
function endOrUndo(run: Run, stamp: Stamp): RunEvent {
  if (run.undoing !== null)
    return { ...stamp, type: 'RunEnded', ...run.undoing, message: undoneMessage(run, run.undoing.message) };
  const end = endOf(run, stamp);
  const nodes = end.phase === 'Succeeded' ? [] : toCompensate(run);
  if (nodes.length === 0) return end;
  const { phase, reason, message, error } = end;
  return {
    ...stamp,
    type: 'Compensating',
    nodes,
    end: { phase, reason, message, ...(error === undefined ? {} : { error }) },
  };
}

function undoneMessage(run: Run, message: string): string {
  const failed = [...run.nodes.values()].filter((node) => node.state === 'FAILED' && isCompensation(node));
  const first = failed[0];
  if (first === undefined) return message;
  const more = failed.length === 1 ? '' : `, and ${failed.length - 1} more`;
  return `${message}; not undone: "${first.createdBy ?? ''}": ${first.error?.message ?? ''}${more}`;
}

function endOf(run: Run, stamp: Stamp): Extract<RunEvent, { type: 'RunEnded' }> {
  if (run.isCancelRequested)
    return { ...stamp, type: 'RunEnded', phase: 'Cancelled', reason: 'Cancelled', message: 'cancelled on request' };
  if (run.brokenPromise !== null) {
    const error = { type: 'PromiseBroken', message: brokenMessage(run.brokenPromise) };
    return { ...stamp, type: 'RunEnded', phase: 'Failed', reason: error.type, message: error.message, error };
  }
  const failed =
    run.counts.FAILED === 0 ? [] : [...run.nodes.values()].filter((node) => node.state === 'FAILED' && !node.isHandled);
  const first = run.firstFailure ?? failed[0];
  if (first === undefined || failed.length === 0)
    return { ...stamp, type: 'RunEnded', phase: 'Succeeded', reason: 'Succeeded', message: '', output: outputOf(run) };
  const error: TaskError = first.error ?? { type: 'TaskFailed', message: '' };
  const others = failed.length - 1;
  const more = others === 0 ? '' : `, and ${others} more task${others === 1 ? '' : 's'} failed`;
  return {
    ...stamp,
    type: 'RunEnded',
    phase: 'Failed',
    reason: error.type === '' ? 'Failed' : error.type,
    message: `task "${first.id}" failed: ${error.message}${more}`,
    error,
  };
}

/** What a continuation called the result; else outputs of the nodes that nothing follows, by id, null when none of them has one. */
function outputOf(run: Run): Json {
  if (run.result !== null) return run.result.output;
  const outputs = sinks(run).filter((node) => node.output !== null);
  return outputs.length === 0 ? null : Object.fromEntries(outputs.map((node) => [node.id, node.output]));
}
