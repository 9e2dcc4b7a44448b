// A shape and how a run's graph fills it so far: which node stands at which name, and which copies there are.
//
// Owns: the part of the table (table.ts) that shapes compile to: places, who must come before whom, how many, which alternative.
// Does not own: the language (shape.ts), whose changes they are.
//
// F1  all of the graph, or of the part between two nodes, stands in the form: a node without a place is refused.
// F2  `X -> Y` holds because of edges: the form allows only edges that agree with it, and a node brings the edges to its neighbours, those
//     that nothing stands between. The paths between all others follow, so nothing but the new nodes and edges is looked at.
// F3  copies that hold several names are told apart by the edges that their nodes come with; a copy never joins another.
// F4  every step says how it is undone.

import type { Edge } from '../change.ts';
import { Node } from '../node.ts';
import { inOrder } from '../order.ts';
import type { PromiseSpec } from './promise.ts';
import type { Named } from './selector.ts';
import { namesIn, type Part, parseShape } from './shape.ts';

/** One copy of what is repeated; the top one is the shape itself. */
export class Copy {
  /** The copies that it is one of; null: the shape. */
  readonly slot: Part | null;
  readonly parent: Copy | null;
  readonly body: Part;
  readonly depth: number;
  readonly nodes = new Map<Part, Node>();
  readonly copies = new Map<Part, Set<Copy>>();
  /** Copies inside of these, at any depth, in which something must come yet. */
  readonly unfinished = new Map<Part, number>();
  isUnfinished = false;
  /** Where chains begin and end. */
  readonly first = new Map<Part, Copy>();
  readonly last = new Map<Part, Copy>();
  /** Its neighbours in the chain that it is a link of. */
  previous: Copy | null = null;
  next: Copy | null = null;

  constructor(body: Part, slot: Part | null, parent: Copy | null) {
    this.body = body;
    this.slot = slot;
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }

  /** Without a node in this part. */
  isEmpty(part: Part): boolean {
    if (part.kind === 'name') return !this.nodes.has(part);
    if (part.kind === 'copies') return (this.copies.get(part)?.size ?? 0) === 0;
    return part.parts.every((inner) => this.isEmpty(inner));
  }

  /** Does nothing have to come any more, but for what is inside of copies? */
  isComplete(part: Part): boolean {
    switch (part.kind) {
      case 'name':
        return this.nodes.has(part);
      case 'copies':
        return (this.copies.get(part)?.size ?? 0) >= part.min;
      case 'sequence':
      case 'beside':
        return part.parts.every((inner) => this.isComplete(inner));
      case 'choice': {
        const chosen = part.parts.filter((inner) => !this.isEmpty(inner));
        return (chosen.length === 0 ? part.parts : chosen).some((inner) => this.isComplete(inner));
      }
    }
  }
}

export interface Place {
  /** A name. */
  readonly part: Part;
  readonly copy: Copy;
}

/** What stands somewhere besides nodes: ghosts, while a picture is drawn. */
export interface Guests<Guest> {
  at(copy: Copy, part: Part): readonly Guest[];
  /** The copy that does not exist yet. */
  copyOf(copy: Copy, part: Part): Copy | null;
  /** A guest may stay away: what is behind it is a neighbour, too. */
  readonly mayStayAway: boolean;
}

/** What a name in a shape can be. */
export interface KnownTasks {
  isTemplate(name: string): boolean;
  /** A template, or a state. */
  isTask(name: string): boolean;
}

type Undo = (() => void)[];

export class Form {
  readonly #names: ReadonlyMap<string, Part>;
  readonly shape: Part;
  readonly top: Copy;
  readonly places = new Map<Node, Place>();
  /** Copies in which something must come yet. */
  readonly incomplete = new Set<Copy>();
  /** Null: the form of the whole graph. */
  readonly ends: { readonly from: string; readonly to: string } | null;
  readonly #after = new Set<Node>();
  readonly #before = new Set<Node>();

  readonly #isTask: (name: string) => boolean;
  readonly #isNode: (name: string) => boolean;

  /** Throws ShapeSyntaxError. `known`: a template's name is for its nodes, any other for the node of that id. */
  constructor({ shape = '', from, to }: PromiseSpec, known: KnownTasks) {
    this.#isTask = (name) => known.isTask(name);
    this.#isNode = (name) => !known.isTemplate(name);
    this.shape = parseShape(shape);
    this.#names = new Map(namesIn(this.shape).map((part) => [part.name, part]));
    this.top = new Copy(this.shape, null, null);
    this.ends = from === undefined || to === undefined ? null : { from, to };
    this.#judge(this.top);
  }

  /** Is there something that one change may close for another? */
  get hasChoice(): boolean {
    const holds = (part: Part): boolean => part.kind === 'choice' || part.parts.some(holds);
    return holds(this.shape);
  }

  /** Are there copies inside of copies that are told apart by their edges? */
  get hasInnerCopies(): boolean {
    return namesIn(this.shape).some((name) => copiesAround(name).filter(({ max }) => max !== 1).length > 1);
  }

  /** Names that stand for one node each. */
  get nodeNames(): string[] {
    return [...this.#names.keys()].filter((name) => this.#isNode(name));
  }

  /** The name that such a node stands for. */
  partOf({ id, task }: Named): Part | undefined {
    if (this.#isNode(id) && this.#names.has(id)) return this.#names.get(id);
    return task !== null && this.#isTask(task) ? this.#names.get(task) : undefined;
  }

  /** Takes in new nodes and edges; says what does not hold then. */
  enter(added: readonly Node[], edges: readonly Edge[], undo: Undo): string | null {
    const newcomers = this.ends === null ? added : this.#newlyBetween(edges, undo);
    const problem = this.#place(newcomers, undo);
    this.#link(newcomers, undo);
    return problem ?? this.#verify(newcomers, edges);
  }

  // --- the part between two nodes ----------------------------------------------------------------

  /** Each node is marked once from either end, so all marks together cost the edges of the graph. */
  #newlyBetween(edges: readonly Edge[], undo: Undo): Node[] {
    const { from, to } = this.ends as { from: string; to: string };
    const forward = this.#mark(
      this.#after,
      edges.flatMap(([start, end]) => (start.id === from || this.#after.has(start) ? [end] : [])),
      'successors',
      undo,
    );
    const backward = this.#mark(
      this.#before,
      edges.flatMap(([start, end]) => (end.id === to || this.#before.has(end) ? [start] : [])),
      'predecessors',
      undo,
    );
    return [...new Set([...forward, ...backward])].filter((node) => this.#after.has(node) && this.#before.has(node));
  }

  #mark(marked: Set<Node>, starts: readonly Node[], way: 'successors' | 'predecessors', undo: Undo): Node[] {
    const fresh = starts.filter((node) => !marked.has(node));
    const all = new Set(fresh);
    for (const node of all) {
      marked.add(node);
      for (const next of node[way]) if (!marked.has(next)) all.add(next);
    }
    undo.push(() => all.forEach((node) => marked.delete(node)));
    return [...all];
  }

  // --- places ------------------------------------------------------------------------------------

  #place(newcomers: readonly Node[], undo: Undo): string | null {
    const waiting = new Set(newcomers);
    // Those that belong to a copy that is there come first, then what is tied to them, so that a copy is not begun twice (F3).
    const isTied = (node: Node): boolean => this.#kin(node).some((other) => this.places.has(other));
    const turns = [...newcomers.filter(isTied), ...newcomers].reverse();
    let problem: string | null = null;
    for (let node = turns.pop(); node !== undefined; node = turns.pop()) {
      if (!waiting.delete(node)) continue;
      const found = this.#placeOne(node, undo);
      problem ??= found;
      for (const other of this.#kin(node)) if (waiting.has(other)) turns.push(other);
    }
    return problem;
  }

  /** Neighbours that share a copy with it, if they have a place. */
  #kin(node: Node): Node[] {
    const part = this.partOf(named(node));
    const outer = part === undefined ? [] : copiesAround(part).filter(isCompound);
    if (outer.length === 0) return [];
    return [...node.predecessors, ...node.successors].filter((other) => {
      const otherPart = this.partOf(named(other));
      return otherPart !== undefined && copiesAround(otherPart).some((copies) => outer.includes(copies));
    });
  }

  #placeOne(node: Node, undo: Undo): string | null {
    const part = this.partOf(named(node));
    if (part === undefined) return `node "${node.id}" has no place in it`;
    let copy = this.top;
    for (const slot of copiesAround(part)) {
      const found = this.#copyFor(node, copy, slot);
      if (found === null && slot.max !== null && (copy.copies.get(slot)?.size ?? 0) >= slot.max)
        return `node "${node.id}": expected at most ${slot.max} of what is repeated`;
      copy = found ?? this.#newCopy(copy, slot, undo);
    }
    const there = copy.nodes.get(part);
    if (there !== undefined) return `node "${node.id}": in its place stands "${there.id}" already`;
    copy.nodes.set(part, node);
    this.places.set(node, { part, copy });
    undo.push(() => {
      copy.nodes.delete(part);
      this.places.delete(node);
      this.#judge(copy);
    });
    this.#judge(copy);
    return this.#choiceProblem(node, part, copy);
  }

  /** The copy that a node's edges tie it to; null: it begins one. */
  #copyFor(node: Node, parent: Copy, slot: Part): Copy | null {
    const copies = parent.copies.get(slot);
    if (copies === undefined || copies.size === 0 || slot.body.kind === 'name') return null;
    if (slot.max === 1) return copies.values().next().value ?? null;
    if (slot.isChain) return null;
    for (const other of [...node.predecessors, ...node.successors]) {
      for (let copy = this.places.get(other)?.copy ?? null; copy !== null; copy = copy.parent)
        if (copies.has(copy)) return copy;
    }
    return null;
  }

  #newCopy(parent: Copy, slot: Part, undo: Undo): Copy {
    const copy = new Copy(slot.body, slot, parent);
    const copies = parent.copies.get(slot) ?? new Set();
    parent.copies.set(slot, copies);
    copies.add(copy);
    undo.push(() => {
      copies.delete(copy);
      this.#setUnfinished(copy, false);
      this.#judge(parent);
    });
    this.#judge(parent);
    return copy;
  }

  #judge(copy: Copy): void {
    this.#setUnfinished(copy, !copy.isComplete(copy.body));
  }

  #setUnfinished(copy: Copy, isUnfinished: boolean): void {
    if (copy.isUnfinished === isUnfinished) return;
    copy.isUnfinished = isUnfinished;
    if (isUnfinished) this.incomplete.add(copy);
    else this.incomplete.delete(copy);
    for (let { parent, slot } = copy; parent !== null && slot !== null; { parent, slot } = parent)
      parent.unfinished.set(slot, (parent.unfinished.get(slot) ?? 0) + (isUnfinished ? 1 : -1));
  }

  /** A name that must come before this node, and has not; undefined when there is none. */
  missingBefore(node: Node): string | undefined {
    const place = this.incomplete.size === 0 ? undefined : this.places.get(node);
    if (place === undefined) return undefined;
    for (const { part, copy } of upwards(place.part, place.copy)) {
      if (part.parent?.kind !== 'sequence') continue;
      for (const sibling of part.parent.parts.slice(0, part.index)) {
        if (!copy.isComplete(sibling))
          return (
            namesIn(sibling).find((name) => copy.isEmpty(name) || !copy.isComplete(name))?.name ??
            namesIn(sibling)[0]?.name
          );
        const slot = slotsIn(sibling).find((one) => (copy.unfinished.get(one) ?? 0) > 0);
        if (slot !== undefined) return namesIn(slot)[0]?.name;
      }
    }
    return undefined;
  }

  #choiceProblem(node: Node, start: Part, from: Copy): string | null {
    for (const { part, copy } of upwards(start, from)) {
      if (part.parent?.kind !== 'choice') continue;
      const other = part.parent.parts.find((sibling) => sibling !== part && !copy.isEmpty(sibling));
      const taken = other === undefined ? undefined : [...this.#ends(copy, other, 1)][0];
      if (taken !== undefined) return `node "${node.id}": another alternative is taken, by "${taken.id}"`;
    }
    return null;
  }

  /** Puts new links into their chains, each behind the last link that it follows. */
  #link(newcomers: readonly Node[], undo: Undo): void {
    const links = newcomers.filter((node) => this.places.get(node)?.copy.slot?.isChain === true);
    for (const node of inOrder(links)) {
      const { copy } = this.places.get(node) as Place;
      const before = inOrder(node.predecessors).findLast((other) => this.#isSibling(other, copy));
      const previous = before === undefined ? null : (this.places.get(before) as Place).copy;
      const next = previous === null ? (copy.parent?.first.get(copy.slot as Part) ?? null) : previous.next;
      join(copy, previous, copy);
      join(copy, copy, next);
      undo.push(() => join(copy, previous, next));
    }
  }

  #isSibling(node: Node, copy: Copy): boolean {
    const other = this.places.get(node)?.copy;
    return other !== undefined && other !== copy && other.slot === copy.slot && other.parent === copy.parent;
  }

  // --- order -------------------------------------------------------------------------------------

  #verify(newcomers: readonly Node[], edges: readonly Edge[]): string | null {
    for (const node of newcomers) {
      for (const other of node.predecessors) if (!this.allows(other, node)) return edgeProblem(other, node);
      for (const other of node.successors) if (!this.allows(node, other)) return edgeProblem(node, other);
    }
    for (const [from, to] of edges) if (!this.allows(from, to)) return edgeProblem(from, to);
    for (const node of newcomers) {
      const place = this.places.get(node);
      if (place === undefined) continue;
      for (const other of this.neighbours(place, 1))
        if (!node.successors.has(other)) return `node "${node.id}" must come with an edge to "${other.id}"`;
      for (const other of this.neighbours(place, -1))
        if (!node.predecessors.has(other)) return `node "${node.id}" must come with an edge from "${other.id}"`;
    }
    return null;
  }

  /** May there be an edge? Where one of the nodes has no place, it is not for this form to say. */
  allows(from: Node, to: Node): boolean {
    const [start, end] = [this.places.get(from), this.places.get(to)];
    return start === undefined || end === undefined || isBefore(start, end);
  }

  neighbours(place: Place, way: 1 | -1): Generator<Node>;
  neighbours<Guest>(place: Place, way: 1 | -1, guests: Guests<Guest>): Generator<Node | Guest>;
  /** Nodes next to a place, behind (1) or before it (-1): what it must have edges with. */
  *neighbours<Guest = never>(
    { part: start, copy: from }: Place,
    way: 1 | -1,
    guests?: Guests<Guest>,
  ): Generator<Node | Guest> {
    for (const { part, copy, inner } of upwards(start, from)) {
      const { parent } = part;
      const link = inner === null || !part.isChain ? null : way === 1 ? inner.next : inner.previous;
      if (link !== null) return yield* this.#ends(link, link.body, way, guests);
      if (parent?.kind !== 'sequence') continue;
      for (let index = part.index + way; index >= 0 && index < parent.parts.length; index += way) {
        const inner = parent.parts[index] as Part;
        if (yield* this.#fill(copy, inner, way, guests)) return;
      }
    }
  }

  /** Returns whether what lies beyond the part is out of reach. */
  *#fill<Guest>(copy: Copy, part: Part, way: 1 | -1, guests?: Guests<Guest>): Generator<Node | Guest, boolean> {
    let isFilled = false;
    for (const one of this.#ends(copy, part, way, guests)) {
      isFilled ||= guests?.mayStayAway !== true || one instanceof Node;
      yield one;
    }
    return isFilled;
  }

  /** Nodes in a part that nothing in it stands before (1), or behind (-1). */
  *#ends<Guest = never>(copy: Copy, part: Part, way: 1 | -1, guests?: Guests<Guest>): Generator<Node | Guest> {
    switch (part.kind) {
      case 'name': {
        const node = copy.nodes.get(part);
        if (node !== undefined) yield node;
        if (guests !== undefined) yield* guests.at(copy, part);
        return;
      }
      case 'sequence':
        for (const inner of way === 1 ? part.parts : part.parts.toReversed()) {
          if (yield* this.#fill(copy, inner, way, guests)) return;
        }
        return;
      case 'beside':
      case 'choice':
        for (const inner of part.parts) yield* this.#ends(copy, inner, way, guests);
        return;
      case 'copies': {
        const link = (way === 1 ? copy.first : copy.last).get(part);
        for (const inner of link === undefined ? (copy.copies.get(part) ?? []) : [link])
          yield* this.#ends(inner, inner.body, way, guests);
        const guest = guests?.copyOf(copy, part) ?? null;
        if (guest !== null) yield* this.#ends(guest, guest.body, way, guests);
      }
    }
  }
}

/** Must the one come before the other? Links of a chain: as their edges say. */
export function isBefore(first: Place, second: Place): boolean {
  let [part, copy, otherPart, other] = [first.part, first.copy, second.part, second.copy];
  while (copy !== other) {
    const [isDeeper, isShallower] = [copy.depth >= other.depth, copy.depth <= other.depth];
    if (isDeeper && copy.parent !== null) [part, copy] = [copy.slot as Part, copy.parent];
    if (isShallower && other.parent !== null) [otherPart, other] = [other.slot as Part, other.parent];
    if (copy === other && part === otherPart) return part.isChain;
  }
  const path = new Map<Part, number>();
  for (let inner = part; inner.parent !== null; inner = inner.parent) path.set(inner.parent, inner.index);
  for (let inner = otherPart; inner.parent !== null; inner = inner.parent) {
    const index = path.get(inner.parent);
    if (index !== undefined) return inner.parent.kind === 'sequence' && index < inner.index;
  }
  return false;
}

/** The part, all that it is in, and the copies that these are in; `inner`: the copy just left. */
function* upwards(start: Part, from: Copy): Generator<{ part: Part; copy: Copy; inner: Copy | null }> {
  let inner: Copy | null = null;
  for (let [part, copy]: [Part | null, Copy] = [start, from]; part !== null; part = part.parent) {
    if (inner?.slot !== part) inner = null;
    yield { part, copy, inner };
    inner = null;
    if (part === copy.body && copy.parent !== null) {
      inner = copy;
      copy = copy.parent;
    }
  }
}

/** The copies that a name is in, the outermost first. */
export function copiesAround(part: Part): Part[] {
  const around: Part[] = [];
  for (let outer = part.parent; outer !== null; outer = outer.parent) if (outer.kind === 'copies') around.push(outer);
  return around.reverse();
}

/** The copies that a part is made of, without those inside of them. */
function slotsIn(part: Part): Part[] {
  return part.kind === 'copies' ? [part] : part.parts.flatMap(slotsIn);
}

/** Are its copies told apart by edges? */
function isCompound(copies: Part): boolean {
  return copies.max !== 1 && copies.body.kind !== 'name' && !copies.isChain;
}

function named({ id, task }: Node): Named {
  return { id, task: task.task ?? null };
}

function edgeProblem(from: Node, to: Node): string {
  return `edge "${from.id}" -> "${to.id}" does not agree with it`;
}

/** Makes two links neighbours, in the chain that `link` is in; null is the end of it. */
function join({ parent, slot }: Copy, before: Copy | null, after: Copy | null): void {
  if (before !== null) before.next = after;
  if (after !== null) after.previous = before;
  if (parent === null || slot === null) return;
  if (before === null) setOrDelete(parent.first, slot, after);
  if (after === null) setOrDelete(parent.last, slot, before);
}

function setOrDelete<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}
