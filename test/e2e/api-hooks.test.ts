// Callbacks against a real engine: a task gives its token away, and whoever has it answers over plain HTTP, once.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Place, until } from '../support/oarlock.ts';

const place = new Place();
let url: string;

/** The function keeps its input, in which the token is, in a file; a slow one goes on afterwards. */
function machine(file: string, more = ''): string {
  return `
id: ${file}
startAt: ask
states:
  ask:
    type: Task
    Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
    Parameters: {FunctionName: keep, Payload: {"token.$": "$$.Task.Token"}}
    Catch: [{ErrorEquals: [NoWay], Next: refused}]
    End: true
  refused: {type: Pass, Result: refused, End: true}
taskRefs: {keep: keep-${file}}
---
apiVersion: oarlock.dev/v1
kind: Task
metadata: {name: keep-${file}}
spec: {command: 'cp "$OARLOCK_INPUT" ${file}.json; ${more}'}
`;
}

beforeAll(async () => {
  place.start('up', '--workers', '1', '--port', '0');
  const file = join(place.directory, 'state', 'endpoint.json');
  await until(
    () => existsSync(file),
    () => 'state/endpoint.json',
  );
  ({ url } = JSON.parse(readFileSync(file, 'utf8')) as { url: string });
});
afterAll(() => place.close());

async function begin(name: string, more?: string): Promise<string> {
  const applied = await place.oarlock('apply', '-f', place.file(`${name}.yaml`, machine(name, more)));
  expect(applied).toMatchObject({ code: 0 });
  place.start('run', name, '--name', `${name}-1`);
  let token = '';
  await until(
    () => {
      const text = existsSync(join(place.directory, `${name}.json`))
        ? readFileSync(join(place.directory, `${name}.json`), 'utf8')
        : '';
      token = /"token":\s*"([^"]+)"/.exec(text)?.[1] ?? '';
      return token !== '';
    },
    () => `the token of ${name}`,
  );
  return token;
}

function answer(token: string, body?: string): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${url}/hooks/${token}`, { method: 'POST', ...(body === undefined ? {} : { body, headers }) });
}

describe('a callback', () => {
  test('brings the output of the task that waits', async () => {
    const token = await begin('good');
    expect(token).toMatch(/^good-1~[0-9a-f]{32}$/);
    expect((await answer(token, '{"broken')).status).toBe(400);
    expect((await answer(token, JSON.stringify('x'.repeat(1_100_000)))).status).toBe(413);
    expect(await (await answer(token, '{"ok": true}')).json()).toEqual({ accepted: true });
    await place.phaseIs('good-1', 'Succeeded');
    expect((await place.run('good-1')).status).toMatchObject({ output: { ok: true } });
    expect((await answer(token, '{"ok": true}')).status).toBe(404);
  });

  test('with an error fails the task, which may be caught', async () => {
    const token = await begin('bad');
    expect((await answer(token, '{"error": "NoWay", "cause": "closed today"}')).status).toBe(202);
    await place.phaseIs('bad-1', 'Succeeded');
    expect((await place.run('bad-1')).status).toMatchObject({ output: 'refused' });
  });

  test('that comes before the function has ended is kept, said twice counts once, and differently is refused', async () => {
    const token = await begin('early', 'while [ ! -e go ]; do sleep 0.02; done');
    expect((await answer(token, '{"n": 1}')).status).toBe(202);
    expect((await answer(token, '{"n": 1}')).status).toBe(202);
    expect((await answer(token, '{"n": 2}')).status).toBe(409);
    place.file('go', '');
    await place.phaseIs('early-1', 'Succeeded');
    expect((await place.run('early-1')).status).toMatchObject({ output: { n: 1 } });
    expect((await place.oarlock('get', 'signals', '-o', 'name')).stdout).toBe('');
  });

  test('may be empty', async () => {
    const token = await begin('empty');
    expect((await answer(token)).status).toBe(202);
    await place.phaseIs('empty-1', 'Succeeded');
  });
});
