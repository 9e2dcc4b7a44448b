// Objects on files: the machine under the verbs of resources.ts. Reads what stands and commits a planned change. What people do to the
// desired files behind its back is the business of settling.ts.
//
// O1  one write at a time in a handle; between handles the number decides (changes.ts), and who loses looks again.
// O2  a change is planned on the newest version of its object and linked only while that is the newest.
// O3  a failed sync is never tried again: from then on this handle refuses everything.

import { setImmediate } from 'node:timers/promises';
import { StoreError } from '../../kernel/errors.ts';
import { isObject, type JsonObject } from '../../kernel/json.ts';
import type { Clock, Random } from '../../kernel/ports.ts';
import type { Kind, Resource } from '../../manifests/model.ts';
import { isEnded, isHeld, type ObjectRecord, refOf, timeOf, toResource } from '../objects.ts';
import type { RunRef } from '../store.ts';
import { ChangeLog } from './changes.ts';
import { DesiredFiles } from './desired.ts';
import type { Disk } from './disk.ts';
import { storeFault } from './fault.ts';
import { createDocuments, type Documents } from './documents.ts';
import { crowdless } from './lock.ts';
import { MetaFiles } from './meta.ts';
import { type Entry, ObjectIndex } from './object-index.ts';
import type { Paths } from './paths.ts';
import { Quarantine } from './quarantine.ts';
import { encodeChange, type FileMark, type FileRecord, type ObjectChange, type StoredChange } from './records.ts';
import { Recovery } from './recovery.ts';
import { RunFiles } from './run-files.ts';
import { Stage, type Staged } from './stage.ts';
import { publishedRevision, readStatus } from './status.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Races lost before writers queue up. */
const LOSSES = 3;

export interface ObjectFilesOptions {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: those of manifests/. */
  readonly documents?: Documents;
  /** Default: what the kernel says. */
  readonly bootId?: string;
  /** Writers do not queue up after lost races; for tests of what the lock must not be needed for. */
  readonly lockless?: boolean;
}

/** A change that is decided but not yet numbered. */
export interface Plan {
  readonly verb: ObjectChange['verb'];
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string;
  /** Revision of the object that it was planned on; 0: there was none. */
  readonly basedOn: number;
  /** The desired file that it was planned on; null: there was none. */
  readonly standing: FileMark | null;
  readonly document: { readonly text: string; readonly file: string } | null;
  readonly removes: FileMark | null;
  /** `mark`: of the new document, when there is one. */
  record(mark: FileMark | null): FileRecord;
}

export interface Committed {
  readonly revision: number;
  readonly record: FileRecord;
}

export class ObjectFiles {
  readonly index: ObjectIndex;
  readonly log: ChangeLog;
  readonly desired: DesiredFiles;
  readonly meta: MetaFiles;
  readonly documents: Documents;
  readonly #options: ObjectFilesOptions;
  readonly #stage: Stage;
  readonly #recovery: Recovery;
  #queue: Promise<unknown> = Promise.resolve();
  #ready: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #isClosed = false;

  constructor(options: ObjectFilesOptions) {
    this.#options = options;
    const { disk, paths, clock } = options;
    const quarantine = new Quarantine(disk, paths);
    const uniq = (): string => options.random.hex(16);
    this.documents = options.documents ?? createDocuments();
    this.desired = new DesiredFiles(disk, paths);
    this.meta = new MetaFiles(disk, paths, quarantine);
    this.index = new ObjectIndex(this.meta, (revision) => this.log.raise(revision));
    this.#stage = new Stage({ disk, paths, desired: this.desired, meta: this.meta, quarantine, uniq });
    const reader = {
      onChange: (revision: number, change: StoredChange) => {
        this.index.apply(revision, change);
        this.#recovery.apply(revision, change);
      },
      finish: (revision: number, change: StoredChange) => this.#stage.finish(revision, change),
      onGap: () => {
        this.index.clear();
        this.#recovery.clear();
      },
    };
    this.log = new ChangeLog({ disk, paths, clock, quarantine, uniq, reader });
    this.#recovery = new Recovery({
      ...options,
      bootId: options.bootId ?? bootIdOf(disk),
      log: this.log,
      stage: this.#stage,
      meta: this.meta,
      desired: this.desired,
    });
  }

  // --- life --------------------------------------------------------------------------------------

  /** Before anything else, every time: opens, and refuses after a failure. */
  async begin(): Promise<void> {
    this.#refuse();
    this.#ready ??= this.#open();
    await this.#ready;
    this.#refuse();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue.catch(() => undefined);
    await this.log.close();
  }

  async #open(): Promise<void> {
    try {
      await this.#recovery.open();
      this.tidy();
    } catch (error) {
      this.#ready = null;
      throw storeFault(error, 'state', 'opening');
    }
  }

  /** Clears what dead writers left. */
  tidy(): void {
    const { wall } = this.#options.clock.now();
    this.#stage.tidy(
      wall,
      () => this.log.refresh(),
      (revision) => this.log.read(revision),
    );
  }

  #refuse(): void {
    const failure = this.#failure ?? this.log.failure;
    if (failure !== null) throw failure.error;
    if (this.#isClosed)
      throw new StoreError('Unavailable', 'state', 'state: expected an open store, found one that is closed');
  }

  /** One after the other. */
  exclusive<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(body);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  // --- reading -----------------------------------------------------------------------------------

  published(kind: Kind, name: string, uid: string): JsonObject | null {
    return this.#publication(kind, name, uid)?.status ?? null;
  }

  #publication(kind: Kind, name: string, uid: string): { status: JsonObject; revision: number } | null {
    if (kind !== 'WorkflowRun') return null;
    const found = readStatus(this.#options.disk, new RunFiles(this.#options.paths, { name, uid }));
    if (found === null) return null;
    const { recorded, ...status } = found;
    const isOther = isObject(recorded) && typeof recorded['uid'] === 'string' && recorded['uid'] !== uid;
    return isOther ? null : { status, revision: publishedRevision(found) };
  }

  /** The object as it stands, under the revision of its last change or of the status published since: the same one in every process. */
  show(entry: Entry, record: ObjectRecord): Resource {
    const publication = this.#publication(record.kind, record.name, entry.uid);
    const revision = Math.max(this.index.shown(entry), publication?.revision ?? 0);
    return toResource(record, revision, publication?.status ?? null);
  }

  /** Has this run processes, or could it have? */
  isActive(kind: Kind, name: string, uid: string): boolean {
    if (kind !== 'WorkflowRun') return false;
    const directory = new RunFiles(this.#options.paths, { name, uid }).directory;
    if (this.#options.disk.stat(directory)?.isDirectory !== true) return false;
    return !isEnded(this.published(kind, name, uid));
  }

  resource(kind: Kind, name: string): Resource | null {
    const entry = this.index.entry(kind, name);
    const record = entry === null ? null : this.index.record(kind, name, entry);
    if (entry === null || record === null) return null;
    const shown = this.show(entry, record);
    entry.isEnded = isEnded(shown.status ?? null);
    // Finished runs are many and seldom asked for.
    if (entry.isEnded) entry.record = null;
    return shown;
  }

  /** Is all that stands about this name known, by looks alone? */
  isQuiet(kind: Kind, name: string, files: readonly string[]): boolean {
    const entry = this.index.entry(kind, name);
    if (entry === null) return files.length === 0;
    // What stands beside one that goes is the next object of its name; beside one that is held it is still its own.
    if (entry.isDeleted && (!entry.isHeld || (entry.mark === null && files.length === 0))) return true;
    // Its document is still on its way: what stands says nothing.
    if (!this.log.isFinished && entry.revision === this.log.head) return true;
    if (entry.mark === null || !this.desired.isUnchanged(kind, entry.mark)) return false;
    entry.missingSince = null;
    return files.length > 1 === (entry.refusal === 'Duplicate') || (files.length > 1 && entry.refusal !== null);
  }

  // --- planning ----------------------------------------------------------------------------------

  /**
   * The end of an object, or of its desired half while its processes live. While a finalizer holds it, its document stays as well: there it
   * can be taken off by hand.
   */
  planDelete(record: FileRecord, basedOn: number, standing: FileMark | null): Plan {
    const { kind, name, uid } = record;
    const common = { kind, name, uid, basedOn, standing, document: null };
    const deleted = record.deleted ?? timeOf(this.#options.clock.now().wall);
    if (isHeld(record)) {
      return { ...common, removes: null, verb: 'Modified', record: () => ({ ...record, deleted, mark: standing }) };
    }
    if (this.isActive(kind, name, uid)) {
      return { ...common, removes: standing, verb: 'Modified', record: () => ({ ...record, deleted, mark: null }) };
    }
    return { ...common, removes: standing, verb: 'Deleted', record: () => record };
  }

  /** An object whose view somebody removed, found again in changes/; null when they do not know it. */
  async restore(kind: Kind, name: string): Promise<Entry | null> {
    this.index.forget(kind, name);
    const found = await this.#recovery.restore(kind, name);
    return found === null ? null : this.index.restore(kind, name, found.record, found.revision);
  }

  /** The uid of an object of which nothing but the desired file is left: the one it had, as far as anything still says. */
  uidFor(kind: Kind, name: string): string {
    return this.#recovery.uidOf(kind, name) ?? this.#options.random.uuid();
  }

  /** How a file is called in messages. */
  source(kind: Kind, file: string): string {
    return this.desired.path(kind, file).slice(this.#options.paths.root.length + 1);
  }

  // --- writing -----------------------------------------------------------------------------------

  /** Gives the plan its number. Null when the object, or its file, changed meanwhile: plan again. Only inside `exclusive`. */
  async commit(plan: Plan): Promise<Committed | null> {
    const staged = await this.#prepare(plan);
    let revision: number | null = null;
    try {
      revision = this.#race(plan, staged);
      for (let losses = 0; revision === null && this.#isCurrent(plan); losses += 1) {
        revision =
          losses < LOSSES || this.#options.lockless === true
            ? await setImmediate().then(() => this.#race(plan, staged))
            : await crowdless(this.#options.paths.changes, async () => this.#race(plan, staged));
      }
    } catch (error) {
      throw storeFault(error, refOf(plan.kind, plan.name), 'writing');
    } finally {
      if (revision === null) this.#stage.discard(staged);
    }
    if (revision === null) return null;
    this.#afterLink(revision);
    return { revision, record: staged.change.record };
  }

  async #prepare(plan: Plan): Promise<Staged> {
    const { kind, name, uid, verb } = plan;
    const { wall } = this.#options.clock.now();
    try {
      return await this.#stage.prepare(refOf(kind, name), plan.document, wall, (stage, mark) => ({
        verb,
        kind,
        name,
        uid,
        time: timeOf(wall),
        record: plan.record(mark),
        stage,
        document: plan.document?.text ?? null,
        replaces: plan.standing?.digest ?? null,
        removes: plan.removes,
      }));
    } catch (error) {
      // After a failed sync nobody knows what is on the platter; only reading again from disk helps.
      if (error instanceof StoreError && error.code === 'Unavailable') this.#failure = { error };
      throw error;
    }
  }

  /** One try, without a pause between looking and linking. */
  #race(plan: Plan, staged: Staged): number | null {
    if (!this.#isCurrent(plan)) return null;
    this.#stage.writeMeta(staged, this.log.head + 1);
    return this.log.link(staged.file, staged.change);
  }

  #isCurrent(plan: Plan): boolean {
    this.log.refresh();
    const entry = this.index.entry(plan.kind, plan.name);
    if ((entry?.revision ?? 0) !== plan.basedOn) return false;
    if (plan.standing !== null) return this.desired.looksLike(plan.kind, plan.standing);
    return plan.document === null || this.desired.stat(plan.kind, plan.document.file) === null;
  }

  /**
   * Publishes a status: gives it the next revision and puts `text` of that revision in place of status.json. Returns the revision; 0, and
   * does nothing, when the name is another object's by now. It is not synced and waits for nobody.
   */
  recordStatus(ref: RunRef, digest: string, text?: (revision: number) => string): number {
    const kind = 'WorkflowRun';
    const { name, uid } = ref;
    const entry = this.index.entry(kind, name);
    if (entry !== null && entry.uid !== uid) return 0;
    const uniq = this.#options.random.hex(16);
    const stage = text === undefined ? null : uniq;
    const time = timeOf(this.#options.clock.now().wall);
    const change: StoredChange = { verb: 'Status', kind, name, uid, time, digest, stage };
    const file = `${this.log.stageDirectory}/${uniq}.json`;
    try {
      this.#options.disk.createNew(file, encodeChange(change));
      for (;;) {
        this.log.refresh();
        if (text !== undefined) this.#stage.writeStatus(uniq, text(this.log.head + 1));
        const revision = this.log.link(file, change);
        if (revision === null) continue;
        this.#afterLink(revision);
        return revision;
      }
    } catch (error) {
      this.#options.disk.unlink(file);
      this.#stage.discardStatus(uniq);
      throw storeFault(error, refOf(kind, name), 'recording a status');
    }
  }

  #afterLink(revision: number): void {
    // Errors of it belong to nobody who waits; the next one that is due tries again.
    if (this.#recovery.isFoldDue(revision)) void this.exclusive(() => this.#recovery.fold()).catch(() => undefined);
  }

  /** Restores files of meta/ that somebody removed. */
  async mendMeta(kind: Kind): Promise<void> {
    const standing = new Set(this.meta.names(kind));
    for (const name of this.index.names(kind)) {
      if (!standing.has(name)) await this.exclusive(() => this.#recovery.restore(kind, name));
    }
  }
}

function bootIdOf(disk: Disk): string {
  return disk.read(BOOT_ID)?.toString().trim() ?? 'unknown';
}
