// Where things stand in a drawing: each behind all that leads to it. Loops (of a state machine to come) are drawn back.
//
// L1  an edge that is not `back` leads to a later layer. Without loops no edge is back.
// L2  O(nodes + edges), without recursion: a chain of 10,000 is ordinary input.

import type { Picture, PictureEdge } from './picture.ts';

export interface Layers {
  /** Ids, layer by layer, each in the order of the picture. */
  readonly rows: readonly (readonly string[])[];
  readonly layerOf: ReadonlyMap<string, number>;
  readonly back: ReadonlySet<PictureEdge>;
}

export function layersOf({ nodes, edges }: Picture): Layers {
  const out = new Map<string, PictureEdge[]>(nodes.map(({ id }) => [id, []]));
  const open = new Map<string, number>(nodes.map(({ id }) => [id, 0]));
  for (const edge of edges) out.get(edge.from)?.push(edge);
  const back = backEdges(
    nodes.map(({ id }) => id),
    out,
  );
  for (const edge of edges) if (!back.has(edge)) open.set(edge.to, (open.get(edge.to) ?? 0) + 1);
  const layerOf = new Map<string, number>();
  const ready = nodes.flatMap(({ id }) => (open.get(id) === 0 ? [id] : []));
  for (const id of ready) layerOf.set(id, 0);
  for (let next = 0; next < ready.length; next += 1) {
    const id = ready[next] ?? '';
    const layer = layerOf.get(id) ?? 0;
    for (const edge of out.get(id) ?? []) {
      if (back.has(edge)) continue;
      layerOf.set(edge.to, Math.max(layerOf.get(edge.to) ?? 0, layer + 1));
      const left = (open.get(edge.to) ?? 0) - 1;
      open.set(edge.to, left);
      if (left === 0) ready.push(edge.to);
    }
  }
  const rows: string[][] = [];
  for (const { id } of nodes) {
    const layer = layerOf.get(id) ?? 0;
    while (rows.length <= layer) rows.push([]);
    rows[layer]?.push(id);
  }
  return { rows, layerOf, back };
}

/** Edges to where a walk came from. What nothing leads to is walked from first, so that a loop is entered where a run enters it. */
function backEdges(ids: readonly string[], out: ReadonlyMap<string, readonly PictureEdge[]>): Set<PictureEdge> {
  const back = new Set<PictureEdge>();
  const hasBefore = new Set<string>();
  for (const edges of out.values()) for (const { to } of edges) hasBefore.add(to);
  const state = new Map<string, 'open' | 'done'>();
  const starts = [...ids.filter((id) => !hasBefore.has(id)), ...ids.filter((id) => hasBefore.has(id))];
  for (const start of starts) {
    if (state.has(start)) continue;
    const path: { id: string; next: number }[] = [{ id: start, next: 0 }];
    state.set(start, 'open');
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      const edge = out.get(frame.id)?.[frame.next];
      frame.next += 1;
      if (edge === undefined) {
        state.set(frame.id, 'done');
        path.pop();
      } else if (state.get(edge.to) === 'open') back.add(edge);
      else if (!state.has(edge.to)) {
        state.set(edge.to, 'open');
        path.push({ id: edge.to, next: 0 });
      }
    }
  }
  return back;
}
