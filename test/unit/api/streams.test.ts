// Answers that go on, and clients that do not behave: slow readers, many watchers, events as they happen; keys that are fetched.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthenticator, issuerTokens } from '../../../api/auth.ts';
import { ChangeHub } from '../../../api/resources/hub.ts';
import { LIMITS } from '../../../api/server.ts';
import type { RunEvent } from '../../../kernel/events.ts';
import { textAt } from '../../../kernel/json.ts';
import type { Manifest } from '../../../manifests/model.ts';
import type { Change } from '../../../store/store.ts';
import { ApiWorld, at, RUNS, run, WORKFLOWS, workflow } from '../../support/api.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await ApiWorld.start({ isDebug: true });
});
afterAll(() => world.dispose());

async function create(name: string, note = ''): Promise<void> {
  const body = workflow(name, { metadata: { annotations: { note } } });
  expect((await world.send('POST', WORKFLOWS, { body })).code).toBe(201);
}

test('a watcher that does not read is let go, and the others are told everything', async () => {
  const from = await world.store.resources.revision();
  const path = `${WORKFLOWS}?watch=true&resourceVersion=${from}`;
  const lazy = connect(world.server.port, '127.0.0.1', () => {
    lazy.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.token}\r\n\r\n`);
    lazy.pause();
  });
  let isGone = false;
  lazy.on('error', () => undefined).on('close', () => (isGone = true));
  const keen = await world.watch(path);
  const note = 'x'.repeat(500 * 1024);
  for (let index = 0; index < 40; index += 1) await create(`big-${index}`, note);
  const events = await keen.count(40);
  expect(events).toHaveLength(40);
  keen.close();
  lazy.resume();
  const late = AbortSignal.timeout(10_000);
  while (!isGone && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
  expect(isGone).toBe(true);
});

test('a client that asks for a long list and does not read it is let go', async () => {
  const strict = await ApiWorld.start({ root: world.root, limits: { ...LIMITS, idleTimeoutMs: 1_000 } });
  const begun = performance.now();
  const lazy = connect(strict.server.port, '127.0.0.1', () => {
    lazy.write(`GET ${WORKFLOWS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${strict.token}\r\n\r\n`);
    lazy.pause();
  });
  lazy.on('error', () => undefined);
  // A socket that is paused does not learn that the other end has gone, so the server's side is asked: it is done with the request.
  const isDone = (): boolean => strict.log.some((line) => line.includes('method=GET') && line.includes('code=200'));
  while (!isDone() && performance.now() - begun < 10_000) await new Promise((resolve) => setImmediate(resolve));
  expect(isDone()).toBe(true);
  expect(performance.now() - begun).toBeGreaterThan(900);
  lazy.destroy();
  await strict.stop();
});

test('200 watchers are told of every change, once each', async () => {
  const from = await world.store.resources.revision();
  const path = `${WORKFLOWS}?watch=true&resourceVersion=${from}&labelSelector=none`;
  const all = await Promise.all(Array.from({ length: 200 }, () => world.watch(path)));
  const labelled = { metadata: { labels: { none: 'yes' } } };
  for (const name of ['m1', 'm2', 'm3']) await world.send('POST', WORKFLOWS, { body: workflow(name, labelled) });
  for (const watching of all) {
    const events = await watching.count(3);
    expect(events.map(({ object }) => textAt(object['metadata'], 'name'))).toEqual(['m1', 'm2', 'm3']);
    watching.close();
  }
});

test('the hub: any place to begin gets the rest, in order, once, while others come and go', async () => {
  const { resources } = world.store;
  const hub = new ChangeHub(world.store);
  const first = await resources.revision();
  const seen = new Map<number, number[]>();
  const stop = new AbortController();
  const follow = async (from: number): Promise<void> => {
    const revisions: number[] = [];
    seen.set(from, revisions);
    // Each watcher has a signal of its own, as each request has.
    for await (const change of hub.watch(from, AbortSignal.any([stop.signal]))) revisions.push(change.revision);
  };
  const following = [follow(first)];
  for (let index = 0; index < 10; index += 1) {
    await resources.create(workflow(`hub-${index}`) as unknown as Manifest);
    following.push(follow(first + index + 1));
  }
  const last = await resources.revision();
  expect(last).toBe(first + 10);
  const late = AbortSignal.timeout(10_000);
  const isDone = (): boolean => [...seen].every(([from, revisions]) => revisions.length >= last - from);
  while (!isDone() && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
  for (const [from, revisions] of seen) {
    expect(revisions).toEqual(Array.from({ length: last - from }, (_, index) => from + index + 1));
  }
  stop.abort();
  await Promise.all(following);
  const old: Change[] = [];
  const again = new AbortController();
  for await (const change of hub.watch(first, again.signal)) {
    old.push(change);
    if (old.length === 10) break;
  }
  expect(old.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, index) => `hub-${index}`));
});

test('events are told as they happen, to those who watch them', async () => {
  const made = await world.send('POST', RUNS, { body: run('told') });
  const ref = { name: 'told', uid: textAt(at(made.body, 'metadata'), 'uid') };
  const watching = await world.watch(
    '/api/v1/namespaces/default/events?watch=true&fieldSelector=involvedObject.name%3Dtold',
  );
  const journal = await world.store.runs.open(ref, 1);
  const now = Date.now();
  const registration = {
    ...ref,
    workflow: 'etl',
    workflowGeneration: 1,
    input: {},
    change: { nodes: [{ id: 'A', task: { executor: { type: 'command', command: 'true' } } }] },
  } as const;
  const begun: RunEvent = { at: now + 1, time: 1, type: 'Registered', registration };
  const over: RunEvent = { at: now + 2, time: 2, type: 'CancelRequested' };
  journal.append([begun]);
  await world.store.runs.publish(ref, { phase: 'Running', startTime: new Date(now).toISOString() });
  await watching.count(1);
  journal.append([over]);
  await world.store.runs.publish(ref, {
    phase: 'Running',
    message: 'being cancelled',
    startTime: new Date(now).toISOString(),
  });
  const events = await watching.count(2);
  expect(events.map(({ type, object }) => [type, object['message']])).toEqual([
    ['ADDED', 'run: started, 1 task'],
    ['ADDED', 'run: cancel requested'],
  ]);
  const names = new Set(events.map(({ object }) => textAt(object['metadata'], 'name')));
  expect(names.size).toBe(2);
  const listed = await world.get('/api/v1/events?fieldSelector=involvedObject.name%3Dtold');
  expect(
    new Set((at(listed.body, 'items') as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)),
  ).toEqual(names);
  watching.close();
  await journal.close();
});

test('all runs are listed for those who debug', async () => {
  const answer = await world.get('/runs');
  expect(answer).toMatchObject({ code: 200, body: { runs: [{ run_id: 'told', status: 'RUNNING' }] } });
});

test("another issuer's keys are fetched from where it publishes them, and again when it has new ones", async () => {
  const pairs = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ];
  const published: object[] = [];
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const jwks = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  const { clock } = world.store;
  const auth = createAuthenticator(clock, issuerTokens({ jwks, issuer: 'i', audience: 'a' }, clock));
  const publish = async (index: number): Promise<void> => {
    const key = pairs[index]?.publicKey;
    if (key !== undefined) published.push({ ...(await exportJWK(key)), kid: `k${index}`, alg: 'ES256' });
  };
  const bearer = async (index: number): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000);
    const key = pairs[index]?.privateKey;
    if (key === undefined) throw new Error('no such key');
    const claims = { iss: 'i', aud: 'a', sub: 'dora', iat, exp: iat + 60 };
    return `Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: `k${index}` }).sign(key)}`;
  };
  await publish(0);
  expect(await auth.authenticate(await bearer(0))).toMatchObject({ username: 'dora' });
  await expect(auth.authenticate(await bearer(1))).rejects.toMatchObject({ reason: 'Unauthorized' });
  await new Promise((resolve) => server.close(resolve).closeAllConnections());
});
