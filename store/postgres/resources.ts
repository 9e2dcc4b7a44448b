// Desired objects on tables. The rules about objects are those of objects.ts, as on files; here is how one of many writers wins.
//
// R1  every change takes the next revision by locking the one row that counts them, so changes become visible in the order of their
//     numbers: a watch that reads on from a revision misses none.
// R2  rules are checked and the object is written under that lock.

import type { JsonObject } from '../../kernel/json.ts';
import type { Clock, Random } from '../../kernel/ports.ts';
import { StoreError } from '../../kernel/errors.ts';
import type { Condition, Kind, Manifest, Resource } from '../../manifests/model.ts';
import { Builtins, mergeNames } from '../builtins.ts';
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
import type { Change, Resources, WriteOptions } from '../store.ts';
import type { Database, Query, Row } from './database.ts';
import { nextRevision, removeRun, TELL, textOf } from './statements.ts';

const KEPT = 10_000;
/** Old changes go in steps of so many. */
const PRUNE_STEP = 100;
const WATCH_BATCH = 500;
/** A hint that is lost costs a watch so long. */
const LOOK_MS = 1_000;

export interface PostgresResourcesOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly builtins: ReadonlyMap<string, Manifest>;
}

/** An object with the published status of its run. */
interface Found extends CurrentObject {
  readonly published: JsonObject | null;
  readonly publishedRevision: number;
  /** Of a run: its journal was opened. */
  readonly hasPlace: boolean;
}

const FOUND = `SELECT record::text AS record, objects.revision, runs.uid IS NOT NULL AS has_place, status::text AS status, status_revision
  FROM objects LEFT JOIN runs ON objects.kind = 'WorkflowRun' AND runs.uid = objects.uid`;

export class PostgresResources implements Resources {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #builtins: Builtins;
  readonly #closed = new AbortController();

  constructor(options: PostgresResourcesOptions) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#builtins = new Builtins(options.builtins);
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  async revision(): Promise<number> {
    const [row] = await this.#database.read('SELECT revision FROM counter');
    return Number(row?.['revision']);
  }

  async get(kind: Kind, name: string): Promise<Resource | null> {
    const [row] = await this.#database.read(`${FOUND} WHERE kind = $1 AND objects.name = $2`, [kind, sqlName(name)]);
    return row === undefined ? this.#builtins.get(kind, name) : resourceOf(foundOf(row));
  }

  async list(
    kind: Kind,
    page: { after?: string; limit?: number } = {},
  ): Promise<{ items: Resource[]; revision: number; remaining: number }> {
    const after = page.after ?? '';
    const builtin = this.#builtins.names(kind).filter((name) => name > after);
    const revision = await this.revision();
    const rows = await this.#database.read(
      `${FOUND} WHERE kind = $1 AND objects.name > $2 ORDER BY objects.name LIMIT $3`,
      [kind, after, page.limit ?? null],
    );
    const own = new Map(rows.map(foundOf).map((found) => [found.record.name, found]));
    const names = mergeNames([...own.keys()], builtin).slice(0, page.limit);
    const items = names.flatMap((name) => {
      const found = own.get(name);
      return found === undefined ? (this.#builtins.get(kind, name) ?? []) : resourceOf(found);
    });
    return { items, revision, remaining: await this.#countAfter(kind, names.at(-1) ?? after, builtin, page.limit) };
  }

  async #countAfter(kind: Kind, last: string, builtin: readonly string[], limit: number | undefined): Promise<number> {
    if (limit === undefined) return 0;
    const [row] = await this.#database.read(
      `SELECT count(*) AS own, array_agg(name) FILTER (WHERE name = ANY($3)) AS both_ways
        FROM objects WHERE kind = $1 AND name > $2`,
      [kind, last, builtin],
    );
    const replaced = Array.isArray(row?.['both_ways']) ? row['both_ways'].length : 0;
    return Number(row?.['own']) + builtin.filter((name) => name > last).length - replaced;
  }

  create(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    return this.#write((query, revision) => this.#createIn(query, revision, manifest, options));
  }

  update(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    const { kind, metadata } = manifest;
    return this.#write(async (query, revision) => {
      const found = await this.#find(query, kind, metadata.name);
      if (found === null) {
        this.#builtins.checkReplace(kind, metadata.name, options);
        return this.#createIn(query, revision, manifest, options);
      }
      await this.#check(query, found, options);
      const next = updatedRecord(found.record, manifest, this.#time(), options, found.published);
      if (next === null) return unchanged(resourceOf(found));
      const { published } = found;
      if (options.dryRun === true) return unchanged(toResource(next, found.revision, published));
      if (isReleased(next) && !isActive(found)) return this.#forget(query, revision, next, published);
      return this.#record(query, revision, 'Modified', next, published);
    });
  }

  delete(kind: Kind, name: string, options: WriteOptions = {}): Promise<Resource> {
    return this.#write(async (query, revision) => {
      const found = await this.#find(query, kind, name);
      if (found === null) {
        this.#builtins.refuseDelete(kind, name);
        throw notFound(kind, name);
      }
      await this.#check(query, found, options);
      const { record, published } = found;
      if (record.deleted !== null || options.dryRun === true) return unchanged(resourceOf(found));
      if (!isActive(found) && !isHeld(record)) return this.#forget(query, revision, record, published);
      return this.#record(query, revision, 'Modified', freeze({ ...record, deleted: this.#time() }), published);
    });
  }

  async finishDelete(name: string, uid: string): Promise<void> {
    const isAnother = await this.#write<boolean>(async (query, revision) => {
      const found = await this.#find(query, 'WorkflowRun', name);
      if (found === null || found.record.uid !== uid) return unchanged(true);
      if (isHeld(found.record)) return unchanged(false);
      await this.#forget(query, revision, found.record, found.published);
      return false;
    });
    if (isAnother) await this.#database.transaction((query) => removeRun(query, uid));
  }

  async report(kind: Kind, name: string, uid: string, conditions: readonly Condition[]): Promise<void> {
    await this.#write<Resource | null>(async (query, revision) => {
      const found = await this.#find(query, kind, name);
      const next = found === null || found.record.uid !== uid ? null : reportedRecord(found.record, conditions);
      if (next === null || found === null) return unchanged(null);
      return this.#record(query, revision, 'Status', next, found.published);
    });
  }

  /** Nothing can be edited behind the store's back, short of SQL. */
  async scan(): Promise<void> {}

  onHint(): () => void {
    return () => undefined;
  }

  // --- watching ----------------------------------------------------------------------------------

  async *watch(from: number, signal: AbortSignal): AsyncIterable<Change> {
    const end = AbortSignal.any([signal, this.#closed.signal]);
    const database = this.#database;
    let wake = (): void => undefined;
    let isHinted = false;
    const unlisten = database.onHint('changes', () => {
      isHinted = true;
      wake();
    });
    const abort = (): void => wake();
    end.addEventListener('abort', abort);
    try {
      await this.#refuseUnkept(from);
      for (let position = from; !end.aborted; ) {
        isHinted = false;
        const rows = await database.read(CHANGES_AFTER, [position]);
        for (const row of rows) {
          if (end.aborted) return;
          const revision = Number(row['revision']);
          if (revision !== position + 1) await this.#refuseUnkept(position);
          position = revision;
          const change = changeOf(row);
          if (change !== null) yield change;
        }
        if (rows.length > 0 || isHinted || end.aborted) continue;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, LOOK_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    } finally {
      unlisten();
      end.removeEventListener('abort', abort);
    }
  }

  async #refuseUnkept(from: number): Promise<void> {
    const [row] = await this.#database.read(
      'SELECT revision, (SELECT min(revision) FROM changes) AS oldest FROM counter',
    );
    const newest = Number(row?.['revision']);
    const oldest = row?.['oldest'] === null ? newest + 1 : Number(row?.['oldest']);
    if (from <= newest && from + 1 >= oldest) return;
    const message = `changes: expected a revision that is kept, found ${from} (the newest is ${newest})`;
    throw new StoreError('Expired', 'changes', message);
  }

  // --- writing -----------------------------------------------------------------------------------

  /** Under the lock of the counter. What changed nothing takes no revision. */
  async #write<T>(body: (query: Query, revision: number) => Promise<T | Unchanged<T>>): Promise<T> {
    return this.#database
      .transaction(async (query) => {
        const result = await body(query, await nextRevision(query));
        if (result instanceof Unchanged) throw result;
        await query(TELL, [['changes']]);
        return result;
      })
      .catch((error: unknown) => {
        if (error instanceof Unchanged) return error.value as T;
        throw error;
      });
  }

  async #createIn(
    query: Query,
    revision: number,
    manifest: Manifest,
    options: WriteOptions,
  ): Promise<Resource | Unchanged<Resource>> {
    const { kind, metadata } = manifest;
    if ((await this.#find(query, kind, metadata.name)) !== null) throw alreadyExists(kind, metadata.name);
    const record = newRecord(manifest, this.#random.uuid(), this.#time(), options);
    if (options.dryRun === true) return unchanged(toResource(record, 0, null));
    return this.#record(query, revision, 'Added', record, null);
  }

  async #find(query: Query, kind: Kind, name: string): Promise<Found | null> {
    const [row] = await query(`${FOUND} WHERE kind = $1 AND objects.name = $2`, [kind, sqlName(name)]);
    return row === undefined ? null : foundOf(row);
  }

  async #check(query: Query, found: Found, options: WriteOptions): Promise<void> {
    const expected = Number(options.expected ?? 0);
    const rows = Number.isSafeInteger(expected)
      ? await query('SELECT uid FROM changes WHERE revision = $1 AND record IS NULL', [expected])
      : [];
    checkPrecondition(found, options, (_revision, uid) => rows[0]?.['uid'] === uid);
  }

  async #record(
    query: Query,
    revision: number,
    verb: Change['verb'],
    record: ObjectRecord,
    published: JsonObject | null,
  ): Promise<Resource> {
    const { kind, name, uid } = record;
    const text = JSON.stringify(record);
    if (verb === 'Deleted') await query('DELETE FROM objects WHERE kind = $1 AND name = $2', [kind, name]);
    else {
      await query(
        `INSERT INTO objects (kind, name, uid, revision, record) VALUES ($1, $2, $3, $4, $5)
          ON CONFLICT (kind, name) DO UPDATE SET uid = excluded.uid, revision = excluded.revision, record = excluded.record`,
        [kind, name, uid, revision, text],
      );
    }
    await query('INSERT INTO changes (revision, verb, kind, name, uid, record) VALUES ($1, $2, $3, $4, $5, $6)', [
      revision,
      verb,
      kind,
      name,
      uid,
      text,
    ]);
    if (revision % PRUNE_STEP === 0) await query('DELETE FROM changes WHERE revision <= $1', [revision - KEPT]);
    return toResource(record, revision, published);
  }

  async #forget(query: Query, revision: number, record: ObjectRecord, published: JsonObject | null): Promise<Resource> {
    const resource = await this.#record(query, revision, 'Deleted', record, published);
    if (record.kind === 'WorkflowRun') await removeRun(query, record.uid);
    return resource;
  }

  #time(): string {
    return timeOf(this.#clock.now().wall);
  }
}

/** Thrown to leave a transaction without a trace. */
class Unchanged<T> extends Error {
  readonly value: T;
  constructor(value: T) {
    super('unchanged');
    this.value = value;
  }
}

function unchanged<T>(value: T): Unchanged<T> {
  return new Unchanged(value);
}

const CHANGES_AFTER = `SELECT changes.revision, verb, changes.kind, changes.name, changes.uid, changes.record::text AS record,
    objects.record::text AS current, status::text AS status, status_revision
  FROM changes
  LEFT JOIN objects ON objects.kind = changes.kind AND objects.name = changes.name AND objects.uid = changes.uid
  LEFT JOIN runs ON changes.kind = 'WorkflowRun' AND runs.uid = changes.uid
  WHERE changes.revision > $1 ORDER BY changes.revision LIMIT ${WATCH_BATCH}`;

/** Null: a status that a newer one has followed, or of a run that is gone. */
function changeOf(row: Row): Change | null {
  const revision = Number(row['revision']);
  const isStatusOnly = row['record'] === null;
  if (isStatusOnly && (row['current'] === null || Number(row['status_revision']) !== revision)) return null;
  const record = JSON.parse(textOf(isStatusOnly ? row['current'] : row['record'])) as ObjectRecord;
  return {
    revision,
    verb: textOf(row['verb']) as Change['verb'],
    kind: record.kind,
    name: record.name,
    uid: record.uid,
    object: toResource(record, revision, documentOf(row['status'])),
  };
}

function foundOf(row: Row): Found {
  return {
    record: JSON.parse(textOf(row['record'])) as ObjectRecord,
    revision: Number(row['revision']),
    published: documentOf(row['status']),
    publishedRevision: Number(row['status_revision'] ?? 0),
    hasPlace: row['has_place'] === true,
  };
}

function documentOf(text: unknown): JsonObject | null {
  return typeof text === 'string' ? (JSON.parse(text) as JsonObject) : null;
}

function resourceOf({ record, revision, published, publishedRevision }: Found): Resource {
  return toResource(record, Math.max(revision, publishedRevision), published);
}

function isActive({ record, hasPlace, published }: Found): boolean {
  return record.kind === 'WorkflowRun' && hasPlace && !isEnded(published);
}

/** No text of Postgres holds a zero, and no name: then there is no object. */
function sqlName(name: string): string | null {
  return name.includes('\0') ? null : name;
}
