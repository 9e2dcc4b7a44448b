// What happened to runs, as Events, for `kubectl describe` and `kubectl events`: made of their journals.
//
// V1  an Event is named by its place in the journal, so the same transition is the same Event in every process, for ever.
// V2  without the name of a run only recent ones are told, the newest runs first.

import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { type Transition, transitions } from '../../kernel/history.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Resource } from '../../manifests/model.ts';
import type { ApiDeps, AppDeps } from '../deps.ts';
import { ApiError, badRequest, toApiError, toStatus } from '../problem.ts';
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
/** A transition may be journaled so long after the moment that it bears: told once too often rather than never. */
const LATE_MS = 1_000;
const WALL_DIGITS = 13;
const LONGEST_BACKLOG_BYTES = 8 * 1024 * 1024;
const WARNINGS = new Set(['FAILED', 'RETRYING', 'Failed', 'Cancelled', 'CANCELLED']);

export async function listEvents(deps: ApiDeps, ctx: Context, type: ResourceType, asked: ListQuery, namespace: string) {
  const position = { revision: await deps.store.resources.revision(), wall: deps.store.clock.now().wall };
  const events: JsonObject[] = [];
  for (const run of await concernedRuns(deps, asked)) events.push(...(await eventsOf(deps, run, namespace)));
  answerList(deps, ctx, type, asked, selectListed(events, asked, positionText(position)));
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
      resourceVersion: positionText({ revision: Number(run.metadata.resourceVersion), wall: at }),
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

/**
 * Those that come after the list whose revision it is; without one, those that there are, and then the new ones. What a run that changed
 * has to tell is found in its journal.
 */
export async function watchEvents(
  deps: AppDeps,
  ctx: Context,
  type: ResourceType,
  asked: ListQuery,
  namespace: string,
): Promise<void> {
  const position = positionOf(asked.query);
  const seconds = Math.min(wholeNumber(asked.query, 'timeoutSeconds') ?? LONGEST_SECONDS, LONGEST_SECONDS);
  const stream = new EventStream(deps, openStream(ctx, 'application/json'), type, asked, namespace);
  const cancel = deps.store.clock.after(seconds * 1000, () => stream.end());
  try {
    const start = position?.revision ?? (await stream.sendExisting());
    stream.since = position?.wall ?? deps.store.clock.now().wall;
    for await (const change of deps.shared.hub.watch(start, AbortSignal.any([stream.closed, deps.stop]))) {
      if (change.kind === 'WorkflowRun' && change.verb !== 'Deleted') await stream.tell(change.object);
    }
  } catch (error) {
    stream.fail(toApiError(error, null, (unexpected) => report(deps, unexpected)));
  } finally {
    cancel();
    stream.end();
  }
}

function report(deps: ApiDeps, error: unknown): string {
  deps.log.error('a watch failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return 'the watch failed';
}

interface Position {
  readonly revision: number;
  readonly wall: number;
}

/** The revision of a list of Events: that of the store, and the time, since journals have their own order. */
function positionText({ revision, wall }: Position): string {
  return `${revision}${String(Math.max(0, wall)).padStart(WALL_DIGITS, '0').slice(-WALL_DIGITS)}`;
}

function positionOf(query: ReadonlyMap<string, string>): Position | null {
  const text = query.get('resourceVersion') ?? '';
  if (text === '' || text === '0') return null;
  if (!/^\d{1,30}$/.test(text)) {
    throw badRequest(
      `query parameter "resourceVersion": expected a revision, found ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
  const revision = Number(text.slice(0, -WALL_DIGITS));
  const wall = Number(text.slice(-WALL_DIGITS));
  // That of another kind of list, or of an Event: there is no telling which Events came after it.
  if (text.length <= WALL_DIGITS) throw new ApiError('Expired', `too old resource version: ${text}`);
  return { revision, wall };
}

class EventStream {
  readonly #deps: ApiDeps;
  readonly #response: ServerResponse;
  readonly #type: ResourceType;
  readonly #asked: ListQuery;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  /** Transitions of a run that were told, by uid. */
  readonly #told = new Map<string, number>();
  #hasColumns = true;
  /** Wall ms from which on transitions of other runs are new. */
  since = 0;

  constructor(deps: ApiDeps, response: ServerResponse, type: ResourceType, asked: ListQuery, namespace: string) {
    this.#deps = deps;
    this.#response = response;
    this.#type = type;
    this.#asked = asked;
    this.#namespace = namespace;
    response.on('close', () => this.#stop.abort());
    response.on('error', () => this.#stop.abort());
  }

  get closed(): AbortSignal {
    return this.#stop.signal;
  }

  async sendExisting(): Promise<number> {
    const revision = await this.#deps.store.resources.revision();
    for (const run of await concernedRuns(this.#deps, this.#asked)) await this.tell(run, EVENTS_OF_RUN);
    return revision;
  }

  /** What of it was not told yet. `most`: the newest so many. */
  async tell(run: Resource, most = Number.POSITIVE_INFINITY): Promise<void> {
    if (!this.#mayConcern(run)) return;
    const all = await transitionsOf(this.#deps, run);
    const isNew = ({ at }: Transition): boolean => at >= this.since - LATE_MS;
    const first = this.#told.get(run.metadata.uid) ?? all.findIndex(isNew);
    this.#told.set(run.metadata.uid, all.length);
    if (first < 0) return;
    const start = Math.max(first, all.length - most);
    for (const [offset, transition] of all.slice(start).entries()) {
      this.#send(toEvent(run, transition, start + offset, this.#namespace));
    }
  }

  /** Journals of runs that nobody asked about are not read. */
  #mayConcern(run: Resource): boolean {
    const { equals } = this.#asked.selector;
    const kind = equals.get('involvedObject.kind');
    const name = equals.get('involvedObject.name');
    return (kind === undefined || kind === run.kind) && (name === undefined || name === run.metadata.name);
  }

  #send(event: JsonObject): void {
    if (!this.#asked.selector.matches(event)) return;
    this.#write('ADDED', formed(this.#deps, this.#type, this.#asked, event, this.#hasColumns));
    this.#hasColumns = false;
  }

  fail(error: ApiError): void {
    if (!this.#stop.signal.aborted) this.#write('ERROR', toStatus(error));
  }

  #write(type: string, object: JsonObject): void {
    if (this.#stop.signal.aborted || this.#response.destroyed) return;
    this.#response.write(`${JSON.stringify({ type, object })}\n`);
    if (this.#response.writableLength > LONGEST_BACKLOG_BYTES) this.#response.destroy();
  }

  end(): void {
    this.#stop.abort();
    if (!this.#response.writableEnded) this.#response.end();
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
