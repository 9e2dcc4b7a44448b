// Which worker gets the next attempt, as a scheduler binds a pod to a node.
//
// Owns: the view of workers and of what stands with each. Does not own: what is ready (kernel), how a lease is written (store).
//
// W1  no more stands with a worker than its slots and a prefetch of one; more only while its attempts are tiny, so that a slot
//     never waits for the controller.
// W2  the worker with the most free slots is next; among equals the one that was served longest ago.
// W3  a worker that let an offer wait in vain (it is stopped, or starved) is slow until it takes something: it comes last.

import type { WorkerView } from '../store/store.ts';

/** Attempts shorter than this on average are tiny. */
const TINY_MS = 50;
/** For a worker whose attempts are tiny: this many stand for each slot. */
const TINY_DEPTH = 4;
/** Weight of the newest attempt in the average. */
const AVERAGE_WEIGHT = 0.1;

interface WorkerState {
  view: WorkerView;
  /** Fences that stand with it: offered or claimed, not ended. */
  standing: Set<string>;
  averageMs: number;
  servedAt: number;
  isSlow: boolean;
}

function newState(view: WorkerView, fences: readonly string[] = []): WorkerState {
  return { view, standing: new Set(fences), averageMs: Number.POSITIVE_INFINITY, servedAt: 0, isSlow: false };
}

export class Workers {
  readonly #workers = new Map<string, WorkerState>();
  #served = 0;

  /** Replaces the view; what stands is kept. */
  update(views: readonly WorkerView[]): void {
    for (const view of views) {
      const known = this.#workers.get(view.name);
      if (known === undefined) this.#workers.set(view.name, newState(view));
      else {
        // Another process on that seat: what is known of the old one says nothing about it.
        if (known.view.pid !== view.pid) known.isSlow = false;
        known.view = view;
      }
    }
    const names = new Set(views.map(({ name }) => name));
    for (const [name, state] of this.#workers) {
      if (names.has(name)) continue;
      if (state.standing.size === 0) this.#workers.delete(name);
      else state.view = { ...state.view, alive: false };
    }
  }

  /** It can take offers: alive and not draining. */
  isServing(name: string): boolean {
    const view = this.#workers.get(name)?.view;
    return view !== undefined && view.alive && !view.draining;
  }

  get names(): string[] {
    return [...this.#workers.keys()];
  }

  hold(name: string, fence: string): void {
    const state = this.#workers.get(name);
    if (state !== undefined) state.standing.add(fence);
    else this.#workers.set(name, newState({ name, slots: 0, alive: false, draining: false, pid: 0 }, [fence]));
  }

  /** It took an offer. */
  took(name: string): void {
    const state = this.#workers.get(name);
    if (state !== undefined) state.isSlow = false;
  }

  /** An offer waited there in vain. */
  isWaitedFor(name: string): void {
    const state = this.#workers.get(name);
    if (state !== undefined) state.isSlow = true;
  }

  /** The fence stands no more. `tookMs`: how long the attempt ran, when it did. */
  release(name: string, fence: string, tookMs?: number): void {
    const state = this.#workers.get(name);
    if (state === undefined) return;
    state.standing.delete(fence);
    if (tookMs === undefined) return;
    const before = Number.isFinite(state.averageMs) ? state.averageMs : tookMs;
    state.averageMs = before + (tookMs - before) * AVERAGE_WEIGHT;
  }

  /** Next worker with room, or null. */
  pick(): string | null {
    let best: WorkerState | null = null;
    for (const state of this.#workers.values()) {
      if (!this.isServing(state.view.name) || state.standing.size >= capacity(state)) continue;
      if (best === null || isBefore(state, best)) best = state;
    }
    if (best === null) return null;
    this.#served += 1;
    best.servedAt = this.#served;
    return best.view.name;
  }

  /** Another worker that serves and has a slot with nothing to do. */
  hasIdleSlotBesides(name: string): boolean {
    for (const state of this.#workers.values()) {
      const other = state.view.name;
      if (other !== name && !state.isSlow && freeSlots(state) > 0 && this.isServing(other)) return true;
    }
    return false;
  }

  /** More stands with it than it has slots: an offer there waits. */
  isOverfull(name: string): boolean {
    const state = this.#workers.get(name);
    return state !== undefined && freeSlots(state) < 0;
  }
}

/** W2, W3. */
function isBefore(left: WorkerState, right: WorkerState): boolean {
  if (left.isSlow !== right.isSlow) return right.isSlow;
  const difference = freeSlots(left) - freeSlots(right);
  return difference > 0 || (difference === 0 && left.servedAt < right.servedAt);
}

function freeSlots(state: WorkerState): number {
  return state.view.slots - state.standing.size;
}

function capacity({ view, averageMs }: WorkerState): number {
  return averageMs < TINY_MS ? view.slots * TINY_DEPTH : view.slots + 1;
}
