// What an object is to a store, whatever it keeps it in: the record behind a Resource and the rules by which a write makes the
// next one. Pure; where records stand and how one of many writers wins is the business of the implementations.
//
// I1  uid and creation time never change; generation grows by one when `spec` changes and at no other time.
// I2  a bad hand edit never changes the manifest in force, it only adds a refusal.
// I3  an object that is deleted stays, with the time of its deletion, until its last finalizer is taken off; no new one is put on.

import { AdmissionError, StoreError } from '../kernel/errors.ts';
import type { Json, JsonObject } from '../kernel/json.ts';
import { API_VERSION, type Condition, type Kind, type Manifest, type Resource } from '../manifests/model.ts';
import type { WriteOptions } from './store.ts';

/** Why the document that stands is not the one in force. */
export interface Refusal {
  readonly reason: 'InvalidManifest' | 'NameMismatch' | 'Duplicate';
  readonly message: string;
  readonly since: string;
}

export interface ObjectRecord {
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** RFC 3339, whole seconds, as are all times here. */
  readonly created: string;
  readonly deleted: string | null;
  readonly managedFields: readonly Json[] | null;
  /** The manifest in force: the last good one. Null when there never was one. */
  readonly manifest: Manifest | null;
  readonly accepted: string;
  readonly refusal: Refusal | null;
  /** What the controller found out about it, by type. */
  readonly reported: readonly Condition[];
}

const ENDED = new Set<Json | undefined>(['Succeeded', 'Failed', 'Cancelled']);
/** What may change in the spec of a run that has started. */
const LIVE_FIELDS = new Set(['suspend', 'cancel', 'restart']);

export function refOf(kind: Kind, name: string): string {
  return `${kind}/${name}`;
}

export function timeOf(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
}

/** Equal as data; the order of keys says nothing. Depth is bounded by admission. */
export function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => isSameJson(item, b[index]));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]));
}

export function isSameManifest(a: Manifest | null, b: Manifest | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.kind === b.kind &&
    isSameJson(a.metadata as unknown as JsonObject, b.metadata as unknown as JsonObject) &&
    isSameJson(a.spec, b.spec)
  );
}

/** Records are shared by everybody who reads: writing into one is a bug that must show at once. */
export function freeze<T>(value: T): T {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue;
    Object.freeze(next);
    for (const child of Object.values(next)) open.push(child);
  }
  return value;
}

// --- reading -----------------------------------------------------------------------------------

/** `published` is the summary of a run, null for other kinds and for runs that have none yet. */
export function toResource(record: ObjectRecord, revision: number, published: JsonObject | null): Resource {
  const metadata: Resource['metadata'] = {
    ...record.manifest?.metadata,
    name: record.name,
    uid: record.uid,
    resourceVersion: String(revision),
    generation: record.generation,
    creationTimestamp: record.created,
  };
  if (record.deleted !== null) metadata.deletionTimestamp = record.deleted;
  if (record.managedFields !== null) metadata.managedFields = [...record.managedFields];
  const resource: Resource = {
    apiVersion: API_VERSION,
    kind: record.kind,
    metadata,
    spec: record.manifest?.spec ?? {},
  };
  const status = statusOf(record, published);
  if (status !== null) resource.status = status;
  return resource;
}

function statusOf(record: ObjectRecord, published: JsonObject | null): JsonObject | null {
  const isRun = record.kind === 'WorkflowRun';
  const own = isRun && record.refusal === null ? [] : [acceptedCondition(record)];
  // A refusal is about the document, which nobody but the store has seen.
  const reported = record.reported.filter(({ type }) => type !== 'Accepted' || record.refusal === null);
  const added = mergeConditions(own, reported);
  if (!isRun) return { observedGeneration: record.generation, conditions: added as unknown as Json[] };
  if (added.length === 0) return published;
  const conditions = Array.isArray(published?.['conditions']) ? published['conditions'] : [];
  return { ...published, conditions: [...conditions, ...(added as unknown as Json[])] };
}

/** Later ones take the place of earlier ones of their type. */
function mergeConditions(first: readonly Condition[], second: readonly Condition[]): Condition[] {
  const types = new Set(second.map(({ type }) => type));
  return [...first.filter(({ type }) => !types.has(type)), ...second];
}

function acceptedCondition(record: ObjectRecord): Condition {
  const { refusal, generation } = record;
  const common = { type: 'Accepted', observedGeneration: generation };
  return refusal === null
    ? { ...common, status: 'True', reason: 'Accepted', message: '', lastTransitionTime: record.accepted }
    : {
        ...common,
        status: 'False',
        reason: refusal.reason,
        message: refusal.message,
        lastTransitionTime: refusal.since,
      };
}

/** Has a run with this published summary ended? A run without one has not begun. */
export function isEnded(published: JsonObject | null): boolean {
  return ENDED.has(published?.['phase']);
}

/** Has it begun, so that its spec is pinned? */
export function isStarted(published: JsonObject | null): boolean {
  if (published === null) return false;
  if (published['startTime'] !== undefined) return true;
  return published['phase'] !== undefined && published['phase'] !== 'Pending';
}

/** Does a finalizer keep it from going when it is deleted? */
export function isHeld({ manifest }: ObjectRecord): boolean {
  return (manifest?.metadata.finalizers ?? []).length > 0;
}

/** It was deleted, and nothing holds it any more. */
export function isReleased(record: ObjectRecord): boolean {
  return record.deleted !== null && !isHeld(record);
}

// --- writing -----------------------------------------------------------------------------------

export interface CurrentObject {
  readonly record: ObjectRecord;
  readonly revision: number;
}

export function notFound(kind: Kind, name: string): StoreError {
  return new StoreError(
    'NotFound',
    refOf(kind, name),
    `${refOf(kind, name)}: expected an object of that name, found none`,
  );
}

export function alreadyExists(kind: Kind, name: string): StoreError {
  const ref = refOf(kind, name);
  return new StoreError('AlreadyExists', ref, `${ref}: expected a free name, found an object of that name`);
}

/** `isStatus`: is that revision a published status of this very object, later than its last change? Then it is current, too. */
export function checkPrecondition(
  current: CurrentObject,
  options: WriteOptions,
  isStatus: (revision: number, uid: string) => boolean,
): void {
  const { record, revision } = current;
  const ref = refOf(record.kind, record.name);
  if (options.uid !== undefined && options.uid !== record.uid) {
    throw new StoreError('Conflict', ref, `${ref}: uid is ${record.uid}, expected ${options.uid}`);
  }
  if (options.expected === undefined || options.expected === String(revision)) return;
  const expected = /^[1-9]\d{0,15}$/.test(options.expected) ? Number(options.expected) : 0;
  if (expected > revision && isStatus(expected, record.uid)) return;
  throw new StoreError('Conflict', ref, `${ref}: resourceVersion is ${revision}, expected ${options.expected}`);
}

export function newRecord(manifest: Manifest, uid: string, time: string, options: WriteOptions): ObjectRecord {
  return freeze({
    kind: manifest.kind,
    name: manifest.metadata.name,
    uid,
    generation: 1,
    created: time,
    deleted: null,
    managedFields: options.managedFields ?? null,
    manifest: structuredClone(manifest),
    accepted: time,
    refusal: null,
    reported: [],
  });
}

/** The record with these conditions, or null when it has them already. */
export function reportedRecord(record: ObjectRecord, conditions: readonly Condition[]): ObjectRecord | null {
  const reported = [...record.reported];
  for (const condition of conditions) {
    const index = reported.findIndex(({ type }) => type === condition.type);
    const before = reported[index];
    if (before !== undefined && isSameCondition(before, condition)) continue;
    const isFlip = before?.status !== condition.status;
    const next = {
      ...condition,
      lastTransitionTime: isFlip ? condition.lastTransitionTime : before.lastTransitionTime,
    };
    if (index < 0) reported.push(next);
    else reported[index] = next;
  }
  const isSame = reported.length === record.reported.length && reported.every((item, i) => item === record.reported[i]);
  return isSame ? null : freeze({ ...record, reported });
}

function isSameCondition(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}

/** The record after an update, or null when it says what stands already. */
export function updatedRecord(
  record: ObjectRecord,
  manifest: Manifest,
  time: string,
  options: WriteOptions,
  published: JsonObject | null,
): ObjectRecord | null {
  const ref = refOf(record.kind, record.name);
  if (isReleased(record)) {
    throw new StoreError('Conflict', ref, `${ref}: expected an object that stays, found one that is being deleted`);
  }
  if (record.deleted !== null) refuseNewFinalizers(ref, record, manifest);
  if (record.kind === 'WorkflowRun' && isStarted(published))
    refuseFrozen(ref, record.manifest?.spec ?? {}, manifest.spec);
  const managedFields = options.managedFields ?? record.managedFields;
  // A second file of the same name is not dealt with by writing to the first.
  const refusal = record.refusal?.reason === 'Duplicate' ? record.refusal : null;
  const isSame =
    isSameManifest(record.manifest, manifest) &&
    isSameJson(managedFields as Json, record.managedFields as Json) &&
    refusal === record.refusal;
  if (isSame) return null;
  return freeze({
    ...record,
    generation: record.generation + (isSameJson(record.manifest?.spec, manifest.spec) ? 0 : 1),
    managedFields,
    manifest: structuredClone(manifest),
    accepted: record.refusal === null ? record.accepted : time,
    refusal,
  });
}

function refuseNewFinalizers(ref: string, record: ObjectRecord, manifest: Manifest): void {
  const before = record.manifest?.metadata.finalizers ?? [];
  const added = (manifest.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
  if (added.length === 0) return;
  const message = `it is being deleted: expected no new finalizers, found ${JSON.stringify(added)}`;
  throw new AdmissionError(ref, [{ path: 'metadata.finalizers', reason: 'Forbidden', message }]);
}

function refuseFrozen(ref: string, before: JsonObject, after: JsonObject): void {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  const frozen = [...fields].filter((field) => !LIVE_FIELDS.has(field) && !isSameJson(before[field], after[field]));
  if (frozen.length === 0) return;
  throw new AdmissionError(
    ref,
    frozen.map((field) => ({
      path: `spec.${field}`,
      reason: 'Forbidden',
      message: 'the run has started: expected no change but to suspend, cancel and restart, found another value',
    })),
  );
}
