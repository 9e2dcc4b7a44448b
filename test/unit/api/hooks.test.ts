// Callbacks that are refused: one answer for all of them, and nothing of the token in the log. Those that are taken need an engine
// (test/e2e/api-hooks.test.ts).

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWorld, at, run, RUNS, workflow, WORKFLOWS } from '../../support/api.ts';

const HEX = '0123456789abcdef0123456789abcdef';

let world: ApiWorld;
beforeAll(async () => {
  world = await ApiWorld.start();
  await world.send('POST', WORKFLOWS, { body: workflow('etl') });
  await world.send('POST', RUNS, { body: run('etl-1') });
});
afterAll(() => world.dispose());

describe('a callback that nobody waits for', () => {
  test('is refused in the same words, whether the run is there or not, and not at once', async () => {
    const begun = performance.now();
    const tokens = [`etl-1~${HEX}`, `none~${HEX}`, 'etl-1', 'x', '..', `${'a'.repeat(300)}~${HEX}`];
    const answers = await Promise.all(
      tokens.map((token) => world.send('POST', `/hooks/${encodeURIComponent(token)}`, { token: null, body: {} })),
    );
    const [first] = answers;
    expect(first).toMatchObject({ code: 404, body: { kind: 'Status', reason: 'NotFound' } });
    for (const [index, { code, text }] of answers.entries()) {
      if (tokens[index] !== '..') expect({ code, text }).toEqual({ code: first?.code, text: first?.text });
    }
    expect(performance.now() - begun).toBeGreaterThan(200);
    expect((await world.get('/apis/oarlock.dev/v1/signals')).body).toMatchObject({ items: [] });
  });

  test('leaves nothing of its token in the log', async () => {
    await world.send('POST', `/hooks/secret~${HEX}`, { token: null, body: {} });
    expect(world.log.filter((line) => line.includes(HEX) || line.includes('secret'))).toEqual([]);
    expect(world.log.some((line) => line.includes('/hooks/***'))).toBe(true);
  });

  test('is told to come again when there are too many', async () => {
    const many = Array.from({ length: 40 }, (_, index) =>
      world.send('POST', `/hooks/none${index}~${HEX}`, { token: null }),
    );
    const codes = (await Promise.all(many)).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set([404, 429]));
    expect((await world.send('POST', `/hooks/none~${HEX}`, { token: null })).code).toBe(404);
  });

  test('has one method and no query, and the list of hooks is nobody’s', async () => {
    expect(await world.get(`/hooks/x~${HEX}`, { token: null })).toMatchObject({
      code: 405,
      headers: { allow: 'POST' },
    });
    expect((await world.send('POST', `/hooks/x~${HEX}?force=1`, { token: null })).code).toBe(400);
    expect((await world.send('POST', '/hooks/', { token: null })).code).toBe(401);
    expect((await world.send('POST', '/hooks', { token: null })).code).toBe(401);
  });

  test('stands in the description of the API, as one that needs no token', async () => {
    const { body } = await world.get('/openapi.json', { token: null });
    expect(at(body, 'paths', '/hooks/{token}', 'post', 'security')).toEqual([]);
  });
});
