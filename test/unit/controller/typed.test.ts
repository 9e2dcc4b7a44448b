// Inputs and outputs that a task declares, checked by the controller before an attempt and after it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../../../kernel/json.ts';
import type { Outcome } from '../../../kernel/task.ts';
import { loadRun } from '../../../store/load-run.ts';
import { MemoryEngine, type Play } from '../../support/memory-engine.ts';

const COUNT = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
const gives = (output: Json): Outcome => ({ result: 'Success', output });

/** A second of work may be many on a busy machine. */
const SLOW_MS = 30_000;

describe('typed tasks', () => {
  let engine: MemoryEngine;
  const workers: (() => Promise<void>)[] = [];
  beforeEach(() => {
    engine = new MemoryEngine();
  });
  afterEach(async () => {
    await engine.stopController();
    for (const stop of workers.splice(0)) await stop();
    await engine.store.close();
  });

  async function serve(play: Play): Promise<void> {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, play));
  }

  /** `STATE after N: TYPE: MESSAGE` */
  async function told(id: string): Promise<string> {
    const object = await engine.store.resources.get('WorkflowRun', 'r');
    const folded = await loadRun(engine.store.runs, { name: 'r', uid: object?.metadata.uid ?? '' });
    const node = folded?.run?.nodes.get(id);
    return `${node?.state} after ${node?.attempts}: ${node?.error?.type}: ${node?.error?.message}`;
  }

  test('an output of the wrong form is a failed attempt, tried again by its rule', async () => {
    await serve((offer) => gives(offer.attempt === 1 ? { n: 'many' } : { n: 3 }));
    await engine.run('r', { tasks: [{ id: 'a', command: 'x', outputSchema: COUNT, maxRetries: 1 }] });
    await engine.phaseIs('r', 'Succeeded');
    expect(engine.claimed).toEqual(['a.1', 'a.2']);
    expect(await engine.status('r')).toMatchObject({ output: { a: { n: 3 } } });
  });

  test('without a retry the node fails with OutputInvalid and the place', async () => {
    await serve(() => gives({ n: 'many' }));
    await engine.run('r', { tasks: [{ id: 'a', command: 'x', outputSchema: COUNT }] });
    await engine.phaseIs('r', 'Failed');
    expect(await told('a')).toBe(
      'FAILED after 1: OutputInvalid: output.n: expected a whole number, found the text "many"',
    );
  });

  test('an input of the wrong form ends the node before any attempt, however often it may be tried', async () => {
    await serve(() => gives({ n: 'many' }));
    const tasks = [
      { id: 'a', command: 'x' },
      {
        id: 'b',
        command: 'x',
        dependencies: ['a'],
        with: { n: '$.tasks.a.output.n' },
        inputSchema: COUNT,
        maxRetries: 5,
      },
    ];
    await engine.run('r', { tasks });
    await engine.phaseIs('r', 'Failed');
    expect(engine.claimed).toEqual(['a.1']);
    expect(await told('b')).toBe(
      'FAILED after 0: InputInvalid: input.n: expected a whole number, found the text "many"',
    );
  });

  test('the input of the run is checked, too, for mocks and waits as well', async () => {
    await serve(() => gives(null));
    const tasks = [
      { id: 'm', mock: { output: { n: 1 } }, inputSchema: COUNT, outputSchema: COUNT },
      { id: 'w', wait: { seconds: 0 }, inputSchema: { type: 'string' } },
      { id: 'o', mock: { output: 1 }, outputSchema: COUNT },
    ];
    await engine.run('r', { failurePolicy: 'Continue', tasks }, { input: { n: 7 } });
    await engine.phaseIs('r', 'Failed');
    expect(await engine.states('r')).toEqual({ m: 'SUCCESS', w: 'FAILED', o: 'FAILED' });
  });

  test('a state catches InputInvalid and OutputInvalid', async () => {
    await engine.store.resources.create({
      apiVersion: 'oarlock.dev/v1',
      kind: 'Task',
      metadata: { name: 'count' },
      spec: { command: 'x', inputSchema: COUNT, outputSchema: COUNT },
    });
    await serve(() => gives({ n: 'many' }));
    const states = {
      first: {
        type: 'Task',
        resource: 'count',
        end: true,
        retry: [{ errorEquals: ['States.ALL'], maxAttempts: 9 }],
        catch: [{ errorEquals: ['InputInvalid'], next: 'second' }],
      },
      second: {
        type: 'Task',
        resource: 'count',
        parameters: { n: 1 },
        end: true,
        catch: [{ errorEquals: ['OutputInvalid'], next: 'done' }],
      },
      done: { type: 'Succeed' },
    };
    await engine.run('r', { startAt: 'first', states }, { input: { n: 'none' } });
    await engine.phaseIs('r', 'Succeeded');
    expect(engine.claimed).toEqual(['second.1']);
  });

  test('another controller finds the same verdict', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 1, () => undefined));
    await engine.run(
      'r',
      { tasks: [{ id: 'a', command: 'x', inputSchema: COUNT, outputSchema: COUNT }] },
      {
        input: { n: 1 },
      },
    );
    await engine.until('a runs', () => engine.claimed.length === 1);
    await engine.stopController();
    const [lease] = await engine.store.leases.inbox('w1');
    await engine.store.leases.settle('w1', lease?.fence ?? '', { outcome: gives({}) });
    await engine.startController();
    await engine.phaseIs('r', 'Failed');
    expect(await told('a')).toBe('FAILED after 1: OutputInvalid: output.n: required, and not there');
    await engine.until('the inbox is empty', async () => (await engine.store.leases.inbox('w1')).length === 0);
  });

  test('an outcome stands until the verdict about it is journaled', { timeout: 2 * SLOW_MS }, async () => {
    const slow = { type: 'string', pattern: '^(a+)+$' };
    await serve(() => gives(`${'a'.repeat(40)}!`));
    await engine.run('r', { tasks: [{ id: 'a', command: 'x', outputSchema: slow }] });
    await engine.until('the outcome was read', () => engine.claimed.length === 1);
    await engine.run('other', { tasks: [{ id: 'b', command: 'x' }] });
    await engine.phaseIs('other', 'Succeeded');
    await engine.stopController();
    const left = await engine.store.leases.inbox('w1');
    expect(left.map(({ outcome }) => outcome?.outcome.result)).toContain('Success');
    await engine.startController();
    await engine.phaseIs('r', 'Failed', SLOW_MS);
    expect(engine.claimed.filter((claimed) => claimed.startsWith('a'))).toEqual(['a.1']);
  });

  test('a schema that takes for ever holds up its own run only', { timeout: 2 * SLOW_MS }, async () => {
    await serve(() => gives(`${'a'.repeat(40)}!`));
    await engine.run('r', {
      tasks: [{ id: 'a', command: 'x', outputSchema: { type: 'string', pattern: '^(a+)+$' } }],
    });
    await engine.until('a was tried', () => engine.claimed.length === 1);
    await engine.run('other', { tasks: [{ id: 'b', command: 'x' }] });
    await engine.phaseIs('other', 'Succeeded');
    expect((await engine.status('r'))['phase']).toBe('Running');
    await engine.phaseIs('r', 'Failed', SLOW_MS);
    expect(await told('a')).toMatch(
      /^FAILED after 1: OutputInvalid: output: check against its schema: expected to end/,
    );
  });
});
