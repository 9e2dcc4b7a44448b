// The seam over node:fs: every file operation of the engine goes through here, so that tests can stop, fail
// or record any single one. Calls are synchronous where they take microseconds (measured: open, write and close of a small
// file 30 µs, link 13 µs) and asynchronous where they wait for the platter (sync).
//
// D1  never follows a symbolic link, never blocks on a FIFO, never reads what is not a regular file.
// D2  a file that readers may see comes into being whole: written under a temporary name, then linked or renamed.
// D3  a failed write leaves nothing behind: the temporary file goes, a journal is cut back by its owner.

import * as fs from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';

/** Where in an operation the hook is called. */
export type DiskMoment = 'before' | 'after';

export interface DiskHooks {
  /** Called around every operation that changes something; may throw, or kill the process. */
  readonly onOperation?: (moment: DiskMoment, operation: string, path: string) => void;
}

export interface FileStat {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /** Permission bits. */
  readonly mode: number;
  /** User who owns it. */
  readonly uid: number;
}

/** The largest file that is read, in bytes. */
export const FILE_LIMIT_BYTES = 64 * 1024 * 1024;

/** For every open of what somebody may have put in a file's place: a pipe would block the whole process. */
const NOFOLLOW = fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

export class Disk {
  readonly #hooks: DiskHooks;

  constructor(hooks: DiskHooks = {}) {
    this.#hooks = hooks;
  }

  #run<T>(operation: string, path: string, body: () => T): T {
    const hook = this.#hooks.onOperation;
    if (hook === undefined) return body();
    hook('before', operation, path);
    const result = body();
    hook('after', operation, path);
    return result;
  }

  /** Content of a regular file, or null when there is none. Throws for links (ELOOP), other kinds, and over the limit. */
  read(path: string, limitBytes = FILE_LIMIT_BYTES): Buffer | null {
    const fd = openExisting(path, fs.constants.O_RDONLY | NOFOLLOW);
    if (fd === null) return null;
    try {
      const stat = fs.fstatSync(fd);
      if (!stat.isFile()) throw new Error(`${path}: expected a regular file`);
      if (stat.size > limitBytes) throw new Error(`${path}: ${stat.size} bytes, expected at most ${limitBytes}`);
      return fs.readFileSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Up to `length` bytes from `offset`; null when there is no file. */
  readRange(path: string, offset: number, length: number): Buffer | null {
    const fd = openExisting(path, fs.constants.O_RDONLY | NOFOLLOW);
    if (fd === null) return null;
    try {
      const buffer = Buffer.allocUnsafe(length);
      const count = fs.readSync(fd, buffer, 0, length, offset);
      return buffer.subarray(0, count);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Null when there is nothing, also when something else stands in the place of its directory. */
  stat(path: string): FileStat | null {
    try {
      const stat = fs.lstatSync(path, { throwIfNoEntry: false });
      return stat === undefined ? null : toFileStat(stat);
    } catch (error) {
      if (isCode(error, 'ENOTDIR')) return null;
      throw error;
    }
  }

  /** Names in a directory; empty when there is none. */
  names(path: string): string[] {
    try {
      return fs.readdirSync(path);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  makeDirectory(path: string): void {
    this.#run('mkdir', path, () => makeDirectories(path));
  }

  /** Creates the file, complete, mode 0600; false when the name is taken. Removes what it wrote when the disk is full. */
  createNew(path: string, data: string | Uint8Array, mode = 0o600): boolean {
    return this.#run('create', path, () => {
      let fd: number;
      try {
        fd = fs.openSync(path, 'wx', mode);
      } catch (error) {
        if (isCode(error, 'EEXIST')) return false;
        throw error;
      }
      try {
        writeAll(fd, data);
      } catch (error) {
        fs.unlinkSync(path);
        throw error;
      } finally {
        fs.closeSync(fd);
      }
      return true;
    });
  }

  /**
   * Writes over a private file that is there, from its beginning, and cuts it to the new length; false when it is gone. For files that are
   * used again and again: making and removing thousands of them costs a file system a millisecond each (measured: ext4 looks past every
   * inode that was freed in the last minutes).
   */
  overwrite(path: string, data: string): boolean {
    return this.#run('overwrite', path, () => {
      const fd = openExisting(path, fs.constants.O_RDWR | NOFOLLOW);
      if (fd === null) return false;
      try {
        const bytes = Buffer.from(data);
        let offset = 0;
        while (offset < bytes.length) offset += fs.writeSync(fd, bytes, offset, bytes.length - offset, offset);
        fs.ftruncateSync(fd, bytes.length);
      } finally {
        fs.closeSync(fd);
      }
      return true;
    });
  }

  /** As createNew, and the content is on the platter when it resolves. */
  async createNewSynced(path: string, data: string | Uint8Array): Promise<boolean> {
    if (!this.createNew(path, data)) return false;
    await this.sync(path);
    return true;
  }

  /** Exclusive: false when `to` is there already. */
  link(from: string, to: string): boolean {
    return this.#run('link', to, () => {
      try {
        fs.linkSync(from, to);
        return true;
      } catch (error) {
        if (isCode(error, 'EEXIST')) return false;
        throw error;
      }
    });
  }

  /** Atomic; false when `from` is gone. */
  rename(from: string, to: string): boolean {
    return this.#run('rename', to, () => {
      try {
        fs.renameSync(from, to);
        return true;
      } catch (error) {
        if (isCode(error, 'ENOENT')) return false;
        throw error;
      }
    });
  }

  /** Sets the time of the last change, so that any later write is seen as one, however soon it comes. */
  setModified(path: string, wallMs: number): void {
    this.#run('utimes', path, () => fs.utimesSync(path, wallMs / 1000, wallMs / 1000));
  }

  changeMode(path: string, mode: number): void {
    this.#run('chmod', path, () => fs.chmodSync(path, mode));
  }

  /** False when it was gone already. */
  unlink(path: string): boolean {
    return this.#run('unlink', path, () => {
      try {
        fs.unlinkSync(path);
        return true;
      } catch (error) {
        if (isCode(error, 'ENOENT')) return false;
        throw error;
      }
    });
  }

  /** A directory with all that is in it; nothing when it is gone. */
  removeTree(path: string): void {
    this.#run('rmtree', path, () => fs.rmSync(path, { recursive: true, force: true }));
  }

  /** For append (and reading back), created when missing, mode 0600. */
  openAppend(path: string): number {
    return this.#run('open', path, () =>
      fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_APPEND | fs.constants.O_CREAT | NOFOLLOW, 0o600),
    );
  }

  append(fd: number, path: string, data: string | Uint8Array): void {
    this.#run('append', path, () => writeAll(fd, data));
  }

  /** Hands bytes to whoever has the FIFO open for reading: how many it took (0: it is full). Null when nobody has, or it is no FIFO. */
  writePipe(path: string, data: Uint8Array): number | null {
    return this.#run('pipe', path, () => {
      let fd: number | null;
      try {
        fd = openExisting(path, fs.constants.O_WRONLY | NOFOLLOW);
      } catch (error) {
        if (isCode(error, 'ENXIO')) return null;
        throw error;
      }
      if (fd === null) return null;
      try {
        return fs.fstatSync(fd).isFIFO() ? fs.writeSync(fd, data) : null;
      } catch (error) {
        if (isCode(error, 'EAGAIN')) return 0;
        if (isCode(error, 'EPIPE')) return null;
        throw error;
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  /** A FIFO for reading and writing: never waits for another side, and never meets the end of file. */
  openPipe(path: string): number {
    return fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NOFOLLOW);
  }

  /** What comes through an open FIFO; takes the handle over. Not by fs.read: that holds a thread of the pool while nothing comes. */
  readPipe(fd: number, callback: (data: Buffer) => void): () => void {
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.on('data', callback);
    socket.on('error', () => {});
    return () => socket.destroy();
  }

  truncate(path: string, length: number): void {
    this.#run('truncate', path, () => fs.truncateSync(path, length));
  }

  truncateHandle(fd: number, path: string, length: number): void {
    this.#run('truncate', path, () => fs.ftruncateSync(fd, length));
  }

  statHandle(fd: number): FileStat {
    return toFileStat(fs.fstatSync(fd));
  }

  /** The first `length` bytes of an open file, also of one whose name is gone. */
  readHandle(fd: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    let offset = 0;
    while (offset < length) {
      const count = fs.readSync(fd, buffer, offset, length - offset, offset);
      if (count === 0) break;
      offset += count;
    }
    return buffer.subarray(0, offset);
  }

  close(fd: number): void {
    fs.closeSync(fd);
  }

  /** Content of an open file to the platter. */
  syncHandle(fd: number, path: string): Promise<void> {
    return this.#async('sync', path, (done) => fs.fdatasync(fd, done));
  }

  /** Content of a file, or the names of a directory, to the platter. */
  async sync(path: string): Promise<void> {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | NOFOLLOW);
    try {
      await this.#async('sync', path, (done) => fs.fsync(fd, done));
    } finally {
      fs.closeSync(fd);
    }
  }

  /** As sync, and blocks: for the few who may not go on before it is on the platter (0.5 ms and more). */
  syncNow(path: string): void {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | NOFOLLOW);
    try {
      this.#run('sync', path, () => fs.fsyncSync(fd));
    } finally {
      fs.closeSync(fd);
    }
  }

  async #async(operation: string, path: string, body: (done: (error: Error | null) => void) => void): Promise<void> {
    this.#hooks.onOperation?.('before', operation, path);
    await new Promise<void>((resolve, reject) => {
      body((error) => (error === null ? resolve() : reject(error)));
    });
    this.#hooks.onOperation?.('after', operation, path);
  }

  /** Hints about a directory: the name that changed, or null when it is not known. Null when the kernel has no watch left. */
  watch(path: string, callback: (name: string | null) => void): (() => void) | null {
    try {
      const watcher = fs.watch(path, { persistent: false }, (_event, name) => callback(name));
      watcher.on('error', () => watcher.close());
      return () => watcher.close();
    } catch {
      return null;
    }
  }

  /** A handle of a directory, for paths through /proc/self/fd; close it. */
  openDirectory(path: string): number {
    return fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  }

  /** The path that links lead to; throws when there is nothing. */
  realPath(path: string): string {
    return fs.realpathSync(path);
  }

  /** Device and inode: the same for every path that leads there. */
  identity(path: string): string {
    const stat = fs.statSync(path, { bigint: true });
    return `${stat.dev}-${stat.ino}`;
  }

  /** Free bytes for this user on the file system of `path`, and its type (f_type of statfs). */
  space(path: string): { freeBytes: number; type: number } {
    const stat = fs.statfsSync(path);
    return { freeBytes: stat.bavail * stat.bsize, type: stat.type };
  }
}

function toFileStat(stat: fs.Stats): FileStat {
  return {
    ino: stat.ino,
    size: stat.size,
    mtimeMs: stat.mtimeMs,
    ctimeMs: stat.ctimeMs,
    isFile: stat.isFile(),
    isDirectory: stat.isDirectory(),
    mode: stat.mode & 0o7777,
    uid: stat.uid,
  };
}

/** Null when there is no such file. */
function openExisting(path: string, flags: number): number | null {
  try {
    return fs.openSync(path, flags);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** With its parents. Not node's `recursive`: that never returns where the kernel refuses every name (measured in /proc). */
function makeDirectories(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isCode(error, 'EEXIST') && fs.statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (!isCode(error, 'ENOENT') || parent === path || fs.existsSync(parent)) throw error;
    makeDirectories(parent);
    makeDirectories(path);
  }
}

function writeAll(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  let offset = 0;
  while (offset < bytes.length) offset += fs.writeSync(fd, bytes, offset, bytes.length - offset);
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
