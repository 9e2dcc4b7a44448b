// When something is due, for many nodes: a binary heap of timers.
//
// Setting and cancelling cost O(log n). A cancelled timer stays in the heap until it surfaces; a timer
// counts only while its owner still points at it, so nothing is ever searched for.

/** Beyond this an instant is no whole number of milliseconds any more, and Infinity would not survive a journal. */
const FAR_AWAY = Number.MAX_SAFE_INTEGER;

/** The instant `delayMs` after `from`, always finite. */
export function dueAfter(from: number, delayMs: number): number {
  return Math.min(from + delayMs, FAR_AWAY);
}

export interface Timer<T> {
  readonly due: number;
  readonly owner: T;
}

export class TimerHeap<T> {
  readonly #heap: Timer<T>[] = [];
  readonly #isCurrent: (timer: Timer<T>) => boolean;

  constructor(isCurrent: (timer: Timer<T>) => boolean) {
    this.#isCurrent = isCurrent;
  }

  add(timer: Timer<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Timer<T>;
      if (above.due <= timer.due) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  /** When the earliest timer is due; undefined when there is none. */
  next(): number | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#isCurrent(top)) return top.due;
      this.#removeTop();
    }
    return undefined;
  }

  /** Owners of all timers due at `now`, without removing them: their owners drop them when it is done. O(number of them). */
  due(now: number): T[] {
    // Cancelled ones at the top go first, or each look would walk over all that were ever due.
    this.next();
    const owners: T[] = [];
    const open = [0];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const timer = this.#heap[at];
      if (timer === undefined || timer.due > now) continue;
      if (this.#isCurrent(timer)) owners.push(timer.owner);
      open.push(2 * at + 2, 2 * at + 1);
    }
    return owners;
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Timer<T>).due < (heap[child] as Timer<T>).due) child += 1;
      const below = heap[child] as Timer<T>;
      if (below.due >= last.due) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}
