// Seats in memory: the reference model of the contract, and what simulations run on.
//
// Each handle is a process of its own, known by the Processes port that it was given; a seat is free when it was released or its holder is
// dead. Whoever kills a simulated process tells the place with `changed`.

import type { JsonObject } from '../../kernel/json.ts';
import { StoreError } from '../../kernel/errors.ts';
import type { ProcessIdentity, Processes } from '../../kernel/ports.ts';
import type { ControllerSeat, Seats, WorkerSeat, WorkerView } from '../store.ts';

interface Holder {
  readonly identity: ProcessIdentity;
  readonly namespaces: { readonly pid: string; readonly net: string };
}

interface StoredWorker extends Holder {
  readonly slots: number;
  draining: boolean;
}

/** What all handles to one place share. */
export class MemorySeatsPlace {
  controller: Holder | null = null;
  epoch = 0;
  numbers: JsonObject | null = null;
  readonly workers = new Map<string, StoredWorker>();
  readonly #listeners = new Set<() => void>();

  listen(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  changed(): void {
    for (const callback of this.#listeners) queueMicrotask(callback);
  }
}

export function createMemorySeats(place: MemorySeatsPlace, processes: Processes): Seats {
  return new MemorySeats(place, processes);
}

class MemorySeats implements Seats {
  readonly #place: MemorySeatsPlace;
  readonly #processes: Processes;
  readonly #holders = new WeakMap<WorkerSeat, StoredWorker>();

  constructor(place: MemorySeatsPlace, processes: Processes) {
    this.#place = place;
    this.#processes = processes;
  }

  async takeController(): Promise<ControllerSeat | null> {
    if (this.#isAlive(this.#place.controller)) return null;
    const holder = this.#self();
    this.#place.controller = holder;
    this.#place.epoch += 1;
    return {
      epoch: this.#place.epoch,
      lost: new AbortController().signal,
      release: async () => {
        if (this.#place.controller === holder) this.#place.controller = null;
        this.#place.changed();
      },
    };
  }

  async controllerGone(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isAlive(this.#place.controller)) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          unlisten();
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const unlisten = this.#place.listen(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  async isControllerAlive(): Promise<boolean> {
    return this.#isAlive(this.#place.controller);
  }

  async tellNumbers(numbers: JsonObject): Promise<void> {
    this.#place.numbers = structuredClone(numbers);
  }

  async numbers(): Promise<JsonObject | null> {
    return this.#place.numbers;
  }

  async takeWorker(name: string, slots: number): Promise<WorkerSeat | null> {
    const { controller, workers } = this.#place;
    if (this.#isAlive(workers.get(name) ?? null)) return null;
    const own = this.#processes.namespaces();
    if (controller !== null && this.#isAlive(controller)) {
      const { pid, net } = controller.namespaces;
      if (pid !== own.pid || net !== own.net) {
        const message = `worker ${name}: expected the pid and network namespace of the controller (${pid} ${net}), found ${own.pid} ${own.net}`;
        throw new StoreError('Unavailable', `workers/${name}`, message);
      }
    }
    const holder: StoredWorker = { ...this.#self(), slots, draining: false };
    workers.set(name, holder);
    this.#place.changed();
    const seat = {
      name,
      release: async () => {
        if (workers.get(name) === holder) workers.delete(name);
        this.#place.changed();
      },
    };
    this.#holders.set(seat, holder);
    return seat;
  }

  async setDraining(seat: WorkerSeat): Promise<void> {
    const holder = this.#holders.get(seat);
    if (holder !== undefined) holder.draining = true;
    this.#place.changed();
  }

  async workers(): Promise<WorkerView[]> {
    return [...this.#place.workers]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, worker]) => ({
        name,
        slots: worker.slots,
        alive: this.#isAlive(worker),
        draining: worker.draining,
        pid: worker.identity.pid,
      }));
  }

  onHint(callback: () => void): () => void {
    return this.#place.listen(callback);
  }

  #self(): Holder {
    return { identity: this.#processes.self(), namespaces: this.#processes.namespaces() };
  }

  #isAlive(holder: Holder | null): boolean {
    return holder !== null && this.#processes.liveness(holder.identity) !== 'dead';
  }
}
