// meta/KIND/NAME.json: the newest state of each object, so that nobody has to read changes/ to find it.
//
// Owns reading it, with suspicion; the files come into place by stage.ts. What cannot be read is set aside and the object is found again
// from changes/ or from its desired file.

import { join } from 'node:path';
import type { Kind } from '../../manifests/model.ts';
import type { Disk } from './disk.ts';
import { storeFault, systemCode } from './fault.ts';
import type { Paths } from './paths.ts';
import type { Quarantine } from './quarantine.ts';
import { parseMeta, type StoredMeta } from './records.ts';

const SUFFIX = '.json';
/** Errors that say nothing about the file. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO']);

/** As a name in quarantine/. */
export function metaFile(kind: Kind, name: string): string {
  return `meta.${kind}.${name.slice(0, 180)}${SUFFIX}`;
}

export class MetaFiles {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #quarantine: Quarantine;

  constructor(disk: Disk, paths: Paths, quarantine: Quarantine) {
    this.#disk = disk;
    this.#paths = paths;
    this.#quarantine = quarantine;
  }

  path(kind: Kind, name: string): string {
    return join(this.#paths.meta(kind), `${name}${SUFFIX}`);
  }

  /** Null when there is none, or none that can be read. */
  read(kind: Kind, name: string): StoredMeta | null {
    const path = this.path(kind, name);
    try {
      const bytes = this.#disk.read(path);
      return bytes === null ? null : parseMeta(bytes, kind, name);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENAMETOOLONG') return null;
      if (PASSING.has(code ?? '')) throw storeFault(error, path, 'reading');
      const reason = error instanceof Error ? error.message : String(error);
      this.#quarantine.move(path, metaFile(kind, name), reason);
      return null;
    }
  }

  tryParse(path: string, kind: Kind, name: string): StoredMeta | null {
    try {
      const bytes = this.#disk.read(path);
      return bytes === null ? null : parseMeta(bytes, kind, name);
    } catch {
      return null;
    }
  }

  /** Names of the objects of a kind, in no order. */
  names(kind: Kind): string[] {
    const names: string[] = [];
    for (const file of this.#disk.names(this.#paths.meta(kind))) {
      if (file.endsWith(SUFFIX) && !file.startsWith('.')) names.push(file.slice(0, -SUFFIX.length));
    }
    return names;
  }
}
