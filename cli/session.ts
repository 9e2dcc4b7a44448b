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
  openStore(stateDir: string): Promise<Store>;
  random(): Promise<Random>;
}

export interface SessionOptions {
  readonly io: Io;
  readonly doors: Doors;
  /** Absolute. */
  readonly stateDir: string;
  /** As the user wrote it: for messages. */
  readonly stateName: string;
}

export class Session {
  readonly io: Io;
  readonly stateDir: string;
  readonly stateName: string;
  readonly colors: Colors;
  readonly #doors: Doors;
  #store: Promise<Store> | undefined;

  constructor(options: SessionOptions) {
    this.io = options.io;
    this.stateDir = options.stateDir;
    this.stateName = options.stateName;
    this.colors = colorsFor(options.io.stdout.isTerminal, options.io.env);
    this.#doors = options.doors;
  }

  store(): Promise<Store> {
    this.#store ??= this.#doors.openStore(this.stateDir).catch((error: unknown) => {
      throw error instanceof StoreError || isSystemError(error)
        ? new Failure(1, `state directory ${this.stateName} cannot be used: ${error.message}`)
        : error;
    });
    return this.#store;
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

/** `--state`, else OARLOCK_STATE, else ./state. */
export function stateDirOf(io: Io, option: string | undefined): { stateDir: string; stateName: string } {
  const stateName = option ?? (io.env['OARLOCK_STATE'] || './state');
  return { stateName, stateDir: resolve(io.workingDir, stateName) };
}
