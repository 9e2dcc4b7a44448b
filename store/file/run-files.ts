// The files of one run, runs/NAME.UID8/, and how its directory comes into being and goes: whole, by one rename each.
// Does not own what stands inside: journal.ts, snapshot.ts, status.ts and data.ts write it, run-reader.ts reads it.

import { basename, dirname, join } from 'node:path';
import { isObject } from '../../kernel/json.ts';
import type { RunRef } from '../store.ts';
import type { Disk } from './disk.ts';
import { encodeId, type Paths } from './paths.ts';
import type { Quarantine } from './quarantine.ts';
import { replaceFile } from './replace.ts';

/** In front of the name of a directory that is being made, or removed. Names of runs start with a letter or digit. */
const NEW = '.new-';
const TRASH = '.trash-';
const UID_DIGITS = 8;

export class RunFiles {
  readonly ref: RunRef;
  readonly directory: string;

  constructor(paths: Paths, ref: RunRef) {
    this.ref = ref;
    this.directory = paths.run(ref);
  }

  /** NAME.UID8 */
  get label(): string {
    return basename(this.directory);
  }
  get journal(): string {
    return join(this.directory, 'journal.ndjson');
  }
  get snapshot(): string {
    return join(this.directory, 'snapshot.json');
  }
  get status(): string {
    return join(this.directory, 'status.json');
  }
  /** The full uid, of which the directory's name holds only a part. */
  get identity(): string {
    return join(this.directory, 'run.json');
  }
  get data(): string {
    return join(this.directory, 'data');
  }
  get input(): string {
    return join(this.directory, 'data', 'input.json');
  }
  get logs(): string {
    return join(this.directory, 'logs');
  }
  get scratch(): string {
    return join(this.directory, 'scratch');
  }
  log(node: string, attempt: number): string {
    return join(this.directory, 'logs', `${encodeId(node)}.${attempt}.log`);
  }
}

/** Makes the directory with an empty journal. A run without one was not just begun: it has lost it. */
export function makePlace(disk: Disk, files: RunFiles): void {
  const parent = dirname(files.directory);
  const fresh = join(parent, `${NEW}${files.label}`);
  disk.removeTree(fresh);
  for (const name of ['data', 'logs', 'scratch']) disk.makeDirectory(join(fresh, name));
  disk.createNew(join(fresh, 'run.json'), identityText(files.ref));
  disk.createNew(join(fresh, 'journal.ndjson'), '');
  disk.rename(fresh, files.directory);
}

/** What stands in the place of a run and is no directory goes to quarantine: nothing of the run is in it. */
export function clearPlace(disk: Disk, quarantine: Quarantine, files: RunFiles): void {
  if (disk.stat(files.directory)?.isDirectory !== false) return;
  quarantine.move(files.directory, files.label, `${files.directory}: expected the directory of a run`);
}

/** Puts directories and the identity back where somebody deleted them. */
export function mendPlace(disk: Disk, files: RunFiles): void {
  for (const directory of [files.data, files.logs, files.scratch]) {
    if (disk.stat(directory) === null) disk.makeDirectory(directory);
  }
  if (disk.stat(files.identity) === null) replaceFile(disk, files.identity, identityText(files.ref));
}

/** Out of sight at once, then gone: a crash in between leaves trash and no half run. */
export function removePlace(disk: Disk, files: RunFiles): void {
  const parent = dirname(files.directory);
  const trash = join(parent, `${TRASH}${files.label}`);
  disk.removeTree(join(parent, `${NEW}${files.label}`));
  disk.removeTree(trash);
  disk.rename(files.directory, trash);
  disk.removeTree(trash);
}

/** Removes what a crash left of runs that were being removed; true when the name was such. */
export function removeTrash(disk: Disk, parent: string, name: string): boolean {
  if (!name.startsWith(TRASH)) return false;
  disk.removeTree(join(parent, name));
  return true;
}

export function isBeingMade(name: string): boolean {
  return name.startsWith(NEW);
}

/** The name in NAME.UID8, or null when a directory is not called so. */
export function nameOfDirectory(directory: string): string | null {
  const dot = directory.length - UID_DIGITS - 1;
  return dot > 0 && directory[dot] === '.' && !directory.startsWith('.') ? directory.slice(0, dot) : null;
}

/** Does this uid belong into the directory of that name? */
export function isUidOf(uid: string, directory: string): boolean {
  return uid.length >= UID_DIGITS && directory.endsWith(`.${uid.slice(0, UID_DIGITS)}`);
}

function identityText(ref: RunRef): string {
  return `${JSON.stringify({ format: 1, name: ref.name, uid: ref.uid })}\n`;
}

/** The uid that an identity file says, or null. */
export function parseIdentity(bytes: Buffer): string | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) && typeof value['uid'] === 'string' ? value['uid'] : null;
  } catch {
    return null;
  }
}
