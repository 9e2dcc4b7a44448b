// What could still come: every kind of node is tried, from every node that could send a change, by the checker itself.
//
// Owns: the search for ghosts. A ghost is found by making the smallest change that brings one, and taking it back; one that can create is
// supposed to run, and the search goes on from there. Does not own: what is allowed (change.ts, table.ts), how it is told (futures.ts).
//
// E1  the run is as it was when the search is over.
// E2  a node that runs has started, and so has all that must end before it starts: nothing comes before these by its change.
// E3  each way to come into being is followed once, so the search ends; again, some times, when less came on the way and used up bounds.

import { type Made, takeBack, tryChange } from '../change.ts';
import { isCompensation } from '../compensation.ts';
import type { Node } from '../node.ts';
import type { Run } from '../run.ts';
import type { TaskSpec } from '../task.ts';
import type { Form, Place } from './form.ts';
import { type Kind, kindsOf, renewed } from './kinds.ts';
import type { Rule } from './rule.ts';
import type { Named } from './selector.ts';
import { Spots } from './spots.ts';
import { namedOf, type Table } from './table.ts';

/** Somebody who may send changes, at the moment when it can. */
export interface Creator {
  /** Of the node, or of the ghost. */
  readonly id: string;
  readonly named: Named;
  readonly rules: readonly Rule[];
  /** Nodes that have not started now, and will have by then. */
  readonly blocked: ReadonlySet<Node>;
  /** Nodes that it may still add: by bounds that it shares with others, and by those of each; null is no bound. */
  readonly shared: number | null;
  readonly own: number | null;
  /** Null: a node that is there. */
  readonly ghost: Found | null;
  readonly kind: Kind | null;
}

/** A kind of node, and who could make one. */
export interface Way {
  readonly kind: Kind;
  readonly creators: Set<Creator>;
}

/** A class of nodes that may come. */
export interface Found {
  readonly key: string;
  readonly kind: Kind;
  /** All that it stands for, by their keys. */
  readonly ways: Map<string, Way>;
  /** Where it stands, for each form; null: outside of the part that the form is of. */
  readonly places: ReadonlyMap<Form, Place | null>;
  readonly creators: Creator[];
}

/** May a node that is there send changes, now or once it runs? */
export function canCreate(run: Run, node: Node): boolean {
  if (node.isTerminal || isCompensation(node)) return false;
  if (!run.isOpenEnded && node.current === null) return false;
  return speaks(node.task) || run.registration.continuation !== undefined;
}

export function speaks({ executor, messages }: TaskSpec): boolean {
  return executor.type === 'python' || messages === true;
}

export function explore(run: Run, isCreator: (node: Node) => boolean = (node) => speaks(node.task)): Explorer {
  const explorer = new Explorer(run);
  if (run.end === null && run.brokenPromise === null && run.undoing === null)
    explorer.from([...run.nodes.values()].filter((node) => canCreate(run, node) && isCreator(node)));
  return explorer;
}

const COPIES_LIMIT = 100;
/** Kinds that are tried again, in all. */
const AGAIN_LIMIT = 2000;

export class Explorer {
  readonly found = new Map<string, Found>();
  readonly creators: Creator[] = [];
  /** There are so many ways that not each was followed: a ghost may have makers that are not known. */
  isPartial = false;
  readonly spots: Spots;
  readonly #run: Run;
  readonly #table: Table;
  #kinds: readonly Kind[];
  readonly #forms: readonly Form[];
  /** One node can let another come, by standing between it and what it may have no edge with, or by tying it to a copy. */
  readonly #isOrderMatter: boolean;
  /** What comes on the way can leave less room for more. */
  readonly #canRunOut: boolean;
  /** How many came on the way, for what was followed. */
  readonly #followed = new Map<string, number>();
  #depth = 0;
  #again = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#table = run.promises;
    this.#kinds = kindsOf(run, run.promises);
    this.#forms = this.#table.rules.flatMap(({ form }) => form ?? []);
    this.spots = new Spots();
    const isTied =
      this.#table.rules.some(({ edges }) => edges !== null) || this.#forms.some((form) => form.hasInnerCopies);
    this.#isOrderMatter = this.#forms.length > 0 && isTied;
    this.#canRunOut =
      this.#forms.length > 0 ||
      this.#table.rules.some(({ bounds }) => bounds !== null && bounds.atMost !== null && !bounds.isEach);
  }

  from(nodes: readonly Node[]): void {
    // Those that run can do what the others can, and more; one of those that are alike is enough, and all are named.
    const alike = new Map<string, Creator>();
    for (const node of nodes.toSorted((left, right) => Number(right.hasStarted) - Number(left.hasStarted))) {
      const creator = this.#creator(node, node.id, null, null);
      this.creators.push(creator);
      const key = `${creator.rules.map((rule) => this.#table.rules.indexOf(rule)).join()}/${creator.own}/${node.hasStarted ? '' : node.id}`;
      const twin = alike.get(key);
      if (twin === undefined) {
        alike.set(key, creator);
        this.#suppose([node, ...creator.blocked], () => this.#look(creator, node, node.id));
      } else
        for (const { creators, ways } of this.found.values()) {
          if (!creators.includes(twin)) continue;
          creators.push(creator);
          for (const way of ways.values()) if (way.creators.has(twin)) way.creators.add(creator);
        }
    }
  }

  #creator(node: Node, id: string, ghost: Found | null, kind: Kind | null): Creator {
    const named = namedOf(node);
    const rules = this.#table.rulesFor(named);
    const room = (isEach: boolean): number | null => {
      const rooms = rules.flatMap((rule) => (rule.bounds?.isEach === isEach ? (rule.roomFor(node.id) ?? []) : []));
      return rooms.length === 0 ? null : Math.min(...rooms);
    };
    const blocked = new Set([...this.#table.supposed, ...mustEndBefore(node), node].filter((one) => !one.hasStarted));
    return { id, named, rules, blocked, shared: room(false), own: room(true), ghost, kind };
  }

  #suppose(nodes: readonly Node[], act: () => void): void {
    const { supposed } = this.#table;
    const fresh = nodes.filter((node) => !supposed.has(node));
    for (const node of fresh) supposed.add(node);
    act();
    for (const node of fresh) supposed.delete(node);
  }

  /** Tries all kinds at all places. `root`: the node that is there, from which this way started. */
  #look(creator: Creator, node: Node, root: string): void {
    if (creator.shared === 0 || creator.own === 0) return;
    for (const kind of this.#kinds) {
      if (creator.rules.some((rule) => rule.refusesNode(kind) !== null)) continue;
      // One way to come to a place is enough.
      const tried = new Set<string>();
      for (const spot of this.spots.of(this.#forms, kind)) {
        const where = this.#where(spot.places);
        if (tried.has(where)) continue;
        const nodes = [{ id: kind.id, task: kind.spec, dependencies: spot.before }];
        const edges = spot.behind.map((to) => ({ from: kind.id, to }));
        const made = tryChange(this.#run, { nodes, edges }, node.id);
        if (!('added' in made)) continue;
        if (!this.spots.isReached(made.added[0] as Node, spot)) {
          takeBack(made);
          continue;
        }
        tried.add(where);
        const found = this.#note(kind, spot.places, creator);
        this.#follow(found, kind, made, creator, node, root);
        takeBack(made);
      }
    }
  }

  #note(kind: Kind, places: ReadonlyMap<Form, Place | null>, creator: Creator): Found {
    const edgeClass = this.#table.rules.map((rule) => rule.edgeClass(kind)).join('/');
    const where = this.#where(places);
    const wild = this.found.get(`\n${edgeClass}\n${where}`);
    const isFree = [...places.values()].every((place) => place === null);
    const key = `${kind.task ?? ''}\n${edgeClass}\n${where}`;
    const found =
      isFree && wild !== undefined
        ? wild
        : (this.found.get(key) ?? { key, kind, ways: new Map<string, Way>(), places, creators: [] });
    this.found.set(found.key, found);
    const way = found.ways.get(kind.key) ?? { kind, creators: new Set<Creator>() };
    found.ways.set(kind.key, way);
    way.creators.add(creator);
    if (!found.creators.includes(creator)) found.creators.push(creator);
    return found;
  }

  #where(places: ReadonlyMap<Form, Place | null>): string {
    return [...places.values()].map((place) => (place === null ? '' : this.spots.keyOf(place))).join('/');
  }

  /** What could come once it is there: made by itself, and made possible by its being there. */
  #follow(found: Found, kind: Kind, made: Made, creator: Creator, by: Node, root: string): void {
    const node = made.added[0] as Node;
    const isSpeaker = speaks(node.task) && this.#run.isOpenEnded;
    if (!isSpeaker && !this.#isOrderMatter) return;
    // Among very many copies, one that is alike speaks for all.
    const isFew = this.found.size < COPIES_LIMIT;
    const where = isFew ? found.key : [...found.places.values()].map((place) => place?.part.offset ?? '').join('/');
    const key = `${root}\n${kind.key}\n${where}`;
    const known = this.#followed.get(key);
    if (known !== undefined) {
      if (isSpeaker && !isFew) this.isPartial = true;
      if (!isSpeaker || !this.#canRunOut || known <= this.#depth) return;
      if (this.#again >= AGAIN_LIMIT) {
        this.isPartial = true;
        return;
      }
      this.#again += this.#kinds.length;
    }
    this.#followed.set(key, this.#depth);
    this.#depth += 1;
    this.spots.adopt(this.#forms, node, found.places);
    const kinds = this.#kinds;
    // Other ids are free now.
    this.#kinds = renewed(kinds, this.#run);
    if (isSpeaker) {
      const own = this.#creator(node, found.key, found, kind);
      this.#suppose([node, ...own.blocked], () => this.#look(own, node, root));
    }
    if (this.#isOrderMatter && known === undefined) this.#look(creator, by, root);
    this.#kinds = kinds;
    this.#depth -= 1;
  }
}

/** Nodes that have ended for sure when this one starts; at least these. */
function mustEndBefore(start: Node): Set<Node> {
  const all = new Set<Node>();
  const open = [start];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const trigger = node.task.trigger ?? 'AllSuccess';
    if (trigger !== 'AllSuccess' && (trigger !== 'AllDone' || node !== start)) continue;
    for (const before of node.predecessors) {
      if (all.has(before) || before.hasStarted) continue;
      all.add(before);
      // Only one that ran says something of those before it.
      if (trigger === 'AllSuccess') open.push(before);
    }
  }
  return all;
}
