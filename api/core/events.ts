// What happened to runs, as Events, for `kubectl describe` and `kubectl events`: made of their journals.
//
// V1  an Event is named by its place in the journal, so the same transition is the same Event in every process, for ever.
// V2  without the name of a run only recent ones are told, the newest runs first.

import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { type Transition, transitions } from '../../kernel/history.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Resource } from '../../manifests/model.ts';
import type { ApiDeps } from '../deps.ts';
import { toApiError, toStatus } from '../problem.ts';
import { wholeNumber } from '../request.ts';
import { answerList, type ListQuery, selectListed } from '../resources/read.ts';
import { toTable } from '../resources/table.ts';
import type { ResourceType } from '../resources/types.ts';
import { openStream } from '../resources/watch.ts';
import { allRuns, endedAt, findRun } from './runs.ts';

const RECENT_MS = 3_600_000;
const RECENT_RUNS = 100;
const EVENTS_OF_RUN = 500;
const LONGEST_SECONDS = 3_600;
const WARNINGS = new Set(['FAILED', 'RETRYING', 'Failed', 'Cancelled', 'CANCELLED']);

export async function listEvents(deps: ApiDeps, ctx: Context, type: ResourceType, asked: ListQuery, namespace: string) {
  const revision = await deps.store.resources.revision();
  const events: JsonObject[] = [];
  for (const run of await concernedRuns(deps, asked)) events.push(...(await eventsOf(deps, run, namespace)));
  answerList(deps, ctx, type, asked, selectListed(events, asked, revision));
}

async function concernedRuns(deps: ApiDeps, { selector }: ListQuery): Promise<Resource[]> {
  const kind = selector.equals.get('involvedObject.kind');
  if (kind !== undefined && kind !== 'WorkflowRun') return [];
  const name = selector.equals.get('involvedObject.name');
  if (name !== undefined) {
    const run = await findRun(deps.store, name);
    return run === null ? [] : [run];
  }
  const oldest = deps.store.clock.now().wall - RECENT_MS;
  const recent: Resource[] = [];
  for await (const run of allRuns(deps.store)) if ((endedAt(run) ?? oldest) >= oldest) recent.push(run);
  return recent
    .sort((a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion))
    .slice(0, RECENT_RUNS);
}

/** The newest of a run, oldest first. */
async function eventsOf(deps: ApiDeps, run: Resource, namespace: string): Promise<JsonObject[]> {
  const told = await transitionsOf(deps, run);
  const first = Math.max(0, told.length - EVENTS_OF_RUN);
  return told.slice(first).map((transition, index) => toEvent(run, transition, first + index, namespace));
}

async function transitionsOf(deps: ApiDeps, run: Resource): Promise<Transition[]> {
  const { name, uid } = run.metadata;
  const loaded = await deps.store.runs.load({ name, uid }, { ignoreSnapshot: true });
  return loaded === null ? [] : [...transitions(loaded.events)];
}

function toEvent(
  run: Resource,
  { at, node, from, to, note }: Transition,
  index: number,
  namespace: string,
): JsonObject {
  const { name, uid } = run.metadata;
  const time = `${new Date(at).toISOString().slice(0, 19)}Z`;
  const id = `${name}.${index.toString(16).padStart(8, '0')}`;
  const change =
    node === null
      ? from === ''
        ? 'started'
        : from === to
          ? ''
          : `now ${to}`
      : `${from === '' ? '' : `${from} -> `}${to}`;
  const subject = node === null ? 'run' : `task ${JSON.stringify(node)}`;
  const words = [change, note].filter((text) => text !== '').join(', ');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: id,
      namespace: namespace === '' ? 'default' : namespace,
      uid: uidOf(uid, index),
      resourceVersion: run.metadata.resourceVersion,
      creationTimestamp: time,
    },
    involvedObject: { apiVersion: run.apiVersion, kind: run.kind, name, uid },
    type: WARNINGS.has(to) ? 'Warning' : 'Normal',
    reason: reasonOf(to, note),
    message: `${subject}: ${words}`,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    eventTime: null,
    source: { component: 'oarlock-controller' },
    reportingComponent: 'oarlock-controller',
    reportingInstance: '',
  };
}

function reasonOf(to: string, note: string): string {
  if (note.startsWith('stopping')) return 'Stopping';
  return to === to.toUpperCase() ? `${to.slice(0, 1)}${to.slice(1).toLowerCase()}` : to;
}

function uidOf(uid: string, index: number): string {
  const hex = createHash('sha256').update(`${uid} ${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

// --- watch ---------------------------------------------------------------------------------------

/** New ones of all runs from now on; those of a run that changes are found in its journal. */
export async function watchEvents(
  deps: ApiDeps,
  ctx: Context,
  type: ResourceType,
  asked: ListQuery,
  namespace: string,
) {
  const seconds = Math.min(wholeNumber(asked.query, 'timeoutSeconds') ?? LONGEST_SECONDS, LONGEST_SECONDS);
  const response = openStream(ctx, 'application/json');
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  const cancel = deps.store.clock.after(seconds * 1000, () => closed.abort());
  const begun = deps.store.clock.now().wall;
  const told = new Map<string, number>();
  let hasColumns = true;
  try {
    const from = await deps.store.resources.revision();
    for await (const change of deps.store.resources.watch(from, AbortSignal.any([closed.signal, deps.stop]))) {
      if (change.kind !== 'WorkflowRun' || change.verb === 'Deleted') continue;
      const all = await transitionsOf(deps, change.object);
      const start = told.get(change.uid) ?? all.findIndex(({ at }) => at >= begun);
      told.set(change.uid, all.length);
      if (start < 0) continue;
      for (const [index, transition] of all.entries()) {
        if (index < start) continue;
        const event = toEvent(change.object, transition, index, namespace);
        if (!asked.selector.matches(event)) continue;
        response.write(`${JSON.stringify({ type: 'ADDED', object: formed(deps, type, asked, event, hasColumns) })}\n`);
        hasColumns = false;
      }
    }
  } catch (error) {
    const told410 = toApiError(error, null, () => 'the watch failed');
    if (!response.destroyed) response.write(`${JSON.stringify({ type: 'ERROR', object: toStatus(told410) })}\n`);
  } finally {
    cancel();
    response.end();
  }
}

function formed(
  deps: ApiDeps,
  type: ResourceType,
  asked: ListQuery,
  event: JsonObject,
  hasColumns: boolean,
): JsonObject {
  if (asked.form.table === null) return event;
  return toTable(type.kind, [event], {
    include: asked.include,
    wallMs: deps.store.clock.now().wall,
    metadata: { resourceVersion: '' },
    hasColumns,
    apiVersion: `meta.k8s.io/${asked.form.table}`,
  });
}
