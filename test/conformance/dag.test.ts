// Small DAGs restated from Argo and Airflow examples, each written as a user of ours would write it, run through the command
// line and judged by what the case expects: states, output, attempts, how many ran at once, what is left behind.
//
// Retry delays are compared in the kernel, which knows no clock, and not by waiting for them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../kernel/json.ts';
import { admitValue } from '../../manifests/admit.ts';
import { compile } from '../../manifests/compile.ts';
import { Driver, failure } from '../support/kernel-driver.ts';
import { Place, type RunObject } from '../support/oarlock.ts';

interface Task {
  readonly id: string;
  readonly command: string;
  readonly dependencies?: readonly string[];
  readonly items?: readonly string[];
  readonly max_retries?: number;
  readonly timeout_s?: number;
  readonly continue_on_failure?: boolean;
  readonly backoff?: { readonly duration_s: number; readonly factor: number; readonly cap_s: number };
}

interface Case {
  readonly name: string;
  readonly tier: 'core' | 'extension';
  readonly kind: 'tasks' | 'steps' | 'note';
  readonly parallelism?: number;
  readonly tasks?: readonly Task[];
  readonly steps?: readonly (readonly Task[])[];
  readonly expected: {
    readonly status: 'Succeeded' | 'Failed';
    readonly tasks?: { readonly [id: string]: string };
    readonly attempts?: { readonly [id: string]: number };
    readonly stdout?: { readonly [id: string]: string };
    readonly stdout_multiset?: readonly string[];
    readonly max_concurrent?: number;
    readonly min_wall_s?: number;
    readonly delays_s?: readonly number[];
  };
}

const FIXTURES = join(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures', 'dag');
const isHere = existsSync(FIXTURES);
if (!isHere) process.stderr.write('skipped: ../shared/fixtures/dag is not there\n');

const all = isHere
  ? readdirSync(FIXTURES)
      .sort()
      .map((file) => JSON.parse(readFileSync(join(FIXTURES, file), 'utf8')) as Case)
  : [];

/** Of the extensions, those that can be said in a graph of tasks. */
const EXTENSIONS = new Set(['argo-parallelism-limit']);
const STATES: { readonly [state: string]: string } = { Succeeded: 'SUCCESS', Failed: 'FAILED' };
/** What the cases only say in a note: why a node failed. */
const ERRORS: { readonly [name: string]: { readonly [id: string]: string } } = {
  'argo-timeouts-step': { sleep: 'Timeout' },
};
const LEDGER = 'ledger.txt';

function manifestOf({ name, kind, parallelism, tasks = [], steps = [], expected }: Case): JsonObject {
  const isWatched = expected.max_concurrent !== undefined;
  const written = (task: Task): JsonObject[] => writtenTasks(task, isWatched);
  const form: JsonObject =
    kind === 'steps'
      ? { steps: steps.map((step) => ({ type: 'parallel', tasks: step.flatMap(written) })) }
      : { tasks: tasks.flatMap(written) };
  return {
    apiVersion: 'oarlock.dev/v1',
    kind: 'Workflow',
    metadata: { name },
    spec: parallelism === undefined ? form : { parallelism, ...form },
  };
}

/** One task, or one for each of its items. */
function writtenTasks(task: Task, isWatched: boolean): JsonObject[] {
  const { id, dependencies, items, max_retries, timeout_s, backoff } = task;
  const body: JsonObject = {
    command: isWatched ? watched(task.command) : task.command,
    ...(dependencies === undefined ? {} : { dependencies: [...dependencies] }),
    ...(timeout_s === undefined ? {} : { timeoutSeconds: timeout_s }),
  };
  if (backoff !== undefined) {
    const { duration_s, factor, cap_s } = backoff;
    body['retry'] = { intervalSeconds: duration_s, backoffRate: factor, maxDelaySeconds: cap_s };
  }
  if (max_retries !== undefined) body['max_retries'] = max_retries;
  if (items === undefined) return [{ id, ...body }];
  return items.map((item, index) => ({ id: `${id}-${index}`, ...body, env: { ITEM: item } }));
}

/** Steps as states: a step is a Parallel with a branch for each of its tasks. */
function machineOf(steps: readonly (readonly Task[])[]): JsonObject {
  const states = steps.map((step, index): [string, JsonObject] => {
    const after: JsonObject = index + 1 < steps.length ? { next: `step-${index + 1}` } : { end: true };
    return [`step-${index}`, { type: 'Parallel', branches: step.map(branchOf), ...after }];
  });
  return { startAt: 'step-0', states: Object.fromEntries(states) };
}

function branchOf({ id, command, continue_on_failure }: Task): JsonObject {
  const handled: JsonObject =
    continue_on_failure === true ? { catch: [{ errorType: 'States.ALL', next: 'go_on' }] } : {};
  const states: JsonObject = { [id]: { type: 'Task', command, end: true, ...handled } };
  if (continue_on_failure === true) states['go_on'] = { type: 'Pass', end: true };
  return { startAt: id, states };
}

/** A line in the ledger when it begins, and one when it has ended. */
function watched(command: string): string {
  return `echo + >> ${LEDGER}; (${command}); code=$?; echo - >> ${LEDGER}; exit $code`;
}

/** The most that had begun and not ended at any moment. */
function mostAtOnce(ledger: string): number {
  let running = 0;
  let most = 0;
  for (const line of ledger.trim().split('\n')) {
    running += line === '+' ? 1 : -1;
    most = Math.max(most, running);
  }
  expect(running).toBe(0);
  return most;
}

describe('the ledger of what ran at once', () => {
  test.each([
    { ledger: '+\n-\n+\n-\n', most: 1 },
    { ledger: '+\n+\n-\n+\n-\n-\n', most: 2 },
    { ledger: '+\n+\n+\n-\n-\n-\n', most: 3 },
  ])('$most', ({ ledger, most }) => {
    expect(mostAtOnce(ledger)).toBe(most);
  });
});

describe.skipIf(!isHere)('a DAG from elsewhere', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(async () => {
    await place.close();
  });

  const cases = all.filter(({ name, tier }) => tier === 'core' || EXTENSIONS.has(name));

  test('is there in all its kinds', () => {
    expect(cases.length).toBeGreaterThanOrEqual(8);
  });

  test.each(cases)('$name: as it expects', async (each) => {
    const { name, expected } = each;
    place.file(`${name}.json`, JSON.stringify(manifestOf(each)));
    const begun = performance.now();
    const ended = await place.oarlock('run', `${name}.json`, '--name', 'one', '-o', 'json');
    const wallSeconds = (performance.now() - begun) / 1000;
    // Whatever the end, nothing of it is alive, and a task's children are no exception.
    await place.isQuiet();

    const run = JSON.parse(ended.stdout) as RunObject;
    expect(run.status.phase).toBe(expected.status);
    expect(ended.code).toBe(expected.status === 'Succeeded' ? 0 : 1);
    const nodes = Object.entries(run.status.nodes);
    if (expected.tasks !== undefined) {
      const states = Object.entries(expected.tasks).map(([id, state]) => [id, STATES[state]]);
      expect(Object.fromEntries(nodes.map(([id, { state }]) => [id, state]))).toEqual(Object.fromEntries(states));
    } else if (expected.status === 'Succeeded') {
      expect(nodes.map(([, { state }]) => state)).toEqual(nodes.map(() => 'SUCCESS'));
    }
    for (const [id, attempts] of Object.entries(expected.attempts ?? {}))
      expect(run.status.nodes[id]?.attempts).toBe(attempts);
    for (const [id, type] of Object.entries(ERRORS[name] ?? {}))
      expect(run.status.nodes[id]).toMatchObject({ state: 'FAILED', attempts: 1, error: { type } });
    for (const [id, text] of Object.entries(expected.stdout ?? {}))
      expect((await place.oarlock('logs', 'one', id)).stdout).toBe(`${text}\n`);
    if (expected.stdout_multiset !== undefined) {
      const lines = await Promise.all(nodes.map(async ([id]) => (await place.oarlock('logs', 'one', id)).stdout));
      expect(lines.sort()).toEqual(expected.stdout_multiset.map((line) => `${line}\n`).sort());
    }
    if (expected.max_concurrent !== undefined) {
      const most = mostAtOnce(readFileSync(join(place.directory, LEDGER), 'utf8'));
      expect(most).toBeLessThanOrEqual(expected.max_concurrent);
      expect(most).toBeGreaterThan(1);
    }
    if (expected.min_wall_s !== undefined) expect(wallSeconds).toBeGreaterThanOrEqual(expected.min_wall_s);
  });

  test('argo-continue-on-fail as a state machine: a failure that is caught is shown, and the run succeeds', async () => {
    const found = all.find(({ name }) => name === 'argo-continue-on-fail');
    if (found?.steps === undefined) throw new Error('no case argo-continue-on-fail');
    place.file('flow.json', JSON.stringify({ name: 'flow', ...machineOf(found.steps) }));
    const { code, stdout } = await place.oarlock('run', 'flow.json', '-o', 'json');
    const { status } = JSON.parse(stdout) as RunObject;
    expect(code).toBe(0);
    expect(status.phase).toBe(found.expected.status);
    for (const [id, state] of Object.entries(found.expected.tasks ?? {})) {
      const [node] = Object.entries(status.nodes).filter(([name]) => name === id || name.endsWith(`/${id}`));
      expect(node?.[1].state, id).toBe(STATES[state]);
    }
  });

  test('argo-retry-backoff waits as long as it expects, and not more often', () => {
    const found = all.find(({ name }) => name === 'argo-retry-backoff');
    if (found?.expected.delays_s === undefined) throw new Error('no case argo-retry-backoff');
    const { manifest } = admitValue(manifestOf(found), { name: found.name });
    const workflow = { name: found.name, generation: 1, spec: manifest.spec };
    const registration = compile({ manifest, name: 'one', uid: '1' }, workflow, () => undefined);
    const driver = new Driver(registration).settle();
    const delays: number[] = [];
    for (let endedAt = 0; driver.work(() => failure()); ) {
      endedAt = driver.time;
      if (driver.run.end === null && driver.advanceToDue()) delays.push((driver.time - endedAt) / 1000);
    }
    expect(delays).toEqual(found.expected.delays_s);
    expect(driver.run.end?.phase).toBe(found.expected.status);
  });
});
