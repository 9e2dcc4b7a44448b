// Why a node stands where it stands: what it waits for, in order, in words for people. Reads a run and changes nothing; whether
// anybody is there to work on it is for the caller to add.

import { formLines } from './form.ts';
import { inputOf } from './input.ts';
import type { Node } from './node.ts';
import type { Now } from './ports.ts';
import { isReady } from './ready.ts';
import type { Run } from './run.ts';
import { timeText } from './time.ts';

const SHOWN = 10;

/** Null when the run has no such node. The first line is the answer, the rest what is behind it. */
export function why(run: Run, id: string, now: Now): string[] | null {
  const node = run.nodes.get(id);
  if (node === undefined) return null;
  const head = `${node.id} is ${node.state}`;
  if (node.isTerminal) return [`${head}${endedHow(run, node)}`, ...followedBy(node)];
  return [head, ...reasons(run, node, now)];
}

function endedHow(run: Run, node: Node): string {
  const attempts = node.attempts > 1 ? ` after ${node.attempts} attempts` : '';
  if (node.endedBecause === 'When') return `: its condition was false: ${node.task.when ?? ''}`;
  if (node.endedBecause === 'Trigger')
    return `: its trigger ${node.task.trigger ?? 'AllSuccess'} could not come true any more`;
  if (node.endedBecause === 'Stopped') return ': it was stopped before it ran';
  const error = node.error === null ? '' : `: ${node.error.type}: ${node.error.message}`;
  if (node.endedBecause !== 'RunFailing') return `${attempts}${error}`;
  const first = run.firstFailure;
  const failing =
    first === null ? 'the run was failing already' : `task "${first.id}" failed and the policy is FailFast`;
  return node.state === 'FAILED'
    ? `${attempts}${error}; not tried again, because ${failing}`
    : `: it had not started when ${failing}`;
}

/** For a node that was skipped: the predecessors that decided it. */
function followedBy(node: Node): string[] {
  if (node.endedBecause !== 'Trigger') return [];
  return listed(
    [...node.predecessors]
      .filter(({ state }) => state !== 'SUCCESS')
      .map((predecessor) => `${predecessor.id} is ${predecessor.state}`),
  );
}

function reasons(run: Run, node: Node, now: Now): string[] {
  if (node.current !== null) return attemptReasons(node, now);
  const due =
    node.timer === null
      ? []
      : [
          `the next attempt is due in ${seconds(node.timer.due - now.time)}; last error: ${node.error?.message ?? 'none'}`,
        ];
  const isNext = isReady(run, node);
  const isWaiting = node.state === 'PENDING' && !isNext;
  const open = isWaiting ? [...node.predecessors].filter((predecessor) => !predecessor.isTerminal) : [];
  const waits = open.map((predecessor) => `waits for ${predecessor.id}, which is ${predecessor.state}`);
  return [...due, ...listed(waits), ...runReasons(run, node, isNext)];
}

function attemptReasons(node: Node, now: Now): string[] {
  const { current, timer } = node;
  const { executor } = node.task;
  const limit =
    timer === null
      ? []
      : [
          `${executor.type === 'wait' ? 'ends' : 'times out'} in ${seconds(timer.due - (node.isTimerWall ? now.wall : now.time))}`,
        ];
  if (executor.type === 'signal') {
    const asked = formLines(node).map((line) => `asks for ${line}`);
    return [`waits for the signal "${executor.name}"`, ...listed(asked), ...limit];
  }
  if (current?.fence == null) return limit;
  if (current.stopping !== null) return [`attempt ${node.attempts} is being stopped: ${current.stopping}`];
  if (current.slot === null)
    return [`attempt ${node.attempts} is offered to worker ${current.worker ?? ''}, which has not taken it yet`];
  const since = node.startedAt === null ? '' : ` since ${timeText(node.startedAt)}`;
  return [`attempt ${node.attempts} runs on worker ${current.worker ?? ''}${since}`, ...limit];
}

function runReasons(run: Run, node: Node, isNext: boolean): string[] {
  const reasons: string[] = [];
  if (run.end !== null) reasons.push(`the run has ended: ${run.end.phase}`);
  if (run.isSuspended) reasons.push('the run is suspended: nothing new starts');
  if (run.isCancelling) reasons.push('the run is being cancelled');
  if (run.isFailing) reasons.push(`task "${run.firstFailure?.id ?? ''}" failed and the policy is FailFast`);
  for (const restart of run.restarts) reasons.push(`the run is being restarted from "${restart.node}"`);
  if (!isNext) return reasons;
  if (run.toCheck.has(node)) reasons.push('its input is checked against its schema before it starts');
  if (run.active >= run.parallelism) reasons.push(`${run.active} tasks run and parallelism is ${run.parallelism}`);
  const ahead = [...run.queue].indexOf(node);
  if (reasons.length === 0 && ahead >= 0)
    reasons.push(`is ready and waits for a free slot of a worker; ${ahead} ready tasks of this run come first`);
  const input = inputOf(run, node);
  return input === undefined ? reasons : [...reasons, `its input is ${JSON.stringify(input).slice(0, 200)}`];
}

function listed(lines: string[]): string[] {
  return lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `... and ${lines.length - SHOWN} more`];
}

function seconds(ms: number): string {
  return `${Math.max(0, ms / 1000).toFixed(1)} s`;
}
