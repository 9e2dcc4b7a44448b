// One watch of the store for all watches of clients, and one list for all who ask for the same at the same moment.
//
// H1  a subscriber gets every change after its revision, in order, once: those that the hub still holds from memory, older ones from the
//     store itself.
// H2  a list is shared only by those who asked before it began, so nobody is given anything older than the question.
// H3  without subscribers nothing is watched and nothing is held.

import { StoreError } from '../../kernel/errors.ts';
import type { Kind, Resource } from '../../manifests/model.ts';
import type { Change, Store } from '../../store/store.ts';

/** Changes that are held for those who come a little later. */
const HELD = 2_000;

type Listed = Awaited<ReturnType<Store['resources']['list']>>;

export class ChangeHub {
  readonly #store: Store;
  readonly #subscribers = new Set<Subscriber>();
  #held: Change[] = [];
  /** Revision behind which everything is in `#held`; null: nothing is watched. */
  #start: number | null = null;
  #position = 0;
  #starting: Promise<void> | null = null;
  #stop = new AbortController();

  constructor(store: Store) {
    this.#store = store;
  }

  /** As the store's own watch. */
  async *watch(from: number, signal: AbortSignal): AsyncGenerator<Change, void> {
    const subscriber = new Subscriber(from, signal);
    this.#subscribers.add(subscriber);
    try {
      await this.#begin();
      const newest = await this.#store.resources.revision();
      if (this.#start === null || from < this.#start || from > newest) {
        this.#subscribers.delete(subscriber);
        yield* this.#store.resources.watch(from, signal);
        return;
      }
      for (const change of this.#held) subscriber.take(change);
      yield* subscriber.changes();
    } finally {
      subscriber.close();
      this.#subscribers.delete(subscriber);
      if (this.#subscribers.size === 0) this.#end();
    }
  }

  #begin(): Promise<void> {
    if (this.#start !== null) return Promise.resolve();
    this.#starting ??= this.#open().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #open(): Promise<void> {
    const from = await this.#store.resources.revision();
    this.#start = from;
    this.#position = from;
    this.#held = [];
    this.#stop = new AbortController();
    void this.#run(from, this.#stop.signal);
  }

  async #run(from: number, stop: AbortSignal): Promise<void> {
    let error: unknown = new StoreError('Expired', 'changes', 'changes: the watch ended, list again');
    try {
      for await (const change of this.#store.resources.watch(from, stop)) this.#take(change);
    } catch (failure) {
      error = failure;
    }
    if (stop.aborted) return;
    this.#start = null;
    for (const subscriber of this.#subscribers) subscriber.fail(error);
  }

  #take(change: Change): void {
    this.#position = change.revision;
    this.#held.push(change);
    if (this.#held.length > 2 * HELD) {
      this.#held = this.#held.slice(-HELD);
      this.#start = (this.#held[0]?.revision ?? this.#position) - 1;
    }
    for (const subscriber of this.#subscribers) subscriber.take(change);
  }

  #end(): void {
    this.#stop.abort();
    this.#start = null;
    this.#held = [];
  }
}

class Subscriber {
  readonly #signal: AbortSignal;
  #queue: Change[] = [];
  #position: number;
  #error: unknown = null;
  #wake: () => void = () => undefined;
  readonly #stopped = (): void => this.#wake();

  constructor(from: number, signal: AbortSignal) {
    this.#position = from;
    this.#signal = signal;
    signal.addEventListener('abort', this.#stopped, { once: true });
  }

  /** The signal may live on. */
  close(): void {
    this.#signal.removeEventListener('abort', this.#stopped);
  }

  take(change: Change): void {
    if (change.revision <= this.#position) return;
    this.#position = change.revision;
    this.#queue.push(change);
    this.#wake();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.#wake();
  }

  async *changes(): AsyncGenerator<Change, void> {
    while (!this.#signal.aborted) {
      const ready = this.#queue;
      this.#queue = [];
      for (const change of ready) {
        if (this.#signal.aborted) return;
        yield change;
      }
      if (ready.length > 0) continue;
      if (this.#error !== null) throw this.#error instanceof Error ? this.#error : new Error('the watch failed');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

// --- lists ---------------------------------------------------------------------------------------

interface Page {
  readonly after?: string;
  readonly limit?: number;
}

interface Flight {
  readonly running: Promise<Listed>;
  next: Promise<Listed> | null;
}

export class SharedLists {
  readonly #store: Store;
  readonly #flights = new Map<string, Flight>();

  constructor(store: Store) {
    this.#store = store;
  }

  list(kind: Kind, page: Page): Promise<Listed> {
    const key = JSON.stringify([kind, page.after ?? null, page.limit ?? null]);
    const flight = this.#flights.get(key);
    if (flight === undefined) return this.#begin(key, kind, page);
    // It may have read before the question came; the next one has not begun.
    flight.next ??= flight.running.then(
      () => this.#begin(key, kind, page),
      () => this.#begin(key, kind, page),
    );
    return flight.next;
  }

  #begin(key: string, kind: Kind, page: Page): Promise<Listed> {
    const running = this.#store.resources.list(kind, page);
    const flight: Flight = { running, next: null };
    this.#flights.set(key, flight);
    const over = (): void => {
      if (this.#flights.get(key) === flight && flight.next === null) this.#flights.delete(key);
    };
    running.then(over, over);
    return running;
  }
}

/** Objects are shared by many answers: each is turned into text once. */
export class Texts {
  readonly #texts = new WeakMap<object, string>();

  of(object: Resource): string {
    const known = this.#texts.get(object);
    if (known !== undefined) return known;
    const text = JSON.stringify(object);
    this.#texts.set(object, text);
    return text;
  }
}
