// What can still happen to a run's graph: the ghosts that explore.ts finds, with bounds and edges, as a picture needs them.
//
// Owns: which edges ghosts may have, what is alternative to what, words. Does not own: which there are, and who could make them; what a
// state machine goes on to (its compiler knows).
//
// G1  sound: each node and edge that the next change brings is one of these.
// G2  tight: each ghost can be made real, by the changes of those that `by` names.

import type { Futures, Ghost, GhostEdge, GhostKind, LooseEdges } from './ghost.ts';
import { isCompensation } from './compensation.ts';
import { Node } from './node.ts';
import { Amounts, formNeeds } from './promises/amount.ts';
import { type Creator, explore, type Explorer, type Found } from './promises/explore.ts';
import type { Copy, Form, Guests, Place } from './promises/form.ts';
import type { Rule } from './promises/rule.ts';
import { type Named, namesOf } from './promises/selector.ts';
import { namesIn, type Part } from './promises/shape.ts';
import { namedOf } from './promises/table.ts';
import type { Run } from './run.ts';

/** Beyond so many ghosts, only the edges that a form asks for are told between them. */
const PAIRS_LIMIT = 200;

export function futures(run: Run): Futures {
  return new Drawing(run, explore(run)).draw();
}

/** Who could come next to a ghost, for one form. */
interface Around {
  readonly before: ReadonlySet<Node | Found>;
  readonly behind: ReadonlySet<Node | Found>;
}

class Drawing {
  readonly #run: Run;
  readonly #explorer: Explorer;
  readonly #found: readonly Found[];
  readonly #amounts: Amounts;
  readonly #rules: readonly Rule[];
  readonly #forms: readonly Form[];
  readonly #nodes: readonly Node[];
  readonly #ids = new Map<Found, string>();
  readonly #edges = new Map<string, GhostEdge>();
  readonly #at = new Map<Copy, Map<Part, Found[]>>();
  readonly #far = new Map<string, Set<Node>>();
  readonly #around = new Map<Found, Map<Form, Around>>();

  constructor(run: Run, explorer: Explorer) {
    this.#run = run;
    this.#explorer = explorer;
    this.#found = [...explorer.found.values()];
    this.#amounts = new Amounts(explorer);
    this.#rules = run.promises.rules;
    this.#forms = this.#rules.flatMap(({ form }) => form ?? []);
    this.#nodes = [...run.nodes.values()].filter((node) => !isCompensation(node));
    for (const found of this.#found) {
      this.#ids.set(found, this.#freeId(`?${found.kind.task ?? '*'}`));
      for (const place of found.places.values()) if (place !== null) this.#guestsAt(place.copy, place.part).push(found);
    }
  }

  draw(): Futures {
    const ghosts = this.#found.map((found) => this.#ghost(found));
    for (const found of this.#found) this.#edgesOf(found);
    this.#pairs();
    return { ghosts: [...ghosts, ...this.#closed()], edges: [...this.#edges.values()], between: this.#between() };
  }

  // --- ghosts ------------------------------------------------------------------------------------

  #ghost(found: Found): Ghost {
    const { kind, creators } = found;
    const atMost = this.#amounts.of(found);
    const group = this.#groupOf(found);
    const isWild = kind.task === null && group === null;
    const ghostKind: GhostKind = group !== null ? 'oneOf' : isWild ? 'wildcard' : atMost === 1 ? 'next' : 'many';
    return {
      id: this.#idOf(found),
      kind: ghostKind,
      task: kind.task,
      label: kind.task ?? this.#namePlace(found) ?? wildLabel(creators),
      atLeast: Math.max(formNeeds(found, this.#explorer.spots), this.#ruleNeeds(found)),
      atMost,
      by: [...new Set(creators.map(({ id, ghost }) => (ghost === null ? id : this.#idOf(ghost))))],
      ...(group === null ? {} : { group }),
    };
  }

  #idOf(one: Node | Found): string {
    return one instanceof Node ? one.id : (this.#ids.get(one) ?? '');
  }

  #freeId(base: string): string {
    const taken = new Set(this.#ids.values());
    let id = base;
    for (let count = 2; taken.has(id) || this.#run.nodes.has(id); count += 1) id = `${base}${count}`;
    return id;
  }

  #namePlace({ places }: Found): string | null {
    return [...places.values()].find((place) => place !== null)?.part.name ?? null;
  }

  /** The choice that is open and that it would close, if it stands in one that is not repeated. */
  #groupOf(found: Found): string | null {
    for (const [form, place] of found.places) {
      if (place === null) continue;
      let { part, copy }: { part: Part; copy: Copy } = place;
      let isOnce = copy.depth === 0;
      while (part.parent !== null) {
        if (part.parent.kind === 'choice' && isOnce && copy.isEmpty(part.parent))
          return `${this.#forms.indexOf(form)}.${part.parent.offset}`;
        if (part === copy.body && copy.parent !== null) {
          copy = copy.parent;
          isOnce = isRepeatedNowhere(copy);
        }
        part = part.parent;
      }
    }
    return null;
  }

  /** What a bound asks for when nothing else could bring it. */
  #ruleNeeds(found: Found): number {
    let need = 0;
    for (const rule of this.#rules) {
      if (rule.bounds === null || rule.bounds.atLeast === 0 || rule.bounds.isEach) continue;
      const others = this.#found.some((one) => one !== found && one.creators.some(({ rules }) => rules.includes(rule)));
      if (!others && found.creators.every(({ rules }) => rules.includes(rule)))
        need = Math.max(need, rule.bounds.atLeast - rule.total);
    }
    return need;
  }

  /** Alternatives that are closed, where the choice was made once for all. */
  #closed(): Ghost[] {
    return this.#forms.flatMap((form, index) =>
      choicesIn(form.shape, form.top).flatMap(({ choice, copy }) => {
        if (copy.isEmpty(choice)) return [];
        const closed = choice.parts.filter((part) => copy.isEmpty(part)).flatMap(namesIn);
        return closed.map((part): Ghost => {
          const id = this.#freeId(`?${part.name}`);
          this.#closedEdges(id, form, { part, copy });
          return {
            id,
            kind: 'oneOf',
            task: part.name,
            label: part.name,
            atLeast: 0,
            atMost: 0,
            by: [],
            group: `${index}.${choice.offset}`,
            isImpossible: true,
          };
        });
      }),
    );
  }

  /** Where it would have stood. */
  #closedEdges(id: string, form: Form, place: Place): void {
    for (const { id: from } of form.neighbours(place, -1))
      this.#edges.set(JSON.stringify([from, id]), { from, to: id, isRequired: true });
    for (const { id: to } of form.neighbours(place, 1))
      this.#edges.set(JSON.stringify([id, to]), { from: id, to, isRequired: true });
  }

  // --- edges -------------------------------------------------------------------------------------

  #edgesOf(found: Found): void {
    const around = [...found.places.keys()];
    const before = new Set(around.flatMap((form) => this.#next(form, found, -1, false)));
    const behind = new Set(around.flatMap((form) => this.#next(form, found, 1, false)));
    for (const node of new Set([...this.#candidates(found, 'before'), ...nodesOf(before)]))
      if (isAllowed(found.creators, namedOf(node), found.kind)) this.#edge(node, found, before.has(node));
    for (const node of new Set([...this.#candidates(found, 'behind'), ...nodesOf(behind)])) {
      const able = found.creators.filter(({ blocked }) => !node.hasStarted && !blocked.has(node));
      if (isAllowed(able, found.kind, namedOf(node))) this.#edge(found, node, behind.has(node));
    }
    for (const one of behind) if (!(one instanceof Node)) this.#pair(found, one, true);
    for (const one of before) if (!(one instanceof Node)) this.#pair(one, found, true);
  }

  #pair(from: Found, to: Found, isRequired: boolean): void {
    if (isAllowed([...from.creators, ...to.creators], from.kind, to.kind)) this.#edge(from, to, isRequired);
  }

  #edge(from: Node | Found, to: Node | Found, isRequired: boolean): void {
    const edge = { from: this.#idOf(from), to: this.#idOf(to), isRequired };
    const key = JSON.stringify([edge.from, edge.to]);
    if (isRequired || !this.#edges.has(key)) this.#edges.set(key, edge);
  }

  /** Nodes that the forms let it have an edge with. */
  #candidates(found: Found, side: keyof Around): Node[] {
    const placed = [...found.places].filter(([, place]) => place !== null);
    const whole = placed.find(([form]) => form.ends === null);
    const around = this.#aroundOf(found);
    const nodes =
      whole === undefined
        ? this.#nodes
        : [...(around.get(whole[0])?.[side] ?? [])].filter((one) => one instanceof Node);
    return nodes.filter((node) =>
      placed.every(([form]) => {
        if (around.get(form)?.[side].has(node) === true) return true;
        return (
          !form.places.has(node) &&
          form.ends !== null &&
          !this.#beyond(form, side === 'before' ? 'to' : 'from').has(node)
        );
      }),
    );
  }

  /** An end of the part that a form is of, and all that lies beyond it. */
  #beyond(form: Form, end: 'from' | 'to'): ReadonlySet<Node> {
    const key = `${this.#forms.indexOf(form)}.${end}`;
    const limit = this.#run.nodes.get(form.ends?.[end] ?? '');
    const beyond = this.#far.get(key) ?? new Set(limit === undefined ? [] : [limit]);
    if (!this.#far.has(key))
      for (const node of beyond)
        for (const next of end === 'to' ? node.successors : node.predecessors) beyond.add(next);
    this.#far.set(key, beyond);
    return beyond;
  }

  #aroundOf(found: Found): Map<Form, Around> {
    const known = this.#around.get(found);
    if (known !== undefined) return known;
    const around = new Map<Form, Around>();
    for (const [form, place] of found.places) {
      if (place === null) continue;
      around.set(form, {
        before: new Set(this.#next(form, found, -1, true)),
        behind: new Set(this.#next(form, found, 1, true)),
      });
    }
    this.#around.set(found, around);
    return around;
  }

  /** Neighbours in a form, ghosts among them; `isLoose`: as far as what may stay away lets them be neighbours. */
  #next(form: Form, found: Found, way: 1 | -1, isLoose: boolean): (Node | Found)[] {
    const place = found.places.get(form);
    if (place == null) return [];
    const guests: Guests<Found> = {
      at: (copy, part) => this.#guestsAt(copy, part),
      copyOf: (copy, slot) => this.#explorer.spots.peek(copy, slot),
      mayStayAway: isLoose,
    };
    const links = linksBeside(place.copy);
    if (links.length > 0 && way === -1 && !isLoose) return links.slice(-1);
    // Which of several kinds of links is the first, or the last, nobody knows.
    if (!isLoose && place.copy.slot?.isChain === true && this.#guestsIn(place.copy) > 1) return [];
    const next = [...form.neighbours(place, way, guests)];
    if (isLoose && links.length > 0) next.push(...links);
    if (form.ends === null || next.some((one) => one instanceof Node)) return next;
    const end = this.#run.nodes.get(way === 1 ? form.ends.to : form.ends.from);
    return end === undefined || (!isLoose && next.length > 0) ? next : [...next, end];
  }

  #guestsAt(copy: Copy, part: Part): Found[] {
    const inner = this.#at.get(copy) ?? new Map<Part, Found[]>();
    this.#at.set(copy, inner);
    const list = inner.get(part) ?? [];
    inner.set(part, list);
    return list;
  }

  #guestsIn(copy: Copy): number {
    return namesIn(copy.body).flatMap((part) => this.#guestsAt(copy, part)).length;
  }

  #pairs(): void {
    const isSmall = this.#found.length <= PAIRS_LIMIT;
    for (const from of this.#found) {
      const around = this.#aroundOf(from);
      const near = [...around.values()].flatMap(({ behind }) =>
        [...behind].filter((one): one is Found => !(one instanceof Node)),
      );
      for (const to of isSmall ? this.#found : new Set(near)) {
        const isJoined = [...from.places].every(([form, place]) => {
          const other = to.places.get(form);
          if (place === null || other == null) return true;
          if (place.copy === other.copy && place.copy.slot?.isChain === true) return true;
          if (from === to) return false;
          return around.get(form)?.behind.has(to) === true;
        });
        const isOne = from === to && this.#amounts.of(from) === 1;
        if (isJoined && !isOne) this.#pair(from, to, false);
      }
    }
  }

  /** Between nodes that are there. In a form of the whole graph such an edge says nothing new, or is refused. */
  #between(): LooseEdges[] {
    const { creators } = this.#explorer;
    if (creators.length === 0 || this.#forms.some(({ ends }) => ends === null)) return [];
    const classes = new Map<string, Node[]>();
    for (const node of this.#nodes) {
      const key = this.#rules.map((rule) => rule.edgeClass(namedOf(node))).join('/');
      const list = classes.get(key);
      if (list === undefined) classes.set(key, [node]);
      else list.push(node);
    }
    return [...classes.values()].flatMap((from) =>
      [...classes.values()].flatMap((all) => {
        const able = creators.filter((creator) =>
          isAllowed([creator], namedOf(from[0] as Node), namedOf(all[0] as Node)),
        );
        const to = all.filter((node) => !node.hasStarted && able.some(({ blocked }) => !blocked.has(node)));
        const ids = (nodes: readonly Node[]): string[] => nodes.map(({ id }) => id);
        return to.length === 0 || (from.length === 1 && to.length === 1 && from[0] === to[0])
          ? []
          : [{ from: ids(from), to: ids(to) }];
      }),
    );
  }
}

function isAllowed(creators: readonly Creator[], from: Named, to: Named): boolean {
  return creators.some(({ rules }) => rules.every((rule) => rule.refusesEdge(from, to) === null));
}

function nodesOf(all: Iterable<Node | Found>): Node[] {
  return [...all].filter((one) => one instanceof Node);
}

function isRepeatedNowhere(copy: Copy): boolean {
  return copy.slot === null || (copy.slot.max === 1 && (copy.parent === null || isRepeatedNowhere(copy.parent)));
}

/** Links of the chain that a new link would be in, from first to last. */
function linksBeside({ parent, slot }: Copy): Node[] {
  if (parent === null || slot === null || !slot.isChain) return [];
  const links: Node[] = [];
  for (let link = parent.first.get(slot) ?? null; link !== null; link = link.next) links.push(...link.nodes.values());
  return links;
}

/** Choices of a copy that are made once for all. */
function choicesIn(part: Part, copy: Copy): { choice: Part; copy: Copy }[] {
  if (part.kind === 'copies') {
    const inner = part.max === 1 ? copy.copies.get(part)?.values().next().value : undefined;
    return inner === undefined ? [] : choicesIn(part.body, inner);
  }
  const own = part.kind === 'choice' ? [{ choice: part, copy }] : [];
  return [...own, ...part.parts.flatMap((one) => choicesIn(one, copy))];
}

function wildLabel(creators: readonly Creator[]): string {
  const lists = creators.flatMap(({ rules }) =>
    rules.flatMap(({ spec }) => (spec.only?.nodes === undefined ? [] : [spec.only.nodes])),
  );
  const names = (lists[0] ?? []).map((selector) => namesOf(selector).node ?? namesOf(selector).task ?? '');
  return names.length === 0 ? 'anything' : names.join(', ');
}
