// Undoing: when a run fails or is cancelled, what its tasks did is taken back, the last one first.
//
// Owns: which nodes are compensated, and by what. They are nodes like any other, one after the other, with the output of the task as their
// input; so they survive what every node survives. One that fails does not keep the others from running.

import type { Futures, Ghost, GhostEdge } from './ghost.ts';
import { isTerminal, type Node } from './node.ts';
import type { Run } from './run.ts';
import type { GraphChange } from './task.ts';

export const COMPENSATION_PREFIX = 'compensate/';

/** Id of the node that undoes the node of this id. */
export function compensationId(id: string): string {
  return COMPENSATION_PREFIX + id;
}

/** Ids of nodes that succeeded and can be undone, the last that ended first. */
export function toCompensate(run: Run): string[] {
  return [...run.nodes.values()]
    .filter(
      (node) =>
        node.state === 'SUCCESS' && node.task.compensate !== undefined && !run.nodes.has(compensationId(node.id)),
    )
    .sort((left, right) => right.endedAs - left.endedAs)
    .map(({ id }) => id);
}

/** The node that undoes `node`, after `before`. Null when there is nothing to undo it with. */
export function compensationOf(node: Node, before: string | null): GraphChange | null {
  const { compensate } = node.task;
  if (compensate === undefined) return null;
  const given = compensate.with === undefined ? { input: node.output } : {};
  const task = { ...given, ...compensate, trigger: 'AllDone' as const };
  const spec = { id: compensationId(node.id), task };
  return { nodes: [before === null ? spec : { ...spec, dependencies: [before] }] };
}

export function isCompensation(node: Node): boolean {
  return node.createdBy !== null && node.id === compensationId(node.createdBy);
}

/** What would be undone, and in which order, were the run to fail now or later: nothing of it is certain. */
export function compensationFutures(run: Run): Futures {
  if (run.end !== null || run.undoing !== null) return { ghosts: [], edges: [] };
  const mayBeUndone = [...run.nodes.values()].filter(
    ({ task, state }) => task.compensate !== undefined && (state === 'SUCCESS' || !isTerminal(state)),
  );
  const ghosts = mayBeUndone.map((node): Ghost => {
    const { id, task } = node;
    const label = task.compensate?.display?.label ?? `undo ${id}`;
    return {
      id: compensationId(id),
      kind: 'next',
      task: task.compensate?.task ?? null,
      label,
      atLeast: 0,
      atMost: 1,
      by: [id],
    };
  });
  const done = mayBeUndone
    .filter(({ state }) => state === 'SUCCESS')
    .sort((left, right) => right.endedAs - left.endedAs);
  // A task always comes before what undoes it, though no edge will say so.
  const edges = mayBeUndone.map(({ id }): GhostEdge => ({ from: id, to: compensationId(id), isRequired: false }));
  done.slice(1).forEach((node, index) => {
    edges.push({ from: compensationId(done[index]?.id ?? ''), to: compensationId(node.id), isRequired: true });
  });
  // What is still to end is undone before all that has ended, in an order that nobody knows yet.
  const [last] = done;
  const unended = mayBeUndone.filter(({ state }) => state !== 'SUCCESS');
  for (const node of last === undefined ? [] : unended)
    edges.push({ from: compensationId(node.id), to: compensationId(last?.id ?? ''), isRequired: false });
  const among = new Set(unended);
  for (const node of unended) {
    for (const before of node.predecessors)
      if (among.has(before))
        edges.push({ from: compensationId(node.id), to: compensationId(before.id), isRequired: false });
  }
  return { ghosts, edges };
}
