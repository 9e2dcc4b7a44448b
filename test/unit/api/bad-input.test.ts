// Everything that a client can do wrong, on the wire and in what it sends: the right code, a Status as the body, a server that goes on,
// and nothing changed by it.

import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../api/server.ts';
import { ApiWorld, at, RUNS, type Sent, WORKFLOWS, workflow } from '../../support/api.ts';

const TASK = 'tasks: [{id: A, command: "true"}]';
const LOOP_LIMIT_MS = 400;

let world: ApiWorld;
let before: number;
beforeAll(async () => {
  const limits = { ...LIMITS, headersTimeoutMs: 600, requestTimeoutMs: 900, checkEveryMs: 100, maxConnections: 200 };
  world = await ApiWorld.start({ limits });
  expect((await world.send('POST', WORKFLOWS, { body: workflow('standing') })).code).toBe(201);
});
afterAll(() => world.dispose());

beforeEach(async () => {
  before = await world.store.resources.revision();
});
afterEach(async () => {
  expect(await world.store.resources.revision()).toBe(before);
  expect((await world.get('/healthz')).text).toBe('ok');
});

const yaml = (spec: string, name = 'x'): string =>
  `apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata: {name: ${name}}\nspec:\n  ${spec}\n`;
const json = (text: string): Sent => ({ body: text, type: 'application/json' });
const task = (fields: object): Sent => ({
  body: workflow('x', { spec: { tasks: [{ id: 'A', command: 'true', ...fields }] } }),
});
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('a body', () => {
  const cases: readonly { name: string; sent: Sent; code: number | number[] }[] = [
    { name: 'that is empty', sent: json(''), code: 400 },
    { name: 'that is a word', sent: json('hello'), code: 400 },
    { name: 'that is a list', sent: json('[]'), code: [400, 422] },
    { name: 'that is null', sent: json('null'), code: [400, 422] },
    { name: 'of half a JSON document', sent: json('{"kind": "Workflow", '), code: 400 },
    {
      name: 'of one byte more than the limit',
      sent: { body: Buffer.alloc(16 * 1024 * 1024 + 1, 32), type: 'application/json' },
      code: 413,
    },
    {
      name: 'that is compressed',
      sent: { body: gzipSync('{}'), type: 'application/json', headers: { 'Content-Encoding': 'gzip' } },
      code: 415,
    },
    { name: 'of a form', sent: { body: 'a=b', type: 'application/x-www-form-urlencoded' }, code: 415 },
    { name: 'in another character set', sent: { body: '{}', type: 'application/json; charset=utf-16' }, code: 415 },
    {
      name: 'of bytes that are not UTF-8',
      sent: { body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), type: 'application/json' },
      code: 400,
    },
    { name: 'with a NUL', sent: json('{"kind": "Work\u0000flow"}'), code: 400 },
    {
      name: 'with a lone surrogate',
      sent: json(
        `{"apiVersion":"oarlock.dev/v1","kind":"Workflow","metadata":{"name":"x"},"spec":{"tasks":[{"id":"\\ud800","command":"true"}]}}`,
      ),
      code: [400, 422],
    },
    { name: 'of two documents', sent: { body: `${yaml(TASK)}---\n${yaml(TASK, 'y')}` }, code: 400 },
    { name: 'of another version of YAML', sent: { body: `%YAML 1.1\n---\n${yaml(TASK)}` }, code: 400 },
    { name: 'with an unknown tag', sent: { body: yaml('tasks: !!js/function "x"') }, code: [400, 422] },
    { name: 'with an alias of itself', sent: { body: yaml('tasks: &a [*a]') }, code: [400, 422] },
    { name: 'with an alias bomb', sent: { body: yaml(bomb()) }, code: [400, 422] },
    { name: 'with keys that come twice, in YAML', sent: { body: yaml(`${TASK}\n  ${TASK}`) }, code: [400, 422] },
    { name: 'with keys that come twice, in JSON', sent: json('{"kind":"Workflow","kind":"Task"}'), code: 400 },
    { name: 'with tabs for indentation', sent: { body: 'spec:\n\ttasks: []\n' }, code: 400 },
    { name: '1,000 levels deep', sent: json(`{"spec":${deep(1000)}}`), code: [400, 422] },
    { name: '20,000 levels deep', sent: json(`{"spec":${deep(20_000)}}`), code: [400, 422] },
    { name: '2,000 levels deep in YAML', sent: { body: `spec: ${deep(2000)}\n` }, code: 400 },
    {
      name: 'with a number that is none',
      sent: { body: yaml('tasks: [{id: A, command: "true"}]\n  parallelism: .nan') },
      code: [400, 422],
    },
    { name: 'with a number too large', sent: json('{"spec":{"parallelism":1e309}}'), code: [400, 422] },
    {
      name: 'with an integer that loses digits',
      sent: json(
        '{"apiVersion":"oarlock.dev/v1","kind":"Workflow","metadata":{"name":"x"},"spec":{"parallelism":9007199254740993}}',
      ),
      code: 400,
    },
    {
      name: 'that pollutes prototypes',
      sent: json('{"__proto__":{"polluted":1},"kind":"Workflow"}'),
      code: [400, 422],
    },
    {
      name: 'that pollutes deeper',
      sent: json(
        '{"apiVersion":"oarlock.dev/v1","kind":"Workflow","metadata":{"name":"x","labels":{"constructor":"x","__proto__":"y"}},"spec":{}}',
      ),
      code: [400, 422],
    },
  ];

  test.each(cases)('$name', async ({ sent, code }) => {
    const answer = await world.send('POST', WORKFLOWS, sent);
    expect([code].flat(), answer.text).toContain(answer.code);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', code: answer.code });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  function bomb(): string {
    const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level += 1) lines.push(`b${level}: &a${level} [${`*a${level - 1}, `.repeat(10)}]`);
    return lines.join('\n  ');
  }

  test.each([
    {
      name: '40,000 keys of YAML',
      body: `metadata:\n${Array.from({ length: 40_000 }, (_, i) => `  k${i}: v`).join('\n')}\n`,
    },
    { name: '99 aliases of a large node', body: yaml(`a: &a "${'x'.repeat(60_000)}"\n  b: [${'*a, '.repeat(99)}1]`) },
    {
      name: '10,000 tasks and one mistake',
      body: JSON.stringify(
        workflow('x', {
          spec: {
            tasks: Array.from({ length: 10_000 }, (_, i) => ({ id: `t${i}`, command: i === 9_999 ? 7 : 'true' })),
          },
        }),
      ),
    },
    {
      name: 'a megabyte of one text',
      body: JSON.stringify(workflow('x', { spec: { tasks: [{ id: 'x'.repeat(1_000_000), command: 'true' }] } })),
    },
  ])('$name is refused without stopping everybody else', async ({ body }) => {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const answer = await world.send('POST', WORKFLOWS, { body });
    delay.disable();
    expect([400, 422]).toContain(answer.code);
    expect(answer.text.length).toBeLessThan(20_000);
    expect(delay.max / 1e6).toBeLessThan(LOOP_LIMIT_MS);
  });
});

describe('a manifest', () => {
  test.each([
    { name: 'a task named ..', sent: { body: workflow('..') } },
    { name: 'a name with a line break', sent: { body: workflow('a\r\nb') } },
    { name: 'a name with a slash', sent: { body: workflow('a/b') } },
    { name: 'a name of 300 characters', sent: { body: workflow('a'.repeat(300)) } },
    { name: 'a name of look-alike letters', sent: { body: workflow('раypal') } },
    { name: 'no name that could be one', sent: { body: workflow('-') } },
    { name: 'another kind', sent: { body: { ...workflow('x'), kind: 'Pod' } } },
    { name: 'another version', sent: { body: { ...workflow('x'), apiVersion: 'v1' } } },
    { name: 'a revision, though it is new', sent: { body: workflow('x', { metadata: { resourceVersion: '1' } }) } },
    { name: 'a dependency on itself', sent: task({ dependencies: ['A'] }) },
    { name: 'an unknown dependency', sent: task({ dependencies: ['Z'] }) },
    {
      name: 'two tasks of one id',
      sent: {
        body: workflow('x', {
          spec: {
            tasks: [
              { id: 'A', command: 'x' },
              { id: 'A', command: 'y' },
            ],
          },
        }),
      },
    },
    {
      name: 'a cycle',
      sent: {
        body: workflow('x', {
          spec: {
            tasks: [
              { id: 'A', command: 'x', dependencies: ['B'] },
              { id: 'B', command: 'y', dependencies: ['A'] },
            ],
          },
        }),
      },
    },
    { name: 'retries below zero', sent: task({ maxRetries: -1 }) },
    { name: 'retries without number', sent: task({ maxRetries: 1e9 }) },
    { name: 'one and a half retries', sent: task({ maxRetries: 1.5 }) },
    { name: 'retries as a text', sent: task({ maxRetries: '3' }) },
    { name: 'a timeout of nothing', sent: task({ timeoutSeconds: 0 }) },
    { name: 'a timeout below zero', sent: task({ timeoutSeconds: -5 }) },
    { name: 'a huge timeout', sent: task({ timeoutSeconds: 1e300 }) },
    { name: 'a command that is a list', sent: task({ command: ['a'] }) },
  ] satisfies { name: string; sent: Sent }[])('with $name', async ({ sent }) => {
    const answer = await world.send('POST', WORKFLOWS, sent);
    expect([400, 422], answer.text).toContain(answer.code);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure' });
  });
});

describe('a request', () => {
  const cases: readonly { name: string; method: string; path: string; sent?: Sent; code: number }[] = [
    { name: 'for a path that nobody knows', method: 'GET', path: '/nowhere', code: 404 },
    { name: 'for a kind that nobody knows', method: 'GET', path: '/apis/oarlock.dev/v1/cats', code: 404 },
    { name: 'by a method that the path has not', method: 'PUT', path: WORKFLOWS, code: 405 },
    { name: 'by a method that nobody knows', method: 'TRACE', path: WORKFLOWS, code: 405 },
    {
      name: 'to write status',
      method: 'PUT',
      path: `${WORKFLOWS}/standing/status`,
      sent: { body: workflow('standing') },
      code: 405,
    },
    { name: 'with an encoded slash', method: 'GET', path: `${WORKFLOWS}/a%2fb`, code: 400 },
    { name: 'with a doubly encoded slash', method: 'GET', path: `${WORKFLOWS}/..%252f..%252fetc`, code: 404 },
    { name: 'with dots for segments', method: 'GET', path: `${WORKFLOWS}/../workflows`, code: 400 },
    { name: 'with a NUL', method: 'GET', path: `${WORKFLOWS}/a%00`, code: 400 },
    { name: 'with half an escape', method: 'GET', path: `${WORKFLOWS}/%zz`, code: 400 },
    { name: 'for a name that none can have', method: 'GET', path: `${WORKFLOWS}/${'a'.repeat(400)}`, code: 404 },
    { name: 'for a name of a prototype', method: 'GET', path: `${WORKFLOWS}/__proto__`, code: 404 },
    { name: 'with a very long URL', method: 'GET', path: `${WORKFLOWS}?labelSelector=${'a'.repeat(5000)}`, code: 400 },
    { name: 'with a limit that is no number', method: 'GET', path: `${WORKFLOWS}?limit=1e9`, code: 400 },
    { name: 'with a limit below zero', method: 'GET', path: `${WORKFLOWS}?limit=-1`, code: 400 },
    { name: 'with a page token that was made up', method: 'GET', path: `${WORKFLOWS}?continue=zzzz`, code: 400 },
    { name: 'with a selector that is none', method: 'GET', path: `${WORKFLOWS}?labelSelector=a%20b%20c`, code: 400 },
    {
      name: 'with a field that cannot be selected',
      method: 'GET',
      path: `${RUNS}?fieldSelector=spec.input%3D1`,
      code: 400,
    },
    { name: 'with a parameter that nobody knows', method: 'GET', path: `${WORKFLOWS}?labelselector=a`, code: 400 },
    { name: 'with a parameter twice', method: 'GET', path: `${WORKFLOWS}?limit=1&limit=2`, code: 400 },
    {
      name: 'to watch from no revision',
      method: 'GET',
      path: `${WORKFLOWS}?watch=true&resourceVersion=abc`,
      code: 400,
    },
    {
      name: 'for a form that is not there',
      method: 'GET',
      path: WORKFLOWS,
      sent: { headers: { Accept: 'text/csv' } },
      code: 406,
    },
    {
      name: 'with If-Match that is none',
      method: 'PUT',
      path: `${WORKFLOWS}/standing`,
      sent: { body: workflow('standing'), headers: { 'If-Match': 'garbage' } },
      code: 400,
    },
    {
      name: 'with If-Match of old',
      method: 'PUT',
      path: `${WORKFLOWS}/standing`,
      sent: { body: workflow('standing', { spec: { parallelism: 9 } }), headers: { 'If-Match': '"0"' } },
      code: 409,
    },
    {
      name: 'to patch without saying how',
      method: 'PATCH',
      path: `${WORKFLOWS}/standing`,
      sent: { body: '{}' },
      code: 415,
    },
    {
      name: 'to patch a name away',
      method: 'PATCH',
      path: `${WORKFLOWS}/standing`,
      sent: { body: '{"metadata":{"name":"y"}}', type: 'application/merge-patch+json' },
      code: 400,
    },
    {
      name: 'to patch into a prototype',
      method: 'PATCH',
      path: `${WORKFLOWS}/standing`,
      sent: { body: '{"__proto__":{"x":1}}', type: 'application/merge-patch+json' },
      code: 422,
    },
    {
      name: 'to patch what is not there',
      method: 'PATCH',
      path: `${WORKFLOWS}/standing`,
      sent: { body: '[{"op":"remove","path":"/spec/none"}]', type: 'application/json-patch+json' },
      code: 422,
    },
    {
      name: 'to patch by an operation that nobody knows',
      method: 'PATCH',
      path: `${WORKFLOWS}/standing`,
      sent: { body: '[{"op":"burn","path":"/spec"}]', type: 'application/json-patch+json' },
      code: 422,
    },
    {
      name: 'to apply without a manager',
      method: 'PATCH',
      path: `${WORKFLOWS}/standing`,
      sent: { body: JSON.stringify(workflow('standing')), type: 'application/apply-patch+yaml' },
      code: 422,
    },
    {
      name: 'to write as a dry run of some',
      method: 'POST',
      path: `${WORKFLOWS}?dryRun=Some`,
      sent: { body: workflow('x') },
      code: 400,
    },
    {
      name: 'to validate in a way of its own',
      method: 'POST',
      path: `${WORKFLOWS}?fieldValidation=Maybe`,
      sent: { body: workflow('x') },
      code: 400,
    },
    {
      name: 'to delete by a policy of its own',
      method: 'DELETE',
      path: `${WORKFLOWS}/standing`,
      sent: { body: { propagationPolicy: 'Later' } },
      code: 400,
    },
    { name: 'to delete what is built in', method: 'DELETE', path: '/apis/oarlock.dev/v1/tasks/task_a', code: 422 },
    {
      name: 'to start what is not registered',
      method: 'POST',
      path: '/workflow-executions',
      sent: { body: { workflowId: 'nope' } },
      code: 404,
    },
    {
      name: 'to start by a misspelt field',
      method: 'POST',
      path: '/workflow-executions',
      sent: { body: { worfklowId: 'standing' } },
      code: 400,
    },
    {
      name: 'to run steps that are none',
      method: 'POST',
      path: '/workflow',
      sent: { body: { steps: [{ type: 'sideways', tasks: ['task_a'] }] } },
      code: 422,
    },
    {
      name: 'for steps of a run that is not there',
      method: 'GET',
      path: '/workflow-executions/nope/steps/A',
      code: 404,
    },
    { name: 'for all runs, though nobody debugs', method: 'GET', path: '/runs', code: 404 },
  ];

  test.each(cases)('$name', async ({ method, path, sent = {}, code }) => {
    const answer = await world.send(method, path, sent);
    expect(answer.code, answer.text).toBe(code);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', code });
    if (code === 405) expect(answer.headers['allow']).toBeDefined();
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('on the wire', () => {
  /** Sends these bytes and waits for the end of the connection; what came back, and after how long. */
  function raw(first: string, drip?: { text: string; everyMs: number }): Promise<{ text: string; ms: number }> {
    return new Promise((resolve) => {
      const begun = performance.now();
      let text = '';
      const socket = connect(world.server.port, '127.0.0.1', () => socket.write(first));
      const timer =
        drip === undefined ? undefined : setInterval(() => socket.writable && socket.write(drip.text), drip.everyMs);
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(timer);
        resolve({ text, ms: performance.now() - begun });
      });
    });
  }

  const head = (method: string, more: string): string =>
    `${method} ${WORKFLOWS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.token}\r\nConnection: close\r\n${more}\r\n`;

  test.each([
    { name: 'headers that drip', first: 'GET / HTTP/1.1\r\n', drip: { text: 'X: y\r\n', everyMs: 100 } },
    { name: 'a connection that says nothing', first: '', drip: undefined },
    { name: 'a body that drips', first: 'body', drip: { text: 'x', everyMs: 100 } },
    { name: 'chunks without an end', first: 'chunks', drip: { text: '1\r\nx\r\n', everyMs: 100 } },
    { name: 'a body shorter than it says', first: 'body', drip: undefined },
  ])('$name: ended in time', async ({ first, drip }) => {
    const json = 'Content-Type: application/json\r\n';
    const starts = new Map([
      ['body', () => head('POST', `${json}Content-Length: 100000\r\n`)],
      ['chunks', () => head('POST', `${json}Transfer-Encoding: chunked\r\n`)],
    ]);
    const { ms } = await raw(starts.get(first)?.() ?? first, drip);
    expect(ms).toBeGreaterThan(300);
    expect(ms).toBeLessThan(5_000);
  });

  test.each([
    { name: 'two lengths', more: 'Content-Length: 2\r\nContent-Length: 3\r\n' },
    { name: 'a length beside chunks', more: 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n' },
    { name: 'a header of 16 KiB', more: `X-Long: ${'x'.repeat(16 * 1024)}\r\n` },
    { name: 'a header with a bare line feed', more: 'X: a\n b\r\n' },
    { name: 'no host', more: undefined },
  ])('$name: refused', async ({ more }) => {
    const request = more === undefined ? 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n' : head('POST', more);
    const { text } = await raw(request);
    expect(text === '' || /^HTTP\/1\.1 4\d\d /.test(text), text.slice(0, 100)).toBe(true);
  });

  test('200 headers: those beyond the limit count for nothing', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `X-${index}: y\r\n`).join('');
    expect((await raw(head('GET', many))).text).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
  });

  test('HTTP/1.0 is answered', async () => {
    expect((await raw('GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n')).text).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('a client that goes away in the middle of an answer is no error', async () => {
    const socket = connect(world.server.port, '127.0.0.1', () => socket.write(head('GET', '')));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect((await world.get(WORKFLOWS)).code).toBe(200);
    expect(world.log.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  test('more connections than the limit are refused, and those that are there go on', async () => {
    const sockets = Array.from({ length: 250 }, () =>
      connect(world.server.port, '127.0.0.1').on('error', () => undefined),
    );
    const refused = (): boolean => world.log.some((line) => line.includes('too many are open'));
    const late = AbortSignal.timeout(5_000);
    while (!refused() && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())));
    expect(refused()).toBe(true);
    while ((await world.get('/healthz').catch(() => null)) === null && !late.aborted);
  });
});

test('an error that nobody expected says an id and no stack', async () => {
  const broken = await ApiWorld.start();
  broken.store.resources.get = () => Promise.reject(new Error('secret detail'));
  const answer = await broken.get(`${WORKFLOWS}/x`);
  expect(answer).toMatchObject({ code: 500, body: { reason: 'InternalError' } });
  expect(answer.text).not.toContain('secret detail');
  const id = /under ([0-9a-f]{12})/.exec(String(at(answer.body, 'message') as string))?.[1] ?? 'none';
  expect(broken.log.some((line) => line.includes(id) && line.includes('secret detail'))).toBe(true);
  await broken.dispose();
});
