// Sub-resources of a run: its log, its journal. Read only; what a log is is said elsewhere (core/log.ts), its graph is graph.ts.

import { setImmediate } from 'node:timers/promises';
import type { Context } from 'koa';
import type Router from 'koa-router';
import { API_GROUP, type Resource } from '../../manifests/model.ts';
import { notStarted, sendLog } from '../core/log.ts';
import { mainNode } from '../core/pods.ts';
import { findRun } from '../core/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiError, badRequest, notFound } from '../problem.ts';
import { flag, queryOf, wholeNumber } from '../request.ts';
import { param } from './routes.ts';
import { openStream } from './watch.ts';

const RANGE_LIMIT_BYTES = 1024 * 1024;
const BATCH = 500;

export function addRunParts(router: Router, deps: ApiDeps): void {
  const base = `/apis/${API_GROUP}/v1/workflowruns/:name`;
  router.get(`${base}/log`, (ctx) => log(deps, ctx));
  router.get(`${base}/journal`, (ctx) => journal(deps, ctx));
}

async function existing(deps: ApiDeps, ctx: Context): Promise<Resource> {
  const name = param(ctx, 'name');
  const run = await findRun(deps.store, name);
  if (run === null) throw notFound('workflowruns', API_GROUP, name);
  return run;
}

/** `?node=&follow=` as text; with `offset`, the bytes from there on, for programs that read on by themselves. */
async function log(deps: ApiDeps, ctx: Context): Promise<void> {
  const query = queryOf(ctx, ['node', 'attempt', 'follow', 'tailLines', 'limitBytes', 'offset', 'attempts']);
  const object = await existing(deps, ctx);
  const { name, uid } = object.metadata;
  const node = query.get('node') || undefined;
  const attempt = wholeNumber(query, 'attempt');
  if (query.has('attempts') && node !== undefined) {
    ctx.body = { attempts: await deps.store.runs.logAttempts({ name, uid }, node) };
    return;
  }
  const offset = wholeNumber(query, 'offset');
  if (offset !== undefined) {
    if (node === undefined || attempt === undefined)
      throw badRequest('query parameter "offset": expected node and attempt, too');
    const limit = Math.min(wholeNumber(query, 'limitBytes') ?? RANGE_LIMIT_BYTES, RANGE_LIMIT_BYTES);
    ctx.type = 'application/octet-stream';
    ctx.body = Buffer.from(await deps.store.runs.readLog({ name, uid }, node, attempt, offset, limit));
    return;
  }
  const request = {
    object,
    node,
    attempt,
    isPrevious: false,
    isFollow: flag(query, 'follow'),
    tailLines: wholeNumber(query, 'tailLines'),
    limitBytes: wholeNumber(query, 'limitBytes'),
    since: undefined,
    hasTimestamps: false,
  };
  await sendLog(deps, ctx, request, mainNode);
}

/** Every event as a JSON line, from the first; `?after=SEQ` leaves out what is known. */
async function journal(deps: ApiDeps, ctx: Context): Promise<void> {
  const query = queryOf(ctx, ['after']);
  const object = await existing(deps, ctx);
  const { name, uid } = object.metadata;
  const loaded = await deps.store.runs.load({ name, uid }, { ignoreSnapshot: true });
  if (loaded === null) throw notStarted(name);
  if (loaded.broken !== undefined)
    throw new ApiError('InternalError', `${loaded.broken.reason}: ${loaded.broken.message}`);
  const skipped = Math.min(wholeNumber(query, 'after') ?? 0, loaded.events.length);
  ctx.set('X-Oarlock-Last-Seq', String(loaded.lastSeq));
  const response = openStream(ctx, 'application/x-ndjson');
  for (let index = skipped; index < loaded.events.length && !response.destroyed; index += BATCH) {
    const lines = loaded.events.slice(index, index + BATCH).map((event) => `${JSON.stringify(event)}\n`);
    if (!response.write(lines.join(''))) await drained(response);
    else await setImmediate();
  }
  response.end();
}

function drained(response: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}
