// A run as people and the API see it. Everything here is derived; delete it and it comes back equal.

import type { Json, JsonObject } from './json.ts';
import { type Node, NODE_STATES } from './node.ts';
import { brokenMessage, type Run } from './run.ts';
import { timeText } from './time.ts';

export type Phase = 'Pending' | 'Running' | 'Suspended' | 'Compensating' | 'Succeeded' | 'Failed' | 'Cancelled';

export function phaseOf(run: Run): Phase {
  if (run.end !== null) return run.end.phase;
  if (run.isSuspended) return 'Suspended';
  return run.undoing === null ? 'Running' : 'Compensating';
}

/** The published status: everything but the nodes. */
export function summarize(run: Run, observedGeneration: number): JsonObject {
  const { end } = run;
  return {
    observedGeneration,
    phase: phaseOf(run),
    ...(run.registration.workflow === null ? {} : { workflow: run.registration.workflow }),
    startTime: timeText(run.startedAt),
    ...(end === null ? {} : { completionTime: timeText(end.at) }),
    message: messageOf(run),
    conditions: conditionsOf(run),
    output: end?.output ?? null,
    ...(end === null || end.error === null ? {} : { error: { type: end.error.type, message: end.error.message } }),
    counts: { total: run.nodes.size, ...Object.fromEntries(NODE_STATES.map((state) => [state, run.counts[state]])) },
  };
}

function messageOf(run: Run): string {
  if (run.end !== null) return run.end.message;
  if (run.isCancelling) return 'being cancelled';
  if (run.brokenPromise !== null && run.undoing === null) return `${brokenMessage(run.brokenPromise)}; stopping`;
  if (run.isFailing) return `task "${run.firstFailure?.id ?? ''}" failed; waiting for running tasks to end`;
  if (run.isSuspended) return 'suspended: nothing new starts';
  return run.undoing === null ? '' : `being undone: ${run.undoing.message}`;
}

function conditionsOf(run: Run): JsonObject[] {
  const { end } = run;
  const ended = timeText(end?.at ?? run.startedAt);
  const condition = (type: string, status: string, reason: string, message: string, time: string): JsonObject => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: time,
  });
  const success = end === null ? 'Unknown' : end.phase === 'Succeeded' ? 'True' : 'False';
  const suspendedAt = timeText(run.suspendedAt ?? run.startedAt);
  return [
    condition('Succeeded', success, end?.reason ?? phaseOf(run), messageOf(run), ended),
    condition('Complete', end === null ? 'False' : 'True', end?.phase ?? phaseOf(run), '', ended),
    condition(
      'Suspended',
      run.isSuspended ? 'True' : 'False',
      run.isSuspended ? 'Requested' : 'NotRequested',
      '',
      suspendedAt,
    ),
    run.brokenPromise === null
      ? condition('PromisesHeld', 'True', 'Held', '', timeText(run.startedAt))
      : condition('PromisesHeld', 'False', 'Broken', brokenMessage(run.brokenPromise), timeText(run.brokenPromise.at)),
  ];
}

/** `status.nodes`: by id, in the order in which they came to be. */
export function nodeStatuses(run: Run): JsonObject {
  return Object.fromEntries([...run.nodes.values()].map((node) => [node.id, nodeStatus(node)]));
}

export function nodeStatus(node: Node): JsonObject {
  const present: [string, Json | null][] = [
    ['startTime', node.startedAt === null ? null : timeText(node.startedAt)],
    ['finishTime', node.finishedAt === null ? null : timeText(node.finishedAt)],
    ['worker', node.worker],
    ['progress', node.current?.reported?.progress ?? null],
    ['output', node.output],
    ['error', node.error === null ? null : { type: node.error.type, message: node.error.message }],
    ['task', node.task.task ?? null],
    ['createdBy', node.createdBy],
  ];
  return {
    state: node.state,
    attempts: node.attempts,
    ...Object.fromEntries(present.filter(([, value]) => value !== null)),
    dependencies: Array.from(node.predecessors, ({ id }) => id),
  };
}
