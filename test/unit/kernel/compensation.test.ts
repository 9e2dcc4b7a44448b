// Undoing: which tasks are compensated, in which order, with what, and how the run ends then.

import { describe, expect, test } from 'vitest';
import { compensationFutures } from '../../../kernel/compensation.ts';
import { freeze, thaw } from '../../../kernel/snapshot.ts';
import { phaseOf } from '../../../kernel/status.ts';
import type { NodeSpec, Outcome, TaskSpec } from '../../../kernel/task.ts';
import { Driver, failure } from '../../support/kernel-driver.ts';
import { COMMAND, registration } from '../../support/graph-text.ts';

function undoable(id: string, dependencies: string[] = [], more: Partial<TaskSpec> = {}): NodeSpec {
  return { id, task: { executor: COMMAND, compensate: { executor: COMMAND }, ...more }, dependencies };
}

const CHAIN = [undoable('a'), undoable('b', ['a']), { id: 'c', task: { executor: COMMAND }, dependencies: ['b'] }];

function states(driver: Driver): { [id: string]: string } {
  return Object.fromEntries([...driver.run.nodes.values()].map(({ id, state }) => [id, state]));
}

/** a and b succeed with outputs, c fails. */
function failed(nodes: NodeSpec[] = CHAIN): Driver {
  const driver = new Driver(registration({ nodes }));
  for (const outcome of [made('a'), made('b'), failure('Broken', 'no')]) runNext(driver, outcome);
  return driver;
}

function made(name: string): Outcome {
  return { result: 'Success', output: { made: name } };
}

/** The next ready task runs and ends so. */
function runNext(driver: Driver, outcome: Outcome): Driver {
  const node = driver.offer();
  if (node !== null) driver.end(node, outcome);
  return driver;
}

describe('when a run fails', () => {
  test('what succeeded is undone, the last first, one after the other, with its output as input', () => {
    const driver = failed().settle();
    expect(phaseOf(driver.run)).toBe('Compensating');
    const [first, second] = ['compensate/b', 'compensate/a'].map((id) => driver.run.nodes.get(id));
    expect(first?.task.input).toEqual({ made: 'b' });
    expect(second?.task.input).toEqual({ made: 'a' });
    expect([...(second?.predecessors ?? [])]).toEqual([first]);
    driver.finish();
    expect(states(driver)).toMatchObject({ 'compensate/a': 'SUCCESS', 'compensate/b': 'SUCCESS', c: 'FAILED' });
    expect(driver.run.end).toMatchObject({ phase: 'Failed', error: { type: 'Broken', message: 'no' } });
  });

  test('a compensation that fails is told, and the others run all the same', () => {
    const driver = runNext(failed().settle(), failure('Stuck', 'cannot')).finish();
    expect(states(driver)).toMatchObject({ 'compensate/b': 'FAILED', 'compensate/a': 'SUCCESS' });
    expect(driver.run.end).toMatchObject({ phase: 'Failed', error: { type: 'Broken' } });
    expect(driver.run.end?.message).toContain('not undone: "b": cannot');
  });

  test('tasks that did not succeed, or have no compensation, are left alone', () => {
    const driver = failed([{ id: 'a', task: { executor: COMMAND } }, undoable('b', ['a']), undoable('c', ['b'])]);
    driver.finish();
    expect(Object.keys(states(driver))).toEqual(['a', 'b', 'c', 'compensate/b']);
  });

  test('a snapshot in the middle of undoing goes on where it was', () => {
    const driver = failed().settle();
    const again = thaw(freeze(driver.run));
    expect(again === null ? null : phaseOf(again)).toBe('Compensating');
    expect(again?.queue.first?.id).toBe('compensate/b');
  });

  test('it cannot be restarted any more', () => {
    const driver = failed().finish();
    driver.take({ type: 'RestartRequested', node: 'c', nonce: '1' }).settle();
    expect(driver.run.nonces.get('1')).toContain('undone');
  });
});

test('a run that is cancelled undoes what it did, and a second wish to cancel changes nothing', () => {
  const driver = new Driver(registration({ nodes: CHAIN }));
  runNext(driver, made('a'));
  driver.take({ type: 'CancelRequested' }).settle();
  expect(phaseOf(driver.run)).toBe('Compensating');
  driver.take({ type: 'CancelRequested' }).finish();
  expect(states(driver)).toEqual({ a: 'SUCCESS', b: 'CANCELLED', c: 'CANCELLED', 'compensate/a': 'SUCCESS' });
  expect(driver.run.end).toMatchObject({ phase: 'Cancelled' });
});

test('a run that succeeds undoes nothing', () => {
  const driver = new Driver(registration({ nodes: CHAIN })).finish();
  expect(Object.keys(states(driver))).toEqual(['a', 'b', 'c']);
  expect(driver.run.end?.phase).toBe('Succeeded');
});

describe('what would be undone', () => {
  const edges = (driver: Driver): string[] =>
    compensationFutures(driver.run).edges.flatMap(({ from, to }) =>
      from.startsWith('compensate/') ? [`${from} -> ${to}`] : [],
    );
  const ghosts = (driver: Driver): string[] => compensationFutures(driver.run).ghosts.map(({ id }) => id);

  test('may come as long as the run could fail, in reverse order of what has ended', () => {
    const driver = new Driver(registration({ nodes: CHAIN }));
    expect(ghosts(driver)).toEqual(['compensate/a', 'compensate/b']);
    expect(edges(driver)).toEqual(['compensate/b -> compensate/a']);
    runNext(runNext(driver, made('a')), made('b'));
    expect(edges(driver)).toEqual(['compensate/b -> compensate/a']);
    runNext(driver, made('c'));
    expect([ghosts(driver), edges(driver)]).toEqual([[], []]);
  });

  test('is no longer foreseen for what failed, and for nothing once it is being undone', () => {
    const driver = new Driver(registration({ nodes: CHAIN }, { failurePolicy: 'Continue' }));
    runNext(driver, failure());
    expect(ghosts(driver)).toEqual([]);
    expect(ghosts(failed())).toEqual([]);
    expect(failed().run.nodes.has('compensate/a')).toBe(true);
  });
});
