// Branches of a Parallel and items of a Map: side by side within bounds, failures that end them, joins that wait for all.

import { describe, expect, test } from 'vitest';
import { apply, newRun } from '../../../kernel/apply.ts';
import type { Json, JsonObject } from '../../../kernel/json.ts';
import { freeze, thaw } from '../../../kernel/snapshot.ts';
import type { Outcome } from '../../../kernel/task.ts';
import { dump } from '../../support/kernel-oracle.ts';
import { MachineDriver, type MachineRun, runMachine } from '../../support/state-machine-run.ts';

type Functions = { readonly [name: string]: (input: Json, attempt: number) => Outcome };

const echo = (input: Json): Outcome => ({ result: 'Success', output: input });
const failing = (type: string): Outcome => ({ result: 'Failure', error: { type, message: 'no' } });

function map(
  state: JsonObject,
  item: JsonObject = { work: { type: 'Task', resource: 'work', end: true } },
): JsonObject {
  return {
    startAt: 'all',
    states: {
      all: { type: 'Map', itemProcessor: { startAt: Object.keys(item)[0] ?? '', states: item }, end: true, ...state },
    },
  };
}

async function run(definition: JsonObject, input: Json, functions: Functions): Promise<MachineRun> {
  return runMachine({ definition, input, functions });
}

function states({ run: { nodes } }: MachineRun): { [id: string]: string } {
  return Object.fromEntries([...nodes.values()].map(({ id, state }) => [id, state]));
}

describe('a Map', () => {
  test('gives the outputs in the order of the items', async () => {
    const { run: ended } = await run(map({}), [3, 1, 2], {
      work: (input) => ({ result: 'Success', output: { n: input } }),
    });
    expect(ended.end).toMatchObject({ phase: 'Succeeded', output: [{ n: 3 }, { n: 1 }, { n: 2 }] });
  });

  test('of nothing gives an empty list', async () => {
    const { run: ended } = await run(map({}), [], { work: echo });
    expect(ended.end).toMatchObject({ phase: 'Succeeded', output: [] });
  });

  test('runs at most maxConcurrency items side by side, and begins the next when one ends', async () => {
    const driver = await MachineDriver.start({
      definition: map({ maxConcurrency: 2 }),
      input: [1, 2, 3, 4, 5],
      functions: { work: echo },
    });
    let most = 0;
    const living = (): number =>
      [...driver.run.nodes.values()].filter((node) => node.id.endsWith('/work') && !node.isTerminal).length;
    for (let rounds = 0; driver.run.end === null && rounds < 100; rounds += 1) {
      while (await driver.settle());
      most = Math.max(most, living());
      await driver.work();
    }
    expect(most).toBe(2);
    expect(driver.run.end?.output).toEqual([1, 2, 3, 4, 5]);
  });

  test('an item that fails stops those that run, keeps the others from starting, and is what the Map fails with', async () => {
    const ended = await run(map({ maxConcurrency: 2 }), [1, 2, 3, 4], {
      work: (input) => (input === 1 ? failing('Bad') : echo(input)),
    });
    expect(ended.run.end).toMatchObject({ phase: 'Failed', error: { type: 'Bad', message: 'no' } });
    expect(states(ended)).toEqual({
      all: 'SUCCESS',
      'all/join': 'FAILED',
      'all/0/work': 'FAILED',
      'all/1/work': 'CANCELLED',
    });
  });

  test('a failure that an item catches is none of the Map', async () => {
    const item = {
      work: { type: 'Task', resource: 'work', catch: { errorType: 'Bad', next: 'mend' }, end: true },
      mend: { type: 'Pass', result: 'mended', end: true },
    };
    const { run: ended } = await run(map({}, item), [1, 2], {
      work: (input) => (input === 1 ? failing('Bad') : echo(input)),
    });
    expect(ended.end).toMatchObject({ phase: 'Succeeded', output: ['mended', 2] });
  });

  test('the Map catches what its items do not', async () => {
    const definition = map({
      catch: [{ errorType: 'Bad', next: 'mend', resultPath: '$.error' }],
      next: 'mend',
      itemsPath: '$.items',
    });
    delete (definition['states'] as { [name: string]: JsonObject })['all']?.['end'];
    (definition['states'] as JsonObject)['mend'] = { type: 'Pass', end: true };
    const { run: ended } = await run(definition, { items: [1] }, { work: () => failing('Bad') });
    expect(ended.end).toMatchObject({
      phase: 'Succeeded',
      output: { items: [1], error: { Error: 'Bad', Cause: 'no' } },
    });
  });

  test.each([
    { tolerated: { toleratedFailureCount: 2 }, phase: 'Succeeded' },
    { tolerated: { toleratedFailureCount: 1 }, phase: 'Failed' },
    { tolerated: { toleratedFailurePercentage: 50 }, phase: 'Succeeded' },
    { tolerated: { toleratedFailurePercentage: 49 }, phase: 'Failed' },
  ])('two of four fail, $tolerated: $phase', async ({ tolerated, phase }) => {
    const { run: ended } = await run(map({ maxConcurrency: 1, ...tolerated }), [1, 2, 3, 4], {
      work: (input) => (Number(input) % 2 === 0 ? failing('Even') : echo(input)),
    });
    expect(ended.end?.phase).toBe(phase);
    if (phase === 'Succeeded') expect(ended.end?.output).toEqual([1, 3]);
  });

  test('is tried again as a whole', async () => {
    let calls = 0;
    const ended = await run(map({ retry: { maxAttempts: 2 } }), [1, 2], {
      work: (input) => {
        calls += 1;
        return calls <= 2 ? failing('Flaky') : echo(input);
      },
    });
    expect(ended.run.end).toMatchObject({ phase: 'Succeeded', output: [1, 2] });
    expect(Object.keys(states(ended))).toContain('all#2/join');
  });

  test('itemSelector and batches make what an item is given', async () => {
    const selected = map({
      itemsPath: '$.items',
      itemSelector: { 'n.$': '$$.Map.Item.Value', 'i.$': '$$.Map.Item.Index', 'of.$': '$.name' },
    });
    const { run: first } = await run(selected, { items: [7, 8], name: 'x' }, { work: echo });
    expect(first.end?.output).toEqual([
      { n: 7, i: 0, of: 'x' },
      { n: 8, i: 1, of: 'x' },
    ]);
    const { run: second } = await run(map({ itemBatcher: { MaxItemsPerBatch: 2 } }), [1, 2, 3], { work: echo });
    expect(second.end?.output).toEqual([{ Items: [1, 2] }, { Items: [3] }]);
  });

  test('a state inside knows its item', async () => {
    const item = {
      tell: { type: 'Pass', parameters: { 'i.$': '$$.Map.Item.Index', 'v.$': '$$.Map.Item.Value' }, end: true },
    };
    const { run: ended } = await run(map({ maxConcurrency: 1 }, item), ['a', 'b'], {});
    expect(ended.end?.output).toEqual([
      { i: 0, v: 'a' },
      { i: 1, v: 'b' },
    ]);
  });

  test('inside a Map, inside a Parallel', async () => {
    const inner = map({ itemsPath: '$' }, { work: { type: 'Task', resource: 'work', end: true } });
    const definition = {
      startAt: 'both',
      states: {
        both: {
          type: 'Parallel',
          branches: [
            map({}, { inner: { ...(inner['states'] as { all: JsonObject }).all } }),
            { startAt: 'right', states: { right: { type: 'Pass', result: 'r', end: true } } },
          ],
          end: true,
        },
      },
    };
    const ended = await run(definition, [[1, 2], [3]], { work: echo });
    expect(ended.run.end).toMatchObject({ phase: 'Succeeded', output: [[[1, 2], [3]], 'r'] });
    expect(Object.keys(states(ended))).toContain('both/0/all/1/inner/0/work');
  });
});

describe('a Parallel', () => {
  const both = (more: JsonObject = {}): JsonObject => ({
    startAt: 'both',
    states: {
      both: {
        type: 'Parallel',
        branches: ['left', 'right'].map((name) => ({
          startAt: name,
          states: {
            [name]: { type: 'Task', resource: name, next: `${name}_end` },
            [`${name}_end`]: { type: 'Pass', end: true },
          },
        })),
        end: true,
        ...more,
      },
    },
  });

  test('ends when all of its branches have', async () => {
    const { run: ended } = await run(both(), 5, { left: echo, right: () => ({ result: 'Success', output: 'r' }) });
    expect(ended.end).toMatchObject({ phase: 'Succeeded', output: [5, 'r'] });
  });

  test('a branch that fails ends the others', async () => {
    const ended = await run(both(), 5, { left: () => failing('Bad'), right: echo });
    expect(ended.run.end).toMatchObject({ phase: 'Failed', error: { type: 'Bad' } });
    expect(states(ended)).toMatchObject({ 'both/1/right': 'CANCELLED', 'both/join': 'FAILED' });
  });
});

test('variables of a branch stay in it, those around it are seen', async () => {
  const item = {
    look: { type: 'Pass', parameters: { 'outer.$': '$name' }, assign: { name: 'changed' }, next: 'again' },
    again: { type: 'Pass', parameters: { 'inner.$': '$name' }, end: true },
  };
  const definition = {
    startAt: 'name',
    states: {
      name: { type: 'Pass', assign: { name: 'given' }, next: 'all' },
      all: { type: 'Map', itemProcessor: { startAt: 'look', states: item }, next: 'after' },
      after: { type: 'Pass', parameters: { 'inside.$': '$', 'name.$': '$name' }, end: true },
    },
  };
  const { run: ended } = await run(definition, [1], {});
  expect(ended.end?.output).toEqual({ inside: [{ inner: 'changed' }], name: 'given' });
});

test('the journal alone gives the same run, and so does a snapshot in the middle of it', async () => {
  const item = {
    work: { type: 'Task', resource: 'work', catch: { next: 'mend' }, end: true },
    mend: { type: 'Pass', end: true },
  };
  const functions = { work: (input: Json): Outcome => (Number(input) % 3 === 0 ? failing('Third') : echo(input)) };
  const definition = map({ maxConcurrency: 2 }, item);
  const { run: ended, events } = await run(definition, [1, 2, 3, 4, 5, 6], functions);
  const [first, ...rest] = events;
  if (first?.type !== 'Registered') throw new Error('expected a registration first');
  let again = newRun(first);
  for (const [index, event] of rest.entries()) {
    if (index === Math.floor(rest.length / 2))
      again = thaw(JSON.parse(JSON.stringify(freeze(again))) as JsonObject) ?? again;
    apply(again, event);
  }
  expect(JSON.stringify(dump(again))).toBe(JSON.stringify(dump(ended)));
});

describe('a restart', () => {
  test('of an item that failed brings back what its failure had stopped, and the Map with it', async () => {
    let isBroken = true;
    const functions = { work: (input: Json): Outcome => (input === 2 && isBroken ? failing('Bad') : echo(input)) };
    const driver = await MachineDriver.start({
      definition: map({ maxConcurrency: 2 }),
      input: [1, 2, 3, 4],
      functions,
    });
    await driver.toEnd();
    expect(driver.run.end?.phase).toBe('Failed');
    isBroken = false;
    const stamp = { at: driver.run.updatedAt, time: driver.run.time };
    await driver.take({ ...stamp, type: 'RestartRequested', node: 'all/1/work', nonce: '1' });
    await driver.settle();
    await driver.toEnd();
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: [1, 2, 3, 4] });
  });

  test('of a state goes on from there with what it was given', async () => {
    let isBroken = true;
    const definition = {
      startAt: 'one',
      states: {
        one: { type: 'Pass', result: 5, next: 'two' },
        two: { type: 'Task', resource: 'work', next: 'three' },
        three: { type: 'Pass', end: true },
      },
    };
    const functions = { work: (input: Json): Outcome => (isBroken ? failing('Bad') : echo(input)) };
    const driver = await MachineDriver.start({ definition, input: {}, functions });
    await driver.toEnd();
    isBroken = false;
    const stamp = { at: driver.run.updatedAt, time: driver.run.time };
    await driver.take({ ...stamp, type: 'RestartRequested', node: 'two', nonce: '1' });
    await driver.settle();
    await driver.toEnd();
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: 5 });
  });
});
