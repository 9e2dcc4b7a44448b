// The door of chokidar: hints that something changed in the small directories of desired files.
//
// Only hints: events are lost in bursts and the last of two quick writes is dropped (hazards W1, W2), so nobody reads the file of an
// event. Directories that grow with history are watched by Disk.watch.

import { basename } from 'node:path';

export interface DirectoryWatch {
  close(): Promise<void>;
}

/** Loads chokidar on the first call. `callback` gets the name of a file, or null when it is not known. */
export async function watchSmall(directory: string, callback: (file: string | null) => void): Promise<DirectoryWatch> {
  const { watch } = await import('chokidar');
  const watcher = watch(directory, { ignoreInitial: true, depth: 0, followSymlinks: false, persistent: false });
  watcher.on('all', (_event, path) => callback(basename(path)));
  watcher.on('error', () => callback(null));
  return { close: () => watcher.close() };
}
