// How many of a class of nodes may still come, and must.
//
// A bound that several creators share counts once; what each of them may add is added up. Null is no bound.

import type { Copy, Place } from './form.ts';
import type { Creator, Found } from './explore.ts';
import type { Part } from './shape.ts';
import type { Spots } from './spots.ts';

type Amount = number | null;

export function atMostOf(found: Found, spots: Spots): Amount {
  const places = [...found.places.values()].map((place) => (place === null ? null : roomAt(place, spots)));
  const kinds = [...found.kinds.values()];
  const names = kinds.every(({ isSingle }) => isSingle) ? kinds.length : null;
  return least([...places, names, creatable(found, new Set())]);
}

/** More of them that must come, so that the forms are filled. */
export function formNeeds(found: Found, spots: Spots): number {
  return Math.max(0, ...Array.from(found.places.values(), (place) => (place === null ? 0 : needAt(place, spots))));
}

/** Copies that do not exist yet are multiplied. */
function roomAt({ copy: start }: Place, spots: Spots): Amount {
  let room: Amount = 1;
  for (let copy: Copy = start; copy.parent !== null && spots.isFresh(copy); copy = copy.parent) {
    const { max } = copy.slot as Part;
    if (max === null || room === null) return null;
    room *= spots.isFresh(copy.parent) ? max : max - countOf(copy);
  }
  return room;
}

function needAt({ part, copy: start }: Place, spots: Spots): number {
  let [need, copy] = [isOptional(part, start) ? 0 : 1, start];
  for (; copy.parent !== null && spots.isFresh(copy); copy = copy.parent) {
    const slot = copy.slot as Part;
    need *= Math.max(0, slot.min - (spots.isFresh(copy.parent) ? 0 : countOf(copy)));
    if (isOptional(slot, copy.parent)) need = 0;
  }
  return need;
}

/** Another alternative could come instead. */
function isOptional(start: Part, copy: Copy): boolean {
  for (let part = start; part !== copy.body && part.parent !== null; part = part.parent)
    if (part.parent.kind === 'choice' && copy.isEmpty(part)) return true;
  return false;
}

function countOf({ parent, slot }: Copy): number {
  return slot === null ? 0 : (parent?.copies.get(slot)?.size ?? 0);
}

/** `path`: ghosts that are asked already; one that makes more of itself has no bound of its own. */
function creatable(found: Found, path: ReadonlySet<Found>): Amount {
  const groups = new Map<string, { shared: Amount; own: Amount }>();
  for (const creator of found.creators) {
    const key = creator.rules
      .flatMap(({ bounds, text }) => (bounds?.atMost != null && !bounds.isEach ? [text] : []))
      .join('\n');
    const group = groups.get(key) ?? { shared: 0, own: 0 };
    groups.set(key, { shared: most(group.shared, creator.shared), own: sum(group.own, ownOf(creator, found, path)) });
  }
  const total = [...groups.values()].map(({ shared, own }) => least([shared, own])).reduce(sum, 0);
  return least([total, commonRoom(found.creators)]);
}

function ownOf(creator: Creator, found: Found, path: ReadonlySet<Found>): Amount {
  const { own, ghost } = creator;
  if (own === null || ghost === null) return own;
  if (ghost === found || path.has(ghost)) return null;
  const makers = creatable(ghost, new Set([...path, found]));
  return makers === null ? null : own * makers;
}

/** Room of what binds all of them. */
function commonRoom(creators: readonly Creator[]): Amount {
  const [first, ...others] = creators;
  const common = (first?.rules ?? []).filter(
    (rule) => rule.bounds?.isEach === false && others.every(({ rules }) => rules.includes(rule)),
  );
  return least(common.map((rule) => rule.roomFor('')));
}

function least(amounts: readonly Amount[]): Amount {
  const bounds = amounts.filter((amount) => amount !== null);
  return bounds.length === 0 ? null : Math.min(...bounds);
}

function most(left: Amount, right: Amount): Amount {
  return left === null || right === null ? null : Math.max(left, right);
}

function sum(left: Amount, right: Amount): Amount {
  return left === null || right === null ? null : left + right;
}
