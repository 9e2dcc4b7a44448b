// The picture of a run, or of what a run of a workflow could become, over HTTP.
//
// Owns: `?format=`, `?at=`, `?expand=` and content types. Does not own: what the picture shows (kernel/picture/), how SVG is made
// (runtime/graphviz.ts: in a thread, with a deadline).

import type { Context } from 'koa';
import type Router from 'koa-router';
import { newRun } from '../../kernel/apply.ts';
import { dotOf } from '../../kernel/picture/dot.ts';
import { folded } from '../../kernel/picture/fold.ts';
import { type Picture, pictureOf } from '../../kernel/picture/picture.ts';
import { reduced } from '../../kernel/picture/reduce.ts';
import type { Run } from '../../kernel/run.ts';
import { futuresOf } from '../../manifests/futures.ts';
import { API_GROUP } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import { DrawingError, Graphviz } from '../../runtime/graphviz.ts';
import { compileRun } from '../../store/compile-run.ts';
import { loadRunAt } from '../../store/load-run.ts';
import { notStarted } from '../core/log.ts';
import { findRun, foldedRun } from '../core/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiError, badRequest, notFound, type Reason } from '../problem.ts';
import { flag, queryOf } from '../request.ts';
import { param } from './routes.ts';

const TYPES = { json: 'application/json', dot: 'text/vnd.graphviz', svg: 'image/svg+xml' } as const;
type Format = keyof typeof TYPES;

const REASONS: Readonly<Record<DrawingError['code'], Reason>> = {
  TooLarge: 'RequestEntityTooLarge',
  TooSlow: 'ServiceUnavailable',
  Busy: 'TooManyRequests',
  Failed: 'InternalError',
};

export function addGraphs(router: Router, deps: ApiDeps): void {
  const base = `/apis/${API_GROUP}/v1`;
  const graphviz = new Graphviz();
  router.get(`${base}/workflowruns/:name/graph`, async (ctx) => {
    const query = queryOf(ctx, ['format', 'at', 'expand']);
    const run = await runAt(deps, param(ctx, 'name'), query.get('at'));
    await answer(ctx, query, graphviz, pictureOf(run, futuresOf(run)));
  });
  router.get(`${base}/workflows/:name/graph`, async (ctx) => {
    const query = queryOf(ctx, ['format', 'expand']);
    const run = await hypotheticalRun(deps, param(ctx, 'name'));
    await answer(ctx, query, graphviz, pictureOf(run, futuresOf(run), { isWorkflow: true }));
  });
}

async function runAt(deps: ApiDeps, name: string, at: string | undefined): Promise<Run> {
  const object = await findRun(deps.store, name);
  if (object === null) throw notFound('workflowruns', API_GROUP, name);
  if (at === undefined) {
    const run = await foldedRun(deps.store, object);
    if (run === null) throw notStarted(name);
    return run;
  }
  const past = await loadRunAt(deps.store.runs, { name, uid: object.metadata.uid }, at);
  if (past === null) throw notStarted(name);
  if ('problem' in past) throw badRequest(`query parameter "at": ${past.problem}`);
  return past.run;
}

async function hypotheticalRun({ store }: ApiDeps, name: string): Promise<Run> {
  const workflow = isObjectName(name) ? await store.resources.get('Workflow', name) : null;
  if (workflow === null) throw notFound('workflows', API_GROUP, name);
  const definition = { name, generation: workflow.metadata.generation, spec: workflow.spec };
  const registration = await compileRun(store.resources, { name, spec: { workflowRef: { name } } }, definition);
  return newRun({ at: 0, time: 0, type: 'Registered', registration });
}

async function answer(
  ctx: Context,
  query: ReadonlyMap<string, string>,
  graphviz: Graphviz,
  picture: Picture,
): Promise<void> {
  const format = formatOf(ctx, query.get('format'));
  const isExpanded = query.has('expand') ? flag(query, 'expand') : format === 'json';
  const shown = isExpanded ? picture : folded(picture);
  const body = format === 'json' ? shown : await drawn(shown, format, graphviz);
  ctx.type = TYPES[format];
  ctx.body = body;
}

/** `?format=json|dot|svg`, or by the Accept header. */
function formatOf(ctx: Context, asked: string | undefined): Format {
  if (asked === 'json' || asked === 'dot' || asked === 'svg') return asked;
  if (asked !== undefined)
    throw badRequest(`query parameter "format": expected json, dot or svg, found ${JSON.stringify(asked)}`);
  const accepted = ctx.accepts(TYPES.json, TYPES.dot, TYPES.svg);
  return accepted === TYPES.dot ? 'dot' : accepted === TYPES.svg ? 'svg' : 'json';
}

async function drawn(picture: Picture, format: 'dot' | 'svg', graphviz: Graphviz): Promise<string> {
  const dot = `${dotOf(reduced(picture))}\n`;
  if (format === 'dot') return dot;
  try {
    return await graphviz.svg(dot);
  } catch (error) {
    if (!(error instanceof DrawingError)) throw error;
    throw new ApiError(REASONS[error.code], error.message);
  }
}
