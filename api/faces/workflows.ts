// A plain face for definitions: register a workflow as it is written, list what is registered.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { StoreError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Manifest, Resource } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import type { ApiDeps } from '../deps.ts';
import { badRequest, notFound } from '../problem.ts';
import { type BodyReader, queryOf, wholeNumber } from '../request.ts';
import { decodeManifest, writtenName } from '../resources/decode.ts';
import { afterUpdate } from '../resources/managed-fields.ts';
import { continueToken, continueAfter } from '../resources/read.ts';
import { param } from '../resources/routes.ts';
import { checkReadable } from '../resources/rules.ts';
import { present } from './names.ts';

const PAGE = 100;
const LARGEST_PAGE = 1000;
const TRIES = 20;

export function addWorkflows(router: Router, deps: ApiDeps, bodies: BodyReader): void {
  router.post('/workflows', (ctx) => register(deps, ctx, bodies));
  router.get('/workflows', (ctx) => list(deps, ctx));
  router.get('/workflows/:id', async (ctx) => {
    const id = param(ctx, 'id');
    const object = isObjectName(id) ? await deps.store.resources.get('Workflow', id) : null;
    if (object === null) throw notFound('workflows', 'oarlock.dev', id);
    ctx.body = toFace(object);
  });
}

/** Bare or with its envelope; 201 when it is new, 200 when it takes the place of an earlier one. */
async function register(deps: ApiDeps, ctx: Context, bodies: BodyReader): Promise<void> {
  const query = queryOf(ctx, ['name']);
  const body = await bodies.read(ctx, ['json', 'yaml']);
  const defaultName = query.get('name') || `workflow-${deps.random.hex(5)}`;
  if (!isObjectName(defaultName)) throw badRequest('query parameter "name": expected the name of a workflow');
  ctx.state['subject'] = { kind: 'Workflow', name: (await writtenName(body)) ?? defaultName };
  const { manifest, text } = await decodeManifest(body, { kind: 'Workflow', defaultName, validation: 'Strict' });
  const isYaml = body.type !== 'json' && text !== undefined && !/^\s*\{/.test(text);
  const { object, isNew } = await store(deps, ctx, manifest, isYaml ? { text } : {});
  ctx.status = isNew ? 201 : 200;
  ctx.body = toFace(object);
}

async function store(
  deps: ApiDeps,
  ctx: Context,
  manifest: Manifest,
  options: { text?: string },
): Promise<{ object: Resource; isNew: boolean }> {
  const { resources, clock } = deps.store;
  const time = `${new Date(clock.now().wall).toISOString().slice(0, 19)}Z`;
  const manager = ctx.get('User-Agent').split('/')[0] || 'unknown';
  const after = manifest as unknown as JsonObject;
  for (let tries = 1; ; tries += 1) {
    const live = await resources.get('Workflow', manifest.metadata.name);
    try {
      if (live === null) {
        const managedFields = afterUpdate(null, after, [], manager, time);
        return { object: await resources.create(manifest, { ...options, managedFields }), isNew: true };
      }
      checkReadable(live);
      const { resourceVersion, uid, managedFields: standing = [] } = live.metadata;
      const managedFields = afterUpdate(live as unknown as JsonObject, after, standing, manager, time);
      const object = await resources.update(manifest, { ...options, managedFields, uid, expected: resourceVersion });
      return { object, isNew: false };
    } catch (error) {
      const isLostRace = error instanceof StoreError && error.code !== 'Unavailable' && error.code !== 'NoSpace';
      if (!isLostRace || tries === TRIES) throw error;
    }
  }
}

async function list(deps: ApiDeps, ctx: Context): Promise<void> {
  const query = queryOf(ctx, ['limit', 'continue']);
  const limit = Math.min(wholeNumber(query, 'limit') ?? PAGE, LARGEST_PAGE);
  const after = continueAfter(query.get('continue'));
  const page = await deps.store.resources.list('Workflow', { limit, ...(after === undefined ? {} : { after }) });
  const last = page.items.at(-1)?.metadata.name;
  ctx.body = {
    workflows: page.items.map(toFace),
    ...(page.remaining > 0 && last !== undefined ? { continue: continueToken(last) } : {}),
  };
}

function toFace(object: Resource): JsonObject {
  const { name, uid, generation, creationTimestamp } = object.metadata;
  return present({ id: name, uid, version: generation, createdAt: creationTimestamp, ...object.spec });
}
