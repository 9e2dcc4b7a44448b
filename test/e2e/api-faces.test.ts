// The plain endpoints against a real engine: definitions, executions, steps, cancelling, the single endpoint for steps; and what
// stands beside them: logs, graph, journal, metrics.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { at } from '../support/api.ts';
import { Place, until } from '../support/oarlock.ts';

const place = new Place();
let url: string;
let token: string;

beforeAll(async () => {
  const engine = place.start('up', '--workers', '2', '--port', '0');
  const file = join(place.directory, 'state', 'endpoint.json');
  await until(
    () => existsSync(file),
    () => `state/endpoint.json; the engine said ${engine.stderr}`,
  );
  ({ url } = JSON.parse(readFileSync(file, 'utf8')) as { url: string });
  token = (await place.oarlock('token', 'create')).stdout.trim();
});
afterAll(() => place.close());

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly body: JsonObject;
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const isText = typeof body === 'string';
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': isText ? 'application/yaml' : 'application/json' },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  let parsed: Json = {};
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    // A text answer.
  }
  return { code: response.status, text, body: isObject(parsed) ? parsed : {} };
}

/** Waits until the execution has this status. */
async function ends(path: string, status: string): Promise<JsonObject> {
  let found: Answer | undefined;
  await until(
    async () => {
      found = await call('GET', path);
      return found.body['status'] === status;
    },
    () => `${path} is ${status}, found ${found?.text ?? ''}`,
  );
  return found?.body ?? {};
}

describe('definitions and executions', () => {
  const definition = {
    id: 'example_workflow',
    tasks: [
      { id: 'A', command: 'echo A', dependencies: [] },
      { id: 'B', command: 'echo B', dependencies: ['A'], max_retries: 1 },
    ],
  };

  test('a definition is registered as it is written, again and changed', async () => {
    expect(await call('POST', '/workflows', definition)).toMatchObject({
      code: 201,
      body: { id: 'example_workflow', version: 1 },
    });
    expect((await call('POST', '/workflows', definition)).code).toBe(200);
    const changed = { ...definition, tasks: [...definition.tasks, { id: 'C', command: 'echo C' }] };
    expect(await call('POST', '/workflows', changed)).toMatchObject({ code: 200, body: { version: 2 } });
    expect(await call('POST', '/workflows', 'id: yaml_one # mine\ntasks: [{id: A, command: "true"}]\n')).toMatchObject({
      code: 201,
    });
    const list = await call('GET', '/workflows');
    expect((list.body['workflows'] as JsonObject[]).map(({ id }) => id)).toEqual(['example_workflow', 'yaml_one']);
    expect((await call('GET', '/workflows/example_workflow')).body['tasks']).toHaveLength(3);
    expect((await call('GET', '/workflows/none')).code).toBe(404);
    expect(await call('GET', '/workflow-executions?status=done')).toMatchObject({ code: 400 });
    expect(await call('GET', '/workflow-executions?status=succeeded')).toMatchObject({ code: 200 });
  });

  test('one that is wrong is refused with the field', async () => {
    const bad = await call('POST', '/workflows', {
      id: 'bad',
      tasks: [{ id: 'A', command: 'x', dependencies: ['Z'] }],
    });
    expect(bad).toMatchObject({ code: 422, body: { reason: 'Invalid', details: { name: 'bad' } } });
  });

  test('an execution runs to its end, and tells of itself and its steps', async () => {
    const started = await call('POST', '/workflow-executions', { workflowId: 'example_workflow', input: { x: 1 } });
    expect(started).toMatchObject({ code: 201, body: { workflowId: 'example_workflow', status: 'PENDING' } });
    const id = String(started.body['id'] as string);
    const ended = await ends(`/workflow-executions/${id}`, 'SUCCESS');
    expect(ended).toMatchObject({ input: { x: 1 }, currentState: null, counts: { total: 3, SUCCESS: 3 } });
    expect((ended['steps'] as JsonObject[]).map((step) => [step['id'], step['status']])).toEqual([
      ['A', 'SUCCESS'],
      ['B', 'SUCCESS'],
      ['C', 'SUCCESS'],
    ]);
    expect(await call('GET', `/workflow-executions/${id}/steps/B`)).toMatchObject({
      code: 200,
      body: { executionId: id, id: 'B', status: 'SUCCESS', attempts: 1, dependencies: ['A'] },
    });
    expect((await call('GET', `/workflow-executions/${id}/steps/Z`)).code).toBe(404);
    expect((await call('GET', `/workflow-executions/${String(ended['uid'] as string)}`)).body['id']).toBe(id);
    expect(await call('PUT', `/workflow-executions/${id}/cancel`)).toMatchObject({ code: 409 });
  });

  test('executions are listed by workflow, status and time, a page at a time', async () => {
    await call('POST', '/workflow-executions', {
      workflow: { tasks: [{ id: 'F', command: 'exit 1' }] },
      name: 'failing',
    });
    await ends('/workflow-executions/failing', 'FAILED');
    const ids = async (query: string): Promise<unknown[]> =>
      ((await call('GET', `/workflow-executions?${query}`)).body['executions'] as JsonObject[]).map(({ id }) => id);
    expect(await ids('status=failed')).toEqual(['failing']);
    expect(await ids('workflowId=example_workflow')).toHaveLength(1);
    expect(await ids('startedBefore=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await ids('startedAfter=2020-01-01T00:00:00Z')).toHaveLength(2);
    const first = await call('GET', '/workflow-executions?limit=1');
    const rest = await ids(`limit=10&continue=${String(first.body['continue'] as string)}`);
    expect(rest).toHaveLength(1);
    expect(rest).not.toContain(at(first.body, 'executions', 0, 'id'));
    expect((await call('GET', '/workflow-executions?startedAfter=yesterday')).code).toBe(400);
  });

  test('a running one is cancelled', async () => {
    const inline = { tasks: [{ id: 'long/step', command: 'sleep 30' }] };
    await call('POST', '/workflow-executions', { workflow: inline, name: 'long' });
    await ends('/workflow-executions/long', 'RUNNING');
    await until(
      async () => (await call('GET', '/workflow-executions/long/steps/long%2Fstep')).body['status'] === 'RUNNING',
      () => 'the step runs',
    );
    expect((await call('PUT', '/workflow-executions/long/cancel')).code).toBe(202);
    expect((await ends('/workflow-executions/long', 'CANCELLED'))['finishedAt']).toBeDefined();
  });
});

describe('steps', () => {
  test('an id comes at once, as a UUID, and then the status of every task', async () => {
    const steps = [
      { type: 'parallel', tasks: ['task_a', 'task_b'] },
      { type: 'sequential', tasks: ['task_c'] },
    ];
    const started = await call('POST', '/workflow', { steps });
    expect(started.code).toBe(202);
    const id = String(started.body['run_id'] as string);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const ended = await ends(`/workflow_status/${id}`, 'SUCCESS');
    expect((ended['tasks'] as JsonObject[]).map((task) => [task['id'], task['status'], task['result']])).toEqual([
      ['task_a', 'SUCCESS', true],
      ['task_b', 'SUCCESS', true],
      ['task_c', 'SUCCESS', true],
    ]);
    expect((await call('GET', '/workflow_status/nobody')).code).toBe(404);
    expect((await call('GET', '/runs')).code).toBe(404);
  });
});

describe('beside them', () => {
  const RUN = '/apis/oarlock.dev/v1/workflowruns/failing';

  test('the graph of a run, as JSON and for Graphviz', async () => {
    expect((await call('GET', `${RUN}/graph`)).body).toMatchObject({
      nodes: [{ id: 'F', state: 'FAILED' }],
      edges: [],
    });
    expect((await call('GET', `${RUN}/graph?format=dot`)).text).toContain('digraph "failing"');
    expect((await call('GET', `${RUN}/graph?format=gif`)).code).toBe(400);
  });

  test('its journal, a line an event, from the start or from where one is', async () => {
    const lines = (await call('GET', `${RUN}/journal`)).text.trim().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'Registered' });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ type: 'RunEnded', phase: 'Failed' });
    expect((await call('GET', `${RUN}/journal?after=1`)).text.trim().split('\n')).toEqual(lines.slice(1));
  });

  test('its log, whole, from an offset, and its end', async () => {
    await call('POST', '/workflow-executions', {
      workflow: { tasks: [{ id: 'L', command: 'seq 1 5' }] },
      name: 'lines',
    });
    await ends('/workflow-executions/lines', 'SUCCESS');
    const log = '/apis/oarlock.dev/v1/workflowruns/lines/log';
    expect((await call('GET', log)).text).toBe('1\n2\n3\n4\n5\n');
    expect((await call('GET', `${log}?node=L&tailLines=2`)).text).toBe('4\n5\n');
    expect((await call('GET', `${log}?node=L&limitBytes=3`)).text).toBe('1\n2');
    expect((await call('GET', `${log}?node=L&attempt=1&offset=8`)).text).toBe('5\n');
    expect((await call('GET', `${log}?node=Z`)).code).toBe(400);
  });

  test('numbers for Prometheus', async () => {
    const { text } = await call('GET', '/metrics');
    expect(text).toMatch(/^oarlock_runs\{phase="Succeeded"\} \d+$/m);
    expect(text).toMatch(/^oarlock_tasks\{state="SUCCESS"\} [1-9]\d*$/m);
    expect(text).toMatch(/^oarlock_workers\{state="ready"\} 2$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(text).toMatch(/^oarlock_ready_tasks \d+$/m);
    // What the controller counts is a second behind.
    for (const name of ['task_wait', 'attempt', 'journal_sync', 'controller_lag']) {
      const some = new RegExp(`^oarlock_${name}_seconds_bucket\\{le="\\+Inf"\\} [1-9]\\d*$`, 'm');
      let found = '';
      await until(
        async () => some.test((found = (await call('GET', '/metrics')).text)),
        () => `${String(some)} in\n${found}`,
      );
    }
  });

  test('a page and an OpenAPI document that name every endpoint', async () => {
    const document = (await call('GET', '/openapi.json')).body;
    const page = (await call('GET', '/docs')).text;
    const paths = Object.keys(document['paths'] as JsonObject);
    expect(paths).toContain('/workflow-executions/{id}/steps/{stepId}');
    for (const path of paths) expect(page).toContain(path);
    expect(page).not.toMatch(/(src|href)="https?:/);
  });
});
