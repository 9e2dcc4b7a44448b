// The JSON in changes/REV.json and meta/KIND/NAME.json: its form, and reading it with suspicion.
//
// The revision of a change is the name of its file and stands nowhere inside, so that content which is synced once can be linked under
// whichever number is free.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { type Condition, KINDS, type Kind, type Manifest } from '../../manifests/model.ts';
import { freeze, type ObjectRecord, type Refusal } from '../objects.ts';

/** The desired file as it was looked at last. */
export interface FileMark {
  /** Name in its directory: NAME.yaml, NAME.yml or NAME.json. */
  readonly file: string;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** SHA-256 of the content, or `unreadable: WHY`. */
  readonly digest: string;
}

export interface FileRecord extends ObjectRecord {
  /** Null for a deleted run that is still visible. */
  readonly mark: FileMark | null;
}

interface ChangeBase {
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string;
  /** RFC 3339. */
  readonly time: string;
}

/** A change of a desired object. */
export interface ObjectChange extends ChangeBase {
  /** Reported: only conditions changed. */
  readonly verb: 'Added' | 'Modified' | 'Reported' | 'Deleted';
  readonly record: FileRecord;
  /** Base name of the files in changes/stage that wait to be moved into place. */
  readonly stage: string | null;
  /** The document, for writes of API and CLI. */
  readonly document: string | null;
  /** Digest of the document that this one takes the place of; null when there was none. */
  readonly replaces: string | null;
  /** The document that goes. */
  readonly removes: FileMark | null;
}

export interface StatusChange extends ChangeBase {
  readonly verb: 'Status';
  readonly digest: string;
  /** Base name of the file in changes/stage that waits to become status.json. */
  readonly stage: string | null;
}

/** Stands where a change could not be read. */
export interface VoidChange {
  readonly verb: 'Void';
}

export type StoredChange = ObjectChange | StatusChange | VoidChange;

export interface StoredMeta {
  readonly revision: number;
  readonly record: FileRecord;
}

const REVISION_DIGITS = 16;
/** A greater number is no count of anything, but a mistake. */
const LAST_REVISION = 1e12;
const CHANGE_FILE = new RegExp(`^(\\d{${REVISION_DIGITS}})\\.json$`);
const KIND_NAMES: ReadonlySet<string> = new Set(KINDS.map(({ kind }) => kind));
const REFUSALS: ReadonlySet<string> = new Set(['InvalidManifest', 'NameMismatch', 'Duplicate']);

export function changeFile(revision: number): string {
  return `${String(revision).padStart(REVISION_DIGITS, '0')}.json`;
}

/** Null for names that are not those of changes. */
export function revisionOf(file: string): number | null {
  const match = CHANGE_FILE.exec(file);
  return match === null ? null : Number(match[1]);
}

export function encodeChange(change: StoredChange): string {
  return `${JSON.stringify(change)}\n`;
}

export function encodeMeta(meta: StoredMeta): string {
  return `${JSON.stringify({ revision: meta.revision, ...meta.record })}\n`;
}

/** Throws an error that says what is wrong. */
export function parseChange(bytes: Buffer): StoredChange {
  const value = parseObject(bytes);
  const verb = value['verb'];
  if (verb === 'Void') return { verb };
  const base = {
    kind: kindAt(value),
    name: plainAt(value, 'name'),
    uid: textAt(value, 'uid'),
    time: textAt(value, 'time'),
  };
  if (verb === 'Status') {
    const stage = (value['stage'] ?? null) === null ? null : plainAt(value, 'stage');
    return { verb, ...base, digest: textAt(value, 'digest'), stage };
  }
  if (verb !== 'Added' && verb !== 'Modified' && verb !== 'Reported' && verb !== 'Deleted') {
    throw unexpected('verb', 'a verb');
  }
  const record = recordOf(objectAt(value, 'record'));
  if (record.kind !== base.kind || record.name !== base.name || record.uid !== base.uid) {
    throw new Error(`record: expected the same object as the change, found ${record.kind}/${record.name}`);
  }
  return {
    verb,
    ...base,
    record,
    stage: value['stage'] === null ? null : plainAt(value, 'stage'),
    document: textOrNull(value, 'document'),
    replaces: textOrNull(value, 'replaces'),
    removes: markOf(value['removes']),
  };
}

/** Throws an error that says what is wrong. */
export function parseMeta(bytes: Buffer, kind: Kind, name: string): StoredMeta {
  const value = parseObject(bytes);
  const record = recordOf(value);
  if (record.kind !== kind || record.name !== name) {
    throw new Error(`expected the object ${kind}/${name}, found ${record.kind}/${record.name}`);
  }
  const revision = numberAt(value, 'revision');
  if (!Number.isSafeInteger(revision) || revision > LAST_REVISION)
    throw unexpected('revision', `at most ${LAST_REVISION}`);
  return { revision, record };
}

function recordOf(value: JsonObject): FileRecord {
  const kind = kindAt(value);
  const fields = value['managedFields'];
  if (fields !== null && !Array.isArray(fields)) throw unexpected('managedFields', 'a list or null');
  return freeze({
    kind,
    name: textAt(value, 'name'),
    uid: textAt(value, 'uid'),
    generation: numberAt(value, 'generation'),
    created: textAt(value, 'created'),
    deleted: textOrNull(value, 'deleted'),
    managedFields: fields,
    manifest: manifestOf(value['manifest'], kind),
    accepted: textAt(value, 'accepted'),
    refusal: refusalOf(value['refusal']),
    reported: conditionsOf(value['reported']),
    mark: markOf(value['mark']),
  });
}

function manifestOf(value: Json | undefined, kind: Kind): Manifest | null {
  if (value === null) return null;
  if (!isObject(value) || value['kind'] !== kind || !isObject(value['metadata']) || !isObject(value['spec'])) {
    throw unexpected('manifest', `a ${kind} or null`);
  }
  textAt(value['metadata'], 'name');
  return value as unknown as Manifest;
}

function refusalOf(value: Json | undefined): Refusal | null {
  if (value === null) return null;
  if (!isObject(value) || !REFUSALS.has(textAt(value, 'reason'))) throw unexpected('refusal', 'a refusal or null');
  const reason = textAt(value, 'reason') as Refusal['reason'];
  return { reason, message: textAt(value, 'message'), since: textAt(value, 'since') };
}

function conditionsOf(value: Json | undefined): Condition[] {
  if (!Array.isArray(value)) throw unexpected('reported', 'a list');
  for (const condition of value) {
    if (!isObject(condition)) throw unexpected('reported', 'a list of conditions');
    for (const key of ['type', 'status', 'reason', 'message', 'lastTransitionTime']) textAt(condition, key);
  }
  return value as unknown as Condition[];
}

function markOf(value: Json | undefined): FileMark | null {
  if (value === null) return null;
  if (!isObject(value)) throw unexpected('mark', 'a mapping or null');
  return {
    file: plainAt(value, 'file'),
    ino: numberAt(value, 'ino'),
    size: numberAt(value, 'size'),
    mtimeMs: numberAt(value, 'mtimeMs'),
    digest: textAt(value, 'digest'),
  };
}

function parseObject(bytes: Buffer): JsonObject {
  const value: unknown = JSON.parse(bytes.toString());
  if (!isObject(value)) throw new Error('expected a JSON object');
  return value;
}

function kindAt(value: JsonObject): Kind {
  const kind = value['kind'];
  if (typeof kind !== 'string' || !KIND_NAMES.has(kind)) throw unexpected('kind', 'a kind');
  return kind as Kind;
}

function objectAt(value: JsonObject, key: string): JsonObject {
  const found = value[key];
  if (!isObject(found)) throw unexpected(key, 'a mapping');
  return found;
}

function textAt(value: JsonObject, key: string): string {
  const found = value[key];
  if (typeof found !== 'string') throw unexpected(key, 'a text');
  return found;
}

/** A text that becomes a part of a path. */
function plainAt(value: JsonObject, key: string): string {
  const found = textAt(value, key);
  if (found === '' || found.startsWith('.') || /[/\0]/.test(found)) throw unexpected(key, 'a file name');
  return found;
}

function textOrNull(value: JsonObject, key: string): string | null {
  return value[key] === null ? null : textAt(value, key);
}

function numberAt(value: JsonObject, key: string): number {
  const found = value[key];
  if (typeof found !== 'number' || !Number.isFinite(found) || found < 0) throw unexpected(key, 'a number from 0');
  return found;
}

function unexpected(key: string, expected: string): Error {
  return new Error(`${key}: expected ${expected}`);
}
