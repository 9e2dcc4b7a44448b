// The cap of a task's log: head and tail stay, one line says how many bytes went.
//
// The file is cut in place while the task goes on writing: it is open for append, so what comes next lands at the new end. What is written
// in the instant between reading the tail and cutting is lost with the rest.

import type { Disk } from '../store/file/disk.ts';

export const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
const KEPT_PART_BYTES = 4 * 1024 * 1024;

/** True when it was cut. */
export function capLog(disk: Disk, path: string, limitBytes = LOG_LIMIT_BYTES, partBytes = KEPT_PART_BYTES): boolean {
  const stat = disk.stat(path);
  if (stat === null || !stat.isFile || stat.size <= limitBytes) return false;
  const tail = disk.readRange(path, stat.size - partBytes, partBytes) ?? Buffer.alloc(0);
  const start = tail.indexOf(0x0a) + 1;
  const cut = stat.size - 2 * partBytes + start;
  const handle = disk.openAppend(path);
  try {
    disk.truncate(path, partBytes);
    disk.append(handle, path, `\noarlock: ${cut} bytes were cut here, the log is limited to ${limitBytes} bytes\n`);
    disk.append(handle, path, tail.subarray(start));
  } finally {
    disk.close(handle);
  }
  return true;
}
