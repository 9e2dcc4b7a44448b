// Finding out again what was lost: views after a power loss or a careless hand, and letting go of changes that are old enough.
//
// R1  in one boot meta/ lags by the newest change at most; after another boot every change since is held against it once.
// R2  a change is let go only when the view of its object is on the platter.

import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isObject } from '../../kernel/json.ts';
import { type Kind, KINDS } from '../../manifests/model.ts';
import { refOf } from '../objects.ts';
import type { ChangeLog } from './changes.ts';
import type { DesiredFiles } from './desired.ts';
import type { Disk } from './disk.ts';
import type { MetaFiles } from './meta.ts';
import type { Paths } from './paths.ts';
import type { ObjectChange, StoredChange, StoredMeta } from './records.ts';
import { Quarantine } from './quarantine.ts';
import { removeDeadLeftovers, replaceFile } from './replace.ts';
import { nameOfDirectory, parseIdentity } from './run-files.ts';
import type { Stage } from './stage.ts';

/** Changes that are kept, and how many more may gather before the oldest go. */
const KEPT = 10_000;
const FOLD_EVERY = 1000;
const STEP = 200;
const IDENTITY_LIMIT_BYTES = 64 * 1024;

interface Last {
  readonly revision: number;
  readonly verb: ObjectChange['verb'];
}

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly bootId: string;
  readonly log: ChangeLog;
  readonly stage: Stage;
  readonly meta: MetaFiles;
  readonly desired: DesiredFiles;
}

export class Recovery {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #bootId: string;
  readonly #log: ChangeLog;
  readonly #stage: Stage;
  readonly #meta: MetaFiles;
  readonly #desired: DesiredFiles;
  /** Newest change of every object that the kept changes know; built when it is first needed. */
  #last: Map<string, Last> | null = null;
  /** The same for uids, published status included. */
  readonly #uids = new Map<string, string>();

  constructor(options: RecoveryOptions) {
    this.#disk = options.disk;
    this.#paths = options.paths;
    this.#bootId = options.bootId;
    this.#log = options.log;
    this.#stage = options.stage;
    this.#meta = options.meta;
    this.#desired = options.desired;
  }

  get #marker(): string {
    return join(dirname(this.#paths.meta('Task')), 'boot.json');
  }

  async open(): Promise<void> {
    for (const { kind } of KINDS) {
      this.#disk.makeDirectory(this.#paths.desired(kind));
      this.#disk.makeDirectory(this.#paths.meta(kind));
    }
    const marker = this.#readMarker();
    this.#log.open(0);
    if (this.#log.head === 0) this.#log.open(this.#newestInMeta(marker?.revision ?? 0));
    if (marker?.boot === this.#bootId) return;
    await this.#replay(marker?.revision ?? 0);
    // What another boot left was read from the platter. Without a marker nobody knows whether it was this one that wrote it.
    const revision = marker === null ? 0 : this.#log.head;
    removeDeadLeftovers(this.#disk, dirname(this.#marker), (pid) => this.#disk.stat(`/proc/${pid}`) === null);
    new Quarantine(this.#disk, this.#paths).clearWay(this.#marker, 'meta.boot.json');
    replaceFile(this.#disk, this.#marker, `${JSON.stringify({ boot: this.#bootId, revision })}\n`);
  }

  #readMarker(): { boot: string; revision: number } | null {
    try {
      const value: unknown = JSON.parse(this.#disk.read(this.#marker)?.toString() ?? 'null');
      if (!isObject(value) || typeof value['boot'] !== 'string' || typeof value['revision'] !== 'number') return null;
      return { boot: value['boot'], revision: value['revision'] };
    } catch {
      return null;
    }
  }

  /** Somebody emptied changes/: no number may be given again. */
  #newestInMeta(floor: number): number {
    let newest = floor;
    for (const { kind } of KINDS) {
      for (const name of this.#meta.names(kind)) newest = Math.max(newest, this.#meta.read(kind, name)?.revision ?? 0);
    }
    return newest;
  }

  /** Holds every change after `from` against what stands. */
  async #replay(from: number): Promise<void> {
    const newest = new Map<string, number>();
    let steps = 0;
    for (const revision of this.#log.kept()) {
      if (revision <= from || revision > this.#log.head) continue;
      const change = this.#log.read(revision);
      if (change !== null && isObjectChange(change)) newest.set(refOf(change.kind, change.name), revision);
      steps += 1;
      if (steps % STEP === 0) await setImmediate();
    }
    const touched = new Set<string>();
    for (const revision of newest.values()) {
      const change = this.#log.readWhole(revision);
      if (change === null || !isObjectChange(change)) continue;
      for (const path of this.#redo(revision, change)) touched.add(path);
      steps += 1;
      if (steps % STEP === 0) await setImmediate();
    }
    for (const path of touched) await this.#disk.sync(path);
  }

  /** Returns what has to reach the platter: nothing when all stood in its place. */
  #redo(revision: number, change: ObjectChange): string[] {
    const { kind, name } = change;
    this.#redoDocument(change);
    this.#stage.finish(revision, change);
    const directories = [this.#paths.desired(kind), this.#paths.meta(kind)];
    if (change.verb === 'Deleted') return directories;
    const standing = this.#meta.read(kind, name);
    if (standing !== null && standing.revision >= revision) return [];
    this.#stage.restoreMeta(revision, change);
    return [this.#meta.path(kind, name), ...directories];
  }

  /** The staged document is lost as well: the change has it. A file that is neither the old one nor the new is a hand edit and stays. */
  #redoDocument(change: ObjectChange): void {
    const mark = change.record.mark;
    if (mark === null || change.document === null || this.#desired.looksLike(change.kind, mark)) return;
    const found = this.#desired.look(change.kind, mark.file);
    if (found === null ? true : found.mark.digest === change.replaces) this.#stage.restage(change, change.document);
  }

  // --- finding objects ---------------------------------------------------------------------------

  /** Keeps up; called with every change that is read on. */
  apply(revision: number, change: StoredChange): void {
    if (this.#last !== null) this.#note(revision, change);
  }

  clear(): void {
    this.#last = null;
    this.#uids.clear();
  }

  /** The state of an object whose view is gone, put back in place; null when the kept changes do not know it. */
  async restore(kind: Kind, name: string): Promise<StoredMeta | null> {
    await this.#build();
    const last = this.#last?.get(refOf(kind, name));
    if (last === undefined || last.verb === 'Deleted') return null;
    const change = this.#log.read(last.revision);
    if (change === null || !isObjectChange(change)) return null;
    this.#stage.restoreMeta(last.revision, change);
    return { revision: last.revision, record: change.record };
  }

  /** The uid under which changes/ or a directory in runs/ knows an object that has no view: it is that one and no new one. */
  uidOf(kind: Kind, name: string): string | null {
    const last = this.#last?.get(refOf(kind, name));
    if (last?.verb === 'Deleted') return null;
    return (
      this.#uids.get(refOf(kind, name)) ?? (kind === 'WorkflowRun' && last === undefined ? this.#runUid(name) : null)
    );
  }

  #runUid(name: string): string | null {
    const found: string[] = [];
    for (const directory of this.#disk.names(this.#paths.runs)) {
      if (nameOfDirectory(directory) !== name) continue;
      try {
        const bytes = this.#disk.read(join(this.#paths.runs, directory, 'run.json'), IDENTITY_LIMIT_BYTES);
        const uid = bytes === null ? null : parseIdentity(bytes);
        if (uid !== null) found.push(uid);
      } catch {
        // No regular file: says nothing.
      }
    }
    return found.length === 1 ? (found[0] ?? null) : null;
  }

  async #build(): Promise<void> {
    if (this.#last !== null) return;
    const last = new Map<string, Last>();
    this.#last = last;
    let steps = 0;
    for (const revision of this.#log.kept()) {
      const change = this.#log.read(revision);
      if (change !== null) this.#note(revision, change);
      steps += 1;
      if (steps % STEP === 0) await setImmediate();
      if (this.#last !== last) return this.#build();
    }
  }

  #note(revision: number, change: StoredChange): void {
    if (change.verb === 'Void') return;
    const ref = refOf(change.kind, change.name);
    if (isObjectChange(change)) {
      const before = this.#last?.get(ref);
      if (before !== undefined && before.revision > revision) return;
      this.#last?.set(ref, { revision, verb: change.verb });
    }
    if (change.verb === 'Deleted') this.#uids.delete(ref);
    else this.#uids.set(ref, change.uid);
  }

  // --- letting go --------------------------------------------------------------------------------

  isFoldDue(revision: number): boolean {
    return revision > KEPT && revision % FOLD_EVERY === 0;
  }

  /** Lets the oldest changes go, once the views of their objects are synced. */
  async fold(): Promise<void> {
    const limit = this.#log.head - KEPT;
    const old = this.#log.kept().filter((revision) => revision <= limit);
    const views = new Set<string>();
    let steps = 0;
    for (const revision of old) {
      const change = this.#log.read(revision);
      if (change !== null && isObjectChange(change) && change.verb !== 'Deleted') {
        views.add(this.#meta.path(change.kind, change.name));
      }
      steps += 1;
      if (steps % STEP === 0) await setImmediate();
    }
    for (const path of views) if (this.#disk.stat(path)?.isFile === true) await this.#disk.sync(path);
    for (const { kind } of KINDS) {
      await this.#disk.sync(this.#paths.meta(kind));
      await this.#disk.sync(this.#paths.desired(kind));
    }
    for (const revision of old) {
      this.#log.remove(revision);
      steps += 1;
      if (steps % STEP === 0) await setImmediate();
    }
  }
}

function isObjectChange(change: StoredChange): change is ObjectChange {
  return change.verb !== 'Void' && change.verb !== 'Status';
}
