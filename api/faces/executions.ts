// A plain face for runs: start an execution, look at it and its steps, list, cancel.
// Every one of them is a WorkflowRun, also for kubectl; nothing is kept here.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { StoreError } from '../../kernel/errors.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import { summarize } from '../../kernel/status.ts';
import { API_GROUP, API_VERSION, type Manifest, type Resource } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import { allRuns, foldedRun } from '../core/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { badRequest, notFound } from '../problem.ts';
import { type BodyReader, queryOf, wholeNumber } from '../request.ts';
import { decodeData, decodeValue } from '../resources/decode.ts';
import { continueAfter, continueToken } from '../resources/read.ts';
import { alreadyEnded, checkReadable, hasEnded } from '../resources/rules.ts';
import { param } from '../resources/routes.ts';
import { historyOf, stepOf, stepsOf } from './execution-steps.ts';
import { findExecution, isStatusWord, phaseOf, present, STATUS_WORDS, statusOf } from './names.ts';

const PAGE = 100;
const LARGEST_PAGE = 1000;
const TRIES = 20;

export function addExecutions(router: Router, deps: ApiDeps, bodies: BodyReader): void {
  router.post('/workflow-executions', (ctx) => start(deps, ctx, bodies));
  router.get('/workflow-executions', (ctx) => list(deps, ctx));
  router.get('/workflow-executions/:id', async (ctx) => {
    ctx.body = await whole(deps, await existing(deps, ctx));
  });
  router.get('/workflow-executions/:id/steps/:stepId', async (ctx) => {
    ctx.body = await stepOf(deps, await existing(deps, ctx), param(ctx, 'stepId'));
  });
  router.get('/workflow-executions/:id/history', async (ctx) => {
    ctx.body = { history: await historyOf(deps, await existing(deps, ctx), null) };
  });
  router.put('/workflow-executions/:id/cancel', (ctx) => cancel(deps, ctx));
}

async function existing(deps: ApiDeps, ctx: Context): Promise<Resource> {
  const id = param(ctx, 'id');
  const run = await findExecution(deps.store, id);
  if (run === null) throw notFound('workflowruns', API_GROUP, id);
  return run;
}

// --- start ---------------------------------------------------------------------------------------

const START_FIELDS = ['workflowId', 'workflow', 'workflowName', 'workflow_id', 'input', 'name'];

async function start(deps: ApiDeps, ctx: Context, bodies: BodyReader): Promise<void> {
  queryOf(ctx, []);
  const asked = await decodeData(await bodies.read(ctx, ['json', 'yaml']));
  if (!isObject(asked)) throw badRequest('body: expected {"workflowId": NAME, "input": ...}');
  const unknown = Object.keys(asked).find((field) => !START_FIELDS.includes(field));
  if (unknown !== undefined)
    throw badRequest(`unknown field ${JSON.stringify(unknown)}; expected ${START_FIELDS.join(', ')}`);
  const name = textAt(asked, 'name') || deps.random.uuid();
  ctx.state['subject'] = { kind: 'WorkflowRun', name };
  const spec: JsonObject = await definitionOf(deps, asked);
  if (asked['input'] !== undefined) spec['input'] = asked['input'];
  const object = await deps.store.resources.create(await runManifest(name, spec));
  ctx.status = 201;
  ctx.body = summary(object);
}

export async function runManifest(name: string, spec: JsonObject): Promise<Manifest> {
  const value = { apiVersion: API_VERSION, kind: 'WorkflowRun', metadata: { name }, spec };
  return (await decodeValue(value as Json, { kind: 'WorkflowRun', validation: 'Strict' })).manifest;
}

/** By name, or the definition itself. */
async function definitionOf(deps: ApiDeps, asked: JsonObject): Promise<JsonObject> {
  const inline = asked['workflow'];
  if (isObject(inline)) return { workflow: inline };
  const id = ['workflowId', 'workflow', 'workflowName', 'workflow_id']
    .map((field) => textAt(asked, field))
    .find(Boolean);
  if (id === undefined) throw badRequest('workflowId: required, the name of a registered workflow');
  const workflow = isObjectName(id) ? await deps.store.resources.get('Workflow', id) : null;
  if (workflow === null) throw notFound('workflows', API_GROUP, id);
  return { workflowRef: { name: id } };
}

// --- look ----------------------------------------------------------------------------------------

function summary(run: Resource): JsonObject {
  const { name, uid, creationTimestamp } = run.metadata;
  const status = run.status ?? {};
  return present({
    id: name,
    uid,
    workflowId: textAt(status, 'workflow') || textAt(run.spec['workflowRef'], 'name'),
    status: statusOf(run),
    phase: phaseOf(run),
    createdAt: creationTimestamp,
    startedAt: textAt(status, 'startTime'),
    finishedAt: textAt(status, 'completionTime'),
    message: textAt(status, 'message'),
    counts: status['counts'] ?? null,
  });
}

async function whole(deps: ApiDeps, object: Resource): Promise<JsonObject> {
  const run = await foldedRun(deps.store, object);
  // What is published may be some milliseconds behind the steps. An end is told once it is published, because only then it is
  // recorded, and lists know of it.
  const isOver = hasEnded(object);
  const now = run === null || (run.end !== null && !isOver) ? {} : summarize(run, object.metadata.generation);
  const status: JsonObject = { ...object.status, ...now };
  return {
    ...summary({ ...object, status }),
    input: object.spec['input'] ?? {},
    ...present({ output: status['output'] ?? null, error: status['error'] ?? null }),
    ...stepsOf(run, isOver),
  };
}

// --- list ----------------------------------------------------------------------------------------

const LIST_QUERY = ['workflowId', 'workflow', 'status', 'startedAfter', 'startedBefore', 'limit', 'continue'];

async function list(deps: ApiDeps, ctx: Context): Promise<void> {
  const query = queryOf(ctx, LIST_QUERY);
  const limit = Math.min(wholeNumber(query, 'limit') ?? PAGE, LARGEST_PAGE);
  const after = continueAfter(query.get('continue')) ?? '';
  const isWanted = filterOf(query);
  const executions: JsonObject[] = [];
  for await (const run of allRuns(deps.store, after)) {
    if (!isWanted(run)) continue;
    if (executions.length === limit) {
      ctx.body = { executions, continue: continueToken(textAt(executions.at(-1), 'id')) };
      return;
    }
    executions.push(summary(run));
  }
  ctx.body = { executions };
}

function filterOf(query: ReadonlyMap<string, string>): (run: Resource) => boolean {
  const workflow = query.get('workflowId') ?? query.get('workflow');
  const status = query.get('status')?.toUpperCase();
  if (status !== undefined && !isStatusWord(status))
    throw badRequest(`query parameter "status": expected one of ${STATUS_WORDS}, found ${JSON.stringify(status)}`);
  const from = timeOf(query, 'startedAfter');
  const until = timeOf(query, 'startedBefore');
  return (run) => {
    const begun = Date.parse(textAt(run.status, 'startTime') || run.metadata.creationTimestamp);
    const runs = textAt(run.status, 'workflow') || textAt(run.spec['workflowRef'], 'name');
    return (
      (workflow === undefined || runs === workflow) &&
      (status === undefined || statusOf(run) === status || phaseOf(run).toUpperCase() === status) &&
      (from === undefined || begun >= from) &&
      (until === undefined || begun < until)
    );
  };
}

function timeOf(query: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw badRequest(`query parameter ${JSON.stringify(name)}: expected a time in RFC 3339`);
  return time;
}

// --- cancel --------------------------------------------------------------------------------------

/** Asks for it; that it has been done shows in the status. Asking twice is fine. */
async function cancel(deps: ApiDeps, ctx: Context): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const run = await existing(deps, ctx);
    if (run.spec['cancel'] !== true && hasEnded(run)) throw alreadyEnded(run);
    ctx.state['subject'] = { kind: run.kind, name: run.metadata.name };
    checkReadable(run);
    const { name, labels, annotations, finalizers, uid, resourceVersion } = run.metadata;
    const notes = {
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const metadata = { name, ...notes, ...(finalizers === undefined ? {} : { finalizers }) };
    const manifest: Manifest = {
      apiVersion: run.apiVersion,
      kind: run.kind,
      metadata,
      spec: { ...run.spec, cancel: true },
    };
    try {
      ctx.body = summary(await deps.store.resources.update(manifest, { uid, expected: resourceVersion }));
      ctx.status = 202;
      return;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'Conflict' || tries === TRIES) throw error;
    }
  }
}
