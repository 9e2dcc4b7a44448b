// Workers and TaskLeases: read-only views, made anew for every answer.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { type JsonObject, textAt } from '../../kernel/json.ts';
import { API_GROUP } from '../../manifests/model.ts';
import { listLeases, listWorkers } from '../../store/views.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../problem.ts';
import { queryOf } from '../request.ts';
import { answerList, GET_QUERY, readListQuery, selectListed } from './read.ts';
import { param } from './routes.ts';
import { type ResourceType, VIEW_TYPES } from './types.ts';

export function addViews(router: Router, deps: ApiDeps): void {
  for (const type of VIEW_TYPES) {
    const base = `/apis/${API_GROUP}/v1/${type.plural}`;
    router.get(base, async (ctx) => {
      const asked = readListQuery(ctx, type);
      const revision = await deps.store.resources.revision();
      answerList(deps, ctx, type, asked, selectListed(await viewsOf(deps, type), asked, revision));
    });
    router.get(`${base}/:name`, (ctx) => getView(deps, ctx, type));
  }
}

function viewsOf(deps: ApiDeps, type: ResourceType): Promise<JsonObject[]> {
  return type.kind === 'Worker' ? listWorkers(deps.store) : listLeases(deps.store);
}

async function getView(deps: ApiDeps, ctx: Context, type: ResourceType): Promise<void> {
  queryOf(ctx, GET_QUERY);
  const name = param(ctx, 'name');
  const found = (await viewsOf(deps, type)).find((object) => textAt(object['metadata'], 'name') === name);
  if (found === undefined) throw notFound(type.plural, type.group, name);
  ctx.body = found;
}
