// The two limits of an attempt: how long it may take (timeoutSeconds), and how long it may be silent (heartbeatSeconds). One timer is
// enough for both: it stands at whichever comes first.
//
// Owns: when an attempt has run out of which. Does not own: what a sign of life is (apply.ts: a message of the task; decide.ts: a Signal).
//
// H1  a sign of life that comes once the attempt is being stopped changes nothing: why it ends is known by then.

import { setTimer } from './moves.ts';
import type { Attempt, Node } from './node.ts';
import type { Run } from './run.ts';
import type { TaskError, TaskSpec } from './task.ts';
import { dueAfter } from './timers.ts';

/** `began`: engine ms at which the attempt began. */
export function beginLimits(run: Run, node: Node, attempt: Attempt, began: number): void {
  setLimits(node, attempt, began);
  arm(run, node, attempt);
}

/** Without a timer: whoever plays a task knows how long it takes (decide.ts), and that it says nothing meanwhile. */
export function setLimits(node: Node, attempt: Attempt, began: number): void {
  const { timeoutSeconds, heartbeatSeconds } = node.task;
  if (timeoutSeconds !== undefined) attempt.limit = dueAfter(began, timeoutSeconds * 1000);
  if (heartbeatSeconds !== undefined) attempt.silent = dueAfter(began, heartbeatSeconds * 1000);
}

/** How long a task may take that gives no sign of life. */
export function shortestLimit({ timeoutSeconds, heartbeatSeconds }: TaskSpec): number | undefined {
  if (timeoutSeconds === undefined || heartbeatSeconds === undefined) return timeoutSeconds ?? heartbeatSeconds;
  return Math.min(timeoutSeconds, heartbeatSeconds);
}

/** A sign of life. */
export function beat(run: Run, node: Node, attempt: Attempt, time: number): void {
  const { heartbeatSeconds } = node.task;
  if (heartbeatSeconds === undefined || attempt.silent === undefined || attempt.stopping !== null) return;
  attempt.silent = dueAfter(time, heartbeatSeconds * 1000);
  arm(run, node, attempt);
}

function arm(run: Run, node: Node, { limit, silent }: Attempt): void {
  if (limit !== undefined || silent !== undefined)
    setTimer(run, node, Math.min(limit ?? Number.POSITIVE_INFINITY, silent ?? Number.POSITIVE_INFINITY));
}

/** Its silence was what ended it. */
export function wasSilent({ limit, silent }: Attempt): boolean {
  return silent !== undefined && silent < (limit ?? Number.POSITIVE_INFINITY);
}

export function timeoutError(node: Node, attempt: Attempt | null): TaskError {
  const { timeoutSeconds, heartbeatSeconds } = node.task;
  return attempt !== null && wasSilent(attempt)
    ? { type: 'HeartbeatTimeout', message: `gave no sign of life for ${heartbeatSeconds ?? 0} s` }
    : { type: 'Timeout', message: `did not end within ${timeoutSeconds ?? 0} s` };
}
