// Watches over HTTP: nothing lost, nothing doubled, selectors that speak of states, and a clear end where that cannot be kept.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonObject, textAt } from '../../../kernel/json.ts';
import { ApiWorld, at, RUNS, run, type Watching, type WatchEvent, WORKFLOWS, workflow } from '../../support/api.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await ApiWorld.start();
});
afterAll(() => world.dispose());

const MERGE = 'application/merge-patch+json';

async function create(name: string, labels: JsonObject = {}): Promise<void> {
  const answer = await world.send('POST', WORKFLOWS, { body: workflow(name, { metadata: { labels } }) });
  expect(answer.code).toBe(201);
}

async function patch(name: string, body: JsonObject): Promise<void> {
  const answer = await world.send('PATCH', `${WORKFLOWS}/${name}`, { body: JSON.stringify(body), type: MERGE });
  expect(answer.code).toBe(200);
}

async function revision(): Promise<string> {
  return textAt(at((await world.get(`${WORKFLOWS}?limit=1`)).body, 'metadata'), 'resourceVersion');
}

function told(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${textAt(object['metadata'], 'name')}`);
}

async function during<T>(watching: Watching, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } finally {
    watching.close();
  }
}

describe('a watch', () => {
  test('from a revision sends every change after it, in order, and no other', async () => {
    await create('before');
    const from = await revision();
    await create('w1');
    await patch('w1', { spec: { parallelism: 2 } });
    const watching = await world.watch(`${WORKFLOWS}?watch=true&resourceVersion=${from}`);
    await during(watching, async () => {
      await watching.count(2);
      await world.send('DELETE', `${WORKFLOWS}/w1`);
      const events = await watching.count(3);
      expect(told(events)).toEqual(['ADDED w1', 'MODIFIED w1', 'DELETED w1']);
      const revisions = events.map(({ object }) => Number(textAt(object['metadata'], 'resourceVersion')));
      expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
      expect(new Set(revisions).size).toBe(3);
    });
  });

  test('without a revision begins with what there is', async () => {
    await create('w2');
    const watching = await world.watch(`${WORKFLOWS}?watch=true&fieldSelector=metadata.name%3Dw2`);
    await during(watching, async () => {
      await watching.count(1);
      await patch('w2', { metadata: { labels: { a: 'b' } } });
      expect(told(await watching.count(2))).toEqual(['ADDED w2', 'MODIFIED w2']);
    });
  });

  test('with a label selector: what starts to match is ADDED, what stops is DELETED', async () => {
    await create('w3');
    const watching = await world.watch(`${WORKFLOWS}?watch=true&labelSelector=on&resourceVersion=${await revision()}`);
    await during(watching, async () => {
      await patch('w3', { spec: { parallelism: 2 } });
      await patch('w3', { metadata: { labels: { on: 'yes' } } });
      await patch('w3', { spec: { parallelism: 3 } });
      await patch('w3', { metadata: { labels: { on: null } } });
      await create('w3-end', { on: 'yes' });
      expect(told(await watching.count(4))).toEqual(['ADDED w3', 'MODIFIED w3', 'DELETED w3', 'ADDED w3-end']);
    });
  });

  test('as Tables has columns in the first event only', async () => {
    const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const watching = await world.watch(`${WORKFLOWS}?watch=true&resourceVersion=${await revision()}`, headers);
    await during(watching, async () => {
      await create('w4');
      await patch('w4', { spec: { parallelism: 2 } });
      const [first, second] = await watching.count(2);
      expect(first?.object).toMatchObject({ kind: 'Table', rows: [{ cells: expect.arrayContaining(['w4']) }] });
      expect(first?.object['columnDefinitions']).not.toBeNull();
      expect(second?.object['columnDefinitions']).toBeNull();
    });
  });

  test('from a revision that nobody has is told so, as an event', async () => {
    const watching = await world.watch(`${WORKFLOWS}?watch=true&resourceVersion=999999999`);
    const events = await watching.ended();
    expect(watching.code).toBe(200);
    expect(events).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
  });

  test('ends after timeoutSeconds', async () => {
    const watching = await world.watch(`${WORKFLOWS}?watch=true&resourceVersion=${await revision()}&timeoutSeconds=1`);
    expect(await watching.ended()).toEqual([]);
  });

  test('with sendInitialEvents marks the end of what there was', async () => {
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watching = await world.watch(`${WORKFLOWS}?${query}&fieldSelector=metadata.name%3Dw4`);
    await during(watching, async () => {
      const [added, mark] = await watching.count(2);
      expect(added?.type).toBe('ADDED');
      expect(mark).toMatchObject({
        type: 'BOOKMARK',
        object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
      });
    });
  });

  test('of runs sends published status', async () => {
    const made = await world.send('POST', RUNS, { body: run('w5') });
    const ref = { name: 'w5', uid: textAt(at(made.body, 'metadata'), 'uid') };
    const from = textAt(at(made.body, 'metadata'), 'resourceVersion');
    const watching = await world.watch(`${RUNS}?watch=true&resourceVersion=${from}`);
    await during(watching, async () => {
      const journal = await world.store.runs.open(ref, 1);
      await world.store.runs.publish(ref, { phase: 'Running', startTime: '2026-01-01T00:00:00Z' });
      await watching.until((events) => events.some(({ object }) => at(object, 'status', 'phase') === 'Running'));
      await journal.close();
    });
  });

  test('ends when the server stops', async () => {
    const other = await ApiWorld.start();
    const watching = await other.watch(`${WORKFLOWS}?watch=true&resourceVersion=0`);
    await other.dispose();
    await watching.ended();
    expect(watching.isEnded).toBe(true);
  });

  test('of another API process on the same directory goes on from the same revision', async () => {
    const other = await ApiWorld.start({ root: world.root });
    const from = await revision();
    await create('w6');
    const watching = await other.watch(`${WORKFLOWS}?watch=true&resourceVersion=${from}`);
    expect(told(await watching.count(1))).toEqual(['ADDED w6']);
    watching.close();
    await other.stop();
  });
});
