// How nodes and edges were told to look, on top of what their tasks say. Cosmetic: nothing but pictures reads it.
// Derived from the changes of a run; a new round dresses it anew, without what members of the restart had said.

import type { Node } from './node.ts';
import type { Display, GraphChange } from './task.ts';

export class Dress {
  readonly #nodes = new Map<string, Display>();
  readonly #edges = new Map<string, Display>();

  take({ edges, display }: GraphChange): void {
    for (const { from, to, display: look } of edges ?? []) if (look !== undefined) this.#edge(from, to, look);
    for (const one of display ?? []) {
      if ('edge' in one) this.#edge(one.edge.from, one.edge.to, one.display);
      else this.#nodes.set(one.node, { ...this.#nodes.get(one.node), ...one.display });
    }
  }

  ofNode({ id, task }: Node): Display {
    return { ...task.display, ...this.#nodes.get(id) };
  }

  ofEdge(from: string, to: string): Display {
    return this.#edges.get(JSON.stringify([from, to])) ?? {};
  }

  #edge(from: string, to: string, look: Display): void {
    const key = JSON.stringify([from, to]);
    this.#edges.set(key, { ...this.#edges.get(key), ...look });
  }
}

export function dressOf(changes: Iterable<GraphChange>): Dress {
  const dress = new Dress();
  for (const change of changes) dress.take(change);
  return dress;
}
