// The paths of the core group: what kubectl has compiled in, made of runs.
// Objects of ours have no namespaces, so the one in a path says nothing and every one will do.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { type JsonObject, textAt } from '../../kernel/json.ts';
import type { Resource } from '../../manifests/model.ts';
import type { ApiDeps, AppDeps } from '../deps.ts';
import { badRequest, notFound } from '../problem.ts';
import { flag, queryOf, wholeNumber } from '../request.ts';
import { answerList, GET_QUERY, type ListQuery, readListQuery, selectListed } from '../resources/read.ts';
import { param } from '../resources/routes.ts';
import { CORE_TYPES, type ResourceType } from '../resources/types.ts';
import { watchStored } from '../resources/watch.ts';
import { listEvents, watchEvents } from './events.ts';
import { sendLog } from './log.ts';
import { mainNode, podHead, podView, RUN_LABEL, wholePod } from './pods.ts';
import { allRuns, findRun } from './runs.ts';

const NAMESPACED = '/api/v1/namespaces/:namespace';

export function addCore(router: Router, deps: AppDeps): void {
  const [pods, events, services] = CORE_TYPES;
  if (pods === undefined || events === undefined || services === undefined) return;
  for (const base of ['/api/v1', NAMESPACED]) {
    router.get(`${base}/pods`, (ctx) => {
      const asked = readListQuery(ctx, pods);
      const namespace = param(ctx, 'namespace') || 'default';
      return asked.isWatch
        ? watchStored(deps, ctx, pods, asked, podView(deps, namespace))
        : listPods(deps, ctx, pods, asked, namespace);
    });
    router.get(`${base}/services`, (ctx) => {
      const asked = readListQuery(ctx, services);
      answerList(deps, ctx, services, asked, selectListed([], asked, 0));
    });
    router.get(`${base}/events`, (ctx) => {
      const asked = readListQuery(ctx, events);
      const answer = asked.isWatch ? watchEvents : listEvents;
      return answer(deps, ctx, events, asked, param(ctx, 'namespace'));
    });
  }
  router.get(`${NAMESPACED}/pods/:name`, async (ctx) => {
    queryOf(ctx, GET_QUERY);
    ctx.body = await wholePod(deps, await existingRun(deps, param(ctx, 'name')), param(ctx, 'namespace'));
  });
  router.get(`${NAMESPACED}/pods/:name/log`, (ctx) => podLog(deps, ctx));
  // Objects of ours have no namespace; a client that asks whether one exists may go on.
  router.get(NAMESPACED, (ctx) => {
    const name = param(ctx, 'namespace');
    ctx.body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase: 'Active' } };
  });
}

async function existingRun(deps: ApiDeps, name: string): Promise<Resource> {
  const run = await findRun(deps.store, name);
  if (run === null) throw notFound('pods', '', name);
  return run;
}

async function listPods(
  deps: ApiDeps,
  ctx: Context,
  type: ResourceType,
  asked: ListQuery,
  namespace: string,
): Promise<void> {
  const revision = await deps.store.resources.revision();
  const heads: JsonObject[] = [];
  const runs = new Map<string, Resource>();
  for await (const run of candidates(deps, asked)) {
    heads.push(podHead(run, namespace));
    runs.set(run.metadata.name, run);
  }
  const listed = selectListed(heads, asked, revision);
  if (asked.form.table !== null) return answerList(deps, ctx, type, asked, listed);
  const items: JsonObject[] = [];
  for (const head of listed.items) {
    const run = runs.get(textAt(head['metadata'], 'name'));
    if (run !== undefined) items.push(await wholePod(deps, run, namespace));
  }
  answerList(deps, ctx, type, asked, { ...listed, items });
}

/** One run when the selectors name it, else all. */
async function* candidates(deps: ApiDeps, asked: ListQuery): AsyncGenerator<Resource> {
  const label = new RegExp(`^${RUN_LABEL.replaceAll('.', '\\.')}==?([^,]+)$`).exec(
    asked.query.get('labelSelector') ?? '',
  );
  const name = asked.selector.name ?? label?.[1];
  if (name === undefined) return yield* allRuns(deps.store);
  const run = await findRun(deps.store, name);
  if (run !== null) yield run;
}

const LOG_QUERY = [
  'container',
  'follow',
  'tailLines',
  'timestamps',
  'sinceSeconds',
  'sinceTime',
  'previous',
  'limitBytes',
  'insecureSkipTLSVerifyBackend',
  'stream',
];

async function podLog(deps: ApiDeps, ctx: Context): Promise<void> {
  const query = queryOf(ctx, LOG_QUERY);
  const object = await existingRun(deps, param(ctx, 'name'));
  await sendLog(
    deps,
    ctx,
    {
      object,
      node: query.get('container') || undefined,
      attempt: undefined,
      isPrevious: flag(query, 'previous'),
      isFollow: flag(query, 'follow'),
      tailLines: wholeNumber(query, 'tailLines'),
      limitBytes: wholeNumber(query, 'limitBytes'),
      since: sinceOf(deps, query),
      hasTimestamps: flag(query, 'timestamps'),
    },
    mainNode,
  );
}

function sinceOf(deps: ApiDeps, query: ReadonlyMap<string, string>): number | undefined {
  const seconds = wholeNumber(query, 'sinceSeconds');
  if (seconds !== undefined) return deps.store.clock.now().wall - seconds * 1000;
  const text = query.get('sinceTime');
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw badRequest('query parameter "sinceTime": expected a time in RFC 3339');
  return time;
}
