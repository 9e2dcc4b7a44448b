// What can still happen to the run of a state machine: the visits that may follow those that are active, as ghosts.
//
// Owns: how often each may come, and what leads to it. Pure, and looks at no data: where a Choice stands open, all its ways do. Does not own:
// what really follows (continuation.ts), where a state leads to (ways.ts).
//
// F1  sound: a visit that the continuation adds had a ghost just before, and so had each of its edges.
// F2  bounds count visits: no more than `atMost` come, and no fewer than `atLeast` unless something fails.
// F3  a state that could have come and cannot any more is a ghost that is impossible; what it would have held is not shown.
//
// A scope is where threads of control move: the machine itself, the branches of a Parallel, the items of a Map (one scope for all of them). What
// has not begun its branches yet has a scope of ghosts only.

import type { Futures, Ghost, GhostEdge } from '../../kernel/ghost.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { Machine } from './machine.ts';
import { type Visit, visitOf } from './visit.ts';
import { type Bounds, type Spot, spotText, Ways } from './ways.ts';

interface Scope {
  /** Before the names of its states in ids. */
  readonly prefix: string;
  /** Where its threads come together; null: the run ends with the thread. */
  readonly join: string | null;
  readonly isMap: boolean;
  readonly starts: readonly string[];
  /** How often each of the starts is still to begin. */
  readonly begins: Bounds;
  /** Id of what begins them; null: only other threads do. */
  readonly split: string | null;
  /** A thread that ends may begin another; with a failure, too. */
  readonly isRelayed: boolean;
  readonly isTolerant: boolean;
  /** Visits that were or are in it. */
  readonly visits: readonly Visited[];
}

interface Visited {
  readonly node: Node;
  readonly visit: Visit;
}

/** Active visits of one kind: a thousand items at the same place cost what one does. */
interface Standing {
  readonly spot: Spot;
  readonly isFailing: boolean;
  readonly mayRetry: boolean;
  readonly ids: string[];
}

interface Draft {
  readonly scope: Scope;
  readonly spot: Spot;
  readonly bounds: Bounds;
  readonly isImpossible: boolean;
  readonly makers: Set<string>;
  /** Its makers are ways of a Choice only. */
  isAlternative: boolean;
}

const AGAIN = ' (again)';
const NEVER: Bounds = { atLeast: 0, atMost: 0 };
const ONCE: Bounds = { atLeast: 1, atMost: 1 };

/** Empty when the run has no state machine. */
export function machineFutures(run: Run): Futures {
  const machine = run.registration.continuation as unknown as Machine | undefined;
  return machine === undefined ? { ghosts: [], edges: [] } : new Foresight(run, machine).look();
}

class Foresight {
  readonly #run: Run;
  readonly #machine: Machine;
  readonly #ways: Ways;
  readonly #drafts = new Map<string, Draft>();
  readonly #edges = new Map<string, GhostEdge>();

  constructor(run: Run, machine: Machine) {
    this.#run = run;
    this.#machine = machine;
    this.#ways = new Ways(machine);
  }

  look(): Futures {
    const scopes = this.#scopesOfRun();
    for (const scope of scopes) this.#lookAhead(scope);
    for (const scope of scopes) this.#lookBack(scope);
    const ghosts = Array.from(this.#drafts, ([id, draft]) => this.#ghost(id, draft));
    const groups = new Map<string, number>();
    for (const { group } of ghosts) if (group !== undefined) groups.set(group, (groups.get(group) ?? 0) + 1);
    // An alternative to nothing is none.
    const alone = ({ group, ...ghost }: Ghost): Ghost =>
      group === undefined || (groups.get(group) ?? 0) > 1
        ? { ...ghost, ...(group === undefined ? {} : { group }) }
        : { ...ghost, kind: 'next' };
    return { ghosts: ghosts.map(alone), edges: Array.from(this.#edges.values(), (edge) => this.#sure(edge)) };
  }

  // --- scopes --------------------------------------------------------------------------------------

  /** The machine itself, then one for each join that is there. */
  #scopesOfRun(): Scope[] {
    const byJoin = new Map<string, Visited[]>();
    const joins: Visited[] = [];
    for (const node of this.#run.nodes.values()) {
      const visit = visitOf(node);
      if (visit === null || 'isLimit' in visit) continue;
      if (visit.join !== undefined) joins.push({ node, visit });
      const join = visit.place?.join ?? '';
      const known = byJoin.get(join);
      if (known === undefined) byJoin.set(join, [{ node, visit }]);
      else known.push({ node, visit });
    }
    const outer: Scope = {
      prefix: '',
      join: null,
      isMap: false,
      starts: [this.#machine.startAt],
      begins: NEVER,
      split: null,
      isRelayed: false,
      isTolerant: false,
      visits: byJoin.get('') ?? [],
    };
    return [outer, ...joins.map(({ node, visit }) => this.#scopeOf(node, visit, byJoin.get(node.id) ?? []))];
  }

  #scopeOf(node: Node, visit: Visit, visits: readonly Visited[]): Scope {
    const begun = new Set(visits.map((inner) => inner.visit.place?.index));
    const left = this.#isActive(node) ? (visit.join?.inputs.length ?? 0) - begun.size : 0;
    return {
      prefix: prefixOf(visit.join?.split ?? ''),
      join: node.id,
      isMap: this.#ways.isMap(visit.state),
      starts: this.#ways.startsOf(visit.state),
      begins: { atLeast: left, atMost: left },
      split: null,
      isRelayed: left > 0,
      isTolerant: this.#ways.isTolerant(visit.state),
      visits,
    };
  }

  /** Of a Parallel or Map that has not begun its branches: `split` is its id, that of a node or a ghost. */
  #scopeWithin(around: Scope, state: string, split: string, times: Bounds): Scope {
    const items = this.#ways.itemsOf(state);
    const atMost = items.atMost === 0 || times.atMost === 0 ? 0 : items.atMost * times.atMost;
    return {
      prefix: prefixOf(split),
      join: this.#idOf(around, { state, half: 'join' }),
      isMap: this.#ways.isMap(state),
      starts: this.#ways.startsOf(state),
      begins: { atLeast: items.atLeast * times.atLeast, atMost },
      split,
      isRelayed: this.#ways.isRelayed(state),
      isTolerant: this.#ways.isTolerant(state),
      visits: [],
    };
  }

  /** Something follows when it ends. */
  #isActive(node: Node): boolean {
    const { end, isCancelling, undoing, brokenPromise } = this.#run;
    if (end !== null || isCancelling || undoing !== null || brokenPromise !== null) return false;
    return !node.isTerminal && node.current?.stopping !== 'Stopped';
  }

  // --- what may come -------------------------------------------------------------------------------

  #lookAhead(scope: Scope): void {
    const standing = this.#standingIn(scope);
    const found = new Map<string, { spot: Spot; bounds: Bounds }>();
    const count = (from: readonly Spot[], musts: readonly Spot[], { atLeast, atMost }: Bounds): void => {
      const must = new Set(musts.map(spotText));
      for (const spot of this.#ways.reachedFrom(from)) {
        const key = spotText(spot);
        const known = found.get(key)?.bounds ?? NEVER;
        const times = this.#ways.isLoop(spot) && atMost > 0 ? Number.POSITIVE_INFINITY : atMost;
        const least = must.has(key) ? atLeast : 0;
        found.set(key, { spot, bounds: { atLeast: known.atLeast + least, atMost: known.atMost + times } });
      }
    };
    for (const each of standing) {
      const next = this.#nextOf(each);
      const musts = each.isFailing ? [] : this.#ways.mustPass(each.spot);
      count(next, musts, { atLeast: each.ids.length, atMost: each.ids.length });
    }
    for (const state of scope.begins.atMost > 0 ? scope.starts : []) {
      const first: Spot = { state, half: 'enter' };
      count([first], [first, ...this.#ways.mustPass(first)], scope.begins);
    }
    const spots = [...found.values()];
    for (const { spot, bounds } of spots) this.#draft(scope, spot, bounds);
    this.#link(
      scope,
      standing,
      spots.map(({ spot }) => spot),
    );
    for (const { spot, ids } of standing) {
      for (const id of this.#begins(spot) ? ids : []) this.#lookAhead(this.#scopeWithin(scope, spot.state, id, ONCE));
    }
    for (const { spot, bounds } of spots) {
      if (this.#begins(spot)) this.#lookAhead(this.#scopeWithin(scope, spot.state, this.#idOf(scope, spot), bounds));
    }
  }

  #begins({ state, half }: Spot): boolean {
    return half === 'enter' && this.#ways.isSplit(state);
  }

  #standingIn({ visits }: Scope): Standing[] {
    const found = new Map<string, Standing>();
    for (const { node, visit } of visits) {
      if (!this.#isActive(node)) continue;
      const spot = this.#ways.spotOf(visit);
      const isFailing = visit.failure !== undefined;
      const mayRetry = this.#ways.mayRetry(visit.state, visit.retries ?? []);
      const key = `${spotText(spot)}/${isFailing}/${mayRetry}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { spot, isFailing, mayRetry, ids: [node.id] });
      else known.ids.push(node.id);
    }
    return [...found.values()];
  }

  #nextOf({ spot, isFailing, mayRetry }: Pick<Standing, 'spot' | 'isFailing' | 'mayRetry'>): Spot[] {
    return this.#ways.from(spot).flatMap(({ to, isFailure }) => {
      const isRetry = isFailure && to.state === spot.state && this.#ways.isSplit(spot.state);
      return (isFailing && !isFailure) || (isRetry && !mayRetry) ? [] : [to];
    });
  }

  #draft(scope: Scope, spot: Spot, bounds: Bounds, isImpossible = false): void {
    const draft = { scope, spot, bounds, isImpossible, makers: new Set<string>(), isAlternative: true };
    this.#drafts.set(this.#idOf(scope, spot), draft);
  }

  #link(scope: Scope, standing: readonly Standing[], ghosts: readonly Spot[]): void {
    const firsts = scope.begins.atMost === 0 ? [] : scope.starts.map((state): Spot => ({ state, half: 'enter' }));
    for (const first of firsts) if (scope.split !== null) this.#make(scope, scope.split, first, {});
    const lead = (id: string, each: Pick<Standing, 'spot' | 'isFailing' | 'mayRetry'>): void => {
      const { spot } = each;
      const isChoice = this.#ways.isChoice(spot.state);
      for (const to of this.#nextOf(each)) this.#make(scope, id, to, { isOrder: to.half === 'join', isChoice });
      const mayBegin = scope.isRelayed && (this.#ways.isLast(spot) || scope.isTolerant);
      for (const first of mayBegin ? firsts : []) this.#make(scope, id, first, { isOrder: true });
    };
    for (const each of standing) for (const id of each.ids) lead(id, each);
    for (const spot of ghosts) {
      const id = this.#idOf(scope, spot);
      lead(id, { spot, isFailing: false, mayRetry: true });
      if (scope.join !== null)
        this.#edge({ from: id, to: scope.join, isRequired: true, ...orderIf(!this.#ways.isLast(spot)) });
    }
  }

  /** An edge to a visit from what makes it. */
  #make(
    scope: Scope,
    from: string,
    to: Spot,
    { isOrder = false, isChoice = false }: { isOrder?: boolean; isChoice?: boolean },
  ): void {
    const id = this.#idOf(scope, to);
    const draft = this.#drafts.get(id);
    draft?.makers.add(from);
    if (draft !== undefined && !isChoice) draft.isAlternative = false;
    this.#edge({ from, to: id, isRequired: false, ...orderIf(isOrder) });
  }

  #edge(edge: GhostEdge): void {
    const key = `${edge.from}\n${edge.to}`;
    const known = this.#edges.get(key);
    // What leads on counts more than what says only the order.
    if (known === undefined || known.isOrder === true) this.#edges.set(key, edge);
  }

  // --- what can come no more -----------------------------------------------------------------------

  #lookBack(scope: Scope): void {
    const lastVisits = new Map(scope.visits.map(({ node, visit }) => [spotText(this.#ways.spotOf(visit)), node.id]));
    const reached = this.#ways.reachedFrom(scope.starts.map((state): Spot => ({ state, half: 'enter' })));
    const isOpen = (spot: Spot): boolean => lastVisits.has(spotText(spot)) || this.#drafts.has(this.#idOf(scope, spot));
    const missed = reached.filter((spot) => spot.half === 'enter' && !isOpen(spot));
    for (const spot of missed) this.#draft(scope, spot, NEVER, true);
    const isMissed = new Set(missed.map(spotText));
    for (const spot of reached) {
      // A second half that never came is not shown: what follows it follows the first.
      const shown = isOpen(spot) ? spot : { ...spot, half: 'enter' as const };
      const from = lastVisits.get(spotText(shown)) ?? this.#idOf(scope, shown);
      for (const { to } of this.#ways.from(spot)) {
        if (isMissed.has(spotText(to))) this.#make(scope, from, to, {});
      }
    }
  }

  // --- names and words -----------------------------------------------------------------------------

  /** Different from the id of every node. */
  #idOf({ prefix }: Scope, { state, half }: Spot): string {
    return this.#free(`${prefix}${state}${half === 'enter' ? '' : `/${half}`}`);
  }

  #free(wanted: string): string {
    let id = wanted;
    while (this.#run.nodes.has(id)) id += AGAIN;
    return id;
  }

  #ghost(id: string, { scope, spot, bounds, isImpossible, makers, isAlternative }: Draft): Ghost {
    const { atLeast, atMost } = bounds;
    const [maker] = makers;
    const isOneOf = isAlternative && makers.size === 1 && maker !== undefined && !scope.isMap && !isImpossible;
    return {
      id,
      kind: scope.isMap ? 'many' : isOneOf ? 'oneOf' : 'next',
      task: spot.state,
      label: spot.half === 'enter' ? spot.state : `${spot.state} (${spot.half})`,
      atLeast,
      atMost: Number.isFinite(atMost) ? atMost : null,
      by: [...makers],
      ...(isOneOf ? { group: maker } : {}),
      ...(isImpossible ? { isImpossible: true as const } : {}),
    };
  }

  /** A visit with one maker comes with the edge from it. */
  #sure(edge: GhostEdge): GhostEdge {
    return edge.isRequired || this.#drafts.get(edge.to)?.makers.size !== 1 ? edge : { ...edge, isRequired: true };
  }
}

function prefixOf(split: string): string {
  return `${split}/*/`;
}

function orderIf(isOrder: boolean): { isOrder?: true } {
  return isOrder ? { isOrder: true } : {};
}
