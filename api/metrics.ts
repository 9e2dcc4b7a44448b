// What the engine does, in numbers, for Prometheus.
//
// The only door to prom-client. Numbers about runs come from the store when somebody asks, kept up to date by the changes since then, so
// that asking costs what has changed; how long tasks wait and take, the controller counts and tells (controller/numbers.ts).
//
// M1  several API processes say the same of the engine: take these numbers from one of them only.
// M2  what the controller tells begins anew with it; ended runs are counted from the first time that somebody asks.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Context, Next } from 'koa';
import type Router from 'koa-router';
import { isObject, type Json, type JsonObject, textAt } from '../kernel/json.ts';
import { NODE_STATES } from '../kernel/node.ts';
import { StoreError } from '../kernel/errors.ts';
import type { Resource } from '../manifests/model.ts';
import { allRuns, endedAt } from './core/runs.ts';
import type { ApiDeps } from './deps.ts';

const PHASES = ['Pending', 'Running', 'Suspended', 'Compensating', 'Succeeded', 'Failed', 'Cancelled'];
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800];
const LOOP_MS = 50;

export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Histogram({
    name: 'oarlock_http_request_seconds',
    help: 'Time to answer, watches and logs left out.',
    labelNames: ['method', 'route', 'code'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly #deps: ApiDeps;
  readonly #tally: RunTally;
  #isWatchingLoop = false;

  constructor(deps: ApiDeps) {
    this.#deps = deps;
    this.#tally = new RunTally(deps, this.registry);
  }

  async text(): Promise<string> {
    // Watching the loop costs half a percent of a core for as long as the process lives: only once somebody wants to know.
    if (!this.#isWatchingLoop)
      collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_MS });
    this.#isWatchingLoop = true;
    await this.#tally.refresh();
    return `${await this.registry.metrics()}${controllerText(await this.#deps.store.seats.numbers())}`;
  }

  observe(method: string, route: string, code: number, seconds: number): void {
    this.#requests.observe({ method, route, code }, seconds);
  }
}

interface Known {
  readonly phase: string;
  readonly counts: JsonObject;
}

/** Phases and task states of all runs, and durations of those that end. */
class RunTally {
  readonly #deps: ApiDeps;
  readonly #runs = new Map<string, Known>();
  readonly #phases: Gauge;
  readonly #tasks: Gauge;
  readonly #queue: Gauge;
  readonly #workers: Gauge;
  readonly #slots: Gauge;
  readonly #ended: Counter;
  #revision: number | null = null;
  #refreshing: Promise<void> | null = null;

  constructor(deps: ApiDeps, registry: Registry) {
    this.#deps = deps;
    const registers = [registry];
    this.#phases = new Gauge({ name: 'oarlock_runs', help: 'Runs by phase.', labelNames: ['phase'], registers });
    this.#tasks = new Gauge({
      name: 'oarlock_tasks',
      help: 'Tasks of all runs by state.',
      labelNames: ['state'],
      registers,
    });
    this.#queue = new Gauge({
      name: 'oarlock_queue_depth',
      help: 'Tasks of active runs that have not started.',
      registers,
    });
    this.#workers = new Gauge({ name: 'oarlock_workers', help: 'Workers by state.', labelNames: ['state'], registers });
    this.#slots = new Gauge({
      name: 'oarlock_slots',
      help: 'Attempts that living workers can run at once.',
      registers,
    });
    this.#ended = new Counter({
      name: 'oarlock_runs_ended_total',
      help: 'Runs that ended since these numbers were first asked for.',
      labelNames: ['phase'],
      registers,
    });
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    try {
      if (this.#revision === null) await this.#readAll();
      else await this.#readChanges(this.#revision);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'Expired') throw error;
      await this.#readAll();
    }
    await this.#publish();
  }

  async #readAll(): Promise<void> {
    this.#runs.clear();
    this.#revision = await this.#deps.store.resources.revision();
    for await (const run of allRuns(this.#deps.store)) this.#runs.set(run.metadata.uid, knownOf(run));
  }

  async #readChanges(from: number): Promise<void> {
    const { resources } = this.#deps.store;
    const newest = await resources.revision();
    if (newest === from) return;
    const stop = new AbortController();
    for await (const change of resources.watch(from, stop.signal)) {
      this.#revision = change.revision;
      if (change.kind === 'WorkflowRun') this.#take(change.object, change.verb === 'Deleted');
      // The newest may have been merged into one after it, so more may come; what is missing comes next time.
      if (change.revision >= newest) break;
    }
    stop.abort();
  }

  #take(run: Resource, isGone: boolean): void {
    const { uid } = run.metadata;
    const before = this.#runs.get(uid);
    if (isGone) return void this.#runs.delete(uid);
    const known = knownOf(run);
    this.#runs.set(uid, known);
    if (endedAt(run) === undefined || before?.phase === known.phase) return;
    this.#ended.inc({ phase: known.phase });
  }

  async #publish(): Promise<void> {
    const phases = new Map(PHASES.map((phase) => [phase, 0]));
    const tasks = new Map<string, number>(NODE_STATES.map((state) => [state, 0]));
    let queued = 0;
    for (const { phase, counts } of this.#runs.values()) {
      phases.set(phase, (phases.get(phase) ?? 0) + 1);
      for (const state of NODE_STATES) tasks.set(state, (tasks.get(state) ?? 0) + Number(counts[state] ?? 0));
      if (phase === 'Running') queued += Number(counts['PENDING'] ?? 0);
    }
    for (const [phase, count] of phases) this.#phases.set({ phase }, count);
    for (const [state, count] of tasks) this.#tasks.set({ state }, count);
    this.#queue.set(queued);
    const workers = await this.#deps.store.seats.workers();
    const alive = workers.filter((worker) => worker.alive);
    const draining = alive.filter((worker) => worker.draining).length;
    this.#workers.set({ state: 'ready' }, alive.length - draining);
    this.#workers.set({ state: 'draining' }, draining);
    this.#slots.set(alive.reduce((sum, { slots }) => sum + slots, 0));
  }
}

// --- what the controller tells -------------------------------------------------------------------

const HISTOGRAMS = [
  ['oarlock_task_wait_seconds', 'waits', 'From the moment that a task was ready to its start.'],
  ['oarlock_attempt_seconds', 'attempts', 'How long attempts of tasks took.'],
  ['oarlock_journal_sync_seconds', 'syncs', 'From a line in a journal until it was recorded.'],
  ['oarlock_controller_lag_seconds', 'lateness', 'How late the timers of the controller came.'],
] as const;

/** In the words of Prometheus; numbers that are not what they should be are left out. */
function controllerText(numbers: JsonObject | null): string {
  if (numbers === null) return '';
  const lines = [
    ...single('oarlock_ready_tasks', 'gauge', 'Tasks that are ready and wait for room at a worker.', numbers['ready']),
    ...single('oarlock_journal_events_total', 'counter', 'Events that were journaled.', numbers['events']),
    ...HISTOGRAMS.flatMap(([name, key, help]) => histogram(name, help, numbers[key])),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function single(name: string, type: 'gauge' | 'counter', help: string, value: Json | undefined): string[] {
  if (typeof value !== 'number') return [];
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${value}`];
}

function histogram(name: string, help: string, value: Json | undefined): string[] {
  const { bounds, counts, count, sum } = isObject(value) ? value : {};
  if (!Array.isArray(bounds) || !Array.isArray(counts) || typeof count !== 'number' || typeof sum !== 'number')
    return [];
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += Number(counts[index] ?? 0);
    return `${name}_bucket{le="${String(Number(bound))}"} ${below}`;
  });
  const ends = [`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sum}`, `${name}_count ${count}`];
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...buckets, ...ends];
}

function knownOf(run: Resource): Known {
  const counts = run.status?.['counts'];
  return { phase: textAt(run.status, 'phase') || 'Pending', counts: isObject(counts) ? counts : {} };
}

export function addMetrics(router: Router, metrics: Metrics): void {
  router.get('/metrics', async (ctx) => {
    ctx.set('Content-Type', metrics.registry.contentType);
    ctx.body = await metrics.text();
  });
}

/** Times every request by its route, never by its path: names are without number. */
export function timeRequests(metrics: Metrics, now: () => number) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const begun = now();
    try {
      await next();
    } finally {
      const route = (ctx['_matchedRoute'] as string | undefined) ?? 'none';
      if (ctx.respond !== false) metrics.observe(ctx.method, route, ctx.status, (now() - begun) / 1000);
    }
  };
}
