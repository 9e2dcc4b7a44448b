// The desired files as people keep them: which names in a directory count, and looking at one without trusting it.
//
// Does not own what a file means (hand-edits.ts) and writes nothing.
//
// F1  whatever stands at a path (link, pipe, directory, something huge), looking at it answers at once and never throws.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Kind } from '../../manifests/model.ts';
import type { Disk, FileStat } from './disk.ts';
import { storeFault, systemCode } from './fault.ts';
import type { Paths } from './paths.ts';
import type { FileMark } from './records.ts';

/** In the order in which one of them is taken when there are several. */
const SUFFIXES = ['.yaml', '.yml', '.json'];
const UNREADABLE = 'unreadable: ';
/** Looks at a file that is being written, before what was seen is taken. */
const LOOKS = 3;
/** Errors that say nothing about the file. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO']);

export interface Look {
  readonly mark: FileMark;
  /** Null when it cannot be read; `mark.digest` then says why. */
  readonly bytes: Buffer | null;
}

export function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Why a file could not be read, or null when it could. */
export function unreadableReason(mark: FileMark): string | null {
  return mark.digest.startsWith(UNREADABLE) ? mark.digest.slice(UNREADABLE.length) : null;
}

/** NAME.yaml: where a new document goes. */
export function newFileName(name: string): string {
  return `${name}.yaml`;
}

/** The object's name for a file's, or null when the file is none of ours: another suffix, or an editor's own. */
export function objectNameOf(file: string): string | null {
  // Hidden and backup files of editors: .x.swp, x~, #x#, 4913 of vim, x.tmp and x.bak.
  if (file.startsWith('.') || file.startsWith('#')) return null;
  const suffix = SUFFIXES.find((end) => file.endsWith(end));
  return suffix === undefined || file.length === suffix.length ? null : file.slice(0, -suffix.length);
}

/** Files in a directory by the name of their object, each list in order of preference. */
export function groupFiles(files: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const name = objectNameOf(file);
    if (name === null) continue;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [file]);
    else group.push(file);
  }
  for (const group of groups.values()) {
    if (group.length > 1) group.sort((a, b) => preference(a) - preference(b));
  }
  return groups;
}

function preference(file: string): number {
  return SUFFIXES.findIndex((end) => file.endsWith(end));
}

export class DesiredFiles {
  readonly #disk: Disk;
  readonly #paths: Paths;

  constructor(disk: Disk, paths: Paths) {
    this.#disk = disk;
    this.#paths = paths;
  }

  path(kind: Kind, file: string): string {
    return join(this.#paths.desired(kind), file);
  }

  /** The files that stand for one name, in order of preference. */
  filesOf(kind: Kind, name: string): string[] {
    return SUFFIXES.map((suffix) => `${name}${suffix}`).filter((file) => this.stat(kind, file) !== null);
  }

  stat(kind: Kind, file: string): FileStat | null {
    try {
      return this.#disk.stat(this.path(kind, file));
    } catch (error) {
      throw storeFault(error, this.path(kind, file), 'looking at it');
    }
  }

  /** Is the file, by its looks alone, the one of the mark? What cannot be read is looked at again each time. */
  isUnchanged(kind: Kind, mark: FileMark): boolean {
    const stat = this.stat(kind, mark.file);
    return stat !== null && isSameStat(stat, mark) && unreadableReason(mark) === null;
  }

  /** The same, for what cannot be read as well. */
  looksLike(kind: Kind, mark: FileMark): boolean {
    const stat = this.stat(kind, mark.file);
    return stat !== null && isSameStat(stat, mark);
  }

  /** Null when there is no such file. */
  look(kind: Kind, file: string): Look | null {
    return this.lookAt(this.path(kind, file), file);
  }

  lookAt(path: string, file: string): Look | null {
    for (let tries = 1; ; tries += 1) {
      const before = this.#disk.stat(path);
      if (before === null) return null;
      const { bytes, reason } = this.#read(path, before);
      const after = this.#disk.stat(path);
      // Somebody is writing: what was read may be of two versions. The mark is of the older one, so a later look sees the difference.
      if (tries < LOOKS && (after === null || !isSameStat(after, before))) continue;
      const digest = bytes === null ? `${UNREADABLE}${reason}` : digestOf(bytes);
      return { bytes, mark: { file, ino: before.ino, size: before.size, mtimeMs: before.mtimeMs, digest } };
    }
  }

  #read(path: string, stat: FileStat): { bytes: Buffer | null; reason: string } {
    if (!stat.isFile) {
      const found = stat.isDirectory ? 'a directory' : 'a link, a pipe or a device';
      return { bytes: null, reason: `expected a regular file, found ${found}` };
    }
    try {
      const bytes = this.#disk.read(path);
      return { bytes, reason: 'it is gone' };
    } catch (error) {
      const code = systemCode(error);
      if (code !== null && PASSING.has(code)) throw storeFault(error, path, 'reading');
      if (code === 'EACCES' || code === 'EPERM')
        return { bytes: null, reason: 'expected a file that may be read, permission denied' };
      const message = error instanceof Error ? error.message : String(error);
      return { bytes: null, reason: message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message };
    }
  }
}

export function isSameStat(
  a: Pick<FileStat, 'ino' | 'size' | 'mtimeMs'>,
  b: Pick<FileStat, 'ino' | 'size' | 'mtimeMs'>,
): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;
}
