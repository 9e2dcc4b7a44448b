// The fold: apply(run, event). Total and deterministic; the only code that changes a Run.
//
// A1  an event about an attempt counts only under the node's current fence: an outcome under an older fence comes from a slot that was
//     given up, and counting it again would retry twice.
// A2  a node that ended changes nothing more within its round. Readiness of those that follow is judged in the same step, once all of the
//     event is folded: the growth that it brings, its outcome, what it stops.
// A3  an event that makes no sense (unknown node, wrong state) changes nothing: a journal is never a reason to crash.

import { compensationOf } from './compensation.ts';
import { countPredecessor, type Made, makeChange, tryChange } from './change.ts';
import type { Effect, MessageStamp, RunEvent } from './events.ts';
import type { Json } from './json.ts';
import { breakPromise, releaseAttempt, setState, setTimer, unqueue } from './moves.ts';
import type { Answer, Attempt, EndedBecause, Node, NodeState } from './node.ts';
import { NodeQueue } from './node-queue.ts';
import { judgeAnew, judgeTouched, route } from './ready.ts';
import { beat, beginLimits, setLimits, timeoutError } from './limits.ts';
import { lossDelayMs, LOSS_LIMIT, matchRule, retryDelayMs } from './retry.ts';
import { openRound } from './round.ts';
import { Run } from './run.ts';
import { type GraphChange, INPUT_INVALID, type Outcome, type StopReason, type TaskError } from './task.ts';
import { dueAfter } from './timers.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** The first event of a journal makes the run. */
export function newRun(event: EventOf<'Registered'>): Run {
  const run = new Run(event.registration, event.at, event.time);
  makeChange(run, event.registration.change, null);
  for (const node of run.nodes.values()) judgeAnew(run, node);
  judgeTouched(run);
  return run;
}

/** Folds one event into the run, in place; returns the same run. */
export function apply(run: Run, event: RunEvent): Run {
  run.updatedAt = Math.max(run.updatedAt, event.at);
  run.time = Math.max(run.time, event.time);
  fold(run, event);
  judgeTouched(run);
  return run;
}

function fold(run: Run, event: RunEvent): void {
  switch (event.type) {
    case 'Registered':
      break;
    case 'Offered':
      withNode(run, event.node, (node) => startAttempt(run, node, event));
      break;
    case 'Withdrawn':
      withAttempt(run, event, (node, attempt) => takeBack(run, node, attempt, event.at));
      break;
    case 'Claimed':
      withAttempt(run, event, (node, attempt) => claim(run, node, attempt, event.slot, event.since, event));
      break;
    case 'Stopping':
      withAttempt(run, event, (node, attempt) => {
        attempt.stopping ??= event.reason;
        setTimer(run, node, null);
      });
      break;
    case 'Ended':
      withAttempt(run, event, (node, attempt) => {
        if (attempt.slot === null && event.slot !== undefined)
          claim(run, node, attempt, event.slot, event.since ?? event.at, event);
        endAttempt(run, node, attempt, event);
      });
      break;
    case 'InlineStarted':
      withNode(run, event.node, (node) => startInline(run, node, event));
      break;
    case 'InlineEnded':
      withNode(run, event.node, (node) => {
        if (run.toCheck.has(node)) return refuseInput(run, node, event);
        if (node.isInstant) beginInstant(run, node, event.at);
        if (node.current === null || node.current.fence !== null) return;
        if (event.signal !== undefined) run.consumedSignals.add(event.signal);
        endAttempt(run, node, node.current, event);
      });
      break;
    case 'InputChecked':
      for (const id of event.nodes) withNode(run, id, (node) => passInput(run, node));
      break;
    case 'Beat':
      withNode(run, event.node, (node) => {
        if (node.current?.silent === undefined) return;
        run.consumedSignals.add(event.signal);
        beat(run, node, node.current, event.time);
      });
      break;
    case 'RetryDue':
      for (const id of event.nodes) withNode(run, id, (node) => retryNow(run, node));
      break;
    case 'Skipped':
      for (const id of event.nodes)
        withNode(run, id, (node) =>
          dropNode(run, node, 'SKIPPED', run.isFailing ? 'RunFailing' : node.endedBecause, event.at),
        );
      break;
    case 'NodesCancelled':
      for (const id of event.nodes) withNode(run, id, (node) => dropNode(run, node, 'CANCELLED', null, event.at));
      break;
    case 'RetriesGivenUp':
      for (const id of event.nodes)
        withNode(run, id, (node) => {
          if (node.state === 'RETRYING') dropNode(run, node, 'FAILED', 'RunFailing', event.at);
        });
      break;
    case 'Suspended':
    case 'Resumed':
      if (run.isSuspended === (event.type === 'Suspended')) break;
      run.isSuspended = !run.isSuspended;
      run.suspendedAt = event.at;
      break;
    case 'CancelRequested':
      if (run.end === null) run.isCancelRequested = true;
      break;
    case 'RestartRequested':
      // A nonce is asked for once: what became of it stays.
      if (run.nonces.has(event.nonce)) break;
      run.restarts.push({ node: event.node, nonce: event.nonce });
      run.nonces.set(event.nonce, null);
      break;
    case 'RestartRefused':
      refuseRestart(run, event.nonce, event.message);
      break;
    case 'RoundOpened':
      openRound(run, event);
      break;
    case 'Compensating':
      undo(run, event);
      break;
    case 'GraphChanged':
      if (hear(run, event.by, event, answerToChange(event))) grow(run, event.by, event.change);
      break;
    case 'ChangeRefused':
      hear(run, event.by, event, {
        problem: event.reason,
        ...(event.code === undefined ? {} : { code: event.code }),
      });
      break;
    case 'Reported':
      if (hear(run, event.node, event, event.asks === undefined ? {} : { asks: event.asks })) report(run, event);
      break;
    case 'PromiseBroken':
      if (event.by !== null && !hear(run, event.by, event, { problem: event.reason, promise: event.promise })) break;
      breakPromise(run, { promise: event.promise, by: event.by, reason: event.reason, at: event.at });
      break;
    case 'RunEnded':
      run.end ??= {
        phase: event.phase,
        reason: event.reason,
        message: event.message,
        at: event.at,
        error: event.error ?? null,
        output: event.output ?? null,
      };
      break;
  }
}

function withNode(run: Run, id: string, change: (node: Node) => void): void {
  const node = run.nodes.get(id);
  if (node !== undefined) change(node);
}

/** Only for the node's current fence (A1). */
function withAttempt(
  run: Run,
  event: { node: string; fence: string },
  change: (node: Node, attempt: Attempt) => void,
): void {
  withNode(run, event.node, (node) => {
    if (node.current !== null && node.current.fence === event.fence) change(node, node.current);
  });
}

// --- attempts ----------------------------------------------------------------------------------

function startAttempt(run: Run, node: Node, event: EventOf<'Offered'>): void {
  // Whoever offered took it from the queue; anything else is no offer of this run, and a fence is never used twice.
  if (!run.queue.has(node) || run.leases.has(event.fence)) return;
  unqueue(run, node);
  node.attempts = event.attempt;
  node.current = { fence: event.fence, worker: event.worker, slot: null, stopping: null };
  node.worker = event.worker;
  run.promises.touch(node);
  run.active += 1;
  run.leases.set(event.fence, node);
}

/** A message was consumed, and is answered when it is a request. False: it is not of the current attempt, and nothing comes of it (A1). */
function hear(
  run: Run,
  id: string,
  { message, time }: { readonly message?: MessageStamp; readonly time: number },
  answer: Omit<Answer, 'id'>,
): boolean {
  if (message === undefined) return true;
  const node = run.nodes.get(id);
  const attempt = node?.current;
  if (node === undefined || attempt == null || attempt.fence !== message.fence) return false;
  beat(run, node, attempt, time);
  attempt.heard = Math.max(attempt.heard ?? 0, message.offset);
  if (message.named !== undefined) attempt.named = message.named;
  if (message.id === undefined) return true;
  attempt.answers ??= [];
  attempt.answers.push({ id: message.id, ...answer });
  return true;
}

function answerToChange({ change }: EventOf<'GraphChanged'>): Omit<Answer, 'id'> {
  return { nodes: (change.nodes ?? []).map((node) => node.id) };
}

function report(run: Run, { node, output, progress }: EventOf<'Reported'>): void {
  const attempt = run.nodes.get(node)?.current;
  if (attempt == null) return;
  attempt.reported = {
    ...attempt.reported,
    ...(output === undefined ? {} : { output }),
    ...(progress === undefined ? {} : { progress }),
  };
}

/** Nobody had taken the offer: as if it had never stood. */
function takeBack(run: Run, node: Node, attempt: Attempt, at: number): void {
  if (attempt.slot !== null) return;
  releaseAttempt(run, node);
  node.attempts -= 1;
  node.worker = null;
  if (attempt.stopping === 'Stopped') dropNode(run, node, 'CANCELLED', 'Stopped', at);
  else run.queue.add(node);
}

function claim(run: Run, node: Node, attempt: Attempt, slot: string, since: number, event: RunEvent): void {
  if (attempt.slot !== null) return;
  attempt.slot = slot;
  setState(run, node, 'RUNNING');
  node.startedAt ??= since;
  if (attempt.stopping !== null) return;
  // The attempt began when the slot took it, which may be long before a new controller saw it.
  const elapsed = Math.max(0, event.at - since);
  beginLimits(run, node, attempt, event.time - elapsed);
}

function startInline(run: Run, node: Node, event: EventOf<'InlineStarted'>): void {
  if (node.isInstant || (!run.inlineReady.has(node) && !run.mockReady.has(node))) return;
  unqueue(run, node);
  node.attempts = event.attempt;
  node.current = { fence: null, worker: null, slot: null, stopping: null };
  node.startedAt ??= event.at;
  run.promises.touch(node);
  const { executor } = node.task;
  setState(run, node, node.isMock ? 'RUNNING' : 'WAITING');
  if (node.isMock) run.active += 1;
  if (executor.type === 'signal') {
    waitForSignal(run, node, executor.name);
    beginLimits(run, node, node.current, event.time);
  } else setLimits(node, node.current, event.time);
  if (event.dueWall !== undefined) setTimer(run, node, event.dueWall, true);
  else if (event.due !== undefined) setTimer(run, node, event.due);
}

function beginInstant(run: Run, node: Node, at: number): void {
  if (!run.inlineReady.has(node)) return;
  unqueue(run, node);
  node.attempts += 1;
  node.current = { fence: null, worker: null, slot: null, stopping: null };
  node.startedAt ??= at;
}

function passInput(run: Run, node: Node): void {
  if (!run.toCheck.has(node)) return;
  unqueue(run, node);
  node.isInputChecked = true;
  route(run, node);
}

/** What it was to be given is not what it asks for: it ends without an attempt. */
function refuseInput(run: Run, node: Node, event: EventOf<'InlineEnded'>): void {
  if (event.outcome.result !== 'Failure') return;
  unqueue(run, node);
  node.startedAt ??= event.at;
  endAttempt(run, node, null, event);
}

/** Behind those that wait for it already. */
export function waitForSignal(run: Run, node: Node, name: string): void {
  const waits = run.signalWaits.get(name) ?? new NodeQueue();
  run.signalWaits.set(name, waits);
  waits.add(node);
}

function endAttempt(run: Run, node: Node, attempt: Attempt | null, event: EventOf<'Ended' | 'InlineEnded'>): void {
  const { effect } = event;
  const at = event.type === 'Ended' ? (event.until ?? event.at) : event.at;
  if (effect?.change !== undefined) grow(run, node.id, effect.change);
  if (effect?.broken !== undefined) breakPromise(run, { ...effect.broken, by: node.id, at: event.at });
  const outcome = asStopped(attempt?.stopping ?? null, event.outcome);
  releaseAttempt(run, node);
  node.isInputChecked = false;
  switch (outcome.result) {
    case 'Success':
      node.output = effect?.output !== undefined ? effect.output : (outcome.output ?? null);
      node.error = null;
      if (effect?.isResult === true) run.result = node;
      finish(run, node, 'SUCCESS', at);
      break;
    case 'Failure':
      fail(run, node, outcome.error, { effect, attempt, output: outcome.output ?? null, at, time: event.time });
      break;
    case 'Lost':
      lose(run, node, outcome.message, { effect, attempt, output: null, at, time: event.time });
      break;
    case 'Stopped':
      endStopped(run, node, outcome.reason, outcome.message, { effect, attempt, output: null, at, time: event.time });
      break;
  }
  for (const id of effect?.stop ?? []) if (id !== node.id) withNode(run, id, (other) => stop(run, other, at));
}

/** How an attempt ended badly: what a continuation made of it, and when. */
interface BadEnd {
  readonly effect: Effect | undefined;
  readonly attempt: Attempt | null;
  readonly output: Json;
  readonly at: number;
  readonly time: number;
}

/**
 * An attempt that is lost while it is being stopped was stopped. One that a continuation stops is not wanted any more: unless it
 * ended well, it is neither tried again nor a failure of the run.
 */
function asStopped(reason: StopReason | null, outcome: Outcome): Outcome {
  if (reason === null || reason === 'Lost' || outcome.result === 'Success') return outcome;
  return outcome.result === 'Lost' || reason === 'Stopped' ? { result: 'Stopped', reason } : outcome;
}

/** A running attempt is to end; what has none is dropped. */
function stop(run: Run, node: Node, at: number): void {
  if (node.current === null || node.current.fence === null) return dropNode(run, node, 'CANCELLED', 'Stopped', at);
  node.current.stopping = 'Stopped';
  setTimer(run, node, null);
}

function endStopped(run: Run, node: Node, reason: StopReason, message: string | undefined, bad: BadEnd): void {
  if (reason === 'Lost') return lose(run, node, message ?? 'its slot is gone', bad);
  if (reason === 'Timeout') return fail(run, node, timeoutError(node, bad.attempt), bad);
  // A restart brings back what was stopped because of a promise.
  const isBroken = run.brokenPromise !== null && run.undoing === null && reason === 'Stopped';
  if (isBroken) node.endedBecause = 'RunFailing';
  const why = isBroken ? 'a promise was broken' : `stopped: ${reason.toLowerCase()}`;
  node.error = { type: reason, message: message ?? why };
  finish(run, node, 'CANCELLED', bad.at);
}

/** Which retry rule an outcome uses next; -1 when the node ends with it. */
export function retryRuleFor(run: Run, node: Node, error: TaskError): number {
  return run.isCancelling || run.isFailing ? -1 : ruleLeft(node, error);
}

/** The first rule that is for this error, unless its retries are used up: then none is. */
function ruleLeft(node: Node, error: TaskError): number {
  // The same input would be refused again.
  if (error.type === INPUT_INVALID) return -1;
  const rules = node.task.retry ?? [];
  const index = matchRule(rules, error.type);
  const rule = rules[index];
  if (error.permanent === true && rule?.errors?.includes(error.type) !== true) return -1;
  return rule !== undefined && (node.retriesUsed[index] ?? 0) < rule.maxAttempts ? index : -1;
}

/**
 * What becomes of a node when its attempt ends with this outcome: another attempt, the error with which it ends for good, or how it
 * ends otherwise. Changes nothing.
 */
export function foresee(run: Run, node: Node, given: Outcome): 'Success' | 'Stopped' | 'Again' | TaskError {
  const outcome = asStopped(node.current?.stopping ?? null, given);
  if (outcome.result === 'Success') return 'Success';
  const isLost = outcome.result === 'Lost' || (outcome.result === 'Stopped' && outcome.reason === 'Lost');
  if (isLost) {
    if (run.isCancelling) return 'Stopped';
    const isOver = node.losses + 1 > LOSS_LIMIT || run.isFailing;
    return isOver ? { type: 'Lost', message: outcome.message ?? 'its slot is gone' } : 'Again';
  }
  if (outcome.result === 'Stopped' && outcome.reason !== 'Timeout') return 'Stopped';
  const error = outcome.result === 'Failure' ? outcome.error : timeoutError(node, node.current);
  return retryRuleFor(run, node, error) === -1 ? error : 'Again';
}

function fail(run: Run, node: Node, error: TaskError, bad: BadEnd): void {
  node.error = error;
  const index = retryRuleFor(run, node, error);
  const rule = node.task.retry?.[index];
  if (rule === undefined) return failForGood(run, node, bad, ruleLeft(node, error) !== -1);
  while (node.retriesUsed.length <= index) node.retriesUsed.push(0);
  const retry = (node.retriesUsed[index] ?? 0) + 1;
  node.retriesUsed[index] = retry;
  if (bad.effect?.input !== undefined) node.input = bad.effect.input;
  tryAgain(run, node, dueAfter(bad.time, retryDelayMs(rule, retry, `${run.uid}/${node.id}/${node.attempts}`)));
}

function lose(run: Run, node: Node, message: string, bad: BadEnd): void {
  node.losses += 1;
  node.error = { type: 'Lost', message };
  if (run.isCancelling) return finish(run, node, 'CANCELLED', bad.at);
  const isOver = node.losses > LOSS_LIMIT;
  if (isOver || run.isFailing) failForGood(run, node, bad, !isOver);
  else tryAgain(run, node, bad.time + lossDelayMs(node.losses));
}

/** `hadMore`: it would have been tried again, were the run not failing already. */
function failForGood(run: Run, node: Node, { effect, output, at }: BadEnd, hadMore: boolean): void {
  node.isHandled = effect?.handled === true;
  node.output = effect?.output !== undefined ? effect.output : output;
  if (hadMore && run.isFailing && !node.isHandled) node.endedBecause = 'RunFailing';
  finish(run, node, 'FAILED', at);
}

function tryAgain(run: Run, node: Node, due: number): void {
  setState(run, node, 'RETRYING');
  setTimer(run, node, due);
}

function retryNow(run: Run, node: Node): void {
  if (node.state !== 'RETRYING' || node.current !== null) return;
  setTimer(run, node, null);
  route(run, node);
}

// --- ends and readiness --------------------------------------------------------------------------

function finish(run: Run, node: Node, state: NodeState, at: number): void {
  setState(run, node, state);
  setTimer(run, node, null);
  unqueue(run, node);
  // The claim may have been seen by one clock and the end by another that is some milliseconds behind it.
  node.finishedAt = Math.max(at, node.startedAt ?? at);
  run.promises.touch(node);
  run.endings += 1;
  node.endedAs = run.endings;
  if (state === 'FAILED' && !node.isHandled) {
    run.firstFailure ??= node;
    if (run.isFailFast && run.undoing === null) run.isFailing = true;
  }
  for (const successor of node.successors) {
    successor.open -= 1;
    countPredecessor(node, successor);
    run.unjudged.push(successor);
  }
}

function dropNode(run: Run, node: Node, state: NodeState, because: EndedBecause, at: number): void {
  if (node.isTerminal || node.current?.fence != null) return;
  if (node.current !== null) releaseAttempt(run, node);
  node.endedBecause = because;
  finish(run, node, state, at);
}

/** From here on it is not failing or being cancelled any more: what undoes it must run. */
function undo(run: Run, event: EventOf<'Compensating'>): void {
  if (run.undoing !== null || run.end !== null) return;
  run.undoing = event.end;
  run.isFailing = false;
  let before: string | null = null;
  for (const id of event.nodes) {
    const node = run.nodes.get(id);
    const change: GraphChange | null = node === undefined ? null : compensationOf(node, before);
    if (change === null) continue;
    keep(run, id, makeChange(run, change, id));
    before = change.nodes?.[0]?.id ?? before;
  }
}

// --- growth and restarts -------------------------------------------------------------------------

function grow(run: Run, by: string, change: GraphChange): void {
  const made = tryChange(run, change, by);
  if (!('added' in made)) return;
  run.dress.take(change);
  keep(run, by, made);
}

function keep(run: Run, by: string, { change, added, delayed }: Made): void {
  run.growth.push({ by, change });
  for (const node of added) run.moves?.push({ node, from: null, to: node.state });
  for (const node of [...added, ...delayed]) judgeAnew(run, node);
}

function refuseRestart(run: Run, nonce: string, message: string): void {
  const asked = run.restarts.findIndex((restart) => restart.nonce === nonce);
  if (asked === -1) return;
  run.restarts.splice(asked, 1);
  run.nonces.set(nonce, message);
}
