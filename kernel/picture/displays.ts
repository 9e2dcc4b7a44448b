// How nodes and edges shall be shown: what registration said, then what every change said after it.

import type { Node } from '../node.ts';
import type { Run } from '../run.ts';
import type { Display, GraphChange } from '../task.ts';

export interface Displays {
  readonly node: (node: Node) => Display;
  readonly edges: ReadonlyMap<string, Display>;
}

export function edgeKey(from: string, to: string): string {
  return `${from}\n${to}`;
}

export function displaysOf(run: Run): Displays {
  const nodes = new Map<string, Display>();
  const edges = new Map<string, Display>();
  const take = (change: GraphChange): void => {
    for (const { from, to, display } of change.edges ?? [])
      if (display !== undefined) dress(edges, edgeKey(from, to), display);
    for (const dressing of change.display ?? []) {
      if ('node' in dressing) dress(nodes, dressing.node, dressing.display);
      else dress(edges, edgeKey(dressing.edge.from, dressing.edge.to), dressing.display);
    }
  };
  take(run.registration.change);
  for (const { change } of run.growth) take(change);
  return { node: (node) => ({ ...node.task.display, ...nodes.get(node.id) }), edges };
}

function dress(known: Map<string, Display>, key: string, display: Display): void {
  known.set(key, { ...known.get(key), ...display });
}
