// Nodes in the order in which they came, with any of them able to leave: what is ready, and who waits for a signal.
//
// A Set would do, but for one thing: looking at its first member walks over the holes of all that have left, so that taking
// 100,000 nodes from the front one by one is quadratic.
//
// Q1  adding, leaving and looking at the first cost O(1) each, shared out over all of them.
// Q2  a node stands in a queue once; added again it keeps its place.

import type { Node } from './node.ts';

/** Below this many places nothing is tidied up. */
const SMALL = 32;

export class NodeQueue implements Iterable<Node> {
  #places: (Node | null)[] = [];
  /** No node stands before this place. */
  #head = 0;
  readonly #placeOf = new Map<Node, number>();

  get size(): number {
    return this.#placeOf.size;
  }

  get first(): Node | null {
    return this.#places[this.#head] ?? null;
  }

  has(node: Node): boolean {
    return this.#placeOf.has(node);
  }

  add(node: Node): void {
    if (this.#placeOf.has(node)) return;
    this.#placeOf.set(node, this.#places.length);
    this.#places.push(node);
  }

  delete(node: Node): void {
    const place = this.#placeOf.get(node);
    if (place === undefined) return;
    this.#placeOf.delete(node);
    this.#places[place] = null;
    while (this.#head < this.#places.length && this.#places[this.#head] === null) this.#head += 1;
    if (this.#places.length > SMALL && this.#places.length > 2 * this.size) this.#closeRanks();
  }

  #closeRanks(): void {
    this.#places = [...this];
    this.#head = 0;
    this.#places.forEach((node, place) => {
      if (node !== null) this.#placeOf.set(node, place);
    });
  }

  /** In order, as they stand when the walk begins or are added behind; not to be changed by deletions meanwhile. */
  *[Symbol.iterator](): Generator<Node> {
    const places = this.#places;
    for (let place = this.#head; place < places.length; place += 1) {
      const node = places[place];
      if (node != null) yield node;
    }
  }
}
