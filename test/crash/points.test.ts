// kill -9 at named points: before, during and after each file operation of the controller, the worker and `run`, then a new process in its
// place, and everything as if nothing had happened.
//
// The operations are recorded from a run that nothing disturbs; each kind of operation on each kind of file is a point, at its first and at
// its last time. During: what was being written stands there by half, as a kill in the middle of the system call leaves it.
// OARLOCK_CRASH_POINTS sets how many are tried for each process (default 16; `all` for all), OARLOCK_CRASH_SEED which.

import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { isOver, violations } from '../support/crash/checks.ts';
import { Engine, type Started, until } from '../support/crash/engine.ts';
import { Flows, type PlannedRun, seeded } from '../support/crash/flows.ts';

const SEED = Number(process.env['OARLOCK_CRASH_SEED'] ?? Date.now() % 1_000_000);
const LIMIT =
  process.env['OARLOCK_CRASH_POINTS'] === 'all' ? Infinity : Number(process.env['OARLOCK_CRASH_POINTS'] ?? 16);
/** At a time: most of a case is waiting. */
const WORKSHOPS = 3;

type Moment = 'before' | 'during' | 'after';

interface Point {
  readonly moment: Moment;
  readonly operation: string;
  readonly nth: number;
  /** Kind of file: the path with names and numbers made general, as a pattern. */
  readonly pattern: string;
}

interface Part {
  readonly name: string;
  /** What goes through it; `golden` unless it says. */
  readonly flow?: 'golden' | 'machine' | 'undone';
  /** Starts the part; the other processes that it needs stand already. */
  start(engine: Engine, plan: PlannedRun, env: Readonly<Record<string, string>>): Started;
  /** Starts what else is needed. */
  surround(engine: Engine): void;
  /** After the crash. */
  restart(engine: Engine): void;
}

const controller = (engine: Engine, env = {}): Started => engine.start(['controller'], env);
const worker = (engine: Engine, env = {}): Started => engine.start(['worker', '--name', 'w1', '--slots', '2'], env);

const PARTS: readonly Part[] = [
  {
    name: 'controller',
    start: (engine, plan, env) => (engine.submit(plan), controller(engine, env)),
    surround: (engine) => void worker(engine),
    restart: (engine) => void controller(engine),
  },
  {
    name: 'worker',
    start: (engine, plan, env) => (engine.submit(plan), worker(engine, env)),
    surround: (engine) => void controller(engine),
    restart: (engine) => void worker(engine),
  },
  ...(['machine', 'undone'] as const).map((flow) => ({
    name: `controller, ${flow === 'machine' ? 'with a state machine' : 'while it undoes'}`,
    flow,
    start: (engine: Engine, plan: PlannedRun, env: Readonly<Record<string, string>>): Started => (
      engine.submit(plan), controller(engine, env)
    ),
    surround: (engine: Engine) => void worker(engine),
    restart: (engine: Engine) => void controller(engine),
  })),
  {
    name: 'run',
    start: (engine, plan, env) => {
      engine.submit(plan);
      return engine.start(['run', engine.write('other.json', OTHER), '--name', 'other'], env);
    },
    surround: () => undefined,
    restart: (engine) => {
      controller(engine);
      worker(engine);
    },
  },
];

/** What `run` itself is asked for; it serves the planned run beside it. */
const OTHER = JSON.stringify({ id: 'other', tasks: [{ id: 'wait', command: 'sleep 1.5' }] });

const open = new Set<Engine>();
afterEach(async () => {
  await Promise.all([...open].map((engine) => engine.close()));
  open.clear();
});

async function inPlace(body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = new Engine();
  open.add(engine);
  await body(engine);
  open.delete(engine);
  await engine.close();
}

function golden(engine: Engine, part: Part): PlannedRun {
  return new Flows(engine.ledger, seeded(SEED), 0.02)[part.flow ?? 'golden']('golden');
}

/** The kinds of operations of a run that nothing disturbs, and how often each came. */
async function record(part: Part): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  await inPlace(async (engine) => {
    const plan = golden(engine, part);
    part.surround(engine);
    const process = part.start(engine, plan, { OARLOCK_CRASH_TRACE: '1' });
    await engine.untilOver([plan]);
    await engine.end();
    for (const [, operation = '', path = ''] of process.output.matchAll(/^crash-point (\S+) (.+)$/gm)) {
      const kind = `${operation} ${kindOf(path.slice(engine.state.length))}`;
      found.set(kind, (found.get(kind) ?? 0) + 1);
    }
  });
  return found;
}

/** `/runs/golden.1a2b3c4d/journal.ndjson` → `/runs/[^/]+/journal\.ndjson`. */
function kindOf(path: string): string {
  return path
    .replace(/[.+]/g, '\\$&')
    .replace(/\/runs\/[^/]+/, '/runs/[^/]+')
    .replace(/\/leases\/[^/]+/, '/leases/[^/]+')
    .replace(/\.claim\\\..*/, '.claim\\..*')
    .replace(/[0-9a-f]*\d[0-9a-f]*/g, '[0-9a-f]+');
}

function pointsOf(kinds: ReadonlyMap<string, number>): Point[] {
  return [...kinds].flatMap(([kind, times]) => {
    const [operation = '', pattern = ''] = kind.split(' ');
    const moments: Moment[] = ['append', 'create'].includes(operation)
      ? ['before', 'during', 'after']
      : ['before', 'after'];
    const occasions = times > 1 ? [1, Math.ceil(times / 2)] : [1];
    return moments.flatMap((moment) => occasions.map((nth) => ({ moment, operation, nth, pattern })));
  });
}

/** As many as are asked for, spread by chance. */
function sample(points: readonly Point[]): Point[] {
  const chance = seeded(SEED);
  const keyed = points.map((point) => ({ point, key: chance() })).sort((left, right) => left.key - right.key);
  return keyed.slice(0, LIMIT).map(({ point }) => point);
}

/** True when it died there. */
async function crash(part: Part, point: Point, engine: Engine, plan: PlannedRun): Promise<boolean> {
  const { moment, operation, nth, pattern } = point;
  const when = moment === 'before' ? 'before' : 'after';
  part.surround(engine);
  const at = `${when}:${operation}:${nth}:${engine.state}${pattern}$`;
  const started = part.start(engine, plan, { OARLOCK_CRASH_AT: at });
  await until(
    () => started.how !== null || isOver(engine.state, plan.name),
    () => `a crash or an end\n${engine.report()}`,
  );
  if (started.how === null) started.child.kill('SIGTERM');
  if ((await started.ended) !== 'SIGKILL') return false;
  const path = /^crash-point \S+ (.+)$/m.exec(started.output)?.[1];
  if (moment === 'during' && path !== undefined) cutShort(path, operation);
  return true;
}

/** Half of what was written last did not come to the disk. */
function cutShort(path: string, operation: string): void {
  // The next one in the chain may have taken it away already.
  if (!existsSync(path)) return;
  const content = readFileSync(path);
  const begin = operation === 'append' ? content.lastIndexOf('\n', content.length - 2) + 1 : 0;
  truncateSync(path, begin + Math.floor((content.length - begin) / 2));
}

interface Result {
  readonly point: Point;
  readonly reached: boolean;
  readonly problems: readonly string[];
}

async function attempt(part: Part, point: Point): Promise<Result> {
  let reached = false;
  const problems: string[] = [];
  await inPlace(async (engine) => {
    const plan = golden(engine, part);
    try {
      reached = await crash(part, point, engine, plan);
      if (!reached) return;
      part.restart(engine);
      await engine.untilOver([plan], 30_000);
      await until(
        () => engine.wanted().every((name) => isOver(engine.state, name)),
        () => 'the other run has ended',
      );
      problems.push(...violations(engine.state, engine.ledger, plan));
      await engine.end();
      await engine.isQuiet();
      problems.push(...engine.leftovers().map((path) => `I14 ${path} is left`));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  });
  return { point, reached, problems };
}

async function attemptAll(part: Part, points: readonly Point[]): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...points];
  const shop = async (): Promise<void> => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift())
      results.push(await attempt(part, point));
  };
  await Promise.all(Array.from({ length: WORKSHOPS }, shop));
  return results;
}

describe('a crash at a named point', () => {
  test.each(PARTS)('of $name loses nothing and doubles nothing', { timeout: 900_000 }, async (part) => {
    const all = pointsOf(await record(part));
    const points = sample(all);
    const results = await attemptAll(part, points);
    const reached = results.filter((result) => result.reached);
    const told = `${points.length} of ${all.length} points tried, ${reached.length} reached`;
    process.stdout.write(`${part.name}: ${told}; OARLOCK_CRASH_SEED=${SEED}\n`);
    const failed = results.filter(({ problems }) => problems.length > 0);
    expect(failed.map(({ point, problems }) => `${JSON.stringify(point)}: ${problems.join('\n')}`)).toEqual([]);
    expect(reached.length).toBeGreaterThan(points.length / 2);
  });
});
