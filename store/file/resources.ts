// The resources half of the store on plain files: the verbs of store.ts.
//
// A write plans the next version of an object and commits it as the next revision (object-files.ts); before it looks at an object it
// brings in what was done to its file by hand. Promises P1 to P4 rest on changes.ts (one winner a number) and stage.ts (what is linked
// is finished by anybody).

import { setImmediate } from 'node:timers/promises';
import { StoreError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Condition, Kind, Manifest, Resource } from '../../manifests/model.ts';
import { Builtins, firstAfter, mergeNames } from '../builtins.ts';
import {
  alreadyExists,
  checkPrecondition,
  freeze,
  isReleased,
  isSameManifest,
  newRecord,
  notFound,
  reportedRecord,
  timeOf,
  toResource,
  updatedRecord,
} from '../objects.ts';
import type { Change, Resources, RunRef, WriteOptions } from '../store.ts';
import { type ChangeSource, watchChanges } from '../watching.ts';
import { digestOf, newFileName } from './desired.ts';
import { DocumentWriter } from './document-writer.ts';
import { Hints } from './hints.ts';
import { Listings } from './listing.ts';
import { type Committed, ObjectFiles, type ObjectFilesOptions, type Plan } from './object-files.ts';
import type { Entry } from './object-index.ts';
import type { FileRecord } from './records.ts';
import { Scanner } from './scan.ts';
import { Settling } from './settling.ts';
import { Tail } from './tail.ts';
import { removePlace, RunFiles } from './run-files.ts';

/** Items that are read before others get their turn. */
const STEP = 50;
/** A name that no file can have cannot be an object's. */
const LONGEST_NAME_BYTES = 250;

export interface FileResourcesOptions extends ObjectFilesOptions {
  /** By name: objects that are there until somebody makes one of their name. */
  readonly builtins?: ReadonlyMap<string, Manifest>;
}

export function createFileResources(options: FileResourcesOptions): FileResources {
  return new FileResources(options);
}

type Planned = Plan | { readonly unchanged: Resource };

export class FileResources implements Resources {
  readonly #options: FileResourcesOptions;
  readonly #objects: ObjectFiles;
  readonly #settling: Settling;
  readonly #builtins: Builtins;
  readonly #writer: DocumentWriter;
  readonly #listings: Listings;
  readonly #hints: Hints;
  readonly #scanner: Scanner;
  readonly #tail: Tail;
  readonly #closed = new AbortController();
  /** Somebody scans regularly: a file that is missing will be looked at a second time without anybody waiting. */
  #isScanned = false;

  constructor(options: FileResourcesOptions) {
    this.#options = options;
    const objects = new ObjectFiles(options);
    this.#objects = objects;
    this.#settling = new Settling(objects, options.clock);
    this.#builtins = new Builtins(options.builtins ?? new Map());
    this.#writer = new DocumentWriter(objects.documents);
    this.#listings = new Listings(options);
    this.#hints = new Hints({ ...options, isKnown: (kind, name) => this.#isKnown(kind, name) });
    this.#scanner = new Scanner({
      objects,
      settling: this.#settling,
      listings: this.#listings,
      hints: this.#hints,
      clock: options.clock,
    });
    this.#tail = new Tail({ ...options, log: objects.log });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#hints.close();
    await this.#objects.close();
  }

  // --- reading -----------------------------------------------------------------------------------

  async revision(): Promise<number> {
    await this.#objects.begin();
    this.#objects.log.refresh();
    return this.#objects.log.head;
  }

  async get(kind: Kind, name: string): Promise<Resource | null> {
    await this.#objects.begin();
    if (!isPlainName(name)) return null;
    await this.#settle(kind, [name]);
    return this.#read(kind, name);
  }

  async #read(kind: Kind, name: string): Promise<Resource | null> {
    const objects = this.#objects;
    let found = objects.resource(kind, name);
    if (found === null && objects.index.entry(kind, name) !== null) {
      // It is known, but its view was removed by hand since: found again where else it stands.
      await objects.exclusive(() => this.#settling.settleNow(kind, name));
      found = objects.resource(kind, name);
    }
    return found ?? this.#builtins.get(kind, name);
  }

  async list(
    kind: Kind,
    page: { after?: string; limit?: number } = {},
  ): Promise<{ items: Resource[]; revision: number; remaining: number }> {
    await this.#objects.begin();
    this.#objects.log.refresh();
    const revision = this.#objects.log.head;
    const files = this.#listings.files(kind);
    const strangers = [...files.keys()].filter((name) => !this.#objects.index.has(kind, name));
    const names = mergeNames(this.#objects.index.names(kind), [...strangers, ...this.#builtins.names(kind)]);
    let next = page.after === undefined ? 0 : firstAfter(names, page.after);
    const limit = page.limit ?? Number.POSITIVE_INFINITY;
    const items: Resource[] = [];
    while (next < names.length && items.length < limit) {
      const batch = names.slice(next, next + Math.min(STEP, limit - items.length));
      next += batch.length;
      const loud = batch.filter((name) => !this.#objects.isQuiet(kind, name, files.get(name) ?? []));
      await this.#settle(kind, loud);
      for (const name of batch) {
        const item = await this.#read(kind, name);
        if (item !== null) items.push(item);
      }
      if (next < names.length) await setImmediate();
    }
    return { items, revision, remaining: names.length - next };
  }

  async *watch(from: number, signal: AbortSignal): AsyncGenerator<Change, void> {
    await this.#objects.begin();
    const { log } = this.#objects;
    const source: ChangeSource = {
      refresh: () => {
        log.refresh();
        return log.head;
      },
      changeAt: (revision) => this.#changeAt(revision),
      onStep: (listener) => log.onStep(listener),
    };
    this.#tail.enter();
    try {
      yield* watchChanges(source, from, AbortSignal.any([signal, this.#closed.signal]));
    } finally {
      this.#tail.leave();
    }
  }

  #changeAt(revision: number): Change | 'merged' | null {
    const change = this.#objects.log.read(revision);
    if (change === null || change.verb === 'Void') return null;
    const { kind, name, uid } = change;
    if (change.verb !== 'Status') {
      const object = toResource(change.record, revision, this.#objects.published(kind, name, uid));
      return { revision, verb: change.verb === 'Reported' ? 'Status' : change.verb, kind, name, uid, object };
    }
    if (this.#objects.index.statusRevision(uid) > revision) return 'merged';
    const object = this.#objects.resource(kind, name);
    if (object === null || object.metadata.uid !== uid) return 'merged';
    object.metadata.resourceVersion = String(revision);
    return { revision, verb: 'Status', kind, name, uid, object };
  }

  // --- hand edits --------------------------------------------------------------------------------

  async scan(scope: { kinds?: readonly Kind[] } = {}): Promise<void> {
    await this.#objects.begin();
    this.#isScanned = true;
    await this.#scanner.scan(scope.kinds);
  }

  onHint(callback: (kind: Kind) => void): () => void {
    return this.#hints.subscribe(callback);
  }

  #isKnown(kind: Kind, name: string): boolean {
    this.#objects.log.refresh();
    return this.#objects.isQuiet(kind, name, this.#objects.desired.filesOf(kind, name));
  }

  async #settle(kind: Kind, names: readonly string[]): Promise<void> {
    const loud = names.filter((name) => !this.#isKnown(kind, name));
    if (loud.length > 0) await this.#settling.settle(kind, loud, !this.#isScanned);
  }

  // --- writing -----------------------------------------------------------------------------------

  create(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    const { kind } = manifest;
    const { name } = manifest.metadata;
    return this.#write(kind, name, async (entry) => {
      if (entry !== null) throw alreadyExists(kind, name);
      return this.#planCreate(manifest, options);
    });
  }

  update(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    const { kind } = manifest;
    const { name } = manifest.metadata;
    return this.#write(kind, name, async (entry) => {
      if (entry !== null) return this.#planUpdate(entry, manifest, options);
      this.#builtins.checkReplace(kind, name, options);
      return this.#planCreate(manifest, options);
    });
  }

  delete(kind: Kind, name: string, options: WriteOptions = {}): Promise<Resource> {
    return this.#write(kind, name, async (entry) => {
      if (entry === null) this.#builtins.refuseDelete(kind, name);
      const record = this.#recordOf(kind, name, entry);
      if (entry === null || record === null) throw notFound(kind, name);
      this.#check(entry, record, options);
      if (entry.isDeleted || options.dryRun === true) return { unchanged: this.#objects.show(entry, record) };
      const standing = entry.mark !== null && this.#objects.desired.looksLike(kind, entry.mark) ? entry.mark : null;
      return this.#objects.planDelete(record, entry.revision, standing);
    });
  }

  async finishDelete(name: string, uid: string): Promise<void> {
    const kind = 'WorkflowRun';
    const files = new RunFiles(this.#options.paths, { name, uid });
    await this.#write(kind, name, async (entry) => {
      const record = this.#recordOf(kind, name, entry);
      if (entry === null || record === null || entry.uid !== uid) throw notFound(kind, name);
      if (entry.isDeleted && entry.isHeld) return { unchanged: this.#objects.show(entry, record) };
      // A file that stands while the run goes away is the next object of that name, unless it is this run's own.
      const standing = entry.isDeleted ? null : entry.mark;
      const common = { kind, name, uid, basedOn: entry.revision, standing, document: null, removes: standing } as const;
      return { ...common, verb: 'Deleted', record: () => record };
    }).catch((error: unknown) => {
      if (!(error instanceof StoreError && error.code === 'NotFound')) throw error;
    });
    if (this.#objects.index.entry(kind, name)?.uid !== uid) removePlace(this.#options.disk, files);
  }

  async report(kind: Kind, name: string, uid: string, conditions: readonly Condition[]): Promise<void> {
    await this.#write(kind, name, async (entry) => {
      const record = this.#recordOf(kind, name, entry);
      if (entry === null || record === null || entry.uid !== uid) throw notFound(kind, name);
      const next = reportedRecord(record, conditions);
      if (next === null) return { unchanged: this.#objects.show(entry, record) };
      const common = {
        kind,
        name,
        uid,
        basedOn: entry.revision,
        standing: null,
        document: null,
        removes: null,
      } as const;
      return { ...common, verb: 'Reported', record: () => ({ ...next, mark: record.mark }) };
    }).catch((error: unknown) => {
      if (!(error instanceof StoreError && error.code === 'NotFound')) throw error;
    });
  }

  /** Publishes a status under a revision of its own; see ObjectFiles. Costs two small files, a link and a rename; nothing is synced. */
  async recordStatus(ref: RunRef, status: JsonObject, text?: (revision: number) => string): Promise<number> {
    await this.#objects.begin();
    return this.#objects.recordStatus(ref, digestOf(JSON.stringify(status)), text);
  }

  /** Plans on what stands, commits, and answers once it is recorded. */
  async #write(kind: Kind, name: string, plan: (entry: Entry | null) => Promise<Planned>): Promise<Resource> {
    const objects = this.#objects;
    await objects.begin();
    if (!isPlainName(name)) throw notFound(kind, name);
    await this.#settle(kind, [name]);
    const done = await objects.exclusive(async () => {
      for (;;) {
        await this.#settling.settleNow(kind, name);
        const planned = await plan(objects.index.entry(kind, name));
        if ('unchanged' in planned) return planned.unchanged;
        const committed = await objects.commit(planned);
        if (committed !== null) return committed;
      }
    });
    const revision = 'record' in done ? done.revision : Number(done.metadata.resourceVersion);
    await objects.log.recorded(revision);
    return 'record' in done ? this.#committed(done) : done;
  }

  #committed({ record, revision }: Committed): Resource {
    return toResource(record, revision, this.#objects.published(record.kind, record.name, record.uid));
  }

  #recordOf(kind: Kind, name: string, entry: Entry | null): FileRecord | null {
    return entry === null ? null : this.#objects.index.record(kind, name, entry);
  }

  #check(entry: Entry, record: FileRecord, options: WriteOptions): void {
    const { log } = this.#objects;
    checkPrecondition({ record, revision: entry.revision }, options, (revision, uid) => {
      const change = revision > log.head ? null : log.read(revision);
      return change !== null && change.verb === 'Status' && change.uid === uid;
    });
  }

  async #planCreate(manifest: Manifest, options: WriteOptions): Promise<Planned> {
    const { kind } = manifest;
    const { name } = manifest.metadata;
    const uid = this.#options.random.uuid();
    const record = newRecord(manifest, uid, timeOf(this.#options.clock.now().wall), options);
    if (options.dryRun === true) return { unchanged: toResource(record, 0, null) };
    const document = { text: await this.#writer.text(manifest, options.text, null, false), file: newFileName(name) };
    const common = { kind, name, uid, basedOn: 0, standing: null, document, removes: null } as const;
    return { ...common, verb: 'Added', record: (mark) => freeze({ ...record, mark }) };
  }

  async #planUpdate(entry: Entry, manifest: Manifest, options: WriteOptions): Promise<Planned> {
    const { kind } = manifest;
    const { name } = manifest.metadata;
    const record = this.#recordOf(kind, name, entry);
    if (record === null) throw notFound(kind, name);
    this.#check(entry, record, options);
    const published = this.#objects.published(kind, name, entry.uid);
    const updated = updatedRecord(record, manifest, timeOf(this.#options.clock.now().wall), options, published);
    if (options.dryRun === true) return { unchanged: this.#objects.show(entry, updated ?? record) };
    const look = entry.mark === null ? null : this.#objects.desired.look(kind, entry.mark.file);
    const standing = look?.mark ?? null;
    const before = look?.bytes?.toString() ?? null;
    const isSaid =
      before !== null && record.refusal?.reason !== 'InvalidManifest' && isSameManifest(record.manifest, manifest);
    if (updated !== null && isReleased(updated)) {
      return this.#objects.planDelete({ ...updated, mark: record.mark }, entry.revision, standing);
    }
    const text = await this.#writer.text(manifest, options.text, before, isSaid);
    if (updated === null && text === before) return { unchanged: this.#objects.show(entry, record) };
    const next = updated ?? record;
    const document = text === before ? null : { text, file: entry.mark?.file ?? newFileName(name) };
    const common = { kind, name, uid: entry.uid, basedOn: entry.revision, standing, document, removes: null } as const;
    return { ...common, verb: 'Modified', record: (mark) => freeze({ ...next, mark: mark ?? record.mark }) };
  }
}

function isPlainName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= LONGEST_NAME_BYTES && !name.startsWith('.') && !/[/\0]/.test(name);
}
