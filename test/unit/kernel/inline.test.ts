// Nodes that the controller runs itself: mock, wait and signal.

import { describe, expect, test } from 'vitest';
import { consumeSignals, msUntilDue } from '../../../kernel/decide.ts';
import type { Executor, TaskSpec } from '../../../kernel/task.ts';
import {
  COMMAND,
  graphChange,
  nodeOf,
  registration,
  retries,
  type RunOptions,
  states,
  WALL,
} from '../../support/graph-text.ts';
import { Driver } from '../../support/kernel-driver.ts';

function alone(executor: Executor, task: Partial<TaskSpec> = {}): Driver {
  return start('a', { every: { executor, ...task } });
}

function start(graph: string, options: RunOptions): Driver {
  return new Driver(registration(graphChange(graph, options), options)).settle();
}

describe('mock', () => {
  test('ends at once with its output', () => {
    const { run } = alone({ type: 'mock', output: { id: 7 } });
    expect(nodeOf(run, 'a')).toMatchObject({ state: 'SUCCESS', output: { id: 7 }, attempts: 1 });
    expect(run.end).toMatchObject({ phase: 'Succeeded', output: { a: { id: 7 } } });
  });

  test('takes as long as it says, on engine time', () => {
    const driver = alone({ type: 'mock', delaySeconds: 2 }).advance(1999, 1_000_000);
    expect(states(driver.run)).toBe('a=RUNNING');
    expect(msUntilDue(driver.run, driver.now)).toBe(1);
    expect(states(driver.advance(1).run)).toBe('a=SUCCESS');
  });

  test('fails as often as it says, with the error that it says', () => {
    const fail = { times: 2, errorType: 'Flaky', message: 'not yet' };
    const tries = (count: number): Driver => alone({ type: 'mock', fail }, retries(count));
    expect(nodeOf(tries(1).run, 'a')).toMatchObject({
      state: 'FAILED',
      attempts: 2,
      error: { type: 'Flaky', message: 'not yet' },
    });
    expect(nodeOf(tries(2).run, 'a')).toMatchObject({ state: 'SUCCESS', attempts: 3, error: null });
  });

  test('without `times` it fails for ever', () => {
    expect(nodeOf(alone({ type: 'mock', fail: {} }, retries(4)).run, 'a')).toMatchObject({
      state: 'FAILED',
      attempts: 5,
    });
  });

  test('counts its failures anew after a restart', () => {
    const driver = alone({ type: 'mock', fail: { times: 1 } }, retries(1));
    driver.take({ type: 'RestartRequested', node: 'a', nonce: '1' }).settle();
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'SUCCESS', attempts: 4 });
  });

  test('times out when it takes longer than its timeout, and not when it takes as long', () => {
    const timed = alone({ type: 'mock', delaySeconds: 5 }, { timeoutSeconds: 2 }).advance(2000);
    expect(nodeOf(timed.run, 'a')).toMatchObject({
      state: 'FAILED',
      error: { type: 'Timeout', message: 'did not end within 2 s' },
    });
    expect(states(alone({ type: 'mock', delaySeconds: 2 }, { timeoutSeconds: 2 }).advance(2000).run)).toBe('a=SUCCESS');
  });

  test('counts for parallelism; waits and signals do not', () => {
    const options: RunOptions = {
      parallelism: 2,
      every: { executor: { type: 'mock', delaySeconds: 1 } },
      tasks: {
        c: { executor: COMMAND },
        w: { executor: { type: 'wait', seconds: 9 } },
        s: { executor: { type: 'signal', name: 'go' } },
      },
    };
    const driver = start('m1, m2, m3, c, w, s', options);
    expect(states(driver.run)).toBe('m1=RUNNING m2=RUNNING m3=PENDING c=PENDING w=WAITING s=WAITING');
    expect(driver.offer()).toBeNull();
    driver.advance(1000);
    expect(states(driver.run)).toBe('m1=SUCCESS m2=SUCCESS m3=RUNNING c=PENDING w=WAITING s=WAITING');
    expect(driver.offer()?.id).toBe('c');
    expect(driver.offer()).toBeNull();
  });

  test('a wait starts though parallelism is used up', () => {
    const options = {
      parallelism: 1,
      tasks: { c: { executor: COMMAND }, w: { executor: { type: 'wait', seconds: 1 } } },
    } as const;
    const driver = start('a -> w, c', {
      ...options,
      tasks: { ...options.tasks, a: { executor: { type: 'mock', delaySeconds: 1 } } },
    });
    driver.advance(1000);
    expect(states(driver.run)).toBe('a=SUCCESS w=WAITING c=PENDING');
    const other = start('c, w', { ...options, parallelism: 1 });
    other.offer();
    expect(states(other.settle().run)).toBe('c=PENDING w=WAITING');
  });
});

describe('wait', () => {
  const until = (seconds: number): Executor => ({ type: 'wait', until: new Date(WALL + seconds * 1000).toISOString() });

  test('for seconds: engine time counts, a jump of the wall clock does not matter', () => {
    const driver = alone({ type: 'wait', seconds: 10 }).advance(9999, 86_400_000);
    expect(states(driver.run)).toBe('a=WAITING');
    expect(states(driver.advance(1, -86_400_000).run)).toBe('a=SUCCESS');
  });

  test('until an instant: the wall clock counts, wherever it jumps', () => {
    const driver = alone(until(10)).advance(60_000, 9999);
    expect(states(driver.run)).toBe('a=WAITING');
    expect(msUntilDue(driver.run, driver.now)).toBe(1);
    driver.advance(0, -3_600_000);
    expect(msUntilDue(driver.run, driver.now)).toBe(3_600_001);
    expect(states(driver.advance(0, 3_600_001).run)).toBe('a=SUCCESS');
  });

  test('until an instant that is past, or for no time, is over at once', () => {
    expect(states(alone(until(-100)).run)).toBe('a=SUCCESS');
    expect(states(alone({ type: 'wait', seconds: 0 }).run)).toBe('a=SUCCESS');
    expect(states(alone({ type: 'wait', seconds: -5 }).run)).toBe('a=SUCCESS');
  });

  test('for longer than anybody can count goes through a journal and stays', () => {
    const driver = alone({ type: 'wait', seconds: 1e308 });
    const journaled = JSON.parse(JSON.stringify(driver.journal)) as { due?: unknown }[];
    expect(journaled.at(-1)?.due).toBe(Number.MAX_SAFE_INTEGER);
    expect(states(driver.advance(1e12).run)).toBe('a=WAITING');
  });

  test('until something that is no instant fails and says so', () => {
    const { run } = alone({ type: 'wait', until: 'soon' });
    expect(nodeOf(run, 'a').error?.message).toBe('wait until "soon": expected an instant as 2030-01-31T12:00:00Z');
    expect(run.end?.phase).toBe('Failed');
  });

  test('times out when its timeout comes first', () => {
    for (const executor of [until(100), { type: 'wait', seconds: 100 } as const]) {
      const driver = alone(executor, { timeoutSeconds: 5 }).advance(4999);
      expect(states(driver.run)).toBe('a=WAITING');
      expect(nodeOf(driver.advance(1).run, 'a').error?.type).toBe('Timeout');
      expect(states(alone({ type: 'wait', seconds: 3 }, { timeoutSeconds: 5 }).advance(3000).run)).toBe('a=SUCCESS');
      expect(states(alone(until(3), { timeoutSeconds: 5 }).advance(3000).run)).toBe('a=SUCCESS');
    }
  });

  test('goes on under suspend, and what follows it does not start', () => {
    const driver = start('w -> a', {
      tasks: { w: { executor: { type: 'wait', seconds: 1 } }, a: { executor: COMMAND } },
    });
    driver.take({ type: 'Suspended' }).advance(1000);
    expect(states(driver.run)).toBe('w=SUCCESS a=PENDING');
    expect(driver.offer()).toBeNull();
    expect(driver.take({ type: 'Resumed' }).offer()?.id).toBe('a');
  });
});

describe('signal', () => {
  const GO: Executor = { type: 'signal', name: 'go' };
  const later = { executor: GO, retry: [{ maxAttempts: 1, intervalSeconds: 1 }], timeoutSeconds: 1 };

  test('its data is the output of the node that took it', () => {
    const driver = alone(GO).signal('go', { approved: true });
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'SUCCESS', output: { approved: true } });
    expect([...driver.run.consumedSignals]).toEqual(['signal-1']);
  });

  test('one of another name is left', () => {
    const driver = alone(GO).signal('stop');
    expect(states(driver.run)).toBe('a=WAITING');
    expect(driver.run.consumedSignals.size).toBe(0);
  });

  test('each serves one node, the oldest wait first, in the order in which they came', () => {
    const { run, now } = start('a, b, c', { every: { executor: GO } });
    const signals = ['first', 'second'].map((uid, data) => ({ uid, name: 'go', data }));
    const events = consumeSignals(run, signals, now);
    expect(events).toMatchObject([
      { node: 'a', signal: 'first', outcome: { output: 0 } },
      { node: 'b', signal: 'second', outcome: { output: 1 } },
    ]);
  });

  test('a wait that timed out and began anew stands behind those that came meanwhile', () => {
    const driver = start('a, m -> b', {
      tasks: { a: later, m: { executor: { type: 'mock', delaySeconds: 1 } }, b: { executor: GO } },
    });
    driver.advance(1000).advance(1000);
    expect(states(driver.run)).toBe('a=WAITING m=SUCCESS b=WAITING');
    expect(states(driver.signal('go').run)).toBe('a=WAITING m=SUCCESS b=SUCCESS');
  });

  test('one that is a sign of life ends nothing, but the silence', () => {
    const driver = start('a', { tasks: { a: { executor: GO, heartbeatSeconds: 10 } } });
    driver.advance(9000).signal('go', { heartbeat: true }).advance(9000);
    expect(states(driver.run)).toBe('a=WAITING');
    expect(nodeOf(driver.advance(1000).run, 'a')).toMatchObject({
      state: 'FAILED',
      error: { type: 'HeartbeatTimeout', message: 'gave no sign of life for 10 s' },
    });
  });

  test('a mock says nothing, so it may take no longer than its limit on silence', () => {
    const mock: Executor = { type: 'mock', delaySeconds: 20 };
    const driver = start('a', { tasks: { a: { executor: mock, heartbeatSeconds: 10, timeoutSeconds: 15 } } });
    expect(nodeOf(driver.advance(10_000).run, 'a').error?.type).toBe('HeartbeatTimeout');
  });

  test('without a limit on silence the same data is an answer', () => {
    expect(nodeOf(alone(GO).signal('go', { heartbeat: true }).run, 'a').output).toEqual({ heartbeat: true });
  });

  test('the same one is never taken twice, though its file is still there', () => {
    const { run, now } = start('a, b', { every: { executor: GO } });
    const signal = { uid: 'one', name: 'go', data: null };
    const driver = start('a, b', { every: { executor: GO } });
    driver.take(...consumeSignals(run, [signal], now));
    expect(consumeSignals(driver.run, [signal], driver.now)).toEqual([]);
  });

  test('a cancel ends the wait, and a late signal finds nobody', () => {
    const driver = start('a -> b', { every: { executor: GO } })
      .take({ type: 'CancelRequested' })
      .settle();
    expect(states(driver.run)).toBe('a=CANCELLED b=CANCELLED');
    expect(driver.run.end?.phase).toBe('Cancelled');
    driver.signal('go');
    expect(driver.run.consumedSignals.size).toBe(0);
  });

  test('waits for a failing run no longer', () => {
    const driver = start('a, bad', {
      tasks: { a: { executor: GO }, bad: { executor: { type: 'mock', delaySeconds: 1, fail: {} } } },
    });
    expect(states(driver.advance(1000).run)).toBe('a=SKIPPED bad=FAILED');
  });
});
