// Questions about the shape of a run's graph. All iterative: a chain of 10,000 nodes is ordinary input.

import type { Node } from './node.ts';
import type { Run } from './run.ts';

/** What a restart of a node touches. */
export interface RestartSet {
  /** The node, all that follows it, and what a failing run had skipped: these start anew. */
  readonly reset: readonly Node[];
  /** Made by members of the set: these go. */
  readonly withdrawn: readonly Node[];
}

export function restartSet(run: Run, start: Node): RestartSet {
  const madeBy = new Map<string, Node[]>();
  for (const node of run.nodes.values()) {
    if (node.createdBy === null) continue;
    const made = madeBy.get(node.createdBy);
    if (made === undefined) madeBy.set(node.createdBy, [node]);
    else made.push(node);
  }
  const members = new Set<Node>();
  const withdrawn = new Set<Node>();
  const open: Node[] = [start];
  // What failed only because something else did comes back with it, and all that follows.
  for (const node of run.nodes.values()) if (node.endedBecause === 'RunFailing') open.push(node);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (members.has(node)) continue;
    members.add(node);
    for (const made of madeBy.get(node.id) ?? []) {
      withdrawn.add(made);
      open.push(made);
    }
    for (const successor of node.successors) open.push(successor);
    // What was stopped before it ended comes back with what waits for it.
    for (const predecessor of node.predecessors) if (predecessor.state === 'CANCELLED') open.push(predecessor);
  }
  // In the order of the graph, in which they then also become ready.
  const inOrder = [...run.nodes.values()].filter((node) => members.has(node));
  return {
    reset: inOrder.filter((node) => !withdrawn.has(node)),
    withdrawn: inOrder.filter((node) => withdrawn.has(node)),
  };
}

/** Nodes that nothing follows. */
export function sinks(run: Run): Node[] {
  return [...run.nodes.values()].filter((node) => node.successors.size === 0);
}
