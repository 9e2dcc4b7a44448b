// How a node stands, in one word: what it did, what it does, and for one that has not begun, whether it will.
//
// K1  nobody foresees failures: "certain" means that nothing but a failure, a cancel or a person keeps it from its turn.
// K2  a condition whose places are all known already is looked at now; one that is not makes a node possible.

import { holds, parseExpression, pathsOf } from '../expression.ts';
import { resolveInRun } from '../input.ts';
import type { Node } from '../node.ts';
import type { Run } from '../run.ts';
import type { Look } from './picture.ts';

export function looksOf(run: Run): Map<Node, Look> {
  const looks = new Map<Node, Look>();
  // Predecessors first; a graph has no cycle, so each node is reached.
  const open = new Map<Node, number>();
  const ready: Node[] = [];
  for (const node of run.nodes.values()) {
    open.set(node, node.predecessors.size);
    if (node.predecessors.size === 0) ready.push(node);
  }
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    looks.set(node, lookOf(run, node, looks));
    for (const successor of node.successors) {
      const left = (open.get(successor) ?? 0) - 1;
      open.set(successor, left);
      if (left === 0) ready.push(successor);
    }
  }
  return looks;
}

function lookOf(run: Run, node: Node, looks: ReadonlyMap<Node, Look>): Look {
  switch (node.state) {
    case 'SUCCESS':
      return 'done';
    case 'FAILED':
      return 'failed';
    case 'SKIPPED':
      return 'skipped';
    case 'CANCELLED':
      return 'cancelled';
    case 'RUNNING':
      return 'running';
    case 'RETRYING':
    case 'WAITING':
      return 'waiting';
    case 'PENDING':
      return pendingLook(run, node, looks);
  }
}

function pendingLook(run: Run, node: Node, looks: ReadonlyMap<Node, Look>): Look {
  if (run.end !== null || run.toSkip.has(node)) return 'impossible';
  if (node.current !== null) return 'certain';
  if (run.isFailing || run.isCancelling || run.brokenPromise !== null) return 'impossible';
  if (run.queue.has(node) || run.inlineReady.has(node) || run.mockReady.has(node)) return 'certain';
  const look = triggerLook(run, node, looks);
  return look === 'impossible' ? look : conditionLook(run, node, look);
}

function triggerLook(run: Run, node: Node, looks: ReadonlyMap<Node, Look>): Look {
  const before = Array.from(node.predecessors, (predecessor) => ({
    isGood: predecessor.state === 'SUCCESS' || predecessor.isHandled,
    isFailed: predecessor.state === 'FAILED' && !predecessor.isHandled,
    isOver: predecessor.isTerminal,
    look: looks.get(predecessor) ?? 'possible',
  }));
  const isHopeless = before.some(({ isOver, isGood, look }) => (isOver && !isGood) || look === 'impossible');
  const mayBeSkipped = before.some(({ look }) => look === 'possible');
  switch (node.task.trigger ?? 'AllSuccess') {
    case 'AllSuccess':
      return isHopeless ? 'impossible' : mayBeSkipped ? 'possible' : 'certain';
    case 'AllDone':
      return 'certain';
    case 'AnySuccess': {
      const hopes = before.filter(({ isOver, isGood, look }) => (isOver ? isGood : look !== 'impossible'));
      if (hopes.length === 0) return before.length === 0 ? 'certain' : 'impossible';
      return hopes.some(({ look }) => look !== 'possible') ? 'certain' : 'possible';
    }
    case 'AnyFailed': {
      if (before.some(({ isFailed }) => isFailed)) return 'certain';
      // With FailFast the failure that it waits for is the end of the run.
      if (run.isFailFast && run.undoing === null) return 'impossible';
      return before.some(({ isOver, look }) => !isOver && look !== 'impossible') ? 'possible' : 'impossible';
    }
  }
}

function conditionLook(run: Run, node: Node, look: Look): Look {
  const { when } = node.task;
  if (when === undefined) return look;
  try {
    const expression = parseExpression(when);
    const isKnown = pathsOf(expression).every(
      ([head, id]) => head !== 'tasks' || run.nodes.get(String(id))?.isTerminal === true,
    );
    if (!isKnown) return 'possible';
    return holds(expression, (path) => resolveInRun(run, path)) ? look : 'impossible';
  } catch {
    // It is false for the engine, too (ready.ts).
    return 'impossible';
  }
}
