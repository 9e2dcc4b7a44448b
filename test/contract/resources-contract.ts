// What store/store.ts promises about resources (P1 to P4), held against every implementation with two handles to one place: each
// test plays two processes.

import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { AdmissionError, StoreError } from '../../kernel/errors.ts';
import type { Json, JsonObject } from '../../kernel/json.ts';
import type { Manifest, Resource } from '../../manifests/model.ts';
import type { Change, Resources, Runs } from '../../store/store.ts';

export interface ResourcesPair {
  readonly handles: readonly [Resources, Resources];
  /** Publishes through the first handle. */
  readonly runs: Runs;
  readonly dispose: () => Promise<void>;
}

export const BUILTIN: Manifest = task('task_a', 'echo built in');

export function workflow(name: string, command = 'true', labels: { [key: string]: string } = {}): Manifest {
  const metadata = Object.keys(labels).length === 0 ? { name } : { name, labels };
  return { apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata, spec: { tasks: [{ id: 'A', command }] } };
}

export function task(name: string, command = 'true'): Manifest {
  return { apiVersion: 'oarlock.dev/v1', kind: 'Task', metadata: { name }, spec: { command } };
}

export function run(name: string, spec: JsonObject = {}): Manifest {
  const whole = { workflowRef: { name: 'etl' }, ...spec };
  return { apiVersion: 'oarlock.dev/v1', kind: 'WorkflowRun', metadata: { name }, spec: whole };
}

export function signal(name: string): Manifest {
  const spec = { run: 'etl-1', name: 'go' };
  return { apiVersion: 'oarlock.dev/v1', kind: 'Signal', metadata: { name }, spec };
}

export function withFinalizers(manifest: Manifest, finalizers: string[]): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, finalizers } };
}

/** The code of the error that a promise ends with. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    if (error instanceof AdmissionError)
      return error.problems.map(({ reason, path }) => `${reason} ${path}`).join(', ');
    throw error;
  }
  return 'no error';
}

/** The next `count` changes, each told in one line. */
export async function follow(resources: Resources, from: number, count: number): Promise<string[]> {
  const abort = new AbortController();
  const told: string[] = [];
  if (count === 0) return told;
  for await (const change of resources.watch(from, abort.signal)) {
    told.push(tell(change));
    if (told.length === count) break;
  }
  abort.abort();
  return told;
}

function tell({ revision, verb, kind, name, object }: Change): string {
  expect(object.metadata.resourceVersion).toBe(String(revision));
  expect([object.kind, object.metadata.name]).toEqual([kind, name]);
  return `${revision} ${verb} ${kind}/${name}`;
}

export function versionOf(object: Resource): number {
  return Number(object.metadata.resourceVersion);
}

const RUNNING: JsonObject = { phase: 'Running', startTime: '2026-11-20T12:00:00Z' };
const ENDED: JsonObject = { ...RUNNING, phase: 'Succeeded' };

/** `histories`: how many random ones are tried. */
export function describeResources(name: string, open: () => Promise<ResourcesPair>, histories = 40): void {
  describe(`resources (${name})`, () => {
    let pair: ResourcesPair | null = null;
    const start = async (): Promise<ResourcesPair> => {
      pair = await open();
      return pair;
    };
    afterEach(async () => {
      await pair?.dispose();
      pair = null;
    });

    describe('what was written', () => {
      test('is what the other handle gets', async () => {
        const [a, b] = (await start()).handles;
        const made = await a.create(workflow('etl', 'echo hi', { team: 'data' }));
        expect(made.metadata).toMatchObject({
          name: 'etl',
          resourceVersion: '1',
          generation: 1,
          labels: { team: 'data' },
        });
        expect(made.spec).toEqual({ tasks: [{ id: 'A', command: 'echo hi' }] });
        expect(made.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(await b.get('Workflow', 'etl')).toEqual(made);
      });

      test('is accepted, and says of which generation that is', async () => {
        const [a] = (await start()).handles;
        const { status } = await a.create(workflow('etl'));
        expect(status).toMatchObject({ observedGeneration: 1, conditions: [{ type: 'Accepted', status: 'True' }] });
      });

      test('is of one kind: the same name of another kind is another object', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'));
        expect(await b.get('Task', 'etl')).toBe(null);
        await b.create(task('etl'));
        expect((await a.get('Task', 'etl'))?.spec).toEqual({ command: 'true' });
      });

      test('cannot be changed by writing into what was given or got', async () => {
        const [a, b] = (await start()).handles;
        const manifest = workflow('etl');
        await a.create(manifest);
        manifest.spec['tasks'] = [];
        const got = await a.get('Workflow', 'etl');
        try {
          if (got !== null) got.spec['tasks'] = [];
        } catch {
          // Refusing is as good as a copy.
        }
        expect((await a.get('Workflow', 'etl'))?.spec).toEqual(workflow('etl').spec);
        expect((await b.get('Workflow', 'etl'))?.spec).toEqual(workflow('etl').spec);
      });

      test.each(['nothing', '../etl', 'a/b', '', '.', '..', 'a'.repeat(300), '\0'])(
        'is not found under the name %j',
        async (odd) => {
          const [a] = (await start()).handles;
          expect(await a.get('Workflow', odd)).toBe(null);
          expect(await failure(a.delete('Workflow', odd))).toBe('NotFound');
        },
      );
    });

    describe('generation and revision', () => {
      test('a change of spec is a new generation, a change of labels is not', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'));
        const labelled = await b.update(workflow('etl', 'true', { team: 'data' }));
        expect(labelled.metadata).toMatchObject({ generation: 1, resourceVersion: '2', labels: { team: 'data' } });
        const changed = await a.update(workflow('etl', 'false', { team: 'data' }));
        expect(changed.metadata).toMatchObject({ generation: 2, resourceVersion: '3' });
        expect(await b.get('Workflow', 'etl')).toEqual(changed);
      });

      test('a write that changes nothing takes no revision, whatever the order of its fields', async () => {
        const [a, b] = (await start()).handles;
        const made = await a.create(workflow('etl'));
        const same = workflow('etl');
        same.spec = { tasks: [{ command: 'true', id: 'A' }] };
        expect(await b.update(same)).toEqual(made);
        expect(await a.revision()).toBe(1);
        expect(await b.revision()).toBe(1);
      });

      test('managed fields are kept, and replaced when others are given', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'), { managedFields: [{ manager: 'one' }] });
        expect((await b.update(workflow('etl', 'false'))).metadata.managedFields).toEqual([{ manager: 'one' }]);
        const last = await b.update(workflow('etl', 'false'), { managedFields: [{ manager: 'two' }] });
        expect(last.metadata).toMatchObject({
          managedFields: [{ manager: 'two' }],
          generation: 2,
          resourceVersion: '3',
        });
        expect(await a.get('Workflow', 'etl')).toEqual(last);
      });
    });

    describe('preconditions (P2)', () => {
      test('create of a name that is there fails, from either handle', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'));
        expect(await failure(b.create(workflow('etl', 'false')))).toBe('AlreadyExists');
        expect(await failure(a.create(workflow('etl', 'false')))).toBe('AlreadyExists');
        expect(await b.revision()).toBe(1);
      });

      test('update and delete of what is not there fail', async () => {
        const [a] = (await start()).handles;
        expect(await failure(a.update(workflow('etl')))).toBe('NotFound');
        expect(await failure(a.delete('Workflow', 'etl'))).toBe('NotFound');
        expect(await a.revision()).toBe(0);
      });

      const stale: readonly { name: string; expected: string }[] = [
        { name: 'an older revision', expected: '1' },
        { name: 'a revision that is to come', expected: '99' },
        { name: 'the revision of another object', expected: '3' },
        { name: 'no revision at all', expected: 'two' },
        { name: 'nothing', expected: '' },
      ];
      test.each(stale)('update and delete that expect $name fail', async ({ expected }) => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'));
        await a.update(workflow('etl', 'false'));
        await a.create(task('other'));
        expect(await failure(b.update(workflow('etl', 'again'), { expected }))).toBe('Conflict');
        expect(await failure(b.delete('Workflow', 'etl', { expected }))).toBe('Conflict');
        expect(await b.revision()).toBe(3);
        await b.update(workflow('etl', 'again'), { expected: '2' });
        await a.delete('Workflow', 'etl', { expected: '4' });
      });

      test('update and delete that expect another uid fail', async () => {
        const [a, b] = (await start()).handles;
        const { uid } = (await a.create(workflow('etl'))).metadata;
        expect(await failure(b.update(workflow('etl', 'false'), { uid: 'other' }))).toBe('Conflict');
        expect(await failure(b.delete('Workflow', 'etl', { uid: 'other' }))).toBe('Conflict');
        await b.update(workflow('etl', 'false'), { uid });
        await b.delete('Workflow', 'etl', { uid });
      });

      test('of writers who expect the same revision exactly one wins', async () => {
        const { handles } = await start();
        const [a] = handles;
        await a.create(workflow('etl', 'start'));
        for (let round = 1; round <= 10; round += 1) {
          const expected = String(round);
          const writes = Array.from({ length: 8 }, (_, writer) =>
            failure(pick(handles, writer).update(workflow('etl', `${round} ${writer}`), { expected })),
          );
          const results = await Promise.all(writes);
          expect(results.filter((result) => result === 'no error')).toHaveLength(1);
          expect(results.filter((result) => result === 'Conflict')).toHaveLength(7);
        }
        expect(await a.revision()).toBe(11);
      });

      test('of those who create the same name exactly one wins', async () => {
        const { handles } = await start();
        const creates = Array.from({ length: 8 }, (_, writer) =>
          failure(pick(handles, writer).create(workflow('etl', `${writer}`))),
        );
        const results = await Promise.all(creates);
        expect(results.filter((result) => result === 'no error')).toHaveLength(1);
        expect(results.filter((result) => result === 'AlreadyExists')).toHaveLength(7);
      });

      test('an object with finalizers stays after a delete until the last of them is taken off', async () => {
        const { handles } = await start();
        const [a, b] = handles;
        const held = withFinalizers(workflow('etl'), ['x/one', 'x/two']);
        const { uid } = (await a.create(held)).metadata;
        expect((await b.delete('Workflow', 'etl')).metadata.deletionTimestamp).toMatch(/Z$/);
        expect(await a.get('Workflow', 'etl')).toMatchObject({ metadata: { uid, finalizers: ['x/one', 'x/two'] } });
        expect(await failure(a.create(workflow('etl')))).toBe('AlreadyExists');
        expect((await a.delete('Workflow', 'etl')).metadata.uid).toBe(uid);
        expect(await failure(a.update(withFinalizers(workflow('etl'), ['x/one', 'x/new'])))).toBe(
          'Forbidden metadata.finalizers',
        );
        await a.update(withFinalizers(workflow('etl', 'changed'), ['x/two']));
        expect(await b.get('Workflow', 'etl')).toMatchObject({ metadata: { finalizers: ['x/two'], generation: 2 } });
        expect((await b.update(workflow('etl', 'changed'))).metadata.uid).toBe(uid);
        expect(await a.get('Workflow', 'etl')).toBe(null);
        expect(await follow(b, 1, 3)).toEqual([
          '2 Modified Workflow/etl',
          '3 Modified Workflow/etl',
          '4 Deleted Workflow/etl',
        ]);
        expect((await a.create(workflow('etl'))).metadata.uid).not.toBe(uid);
      });

      test('of those who delete the same revision exactly one wins', async () => {
        const { handles } = await start();
        await handles[0].create(workflow('etl'));
        const deletes = Array.from({ length: 8 }, (_, writer) =>
          failure(pick(handles, writer).delete('Workflow', 'etl', { expected: '1' })),
        );
        const results = await Promise.all(deletes);
        expect(results.filter((result) => result === 'no error')).toHaveLength(1);
        expect(results.filter((result) => result === 'NotFound')).toHaveLength(7);
      });

      test('whoever tries again after a conflict loses no step of a counter', async () => {
        const { handles } = await start();
        await handles[0].create(workflow('count', '0'));
        const step = async (resources: Resources): Promise<void> => {
          for (;;) {
            const current = await resources.get('Workflow', 'count');
            if (current === null) throw new Error('the counter is gone');
            const count = Number(commandOf(current)) + 1;
            const expected = current.metadata.resourceVersion;
            const result = await failure(resources.update(workflow('count', String(count)), { expected }));
            if (result === 'no error') return;
            expect(result).toBe('Conflict');
          }
        };
        const steps = Array.from({ length: 8 }, async (_, writer) => {
          for (let round = 0; round < 5; round += 1) await step(pick(handles, writer));
        });
        await Promise.all(steps);
        expect(commandOf(await handles[1].get('Workflow', 'count'))).toBe('40');
        expect(await handles[1].revision()).toBe(41);
      });
    });

    describe('watch (P3)', () => {
      test('tells every change in order, from both handles to both', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'));
        await b.create(task('load'));
        await b.update(workflow('etl', 'false'));
        await a.delete('Task', 'load');
        const expected = [
          '1 Added Workflow/etl',
          '2 Added Task/load',
          '3 Modified Workflow/etl',
          '4 Deleted Task/load',
        ];
        expect(await follow(a, 0, 4)).toEqual(expected);
        expect(await follow(b, 0, 4)).toEqual(expected);
        expect(await follow(b, 2, 2)).toEqual(expected.slice(2));
      });

      test('tells what comes later, too', async () => {
        const [a, b] = (await start()).handles;
        const following = follow(b, 0, 3);
        await a.create(workflow('one'));
        await a.create(workflow('two'));
        await b.create(workflow('three'));
        expect(await following).toEqual(['1 Added Workflow/one', '2 Added Workflow/two', '3 Added Workflow/three']);
      });

      test('gives the object as it was after each change, and before its deletion', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl', 'one'));
        await a.update(workflow('etl', 'two'));
        await a.delete('Workflow', 'etl');
        const commands: string[] = [];
        for await (const { object } of b.watch(0, AbortSignal.timeout(10_000))) {
          commands.push(commandOf(object));
          if (commands.length === 3) break;
        }
        expect(commands).toEqual(['one', 'two', 'two']);
      });

      test('a list and a watch from its revision leave no gap', async () => {
        const [a, b] = (await start()).handles;
        const seen = new Map<string, string>();
        const writing = (async () => {
          for (let n = 0; n < 20; n += 1) await a.create(workflow(`w${n}`));
        })();
        const { items, revision } = await b.list('Workflow');
        for (const item of items) seen.set(item.metadata.name, item.metadata.uid);
        if (seen.size < 20) {
          for await (const change of b.watch(revision, AbortSignal.timeout(10_000))) {
            seen.set(change.name, change.uid);
            if (seen.size === 20) break;
          }
        }
        await writing;
        expect(seen.size).toBe(20);
      });

      test('ends when it is told to', async () => {
        const [a] = (await start()).handles;
        await a.create(workflow('etl'));
        const abort = new AbortController();
        const told: string[] = [];
        for await (const change of a.watch(0, abort.signal)) {
          told.push(tell(change));
          abort.abort();
        }
        expect(told).toEqual(['1 Added Workflow/etl']);
      });

      test('from a revision that does not exist yet is refused', async () => {
        const [a] = (await start()).handles;
        await a.create(workflow('etl'));
        expect(await failure(follow(a, 7, 1))).toBe('Expired');
      });

      test('of two changes at once both handles tell the same order', async () => {
        const { handles } = await start();
        await Promise.all(Array.from({ length: 20 }, (_, n) => pick(handles, n).create(workflow(`w${n}`))));
        const [one, other] = await Promise.all([follow(handles[0], 0, 20), follow(handles[1], 0, 20)]);
        expect(one).toEqual(other);
        expect(new Set(one).size).toBe(20);
      });
    });

    describe('list', () => {
      test('is sorted, and pages by name', async () => {
        const [a, b] = (await start()).handles;
        for (const each of ['c', 'a', 'e', 'b', 'd']) await a.create(workflow(each));
        const names = async (page: { after?: string; limit?: number }): Promise<[string, number]> => {
          const { items, remaining } = await b.list('Workflow', page);
          return [items.map(({ metadata }) => metadata.name).join(''), remaining];
        };
        expect(await names({})).toEqual(['abcde', 0]);
        expect(await names({ limit: 2 })).toEqual(['ab', 3]);
        expect(await names({ limit: 2, after: 'b' })).toEqual(['cd', 1]);
        expect(await names({ limit: 2, after: 'd' })).toEqual(['e', 0]);
        expect(await names({ after: 'bb' })).toEqual(['cde', 0]);
        expect(await names({ after: 'z' })).toEqual(['', 0]);
        await a.delete('Workflow', 'c');
        expect(await names({ limit: 3 })).toEqual(['abd', 1]);
      });

      test('holds what get gives', async () => {
        const [a, b] = (await start()).handles;
        await a.create(workflow('etl'));
        await a.create(workflow('load', 'x', { a: 'b' }));
        const { items, revision } = await b.list('Workflow');
        expect(items).toEqual([await a.get('Workflow', 'etl'), await a.get('Workflow', 'load')]);
        expect(revision).toBe(2);
      });
    });

    describe('names that come again (P4)', () => {
      test('are new objects', async () => {
        const [a, b] = (await start()).handles;
        const first = await a.create(workflow('etl', 'one'));
        await b.update(workflow('etl', 'two'));
        const gone = await b.delete('Workflow', 'etl');
        expect(gone.metadata.uid).toBe(first.metadata.uid);
        expect(await a.get('Workflow', 'etl')).toBe(null);
        const second = await a.create(workflow('etl', 'three'));
        expect(second.metadata.uid).not.toBe(first.metadata.uid);
        expect(second.metadata).toMatchObject({ generation: 1, resourceVersion: '4' });
        expect(await failure(b.update(workflow('etl'), { uid: first.metadata.uid }))).toBe('Conflict');
        expect(await failure(b.update(workflow('etl'), { expected: '2' }))).toBe('Conflict');
      });

      test('meet nothing of the old run', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const first = { name: 'r', uid: (await a.create(run('r'))).metadata.uid };
        await runs.publish(first, ENDED);
        await b.delete('WorkflowRun', 'r');
        expect(await runs.status(first)).toBe(null);
        const second = await b.create(run('r'));
        expect(second.status).toBe(undefined);
        expect(second.metadata.uid).not.toBe(first.uid);
      });
    });

    describe('runs', () => {
      test('show what was published, to both handles, and a watch tells of it', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(run('r'))).metadata;
        await runs.publish({ name: 'r', uid }, RUNNING);
        expect((await a.get('WorkflowRun', 'r'))?.status).toEqual(RUNNING);
        expect((await b.list('WorkflowRun')).items[0]?.status).toEqual(RUNNING);
        expect(await follow(b, 1, 1)).toEqual(['2 Status WorkflowRun/r']);
        await runs.publish({ name: 'r', uid }, ENDED);
        expect((await b.get('WorkflowRun', 'r'))?.status).toEqual(ENDED);
      });

      test('a status that a newer one has followed may be left out, the newest never', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(run('r'))).metadata;
        for (let step = 1; step <= 5; step += 1) await runs.publish({ name: 'r', uid }, { ...RUNNING, step });
        const last = await a.create(workflow('mark'));
        const told: number[] = [];
        let step: Json | undefined;
        for await (const change of b.watch(1, AbortSignal.timeout(10_000))) {
          told.push(change.revision);
          if (change.verb === 'Status') step = change.object.status?.['step'];
          if (change.revision === versionOf(last)) break;
        }
        expect(step).toBe(5);
        expect(told).toEqual([...told].sort((x, y) => x - y));
        expect(told).toContain(6);
      });

      test('may be written by those who saw the revision of a status', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(run('r'))).metadata;
        await runs.publish({ name: 'r', uid }, RUNNING);
        const paused = await b.update(run('r', { suspend: true }), { expected: '2' });
        expect(paused.metadata).toMatchObject({ resourceVersion: '3', generation: 2 });
        expect(await failure(b.update(run('r', { suspend: false }), { expected: '2' }))).toBe('Conflict');
      });

      test.each([
        { name: 'suspend', spec: { suspend: true } },
        { name: 'cancel', spec: { cancel: true } },
        { name: 'restart', spec: { restart: [{ node: 'B', nonce: '1' }] } },
      ])('that have started take a change of $name', async ({ spec }) => {
        const { handles, runs } = await start();
        const { uid } = (await handles[0].create(run('r', { input: { a: 1 } }))).metadata;
        await runs.publish({ name: 'r', uid }, RUNNING);
        const changed = await handles[1].update(run('r', { input: { a: 1 }, ...spec }));
        expect(changed.spec).toMatchObject(spec);
      });

      test('that have started refuse any other change, and say which', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(run('r', { input: { a: 1 } }))).metadata;
        await b.update(run('r', { input: { a: 2 } }));
        await runs.publish({ name: 'r', uid }, { phase: 'Pending' });
        await b.update(run('r', { input: { a: 3 } }));
        await runs.publish({ name: 'r', uid }, RUNNING);
        expect(await failure(b.update(run('r', { input: { a: 4 } })))).toBe('Forbidden spec.input');
        expect(await failure(b.update(run('r', { workflowRef: { name: 'x' } })))).toBe(
          'Forbidden spec.workflowRef, Forbidden spec.input',
        );
        expect((await a.get('WorkflowRun', 'r'))?.spec).toMatchObject({ input: { a: 3 } });
      });

      test('that are active stay visible after a delete until it is finished', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(run('r'))).metadata;
        await runs.publish({ name: 'r', uid }, RUNNING);
        const going = await b.delete('WorkflowRun', 'r');
        expect(going.metadata.deletionTimestamp).toMatch(/Z$/);
        expect((await a.get('WorkflowRun', 'r'))?.metadata.deletionTimestamp).toBe(going.metadata.deletionTimestamp);
        expect((await a.list('WorkflowRun')).items).toHaveLength(1);
        expect(await failure(a.create(run('r')))).toBe('AlreadyExists');
        expect(await failure(a.update(run('r', { suspend: true })))).toBe('Conflict');
        expect((await a.delete('WorkflowRun', 'r')).metadata.uid).toBe(uid);
        expect(await a.revision()).toBe(3);

        await a.finishDelete('r', 'another uid');
        expect(await b.get('WorkflowRun', 'r')).not.toBe(null);
        await a.finishDelete('r', uid);
        expect(await b.get('WorkflowRun', 'r')).toBe(null);
        expect(await runs.status({ name: 'r', uid })).toBe(null);
        await a.finishDelete('r', uid);
        expect(await follow(b, 2, 2)).toEqual(['3 Modified WorkflowRun/r', '4 Deleted WorkflowRun/r']);
        expect((await b.create(run('r'))).metadata.uid).not.toBe(uid);
      });

      test('that finalizers hold stay when the controller is through with them, files and all', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const held = withFinalizers(run('r'), ['x/keep']);
        const { uid } = (await a.create(held)).metadata;
        await runs.publish({ name: 'r', uid }, RUNNING);
        await b.delete('WorkflowRun', 'r');
        await runs.publish({ name: 'r', uid }, ENDED);
        await a.finishDelete('r', uid);
        expect((await b.get('WorkflowRun', 'r'))?.status).toMatchObject(ENDED);
        await b.update(run('r'));
        expect(await a.get('WorkflowRun', 'r')).toBe(null);
        expect(await runs.status({ name: 'r', uid })).toBe(null);
      });

      test('of which the last finalizer goes while they are active still wait for the controller', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(withFinalizers(run('r'), ['x/keep']))).metadata;
        await runs.publish({ name: 'r', uid }, RUNNING);
        await b.delete('WorkflowRun', 'r');
        await b.update(run('r'));
        expect((await a.get('WorkflowRun', 'r'))?.metadata.deletionTimestamp).toMatch(/Z$/);
        await a.finishDelete('r', uid);
        expect(await b.get('WorkflowRun', 'r')).toBe(null);
      });

      test('that never started, or have ended, go at once', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        await a.create(run('fresh'));
        const { uid } = (await a.create(run('done'))).metadata;
        await runs.publish({ name: 'done', uid }, ENDED);
        await b.delete('WorkflowRun', 'fresh');
        await b.delete('WorkflowRun', 'done');
        expect((await a.list('WorkflowRun')).items).toEqual([]);
      });

      test('a status of a run that is another one by now is not told', async () => {
        const { handles, runs } = await start();
        const [a, b] = handles;
        const { uid } = (await a.create(run('r'))).metadata;
        await b.delete('WorkflowRun', 'r');
        await b.create(run('r'));
        await runs.publish({ name: 'r', uid }, RUNNING);
        await a.create(workflow('mark'));
        const told = await follow(b, 3, 1);
        expect(told[0]).toMatch(/Added Workflow\/mark$/);
        expect((await b.get('WorkflowRun', 'r'))?.status).toBe(undefined);
      });
    });

    describe('conditions that the controller reports', () => {
      const unused = {
        type: 'Accepted',
        status: 'False',
        reason: 'Unused',
        message: 'the run ended',
        lastTransitionTime: '2026-11-20T12:00:00Z',
      } as const;

      test('are shown, are told as Status, and take a revision only when they say something new', async () => {
        const [a, b] = (await start()).handles;
        const { uid } = (await a.create(signal('s'))).metadata;
        await a.report('Signal', 's', uid, [unused]);
        expect((await b.get('Signal', 's'))?.status?.['conditions']).toEqual([unused]);
        expect(await follow(b, 1, 1)).toEqual(['2 Status Signal/s']);
        await b.report('Signal', 's', uid, [{ ...unused, lastTransitionTime: '2026-11-20T13:00:00Z' }]);
        expect(await a.revision()).toBe(2);
        await b.report('Signal', 's', uid, [
          { ...unused, reason: 'NoSuchRun', lastTransitionTime: '2026-11-20T13:00:00Z' },
        ]);
        expect((await a.get('Signal', 's'))?.status?.['conditions']).toEqual([{ ...unused, reason: 'NoSuchRun' }]);
        expect((await a.get('Signal', 's'))?.metadata.generation).toBe(1);
      });

      test('at the same time from both handles are all kept', async () => {
        const { handles } = await start();
        const { uid } = (await handles[0].create(signal('s'))).metadata;
        const types = ['A', 'B', 'C', 'D', 'E', 'F'];
        await Promise.all(types.map((type, n) => pick(handles, n).report('Signal', 's', uid, [{ ...unused, type }])));
        const { status } = (await handles[1].get('Signal', 's')) ?? {};
        const conditions = (status?.['conditions'] ?? []) as { type: string }[];
        expect(conditions.map(({ type }) => type).sort()).toEqual([...types, 'Accepted'].sort());
      });

      test('of an object that is gone or another one are dropped', async () => {
        const [a] = (await start()).handles;
        await a.create(signal('s'));
        await a.report('Signal', 's', 'other', [unused]);
        await a.report('Signal', 'gone', 'other', [unused]);
        expect(await a.revision()).toBe(1);
      });
    });

    describe('built-in objects', () => {
      test('are there until somebody makes one of their name, and again after that', async () => {
        const [a, b] = (await start()).handles;
        const builtin = await a.get('Task', 'task_a');
        expect(builtin?.spec).toEqual(BUILTIN.spec);
        expect(await b.get('Task', 'task_a')).toEqual(builtin);
        const own = await a.create(task('task_a', 'mine'));
        expect(own.metadata.uid).not.toBe(builtin?.metadata.uid);
        expect((await b.list('Task')).items).toEqual([own]);
        await b.delete('Task', 'task_a');
        expect((await a.list('Task')).items).toEqual([builtin]);
      });

      test('are replaced by an update, when it expects what it saw', async () => {
        const [a, b] = (await start()).handles;
        expect(await failure(a.update(task('task_a', 'mine'), { expected: '5' }))).toBe('Conflict');
        const seen = (await a.get('Task', 'task_a'))?.metadata.resourceVersion ?? '';
        const own = await a.update(task('task_a', 'mine'), { expected: seen });
        expect(await b.get('Task', 'task_a')).toEqual(own);
      });

      test('cannot be deleted', async () => {
        const [a] = (await start()).handles;
        expect(await failure(a.delete('Task', 'task_a'))).toBe('Forbidden ');
        expect(await a.revision()).toBe(0);
      });
    });

    test('any history of writes from both handles gives what a plain map would', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(STEP, { maxLength: 25 }), async (steps) => {
          const { handles, dispose } = await open();
          try {
            await playSteps(handles, steps);
          } finally {
            await dispose();
          }
        }),
        { numRuns: histories },
      );
    });
  });
}

function pick(handles: readonly [Resources, Resources], n: number): Resources {
  return n % 2 === 0 ? handles[0] : handles[1];
}

function commandOf(object: Resource | null): string {
  const tasks = object?.spec['tasks'] as { command: string }[] | undefined;
  return tasks?.[0]?.command ?? 'none';
}

interface Step {
  readonly handle: 0 | 1;
  readonly act: 'create' | 'update' | 'delete' | 'get';
  readonly name: string;
  readonly command: string;
  /** Expect the revision that is this many behind the current one; null: expect nothing. */
  readonly behind: number | null;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  handle: fc.constantFrom<0 | 1>(0, 1),
  act: fc.constantFrom<Step['act']>('create', 'update', 'delete', 'get'),
  name: fc.constantFrom('a', 'b', 'c'),
  command: fc.constantFrom('x', 'y'),
  behind: fc.constantFrom(null, null, 0, 1),
});

async function playSteps(handles: readonly [Resources, Resources], steps: readonly Step[]): Promise<void> {
  const model = new Map<string, { command: string; revision: number; uid: string }>();
  const uids = new Set<string>();
  const expectedLog: string[] = [];
  for (const { handle, act, name, command, behind } of steps) {
    const resources = handles[handle];
    const standing = model.get(name);
    const options = behind === null ? {} : { expected: String((standing?.revision ?? 0) - behind) };
    const isStale = behind !== null && behind > 0;
    if (act === 'get') {
      expect(commandOf(await resources.get('Workflow', name))).toBe(standing?.command ?? 'none');
    } else if (act === 'create') {
      const wanted = standing === undefined ? 'no error' : 'AlreadyExists';
      expect(await failure(resources.create(workflow(name, command)))).toBe(wanted);
      if (standing === undefined) await note('Added');
    } else if (act === 'update') {
      const wanted = standing === undefined ? 'NotFound' : isStale ? 'Conflict' : 'no error';
      expect(await failure(resources.update(workflow(name, command), options))).toBe(wanted);
      if (wanted === 'no error' && standing?.command !== command) await note('Modified');
    } else {
      const wanted = standing === undefined ? 'NotFound' : isStale ? 'Conflict' : 'no error';
      expect(await failure(resources.delete('Workflow', name, options))).toBe(wanted);
      if (wanted !== 'no error') continue;
      model.delete(name);
      expectedLog.push(`${expectedLog.length + 1} Deleted Workflow/${name}`);
    }
    async function note(verb: string): Promise<void> {
      const revision = expectedLog.push(`${expectedLog.length + 1} ${verb} Workflow/${name}`);
      const object = await handles[1].get('Workflow', name);
      const uid = object?.metadata.uid ?? '';
      expect(object?.metadata.resourceVersion).toBe(String(revision));
      expect(uids.has(uid)).toBe(verb === 'Modified');
      if (standing !== undefined) expect(uid).toBe(standing.uid);
      uids.add(uid);
      model.set(name, { command, revision, uid });
    }
  }
  expect(await handles[0].revision()).toBe(expectedLog.length);
  expect(await follow(handles[1], 0, expectedLog.length)).toEqual(expectedLog);
}
