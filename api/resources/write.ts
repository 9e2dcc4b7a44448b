// create, replace, patch and delete: every write ends in one call of the store, with the revision that it rests on.
//
// W1  a patch without a revision of its own applies to the newest state, again when somebody wrote in between; with one it fails instead.
// W2  name, uid, times and generation are the store's; status is the controller's: neither can be written here.
// W3  a write that changes nothing moves no revision.

import type { Context } from 'koa';
import { AdmissionError, StoreError } from '../../kernel/errors.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import { API_GROUP, API_VERSION, type Manifest, type Resource } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import type { WriteOptions } from '../../store/store.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiError, badRequest, type Cause, notFound } from '../problem.ts';
import { type Body, type BodyReader, flag, queryOf } from '../request.ts';
import {
  type Decoded,
  decodeData,
  decodeManifest,
  decodeValue,
  type Expected,
  validationOf,
  writtenName,
} from './decode.ts';
import { afterUpdate, applyFields } from './managed-fields.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import { deletedStatus, listOf, plain, whole } from './present.ts';
import { readListQuery } from './read.ts';
import { checkCreate, checkUpdate } from './rules.ts';
import { groupVersionOf, type StoredType } from './types.ts';

const WRITE_QUERY = ['dryRun', 'fieldManager', 'fieldValidation'];
const TRIES = 20;
const LONGEST_MANAGER = 128;

/** What all writes of a request have in common. */
interface Asked {
  readonly isDryRun: boolean;
  /** Who writes, for managedFields. */
  readonly manager: string;
  readonly expected: Expected;
  readonly time: string;
}

function askedOf(deps: ApiDeps, ctx: Context, type: StoredType, query: ReadonlyMap<string, string>): Asked {
  const manager = query.get('fieldManager') || (ctx.get('User-Agent').split('/')[0] ?? '') || 'unknown';
  if (manager.length > LONGEST_MANAGER) {
    throw badRequest(`query parameter "fieldManager": expected at most ${LONGEST_MANAGER} characters`);
  }
  return {
    isDryRun: dryRunOf(query.get('dryRun')),
    manager,
    expected: { kind: type.kind, validation: validationOf(query) },
    time: `${new Date(deps.store.clock.now().wall).toISOString().slice(0, 19)}Z`,
  };
}

function dryRunOf(text: string | undefined): boolean {
  if (text === undefined || text === '') return false;
  if (text === 'All') return true;
  throw badRequest(`query parameter "dryRun": expected All, found ${JSON.stringify(text)}`);
}

async function answer(deps: ApiDeps, ctx: Context, code: 200 | 201, object: Resource, notes: readonly string[]) {
  for (const note of notes) ctx.append('Warning', `299 - "${headerText(note)}"`);
  ctx.body = await whole(deps.store, object);
  ctx.status = code;
}

function headerText(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .replaceAll(/["\\]/g, '\\$&')
    .slice(0, 500);
}

/** Only YAML is worth keeping to the letter; what tools send as JSON is easier to read rendered. */
function textOf(body: Body, { text }: Decoded): { text?: string } {
  const isYaml = (body.type === null || body.type === 'yaml') && !/^\s*\{/.test(text ?? '{');
  return isYaml && text !== undefined ? { text } : {};
}

// --- create --------------------------------------------------------------------------------------

export async function createStored(deps: ApiDeps, ctx: Context, type: StoredType, bodies: BodyReader): Promise<void> {
  const query = queryOf(ctx, [...WRITE_QUERY, 'name']);
  const asked = askedOf(deps, ctx, type, query);
  const body = await bodies.read(ctx, ['json', 'yaml']);
  const defaultName = query.get('name') || `${type.singular}-${deps.random.hex(5)}`;
  if (!isObjectName(defaultName)) throw badRequest('query parameter "name": expected the name of an object');
  const decoded = await decodeManifest(body, { ...asked.expected, defaultName }).catch(async (error: unknown) => {
    ctx.state['subject'] = { kind: type.kind, name: (await writtenName(body)) ?? defaultName };
    throw error;
  });
  const named = withGeneratedName(deps, decoded);
  ctx.state['subject'] = { kind: type.kind, name: named.manifest.metadata.name };
  if (textAt(decoded.asked, 'resourceVersion') !== '') {
    throw badRequest('metadata.resourceVersion: expected none for an object that is to be created');
  }
  const object = await create(deps, asked, named.manifest, named.isGenerated ? {} : textOf(body, decoded));
  await answer(deps, ctx, 201, object, decoded.notes);
}

/** `metadata.generateName` with five characters behind it. */
function withGeneratedName(deps: ApiDeps, { manifest, asked }: Decoded): { manifest: Manifest; isGenerated: boolean } {
  const prefix = textAt(asked, 'generateName');
  if (prefix === '' || textAt(asked, 'name') !== '') return { manifest, isGenerated: false };
  const name = `${prefix}${deps.random.hex(5)}`;
  if (!isObjectName(name)) throw badRequest('metadata.generateName: expected the beginning of a name');
  return { manifest: { ...manifest, metadata: { ...manifest.metadata, name } }, isGenerated: true };
}

async function create(
  deps: ApiDeps,
  { manager, time, isDryRun }: Asked,
  manifest: Manifest,
  options: WriteOptions,
): Promise<Resource> {
  await checkCreate(deps.store, manifest);
  const managedFields = afterUpdate(null, manifest as unknown as JsonObject, [], manager, time);
  return deps.store.resources.create(manifest, { managedFields, ...options, dryRun: isDryRun });
}

// --- replace -------------------------------------------------------------------------------------

export async function replaceStored(
  deps: ApiDeps,
  ctx: Context,
  type: StoredType,
  name: string,
  bodies: BodyReader,
): Promise<void> {
  const asked = askedOf(deps, ctx, type, queryOf(ctx, WRITE_QUERY));
  const body = await bodies.read(ctx, ['json', 'yaml']);
  ctx.state['subject'] = { kind: type.kind, name };
  const decoded = await decodeManifest(body, { ...asked.expected, defaultName: name });
  checkName(decoded.manifest, name);
  const preconditions = { ...preconditionsOf(decoded.asked), ...ifMatch(ctx) };
  const object = await retried(preconditions.expected === undefined, async () => {
    const live = await current(deps, type, name);
    return update(deps, asked, live, decoded.manifest, { ...preconditions, ...textOf(body, decoded) }, decoded.asked);
  });
  await answer(deps, ctx, 200, object, decoded.notes);
}

function checkName(manifest: Manifest, name: string): void {
  if (manifest.metadata.name === name) return;
  const found = JSON.stringify(manifest.metadata.name);
  throw badRequest(`metadata.name: expected ${JSON.stringify(name)}, the name of the URL, found ${found}`);
}

/** What the client says about the object that it means. */
function preconditionsOf(metadata: JsonObject): { expected?: string; uid?: string } {
  const expected = textAt(metadata, 'resourceVersion');
  const uid = textAt(metadata, 'uid');
  return { ...(expected === '' ? {} : { expected }), ...(uid === '' ? {} : { uid }) };
}

/** `If-Match: "REVISION"`, for people with curl. */
function ifMatch(ctx: Context): { expected?: string } {
  const header = ctx.get('If-Match');
  if (header === '' || header === '*') return {};
  const expected = /^"?(\d{1,16})"?$/.exec(header)?.[1];
  if (expected === undefined) throw badRequest(`If-Match: expected a resourceVersion, found ${JSON.stringify(header)}`);
  return { expected };
}

async function current(deps: ApiDeps, type: StoredType, name: string): Promise<Resource> {
  const object = isObjectName(name) ? await deps.store.resources.get(type.kind, name) : null;
  if (object === null) throw notFound(type.plural, type.group, name);
  return object;
}

/** Writes the manifest over `live`, with what that means for the owners of fields. */
async function update(
  deps: ApiDeps,
  { manager, time, isDryRun }: Asked,
  live: Resource,
  manifest: Manifest,
  options: WriteOptions,
  asked: JsonObject,
): Promise<Resource> {
  checkUpdate(live, manifest);
  // Clients may rewrite the owners themselves, as `kubectl apply --server-side` does when it takes over from plain apply.
  const standing = Array.isArray(asked['managedFields']) ? asked['managedFields'] : (live.metadata.managedFields ?? []);
  const managedFields = afterUpdate(plain(live), manifest as unknown as JsonObject, standing, manager, time);
  const expected = options.expected ?? live.metadata.resourceVersion;
  return deps.store.resources.update(manifest, {
    ...options,
    expected,
    uid: options.uid ?? live.metadata.uid,
    managedFields,
    dryRun: isDryRun,
  });
}

/** Again when somebody else was faster, unless the client said what it expects. */
async function retried<T>(isAllowed: boolean, write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      const isLostRace = error instanceof StoreError && (error.code === 'Conflict' || error.code === 'AlreadyExists');
      if (!isLostRace || !isAllowed || tries === TRIES) throw error;
    }
  }
}

// --- patch ---------------------------------------------------------------------------------------

export async function patchStored(
  deps: ApiDeps,
  ctx: Context,
  type: StoredType,
  name: string,
  bodies: BodyReader,
): Promise<void> {
  const query = queryOf(ctx, [...WRITE_QUERY, 'force']);
  const asked = askedOf(deps, ctx, type, query);
  const body = await bodies.read(ctx, ['merge-patch', 'json-patch', 'apply-patch']);
  ctx.state['subject'] = { kind: type.kind, name };
  if (body.type === null) {
    const types = 'application/merge-patch+json, application/json-patch+json or application/apply-patch+yaml';
    throw new ApiError('UnsupportedMediaType', `Content-Type: expected ${types}, found none`);
  }
  const patch = await decodeData(body);
  if (body.type === 'apply-patch') return applyPatch(deps, ctx, type, name, asked, patch, flag(query, 'force'), query);
  const isJsonPatch = body.type === 'json-patch';
  let notes: readonly string[] = [];
  const pinned = isJsonPatch ? undefined : textOfMetadata(patch, 'resourceVersion');
  const match = ifMatch(ctx);
  const object = await retried(pinned === undefined && match.expected === undefined, async () => {
    const live = await current(deps, type, name);
    const before = plain(live);
    const after = isJsonPatch ? jsonPatch(before, patch) : mergePatch(before, patch);
    const decoded = await decodePatched(after, live, asked.expected);
    notes = decoded.notes;
    const { resourceVersion } = live.metadata;
    const revision = textAt(decoded.asked, 'resourceVersion') || resourceVersion;
    return update(deps, asked, live, decoded.manifest, { expected: revision, ...match }, decoded.asked);
  });
  await answer(deps, ctx, 200, object, notes);
}

function textOfMetadata(value: Json, field: string): string | undefined {
  const metadata = isObject(value) ? value['metadata'] : undefined;
  return textAt(metadata, field) || undefined;
}

/** A patched object: what a patch may not change is as it was. */
async function decodePatched(after: Json, live: Resource, expected: Expected): Promise<Decoded> {
  if (!isObject(after)) throw badRequest('patch: expected an object to be left, found none');
  const metadata = isObject(after['metadata']) ? after['metadata'] : {};
  const name = textAt(metadata, 'name');
  if (name !== '' && name !== live.metadata.name) {
    throw badRequest(`metadata.name: expected ${JSON.stringify(live.metadata.name)}, found ${JSON.stringify(name)}`);
  }
  const kept = { apiVersion: live.apiVersion, kind: live.kind };
  return decodeValue({ ...after, ...kept, metadata: { ...metadata, name: live.metadata.name } }, expected);
}

// --- server-side apply ---------------------------------------------------------------------------

async function applyPatch(
  deps: ApiDeps,
  ctx: Context,
  type: StoredType,
  name: string,
  asked: Asked,
  body: Json,
  force: boolean,
  query: ReadonlyMap<string, string>,
): Promise<void> {
  const manager = query.get('fieldManager') ?? '';
  checkApply(type, name, body, manager);
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  const wanted: JsonObject = { ...body, metadata: { ...metadata, name } };
  const preconditions = preconditionsOf(metadata);
  let code: 200 | 201 = 200;
  let notes: readonly string[] = [];
  const object = await retried(preconditions.expected === undefined, async () => {
    const live = isObjectName(name) ? await deps.store.resources.get(type.kind, name) : null;
    const base: JsonObject =
      live === null ? { apiVersion: API_VERSION, kind: type.kind, metadata: { name } } : plain(live);
    const standing = live?.metadata.managedFields ?? [];
    const applied = applyFields(base, wanted, standing, manager, { force, time: asked.time });
    if (applied.conflicts.length > 0) throw applyConflict(type, name, applied.conflicts);
    const decoded = await decodeValue({ ...applied.object, apiVersion: API_VERSION, kind: type.kind }, asked.expected);
    notes = decoded.notes;
    const options = { managedFields: applied.managedFields, dryRun: asked.isDryRun };
    if (live === null) {
      code = 201;
      await checkCreate(deps.store, decoded.manifest);
      return deps.store.resources.create(decoded.manifest, options);
    }
    code = 200;
    checkUpdate(live, decoded.manifest);
    const { resourceVersion, uid } = live.metadata;
    const rest = { expected: resourceVersion, uid, ...preconditions };
    return deps.store.resources.update(decoded.manifest, { ...options, ...rest });
  });
  await answer(deps, ctx, code, object, notes);
}

function checkApply(type: StoredType, name: string, body: Json, manager: string): asserts body is JsonObject {
  if (manager === '') {
    const message = 'required for apply patches';
    throw new AdmissionError('query', [{ path: 'fieldManager', reason: 'Required', message }]);
  }
  if (!isObject(body)) throw badRequest('body: expected an object');
  const { apiVersion, kind } = body;
  if (apiVersion !== API_VERSION || kind !== type.kind) {
    throw badRequest(`body: expected apiVersion ${API_VERSION} and kind ${type.kind}`);
  }
  const found = textOfMetadata(body, 'name');
  if (found !== undefined && found !== name) {
    throw badRequest(
      `metadata.name: expected ${JSON.stringify(name)}, the name of the URL, found ${JSON.stringify(found)}`,
    );
  }
}

function applyConflict(
  type: StoredType,
  name: string,
  conflicts: readonly { manager: string; isApply: boolean; field: string }[],
): ApiError {
  const causes = conflicts.map(({ manager, isApply, field }): Cause => {
    const using = isApply ? '' : ` using ${API_VERSION}`;
    return { reason: 'FieldManagerConflict', message: `conflict with "${manager}"${using}`, field };
  });
  const count = `${causes.length} conflict${causes.length === 1 ? '' : 's'}`;
  const list = causes.map(({ message, field }) => `${message}: ${field}`).join('\n- ');
  const message = `Apply failed with ${count}: ${causes.length === 1 ? list : `conflicts:\n- ${list}`}`;
  return new ApiError('Conflict', message, { details: { name, group: API_GROUP, kind: type.plural, causes } });
}

// --- delete --------------------------------------------------------------------------------------

const DELETE_QUERY = ['dryRun', 'propagationPolicy', 'gracePeriodSeconds', 'orphanDependents'];
const POLICIES = ['Background', 'Foreground', 'Orphan'];

interface DeleteOptions {
  readonly isDryRun: boolean;
  readonly preconditions: { readonly uid?: string; readonly expected?: string };
}

async function readDeleteOptions(ctx: Context, query: ReadonlyMap<string, string>, bodies: BodyReader) {
  const body = await bodies.read(ctx, ['json', 'yaml']);
  const options = body.bytes.length === 0 ? {} : await decodeData(body);
  if (!isObject(options)) throw badRequest('body: expected delete options, or nothing');
  const policy = textAt(options, 'propagationPolicy') || query.get('propagationPolicy') || 'Background';
  if (!POLICIES.includes(policy)) throw badRequest(`propagationPolicy: expected ${POLICIES.join(', ')}`);
  const dryRun = Array.isArray(options['dryRun']) ? options['dryRun'].map(String) : [];
  const { uid, resourceVersion } = isObject(options['preconditions']) ? options['preconditions'] : {};
  const result: DeleteOptions = {
    isDryRun: dryRunOf(dryRun[0] ?? query.get('dryRun')),
    preconditions: {
      ...(typeof uid === 'string' ? { uid } : {}),
      ...(typeof resourceVersion === 'string' ? { expected: resourceVersion } : {}),
    },
  };
  return result;
}

/** Objects own nothing but themselves, and a run its files; so all policies of propagation come to the same. */
export async function deleteStored(
  deps: ApiDeps,
  ctx: Context,
  type: StoredType,
  name: string,
  bodies: BodyReader,
): Promise<void> {
  const { isDryRun, preconditions } = await readDeleteOptions(ctx, queryOf(ctx, DELETE_QUERY), bodies);
  ctx.state['subject'] = { kind: type.kind, name };
  if (!isObjectName(name)) throw notFound(type.plural, type.group, name);
  const gone = await deps.store.resources.delete(type.kind, name, { ...preconditions, dryRun: isDryRun });
  const left = isDryRun ? null : await deps.store.resources.get(type.kind, name);
  // An active run stays until its processes are dead.
  const isStill = left !== null && left.metadata.uid === gone.metadata.uid;
  ctx.body = isStill ? plain(left) : deletedStatus(type.group, type.plural, name, gone.metadata.uid);
}

export async function deleteCollection(
  deps: ApiDeps,
  ctx: Context,
  type: StoredType,
  bodies: BodyReader,
): Promise<void> {
  const asked = readListQuery(ctx, type, DELETE_QUERY);
  const { isDryRun } = await readDeleteOptions(ctx, asked.query, bodies);
  const gone: JsonObject[] = [];
  for (let after = ''; ; ) {
    const page = await deps.store.resources.list(type.kind, { limit: 500, ...(after === '' ? {} : { after }) });
    for (const item of page.items) {
      if (!asked.selector.matches(plain(item))) continue;
      const object = await deleteIfThere(deps, type, item, isDryRun);
      if (object !== null) gone.push(plain(object));
    }
    after = page.items.at(-1)?.metadata.name ?? '';
    if (page.remaining === 0 || after === '') break;
  }
  const resourceVersion = String(await deps.store.resources.revision());
  ctx.body = listOf(type.kind, groupVersionOf(type), gone, { resourceVersion });
}

/** Null when it went by itself, and for built-in objects, which stay. */
async function deleteIfThere(
  deps: ApiDeps,
  type: StoredType,
  item: Resource,
  dryRun: boolean,
): Promise<Resource | null> {
  if (item.metadata.resourceVersion === '0') return null;
  try {
    return await deps.store.resources.delete(type.kind, item.metadata.name, { uid: item.metadata.uid, dryRun });
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'NotFound' || error.code === 'Conflict')) return null;
    throw error;
  }
}
