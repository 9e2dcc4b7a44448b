// How many of a class of nodes may still come, and must.
//
// A bound that several creators share counts once; what each of them may add is added up. Null is no bound.

import type { Copy, Place } from './form.ts';
import type { Creator, Explorer, Found } from './explore.ts';
import type { Part } from './shape.ts';
import type { Spots } from './spots.ts';

type Amount = number | null;

/** What limits a ghost, but for how many of its makers come. */
interface Limits {
  readonly alone: Amount;
  /** Creators that share the same bounds. */
  readonly groups: readonly Group[];
}

interface Group {
  readonly shared: Amount;
  /** What nodes that are there may add, and what each of the ghosts may that can. */
  readonly now: Amount;
  readonly makers: ReadonlyMap<Found, Amount>;
}

/**
 * At most so many of each ghost, by at most so many of those that make them. All begin without a bound and only get smaller, so each round
 * is sound. Factors are at least 1 and sums only grow, so a value never gets smaller by going round a loop: after as many rounds as there are
 * ghosts, at the latest, nothing changes (as with Bellman and Ford).
 */
export function amountsOf({ found, spots }: Explorer): ReadonlyMap<Found, Amount> {
  const limits = Array.from(found.values(), (one) => [one, limitsOf(one, spots)] as const);
  const amounts = new Map<Found, Amount>(limits.map(([one]) => [one, null]));
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const [one, { alone, groups }] of limits) {
      const made = groups.map(({ shared, now, makers }) =>
        least([
          shared,
          [now, ...Array.from(makers, ([ghost, own]) => times(own, amounts.get(ghost) ?? null))].reduce(sum),
        ]),
      );
      const amount = least([alone, made.reduce(sum, 0)]);
      if (amount !== amounts.get(one)) isChanged = true;
      amounts.set(one, amount);
    }
  }
  return amounts;
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

function limitsOf(found: Found, spots: Spots): Limits {
  const places = Array.from(found.places.values(), (place) => (place === null ? null : roomAt(place, spots)));
  const kinds = [...found.kinds.values()];
  const names = kinds.every(({ isSingle }) => isSingle) ? kinds.length : null;
  const groups = new Map<string, Creator[]>();
  for (const creator of found.creators) {
    const key = creator.rules
      .flatMap(({ bounds, text }) => (bounds?.atMost != null && !bounds.isEach ? [text] : []))
      .join('\n');
    groups.set(key, [...(groups.get(key) ?? []), creator]);
  }
  return { alone: least([...places, names, commonRoom(found.creators)]), groups: Array.from(groups.values(), groupOf) };
}

function groupOf(creators: readonly Creator[]): Group {
  const makers = new Map<Found, Amount>();
  for (const { ghost, own } of creators) if (ghost !== null) makers.set(ghost, most(makers.get(ghost) ?? 0, own));
  return {
    shared: creators.map(({ shared }) => shared).reduce(most),
    now: creators.flatMap(({ ghost, own }) => (ghost === null ? [own] : [])).reduce(sum, 0),
    makers,
  };
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

function times(left: Amount, right: Amount): Amount {
  return left === null || right === null ? null : left * right;
}
