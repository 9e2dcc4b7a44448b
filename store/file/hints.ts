// Hints that a scan may find something: events of the file system, gathered until they pause and checked against what is known, so that
// the store's own writes do not cause one.
//
// Runs only while somebody listens. Events only say "look again"; a lost one costs the time to the next regular scan.

import type { Clock } from '../../kernel/ports.ts';
import { type Kind, KINDS } from '../../manifests/model.ts';
import { objectNameOf } from './desired.ts';
import type { Disk } from './disk.ts';
import type { Paths } from './paths.ts';
import { type DirectoryWatch, watchSmall } from './watcher.ts';

const PAUSE_MS = 15;
/** chokidar drops a second event of a file within 50 ms of the first (hazard W2); a second look comes after that. */
const SECOND_LOOK_MS = 75;
/** Directories that grow with history: chokidar is slow on them. */
const GROWING: ReadonlySet<Kind> = new Set(['WorkflowRun', 'Signal']);
/** More names than this at once are as good as a look at everything. */
const MOST_NAMES = 1000;

export interface HintsOptions {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly clock: Clock;
  /** Is what stands under this name known already? */
  readonly isKnown: (kind: Kind, name: string) => boolean;
}

export class Hints {
  readonly #options: HintsOptions;
  readonly #callbacks = new Set<(kind: Kind) => void>();
  /** Names that stirred since the last scan; null: too many or unknown. */
  readonly #dirty = new Map<Kind, Set<string> | null>();
  readonly #pauses = new Map<Kind, () => void>();
  #ends: (() => void)[] | null = null;

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  subscribe(callback: (kind: Kind) => void): () => void {
    this.#callbacks.add(callback);
    this.#ends ??= this.#start();
    return () => {
      this.#callbacks.delete(callback);
      if (this.#callbacks.size === 0) this.close();
    };
  }

  /** Asks for a scan of that kind after a while. */
  remind(kind: Kind, delayMs: number): void {
    if (this.#callbacks.size === 0) return;
    this.#options.clock.after(delayMs, () => this.#tell(kind));
  }

  /** Names that stirred since this was last asked; null: any may have. */
  take(kind: Kind): ReadonlySet<string> | null {
    const names = this.#dirty.get(kind);
    this.#dirty.delete(kind);
    return names === undefined ? new Set() : names;
  }

  close(): void {
    for (const end of this.#ends ?? []) end();
    this.#ends = null;
    for (const cancel of this.#pauses.values()) cancel();
    this.#pauses.clear();
  }

  #start(): (() => void)[] {
    return KINDS.map(({ kind }) => {
      const directory = this.#options.paths.desired(kind);
      const stir = (file: string | null): void => this.#stir(kind, file);
      if (GROWING.has(kind)) return this.#options.disk.watch(directory, stir) ?? (() => undefined);
      const stirTwice = (file: string | null): void => {
        stir(file);
        this.#options.clock.after(SECOND_LOOK_MS, () => {
          if (this.#ends !== null) stir(file);
        });
      };
      const watching: Promise<DirectoryWatch | null> = watchSmall(directory, stirTwice).catch(() => null);
      return () => void watching.then((watch) => watch?.close());
    });
  }

  #stir(kind: Kind, file: string | null): void {
    const name = file === null ? null : objectNameOf(file);
    if (file !== null && name === null) return;
    const names = this.#dirty.has(kind) ? this.#dirty.get(kind) : new Set<string>();
    if (name === null || names === null || names === undefined || names.size >= MOST_NAMES) this.#dirty.set(kind, null);
    else this.#dirty.set(kind, names.add(name));
    // The last of a series of events counts: a look at the first would miss what comes 10 ms later.
    this.#pauses.get(kind)?.();
    this.#pauses.set(
      kind,
      this.#options.clock.after(PAUSE_MS, () => this.#pause(kind)),
    );
  }

  #pause(kind: Kind): void {
    this.#pauses.delete(kind);
    const names = this.#dirty.get(kind);
    if (names === undefined) return;
    if (names !== null) {
      for (const name of names) if (this.#isKnown(kind, name)) names.delete(name);
      if (names.size === 0) {
        this.#dirty.delete(kind);
        return;
      }
    }
    this.#tell(kind);
  }

  #isKnown(kind: Kind, name: string): boolean {
    try {
      return this.#options.isKnown(kind, name);
    } catch {
      return false;
    }
  }

  #tell(kind: Kind): void {
    for (const callback of this.#callbacks) callback(kind);
  }
}
