// Is a node that has not started ready, hopeless, or to be waited for? Three numbers decide (N1), never a scan.

import { holds, parseExpression } from './expression.ts';
import { resolveInRun } from './input.ts';
import { unqueue } from './moves.ts';
import type { EndedBecause, Node } from './node.ts';
import { PathSyntaxError } from './paths.ts';
import type { Run } from './run.ts';

/** Judges what the event just folded may have changed. */
export function judgeTouched(run: Run): void {
  for (const node of run.unjudged) judge(run, node);
  run.unjudged.length = 0;
}

/** What was said about the node no longer holds: its predecessors are others. */
export function judgeAnew(run: Run, node: Node): void {
  unqueue(run, node);
  node.isInputChecked = false;
  if (node.state === 'PENDING') node.endedBecause = null;
  run.unjudged.push(node);
}

export function judge(run: Run, node: Node): void {
  if (node.state !== 'PENDING' || node.current !== null || isQueued(run, node)) return;
  const bad = node.predecessors.size - node.open - node.succeeded;
  switch (node.task.trigger ?? 'AllSuccess') {
    case 'AllSuccess':
      if (bad > 0) hopeless(run, node, 'Trigger');
      else if (node.open === 0) begin(run, node);
      break;
    case 'AllDone':
      if (node.open === 0) begin(run, node);
      break;
    case 'AnySuccess':
      if (node.succeeded > 0 || node.predecessors.size === 0) begin(run, node);
      else if (node.open === 0) hopeless(run, node, 'Trigger');
      break;
    case 'AnyFailed':
      if (node.failed > 0) begin(run, node);
      else if (node.open === 0) hopeless(run, node, 'Trigger');
      break;
  }
}

function isQueued(run: Run, node: Node): boolean {
  return isReady(run, node) || run.toSkip.has(node);
}

/** It may begin, as far as the graph is concerned. */
export function isReady(run: Run, node: Node): boolean {
  return run.queue.has(node) || run.inlineReady.has(node) || run.mockReady.has(node) || run.toCheck.has(node);
}

/** It never runs; decide says Skipped. */
export function hopeless(run: Run, node: Node, because: EndedBecause): void {
  node.endedBecause = because;
  run.toSkip.add(node);
}

function begin(run: Run, node: Node): void {
  if (isConditionTrue(run, node)) route(run, node);
  else hopeless(run, node, 'When');
}

/** A condition that cannot be read is false: admission and checkChange refuse it, and a journal is never a reason to crash. */
function isConditionTrue(run: Run, node: Node): boolean {
  const { when } = node.task;
  if (when === undefined) return true;
  try {
    return holds(parseExpression(when), (path) => resolveInRun(run, path));
  } catch (error) {
    if (error instanceof PathSyntaxError) return false;
    throw error;
  }
}

/** To whoever starts such a node, a worker or the controller itself; by way of those who check its input. */
export function route(run: Run, node: Node): void {
  if (node.task.inputSchema !== undefined && !node.isInputChecked) run.toCheck.add(node);
  else (node.isMock ? run.mockReady : node.isInline ? run.inlineReady : run.queue).add(node);
}
