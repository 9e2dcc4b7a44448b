// Hints that workers came or went: a watch of workers/ for those that come, a connection to each one's seat for those that die.
//
// The connection closes the moment its other end is dead, so a loss is known at once and without polling. Only hints: whoever asks
// looks at the files and at /proc again.

import type { Disk } from './disk.ts';
import { onceFree } from './kernel-lock.ts';
import { watchInbox } from './lease-hints.ts';

export class WorkerHints {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #nameOf: (worker: string) => string;
  readonly #callback: () => void;
  readonly #connections = new Map<string, { readonly ino: number; readonly end: () => void }>();
  readonly #unwatch: () => void;
  #isOver = false;

  constructor(disk: Disk, directory: string, nameOf: (worker: string) => string, callback: () => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#nameOf = nameOf;
    this.#callback = callback;
    this.#unwatch = watchInbox(disk, directory, () => {
      this.#connect();
      callback();
    });
  }

  close(): void {
    this.#isOver = true;
    this.#unwatch();
    for (const { end } of this.#connections.values()) end();
    this.#connections.clear();
  }

  #connect(): void {
    const present = new Set<string>();
    for (const base of this.#disk.names(this.#directory)) {
      if (!base.endsWith('.json') || base.startsWith('.')) continue;
      const worker = base.slice(0, -'.json'.length);
      present.add(worker);
      const ino = this.#disk.stat(`${this.#directory}/${base}`)?.ino ?? 0;
      const known = this.#connections.get(worker);
      // A new holder writes a new file. The entry of a dead one stays while its file does, or each hint would connect again.
      if (known?.ino === ino) continue;
      known?.end();
      const end = onceFree(this.#nameOf(worker), () => {
        if (!this.#isOver) this.#callback();
      });
      this.#connections.set(worker, { ino, end });
    }
    for (const [worker, { end }] of this.#connections) {
      if (present.has(worker)) continue;
      end();
      this.#connections.delete(worker);
    }
  }
}
