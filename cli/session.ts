// What every verb gets: where to talk to, which state directory is meant, and the store, opened when it is first asked
// for (so that `--help` and wrong usage never touch a disk).

import { resolve } from 'node:path';
import { StoreError } from '../kernel/errors.ts';
import type { Clock, Random } from '../kernel/ports.ts';
import type { Store } from '../store/store.ts';
import { Failure, isSystemError } from './failure.ts';
import type { Io } from './io.ts';
import { type Colors, colorsFor } from './output/colors.ts';

export interface Doors {
  /** `stateDir`: of this machine, for a store that is elsewhere. */
  openStore(url: string, stateDir: string): Promise<Store>;
  random(): Promise<Random>;
}

export interface SessionOptions {
  readonly io: Io;
  readonly doors: Doors;
  /** Absolute. */
  readonly stateDir: string;
  /** As the user wrote it: for messages. */
  readonly stateName: string;
  /** A database instead of the state directory. */
  readonly storeUrl?: string | undefined;
  /** The API to go through instead of the state directory. */
  readonly server?: ServerOptions | undefined;
}

export interface ServerOptions {
  readonly url: string;
  readonly token: string | undefined;
  /** File with the authority of its certificate, PEM. */
  readonly authorityFile: string | undefined;
}

export class Session {
  readonly io: Io;
  readonly stateDir: string;
  readonly stateName: string;
  /** Where everything stands: `file:` with the state directory, `postgres://...` or `embedded-postgres`. */
  readonly storeUrl: string;
  readonly colors: Colors;
  readonly #doors: Doors;
  readonly #server: ServerOptions | undefined;
  #store: Promise<Store> | undefined;

  constructor(options: SessionOptions) {
    this.io = options.io;
    this.stateDir = options.stateDir;
    this.storeUrl = options.storeUrl ?? `file:${options.stateDir}`;
    this.stateName = this.storeUrl.startsWith('file:') ? options.stateName : hidePassword(this.storeUrl);
    this.colors = colorsFor(options.io.stdout.isTerminal, options.io.env);
    this.#doors = options.doors;
    this.#server = options.server;
  }

  store(): Promise<Store> {
    this.#store ??= this.#server === undefined ? this.#openHere() : this.#openThere(this.#server);
    return this.#store;
  }

  async #openThere({ url, token, authorityFile }: ServerOptions): Promise<Store> {
    const [{ openRemoteStore }, { readInput }] = await Promise.all([
      import('./remote/store.ts'),
      import('../store/file/input.ts'),
    ]);
    if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
      throw new Failure(2, `--server: expected http://HOST:PORT or https://HOST:PORT, found "${url}"`);
    }
    if (token === undefined)
      throw new Failure(2, '--server needs --token (or $OARLOCK_TOKEN)', '`oarlock token create` prints one');
    const bytes = authorityFile === undefined ? undefined : readInput(resolve(this.io.workingDir, authorityFile));
    if (bytes === null) throw new Failure(1, `file ${authorityFile ?? ''} does not exist`);
    const authority = bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    return openRemoteStore({ url: new URL(url), token, authority });
  }

  #openHere(): Promise<Store> {
    return this.#doors.openStore(this.storeUrl, this.stateDir).catch((error: unknown) => {
      // A directory that is refused is named in the words that refuse it.
      if (error instanceof StoreError && error.message.startsWith('state directory '))
        throw new Failure(1, error.message);
      if (error instanceof StoreError && !this.storeUrl.startsWith('file:')) throw new Failure(1, error.message);
      throw error instanceof StoreError || isSystemError(error)
        ? new Failure(1, `state directory ${this.stateName} cannot be used: ${error.message}`)
        : error;
    });
  }

  async clock(): Promise<Clock> {
    return (await this.store()).clock;
  }

  random(): Promise<Random> {
    return this.#doors.random();
  }

  /** Lower-case hexadecimal, for names that nobody else has. */
  async randomHex(digits: number): Promise<string> {
    return (await this.random()).hex(digits);
  }

  /** Data, for people or programs. */
  print(text: string): void {
    this.io.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
  }

  /** Talk about what is going on. */
  say(text: string): void {
    this.io.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  async close(): Promise<void> {
    if (this.#store === undefined) return;
    const store = await this.#store.catch(() => null);
    await store?.close();
  }
}

/** `--server`, else OARLOCK_SERVER; none of them: the state directory. */
export function serverOf(io: Io, options: { readonly [name: string]: unknown }): ServerOptions | undefined {
  const word = (name: string, variable: string): string | undefined => {
    const value = options[name];
    return typeof value === 'string' ? value : io.env[variable] || undefined;
  };
  const url = word('server', 'OARLOCK_SERVER');
  if (url === undefined) return undefined;
  return { url, token: word('token', 'OARLOCK_TOKEN'), authorityFile: word('ca', 'OARLOCK_CA') };
}

/** `--state`, else OARLOCK_STATE, else ./state. */
export function stateDirOf(io: Io, option: string | undefined): { stateDir: string; stateName: string } {
  const stateName = option ?? (io.env['OARLOCK_STATE'] || './state');
  return { stateName, stateDir: resolve(io.workingDir, stateName) };
}

/** `--store`, else OARLOCK_STORE; undefined: the state directory. */
export function storeUrlOf(io: Io, option: string | undefined): string | undefined {
  const url = option ?? io.env['OARLOCK_STORE'];
  if (url === undefined || url === '') return undefined;
  if (url === 'embedded-postgres' || /^postgres(ql)?:\/\/./.test(url) || url.startsWith('file:')) return url;
  throw new Failure(2, '--store: expected postgres://USER@HOST/DATABASE, embedded-postgres or file:DIRECTORY');
}

/** An address as it may be shown. */
export function hidePassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^/:@]*):[^/@]*@/, '$1:***@');
}
