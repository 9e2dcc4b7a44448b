// A lock that the kernel holds: an abstract unix socket that this process listens on.
//
// Its name is that of a directory (device and inode) and a word. A second listener gets EADDRINUSE; the name is free the moment its
// holder is dead, and never while it lives, stopped or not. No file is left behind, and the wall clock plays no part.
// Abstract names are seen within one network namespace only; seats.ts guards the rest.

import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Disk } from './disk.ts';

/** A socket's name holds 107 bytes besides the leading zero. */
const NAME_LIMIT_BYTES = 107;
const RETRY_MS = 5;

export type Presence = 'held' | 'free';

export class KernelLock {
  readonly #server: Server;
  readonly #guests = new Set<Socket>();
  #isReleased = false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      // One that was on its way when we let go would keep the server open.
      if (this.#isReleased) {
        socket.destroy();
        return;
      }
      this.#guests.add(socket);
      socket.unref();
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#guests.delete(socket));
      socket.resume();
    });
  }

  /** Null when another holds it. */
  static async take(disk: Disk, directory: string, word: string): Promise<KernelLock | null> {
    return KernelLock.listen(lockName(disk, directory, word));
  }

  /** As take, for a name or path of a socket as it is. */
  static listen(name: string): Promise<KernelLock | null> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', (error) => {
        if ('code' in error && error.code === 'EADDRINUSE') resolve(null);
        else reject(error);
      });
      server.listen(name, () => resolve(new KernelLock(server)));
      server.unref();
    });
  }

  /** For locks that are held for microseconds. */
  static async wait(disk: Disk, directory: string, word: string): Promise<KernelLock> {
    for (;;) {
      const lock = await KernelLock.take(disk, directory, word);
      if (lock !== null) return lock;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  release(): Promise<void> {
    this.#isReleased = true;
    for (const guest of this.#guests) guest.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export function lockName(disk: Disk, directory: string, word: string): string {
  const place = disk.identity(directory);
  const name = `\0oarlock-${place}-${word}`;
  if (Buffer.byteLength(name) <= NAME_LIMIT_BYTES) return name;
  return `\0oarlock-${place}-${createHash('sha256').update(word).digest('hex').slice(0, 32)}`;
}

/** Does a living process listen there? One that is stopped, or has a full queue, does. */
export function probe(name: string): Promise<Presence> {
  return new Promise((resolve) => {
    const socket = connect(name);
    socket.once('connect', () => {
      socket.destroy();
      resolve('held');
    });
    socket.once('error', (error) => resolve(isNobody(error) ? 'free' : 'held'));
  });
}

/** Calls back once when the holder is gone (or there is none). The returned function ends the watch. */
export function onceFree(name: string, callback: () => void): () => void {
  let isOver = false;
  const socket = connect(name);
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    callback();
  };
  socket.unref();
  socket.resume();
  socket.on('error', end);
  socket.on('close', end);
  return () => {
    isOver = true;
    socket.destroy();
  };
}

function isNobody(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT' || error.code === 'ENOTSOCK');
}
