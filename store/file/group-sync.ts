// Group commit of one file: whoever waits shares one sync, and one follows soon after every write, also when nobody waits.
//
// G1  a waiter for N is answered after a sync that began when N was written.
// G2  one sync at a time; those who come while it runs share the next.
// G3  a sync begins at most `delayMs` after a write, or when the one that runs then ends.
// G4  a failed sync is final: what the kernel dropped it will not write again. All waiters, now and later, are refused.

import type { Clock } from '../../kernel/ports.ts';

interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class GroupSync {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #sync: () => Promise<void>;
  readonly #refusal: (error: unknown) => unknown;
  #written: number;
  #synced: number;
  #mostSynced: number;
  #waiters: Waiter[] = [];
  #cancelTimer: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #wanted = false;
  #failure: { readonly error: unknown } | null = null;

  /** `seq`: all up to here is synced already. `refusal` makes the error that waiters get from the one of `sync`. */
  constructor(options: {
    clock: Clock;
    delayMs: number;
    seq: number;
    sync: () => Promise<void>;
    refusal: (error: unknown) => unknown;
  }) {
    this.#clock = options.clock;
    this.#delayMs = options.delayMs;
    this.#sync = options.sync;
    this.#refusal = options.refusal;
    this.#written = options.seq;
    this.#synced = options.seq;
    this.#mostSynced = options.seq;
  }

  /** All up to here was on the platter once. */
  get mostSynced(): number {
    return this.#mostSynced;
  }

  /** What all are refused with since a sync failed. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** All up to `seq` is written. */
  written(seq: number): void {
    this.#written = seq;
    if (this.#failure !== null) return;
    this.#cancelTimer ??= this.#clock.after(this.#delayMs, () => {
      this.#cancelTimer = null;
      if (this.#synced < this.#written) this.#start();
    });
  }

  recorded(seq: number): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    if (seq <= this.#synced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ seq, resolve, reject });
      this.#start();
    });
  }

  /** All up to `seq` reached the platter by another way. */
  settled(seq: number): void {
    this.#synced = Math.max(this.#synced, seq);
    this.#mostSynced = Math.max(this.#mostSynced, seq);
    this.#answer();
  }

  /** The file was written again under its name: nothing of it is on the platter yet. */
  rewritten(): void {
    this.#synced = 0;
    this.written(this.#written);
  }

  /** Ends the timer and syncs what is left. Never rejects: who needs to know has waited. */
  async finish(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#failure === null && this.#synced < this.#written) this.#start();
    await this.#running;
  }

  #start(): void {
    if (this.#failure !== null) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (this.#wanted) {
        // Whoever writes and waits in this same turn of the event loop shares the sync.
        await Promise.resolve();
        this.#wanted = false;
        const target = this.#written;
        await this.#sync();
        this.settled(target);
        if (this.#waiters.length > 0) this.#wanted = true;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = null;
    }
  }

  #answer(): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.seq > this.#synced);
    for (const waiter of waiting) if (waiter.seq <= this.#synced) waiter.resolve();
  }

  #fail(cause: unknown): void {
    const error = this.#refusal(cause);
    this.#failure = { error };
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(error);
  }
}
