// The small moves that the fold of events is made of. Each keeps the indexes of the run (R2, R3, counts, timers) in step with the
// node that it changes. Only the fold calls them: apply.ts, ready.ts, round.ts.

import type { Node, NodeState } from './node.ts';
import type { BrokenPromise, Run } from './run.ts';

export function setState(run: Run, node: Node, state: NodeState): void {
  if (node.state !== state) run.moves?.push({ node, from: node.state, to: state });
  run.counts[node.state] -= 1;
  run.counts[state] += 1;
  node.state = state;
}

/** Null: no timer. `isWall`: on wall time. */
export function setTimer(run: Run, node: Node, due: number | null, isWall = false): void {
  node.timer = due === null ? null : { due, owner: node };
  node.isTimerWall = node.timer !== null && isWall;
  if (node.timer !== null) (isWall ? run.wallTimers : run.timers).add(node.timer);
}

export function unqueue(run: Run, node: Node): void {
  run.queue.delete(node);
  run.inlineReady.delete(node);
  run.mockReady.delete(node);
  run.toCheck.delete(node);
  run.toSkip.delete(node);
}

/** The attempt under way, if there is one, is no more. */
export function releaseAttempt(run: Run, node: Node): void {
  const attempt = node.current;
  if (attempt === null) return;
  const { executor } = node.task;
  if (attempt.fence !== null) run.leases.delete(attempt.fence);
  if (attempt.fence !== null || node.isMock) run.active -= 1;
  if (executor.type === 'signal') {
    const waits = run.signalWaits.get(executor.name);
    waits?.delete(node);
    if (waits?.size === 0) run.signalWaits.delete(executor.name);
  }
  node.current = null;
  setTimer(run, node, null);
}

/** Nothing new starts, and what runs is stopped (decide.ts). */
export function breakPromise(run: Run, broken: BrokenPromise): void {
  if (run.end !== null || run.undoing !== null) return;
  run.brokenPromise ??= broken;
  run.isFailing = true;
}
