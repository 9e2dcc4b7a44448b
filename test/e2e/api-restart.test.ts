// kill -9 of the API: it is back at the same address, nothing that it had acknowledged is lost, and a watch goes on where it was cut off,
// there and at another process.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JsonObject, textAt } from '../../kernel/json.ts';
import { run, RUNS, Watching, type WatchEvent, WORKFLOWS, workflow } from '../support/api.ts';
import { Place, until } from '../support/oarlock.ts';

const place = new Place();
const file = join(place.directory, 'state', 'endpoint.json');
let token: string;

interface Known {
  readonly url: string;
  readonly pid: number;
}

const endpoint = (): Known => JSON.parse(readFileSync(file, 'utf8')) as Known;

beforeAll(async () => {
  const engine = place.start('up', '--workers', '1', '--port', '0');
  await until(
    () => existsSync(file),
    () => `state/endpoint.json; the engine said ${engine.stderr}`,
  );
  token = (await place.oarlock('token', 'create')).stdout.trim();
});
afterAll(() => place.close());

async function create(url: string, name: string): Promise<number> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const response = await fetch(url + WORKFLOWS, { method: 'POST', headers, body: JSON.stringify(workflow(name)) });
  await response.arrayBuffer();
  return response.status;
}

function watch(url: string, from: string): Promise<Watching> {
  const headers = { Authorization: `Bearer ${token}` };
  return Watching.open(Number(new URL(url).port), `${WORKFLOWS}?watch=true&resourceVersion=${from}`, headers);
}

const names = (events: readonly WatchEvent[]): string[] =>
  events.map(({ object }) => textAt(object['metadata'], 'name'));
const lastRevision = (events: readonly WatchEvent[]): string =>
  textAt(events.at(-1)?.object['metadata'], 'resourceVersion');

test('a watch that was cut off by kill -9 goes on without a gap, at the same address', async () => {
  const before = endpoint();
  expect(await create(before.url, 'w0')).toBe(201);
  const first = await watch(before.url, '0');
  expect(await create(before.url, 'w1')).toBe(201);
  const seen = [...(await first.count(2))];
  process.kill(before.pid, 'SIGKILL');
  await first.ended();
  await until(
    async () => {
      const now = endpoint();
      return now.pid !== before.pid && (await fetch(`${now.url}/readyz`).catch(() => null))?.ok === true;
    },
    () => 'another process answers',
  );
  const after = endpoint();
  expect(after.url).toBe(before.url);
  expect(await create(after.url, 'w2')).toBe(201);
  const second = await watch(after.url, lastRevision(seen));
  seen.push(...(await second.count(1)));
  second.close();
  expect(names(seen)).toEqual(['w0', 'w1', 'w2']);
});

test('two processes give the same answers, and either goes on with a watch of the other', async () => {
  const { url } = endpoint();
  const other = place.start('api', '--port', '0');
  await other.says(/the API answers/);
  const second = /url=(http:\S+)/.exec(other.stderr)?.[1] ?? '';
  expect(second).not.toBe(url);
  const list = async (at: string): Promise<unknown> =>
    (await fetch(at + WORKFLOWS, { headers: { Authorization: `Bearer ${token}` } })).json();
  expect(await list(second)).toEqual(await list(url));
  const here = await watch(url, '0');
  const events = await here.count(3);
  here.close();
  expect(await create(url, 'x1')).toBe(201);
  expect(await create(second, 'x2')).toBe(201);
  const there = await watch(second, lastRevision(events));
  expect(names(await there.count(2))).toEqual(['x1', 'x2']);
  there.close();
  expect(endpoint().url).toBe(second);
  other.child.kill('SIGTERM');
  await other.ended;
  expect(endpoint().url).toBe(url);
});

test('one that was killed is not what kubeconfig names: the other says again where it listens', async () => {
  const { url } = endpoint();
  const other = place.start('api', '--port', '0');
  await other.says(/the API answers/);
  expect(endpoint().url).not.toBe(url);
  process.kill(endpoint().pid, 'SIGKILL');
  await other.ended;
  await until(
    () => endpoint().url === url,
    () => 'the one that is left is announced',
  );
  expect((await place.oarlock('kubeconfig')).stdout).toContain(`server: https://${new URL(url).host}`);
});

test('kubeconfig says so when nothing answers any more', async () => {
  const left = new Place();
  try {
    const alone = left.start('api', '--port', '0');
    await alone.says(/the API answers/);
    alone.child.kill('SIGKILL');
    await alone.ended;
    const asked = await left.oarlock('kubeconfig');
    expect(asked).toMatchObject({ code: 1, stdout: '' });
    expect(asked.stderr).toContain('nothing answers at https://127.0.0.1:');
  } finally {
    await left.close();
  }
});

test('runs have the same revision in both, whatever was published before a process began or while it looked', async () => {
  const { url } = endpoint();
  const ask = async (at: string, path: string): Promise<JsonObject> =>
    (await fetch(at + path, { headers: { Authorization: `Bearer ${token}` } })).json() as Promise<JsonObject>;
  const start = async (name: string): Promise<void> => {
    const tasks = Array.from({ length: 20 }, (_, index) => ({ id: `T${index}`, command: 'sleep 0.05' }));
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const body = JSON.stringify(run(name, { workflow: { tasks } }));
    expect((await fetch(url + RUNS, { method: 'POST', headers, body })).status).toBe(201);
  };
  const ended = (at: string, name: string): Promise<void> =>
    until(
      async () => textAt((await ask(at, `${RUNS}/${name}`))['status'], 'phase') === 'Succeeded',
      () => `${name} has ended at ${at}`,
    );
  await start('r1');
  await ended(url, 'r1');
  const other = place.start('api', '--port', '0');
  await other.says(/the API answers/);
  const second = /url=(http:\S+)/.exec(other.stderr)?.[1] ?? '';
  expect(await ask(second, RUNS)).toEqual(await ask(url, RUNS));
  const revision = textAt((await ask(second, RUNS))['metadata'], 'resourceVersion');
  const headers = { Authorization: `Bearer ${token}` };
  const at = (base: string, from: string): Promise<Watching> =>
    Watching.open(Number(new URL(base).port), `${RUNS}?watch=true&resourceVersion=${from}`, headers);
  const here = await at(url, revision);
  await start('r2');
  const seen = [...(await here.count(3))];
  here.close();
  const there = await at(second, lastRevision(seen));
  const isEnd = ({ object }: WatchEvent): boolean => textAt(object['status'], 'phase') === 'Succeeded';
  seen.push(...(await there.until((events) => events.some(isEnd))));
  there.close();
  const revisions = seen.map(({ object }) => Number(textAt(object['metadata'], 'resourceVersion')));
  expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
  await ended(second, 'r2');
  expect(await ask(second, RUNS)).toEqual(await ask(url, RUNS));
  expect(await ask(second, `${RUNS}/r2`)).toEqual(await ask(url, `${RUNS}/r2`));
});
