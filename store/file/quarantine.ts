// quarantine/: what could not be read, with the reason beside it in NAME.reason.txt.
//
// Keeping evidence must never stop the engine: when it cannot be written (full disk), the engine goes on without it.
// Names are bounded: after MOST_COPIES of one label the newest is not kept.

import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { systemCode } from './fault.ts';
import type { Paths } from './paths.ts';

const MOST_COPIES = 100;

export class Quarantine {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, paths: Paths) {
    this.#disk = disk;
    this.#directory = paths.quarantine;
  }

  /** Moves a file or directory out of the way. False when it stands where it stood. */
  move(path: string, label: string, reason: string): boolean {
    return (
      this.#try(() => {
        const place = this.#free(label);
        if (place === null || !this.#disk.rename(path, place)) return false;
        this.#reason(place, reason);
        return true;
      }) ?? false
    );
  }

  /** Makes way for a file: what stands in its place and is none (a directory, a link, a pipe) is moved out of it. */
  clearWay(path: string, label: string): void {
    if (this.#disk.stat(path)?.isFile === false) this.move(path, label, `${path}: expected a regular file`);
  }

  /** Keeps a copy of bytes under a fresh name. */
  keep(label: string, bytes: Uint8Array, reason: string): void {
    this.#try(() => {
      const place = this.#free(label);
      if (place !== null && this.#disk.createNew(place, bytes)) this.#reason(place, reason);
    });
  }

  /** As keep, but once for a label: for what is seen again at every look. `bytes` null: only the reason. */
  keepOnce(label: string, bytes: (() => Uint8Array | null) | null, reason: string): void {
    this.#try(() => {
      this.#disk.makeDirectory(this.#directory);
      const place = join(this.#directory, label);
      if (this.#disk.stat(`${place}.reason.txt`) !== null) return;
      const content = bytes?.() ?? null;
      if (content !== null) this.#disk.createNew(place, content);
      this.#reason(place, reason);
    });
  }

  #free(label: string): string | null {
    this.#disk.makeDirectory(this.#directory);
    for (let copy = 1; copy <= MOST_COPIES; copy += 1) {
      const place = join(this.#directory, copy === 1 ? label : `${label}.${copy}`);
      if (this.#disk.stat(place) === null) return place;
    }
    return null;
  }

  #reason(place: string, reason: string): void {
    this.#disk.createNew(`${place}.reason.txt`, `${reason}\n`);
  }

  #try<T>(body: () => T): T | null {
    try {
      return body();
    } catch (error) {
      if (systemCode(error) === null) throw error;
      return null;
    }
  }
}
