// The offset of engine time, one file a boot: controller/clock.BOOT8.json {bootId, offset}.
//
// The first process of a boot links the file into place, complete; every later one reads it. So all processes of a boot count the
// same engine time, whatever the wall clock does meanwhile. One that somebody deleted or spoiled is made anew.

import { isObject, type Json } from '../../kernel/json.ts';
import { bootPrefix } from '../../runtime/slot-token.ts';
import type { Disk } from './disk.ts';
import type { Paths } from './paths.ts';

export interface BootClock {
  readonly bootId: string;
  /** Milliseconds since boot (runtime/clock.ts). */
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** What to add to monotonic milliseconds to get engine time. */
export function loadClockOffset(disk: Disk, paths: Paths, now: BootClock): number {
  const name = `clock.${bootPrefix(now.bootId)}.json`;
  const path = `${paths.controller}/${name}`;
  const found = readOffset(disk, path, now.bootId);
  if (found !== null) return found;

  disk.makeDirectory(paths.controller);
  if (disk.stat(path) !== null) disk.unlink(path);
  const offset = Math.round(now.wallMs - now.monotonicMs);
  const temporary = `${paths.controller}/.${name}.${process.pid}.tmp`;
  disk.unlink(temporary);
  disk.createNew(temporary, `${JSON.stringify({ bootId: now.bootId, offset })}\n`);
  const isFirst = disk.link(temporary, path);
  disk.unlink(temporary);
  if (!isFirst) return readOffset(disk, path, now.bootId) ?? offset;
  for (const other of disk.names(paths.controller)) {
    if (/^clock\.[0-9a-f]{8}\.json$/.test(other) && other !== name) disk.unlink(`${paths.controller}/${other}`);
  }
  return offset;
}

function readOffset(disk: Disk, path: string, bootId: string): number | null {
  try {
    const bytes = disk.read(path, 4096);
    if (bytes === null) return null;
    const value = JSON.parse(bytes.toString()) as Json;
    return isObject(value) && value['bootId'] === bootId && typeof value['offset'] === 'number'
      ? value['offset']
      : null;
  } catch {
    return null;
  }
}
