// The greatest epoch that any run has seen, from its journal and its snapshot.
//
// Asked only when controller/ was emptied by hand: a controller that began again at a small epoch would find every journal closed to it,
// since lines of an older epoch do not count.

import { join } from 'node:path';
import type { Disk } from './disk.ts';
import type { Paths } from './paths.ts';

/** A journal ends with lines no longer than this, but for one that registers a large graph: then that is its only line, and begins the file. */
const TAIL_BYTES = 256 * 1024;
const HEAD_BYTES = 4096;
const LINE_EPOCH = /^\{"seq":\d{1,15},"epoch":(\d{1,15}),/gm;
const SNAPSHOT_EPOCH = /"epoch":(\d{1,15})/g;

export function greatestEpoch(disk: Disk, paths: Paths): number {
  let greatest = 0;
  const note = (text: string, pattern: RegExp): void => {
    for (const [, epoch] of text.matchAll(pattern)) greatest = Math.max(greatest, Number(epoch));
  };
  for (const name of disk.names(paths.runs)) {
    const journal = join(paths.runs, name, 'journal.ndjson');
    const size = sizeOf(disk, journal);
    note(textOf(disk, journal, 0, HEAD_BYTES), LINE_EPOCH);
    note(textOf(disk, journal, Math.max(0, size - TAIL_BYTES), TAIL_BYTES), LINE_EPOCH);
    note(textOf(disk, join(paths.runs, name, 'snapshot.json'), 0, HEAD_BYTES), SNAPSHOT_EPOCH);
  }
  return greatest;
}

function sizeOf(disk: Disk, path: string): number {
  const stat = disk.stat(path);
  return stat?.isFile === true ? stat.size : 0;
}

/** Empty for what is no regular file. */
function textOf(disk: Disk, path: string, offset: number, length: number): string {
  return sizeOf(disk, path) === 0 ? '' : (disk.readRange(path, offset, length)?.toString('latin1') ?? '');
}
