// A clock that stands still until a test moves it.

import type { Clock, Now } from '../../kernel/ports.ts';

export class HandClock implements Clock {
  #time = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): Now {
    return { time: this.#time, wall: Date.UTC(2030, 0, 1) + this.#time };
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#time + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    this.#time += ms;
    for (const timer of [...this.#timers].sort((one, other) => one.at - other.at)) {
      if (timer.at > this.#time || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
  }
}
