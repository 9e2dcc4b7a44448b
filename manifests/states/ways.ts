// Where each state of a machine leads to, whatever the data: the machine as a graph.
//
// Owns: the ways from one visit to the next within one thread of control, which of them are taken only after a failure, and what follows from
// their form (loops, what must be passed). Does not own: branches and items, which are threads of their own (futures.ts).
//
// Y1  a Task that waits for a callback is two visits, a Parallel or Map is two as well: what begins its branches, and their join.
// Y2  all walks are iterative and keep the order in which the machine is written.

import type { Machine, State } from './machine.ts';
import type { Visit } from './visit.ts';

export interface Spot {
  readonly state: string;
  readonly half: 'enter' | 'callback' | 'join';
}

export interface Way {
  readonly to: Spot;
  readonly isFailure: boolean;
}

export interface Bounds {
  readonly atLeast: number;
  /** May be infinite. */
  readonly atMost: number;
}

export function spotText({ state, half }: Spot): string {
  return `${half} ${state}`;
}

const NOWHERE: State = { type: 'Fail', isJsonata: false, fields: {} };

export class Ways {
  readonly #machine: Machine;
  readonly #from = new Map<string, readonly Way[]>();
  #loops: ReadonlySet<string> | null = null;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  // --- one state -----------------------------------------------------------------------------------

  #state(name: string): State {
    return (Object.hasOwn(this.#machine.states, name) ? this.#machine.states[name] : undefined) ?? NOWHERE;
  }

  isSplit(name: string): boolean {
    return this.#state(name).type === 'Parallel' || this.isMap(name);
  }

  isMap(name: string): boolean {
    return this.#state(name).type === 'Map';
  }

  isChoice(name: string): boolean {
    return this.#state(name).type === 'Choice';
  }

  /** First states of its branches, or of what each item goes through. */
  startsOf(name: string): readonly string[] {
    return this.#state(name).branches ?? [];
  }

  /** Threads that each of its branches becomes. */
  itemsOf(name: string): Bounds {
    const { type, fields } = this.#state(name);
    if (type !== 'Map') return { atLeast: 1, atMost: 1 };
    const { items, itemBatcher } = fields;
    if (!Array.isArray(items) || itemBatcher !== undefined) return { atLeast: 0, atMost: Number.POSITIVE_INFINITY };
    return { atLeast: items.length, atMost: items.length };
  }

  /** Does an item begin where another ends? */
  isRelayed(name: string): boolean {
    const { maxConcurrency, maxConcurrencyPath } = this.#state(name).fields;
    return maxConcurrencyPath !== undefined || (maxConcurrency !== undefined && maxConcurrency !== 0);
  }

  isTolerant(name: string): boolean {
    return Object.keys(this.#state(name).fields).some((field) => field.startsWith('toleratedFailure'));
  }

  spotOf(visit: Visit): Spot {
    const isSecond = visit.isCallback === true && this.#hasCallback(visit.state);
    return { state: visit.state, half: visit.join !== undefined ? 'join' : isSecond ? 'callback' : 'enter' };
  }

  /** May it begin anew after a failure, given how often each rule was used? */
  mayRetry(name: string, used: readonly number[]): boolean {
    return (
      this.isSplit(name) &&
      (this.#state(name).retry ?? []).some(({ maxAttempts }, rule) => (used[rule] ?? 0) < maxAttempts)
    );
  }

  /** A Signal is waited for once its function has ended. */
  #hasCallback(name: string): boolean {
    const { type, signal, task, fields } = this.#state(name);
    return type === 'Task' && signal !== undefined && (task !== undefined || fields['resource'] !== undefined);
  }

  // --- ways ----------------------------------------------------------------------------------------

  from(spot: Spot): readonly Way[] {
    const key = spotText(spot);
    const known = this.#from.get(key) ?? this.#findFrom(spot);
    this.#from.set(key, known);
    return known;
  }

  #findFrom(spot: Spot): readonly Way[] {
    const { state: name, half } = spot;
    const state = this.#state(name);
    const good: Spot[] = [];
    if (half === 'enter' && this.isSplit(name)) good.push({ state: name, half: 'join' });
    else if (half === 'enter' && this.#hasCallback(name)) good.push({ state: name, half: 'callback' });
    else {
      const targets =
        state.type === 'Choice' ? [...(state.choices ?? []).map(({ next }) => next), state.default] : [state.next];
      for (const next of new Set(targets)) if (next !== undefined) good.push({ state: next, half: 'enter' });
    }
    const bad: Spot[] = (state.catch ?? []).map(({ next }) => ({ state: next, half: 'enter' }));
    if (this.mayRetry(name, [])) bad.push({ state: name, half: 'enter' });
    return [...good.map((to) => ({ to, isFailure: false })), ...bad.map((to) => ({ to, isFailure: true }))];
  }

  /** Does the thread end with it, when it ends well? */
  isLast(spot: Spot): boolean {
    return !this.from(spot).some(({ isFailure }) => !isFailure);
  }

  /** These and all that can come after them. */
  reachedFrom(spots: readonly Spot[]): Spot[] {
    return this.#walk(spots, (spot) => this.from(spot).map(({ to }) => to));
  }

  #walk(spots: readonly Spot[], next: (spot: Spot) => readonly Spot[]): Spot[] {
    const found = new Map(spots.map((spot) => [spotText(spot), spot]));
    const open = [...found.values()];
    for (let at = 0; at < open.length; at += 1) {
      const spot = open[at];
      if (spot === undefined) break;
      for (const to of next(spot)) {
        const key = spotText(to);
        if (found.has(key)) continue;
        found.set(key, to);
        open.push(to);
      }
    }
    return [...found.values()];
  }

  /** What every way from the spot to the end of its thread passes, unless something fails. */
  mustPass(spot: Spot): Spot[] {
    const good = (from: Spot): Spot[] => this.from(from).flatMap(({ to, isFailure }) => (isFailure ? [] : [to]));
    const path = this.#pathToEnd(spot, good);
    return path.filter((candidate) => {
      const key = spotText(candidate);
      const around = this.#walk(
        good(spot).filter((to) => spotText(to) !== key),
        (from) => good(from).filter((to) => spotText(to) !== key),
      );
      return !around.some((other) => this.isLast(other));
    });
  }

  /** One of the shortest, without its beginning; only what lies on it can be on every way. */
  #pathToEnd(spot: Spot, good: (from: Spot) => readonly Spot[]): Spot[] {
    const before = new Map<string, Spot>();
    const end = this.#walk([spot], (from) => {
      const next = good(from).filter((to) => !before.has(spotText(to)));
      for (const to of next) before.set(spotText(to), from);
      return next;
    }).find((other) => this.isLast(other));
    const path: Spot[] = [];
    for (let at = end; at !== undefined && spotText(at) !== spotText(spot); at = before.get(spotText(at)))
      path.push(at);
    return path.toReversed();
  }

  /** Can it come again after itself? */
  isLoop(spot: Spot): boolean {
    this.#loops ??= this.#findLoops();
    return this.#loops.has(spotText(spot));
  }

  /** Tarjan's strongly connected components, with a stack of our own. */
  #findLoops(): Set<string> {
    const loops = new Set<string>();
    const index = new Map<string, number>();
    const low = new Map<string, number>();
    const stack: string[] = [];
    const onStack = new Set<string>();
    const halves = ['enter', 'callback', 'join'] as const;
    const all = Object.keys(this.#machine.states).flatMap((state) => halves.map((half): Spot => ({ state, half })));
    for (const start of all) {
      if (index.has(spotText(start))) continue;
      const path: { key: string; ways: readonly Way[]; next: number }[] = [];
      const enter = (spot: Spot): void => {
        const key = spotText(spot);
        index.set(key, index.size);
        low.set(key, index.get(key) ?? 0);
        stack.push(key);
        onStack.add(key);
        path.push({ key, ways: this.from(spot), next: 0 });
      };
      enter(start);
      for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
        const way = frame.ways[frame.next];
        frame.next += 1;
        if (way !== undefined) {
          const to = spotText(way.to);
          if (to === frame.key) loops.add(to);
          if (!index.has(to)) enter(way.to);
          else if (onStack.has(to)) low.set(frame.key, Math.min(low.get(frame.key) ?? 0, index.get(to) ?? 0));
          continue;
        }
        path.pop();
        const around = path.at(-1);
        if (around !== undefined) low.set(around.key, Math.min(low.get(around.key) ?? 0, low.get(frame.key) ?? 0));
        if (low.get(frame.key) !== index.get(frame.key)) continue;
        const members = stack.splice(stack.lastIndexOf(frame.key));
        for (const member of members) {
          onStack.delete(member);
          if (members.length > 1) loops.add(member);
        }
      }
    }
    return loops;
  }
}
