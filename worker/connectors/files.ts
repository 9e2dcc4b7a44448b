// The door of connectors to the file system: the user's files, never the engine's own (those go through store/file/disk.ts).
//
// F1  what is written is written whole: under a temporary name beside its place, synced, then renamed over it.
// F2  only regular files are read, and none larger than the caller said.

import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { ConnectorError, invalidInput } from './connector.ts';

/** Names in a directory, sorted; none when there is no directory. */
export async function listNames(directory: string): Promise<string[]> {
  try {
    return (await fs.readdir(directory)).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw asConnectorError(error, directory);
  }
}

export interface FileEntry {
  /** Relative to the directory that was asked for. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Regular files below a directory, sorted by path; symbolic links are not followed. */
export async function listFiles(directory: string, isRecursive: boolean, limit: number): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  const walk = async (relativePath: string): Promise<void> => {
    const entries = await readDirectory(join(directory, relativePath));
    for (const entry of entries) {
      const path = join(relativePath, entry.name);
      if (entry.isDirectory() && isRecursive) await walk(path);
      if (!entry.isFile()) continue;
      if (found.length >= limit) throw invalidInput(`directory ${directory}: expected at most ${limit} files`);
      const stat = await fs.stat(join(directory, path));
      found.push({ path, sizeBytes: stat.size, modifiedAt: stat.mtime });
    }
  };
  await walk('');
  return found;
}

async function readDirectory(path: string): Promise<{ name: string; isDirectory(): boolean; isFile(): boolean }[]> {
  try {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw asConnectorError(error, path);
  }
}

export async function readBytes(path: string, limitBytes: number): Promise<Buffer> {
  try {
    const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw invalidInput(`${path}: expected a file`);
      if (stat.size > limitBytes)
        throw invalidInput(`${path}: expected at most ${limitBytes} bytes, found ${stat.size}`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw asConnectorError(error, path);
  }
}

/** Replaces what is there; makes the directories that lead to it. */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path).slice(0, 100)}.${randomUUID()}.tmp`);
  try {
    await fs.mkdir(directory, { recursive: true });
    try {
      const handle = await fs.open(temporary, 'wx', 0o644);
      try {
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await fs.rename(temporary, path);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(directory);
  } catch (error) {
    throw asConnectorError(error, path);
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.open(directory, fs.constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Moves a file into a directory, which is made; false when the file is gone. */
export async function moveInto(path: string, directory: string): Promise<boolean> {
  try {
    await fs.mkdir(directory, { recursive: true });
    await fs.rename(path, join(directory, basename(path)));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw asConnectorError(error, path);
  }
}

export async function isFile(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    (stat) => stat.isFile(),
    () => false,
  );
}

/** Milliseconds; 0 when it is not there. */
export async function modifiedAt(path: string): Promise<number> {
  return fs.stat(path).then(
    (stat) => stat.mtimeMs,
    () => 0,
  );
}

/** The absolute path of `path` below `root`; refused when it, or a link on the way to it, leads out. */
export async function below(root: string, path: string): Promise<string> {
  if (path.includes('\0')) throw invalidInput('path: expected no zero byte');
  const target = resolve(root, path);
  if (!isBelow(resolve(root), target)) throw invalidInput(`path ${path}: expected one below ${root}`);
  const [realRoot, realTarget] = await Promise.all([nearestRealPath(resolve(root)), nearestRealPath(target)]);
  if (!isBelow(realRoot, realTarget)) throw invalidInput(`path ${path}: a link on the way leads out of ${root}`);
  return target;
}

function isBelow(root: string, target: string): boolean {
  const way = relative(root, target);
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith('../'));
}

/** Of what is there already; what is to be made on top of that cannot be a link. */
async function nearestRealPath(path: string): Promise<string> {
  try {
    return await fs.realpath(path);
  } catch (error) {
    const isDangling = await fs.lstat(path).then(
      (stat) => stat.isSymbolicLink(),
      () => false,
    );
    if (isDangling || codeOf(error) === 'ELOOP') throw invalidInput(`path ${path}: a link that leads nowhere`);
    const parent = dirname(path);
    return parent === path ? path : join(await nearestRealPath(parent), basename(path));
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Missing files and permissions do not heal by themselves within a retry; a full disk may. */
function asConnectorError(error: unknown, path: string): unknown {
  switch (codeOf(error)) {
    case 'ENOENT':
      return new ConnectorError('FileNotFound', `${path}: no such file or directory`, 'passing', { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ConnectorError('FileNotPermitted', `${path}: not permitted`, 'permanent', { cause: error });
    case 'EISDIR':
    case 'ENOTDIR':
      return invalidInput(`${path}: expected a file`);
    default:
      return error;
  }
}
