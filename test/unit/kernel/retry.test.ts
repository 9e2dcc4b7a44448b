// Retries, losses and their delays.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashFraction } from '../../../kernel/hash.ts';
import { lossDelayMs, LOSS_LIMIT, matchRule, retryDelayMs } from '../../../kernel/retry.ts';
import type { RetryRule } from '../../../kernel/task.ts';
import { COMMAND, graphChange, nodeOf, registration, retries, states } from '../../support/graph-text.ts';
import { Driver, failure, LOST, SUCCESS } from '../../support/kernel-driver.ts';

describe('delays', () => {
  const cases: readonly { name: string; rule: Partial<RetryRule>; seconds: readonly number[] }[] = [
    { name: 'without an interval there is none', rule: {}, seconds: [0, 0, 0] },
    { name: 'the rate is 2 unless told otherwise', rule: { intervalSeconds: 1 }, seconds: [1, 2, 4, 8] },
    {
      name: 'they grow up to the cap and stay there',
      rule: { intervalSeconds: 1, backoffRate: 2, maxDelaySeconds: 5 },
      seconds: [1, 2, 4, 5, 5, 5],
    },
    { name: 'rate 1 keeps them even', rule: { intervalSeconds: 3, backoffRate: 1 }, seconds: [3, 3, 3] },
    { name: 'parts of seconds count', rule: { intervalSeconds: 0.2, backoffRate: 1.5 }, seconds: [0.2, 0.3, 0.45] },
    { name: 'a cap of nothing is no delay', rule: { intervalSeconds: 9, maxDelaySeconds: 0 }, seconds: [0, 0] },
  ];
  test.each(cases)('$name', ({ rule, seconds }) => {
    const delays = seconds.map((_, index) => retryDelayMs({ maxAttempts: 99, ...rule }, index + 1, 'seed'));
    delays.forEach((delay, index) => expect(delay).toBeCloseTo((seconds[index] ?? 0) * 1000, 6));
  });

  test('are finite and never negative, however often and however steep', () => {
    const rules = fc.record({
      maxAttempts: fc.constant(1e9),
      intervalSeconds: fc.double({ min: 0, max: 1e300, noNaN: true }),
      backoffRate: fc.double({ min: 1, max: 1e300, noNaN: true }),
      jitter: fc.boolean(),
    });
    fc.assert(
      fc.property(rules, fc.integer({ min: 1, max: 1e9 }), fc.string(), (rule, retry, seed) => {
        const delay = retryDelayMs(rule, retry, seed);
        expect(Number.isFinite(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(retryDelayMs({ maxAttempts: 5000, backoffRate: 2 }, 4000, '')).toBe(0);
  });

  test('jitter takes a part of the delay that depends on the seed alone', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (seed, retry) => {
        const rule = { maxAttempts: 20, intervalSeconds: 1, maxDelaySeconds: 30 };
        const full = retryDelayMs(rule, retry, seed);
        const part = retryDelayMs({ ...rule, jitter: true }, retry, seed);
        expect(part).toBe(retryDelayMs({ ...rule, jitter: true }, retry, seed));
        expect(part).toBeGreaterThanOrEqual(0);
        expect(part).toBeLessThanOrEqual(full);
      }),
    );
  });

  test('jitter spreads the attempts of one node and the nodes of one run', () => {
    const tenths = new Map<number, number>();
    for (let node = 0; node < 100; node += 1)
      for (let attempt = 1; attempt <= 20; attempt += 1) {
        const tenth = Math.floor(hashFraction(`uid/task-${node}/${attempt}`) * 10);
        tenths.set(tenth, (tenths.get(tenth) ?? 0) + 1);
      }
    expect(tenths.size).toBe(10);
    for (const count of tenths.values()) expect(Math.abs(count - 200)).toBeLessThan(80);
  });

  test('the first loss is made good at once, then 1 s, 2 s, 4 s up to a minute', () => {
    expect([1, 2, 3, 4, 7, 8, 9, 1000].map(lossDelayMs)).toEqual([0, 1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
  });
});

test('the first rule that is for an error counts, whatever comes behind it', () => {
  const rules: RetryRule[] = [
    { errors: ['A', 'B'], maxAttempts: 0 },
    { errors: ['*'], maxAttempts: 1 },
    { maxAttempts: 2 },
  ];
  expect(['A', 'B', 'C'].map((type) => matchRule(rules, type))).toEqual([0, 0, 1]);
  expect(matchRule([{ errors: [], maxAttempts: 1 }], 'A')).toBe(-1);
  expect(matchRule([], 'A')).toBe(-1);
});

describe('attempts', () => {
  const alone = (task: object): Driver => {
    const options = { every: { executor: COMMAND, ...task } };
    return new Driver(registration(graphChange('a', options))).settle();
  };

  test('are one more than the retries, then the node has failed with its last error', () => {
    const driver = alone(retries(2)).finish((node) => failure('TaskFailed', `try ${node.attempts}`));
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'FAILED', attempts: 3, error: { message: 'try 3' } });
  });

  test('come no earlier than their delay', () => {
    const driver = alone(retries(3, { intervalSeconds: 2 }));
    driver.offer();
    driver.end('a', failure());
    expect(states(driver.run)).toBe('a=RETRYING');
    driver.advance(1999);
    expect(driver.offer()).toBeNull();
    driver.advance(1);
    expect(driver.offer()?.attempts).toBe(2);
    driver.claim('a').end('a', failure()).advance(3999);
    expect(driver.offer()).toBeNull();
    expect(driver.advance(1).offer()?.attempts).toBe(3);
  });

  test('a jump of the wall clock neither hastens nor delays them', () => {
    const driver = alone(retries(1, { intervalSeconds: 60 }));
    driver.offer();
    driver.end('a', failure()).advance(0, 86_400_000);
    expect(driver.offer()).toBeNull();
    driver.advance(60_000, -86_400_000);
    expect(driver.offer()).not.toBeNull();
  });

  test('each rule has a budget of its own', () => {
    const rules: RetryRule[] = [
      { errors: ['A'], maxAttempts: 1 },
      { errors: ['B'], maxAttempts: 1 },
    ];
    const types = ['A', 'B', 'A', 'B'];
    const driver = alone({ retry: rules }).finish((node) => failure(types[node.attempts - 1]));
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'FAILED', attempts: 3, error: { type: 'A' } });
  });

  test('an error that would come again is not tried again, unless a rule names it', () => {
    const lasting = { result: 'Failure', error: { type: 'A', message: '', permanent: true } } as const;
    const attempts = (rule: object): number =>
      nodeOf(alone({ retry: [{ maxAttempts: 2, ...rule }] }).finish(() => lasting).run, 'a').attempts;
    expect([{}, { errors: ['*'] }, { errors: ['A'] }].map(attempts)).toEqual([1, 1, 3]);
  });

  test('an error that no rule is for is not tried again', () => {
    const driver = alone(retries(5, { errors: ['Timeout'] })).finish(() => failure('TaskFailed'));
    expect(nodeOf(driver.run, 'a').attempts).toBe(1);
  });

  test('losses have their own budget, use up no retries, and are limited', () => {
    const driver = alone(retries(1)).finish(() => LOST);
    expect(nodeOf(driver.run, 'a')).toMatchObject({
      state: 'FAILED',
      losses: LOSS_LIMIT + 1,
      retriesUsed: [],
      error: { type: 'Lost' },
    });
    let count = 0;
    const other = alone(retries(1)).finish(() => ((count += 1) <= 8 ? LOST : failure()));
    expect(nodeOf(other.run, 'a')).toMatchObject({ state: 'FAILED', losses: 8, attempts: 10, retriesUsed: [1] });
  });

  test('a restart gives the budgets back and goes on counting attempts', () => {
    const driver = alone(retries(1)).finish(() => failure());
    driver
      .take({ type: 'RestartRequested', node: 'a', nonce: '1' })
      .finish((node) => (node.attempts < 4 ? failure() : SUCCESS));
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'SUCCESS', attempts: 4, attemptsBefore: 2 });
  });

  test('a restart gives the budget of losses back, too', () => {
    const driver = alone({}).finish(() => LOST);
    driver.take({ type: 'RestartRequested', node: 'a', nonce: '1' });
    let count = 0;
    driver.finish(() => ((count += 1) <= LOSS_LIMIT ? LOST : SUCCESS));
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'SUCCESS', losses: LOSS_LIMIT });
  });

  test('a failing run tries nothing again, neither what runs nor what waits', () => {
    const options = {
      every: { executor: COMMAND, ...retries(5, { intervalSeconds: 1 }) },
      tasks: { bad: { executor: COMMAND } },
    };
    const driver = new Driver(registration(graphChange('waits, runs, lost, bad', options))).settle();
    for (let node = driver.offer(); node !== null; node = driver.offer()) driver.claim(node);
    driver.end('waits', failure()).end('bad', failure());
    expect(states(driver.run)).toBe('waits=FAILED runs=RUNNING lost=RUNNING bad=FAILED');
    driver.end('runs', failure()).end('lost', LOST);
    expect(states(driver.run)).toBe('waits=FAILED runs=FAILED lost=FAILED bad=FAILED');
    // All three would have gone on: they come back when what failed is restarted.
    driver.take({ type: 'RestartRequested', node: 'bad', nonce: '1' }).finish();
    expect(states(driver.run)).toBe('waits=SUCCESS runs=SUCCESS lost=SUCCESS bad=SUCCESS');
    expect(driver.run.end?.phase).toBe('Succeeded');
  });

  test('what the failed attempt put out is kept when it was the last', () => {
    const driver = alone({}).finish(() => ({
      result: 'Failure',
      error: { type: 'T', message: '' },
      output: { part: 1 },
    }));
    expect(nodeOf(driver.run, 'a').output).toEqual({ part: 1 });
  });
});
