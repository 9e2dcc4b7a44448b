// Whole files that readers may look at while they are replaced: written under a temporary name beside the old one, then
// renamed over it. A reader sees the old content or the new, never a part.
//
// The temporary name holds the pid, so that two processes never write into one; what a dead process left is removed by the
// owner of the directory (`removeLeftovers`).

import { basename, dirname, join } from 'node:path';
import type { Disk } from './disk.ts';

const LEFTOVER = /^\..+\.(\d+)\.tmp$/;

export function replaceFile(disk: Disk, path: string, data: string | Uint8Array): void {
  const temporary = writeBeside(disk, path, data);
  renameOver(disk, temporary, path);
}

/** As replaceFile, and content and name are on the platter when it resolves. */
export async function replaceFileSynced(disk: Disk, path: string, data: string | Uint8Array): Promise<void> {
  const temporary = writeBeside(disk, path, data);
  await disk.sync(temporary);
  renameOver(disk, temporary, path);
  await disk.sync(dirname(path));
}

/** As replaceFile, and the content (not yet the name) is on the platter when it returns. Blocks. */
export function replaceFileSyncedNow(disk: Disk, path: string, data: string | Uint8Array): void {
  const temporary = writeBeside(disk, path, data);
  disk.syncNow(temporary);
  renameOver(disk, temporary, path);
}

/** Removes temporary files that a process left when it died. Only for the one who writes in this directory. */
export function removeLeftovers(disk: Disk, directory: string, names: readonly string[]): void {
  for (const name of names) if (LEFTOVER.test(name)) disk.unlink(join(directory, name));
}

/** The same where several write: only what belongs to a process that is dead. */
export function removeDeadLeftovers(disk: Disk, directory: string, isDead: (pid: number) => boolean): void {
  for (const name of disk.names(directory)) {
    const pid = LEFTOVER.exec(name)?.[1];
    if (pid !== undefined && isDead(Number(pid))) disk.unlink(join(directory, name));
  }
}

function writeBeside(disk: Disk, path: string, data: string | Uint8Array): string {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  if (disk.createNew(temporary, data)) return temporary;
  disk.unlink(temporary);
  disk.createNew(temporary, data);
  return temporary;
}

function renameOver(disk: Disk, temporary: string, path: string): void {
  try {
    disk.rename(temporary, path);
  } catch (error) {
    disk.unlink(temporary);
    throw error;
  }
}
