// The single endpoint for lists of steps: steps in, a run id out at once; then its status.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { isObject, type JsonObject } from '../../kernel/json.ts';
import { nodeStatuses } from '../../kernel/status.ts';
import { API_GROUP, type Resource } from '../../manifests/model.ts';
import { allRuns, foldedRun } from '../core/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { badRequest, noSuchPath, notFound } from '../problem.ts';
import { type BodyReader, queryOf } from '../request.ts';
import { decodeData } from '../resources/decode.ts';
import { param } from '../resources/routes.ts';
import { runManifest } from './executions.ts';
import { findExecution, phaseOf, statusOf } from './names.ts';

export function addSteps(router: Router, deps: ApiDeps, bodies: BodyReader): void {
  router.post('/workflow', (ctx) => start(deps, ctx, bodies));
  router.get('/workflow_status/:run_id', (ctx) => status(deps, ctx));
  router.get('/runs', (ctx) => list(deps, ctx));
}

/** `{"steps": [{"type": "parallel", "tasks": ["task_a", "task_b"]}]}`, or any other form of a workflow. */
async function start(deps: ApiDeps, ctx: Context, bodies: BodyReader): Promise<void> {
  queryOf(ctx, []);
  const workflow = await decodeData(await bodies.read(ctx, ['json', 'yaml']));
  if (!isObject(workflow)) throw badRequest('body: expected {"steps": [...]}');
  const runId = deps.random.uuid();
  ctx.state['subject'] = { kind: 'WorkflowRun', name: runId };
  const { input, ...definition } = workflow;
  const spec: JsonObject = { workflow: definition, ...(input === undefined ? {} : { input }) };
  await deps.store.resources.create(await runManifest(runId, spec));
  ctx.status = 202;
  ctx.body = { run_id: runId, status: 'PENDING' };
}

async function status(deps: ApiDeps, ctx: Context): Promise<void> {
  const id = param(ctx, 'run_id');
  const object = await findExecution(deps.store, id);
  if (object === null) throw notFound('workflowruns', API_GROUP, id);
  ctx.body = await statusFace(deps, object);
}

async function statusFace(deps: ApiDeps, object: Resource): Promise<JsonObject> {
  const run = await foldedRun(deps.store, object);
  const nodes = run === null ? {} : nodeStatuses(run);
  const tasks = Object.entries(nodes).map(([id, node]) => {
    const { state, attempts, startTime, finishTime, output, error } = isObject(node) ? node : {};
    return {
      id,
      status: state ?? 'PENDING',
      attempts: attempts ?? 0,
      started_at: startTime ?? null,
      finished_at: finishTime ?? null,
      result: output ?? null,
      error: error ?? null,
    };
  });
  return { run_id: object.metadata.name, status: statusOf(object), phase: phaseOf(object), tasks };
}

/** For those who look for a run's id while they build something; not there otherwise. */
async function list(deps: ApiDeps, ctx: Context): Promise<void> {
  if (!deps.isDebug) throw noSuchPath();
  const runs: JsonObject[] = [];
  for await (const run of allRuns(deps.store)) {
    runs.push({ run_id: run.metadata.name, status: statusOf(run), created_at: run.metadata.creationTimestamp });
  }
  ctx.body = { runs };
}
