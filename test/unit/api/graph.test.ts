// Pictures over HTTP: of a run now and at moments of its past, of a workflow before it runs, in three formats.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWorld, RUNS, run, WORKFLOWS, workflow } from '../../support/api.ts';
import { registration, runOf, WALL } from '../../support/graph-text.ts';

let world: ApiWorld;
const GRAPH = `${RUNS}/r1/graph`;

beforeAll(async () => {
  world = await ApiWorld.start();
  await world.send('POST', WORKFLOWS, { body: workflow('etl') });
  await world.send('POST', RUNS, { body: run('r1') });
  await world.send('POST', RUNS, { body: run('idle') });
  const object = await world.store.resources.get('WorkflowRun', 'r1');
  const journal = await world.store.runs.open({ name: 'r1', uid: object?.metadata.uid ?? '' }, 1);
  const stamp = (after: number) => ({ at: WALL + after, time: after });
  const made = runOf('a -> b').registration.change;
  journal.append([
    { ...stamp(0), type: 'Registered', registration: registration(made) },
    { ...stamp(1000), type: 'Offered', node: 'a', attempt: 1, fence: '1', worker: 'w' },
    {
      ...stamp(2000),
      type: 'Ended',
      node: 'a',
      fence: '1',
      outcome: { result: 'Success' },
      slot: 's',
      since: WALL + 1000,
    },
  ]);
  await journal.recorded(3);
  await journal.close();
});
afterAll(() => world.dispose());

/** `a=SUCCESS b=PENDING`. */
async function statesAt(query: string): Promise<string> {
  const { code, body } = await world.get(`${GRAPH}${query}`);
  expect(code).toBe(200);
  return (body as unknown as { nodes: { id: string; state: string }[] }).nodes
    .map(({ id, state }) => `${id}=${state}`)
    .join(' ');
}

describe('the graph of a run', () => {
  test('is that of now, of the moment after an event, or of an instant', async () => {
    expect(await statesAt('')).toBe('a=SUCCESS b=PENDING');
    expect(await statesAt('?at=1')).toBe('a=PENDING b=PENDING');
    expect(await statesAt('?at=2030-01-01T00:00:01Z')).toBe('a=PENDING b=PENDING');
    expect(await statesAt('?at=2030-01-01T00:00:02.5Z')).toBe('a=SUCCESS b=PENDING');
  });

  test('comes as JSON, DOT or SVG, by parameter or by what is accepted', async () => {
    const types = async (query: string, accept?: string): Promise<string> => {
      const { headers } = await world.get(
        `${GRAPH}${query}`,
        accept === undefined ? {} : { headers: { Accept: accept } },
      );
      return String(headers['content-type']).split(';')[0] ?? '';
    };
    expect(await types('')).toBe('application/json');
    expect(await types('?format=dot')).toBe('text/vnd.graphviz');
    expect(await types('', 'image/svg+xml')).toBe('image/svg+xml');
    const { text } = await world.get(`${GRAPH}?format=svg`);
    expect(text).toMatch(/^<\?xml[^]*<svg[^]*✓ a[^]*<\/svg>/);
  });

  test.each([
    { query: '?format=gif', says: 'expected json, dot or svg, found \\"gif\\"' },
    { query: '?at=9', says: 'expected the number of an event from 1 to 3, found 9' },
    { query: '?at=0', says: 'expected the number of an event from 1 to 3, found 0' },
    { query: '?at=2029-01-01T00:00:00Z', says: 'expected an instant from its start on, at 2030-01-01T00:00:00.000Z' },
    { query: '?at=yesterday', says: 'expected the number of an event or an instant' },
    { query: '?expand=perhaps', says: 'expected true or false' },
    { query: '?att=1', says: 'expected one of format, at, expand' },
  ])('$query is a Status that says $says', async ({ query, says }) => {
    const { code, text, body } = await world.get(`${GRAPH}${query}`);
    expect([code, (body as { kind?: string }).kind]).toEqual([400, 'Status']);
    expect(text).toContain(says);
  });

  test('of one that has not started, and of none, says so', async () => {
    expect((await world.get(`${RUNS}/idle/graph`)).code).toBe(400);
    expect((await world.get(`${RUNS}/nobody/graph?at=1`)).code).toBe(404);
  });
});

describe('the graph of a workflow', () => {
  test('is what a run of it would begin with', async () => {
    const { code, body } = await world.get(`${WORKFLOWS}/etl/graph`);
    expect(code).toBe(200);
    expect(body).toMatchObject({
      name: 'etl',
      phase: null,
      nodes: [{ state: 'PENDING', ghost: null, look: 'certain' }],
    });
    expect((await world.get(`${WORKFLOWS}/etl/graph?format=svg`)).text).toContain('</svg>');
  });

  test('has no past, and there is none of a workflow that is not there', async () => {
    expect((await world.get(`${WORKFLOWS}/etl/graph?at=1`)).code).toBe(400);
    expect((await world.get(`${WORKFLOWS}/nobody/graph`)).code).toBe(404);
  });
});
