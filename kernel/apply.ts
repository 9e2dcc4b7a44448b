// The fold: apply(run, event). Total and deterministic; the only code that changes a Run.
//
// A1  an event about an attempt counts only under the node's current fence: an outcome under an older fence comes from a slot that was
//     given up, and counting it again would retry twice.
// A2  a node that ended changes nothing more within its round, and readiness of those that follow is settled in the same step.
// A3  an event that makes no sense (unknown node, wrong state) changes nothing: a journal is never a reason to crash.

import { checkChange, countPredecessor, makeChange, type Touched } from './change.ts';
import type { Effect, RunEvent } from './events.ts';
import { holds, parseExpression } from './expression.ts';
import { resolveInRun } from './input.ts';
import type { Attempt, EndedBecause, Node, NodeState } from './node.ts';
import { lossDelayMs, LOSS_LIMIT, matchRule, retryDelayMs } from './retry.ts';
import { Run } from './run.ts';
import type { GraphChange, Outcome, TaskError } from './task.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** The first event of a journal makes the run. */
export function newRun(event: EventOf<'Registered'>): Run {
  const run = new Run(event.registration, event.at, event.time);
  judgeAll(run, makeChange(run, event.registration.change, null));
  return run;
}

/** Folds one event into the run, in place; returns the same run. */
export function apply(run: Run, event: RunEvent): Run {
  run.updatedAt = Math.max(run.updatedAt, event.at);
  run.time = Math.max(run.time, event.time);
  switch (event.type) {
    case 'Registered':
      break;
    case 'Offered':
      withNode(run, event.node, (node) => startAttempt(run, node, event));
      break;
    case 'Withdrawn':
      withAttempt(run, event, (node) => takeBack(run, node));
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
        endAttempt(run, node, event.outcome, event.effect, event);
      });
      break;
    case 'InlineStarted':
      withNode(run, event.node, (node) => startInline(run, node, event));
      break;
    case 'InlineEnded':
      if (event.signal !== undefined) run.consumedSignals.add(event.signal);
      withNode(run, event.node, (node) => {
        if (node.current !== null && node.current.fence === null)
          endAttempt(run, node, event.outcome, event.effect, event);
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
      for (const id of event.nodes) withNode(run, id, (node) => dropNode(run, node, 'FAILED', 'RunFailing', event.at));
      break;
    case 'Suspended':
    case 'Resumed':
      run.isSuspended = event.type === 'Suspended';
      run.suspendedAt = event.at;
      break;
    case 'CancelRequested':
      if (run.end === null) run.isCancelRequested = true;
      break;
    case 'RestartRequested':
      if (!run.nonces.has(event.nonce)) run.restarts.push({ node: event.node, nonce: event.nonce });
      run.nonces.set(event.nonce, null);
      break;
    case 'RestartRefused':
      run.nonces.set(event.nonce, event.message);
      dropRestart(run, event.nonce);
      break;
    case 'RoundOpened':
      openRound(run, event);
      break;
    case 'GraphChanged':
      grow(run, event.by, event.change);
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
  return run;
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

function setState(run: Run, node: Node, state: NodeState): void {
  run.counts[node.state] -= 1;
  run.counts[state] += 1;
  node.state = state;
}

function setTimer(run: Run, node: Node, due: number | null, isWall = false): void {
  node.timer = due === null ? null : { due, owner: node };
  node.isTimerWall = isWall;
  if (node.timer !== null) (isWall ? run.wallTimers : run.timers).add(node.timer);
}

function unqueue(run: Run, node: Node): void {
  run.queue.delete(node);
  run.inlineReady.delete(node);
  run.toSkip.delete(node);
}

function startAttempt(run: Run, node: Node, event: EventOf<'Offered'>): void {
  if (node.isTerminal || node.current !== null) return;
  unqueue(run, node);
  node.attempts = event.attempt;
  node.current = { fence: event.fence, worker: event.worker, slot: null, stopping: null };
  node.worker = event.worker;
  run.active += 1;
  run.leases.set(event.fence, node);
}

/** Nobody had taken the offer: as if it had never stood. */
function takeBack(run: Run, node: Node): void {
  releaseAttempt(run, node);
  node.attempts -= 1;
  node.worker = null;
  run.queue.add(node);
}

function claim(run: Run, node: Node, attempt: Attempt, slot: string, since: number, event: RunEvent): void {
  if (attempt.slot !== null) return;
  attempt.slot = slot;
  setState(run, node, 'RUNNING');
  node.startedAt ??= since;
  const { timeoutSeconds } = node.task;
  if (timeoutSeconds === undefined || attempt.stopping !== null) return;
  // The attempt began when the slot took it, which may be long before a new controller saw it.
  const elapsed = Math.max(0, event.at - since);
  setTimer(run, node, event.time - elapsed + timeoutSeconds * 1000);
}

function startInline(run: Run, node: Node, event: EventOf<'InlineStarted'>): void {
  if (node.isTerminal || node.current !== null) return;
  unqueue(run, node);
  node.attempts = event.attempt;
  node.current = { fence: null, worker: null, slot: null, stopping: null };
  node.startedAt ??= event.at;
  const { executor } = node.task;
  setState(run, node, executor.type === 'mock' ? 'RUNNING' : 'WAITING');
  if (executor.type === 'mock') run.active += 1;
  if (executor.type === 'signal') {
    const waits = run.signalWaits.get(executor.name) ?? new Set();
    run.signalWaits.set(executor.name, waits.add(node));
  }
  if (event.dueWall !== undefined) setTimer(run, node, event.dueWall, true);
  else if (event.due !== undefined) setTimer(run, node, event.due);
}

function releaseAttempt(run: Run, node: Node): void {
  const attempt = node.current;
  if (attempt === null) return;
  const { executor } = node.task;
  if (attempt.fence !== null) run.leases.delete(attempt.fence);
  if (attempt.fence !== null || executor.type === 'mock') run.active -= 1;
  if (executor.type === 'signal') run.signalWaits.get(executor.name)?.delete(node);
  node.current = null;
  setTimer(run, node, null);
}

function endAttempt(run: Run, node: Node, outcome: Outcome, effect: Effect | undefined, event: RunEvent): void {
  releaseAttempt(run, node);
  const finishedAt = event.type === 'Ended' ? (event.until ?? event.at) : event.at;
  if (effect?.change !== undefined) grow(run, node.id, effect.change);
  switch (outcome.result) {
    case 'Success':
      node.output = effect?.output ?? outcome.output ?? null;
      node.error = null;
      finish(run, node, 'SUCCESS', finishedAt);
      break;
    case 'Failure':
      fail(run, node, outcome.error, effect, finishedAt, event.time);
      break;
    case 'Lost':
      lose(run, node, outcome.message, effect, finishedAt, event.time);
      break;
    case 'Stopped':
      if (outcome.reason === 'Lost') lose(run, node, outcome.message ?? 'its slot is gone', effect, finishedAt, event.time);
      else if (outcome.reason === 'Timeout') fail(run, node, timeoutError(node), effect, finishedAt, event.time);
      else {
        node.error = { type: outcome.reason, message: outcome.message ?? `stopped: ${outcome.reason.toLowerCase()}` };
        finish(run, node, 'CANCELLED', finishedAt);
      }
      break;
  }
}

function timeoutError(node: Node): TaskError {
  return { type: 'Timeout', message: `did not end within ${node.task.timeoutSeconds ?? 0} s` };
}

/** Which retry rule an outcome uses next; -1 when the node ends with it. */
export function retryRuleFor(run: Run, node: Node, error: TaskError): number {
  if (run.isCancelRequested || run.isFailing) return -1;
  const rules = node.task.retry ?? [];
  const index = matchRule(rules, error.type);
  const rule = rules[index];
  return rule !== undefined && (node.retriesUsed[index] ?? 0) < rule.maxAttempts ? index : -1;
}

function fail(run: Run, node: Node, error: TaskError, effect: Effect | undefined, at: number, time: number): void {
  node.error = error;
  const index = retryRuleFor(run, node, error);
  const rule = node.task.retry?.[index];
  if (rule === undefined) {
    node.isHandled = effect?.handled === true;
    node.output = effect?.output ?? null;
    return finish(run, node, 'FAILED', at);
  }
  while (node.retriesUsed.length <= index) node.retriesUsed.push(0);
  const retry = (node.retriesUsed[index] ?? 0) + 1;
  node.retriesUsed[index] = retry;
  tryAgain(run, node, time + retryDelayMs(rule, retry, `${run.uid}/${node.id}/${node.attempts}`));
}

function lose(run: Run, node: Node, message: string, effect: Effect | undefined, at: number, time: number): void {
  node.losses += 1;
  node.error = { type: 'Lost', message };
  if (run.isCancelRequested) return finish(run, node, 'CANCELLED', at);
  if (node.losses > LOSS_LIMIT || run.isFailing) {
    node.isHandled = effect?.handled === true;
    return finish(run, node, 'FAILED', at);
  }
  tryAgain(run, node, time + lossDelayMs(node.losses));
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
  node.finishedAt = at;
  if (state === 'FAILED' && !node.isHandled) {
    run.firstFailure ??= node;
    if (run.isFailFast) run.isFailing = true;
  }
  for (const successor of node.successors) {
    successor.open -= 1;
    countPredecessor(node, successor);
    judge(run, successor);
  }
}

function dropNode(run: Run, node: Node, state: NodeState, because: EndedBecause, at: number): void {
  if (node.isTerminal || node.current?.fence != null) return;
  if (node.current !== null) releaseAttempt(run, node);
  node.endedBecause = because;
  finish(run, node, state, at);
}

function judgeAll(run: Run, touched: Touched): void {
  for (const node of touched.added) judge(run, node);
  for (const node of touched.delayed) {
    unqueue(run, node);
    judge(run, node);
  }
}

/** Is a node that has not started ready, hopeless, or to be waited for? Three numbers decide (N1). */
export function judge(run: Run, node: Node): void {
  if (node.state !== 'PENDING' || node.current !== null) return;
  if (run.queue.has(node) || run.inlineReady.has(node) || run.toSkip.has(node)) return;
  const bad = node.predecessors.size - node.open - node.succeeded;
  switch (node.task.trigger ?? 'AllSuccess') {
    case 'AllSuccess':
      if (bad > 0) hopeless(run, node, 'Trigger');
      else if (node.open === 0) ready(run, node);
      break;
    case 'AllDone':
      if (node.open === 0) ready(run, node);
      break;
    case 'AnySuccess':
      if (node.succeeded > 0 || node.predecessors.size === 0) ready(run, node);
      else if (node.open === 0) hopeless(run, node, 'Trigger');
      break;
    case 'AnyFailed':
      if (node.failed > 0) ready(run, node);
      else if (node.open === 0) hopeless(run, node, 'Trigger');
      break;
  }
}

function hopeless(run: Run, node: Node, because: EndedBecause): void {
  node.endedBecause = because;
  run.toSkip.add(node);
}

function ready(run: Run, node: Node): void {
  const { when } = node.task;
  if (when === undefined || holds(parseExpression(when), (path) => resolveInRun(run, path))) route(run, node);
  else hopeless(run, node, 'When');
}

function route(run: Run, node: Node): void {
  (node.isInline ? run.inlineReady : run.queue).add(node);
}

// --- growth and rounds ---------------------------------------------------------------------------

function grow(run: Run, by: string, change: GraphChange): void {
  if (checkChange(run, change) !== null) return;
  run.growth.push({ by, change });
  judgeAll(run, makeChange(run, change, by));
}

function dropRestart(run: Run, nonce: string): void {
  const index = run.restarts.findIndex((restart) => restart.nonce === nonce);
  if (index !== -1) run.restarts.splice(index, 1);
}

function openRound(run: Run, event: EventOf<'RoundOpened'>): void {
  dropRestart(run, event.nonce);
  run.rounds += 1;
  run.end = null;
  run.isFailing = false;
  run.firstFailure = null;
  withdraw(run, new Set(event.withdrawn));
  const reset = event.reset.flatMap((id) => run.nodes.get(id) ?? []);
  for (const node of reset) resetNode(run, node);
  for (const node of reset) {
    node.open = 0;
    node.succeeded = 0;
    node.failed = 0;
    for (const predecessor of node.predecessors) countPredecessor(predecessor, node);
    judge(run, node);
  }
}

function resetNode(run: Run, node: Node): void {
  releaseAttempt(run, node);
  unqueue(run, node);
  setTimer(run, node, null);
  setState(run, node, 'PENDING');
  Object.assign(node, {
    attemptsBefore: node.attempts,
    retriesUsed: [],
    losses: 0,
    round: node.round + 1,
    startedAt: null,
    finishedAt: null,
    worker: null,
    output: null,
    error: null,
    isHandled: false,
    endedBecause: null,
  });
}

/** Nodes that a re-run part had made are gone, with their edges. */
function withdraw(run: Run, ids: ReadonlySet<string>): void {
  if (ids.size === 0) return;
  for (const id of ids) {
    const node = run.nodes.get(id);
    if (node === undefined) continue;
    releaseAttempt(run, node);
    unqueue(run, node);
    setTimer(run, node, null);
    run.counts[node.state] -= 1;
    run.nodes.delete(id);
    for (const predecessor of node.predecessors) predecessor.successors.delete(node);
    for (const successor of node.successors) successor.predecessors.delete(node);
  }
  run.growth = run.growth.map(({ by, change }) => ({ by, change: without(change, ids) }));
}

function without(change: GraphChange, ids: ReadonlySet<string>): GraphChange {
  return {
    nodes: (change.nodes ?? []).filter((node) => !ids.has(node.id)),
    edges: (change.edges ?? []).filter(({ from, to }) => !ids.has(from) && !ids.has(to)),
  };
}
