// changes/REV.json: the one sequence of all that ever changed, and the only place where writers meet.
//
// Owns: the newest revision, linking the next one, reading on, what cannot be read. Does not own: what a change means for the object
// (stage.ts moves documents, meta.ts keeps the view).
//
// C1  a revision comes into being by one link of a complete file: of all who try a number exactly one wins.
// C2  only the newest change can be unfinished: whoever links a number has finished the one before.
// C3  revisions never go back in one handle, whatever happens to the directory.

import { join } from 'node:path';
import type { Clock } from '../../kernel/ports.ts';
import { StoreError } from '../../kernel/errors.ts';
import type { Disk, FileStat } from './disk.ts';
import { GroupSync } from './group-sync.ts';
import type { Paths } from './paths.ts';
import type { Quarantine } from './quarantine.ts';
import { changeFile, encodeChange, parseChange, revisionOf, type StoredChange } from './records.ts';
import { storeFault, systemCode } from './fault.ts';

/** Parsed changes that are kept for those who watch. */
const RECENT = 256;
const SYNC_DELAY_MS = 20;
/** Errors that say nothing about the file. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'EINTR']);

export interface ChangeReader {
  /** A change that was read on. */
  onChange(revision: number, change: StoredChange): void;
  /** Called with the newest change before anybody links the next: moves into place what its writer left. */
  finish(revision: number, change: StoredChange): void;
  /** Changes are missing: nothing that was derived from them can be trusted. */
  onGap(): void;
}

export class ChangeLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #stage: string;
  readonly #quarantine: Quarantine;
  readonly #uniq: () => string;
  readonly #reader: ChangeReader;
  readonly #sync: GroupSync;
  readonly #recent = new Map<number, StoredChange>();
  readonly #listeners = new Set<() => void>();
  #head = 0;
  /** The newest change that is known to be finished. */
  #finished = 0;
  #seen: FileStat | null = null;

  constructor(options: {
    disk: Disk;
    paths: Paths;
    clock: Clock;
    quarantine: Quarantine;
    uniq: () => string;
    reader: ChangeReader;
  }) {
    this.#disk = options.disk;
    this.#directory = options.paths.changes;
    this.#stage = join(options.paths.changes, 'stage');
    this.#quarantine = options.quarantine;
    this.#uniq = options.uniq;
    this.#reader = options.reader;
    this.#sync = new GroupSync({
      clock: options.clock,
      delayMs: SYNC_DELAY_MS,
      seq: 0,
      sync: () => this.#disk.sync(this.#directory),
      refusal: (error) => storeFault(error, 'changes', 'sync'),
    });
  }

  get head(): number {
    return this.#head;
  }

  /** Is everything in place that the newest change says? Not on a full disk. */
  get isFinished(): boolean {
    return this.#finished >= this.#head;
  }

  get stageDirectory(): string {
    return this.#stage;
  }

  /** Finds the newest revision. `floor`: one that is known to have been given. */
  open(floor: number): void {
    this.#disk.makeDirectory(this.#stage);
    // The newest is read on like any other: it may have to be finished.
    this.#head = Math.max(floor, this.#newest() - 1);
    this.#seen = this.#disk.stat(this.#directory);
    this.#finished = this.#head;
    this.refresh();
  }

  /** Reads on to the newest revision and finishes it. Cheap when nothing happened. */
  refresh(): void {
    let isMoved = false;
    for (;;) {
      const change = this.read(this.#head + 1);
      if (change === null) {
        if (isMoved || !this.#isGap()) break;
        continue;
      }
      isMoved = true;
      this.#head += 1;
      this.#reader.onChange(this.#head, change);
    }
    this.#tryFinish();
    if (isMoved) {
      this.#seen = this.#disk.stat(this.#directory);
      for (const listener of this.#listeners) listener();
    }
  }

  /** The change of that number, without its document; null when there is none (not yet, or no more). */
  read(revision: number): StoredChange | null {
    const recent = this.#recent.get(revision);
    if (recent !== undefined) return recent;
    const change = this.readWhole(revision);
    return change === null ? null : this.#remember(revision, change);
  }

  /** As read, with the document. */
  readWhole(revision: number): StoredChange | null {
    const path = this.#path(revision);
    try {
      const bytes = this.#disk.read(path);
      return bytes === null ? null : parseChange(bytes);
    } catch (error) {
      if (PASSING.has(systemCode(error) ?? '')) throw storeFault(error, path, 'reading a change');
      return this.#void(path, error);
    }
  }

  /**
   * Links the next revision, or says that somebody else was first; then nothing is changed and `refresh` is due. `file` is the complete
   * change in the stage directory; it is gone afterwards when the link was made.
   */
  link(file: string, change: StoredChange): number | null {
    this.#finishHead();
    const revision = this.#head + 1;
    if (!this.#disk.link(file, this.#path(revision))) return null;
    this.#disk.unlink(file);
    this.#head = revision;
    this.#reader.onChange(revision, this.#remember(revision, change));
    this.#seen = this.#disk.stat(this.#directory);
    this.#tryFinish();
    for (const listener of this.#listeners) listener();
    return revision;
  }

  /** Resolves once the change of that revision is on the platter. Rejects for ever after a failed sync. */
  recorded(revision: number): Promise<void> {
    this.#sync.written(Math.max(revision, this.#head));
    return this.#sync.recorded(revision);
  }

  get failure(): { readonly error: unknown } | null {
    return this.#sync.failure;
  }

  /** Revisions that are kept, ascending. */
  kept(): number[] {
    const revisions: number[] = [];
    for (const name of this.#disk.names(this.#directory)) {
      const revision = revisionOf(name);
      if (revision !== null) revisions.push(revision);
    }
    return revisions.sort((a, b) => a - b);
  }

  remove(revision: number): void {
    this.#recent.delete(revision);
    this.#disk.unlink(this.#path(revision));
  }

  /** Called after every step of `head`. */
  onStep(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** That revision was given, says the view of an object: if its change is gone, its number is not given again. */
  raise(revision: number): void {
    if (revision > this.#head) this.refresh();
    if (revision <= this.#head) return;
    this.#reader.onGap();
    this.#head = revision;
    this.#place(this.#path(revision));
    this.#seen = this.#disk.stat(this.#directory);
  }

  async close(): Promise<void> {
    await this.#sync.finish();
  }

  #path(revision: number): string {
    return join(this.#directory, changeFile(revision));
  }

  #newest(): number {
    return this.kept().at(-1) ?? 0;
  }

  /** On a full disk the change stands and the newest state is known; its document follows when there is room, before any other change. */
  #tryFinish(): void {
    try {
      this.#finishHead();
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'NoSpace')) throw error;
    }
  }

  #finishHead(): void {
    if (this.#finished >= this.#head || this.#head === 0) return;
    const change = this.read(this.#head);
    if (change !== null) this.#reader.finish(this.#head, change);
    this.#finished = this.#head;
  }

  /**
   * Nothing stands at the next number. Is that because a number is missing? Only then is the directory listed; that it was touched at all
   * is seen by its times. True: look again.
   */
  #isGap(): boolean {
    const stat = this.#disk.stat(this.#directory);
    const seen = this.#seen;
    if (stat !== null && seen !== null && stat.ino === seen.ino && stat.mtimeMs === seen.mtimeMs) return false;
    if (stat === null) this.#disk.makeDirectory(this.#stage);
    const newest = this.#newest();
    this.#seen = this.#disk.stat(this.#directory);
    if (newest === this.#head) return false;
    if (newest > this.#head && this.#disk.stat(this.#path(this.#head + 1)) !== null) return true;
    this.#recent.clear();
    this.#reader.onGap();
    // The newest were removed by hand. Their numbers were given; a void one keeps others from giving them again.
    if (newest < this.#head) this.#place(this.#path(this.#head));
    else this.#head = newest;
    for (const listener of this.#listeners) listener();
    return false;
  }

  #void(path: string, cause: unknown): StoredChange {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const label = `changes.${path.slice(this.#directory.length + 1)}`;
    if (this.#disk.stat(path)?.isFile !== true) this.#quarantine.move(path, label, reason);
    else this.#quarantine.keepOnce(label, () => tryRead(this.#disk, path), reason);
    this.#place(path);
    return { verb: 'Void' };
  }

  /** A void change in the place of what cannot be read, or is gone. */
  #place(path: string): void {
    const file = join(this.#stage, `${this.#uniq()}.json`);
    try {
      this.#disk.createNew(file, encodeChange({ verb: 'Void' }));
      this.#disk.rename(file, path);
    } catch (error) {
      this.#disk.unlink(file);
      throw storeFault(error, 'changes', 'replacing an unreadable change');
    }
  }

  #remember(revision: number, change: StoredChange): StoredChange {
    const kept = 'document' in change && change.document !== null ? { ...change, document: null } : change;
    this.#recent.set(revision, kept);
    const oldest = this.#recent.size > RECENT ? this.#recent.keys().next() : null;
    if (oldest !== null && oldest.done !== true) this.#recent.delete(oldest.value);
    return kept;
  }
}

function tryRead(disk: Disk, path: string): Buffer | null {
  try {
    return disk.read(path);
  } catch {
    return null;
  }
}
