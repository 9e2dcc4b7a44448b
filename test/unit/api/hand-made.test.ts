// Writes through the API over a file that somebody is in the middle of editing: what cannot be read is not written over. And documents
// so large that reading or writing them would keep everybody else waiting.

import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWorld, at, WORKFLOWS, workflow } from '../../support/api.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await ApiWorld.start();
});
afterAll(() => world.dispose());

const APPLY = 'application/apply-patch+yaml';

describe('an object whose file cannot be read', () => {
  const broken = '# half way through\napiVersion: oarlock.dev/v1\nkind: Workflow\nspec: {tasks: [\n';
  const path = `${WORKFLOWS}/mine`;
  const writes = [
    { name: 'PUT', method: 'PUT', path, sent: { body: workflow('mine') } },
    {
      name: 'a merge patch',
      method: 'PATCH',
      path,
      sent: { body: '{"spec":{"parallelism":2}}', type: 'application/merge-patch+json' },
    },
    {
      name: 'a JSON patch',
      method: 'PATCH',
      path,
      sent: { body: '[{"op":"add","path":"/spec/parallelism","value":2}]', type: 'application/json-patch+json' },
    },
    {
      name: 'apply',
      method: 'PATCH',
      path: `${path}?fieldManager=me&force=true`,
      sent: { body: JSON.stringify(workflow('mine')), type: APPLY },
    },
    { name: 'the plain endpoint', method: 'POST', path: '/workflows', sent: { body: workflow('mine') } },
  ];

  test.each(writes)('is left as it is by $name, which is told why', async ({ method, path: where, sent }) => {
    await world.send('POST', WORKFLOWS, { body: workflow('mine') });
    const file = `${world.root}/workflows/mine.yaml`;
    writeFileSync(file, broken);
    const answer = await world.send(method, where, sent);
    expect(answer).toMatchObject({ code: 422, body: { kind: 'Status', reason: 'Invalid' } });
    expect(at(answer.body, 'message')).toMatch(
      /edited by hand and cannot be read \(InvalidManifest: workflows\/mine\.yaml:\d/,
    );
    expect(readFileSync(file, 'utf8')).toBe(broken);
  });

  test('can be deleted, and can be written again once its file is right', async () => {
    const file = `${world.root}/workflows/mine.yaml`;
    writeFileSync(file, `${broken}  {id: A, command: "true"}]}\n`);
    expect((await world.send('PUT', path, { body: workflow('mine') })).code).toBe(200);
    writeFileSync(file, broken);
    expect((await world.send('DELETE', path)).code).toBe(200);
    expect((await world.get(path)).code).toBe(404);
  });
});

describe('a large document', () => {
  const COUNT = 8_000;
  const tasks = (command: string): object[] =>
    Array.from({ length: COUNT }, (_, index) => ({ id: `t${index}`, command, dependencies: index > 0 ? ['t0'] : [] }));
  const yaml = (command: string): string =>
    `apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata: {name: large}\nspec:\n  tasks:\n${tasks(command)
      .map((task) => `  - ${JSON.stringify(task)}\n`)
      .join('')}`;
  const path = `${WORKFLOWS}/large`;
  const writes = [
    { name: 'created', method: 'POST', where: WORKFLOWS, body: yaml('a'), type: 'application/yaml' },
    {
      name: 'applied as YAML',
      method: 'PATCH',
      where: `${path}?fieldManager=me&force=true`,
      body: yaml('b'),
      type: APPLY,
    },
    {
      name: 'patched',
      method: 'PATCH',
      where: path,
      body: JSON.stringify({ spec: { tasks: tasks('c') } }),
      type: 'application/merge-patch+json',
    },
  ];

  test.each(writes)(
    'that is $name keeps nobody waiting',
    { timeout: 60_000 },
    async ({ method, where, body, type }) => {
      let longestMs = 0;
      let last = performance.now();
      // Nothing more: what this process does counts against the deadline of the thread.
      const ticks = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - last);
        last = performance.now();
      }, 5);
      const { code, text } = await world.send(method, where, { body, type }).finally(() => clearInterval(ticks));
      expect(code, text).toBeLessThan(300);
      // Done in this thread it would take several seconds.
      expect(longestMs).toBeLessThan(1_500);
    },
  );
});
