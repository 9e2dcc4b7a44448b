// Where a kind of node could stand in the forms of a run, and the edges that it must bring there.
//
// Owns: the copies that do not exist yet. There is one of them for each place where another copy could begin, and it stays the same
// while a picture is drawn, so that the ghosts in it know one another.

import type { Node } from '../node.ts';
import { copiesAround, Copy, type Form, type Place } from './form.ts';
import type { Named } from './selector.ts';
import type { Part } from './shape.ts';

export interface Spot {
  readonly places: ReadonlyMap<Form, Place | null>;
  /** The same, but for what a place in a copy that is not there is told as. */
  readonly copies: ReadonlyMap<Form, Copy>;
  /** Ids of nodes that it comes behind, and before. */
  readonly before: readonly string[];
  readonly behind: readonly string[];
}

export class Spots {
  readonly #fresh = new Map<Copy, Map<Part, Copy>>();
  /** Copies that were tried in earnest, by the one that does not exist. */
  readonly #stand = new Map<Copy, Copy>();
  readonly #keys = new Map<Copy, number>();

  /** The next copy of these, which is not there. */
  freshCopy(parent: Copy, slot: Part): Copy {
    const inner = this.#fresh.get(parent) ?? new Map<Part, Copy>();
    this.#fresh.set(parent, inner);
    const copy = inner.get(slot) ?? new Copy(slot.body, slot, parent);
    inner.set(slot, copy);
    return copy;
  }

  /** The copy that is not there, when anything was looked for in it. */
  peek(parent: Copy, slot: Part): Copy | null {
    return this.#fresh.get(parent)?.get(slot) ?? null;
  }

  isFresh(copy: Copy): boolean {
    const { parent, slot } = copy;
    return parent !== null && slot !== null && this.#fresh.get(parent)?.get(slot) === copy;
  }

  /** The same for the same place. */
  keyOf({ part, copy }: Place): string {
    const key = this.#keys.get(copy) ?? this.#keys.size;
    this.#keys.set(copy, key);
    return `${key}.${part.offset}`;
  }

  /** A node was tried at a place: the copies that it began there stand for those that are not there. */
  adopt(forms: readonly Form[], node: Node, places: ReadonlyMap<Form, Place | null>): void {
    for (const form of forms) {
      let [tried, thought] = [form.places.get(node)?.copy ?? null, places.get(form)?.copy ?? null];
      for (; tried !== null && thought !== null && tried !== thought; [tried, thought] = [tried.parent, thought.parent])
        this.#stand.set(tried, thought);
    }
  }

  /** Did a node that was tried come to stand where it was meant to? Nothing may tie it to the copy that it was meant for. */
  isReached(node: Node, { copies }: Spot): boolean {
    const isSame = (found: Copy | null, meant: Copy | null): boolean =>
      found === meant || (found !== null && meant !== null && !isThere(meant) && isSame(found.parent, meant.parent));
    return [...copies].every(([form, copy]) => isSame(form.places.get(node)?.copy ?? null, copy));
  }

  /** All ways for a kind to stand in all forms at once. */
  of(forms: readonly Form[], named: Named): Spot[] {
    let spots: Spot[] = [{ places: new Map(), copies: new Map(), before: [], behind: [] }];
    for (const form of forms) {
      const own = this.#inForm(form, named);
      spots = spots.flatMap((spot) =>
        own.map(({ place, copy, before, behind }) => ({
          places: new Map([...spot.places, [form, place]]),
          copies: copy === null ? spot.copies : new Map([...spot.copies, [form, copy]]),
          before: [...new Set([...spot.before, ...before])],
          behind: [...new Set([...spot.behind, ...behind])],
        })),
      );
    }
    return spots;
  }

  #inForm(form: Form, named: Named): { place: Place | null; copy: Copy | null; before: string[]; behind: string[] }[] {
    const part = form.partOf(named);
    const outside = form.ends === null ? [] : [{ place: null, copy: null, before: [], behind: [] }];
    if (part === undefined) return outside;
    const inside = this.#copiesFor(form, part).map((copy) => {
      const place = { part, copy };
      const before = Array.from(form.neighbours(place, -1), ({ id }) => id);
      const behind = Array.from(form.neighbours(place, 1), ({ id }) => id);
      if (form.ends !== null && before.length === 0) before.push(form.ends.from);
      if (form.ends !== null && behind.length === 0) behind.push(form.ends.to);
      return { place: { part, copy: this.#meant(copy) }, copy, before, behind };
    });
    return [...outside, ...inside];
  }

  /** The copy that one stands for: a link that is thought of between others is the next link all the same. */
  #meant(copy: Copy): Copy {
    const { parent, slot } = copy;
    const known = this.#stand.get(copy);
    if (known !== undefined || parent === null || slot === null) return known ?? copy;
    return isThere(copy) ? copy : this.freshCopy(this.#meant(parent), slot);
  }

  /** Copies in which the name is free. */
  #copiesFor(form: Form, part: Part): Copy[] {
    let copies = [form.top];
    for (const slot of copiesAround(part)) {
      copies = copies.flatMap((copy) => {
        const there = [...(copy.copies.get(slot) ?? [])];
        const isFull = slot.max !== null && there.length >= slot.max;
        const fresh = isFull ? [] : slot.isChain ? this.#gaps(copy, slot) : [this.freshCopy(copy, slot)];
        return slot.body.kind === 'name' || slot.isChain ? fresh : [...there, ...fresh];
      });
    }
    return copies.filter((copy) => copy.isEmpty(part));
  }

  /** Every place in a chain where another link could be, the last first. */
  #gaps(parent: Copy, slot: Part): Copy[] {
    const gaps: Copy[] = [];
    let next: Copy | null = null;
    for (let previous = parent.last.get(slot) ?? null; ; [previous, next] = [previous.previous, previous]) {
      const link =
        previous === null && next === null ? this.freshCopy(parent, slot) : new Copy(slot.body, slot, parent);
      if (previous !== null || next !== null) Object.assign(link, { previous, next });
      gaps.push(link);
      if (previous === null) return gaps;
    }
  }
}

/** Is it a copy of the graph? */
function isThere(copy: Copy): boolean {
  return copy.parent === null || copy.slot === null || copy.parent.copies.get(copy.slot)?.has(copy) === true;
}
