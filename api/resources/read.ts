// get and list: objects or Tables, selected and paged by the server.
//
// R1  a page's token holds the last name that was sent, so it never expires; a list's revision is one to watch from without a gap.

import { setImmediate } from 'node:timers/promises';
import type { Context } from 'koa';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import type { Kind, Resource } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import type { Store } from '../../store/store.ts';
import type { ApiDeps, AppDeps } from '../deps.ts';
import { type Form, negotiate } from '../negotiate.ts';
import { badRequest, notFound } from '../problem.ts';
import { flag, queryOf, wholeNumber } from '../request.ts';
import { parseSelector, type Selector } from '../selectors.ts';
import { listOf, plain, whole } from './present.ts';
import { type IncludeObject, toTable } from './table.ts';
import { groupVersionOf, type ResourceType, type StoredType } from './types.ts';

const PAGE = 500;

export const GET_QUERY = ['resourceVersion', 'includeObject', 'timeoutSeconds'];
export const LIST_QUERY = [
  ...GET_QUERY,
  'limit',
  'continue',
  'labelSelector',
  'fieldSelector',
  'resourceVersionMatch',
  'watch',
  'allowWatchBookmarks',
  'sendInitialEvents',
];

export interface ListQuery {
  readonly selector: Selector;
  readonly form: Form;
  readonly include: IncludeObject;
  readonly limit: number | undefined;
  readonly after: string | undefined;
  readonly isWatch: boolean;
  readonly query: ReadonlyMap<string, string>;
}

export function readListQuery(ctx: Context, type: ResourceType, more: readonly string[] = []): ListQuery {
  const query = queryOf(ctx, [...LIST_QUERY, ...more]);
  const limit = wholeNumber(query, 'limit');
  return {
    query,
    form: negotiate(ctx),
    selector: parseSelector(query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '', type.fields),
    include: includeOf(query),
    limit: limit === 0 ? undefined : limit,
    after: continueAfter(query.get('continue')),
    isWatch: flag(query, 'watch'),
  };
}

function includeOf(query: ReadonlyMap<string, string>): IncludeObject {
  const include = query.get('includeObject') ?? 'Metadata';
  if (include === 'None' || include === 'Metadata' || include === 'Object') return include;
  throw badRequest(
    `query parameter "includeObject": expected None, Metadata or Object, found ${JSON.stringify(include)}`,
  );
}

// --- paging --------------------------------------------------------------------------------------

export function continueToken(lastName: string): string {
  return Buffer.from(JSON.stringify({ after: lastName })).toString('base64url');
}

export function continueAfter(token: string | undefined): string | undefined {
  if (token === undefined || token === '') return undefined;
  try {
    const value = JSON.parse(Buffer.from(token, 'base64url').toString()) as Json;
    const after = isObject(value) ? textAt(value, 'after') : '';
    if (after !== '' && after.length <= 4096) return after;
  } catch {
    // Said below.
  }
  throw badRequest('query parameter "continue": expected a token of an earlier answer, found something else');
}

// --- get -----------------------------------------------------------------------------------------

export async function getStored(deps: ApiDeps, ctx: Context, type: StoredType, name: string): Promise<void> {
  const query = queryOf(ctx, GET_QUERY);
  const form = negotiate(ctx);
  const object = isObjectName(name) ? await deps.store.resources.get(type.kind, name) : null;
  if (object === null) throw notFound(type.plural, type.group, name);
  const { resourceVersion } = object.metadata;
  if (form.table === null) ctx.body = await whole(deps.store, object);
  else
    answerTable(deps, ctx, type, [plain(object)], { form, include: includeOf(query), metadata: { resourceVersion } });
}

interface TableAnswer {
  readonly form: Form;
  readonly include: IncludeObject;
  readonly metadata: JsonObject;
}

function answerTable(
  deps: ApiDeps,
  ctx: Context,
  type: ResourceType,
  objects: readonly JsonObject[],
  { form, include, metadata }: TableAnswer,
): void {
  const wallMs = deps.store.clock.now().wall;
  const apiVersion = `meta.k8s.io/${form.table ?? 'v1'}`;
  ctx.body = toTable(type.kind, objects, { include, wallMs, metadata, hasColumns: true, apiVersion });
}

// --- list ----------------------------------------------------------------------------------------

export interface Listed {
  readonly items: readonly JsonObject[];
  readonly metadata: JsonObject;
}

export async function listStored(deps: AppDeps, ctx: Context, type: StoredType, asked: ListQuery): Promise<void> {
  const { items, metadata } = await collect(deps, type.kind, asked);
  if (asked.form.table !== null) return answerList(deps, ctx, type, asked, { items: items.map(plain), metadata });
  // Objects that several answers share are turned into text once.
  const texts = items.map((item) => deps.shared.texts.of(item));
  const head = JSON.stringify({ kind: `${type.kind}List`, apiVersion: groupVersionOf(type), metadata });
  ctx.type = 'application/json';
  ctx.body = `${head.slice(0, -1)},"items":[${texts.join(',')}]}`;
}

/** An answer with everything that was found, in the form that was asked for. */
export function answerList(deps: ApiDeps, ctx: Context, type: ResourceType, asked: ListQuery, listed: Listed): void {
  const { form, include } = asked;
  if (form.table !== null) answerTable(deps, ctx, type, listed.items, { form, include, metadata: listed.metadata });
  else ctx.body = listOf(type.kind, groupVersionOf(type), listed.items, listed.metadata);
}

/** Objects that were made for this answer, with selector and paging applied. */
export function selectListed(objects: readonly JsonObject[], asked: ListQuery, revision: number | string): Listed {
  const matching = objects.filter((object) => asked.selector.matches(object));
  const named = matching.map((object) => ({ object, name: textAt(object['metadata'], 'name') }));
  const sorted = named.sort((a, b) => (a.name < b.name ? -1 : 1));
  const after = asked.after;
  const rest = after === undefined ? sorted : sorted.filter(({ name }) => name > after);
  const page = asked.limit === undefined ? rest : rest.slice(0, asked.limit);
  const metadata: JsonObject = { resourceVersion: String(revision) };
  if (page.length < rest.length) {
    metadata['continue'] = continueToken(page.at(-1)?.name ?? '');
    metadata['remainingItemCount'] = rest.length - page.length;
  }
  return { items: page.map(({ object }) => object), metadata };
}

interface Collected {
  readonly items: readonly Resource[];
  readonly metadata: JsonObject;
}

async function collect(deps: AppDeps, kind: Kind, asked: ListQuery): Promise<Collected> {
  const { selector, limit = Number.POSITIVE_INFINITY } = asked;
  if (selector.name !== undefined) return collectOne(deps.store, kind, selector);
  const items: Resource[] = [];
  let after = asked.after;
  let revision: number | undefined;
  for (;;) {
    const wanted = selector.isEmpty ? Math.min(PAGE, limit - items.length) : PAGE;
    const page = await deps.shared.lists.list(kind, { limit: wanted, ...(after === undefined ? {} : { after }) });
    // A watch goes on from the first page: what changed while the others were read comes again.
    revision ??= page.revision;
    for (const [index, object] of page.items.entries()) {
      after = object.metadata.name;
      if (!selector.matches(plain(object))) continue;
      items.push(object);
      const left = page.items.length - index - 1 + page.remaining;
      if (items.length === limit && left > 0) return ended(items, revision, after, selector.isEmpty ? left : undefined);
    }
    if (page.remaining === 0 || page.items.length === 0 || items.length >= limit) break;
    await setImmediate();
  }
  return { items, metadata: { resourceVersion: String(revision) } };
}

function ended(items: Resource[], revision: number, last: string, remaining: number | undefined): Collected {
  const metadata: JsonObject = { resourceVersion: String(revision), continue: continueToken(last) };
  if (remaining !== undefined) metadata['remainingItemCount'] = remaining;
  return { items, metadata };
}

async function collectOne(store: Store, kind: Kind, selector: Selector): Promise<Collected> {
  const revision = await store.resources.revision();
  const name = selector.name ?? '';
  const object = isObjectName(name) ? await store.resources.get(kind, name) : null;
  const items = object !== null && selector.matches(plain(object)) ? [object] : [];
  return { items, metadata: { resourceVersion: String(revision) } };
}
