// Resources in memory: the reference model of the contract, and what simulations run on.
//
// A place is shared by its handles as a state directory is by processes. Nothing here can be edited behind the store's back, so there is
// nothing to scan; all rules about objects are those of objects.ts, as on files.

import type { JsonObject } from '../../kernel/json.ts';
import type { Clock, Random } from '../../kernel/ports.ts';
import type { Condition, Kind, Manifest, Resource } from '../../manifests/model.ts';
import { Builtins, firstAfter, mergeNames } from '../builtins.ts';
import {
  alreadyExists,
  checkPrecondition,
  type CurrentObject,
  freeze,
  isEnded,
  isHeld,
  isReleased,
  newRecord,
  notFound,
  type ObjectRecord,
  reportedRecord,
  timeOf,
  toResource,
  updatedRecord,
} from '../objects.ts';
import type { Change, Resources, RunRef, WriteOptions } from '../store.ts';
import { type ChangeSource, watchChanges } from '../watching.ts';
import type { MemoryRunsPlace } from './runs.ts';

const KEPT = 10_000;

interface StoredChange {
  readonly verb: Change['verb'];
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string;
  /** Null for a published status. */
  readonly record: ObjectRecord | null;
}

/** What all handles to one place share. */
export class MemoryResourcesPlace {
  readonly objects = new Map<Kind, Map<string, CurrentObject>>();
  readonly changes = new Map<number, StoredChange>();
  /** Newest published status by uid. */
  readonly statuses = new Map<string, number>();
  readonly listeners = new Set<() => void>();
  revision = 0;

  find(kind: Kind, name: string): CurrentObject | null {
    return this.objects.get(kind)?.get(name) ?? null;
  }

  record(change: StoredChange): number {
    this.revision += 1;
    this.changes.set(this.revision, change);
    this.changes.delete(this.revision - KEPT);
    const { kind, name, uid, verb, record } = change;
    const objects = this.objects.get(kind) ?? new Map<string, CurrentObject>();
    this.objects.set(kind, objects);
    if (verb === 'Deleted') {
      objects.delete(name);
      this.statuses.delete(uid);
    } else if (record === null) this.statuses.set(uid, this.revision);
    else objects.set(name, { record, revision: this.revision });
    for (const listener of this.listeners) listener();
    return this.revision;
  }
}

export interface MemoryResourcesOptions {
  readonly place: MemoryResourcesPlace;
  /** Where published status stands. */
  readonly runs: MemoryRunsPlace;
  readonly clock: Clock;
  readonly random: Random;
  /** By name: objects that are there until somebody makes one of their name. */
  readonly builtins?: ReadonlyMap<string, Manifest>;
}

export function createMemoryResources(options: MemoryResourcesOptions): MemoryResources {
  return new MemoryResources(options);
}

export class MemoryResources implements Resources {
  readonly #place: MemoryResourcesPlace;
  readonly #runs: MemoryRunsPlace;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #builtins: Builtins;
  readonly #closed = new AbortController();

  constructor(options: MemoryResourcesOptions) {
    this.#place = options.place;
    this.#runs = options.runs;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#builtins = new Builtins(options.builtins ?? new Map());
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  async revision(): Promise<number> {
    return this.#place.revision;
  }

  async get(kind: Kind, name: string): Promise<Resource | null> {
    const current = this.#place.find(kind, name);
    return current === null ? this.#builtins.get(kind, name) : this.#resource(current);
  }

  async list(
    kind: Kind,
    page: { after?: string; limit?: number } = {},
  ): Promise<{ items: Resource[]; revision: number; remaining: number }> {
    const { revision } = this.#place;
    const own = [...(this.#place.objects.get(kind)?.keys() ?? [])].sort();
    const names = mergeNames(own, this.#builtins.names(kind));
    const start = page.after === undefined ? 0 : firstAfter(names, page.after);
    const end = Math.min(names.length, start + (page.limit ?? names.length));
    const items: Resource[] = [];
    for (const name of names.slice(start, end)) {
      const item = await this.get(kind, name);
      if (item !== null) items.push(item);
    }
    return { items, revision, remaining: names.length - end };
  }

  async create(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    const { kind, metadata } = manifest;
    if (this.#place.find(kind, metadata.name) !== null) throw alreadyExists(kind, metadata.name);
    const record = newRecord(manifest, this.#random.uuid(), this.#time(), options);
    return options.dryRun === true ? toResource(record, 0, null) : this.#record('Added', record);
  }

  async update(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    const { kind, metadata } = manifest;
    const current = this.#place.find(kind, metadata.name);
    if (current === null) {
      this.#builtins.checkReplace(kind, metadata.name, options);
      return this.create(manifest, options);
    }
    this.#check(current, options);
    const published = this.#published(current.record);
    const next = updatedRecord(current.record, manifest, this.#time(), options, published);
    if (next === null) return this.#resource(current);
    if (options.dryRun === true) return this.#resource({ record: next, revision: current.revision });
    return isReleased(next) && !this.#isActive(next) ? this.#forget(next) : this.#record('Modified', next);
  }

  async delete(kind: Kind, name: string, options: WriteOptions = {}): Promise<Resource> {
    const current = this.#place.find(kind, name);
    if (current === null) {
      this.#builtins.refuseDelete(kind, name);
      throw notFound(kind, name);
    }
    this.#check(current, options);
    const { record } = current;
    if (record.deleted !== null || options.dryRun === true) return this.#resource(current);
    if (isHeld(record) || this.#isActive(record))
      return this.#record('Modified', freeze({ ...record, deleted: this.#time() }));
    return this.#forget(record);
  }

  async finishDelete(name: string, uid: string): Promise<void> {
    const current = this.#place.find('WorkflowRun', name);
    if (current === null || current.record.uid !== uid) this.#runs.remove({ name, uid });
    else if (!isHeld(current.record)) this.#forget(current.record);
  }

  async report(kind: Kind, name: string, uid: string, conditions: readonly Condition[]): Promise<void> {
    const current = this.#place.find(kind, name);
    if (current === null || current.record.uid !== uid) return;
    const next = reportedRecord(current.record, conditions);
    if (next !== null) this.#record('Status', next);
  }

  watch(from: number, signal: AbortSignal): AsyncIterable<Change> {
    const place = this.#place;
    const source: ChangeSource = {
      refresh: () => place.revision,
      changeAt: (revision) => this.#changeAt(revision),
      onStep: (listener) => {
        place.listeners.add(listener);
        return () => place.listeners.delete(listener);
      },
    };
    return watchChanges(source, from, AbortSignal.any([signal, this.#closed.signal]));
  }

  async scan(): Promise<void> {}

  onHint(): () => void {
    return () => undefined;
  }

  /** Gives a published status its revision. */
  async recordStatus(ref: RunRef): Promise<void> {
    const current = this.#place.find('WorkflowRun', ref.name);
    if (current !== null && current.record.uid !== ref.uid) return;
    this.#place.record({ verb: 'Status', kind: 'WorkflowRun', name: ref.name, uid: ref.uid, record: null });
  }

  #changeAt(revision: number): Change | 'merged' | null {
    const change = this.#place.changes.get(revision);
    if (change === undefined) return null;
    const { verb, kind, name, uid, record } = change;
    if (record !== null) {
      const object = toResource(record, revision, this.#published(record));
      return { revision, verb, kind, name, uid, object };
    }
    const current = this.#place.find(kind, name);
    if (current === null || current.record.uid !== uid || this.#place.statuses.get(uid) !== revision) return 'merged';
    const object = toResource(current.record, revision, this.#published(current.record));
    return { revision, verb, kind, name, uid, object };
  }

  #record(verb: Change['verb'], record: ObjectRecord): Resource {
    const { kind, name, uid } = record;
    const revision = this.#place.record({ verb, kind, name, uid, record });
    return toResource(record, revision, this.#published(record));
  }

  #forget(record: ObjectRecord): Resource {
    const published = this.#published(record);
    const { kind, name, uid } = record;
    const revision = this.#place.record({ verb: 'Deleted', kind, name, uid, record });
    if (kind === 'WorkflowRun') this.#runs.remove({ name, uid });
    return toResource(record, revision, published);
  }

  #resource({ record, revision }: CurrentObject): Resource {
    const shown = Math.max(revision, this.#place.statuses.get(record.uid) ?? 0);
    return toResource(record, shown, this.#published(record));
  }

  #published({ kind, name, uid }: ObjectRecord): JsonObject | null {
    if (kind !== 'WorkflowRun') return null;
    const text = this.#runs.find({ name, uid })?.status ?? null;
    return text === null ? null : (JSON.parse(text) as JsonObject);
  }

  #isActive(record: ObjectRecord): boolean {
    if (record.kind !== 'WorkflowRun' || this.#runs.find(record) === null) return false;
    return !isEnded(this.#published(record));
  }

  #check(current: CurrentObject, options: WriteOptions): void {
    checkPrecondition(current, options, (revision, uid) => {
      const change = this.#place.changes.get(revision);
      return change !== undefined && change.record === null && change.uid === uid;
    });
  }

  #time(): string {
    return timeOf(this.#clock.now().wall);
  }
}
