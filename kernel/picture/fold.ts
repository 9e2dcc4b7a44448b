// Folding: what is alike becomes one box with a count, so that a picture can be read at 5 nodes and at 500.
//
// F1  nodes of one box look alike (task, state, kind of ghost); a box is as far from the start as each of its nodes.
// F2  a small picture is folded only where many are alike; a larger one more, until it can be read or nothing is left to fold.
// F3  between two boxes there is an edge when there is one between any of their nodes; the firmest of them is shown.

import { type Layers, layersOf } from './layers.ts';
import type { EdgeLook, Fold, Picture, PictureEdge, PictureNode } from './picture.ts';

/** Boxes that a reader takes in. */
const LEGIBLE = 60;
const MANY = 5;
const CHAIN = 3;

export function folded(picture: Picture): Picture {
  const layers = layersOf(picture);
  const alike = groups(picture.nodes, kindsOf(picture, layers));
  const twins = merge(
    picture,
    alike.filter((ids) => ids.length >= MANY),
    'twins',
  );
  if (twins.nodes.length <= LEGIBLE) return twins;
  const all = shorter(merge(picture, alike, 'twins'));
  if (all.nodes.length <= LEGIBLE) return all;
  const layered = merge(picture, groups(picture.nodes, layerMates(layers)), 'layer');
  return layered.nodes.length <= LEGIBLE ? layered : shorter(layered);
}

function shorter(picture: Picture): Picture {
  return merge(picture, chainsOf(picture), 'chain');
}

// --- who is alike --------------------------------------------------------------------------------

/** Nodes are alike that look alike and whose ways from the start and to the end do: one number for all that lies before, one for all after. */
function kindsOf(picture: Picture, { rows, back }: Layers): (node: PictureNode) => string {
  const keys = numbered(picture.nodes.map((node) => [node.id, lookKey(node)] as const));
  const forward = picture.edges.filter((edge) => !back.has(edge));
  const order = rows.flat();
  const before = numbers(order, keys, forward, (edge) => [edge.to, edge.from]);
  const after = numbers(order.toReversed(), keys, forward, (edge) => [edge.from, edge.to]);
  return ({ id }) => `${before.get(id) ?? 0}/${after.get(id) ?? 0}`;
}

function lookKey({ task, state, look, ghost, color, label }: PictureNode): string {
  // Without a task it goes by its name: part-1 and part-2 are alike, extract and load are not.
  const name = task ?? label.replace(/\d+/g, '#');
  const kind = ghost === null ? '' : JSON.stringify({ ...ghost, by: [] });
  return `${look}\n${state ?? ''}\n${color ?? ''}\n${kind}\n${name}`;
}

/** The same number for the same key. */
function numbered(keys: Iterable<readonly [id: string, key: string]>): Map<string, number> {
  const byKey = new Map<string, number>();
  const found = new Map<string, number>();
  for (const [id, key] of keys) {
    const number = byKey.get(key) ?? byKey.size;
    byKey.set(key, number);
    found.set(id, number);
  }
  return found;
}

function numbers(
  order: readonly string[],
  looks: ReadonlyMap<string, number>,
  edges: readonly PictureEdge[],
  ends: (edge: PictureEdge) => [near: string, far: string],
): Map<string, number> {
  const far = new Map<string, PictureEdge[]>();
  for (const edge of edges) {
    const [near] = ends(edge);
    const known = far.get(near);
    if (known === undefined) far.set(near, [edge]);
    else known.push(edge);
  }
  const byKey = new Map<string, number>();
  const found = new Map<string, number>();
  for (const id of order) {
    const parts = (far.get(id) ?? []).map((edge) => `${found.get(ends(edge)[1]) ?? 0}${edge.look}${edge.label ?? ''}`);
    const key = `${looks.get(id) ?? 0}:${(parts.length < 2 ? parts : [...new Set(parts)].sort()).join()}`;
    const number = byKey.get(key) ?? byKey.size;
    byKey.set(key, number);
    found.set(id, number);
  }
  return found;
}

function layerMates({ layerOf }: Layers): (node: PictureNode) => string {
  return ({ id, look, ghost }) => `${layerOf.get(id) ?? 0}/${look}/${ghost === null ? '' : `${ghost.kind}/${id}`}`;
}

/** Those of the same key, where there are several. */
function groups(nodes: readonly PictureNode[], keyOf: (node: PictureNode) => string): string[][] {
  const byKey = new Map<string, string[]>();
  for (const node of nodes) {
    const key = keyOf(node);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [node.id]);
    else known.push(node.id);
  }
  return [...byKey.values()].filter((ids) => ids.length > 1);
}

/** Runs of nodes that only follow one another. */
function chainsOf({ nodes, edges }: Picture): string[][] {
  const next = only(edges, ({ from }) => from);
  const previous = only(edges, ({ to }) => to);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const follower = (id: string): string | undefined => {
    const edge = next.get(id);
    if (edge == null || previous.get(edge.to) == null || edge.label !== undefined || edge.to === id) return undefined;
    const [one, other] = [byId.get(id), byId.get(edge.to)];
    const isAlike = one?.look === other?.look && one?.ghost?.kind === other?.ghost?.kind;
    return isAlike && one?.fold === undefined && other?.fold === undefined ? edge.to : undefined;
  };
  const inner = new Set(nodes.flatMap(({ id }) => follower(id) ?? []));
  return nodes.flatMap(({ id }) => {
    if (inner.has(id)) return [];
    const chain = [id];
    for (let at = follower(id); at !== undefined; at = follower(at)) chain.push(at);
    return chain.length < CHAIN ? [] : [chain];
  });
}

/** The one edge at each end that has one; null where there are several. */
function only(edges: readonly PictureEdge[], endOf: (edge: PictureEdge) => string): Map<string, PictureEdge | null> {
  const found = new Map<string, PictureEdge | null>();
  for (const edge of edges) found.set(endOf(edge), found.has(endOf(edge)) ? null : edge);
  return found;
}

// --- one box for several -------------------------------------------------------------------------

const FIRMNESS: readonly EdgeLook[] = ['impossible', 'possible', 'certain', 'made'];

function merge(picture: Picture, members: readonly (readonly string[])[], form: Fold['form']): Picture {
  if (members.length === 0) return picture;
  const byId = new Map(picture.nodes.map((node) => [node.id, node]));
  const boxOf = new Map<string, string>();
  const boxes = new Map<string, PictureNode>();
  for (const ids of members) {
    const inside = ids.flatMap((id) => byId.get(id) ?? []);
    const [first] = inside;
    if (first === undefined) continue;
    for (const id of ids) boxOf.set(id, first.id);
    boxes.set(first.id, boxFor(first, inside, form));
  }
  const nodes = picture.nodes.flatMap((node) => (boxOf.has(node.id) ? (boxes.get(node.id) ?? []) : [node]));
  const edges = new Map<string, PictureEdge>();
  for (const edge of picture.edges) {
    const from = boxOf.get(edge.from) ?? edge.from;
    const to = boxOf.get(edge.to) ?? edge.to;
    if (from === to && boxOf.has(edge.from) && edge.from !== edge.to) continue;
    const key = `${from}\n${to}\n${edge.label ?? ''}`;
    const known = edges.get(key);
    if (known === undefined || FIRMNESS.indexOf(edge.look) > FIRMNESS.indexOf(known.look))
      edges.set(key, { ...edge, from, to });
  }
  return { ...picture, nodes, edges: [...edges.values()] };
}

function boxFor(first: PictureNode, inside: readonly PictureNode[], form: Fold['form']): PictureNode {
  const ids = inside.flatMap((node) => node.fold?.ids ?? [node.id]);
  const last = inside.at(-1) ?? first;
  const isOneTask = form !== 'chain' && first.task !== null && inside.every(({ task }) => task === first.task);
  const label = isOneTask ? (first.task ?? '') : `${first.label} ${form === 'chain' ? '→' : '…'} ${last.label}`;
  const { color: _color, ...plain } = first;
  const color =
    first.color !== undefined && inside.every((node) => node.color === first.color) ? { color: first.color } : {};
  return { ...plain, ...color, label, fold: { form, count: ids.length, ids } };
}
