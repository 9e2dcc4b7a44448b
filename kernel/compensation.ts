// Undoing: when a run fails or is cancelled, what its tasks did is taken back, the last one first.
//
// Owns: which nodes are compensated, and by what. They are nodes like any other, one after the other, with the output of the task as their
// input; so they survive what every node survives. One that fails does not keep the others from running.

import type { Node } from './node.ts';
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
