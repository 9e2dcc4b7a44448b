// Is a picture right? A change is held against the picture before it (sound), and a ghost is made real by trying (tight).

import type { Futures, Ghost } from '../../kernel/ghost.ts';
import { edgeKey, ends, paths, type Plain, type PlainChange, verdict, withChange } from './promise-oracle.ts';
import { IDS } from './promise-world.ts';

/** Null when each new node and edge of an accepted change is a ghost, or a ghost edge, of the picture; else what is not. */
export function uncovered(picture: Futures, before: Plain, change: PlainChange): string | null {
  const after = withChange(before, change);
  const news = [...after.edges].filter((edge) => !before.edges.has(edge) && !isImplied(after, edge)).map(ends);
  const choices = change.nodes.map(({ task }) =>
    picture.ghosts.filter(
      (ghost) =>
        ghost.isImpossible !== true && (ghost.task === null || ghost.task === task) && ghost.by.includes(change.by),
    ),
  );
  const images: readonly ReadonlyMap<string, Ghost>[] = choices.reduce<Map<string, Ghost>[]>(
    (maps, ghosts, index) =>
      maps.flatMap((map) => ghosts.map((ghost) => new Map([...map, [change.nodes[index]?.id ?? '', ghost]]))),
    [new Map()],
  );
  if (images.length === 0) return `no ghost for one of ${JSON.stringify(change.nodes)}`;
  const problems = images.map((image) => imageProblem(picture, image, news));
  return problems.includes(null) ? null : (problems[0] ?? null);
}

function imageProblem(
  picture: Futures,
  image: ReadonlyMap<string, Ghost>,
  news: readonly [string, string][],
): string | null {
  for (const ghost of new Set(image.values())) {
    const count = [...image.values()].filter((one) => one === ghost).length;
    if (ghost.atMost !== null && count > ghost.atMost)
      return `${count} of ${ghost.id}, expected at most ${ghost.atMost}`;
  }
  const drawn = new Set(picture.edges.map(({ from, to }) => edgeKey(from, to)));
  for (const [from, to] of news) {
    const isOld = !image.has(from) && !image.has(to);
    const isDrawn = isOld
      ? (picture.between ?? []).some((group) => group.from.includes(from) && group.to.includes(to))
      : drawn.has(edgeKey(image.get(from)?.id ?? from, image.get(to)?.id ?? to));
    if (!isDrawn)
      return `no ghost edge for ${from} -> ${to}, as ${image.get(from)?.id ?? from} -> ${image.get(to)?.id ?? to}`;
  }
  return null;
}

/** Another path says the same, so the edge orders nothing. */
function isImplied(plain: Plain, edge: string): boolean {
  const edges = new Set(plain.edges);
  edges.delete(edge);
  return paths({ ...plain, edges }).has(edge);
}

/** The graph after a ghost has come, in one of the ways in which it can; null when there is none. */
export function made(
  picture: Futures,
  plain: Plain,
  ghost: Ghost,
  real: ReadonlyMap<string, string> = new Map(),
  depth = 2,
): Plain | null {
  for (const by of ghost.by) {
    const maker = picture.ghosts.find(({ id }) => id === by);
    const id = maker === undefined ? by : real.get(by);
    const found = id === undefined ? null : madeBy(picture, plain, ghost, id, real);
    if (found !== null) return found;
  }
  if (depth === 0) return null;
  // Another ghost comes first: as its maker, or because it stands where an edge must lead.
  const makers = picture.ghosts.filter((one) => one.isImpossible !== true && one !== ghost);
  for (const other of makers.toSorted(
    (left, right) => Number(ghost.by.includes(right.id)) - Number(ghost.by.includes(left.id)),
  )) {
    if (real.has(other.id)) continue;
    const first = made(picture, plain, other, real, 0);
    const id = first === null ? undefined : [...first.nodes.keys()].find((one) => !plain.nodes.has(one));
    const found =
      first === null || id === undefined
        ? null
        : made(picture, first, ghost, new Map([...real, [other.id, id]]), depth - 1);
    if (found !== null) return found;
  }
  return null;
}

function madeBy(
  picture: Futures,
  plain: Plain,
  ghost: Ghost,
  by: string,
  real: ReadonlyMap<string, string>,
): Plain | null {
  const world = begun(plain, by);
  const nameOf = (id: string): string => real.get(id) ?? id;
  const near = picture.edges.flatMap(({ from, to, isRequired }) => {
    const other = from === ghost.id ? nameOf(to) : to === ghost.id ? nameOf(from) : ghost.id;
    // Of a ghost that is many, another one may be meant.
    const isSure = isRequired && (other === from || other === to);
    return plain.nodes.has(other) ? [{ other, isBefore: to === ghost.id, isRequired: isSure }] : [];
  });
  const must = near.filter(({ isRequired }) => isRequired);
  const may = near.filter(({ isRequired }) => !isRequired).slice(0, 8);
  for (let mask = 0; mask < 2 ** may.length; mask += 1) {
    const some = [...must, ...may.filter((_, index) => (mask >> index) % 2 === 1)];
    for (const id of [...IDS, 'A', 'B', 'C', 'g3', 'i0', 'z']) {
      if (plain.nodes.has(id)) continue;
      const dependencies = some.filter(({ isBefore }) => isBefore).map(({ other }) => other);
      const edges = some.filter(({ isBefore }) => !isBefore).map(({ other }) => [id, other] as const);
      const change = { by, nodes: [{ id, task: ghost.task, dependencies }], edges };
      if (verdict(world, change) === 'yes') return withChange(world, change);
    }
  }
  return null;
}

/** As it is once a node runs: all before it has ended. */
function begun(plain: Plain, id: string): Plain {
  const order = paths(plain);
  const nodes = new Map(
    Array.from(plain.nodes, ([one, node]) => [
      one,
      { ...node, isStarted: node.isStarted || one === id || order.has(edgeKey(one, id)) },
    ]),
  );
  return { ...plain, nodes };
}
