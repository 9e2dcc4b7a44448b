// Files that a person names on the command line: manifests and inputs. Unlike files under state/ they may be links, pipes
// (`-f <(generate)`) and anything else that can be read, because whoever names them means them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FILE_LIMIT_BYTES, isCode } from './disk.ts';

export type InputKind = 'file' | 'directory' | 'missing';

export function inputKind(path: string): InputKind {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  return stat.isDirectory() ? 'directory' : 'file';
}

/** Null when there is no such file. Throws when it cannot be read or is over the limit. */
export function readInput(path: string): Uint8Array | null {
  try {
    const { size } = statSync(path);
    if (size > FILE_LIMIT_BYTES) throw new Error(`${path}: expected at most ${FILE_LIMIT_BYTES} bytes, found ${size}`);
    return readFileSync(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

const MANIFEST_NAME = /^[^.].*\.(ya?ml|json)$/;

/** Manifests in a directory (.yaml, .yml, .json; no hidden files), sorted, and those below it when `recursive`. */
export function listManifests(directory: string, recursive: boolean): string[] {
  const found: string[] = [];
  const open = [directory];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    for (const entry of readdirSync(current, { withFileTypes: true })) {
      const path = join(current, entry.name);
      if (entry.isDirectory()) {
        if (recursive && !entry.name.startsWith('.')) open.push(path);
      } else if (MANIFEST_NAME.test(entry.name)) found.push(path);
    }
  }
  return found.sort();
}
