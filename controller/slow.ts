// A computation that may take longer than one is willing to wait: looked at again later.
//
// Owns: waiting for a while, and one call when it is there after nobody waited. Does not own: deadlines (whoever computes has one).

import type { Clock } from '../kernel/ports.ts';

export class Slow<T> {
  readonly #work: Promise<T>;
  #notify: (() => void) | null = null;

  constructor(work: Promise<T>) {
    this.#work = work;
    const tell = (): void => this.#notify?.();
    void work.catch(() => undefined).finally(tell);
  }

  /** The result; undefined when it takes longer than `ms`, and `later` is called once when it is there. */
  async within(ms: number, clock: Clock, later: () => void): Promise<T | undefined> {
    this.#notify = null;
    let cancel = (): void => undefined;
    const patience = new Promise<undefined>((resolve) => {
      cancel = clock.after(ms, () => {
        this.#notify = later;
        resolve(undefined);
      });
    });
    try {
      return await Promise.race([this.#work, patience]);
    } finally {
      cancel();
    }
  }
}
