// A topological order of a run's nodes that is kept up as edges come: it finds cycles, and says who stands before whom.
//
// Pearce and Kelly: an edge that agrees with the order costs nothing; one that does not is searched for only between its ends, and only
// what lies between them moves. A new node takes a place of its own between its neighbours, so a node that comes costs its edges.
//
// O1  for every edge that was linked, the label of its start is smaller than that of its end.
// O2  derived: any two runs with the same edges are equal, however their labels differ.

import type { Node } from './node.ts';

/** A place in the order: a linked list with labels that only grow along it. */
export interface Rank {
  label: number;
  node: Node;
  before: Rank | null;
  after: Rank | null;
}

const GAP = 2 ** 20;

export class Order {
  #first: Rank | null = null;
  #last: Rank | null = null;

  /** Gives a node its place: behind all of `after`, and before all of `before` where both can be. */
  add(node: Node, after: Iterable<Node>, before: Iterable<Node>): void {
    let low: Rank | null = null;
    for (const { rank } of after) if (rank !== null && (low === null || rank.label > low.label)) low = rank;
    let high: Rank | null = null;
    for (const { rank } of before) if (rank !== null && (high === null || rank.label < high.label)) high = rank;
    const left: Rank | null = low ?? (high === null ? this.#last : high.before);
    // At the end, unless something must come behind it: most graphs are told from the front.
    this.#insert(node, high === null ? this.#last : left);
  }

  remove({ rank }: Node): void {
    if (rank === null) return;
    if (rank.before === null) this.#first = rank.after;
    else rank.before.after = rank.after;
    if (rank.after === null) this.#last = rank.before;
    else rank.after.before = rank.before;
    rank.node.rank = null;
  }

  /**
   * Makes room for an edge. Null when it may be linked, else the nodes of a path from `to` to `from`, which it would close.
   * All edges that are linked must agree with the order.
   */
  admit(from: Node, to: Node): Node[] | null {
    if (from === to) return [from];
    if (labelOf(from) < labelOf(to)) return null;
    const forward = new Map<Node, Node | null>([[to, null]]);
    for (const node of forward.keys()) {
      for (const next of node.successors) {
        if (labelOf(next) > labelOf(from) || forward.has(next)) continue;
        forward.set(next, node);
        if (next === from) return pathTo(forward, from);
      }
    }
    const backward = new Set([from]);
    for (const node of backward)
      for (const next of node.predecessors) if (labelOf(next) > labelOf(to)) backward.add(next);
    const moved = [...inOrder(backward), ...inOrder(forward.keys())];
    const ranks = moved.flatMap(({ rank }) => rank ?? []).sort((left, right) => left.label - right.label);
    for (const [index, rank] of ranks.entries()) {
      const node = moved[index] as Node;
      rank.node = node;
      node.rank = rank;
    }
    return null;
  }

  #insert(node: Node, before: Rank | null): void {
    const after = before === null ? this.#first : before.after;
    const rank: Rank = { label: 0, node, before, after };
    if (before === null) this.#first = rank;
    else before.after = rank;
    if (after === null) this.#last = rank;
    else after.before = rank;
    node.rank = rank;
    const low = before?.label ?? (after === null ? 0 : after.label - 2 * GAP);
    const high = after?.label ?? low + 2 * GAP;
    rank.label = Math.floor((low + high) / 2);
    if (rank.label <= low || rank.label >= high) this.#spread(rank);
  }

  /** No number is left between two neighbours: the labels of the smallest range that has room are spread evenly. */
  #spread(middle: Rank): void {
    const base = middle.before?.label ?? middle.after?.label ?? 0;
    for (let size = 2, room = 1; ; size *= 2, room *= 1.3) {
      const low = Math.floor(base / size) * size;
      let [first, last, count] = [middle, middle, 1];
      for (; first.before !== null && first.before.label >= low; first = first.before) count += 1;
      for (; last.after !== null && last.after.label < low + size; last = last.after) count += 1;
      if (count * room * 2 > size) continue;
      const step = size / (count + 1);
      let label = low;
      for (let rank: Rank | null = first; rank !== null; rank = rank === last ? null : rank.after) {
        label += step;
        rank.label = Math.floor(label);
      }
      return;
    }
  }
}

/** Of a node that has a place; those of nodes without one are before all others. */
export function labelOf(node: Node): number {
  return node.rank?.label ?? Number.NEGATIVE_INFINITY;
}

export function inOrder(nodes: Iterable<Node>): Node[] {
  return [...nodes].sort((left, right) => labelOf(left) - labelOf(right));
}

function pathTo(cameFrom: ReadonlyMap<Node, Node | null>, end: Node): Node[] {
  const path: Node[] = [];
  for (let node: Node | null = end; node !== null; node = cameFrom.get(node) ?? null) path.push(node);
  return path.reverse();
}
