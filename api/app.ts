// The API as a Koa application, without a port: who is asking, which resource is meant, and how errors are told.
//
// Owns: the order in which a request is looked at. Does not own: what is done with it (resources/, faces/, core/).
//
// A1  everything but health, version, the pages about the API itself and callbacks (faces/hooks.ts) needs a token.
// A2  whatever goes wrong is answered with a Status, and the process goes on.

import { performance } from 'node:perf_hooks';
import Koa, { type Context, type Next } from 'koa';
import Router from 'koa-router';
import { logRequests } from './access-log.ts';
import { addCore } from './core/routes.ts';
import type { ApiDeps, AppDeps } from './deps.ts';
import { addExecutions } from './faces/executions.ts';
import { addHooks, isHook, withoutToken } from './faces/hooks.ts';
import { addDocs } from './faces/openapi.ts';
import { addSteps } from './faces/steps.ts';
import { addWorkflows } from './faces/workflows.ts';
import { addHealth } from './health.ts';
import { addMetrics, Metrics, timeRequests } from './metrics.ts';
import { openApiDocuments } from './openapi.ts';
import {
  type ApiError,
  badRequest,
  methodNotAllowed,
  noSuchPath,
  type Subject,
  toApiError,
  toStatus,
} from './problem.ts';
import { BodyReader } from './request.ts';
import { ChangeHub, SharedLists, Texts } from './resources/hub.ts';
import { addGraphs } from './resources/graph.ts';
import { addResources } from './resources/routes.ts';
import { addRunParts } from './resources/run-parts.ts';
import { addViews } from './resources/views.ts';
import { addIdentity } from './identity/routes.ts';

/** Paths that anybody may ask for. */
const OPEN = new Set(['/healthz', '/livez', '/readyz', '/version', '/docs', '/openapi.json']);
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
const LONGEST_URL = 4096;

export function createApp(given: ApiDeps): Koa {
  const { store } = given;
  const shared = { hub: new ChangeHub(store), lists: new SharedLists(store), texts: new Texts() };
  const deps: AppDeps = { ...given, shared };
  const app = new Koa();
  app.proxy = false;
  app.silent = true;
  app.on('error', (error: unknown) => deps.log.debug('an answer was cut off', { error: String(error) }));
  const router = new Router();
  const bodies = new BodyReader();
  const metrics = new Metrics(deps);
  addHealth(router, deps);
  addMetrics(router, metrics);
  addResources(router, deps, { bodies, openApi: openApiDocuments(deps.version) });
  addRunParts(router, deps);
  addGraphs(router, deps);
  addViews(router, deps);
  addCore(router, deps);
  addIdentity(router, deps, bodies);
  addWorkflows(router, deps, bodies);
  addExecutions(router, deps, bodies);
  addSteps(router, deps, bodies);
  addHooks(router, deps, bodies);
  addDocs(router, deps);
  app.use(logRequests(deps));
  app.use(timeRequests(metrics, () => performance.now()));
  app.use(tellErrors(deps));
  app.use(checkRequest);
  app.use(authenticate(deps));
  app.use(router.routes());
  app.use(refuse(router));
  return app;
}

function tellErrors(deps: ApiDeps) {
  return async (ctx: Context, next: Next): Promise<void> => {
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.set('Cache-Control', 'no-store');
    try {
      await next();
    } catch (error) {
      const subject = (ctx.state['subject'] ?? null) as Subject | null;
      answerError(
        ctx,
        toApiError(error, subject, (unexpected) => report(deps, ctx, unexpected)),
      );
    }
  };
}

function report(deps: ApiDeps, ctx: Context, error: unknown): string {
  const id = deps.random.hex(12);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  deps.log.error('a request failed', { id, method: ctx.method, path: withoutToken(ctx.path), error: text });
  return `the log says why under ${id}`;
}

function answerError(ctx: Context, error: ApiError): void {
  // The answer is under way already: the client sees it cut off, which is all that can be said.
  if (ctx.res.headersSent) return void ctx.res.destroy();
  ctx.respond = true;
  ctx.body = toStatus(error);
  ctx.status = error.code;
  for (const [name, value] of Object.entries(error.headers)) ctx.set(name, value);
}

/** What no route should have to think of. */
async function checkRequest(ctx: Context, next: Next): Promise<void> {
  if (!METHODS.has(ctx.method)) throw methodNotAllowed([...METHODS]);
  if (ctx.url.length > LONGEST_URL) throw badRequest(`URL: expected at most ${LONGEST_URL} characters`);
  // A step's id may hold slashes, and stands last where it stands.
  const path = ctx.path.replace(/\/steps\/[^/]+$/, '/steps');
  if (/%(2f|5c|00)|\\|\/\/|\/\.\.?(\/|$)/i.test(path) || !isDecodable(ctx.path)) {
    throw badRequest('URL: expected a path of plain segments');
  }
  await next();
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function authenticate(deps: ApiDeps) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const headers = ctx.req.headersDistinct['authorization'] ?? [];
    if (!OPEN.has(ctx.path) && !isHook(ctx.path)) {
      ctx.state['identity'] = await deps.auth.authenticate(headers.length === 1 ? headers[0] : undefined);
    }
    await next();
  };
}

/** Nothing answered: the path, or the method on it. */
function refuse(router: Router) {
  return (ctx: Context): void => {
    const allowed = new Set(router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods));
    if (allowed.size > 0) throw methodNotAllowed([...allowed]);
    throw noSuchPath();
  };
}
