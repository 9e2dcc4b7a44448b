// Finds a cycle among nodes that are given as lists of predecessors. Iterative; linear in nodes and edges.

/** Indexes of one cycle, each a predecessor of the next and the last of the first; undefined when there is none. */
export function findCycle(predecessors: readonly (readonly number[])[]): readonly number[] | undefined {
  const waiting = predecessors.map((list) => list.length);
  const followers: number[][] = predecessors.map(() => []);
  for (const [node, list] of predecessors.entries()) for (const from of list) followers[from]?.push(node);
  const free: number[] = [];
  for (const [node, count] of waiting.entries()) if (count === 0) free.push(node);
  let done = 0;
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    done += 1;
    for (const follower of followers[node] ?? []) {
      const left = (waiting[follower] ?? 0) - 1;
      waiting[follower] = left;
      if (left === 0) free.push(follower);
    }
  }
  return done === predecessors.length ? undefined : walkBack(predecessors, waiting);
}

/** Every node that still waits has a predecessor that still waits: going back must meet a node again. */
function walkBack(predecessors: readonly (readonly number[])[], waiting: readonly number[]): readonly number[] {
  const positions = new Map<number, number>();
  const walk: number[] = [];
  let node = waiting.findIndex((count) => count > 0);
  while (!positions.has(node)) {
    positions.set(node, walk.length);
    walk.push(node);
    node = (predecessors[node] ?? []).find((from) => (waiting[from] ?? 0) > 0) ?? node;
  }
  const cycle = walk.slice(positions.get(node)).reverse();
  // Begins with the node that was written first, so that the message reads from there.
  const start = cycle.indexOf(cycle.reduce((least, index) => Math.min(least, index)));
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}
