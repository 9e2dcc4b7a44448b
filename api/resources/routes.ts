// The paths of the resource API, as Kubernetes has them.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { API_GROUP } from '../../manifests/model.ts';
import type { AppDeps } from '../deps.ts';
import { noSuchPath } from '../problem.ts';
import type { OpenApiDocuments } from '../openapi.ts';
import type { BodyReader } from '../request.ts';
import { apiGroup, apiGroups, apiVersions, coreResources, ownResources } from './discovery.ts';
import { getStored, listStored, readListQuery } from './read.ts';
import { STORED_TYPES, type StoredType } from './types.ts';
import { watchStored } from './watch.ts';
import { createStored, deleteCollection, deleteStored, patchStored, replaceStored } from './write.ts';

export interface ResourceRoutes {
  readonly bodies: BodyReader;
  readonly openApi: OpenApiDocuments;
}

export function addResources(router: Router, deps: AppDeps, { bodies, openApi }: ResourceRoutes): void {
  addDiscovery(router, openApi);
  for (const type of STORED_TYPES) addStored(router, deps, type, bodies);
}

function addDiscovery(router: Router, openApi: OpenApiDocuments): void {
  const answers = [
    ['/api', apiVersions()],
    ['/apis', apiGroups()],
    ['/api/v1', coreResources()],
    [`/apis/${API_GROUP}`, apiGroup()],
    [`/apis/${API_GROUP}/v1`, ownResources()],
    ['/openapi/v3', openApi.index],
  ] as const;
  for (const [path, body] of answers) {
    router.get(path, (ctx) => {
      ctx.body = body;
    });
  }
  router.get(`/openapi/v3/apis/:group/:version`, (ctx) => {
    const text = openApi.documents.get(`apis/${param(ctx, 'group')}/${param(ctx, 'version')}`);
    if (text === undefined) throw noSuchPath();
    ctx.type = 'application/json';
    ctx.body = text;
  });
  // Clients before 1.29 ask for this one, as protobuf; an empty document is a valid one.
  router.get('/openapi/v2', (ctx) => {
    ctx.type = 'application/octet-stream';
    ctx.body = Buffer.alloc(0);
  });
}

function addStored(router: Router, deps: AppDeps, type: StoredType, bodies: BodyReader): void {
  const base = `/apis/${API_GROUP}/v1/${type.plural}`;
  const one = `${base}/:name`;
  router.get(base, async (ctx) => {
    const asked = readListQuery(ctx, type);
    await (asked.isWatch ? watchStored(deps, ctx, type, asked) : listStored(deps, ctx, type, asked));
  });
  router.post(base, (ctx) => createStored(deps, ctx, type, bodies));
  router.delete(base, (ctx) => deleteCollection(deps, ctx, type, bodies));
  router.get(one, (ctx) => getStored(deps, ctx, type, param(ctx, 'name')));
  router.put(one, (ctx) => replaceStored(deps, ctx, type, param(ctx, 'name'), bodies));
  router.patch(one, (ctx) => patchStored(deps, ctx, type, param(ctx, 'name'), bodies));
  router.delete(one, (ctx) => deleteStored(deps, ctx, type, param(ctx, 'name'), bodies));
  // Observed state is the controller's alone: to be read here, not to be written.
  router.get(`${one}/status`, (ctx) => getStored(deps, ctx, type, param(ctx, 'name')));
}

export function param(ctx: Context, name: string): string {
  return String((ctx['params'] as { [name: string]: string | undefined })[name] ?? '');
}
