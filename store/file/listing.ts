// Which files stand in the directories of desired files: the list of a directory, read again only when the directory was touched.
//
// L1  a list is trusted only when the directory had been at rest for a while before it was read: two changes in one tick of the
//     file system's clock look like one.

import type { Kind } from '../../manifests/model.ts';
import type { Clock } from '../../kernel/ports.ts';
import { groupFiles } from './desired.ts';
import type { Disk } from './disk.ts';
import type { Paths } from './paths.ts';

const REST_MS = 50;

interface Listed {
  readonly ino: number;
  readonly mtimeMs: number;
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

export class Listings {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #clock: Clock;
  readonly #lists = new Map<Kind, Listed>();

  constructor(options: { disk: Disk; paths: Paths; clock: Clock }) {
    this.#disk = options.disk;
    this.#paths = options.paths;
    this.#clock = options.clock;
  }

  /** Files by the name of their object. */
  files(kind: Kind): ReadonlyMap<string, readonly string[]> {
    const path = this.#paths.desired(kind);
    const stat = this.#disk.stat(path);
    const known = this.#lists.get(kind);
    if (stat !== null && known !== undefined && known.ino === stat.ino && known.mtimeMs === stat.mtimeMs)
      return known.groups;
    const { wall } = this.#clock.now();
    const groups = groupFiles(this.#disk.names(path));
    if (stat !== null && Math.abs(wall - stat.mtimeMs) > REST_MS) {
      this.#lists.set(kind, { ino: stat.ino, mtimeMs: stat.mtimeMs, groups });
    } else {
      this.#lists.delete(kind);
    }
    return groups;
  }
}
