// Trigger rules and failure policies: what a node becomes, for every way in which its predecessors can end.

import { describe, expect, test } from 'vitest';
import type { Trigger } from '../../../kernel/task.ts';
import { COMMAND, graphChange, registration, runOf, states } from '../../support/graph-text.ts';
import { Driver, failure, SUCCESS } from '../../support/kernel-driver.ts';

/** S: ended well, H: failed and handled, F: failed, K: skipped, -: has not ended. */
type End = 'S' | 'H' | 'F' | 'K' | '-';
type Verdict = 'runs' | 'skipped' | 'waits';

const TABLE: readonly (readonly [string, Readonly<Record<Trigger, Verdict>>])[] = [
  ['SS', { AllSuccess: 'runs', AllDone: 'runs', AnySuccess: 'runs', AnyFailed: 'skipped' }],
  ['SH', { AllSuccess: 'runs', AllDone: 'runs', AnySuccess: 'runs', AnyFailed: 'skipped' }],
  ['HH', { AllSuccess: 'runs', AllDone: 'runs', AnySuccess: 'runs', AnyFailed: 'skipped' }],
  ['SF', { AllSuccess: 'skipped', AllDone: 'runs', AnySuccess: 'runs', AnyFailed: 'runs' }],
  ['SK', { AllSuccess: 'skipped', AllDone: 'runs', AnySuccess: 'runs', AnyFailed: 'skipped' }],
  ['HF', { AllSuccess: 'skipped', AllDone: 'runs', AnySuccess: 'runs', AnyFailed: 'runs' }],
  ['FF', { AllSuccess: 'skipped', AllDone: 'runs', AnySuccess: 'skipped', AnyFailed: 'runs' }],
  ['FK', { AllSuccess: 'skipped', AllDone: 'runs', AnySuccess: 'skipped', AnyFailed: 'runs' }],
  ['KK', { AllSuccess: 'skipped', AllDone: 'runs', AnySuccess: 'skipped', AnyFailed: 'skipped' }],
  ['S-', { AllSuccess: 'waits', AllDone: 'waits', AnySuccess: 'runs', AnyFailed: 'waits' }],
  ['H-', { AllSuccess: 'waits', AllDone: 'waits', AnySuccess: 'runs', AnyFailed: 'waits' }],
  ['F-', { AllSuccess: 'skipped', AllDone: 'waits', AnySuccess: 'waits', AnyFailed: 'runs' }],
  ['K-', { AllSuccess: 'skipped', AllDone: 'waits', AnySuccess: 'waits', AnyFailed: 'waits' }],
  ['--', { AllSuccess: 'waits', AllDone: 'waits', AnySuccess: 'waits', AnyFailed: 'waits' }],
];
const cases = TABLE.flatMap(([ends, verdicts]) =>
  (Object.entries(verdicts) as [Trigger, Verdict][]).flatMap(([trigger, verdict]) => [
    { ends, trigger, verdict },
    { ends: ends.slice(1) + ends.slice(0, 1), trigger, verdict },
  ]),
);

test.each(cases)('after $ends a node with trigger $trigger $verdict', ({ ends, trigger, verdict }) => {
  const [a, b] = ends.split('') as [End, End];
  const options = {
    failurePolicy: 'Continue',
    tasks: {
      a: { executor: COMMAND, ...(a === 'K' ? { when: 'false' } : {}) },
      b: { executor: COMMAND, ...(b === 'K' ? { when: 'false' } : {}) },
      c: { executor: COMMAND, trigger },
    },
  } as const;
  const driver = new Driver(registration(graphChange('a & b -> c', options), options)).settle();
  for (let node = driver.offer(); node !== null && node.id !== 'c'; node = driver.offer()) {
    const end = node.id === 'a' ? a : b;
    if (end === 'S') driver.end(node, SUCCESS);
    if (end === 'F') driver.end(node, failure());
    if (end === 'H') driver.end(node, failure(), { handled: true });
  }
  const c = driver.run.nodes.get('c');
  expect(c?.current !== null ? 'runs' : c.state === 'SKIPPED' ? 'skipped' : 'waits').toBe(verdict);
});

test('without predecessors only AnyFailed has nothing to wait for and is skipped', () => {
  const ends = (trigger: Trigger): string => {
    const options = { every: { trigger } };
    return states(new Driver(registration(graphChange('a', options), options)).finish().run);
  };
  expect(['AllSuccess', 'AllDone', 'AnySuccess', 'AnyFailed'].map((trigger) => ends(trigger as Trigger))).toEqual([
    'a=SUCCESS',
    'a=SUCCESS',
    'a=SUCCESS',
    'a=SKIPPED',
  ]);
});

describe('failure policies', () => {
  const cases: readonly { name: string; policy: 'FailFast' | 'Continue'; graph: string; fail: string; ends: string }[] =
    [
      {
        name: 'FailFast skips what had not started, related or not',
        policy: 'FailFast',
        graph: 'a -> b, c -> d -> e',
        fail: 'a',
        ends: 'a=FAILED b=SKIPPED c=SUCCESS d=SKIPPED e=SKIPPED',
      },
      {
        name: 'Continue lets independent branches go on',
        policy: 'Continue',
        graph: 'a -> b, c -> d -> e',
        fail: 'a',
        ends: 'a=FAILED b=SKIPPED c=SUCCESS d=SUCCESS e=SUCCESS',
      },
      {
        name: 'Continue skips all that follows, however far',
        policy: 'Continue',
        graph: 'a -> b -> c -> d, e -> d',
        fail: 'b',
        ends: 'a=SUCCESS b=FAILED c=SKIPPED d=SKIPPED e=SUCCESS',
      },
    ];
  test.each(cases)('$name', ({ policy, graph, fail, ends }) => {
    const options = { failurePolicy: policy };
    const driver = new Driver(registration(graphChange(graph, options), options)).settle();
    driver.finish((node) => (node.id === fail ? failure() : SUCCESS));
    expect(states(driver.run)).toBe(ends);
    expect(driver.run.end).toMatchObject({
      phase: 'Failed',
      reason: 'TaskFailed',
      message: `task "${fail}" failed: exit code 1`,
    });
  });

  test('a handled failure neither fails the run nor stops anything', () => {
    const driver = new Driver(registration(graphChange('a -> b'))).settle();
    driver.offer();
    driver.end('a', failure(), { handled: true, output: { caught: true } }).finish();
    expect(states(driver.run)).toBe('a=FAILED b=SUCCESS');
    expect(driver.run.end?.phase).toBe('Succeeded');
    expect(driver.run.nodes.get('a')?.output).toEqual({ caught: true });
  });

  test('the message counts the others that failed', () => {
    const options = { failurePolicy: 'Continue' } as const;
    const driver = new Driver(registration(graphChange('a, b, c'), options)).settle();
    driver.finish((node) => failure('TaskFailed', `${node.id} broke`));
    expect(driver.run.end?.message).toBe('task "a" failed: a broke, and 2 more tasks failed');
  });

  test('an offer that nobody took when the run fails is withdrawn and its node skipped', () => {
    const driver = new Driver(registration(graphChange('a, b'))).settle();
    driver.offer();
    driver.offer();
    driver.end('a', failure()).enforce();
    expect(states(driver.run)).toBe('a=FAILED b=SKIPPED');
  });

  test('one that was taken in that moment ends by itself', () => {
    const driver = new Driver(registration(graphChange('a, b'))).settle();
    driver.offer();
    driver.offer();
    driver.end('a', failure()).claim('b').enforce().end('b');
    expect(states(driver.run)).toBe('a=FAILED b=SUCCESS');
    expect(driver.run.end?.phase).toBe('Failed');
  });
});

describe('conditions', () => {
  test('are looked at once, when the trigger holds, after all that the deciding event brings', () => {
    const options = {
      tasks: { b: { when: '$.tasks.a.output.go == true' }, c: { when: '$.tasks.a.output.go == false' } },
    };
    const driver = new Driver(registration(graphChange('a -> b & c', options))).settle();
    driver.offer();
    driver.end('a', { result: 'Success', output: { go: true } }).finish();
    expect(states(driver.run)).toBe('a=SUCCESS b=SUCCESS c=SKIPPED');
  });

  test('a node that an outcome adds sees that outcome, though it does not follow it', () => {
    const driver = new Driver(registration(graphChange('a'))).settle();
    driver.offer();
    const added = { id: 'n', task: { executor: COMMAND, when: '$.tasks.a.output.ok && $.tasks.a.state == "SUCCESS"' } };
    driver.end('a', SUCCESS, { change: { nodes: [added] } }).finish();
    expect(states(driver.run)).toBe('a=SUCCESS n=SUCCESS');
  });

  test('one that cannot be read is false, and nothing crashes', () => {
    const run = runOf('a -> b', { tasks: { a: { when: '$$ nonsense' } } });
    expect(run.toSkip.size).toBe(1);
  });

  test('the reason of a skip says whether it was the condition or the trigger', () => {
    const options = { tasks: { a: { when: 'false' } } };
    const { journal } = new Driver(registration(graphChange('a -> b', options))).settle();
    expect(journal.flatMap((event) => (event.type === 'Skipped' ? [event.reason] : []))).toEqual([
      'its condition is false',
      'its trigger AllSuccess cannot come true',
    ]);
  });
});
