// What looks wrong and is right, and what is left of the bad-input list beside bad-input.test.ts: odd names and values that are taken as they
// are written, bytes beyond the length that was said, and a thousand clients that say nothing.

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonObject } from '../../../kernel/json.ts';
import { ApiWorld, at, RUNS, run, type Watching, WORKFLOWS, workflow } from '../../support/api.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await ApiWorld.start();
});
afterAll(() => world.dispose());

describe('taken as it is written', () => {
  test('task ids that are dots, names of devices or of prototypes, long, foreign, or differ by case alone', async () => {
    const ids = [
      '..',
      'con',
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'A',
      'a',
      'x'.repeat(64),
      'раypal',
      '任务',
    ];
    const tasks = ids.map((id, index) => ({ id, command: 'true', dependencies: ids.slice(0, index) }));
    const made = await world.send('POST', WORKFLOWS, { body: workflow('odd', { spec: { tasks } }) });
    expect(made.code, made.text).toBe(201);
    const found = await world.get(`${WORKFLOWS}/odd`);
    expect((at(found.body, 'spec', 'tasks') as JsonObject[]).map(({ id }) => id)).toEqual(ids);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  test('words, dates and old octals of YAML are what YAML 1.2 says', async () => {
    const text = `id: words\ntasks:\n  - {id: no, command: yes, env: {A: on, B: 2001-01-01, C: "010", D: ~x}}\n`;
    const made = await world.send('POST', WORKFLOWS, { body: text });
    expect(made.code, made.text).toBe(201);
    expect(at(made.body, 'spec', 'tasks', 0)).toMatchObject({
      id: 'no',
      command: 'yes',
      env: { A: 'on', B: '2001-01-01', C: '010', D: '~x' },
    });
  });

  test('a byte order mark, minus zero, and a text with line ends of another system', async () => {
    const spec = { workflowRef: { name: 'odd' }, input: { zero: 0, text: 'a\r\nb' } };
    const body = `\uFEFF${JSON.stringify(run('bom', spec)).replace(':0', ':-0')}`;
    const made = await world.send('POST', RUNS, { body, type: 'application/json' });
    expect(made.code, made.text).toBe(201);
    expect(at(made.body, 'spec', 'input', 'text')).toBe('a\r\nb');
  });

  test('a limit beyond what there is, and no If-Match', async () => {
    expect((await world.get(`${WORKFLOWS}?limit=1000000000`)).code).toBe(200);
    expect((await world.send('PUT', `${WORKFLOWS}/odd`, { body: workflow('odd') })).code).toBe(200);
  });
});

describe('refused', () => {
  const cases = [
    {
      name: 'a PUT whose body has another name',
      method: 'PUT',
      path: `${WORKFLOWS}/odd`,
      body: workflow('other'),
      code: 400,
    },
    {
      name: 'a PUT of another kind',
      method: 'PUT',
      path: `${WORKFLOWS}/odd`,
      body: { ...workflow('odd'), kind: 'Task' },
      code: 400,
    },
    {
      name: 'levels without end in block YAML',
      method: 'POST',
      path: WORKFLOWS,
      body: Array.from({ length: 1_000 }, (_, level) => `${' '.repeat(level)}a:\n`).join(''),
      code: 400,
    },
    {
      name: 'infinity',
      method: 'POST',
      path: WORKFLOWS,
      body: 'id: x\nparallelism: .inf\ntasks: []\n',
      code: [400, 422],
    },
  ];

  test.each(cases)('$name', async ({ method, path, body, code }) => {
    const before = await world.store.resources.revision();
    const answer = await world.send(method, path, { body });
    expect([code].flat(), answer.text).toContain(answer.code);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure' });
    expect(await world.store.resources.revision()).toBe(before);
  });

  test('bytes beyond the length that was said are another request, and no good one', async () => {
    const head = `POST ${WORKFLOWS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.token}\r\n`;
    const text = await new Promise<string>((resolve) => {
      let all = '';
      const socket = connect(world.server.port, '127.0.0.1', () =>
        socket.write(`${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}{"kind": "Workflow"}`),
      );
      socket.on('data', (chunk) => (all += chunk.toString()));
      socket.on('error', () => undefined).on('close', () => resolve(all));
    });
    expect(text.match(/^HTTP\/1\.1 \d+/gm)?.every((line) => line.includes(' 4'))).toBe(true);
    expect((await world.get('/healthz')).text).toBe('ok');
  });
});

test('a thousand clients that only listen keep nobody else waiting', { timeout: 60_000 }, async () => {
  const opened: Watching[] = [];
  for (let count = 0; count < 1_000; count += 100) {
    const more = Array.from({ length: 100 }, () => world.watch(`${RUNS}?watch=true&resourceVersion=0`));
    opened.push(...(await Promise.all(more)));
  }
  expect((await world.send('POST', WORKFLOWS, { body: workflow('beside') })).code).toBe(201);
  expect(opened.every(({ code, isEnded }) => code === 200 && !isEnded)).toBe(true);
  for (const watching of opened) watching.close();
  expect((await world.get('/healthz')).text).toBe('ok');
});
