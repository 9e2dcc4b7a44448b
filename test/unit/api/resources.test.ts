// The resource API over HTTP: get, list, create, replace, patch, delete, as kubectl and curl ask for them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonObject, textAt } from '../../../kernel/json.ts';
import { ApiWorld, at, RUNS, run, SIGNALS, WORKFLOWS, workflow } from '../../support/api.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await ApiWorld.start();
});
afterAll(() => world.dispose());

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

async function created(name: string, more: Parameters<typeof workflow>[1] = {}): Promise<JsonObject> {
  const answer = await world.send('POST', WORKFLOWS, { body: workflow(name, more) });
  expect(answer.code).toBe(201);
  return answer.body as JsonObject;
}

function revisionOf(object: unknown): string {
  return textAt(at(object as JsonObject, 'metadata'), 'resourceVersion');
}

describe('create', () => {
  test('answers 201 with the whole object', async () => {
    const object = await created('made');
    expect(object).toMatchObject({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', spec: workflow('made')['spec'] });
    expect(at(object, 'metadata')).toMatchObject({ name: 'made', generation: 1 });
    expect(at(object, 'metadata', 'uid')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await world.get(`${WORKFLOWS}/made`)).body).toEqual(object);
  });

  test('of a name that is there answers AlreadyExists, with details that name it', async () => {
    await created('twice');
    const answer = await world.send('POST', WORKFLOWS, { body: workflow('twice') });
    expect(answer).toMatchObject({ code: 409, body: { kind: 'Status', reason: 'AlreadyExists' } });
    expect(at(answer.body, 'message')).toBe('workflows.oarlock.dev "twice" already exists');
    expect(at(answer.body, 'details')).toEqual({ name: 'twice', group: 'oarlock.dev', kind: 'workflows' });
  });

  test('with generateName makes a name', async () => {
    const { name: _none, ...metadata } = { name: '', generateName: 'nightly-' };
    const answer = await world.send('POST', WORKFLOWS, { body: { ...workflow(''), metadata } });
    expect(answer.code).toBe(201);
    expect(at(answer.body, 'metadata', 'name')).toMatch(/^nightly-[0-9a-f]{5}$/);
  });

  test('takes YAML without a Content-Type, and keeps its comments', async () => {
    const text = '# why\nid: bare\ntasks:\n  - {id: A, command: echo A} # first\n';
    const answer = await world.send('POST', WORKFLOWS, { body: text });
    expect(answer).toMatchObject({ code: 201, body: { kind: 'Workflow', metadata: { name: 'bare' } } });
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(`${world.root}/workflows/bare.yaml`, 'utf8')).toContain('# first');
  });

  test('a bare document without a name takes that of the query', async () => {
    const answer = await world.send('POST', `${WORKFLOWS}?name=asked`, {
      body: { tasks: [{ id: 'A', command: 'true' }] },
    });
    expect(answer).toMatchObject({ code: 201, body: { metadata: { name: 'asked' } } });
  });

  test('a Signal for a run that is not there is refused', async () => {
    const spec = { run: 'nobody', name: 'go' };
    const body = { apiVersion: 'oarlock.dev/v1', kind: 'Signal', metadata: { name: 's' }, spec };
    const answer = await world.send('POST', SIGNALS, { body });
    expect(answer).toMatchObject({ code: 404, body: { message: 'workflowruns.oarlock.dev "nobody" not found' } });
  });
});

describe('what is wrong with a manifest', () => {
  test('has a cause for each field', async () => {
    const body = workflow('bad', { spec: { tasks: [{ id: 'A', command: 'true', dependencies: ['nope'] }] } });
    const answer = await world.send('POST', WORKFLOWS, { body });
    expect(answer).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
    expect(at(answer.body, 'details')).toMatchObject({ name: 'bad', group: 'oarlock.dev', kind: 'Workflow' });
    expect(at(answer.body, 'details', 'causes', 0)).toMatchObject({
      reason: 'FieldValueNotFound',
      field: 'spec.tasks[0].dependencies[0]',
    });
  });

  test('unknown fields are a strict decoding error', async () => {
    const answer = await world.send('POST', WORKFLOWS, { body: workflow('odd', { spec: { colour: 'red' } }) });
    expect(answer).toMatchObject({ code: 400, body: { reason: 'BadRequest' } });
    expect(at(answer.body, 'message')).toContain('strict decoding error: unknown field "spec.colour"');
  });

  test.each([
    { mode: 'Warn', warning: '299 - "unknown field \\"spec.colour\\""' },
    { mode: 'Ignore', warning: undefined },
  ])('fieldValidation=$mode takes unknown fields off', async ({ mode, warning }) => {
    const path = `${WORKFLOWS}?fieldValidation=${mode}`;
    const answer = await world.send('POST', path, { body: workflow(`odd-${mode}`, { spec: { colour: 'red' } }) });
    expect(answer).toMatchObject({ code: 201, body: { spec: workflow('x')['spec'] } });
    expect(at(answer.body, 'spec', 'colour')).toBeUndefined();
    expect(answer.headers['warning']).toBe(warning);
  });
});

describe('list', () => {
  beforeAll(async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) {
      await created(name, { metadata: { labels: { set: 'list', letter: name.slice(-1) } } });
    }
  });
  const names = (answer: { body: unknown }): unknown[] =>
    (at(answer.body as JsonObject, 'items') as JsonObject[]).map((item) => at(item, 'metadata', 'name'));

  test.each([
    { selector: 'labelSelector=set%3Dlist', found: ['list-a', 'list-b', 'list-c'] },
    { selector: 'labelSelector=set%3Dlist%2Cletter+in+(a%2Cc)', found: ['list-a', 'list-c'] },
    { selector: 'labelSelector=set%3Dlist%2Cletter!%3Da', found: ['list-b', 'list-c'] },
    { selector: 'fieldSelector=metadata.name%3Dlist-b', found: ['list-b'] },
    { selector: 'labelSelector=set%3Dlist&limit=2', found: ['list-a', 'list-b'] },
  ])('$selector finds $found', async ({ selector, found }) => {
    const answer = await world.get(`${WORKFLOWS}?${selector}`);
    expect(answer.body).toMatchObject({ kind: 'WorkflowList', apiVersion: 'oarlock.dev/v1' });
    expect(names(answer)).toEqual(found);
  });

  test('goes on with the token of the page before', async () => {
    const path = `${WORKFLOWS}?labelSelector=set%3Dlist&limit=2`;
    const first = await world.get(path);
    const token = textAt(at(first.body, 'metadata'), 'continue');
    expect(names(await world.get(`${path}&continue=${token}`))).toEqual(['list-c']);
  });

  test('an unknown field selector is refused', async () => {
    const answer = await world.get(`${WORKFLOWS}?fieldSelector=spec.x%3D1`);
    expect(answer).toMatchObject({ code: 400, body: { message: 'field label not supported: spec.x' } });
  });

  test('as a Table has columns, rows and the metadata of each object', async () => {
    const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const answer = await world.get(`${WORKFLOWS}?labelSelector=letter%3Da`, { headers });
    expect(answer.body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect((at(answer.body, 'columnDefinitions') as JsonObject[]).map(({ name }) => name)).toEqual([
      'Name',
      'Form',
      'Tasks',
      'Status',
      'Age',
      'Message',
    ]);
    expect(at(answer.body, 'rows', 0, 'cells')).toMatchObject([
      'list-a',
      'tasks',
      '1',
      'Accepted',
      expect.stringMatching(/^\d+s$/),
      null,
    ]);
    expect(at(answer.body, 'rows', 0, 'object')).toMatchObject({
      kind: 'PartialObjectMetadata',
      metadata: { labels: { letter: 'a' } },
    });
  });
});

describe('replace', () => {
  test('needs no revision, and puts back what the store owns', async () => {
    const object = await created('put');
    const answer = await world.send('PUT', `${WORKFLOWS}/put`, { body: workflow('put', { spec: { parallelism: 2 } }) });
    expect(answer).toMatchObject({ code: 200, body: { spec: { parallelism: 2 } } });
    expect(at(answer.body, 'metadata')).toMatchObject({ generation: 2, uid: at(object, 'metadata', 'uid') });
  });

  test('with an old revision is a conflict', async () => {
    const old = revisionOf(await created('raced'));
    await world.send('PUT', `${WORKFLOWS}/raced`, { body: workflow('raced', { spec: { parallelism: 2 } }) });
    const body = workflow('raced', { metadata: { resourceVersion: old }, spec: { parallelism: 3 } });
    const answer = await world.send('PUT', `${WORKFLOWS}/raced`, { body });
    expect(answer).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
    expect(at(answer.body, 'message')).toContain('Operation cannot be fulfilled on workflows.oarlock.dev "raced"');
  });

  test('of N writers who expect one revision exactly one wins', async () => {
    const revision = revisionOf(await created('contended'));
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) => {
        const more = { metadata: { resourceVersion: revision }, spec: { parallelism: index + 1 } };
        return world.send('PUT', `${WORKFLOWS}/contended`, { body: workflow('contended', more) });
      }),
    );
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === 200)).toHaveLength(1);
    expect(codes.filter((code) => code === 409)).toHaveLength(15);
  });

  test('that says the same moves no revision', async () => {
    const before = revisionOf(await created('same'));
    const answer = await world.send('PUT', `${WORKFLOWS}/same`, { body: workflow('same') });
    expect(revisionOf(answer.body)).toBe(before);
  });

  test.each([
    { name: 'another name', path: 'put-x', body: workflow('put-y'), code: 400 },
    { name: 'another kind', path: 'put-x', body: run('put-x'), code: 400 },
    { name: 'nothing of that name', path: 'put-none', body: workflow('put-none'), code: 404 },
  ])('of $name is refused', async ({ path, body, code }) => {
    expect((await world.send('PUT', `${WORKFLOWS}/${path}`, { body })).code).toBe(code);
  });
});

describe('patch', () => {
  test('merge: null removes, objects merge', async () => {
    await created('merged', { metadata: { labels: { a: '1', b: '2' } } });
    const body = JSON.stringify({ metadata: { labels: { a: null, c: '3' } }, spec: { parallelism: 4 } });
    const answer = await world.send('PATCH', `${WORKFLOWS}/merged`, { body, type: MERGE });
    expect(at(answer.body, 'metadata', 'labels')).toEqual({ b: '2', c: '3' });
    expect(at(answer.body, 'spec', 'parallelism')).toBe(4);
  });

  test('strategic is taken as merge, since that is what kubectl sends by default', async () => {
    await created('strategic');
    const type = 'application/strategic-merge-patch+json';
    const answer = await world.send('PATCH', `${WORKFLOWS}/strategic`, { body: '{"spec":{"parallelism":2}}', type });
    expect(answer).toMatchObject({ code: 200, body: { spec: { parallelism: 2 } } });
  });

  test('JSON patch: operations in order, all or nothing', async () => {
    await created('operated', { metadata: { labels: { a: '1' } } });
    const operations = [
      { op: 'test', path: '/metadata/labels/a', value: '1' },
      { op: 'move', from: '/metadata/labels/a', path: '/metadata/labels/b' },
      { op: 'add', path: '/spec/tasks/-', value: { id: 'B', command: 'true' } },
    ];
    const patch = (body: unknown) =>
      world.send('PATCH', `${WORKFLOWS}/operated`, { body: JSON.stringify(body), type: JSON_PATCH });
    const answer = await patch(operations);
    expect(at(answer.body, 'metadata', 'labels')).toEqual({ b: '1' });
    expect(at(answer.body, 'spec', 'tasks')).toHaveLength(2);
    const refused = await patch([{ op: 'remove', path: '/spec/parallelism' }]);
    expect(refused).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
    expect((await patch([{ op: 'test', path: '/spec/tasks/0/id', value: 'Z' }])).code).toBe(422);
  });

  test('that changes nothing moves no revision', async () => {
    const object = await created('unmoved', { metadata: { labels: { a: '1' } } });
    const body = '{"metadata":{"labels":{"a":"1"}}}';
    const answer = await world.send('PATCH', `${WORKFLOWS}/unmoved`, { body, type: MERGE });
    expect(answer.body).toEqual(object);
  });

  test('with an old revision inside is a conflict; without one it applies to the newest state', async () => {
    const old = revisionOf(await created('patched'));
    const send = (body: JsonObject) =>
      world.send('PATCH', `${WORKFLOWS}/patched`, { body: JSON.stringify(body), type: MERGE });
    expect((await send({ spec: { parallelism: 2 } })).code).toBe(200);
    expect((await send({ metadata: { resourceVersion: old }, spec: { parallelism: 3 } })).code).toBe(409);
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, i) => send({ metadata: { labels: { [`l${i}`]: 'x' } } })),
    );
    expect(all.every(({ code }) => code === 200)).toBe(true);
    const { body } = await world.get(`${WORKFLOWS}/patched`);
    expect(Object.keys(at(body, 'metadata', 'labels') as JsonObject)).toHaveLength(8);
  });

  test('name, uid, times, generation and status are not for clients to write', async () => {
    const object = await created('owned');
    const body = JSON.stringify({
      metadata: { uid: 'x', generation: 9, creationTimestamp: '2000-01-01T00:00:00Z' },
      status: { phase: 'x' },
    });
    expect((await world.send('PATCH', `${WORKFLOWS}/owned`, { body, type: MERGE })).body).toEqual(object);
    expect((await world.send('PATCH', `${WORKFLOWS}/owned/status`, { body, type: MERGE })).code).toBe(405);
  });
});

describe('dry run', () => {
  test('answers as if, and stores nothing', async () => {
    const made = await world.send('POST', `${WORKFLOWS}?dryRun=All`, { body: workflow('dry') });
    expect(made).toMatchObject({ code: 201, body: { metadata: { name: 'dry', generation: 1 } } });
    expect((await world.get(`${WORKFLOWS}/dry`)).code).toBe(404);
    const object = await created('dry');
    const path = `${WORKFLOWS}/dry?dryRun=All`;
    const patched = await world.send('PATCH', path, { body: '{"spec":{"parallelism":3}}', type: MERGE });
    expect(patched.body).toMatchObject({ metadata: { generation: 2 }, spec: { parallelism: 3 } });
    expect((await world.send('DELETE', `${WORKFLOWS}/dry`, { body: { dryRun: ['All'] } })).code).toBe(200);
    expect((await world.get(`${WORKFLOWS}/dry`)).body).toEqual(object);
    expect((await world.send('POST', `${WORKFLOWS}?dryRun=All`, { body: workflow('dry') })).code).toBe(409);
  });
});

describe('delete', () => {
  test('answers Success with what went', async () => {
    const object = await created('gone');
    const answer = await world.send('DELETE', `${WORKFLOWS}/gone`, { body: { propagationPolicy: 'Background' } });
    const details = { name: 'gone', group: 'oarlock.dev', kind: 'workflows', uid: at(object, 'metadata', 'uid') };
    expect(answer).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success', details } });
    expect(await world.get(`${WORKFLOWS}/gone`)).toMatchObject({ code: 404, body: { reason: 'NotFound' } });
  });

  test('with a precondition that does not hold is a conflict', async () => {
    await created('kept');
    const body = { preconditions: { uid: 'another' } };
    expect((await world.send('DELETE', `${WORKFLOWS}/kept`, { body })).code).toBe(409);
    expect((await world.get(`${WORKFLOWS}/kept`)).code).toBe(200);
  });

  test('of a collection takes what the selector matches and no more', async () => {
    await created('all-1', { metadata: { labels: { drop: 'yes' } } });
    await created('all-2');
    const answer = await world.send('DELETE', `${WORKFLOWS}?labelSelector=drop%3Dyes`);
    expect((at(answer.body, 'items') as JsonObject[]).map((item) => at(item, 'metadata', 'name'))).toEqual(['all-1']);
    expect((await world.get(`${WORKFLOWS}/all-2`)).code).toBe(200);
    expect((await world.send('DELETE', `${WORKFLOWS}?labelselector=drop%3Dyes`)).code).toBe(400);
  });
});

describe('a run', () => {
  test('that has ended cannot be cancelled', async () => {
    const made = await world.send('POST', RUNS, { body: run('ended') });
    const uid = textAt(at(made.body, 'metadata'), 'uid');
    const ref = { name: 'ended', uid };
    const journal = await world.store.runs.open(ref, 1);
    await world.store.runs.publish(ref, { phase: 'Succeeded', startTime: '2026-01-01T00:00:00Z' });
    await journal.close();
    const answer = await world.send('PATCH', `${RUNS}/ended`, { body: '{"spec":{"cancel":true}}', type: MERGE });
    expect(answer).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
    expect(at(answer.body, 'message')).toContain('already ended');
    const frozen = await world.send('PATCH', `${RUNS}/ended`, { body: '{"spec":{"input":{"x":1}}}', type: MERGE });
    expect(frozen).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
    expect(at(frozen.body, 'details', 'causes', 0)).toMatchObject({
      reason: 'FieldValueForbidden',
      field: 'spec.input',
    });
  });
});
