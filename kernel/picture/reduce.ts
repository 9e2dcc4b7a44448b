// Edges that a drawing can do without, because a way around says the same. Data (`-o json`) keeps them all.
//
// R1  an edge goes only when a way as firm as it leads from its one end to its other, over nodes that come for certain.

import { layersOf } from './layers.ts';
import type { Picture, PictureEdge, PictureNode } from './picture.ts';

/** Beyond this the table of who reaches whom is too large; such a picture is folded, or for machines. */
const LIMIT = 2_000;

export function reduced(picture: Picture): Picture {
  const leading = withoutOrder(picture);
  if (leading.nodes.length > LIMIT) return leading;
  const { layerOf, rows, back } = layersOf(leading);
  const order = rows.flat();
  const place = new Map(order.map((id, index) => [id, index]));
  const comes = new Set(
    leading.nodes.flatMap(({ id, look, ghost }) => (ghost === null || look === 'certain' ? [id] : [])),
  );
  const words = Math.ceil(order.length / 32);
  const out = new Map<string, PictureEdge[]>();
  for (const edge of leading.edges) {
    const known = out.get(edge.from);
    if (known === undefined) out.set(edge.from, [edge]);
    else known.push(edge);
  }
  const gone = new Set<PictureEdge>();
  // What is made is never left out for what may come; what may come is, for what is made.
  for (const isMade of [true, false]) {
    const reach = new Map<string, Uint32Array>();
    for (const id of order.toReversed()) {
      const mine = new Uint32Array(words);
      reach.set(id, mine);
      const ways = (out.get(id) ?? []).filter((edge) => !back.has(edge) && (!isMade || edge.look === 'made'));
      // The nearest first: what they reach needs no edge of its own.
      ways.sort((left, right) => (layerOf.get(left.to) ?? 0) - (layerOf.get(right.to) ?? 0));
      for (const edge of ways) {
        const isFree = (edge.look === 'made') === isMade && edge.label === undefined && edge.look !== 'impossible';
        if (isFree && has(mine, place.get(edge.to))) gone.add(edge);
        if (isFirm(edge) && comes.has(edge.to)) addAll(mine, reach.get(edge.to));
      }
      for (const edge of ways) if (isFirm(edge)) add(mine, place.get(edge.to));
    }
  }
  return gone.size === 0 ? leading : { ...leading, edges: leading.edges.filter((edge) => !gone.has(edge)) };
}

function isFirm({ look }: PictureEdge): boolean {
  return look === 'made' || look === 'certain';
}

function has(set: Uint32Array, place: number | undefined): boolean {
  return place !== undefined && ((set[place >> 5] ?? 0) & (1 << (place & 31))) !== 0;
}

function add(set: Uint32Array, place: number | undefined): void {
  if (place !== undefined) set[place >> 5] = (set[place >> 5] ?? 0) | (1 << (place & 31));
}

function addAll(set: Uint32Array, other: Uint32Array | undefined): void {
  for (let word = 0; word < set.length; word += 1) set[word] = (set[word] ?? 0) | (other?.[word] ?? 0);
}

/**
 * Of edges that are there for the order alone, or that are up to who makes them, only those without which a box would stand alone: what may
 * stand anywhere would else be joined to everything.
 */
function withoutOrder(picture: Picture): Picture {
  const leads = new Set(picture.edges.flatMap(({ from, ghost }) => (ghost?.isOrder === true ? [] : [from])));
  const byId = new Map(picture.nodes.map((node) => [node.id, node]));
  const isMaker = ({ from, to }: PictureEdge): boolean => byId.get(to)?.ghost?.by.includes(from) === true;
  const isLed = (edge: PictureEdge): boolean => edge.ghost?.isRequired === true || isMaker(edge);
  const ledTo = new Set(picture.edges.flatMap((edge) => (isLed(edge) ? [edge.to] : [])));
  const ledFrom = new Set(picture.edges.flatMap((edge) => (isLed(edge) && edge.from !== edge.to ? [edge.from] : [])));
  const isSaid = saidByOthers(picture.edges);
  const edges = picture.edges.filter((edge) => {
    const { from, to, ghost } = edge;
    if (ghost === null || ghost.isRequired) return ghost?.isOrder !== true || !leads.has(from);
    if (ghost.isOrder === true) return !leads.has(from);
    if (byId.get(to)?.ghost == null) return !ledFrom.has(from);
    const isItself = from === to && ghost.kind !== 'next';
    return !isItself && !isSaid(edge) && (isMaker(edge) || !ledTo.has(to));
  });
  return { ...picture, edges: nearest(edges, byId) };
}

/** Whether edges that ghosts bring in any case lead the same way: who may make a parse after each fetch may not make one by itself. */
function saidByOthers(edges: readonly PictureEdge[]): (edge: PictureEdge) => boolean {
  const brought = new Map<string, string[]>();
  for (const { from, to, ghost } of edges) {
    if (ghost?.isRequired !== true || ghost.isOrder === true) continue;
    const known = brought.get(from);
    if (known === undefined) brought.set(from, [to]);
    else known.push(to);
  }
  const reached = new Map<string, Set<string>>();
  return ({ from, to }) => {
    const known = reached.get(from);
    if (known !== undefined) return known.has(to);
    const found = new Set<string>();
    const open = [...(brought.get(from) ?? [])];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      open.push(...(brought.get(id) ?? []));
    }
    reached.set(from, found);
    return found.has(to);
  };
}

/** What may come before a node may come before all that follow it, too. */
function nearest(edges: readonly PictureEdge[], byId: ReadonlyMap<string, PictureNode>): PictureEdge[] {
  const made = new Map<string, string[]>();
  const mayPrecede = new Map<string, string[]>();
  for (const { from, to, ghost } of edges) {
    const isLoose = ghost !== null && !ghost.isRequired && byId.get(to)?.ghost === null;
    const map = isLoose ? mayPrecede : ghost === null ? made : null;
    if (map === null) continue;
    const known = map.get(from);
    if (known === undefined) map.set(from, [to]);
    else known.push(to);
  }
  const further = new Map<string, Set<string>>();
  for (const [from, targets] of mayPrecede) {
    const reached = new Set<string>();
    const open = targets.flatMap((id) => made.get(id) ?? []);
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (reached.has(id)) continue;
      reached.add(id);
      open.push(...(made.get(id) ?? []));
    }
    further.set(from, reached);
  }
  return edges.filter(
    ({ from, to, ghost }) => ghost === null || ghost.isRequired || further.get(from)?.has(to) !== true,
  );
}
