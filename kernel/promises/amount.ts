// How many of a class of nodes may still come, and must.
//
// Owns: what bounds say together, as sums: who adds how many of what. Does not own: which classes there are, and who can make them
// (explore.ts); how the greatest sum is found (integer-program.ts).
//
// A1  a bound that several creators share counts once, each bound has its own row: overlapping bounds need no more.
// A2  those that make others come themselves first: a ghost that nobody who is there leads to brings nothing.

import type { Creator, Explorer, Found, Way } from './explore.ts';
import type { Copy, Place } from './form.ts';
import { greatest, type Row } from './integer-program.ts';
import type { Rule } from './rule.ts';
import type { Part } from './shape.ts';
import type { Spots } from './spots.ts';

type Amount = number | null;

/** One kind of a ghost. */
interface Class {
  readonly found: Found;
  readonly way: Way;
  readonly makers: Set<Makers>;
  /** What it is as a maker of others. */
  as: Makers | null;
}

/** Creators that are bound alike and can make the same: one as good as another. */
interface Makers {
  readonly rules: readonly Rule[];
  readonly isThere: boolean;
  /** What those that are there may add in all, or each of the ghosts; null is no bound. */
  own: Amount;
}

type IsMeant = (one: Class, makers: Makers) => boolean;

/** More unknowns than these are too much work. */
const UNKNOWNS_LIMIT = 400;

/** How many may still come: at most so many in all, whoever makes them. */
export class Amounts {
  readonly #classes: readonly Class[];
  readonly #spots: Spots;
  readonly #isPartial: boolean;
  readonly #known = new Map<Found, Amount>();

  constructor({ found, spots, isPartial }: Explorer) {
    this.#spots = spots;
    this.#isPartial = isPartial;
    this.#classes = classesOf([...found.values()]);
  }

  of(found: Found): Amount {
    const known = this.#known.get(found);
    if (known !== undefined) return known;
    const amount = this.ofAll([found]);
    this.#known.set(found, amount);
    return amount;
  }

  /** Of several, together. */
  ofAll(all: readonly Found[]): Amount {
    return this.#most(({ found }) => all.includes(found));
  }

  /** Of those that count for a bound. */
  under(rule: Rule): Amount {
    return this.#most((_, makers) => makers.rules.includes(rule));
  }

  #most(isMeant: IsMeant): Amount {
    const most = this.#isPartial ? null : new Sums(this.#classes, this.#spots, isMeant).most();
    if (most !== null) return most;
    // Where that is too much work: as if those that make them could come without end, bound only by what binds all.
    const meant = this.#classes.filter((one) => [...one.makers].some((makers) => isMeant(one, makers)));
    const [first, ...others] = meant.flatMap(({ makers }) => [...makers]);
    const rules = (first?.rules ?? []).filter((rule) =>
      this.#isPartial ? rule.spec.by === undefined : others.every((makers) => makers.rules.includes(rule)),
    );
    const all = new Set<Makers>([{ rules, isThere: true, own: null }]);
    const loose = meant.map((one): Class => ({ ...one, makers: all, as: null }));
    return new Sums(loose, this.#spots, () => true).most();
  }
}

/** More of them that must come, so that the forms are filled. */
export function formNeeds(found: Found, spots: Spots): number {
  return Math.max(0, ...Array.from(found.places.values(), (place) => (place === null ? 0 : needAt(place, spots))));
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

function classesOf(all: readonly Found[]): Class[] {
  const classes = all.flatMap((found) =>
    Array.from(found.ways.values(), (way): Class => ({ found, way, makers: new Set(), as: null })),
  );
  const classOf = new Map<Found, Map<string, Class>>(all.map((found) => [found, new Map()]));
  for (const one of classes) classOf.get(one.found)?.set(one.way.kind.key, one);
  // Of a ghost, one from each node that leads to it is known; together they are what it can make.
  const makes = new Map<Creator | Class, { readonly creator: Creator; readonly classes: Set<number> }>();
  for (const [index, { way }] of classes.entries()) {
    for (const creator of way.creators) {
      const key = creator.ghost === null ? creator : classOf.get(creator.ghost)?.get(creator.kind?.key ?? '');
      if (key === undefined) continue;
      const made = makes.get(key) ?? { creator, classes: new Set() };
      made.classes.add(index);
      makes.set(key, made);
    }
  }
  const known = new Map<string, Makers>();
  const numbers = new Map<Rule, number>();
  for (const [key, { creator, classes: made }] of makes) {
    const isThere = creator.ghost === null;
    const rules = creator.rules.map((rule) => numbers.get(rule) ?? numbers.set(rule, numbers.size).size - 1);
    const text = `${rules.join()}/${[...made].sort((left, right) => left - right).join()}/${isThere ? 'there' : creator.own}`;
    const makers = known.get(text) ?? { rules: creator.rules, isThere, own: isThere ? 0 : creator.own };
    known.set(text, makers);
    if (isThere) makers.own = makers.own === null || creator.own === null ? null : makers.own + creator.own;
    if ('way' in key) key.as = makers;
    for (const index of made) classes[index]?.makers.add(makers);
  }
  return classes;
}

/** Unknowns are how many of a class its makers add, and how many copies and alternatives of a form that needs. */
class Sums {
  readonly #spots: Spots;
  readonly #added: { readonly one: Class; readonly makers: Makers }[] = [];
  readonly #goal = new Map<number, number>();
  readonly #rows: { readonly terms: Map<number, number>; readonly limit: number }[] = [];
  readonly #byKey = new Map<unknown, Map<number, number>>();
  readonly #inner = new Map<Copy | string, number>();
  /** Where there is one of the first, there is one of the second. */
  readonly #needs: (readonly [number, number])[] = [];
  #size = 0;

  constructor(classes: readonly Class[], spots: Spots, isMeant: IsMeant) {
    this.#spots = spots;
    // Only what is meant, and what leads to it.
    const meant = new Set(classes.filter((one) => [...one.makers].some((makers) => isMeant(one, makers))));
    const leading = new Map<Makers, Class[]>();
    for (const one of classes) if (one.as !== null) leading.set(one.as, [...(leading.get(one.as) ?? []), one]);
    for (const one of meant)
      for (const makers of one.makers) for (const next of leading.get(makers) ?? []) meant.add(next);
    for (const one of meant) for (const makers of one.makers) this.#added.push({ one, makers });
    this.#size = this.#added.length;
    if (this.#size > UNKNOWNS_LIMIT) return;
    for (const [unknown, { one, makers }] of this.#added.entries()) {
      if (isMeant(one, makers)) this.#goal.set(unknown, 1);
      this.#bound(unknown, one, makers);
    }
  }

  /** Null is no bound, as far as could be found. */
  most(): Amount {
    if (this.#size > UNKNOWNS_LIMIT) return null;
    const most = greatest(this.#size, this.#goal, this.#rows, (solution) => this.#cases(solution));
    return most === Number.POSITIVE_INFINITY ? null : most;
  }

  #bound(unknown: number, { found, way: { kind }, as }: Class, makers: Makers): void {
    for (const rule of makers.rules) if (rule.bounds?.isEach === false) this.#add(rule, unknown, 1, rule.roomFor(''));
    if (makers.own !== null) this.#add(makers, unknown, 1, makers.isThere ? makers.own : 0);
    if (as?.own != null) this.#add(as, unknown, -as.own, 0);
    if (kind.isSingle) this.#add(`id ${kind.id}`, unknown, 1, 1);
    for (const place of found.places.values())
      if (place !== null) this.#fit(`in ${this.#spots.keyOf(place)}`, unknown, 1, this.#around(place));
  }

  /** Adds to the row of that key. */
  #add(key: unknown, unknown: number, times: number, limit: Amount): void {
    if (limit === null) return;
    const known = this.#byKey.get(key);
    const terms = known ?? new Map<number, number>();
    terms.set(unknown, (terms.get(unknown) ?? 0) + times);
    if (known !== undefined) return;
    this.#byKey.set(key, terms);
    this.#rows.push({ terms, limit });
  }

  /** Of all with that key together, so many for each that is around them. */
  #fit(key: unknown, unknown: number, times: number, around: number | null): void {
    if (around !== null && !this.#byKey.has(key)) this.#add(key, around, -times, 0);
    this.#add(key, unknown, 1, around === null ? times : 0);
  }

  /** How many there are of the alternative or copy that a part is in; null: it is there, once. */
  #around({ part: start, copy }: Place): number | null {
    for (let part = start; part !== copy.body && part.parent !== null; part = part.parent) {
      const choice = part.parent;
      if (choice.kind !== 'choice') continue;
      const fit = (one: number): void =>
        this.#fit(`of ${this.#spots.keyOf({ part: choice, copy })}`, one, 1, this.#around({ part: choice, copy }));
      return this.#unknown(`of ${this.#spots.keyOf({ part, copy })}`, fit);
    }
    return this.#spots.isFresh(copy) ? this.#unknown(copy, (one) => this.#fitCopy(one, copy)) : null;
  }

  #fitCopy(one: number, copy: Copy): void {
    const [slot, parent] = [copy.slot as Part, copy.parent as Copy];
    const around = this.#around({ part: slot, copy: parent });
    const there = this.#spots.isFresh(parent) ? 0 : countOf(copy);
    if (slot.max !== null) this.#fit(copy, one, slot.max - there, around);
    else if (around !== null) this.#needs.push([one, around]);
  }

  #unknown(key: Copy | string, bound: (unknown: number) => void): number {
    const known = this.#inner.get(key);
    if (known !== undefined) return known;
    const unknown = this.#size;
    this.#size += 1;
    this.#inner.set(key, unknown);
    bound(unknown);
    return unknown;
  }

  /** Sums alone let copies be in an alternative that is not taken, and ghosts make one another without a beginning. */
  #cases(solution: readonly number[]): Row[] | null {
    const isUsed = (unknown: number): boolean => (solution[unknown] ?? 0) > 0;
    const need = this.#needs.find(([one, other]) => isUsed(one) && !isUsed(other));
    if (need !== undefined) return eitherOr([need[0]], [need[1]]);
    const known = new Set<Makers | null>();
    const added = [...this.#added.entries()];
    for (let isMore = true; isMore; ) {
      const fresh = added.filter(
        ([unknown, { one, makers }]) =>
          isUsed(unknown) && (makers.isThere || known.has(makers)) && one.as !== null && !known.has(one.as),
      );
      for (const [, { one }] of fresh) known.add(one.as);
      isMore = fresh.length > 0;
    }
    const isLoose = (makers: Makers | null): boolean => makers !== null && !makers.isThere && !known.has(makers);
    const loose = added.filter(([, { makers }]) => isLoose(makers)).map(([unknown]) => unknown);
    if (!loose.some(isUsed)) return null;
    const leading = added.filter(([, { one, makers }]) => !isLoose(makers) && isLoose(one.as));
    return eitherOr(
      loose,
      leading.map(([unknown]) => unknown),
    );
  }
}

/** There is one of the others, or none of these. */
function eitherOr(these: readonly number[], others: readonly number[]): Row[] {
  return [
    { terms: new Map(others.map((unknown) => [unknown, -1])), limit: -1 },
    { terms: new Map(these.map((unknown) => [unknown, 1])), limit: 0 },
  ];
}
