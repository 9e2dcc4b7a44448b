// Hints that an inbox changed. A hint only shortens the wait: callers look again by themselves too.
//
// Many changes at once are one hint. A directory that was removed and made again is watched anew within two seconds.

import type { Disk } from './disk.ts';

const CHECK_MS = 2_000;

export function watchInbox(disk: Disk, directory: string, callback: () => void): () => void {
  let isDue = false;
  let isOver = false;
  let watched: number | null = null;
  let unwatch: (() => void) | null = null;

  const hint = (): void => {
    if (isDue || isOver) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      if (!isOver) callback();
    });
  };
  const watch = (): void => {
    const found = disk.stat(directory);
    if (found !== null && found.ino === watched && unwatch !== null) return;
    unwatch?.();
    unwatch = null;
    try {
      if (found === null) disk.makeDirectory(directory);
      unwatch = disk.watch(directory, hint);
      watched = disk.stat(directory)?.ino ?? null;
      hint();
    } catch {
      // A full disk or a file in the place of the directory: tried again at the next check.
    }
  };
  watch();
  const timer = setInterval(watch, CHECK_MS);
  timer.unref();
  return () => {
    isOver = true;
    clearInterval(timer);
    unwatch?.();
  };
}
