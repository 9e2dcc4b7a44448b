// What people are told: history, why and status, word for word.

import { describe, expect, test } from 'vitest';
import { numbered, step, transitions } from '../../../kernel/history.ts';
import { nodeStatuses, phaseOf, summarize } from '../../../kernel/status.ts';
import { why } from '../../../kernel/why.ts';
import {
  COMMAND,
  graphChange,
  nodeOf,
  registration,
  retries,
  type RunOptions,
  runOf,
  WALL,
} from '../../support/graph-text.ts';
import { Driver, failure, LOST, SUCCESS } from '../../support/kernel-driver.ts';

function start(graph: string, options: RunOptions = {}): Driver {
  return new Driver(registration(graphChange(graph, options), options)).settle();
}

/** `0.5 a PENDING > RUNNING: note`, seconds since the start. */
function told(driver: Driver): string[] {
  return Array.from(
    transitions(driver.journal),
    ({ at, node, from, to, note }) =>
      `${(at - WALL) / 1000} ${node ?? 'run'} ${from} > ${to}${note === '' ? '' : `: ${note}`}`,
  );
}

describe('history', () => {
  test('of a node that is tried again, with what follows', () => {
    const driver = start('a -> b', { every: { executor: COMMAND, ...retries(1, { intervalSeconds: 2 }) } });
    driver.offer();
    driver.claim('a').advance(500).end('a', failure()).advance(2000);
    driver.offer();
    driver.end('a').offer();
    driver.end('b');
    expect(told(driver)).toEqual([
      '0 run  > Running: 2 tasks',
      '0 a PENDING > RUNNING: attempt 1, worker w1',
      '0.5 a RUNNING > RETRYING: TaskFailed: exit code 1',
      '2.5 a RETRYING > RUNNING: attempt 2, worker w1',
      '2.5 a RUNNING > SUCCESS',
      '2.5 b PENDING > RUNNING: attempt 1, worker w1',
      '2.5 b RUNNING > SUCCESS',
      '2.5 run Running > Succeeded',
    ]);
  });

  test('of growth: who added what, what was refused, what broke a promise, each with the number of its event', () => {
    const driver = start('a -> b', { templates: { M: { executor: COMMAND } } });
    driver.offer();
    driver.claim('a').take(
      {
        type: 'GraphChanged',
        by: 'a',
        change: {
          nodes: [{ id: 'm', task: 'M', dependencies: ['a'] }],
          edges: [{ from: 'm', to: 'b' }],
          display: [{ node: 'm', display: { color: 'red' } }],
        },
      },
      { type: 'PromiseBroken', promise: 'noNewNodes', by: 'a', reason: 'node "n" is new' },
    );
    const lines = Array.from(
      numbered(driver.journal),
      ({ index, change }) => `${index} ${change.node ?? 'run'} ${change.note}`,
    );
    expect(lines.slice(2)).toEqual([
      '3 m added by a',
      '3 a added m -> b',
      '3 a dressed m',
      '4 a broke the promise noNewNodes: node "n" is new',
    ]);
  });

  test('of a cancel', () => {
    const driver = start('a -> b');
    driver.offer();
    driver.claim('a').take({ type: 'CancelRequested' }).settle().enforce();
    expect(told(driver).slice(2)).toEqual([
      '0 run Running > Running: cancel requested',
      '0 a RUNNING > RUNNING: stopping: Cancelled',
      '0 b PENDING > CANCELLED',
      '0 a RUNNING > CANCELLED: Cancelled: stopped: cancelled',
      '0 run Running > Cancelled: cancelled on request',
    ]);
  });

  test('of a failure and a restart, with what the restart takes away', () => {
    const driver = start('a -> b');
    driver.offer();
    driver.grow('a', { nodes: [{ id: 'n', task: { executor: COMMAND }, dependencies: ['a'] }] });
    driver.end('a', failure()).take({ type: 'RestartRequested', node: 'a', nonce: '1' }).settle();
    driver.take({ type: 'RestartRequested', node: 'nobody', nonce: '2' }).settle();
    expect(told(driver).slice(1)).toEqual([
      '0 n  > PENDING: added by a',
      '0 a PENDING > RUNNING: attempt 1, worker w1',
      '0 a RUNNING > FAILED: TaskFailed: exit code 1',
      '0 b PENDING > SKIPPED: task "a" failed',
      '0 n PENDING > SKIPPED: task "a" failed',
      '0 run Running > Failed: task "a" failed: exit code 1',
      '0 run Failed > Failed: restart of "a" requested',
      '0 a FAILED > PENDING',
      '0 b SKIPPED > PENDING',
      '0 n SKIPPED > WITHDRAWN: what had made it is run again',
      '0 run Failed > Running: restarted from "a"',
      '0 run Running > Running: restart of "nobody" requested',
      '0 run Running > Running: restart of "nobody" refused: no node "nobody"',
    ]);
  });

  test('of suspend and resume, of waits and signals', () => {
    const driver = start('s', { every: { executor: { type: 'signal', name: 'go' } } });
    driver.take({ type: 'Suspended' }, { type: 'Resumed' }).signal('go');
    expect(told(driver).slice(1)).toEqual([
      '0 s PENDING > WAITING: attempt 1',
      '0 run Running > Suspended',
      '0 run Suspended > Running',
      '0 s WAITING > SUCCESS',
      '0 run Running > Succeeded',
    ]);
  });

  test('of what a continuation adds and stops', () => {
    const driver = start('a, b, c');
    driver.offer();
    driver.offer();
    driver
      .claim('b')
      .end('a', SUCCESS, { change: { nodes: [{ id: 'n', task: { executor: COMMAND } }] }, stop: ['b', 'c'] });
    expect(told(driver).slice(2)).toEqual([
      '0 a PENDING > RUNNING: attempt 1, worker w1',
      '0 a RUNNING > SUCCESS',
      '0 b RUNNING > RUNNING: stopping: Stopped',
      '0 c PENDING > CANCELLED',
      '0 n  > PENDING: added by a',
    ]);
  });

  test('what has an id that was made up is called after its template', () => {
    const driver = start('a');
    driver.offer();
    const node = { id: 'a/0.1', task: { executor: COMMAND, task: 'tea' } };
    driver.claim('a').end('a', SUCCESS, { change: { nodes: [node] } });
    expect(told(driver).at(-1)).toBe('0 a/0.1  > PENDING: tea, added by a');
  });

  test('an event that did not count is not told', () => {
    const { run } = start('a').finish();
    const stamp = { at: WALL, time: 0, node: 'a' };
    expect(step(run, { ...stamp, type: 'Ended', fence: '000001-00000001', outcome: failure() })).toEqual([]);
    expect(step(run, { ...stamp, type: 'Stopping', fence: '000001-00000001', reason: 'Timeout' })).toEqual([]);
    expect(step(run, { ...stamp, type: 'InlineStarted', attempt: 2 })).toEqual([]);
    expect(
      step(run, { at: WALL, time: 0, type: 'GraphChanged', by: 'a', change: { nodes: [{ id: 'n', task: 'M' }] } }),
    ).toEqual([]);
  });

  test('an attempt that nobody took did not run', () => {
    const driver = start('a').take({ type: 'Suspended' }, { type: 'Resumed' });
    driver.offer();
    driver.take({ type: 'CancelRequested' }).settle();
    driver
      .take({
        type: 'Ended',
        node: 'a',
        fence: driver.fenceOf('a'),
        outcome: { result: 'Stopped', reason: 'Cancelled' },
      })
      .settle();
    expect(told(driver)).toContain('0 a PENDING > CANCELLED: Cancelled: stopped: cancelled');
  });

  test('a journal that does not begin with its registration tells nothing', () => {
    expect([...transitions([{ type: 'Suspended', at: 0, time: 0 }])]).toEqual([]);
  });
});

describe('why', () => {
  const say = (driver: Driver, id = 'a'): string[] | null => why(driver.run, id, driver.now);
  const cases: readonly { name: string; driver: () => Driver; id?: string; lines: readonly string[] | null }[] = [
    { name: 'nobody', driver: () => start('a'), id: 'x', lines: null },
    {
      name: 'a ready node',
      driver: () => start('b, a'),
      lines: ['a is PENDING', 'is ready and waits for a free slot of a worker; 1 ready tasks of this run come first'],
    },
    {
      name: 'a node behind others, in order',
      driver: () => {
        const driver = start('b & c -> a');
        driver.offer();
        return driver.claim('b');
      },
      lines: ['a is PENDING', 'waits for b, which is RUNNING', 'waits for c, which is PENDING'],
    },
    {
      name: 'a node that may run though others have not ended',
      driver: () => {
        const driver = start('b & c -> a', { tasks: { a: { executor: COMMAND, trigger: 'AnySuccess' } } });
        driver.offer();
        driver.offer();
        return driver.end('b');
      },
      lines: ['a is PENDING', 'is ready and waits for a free slot of a worker; 0 ready tasks of this run come first'],
    },
    {
      name: 'a node behind very many',
      driver: () => start(`${Array.from({ length: 13 }, (_, index) => `n${index}`).join(' & ')} -> a`),
      lines: [
        'a is PENDING',
        ...Array.from({ length: 10 }, (_, index) => `waits for n${index}, which is PENDING`),
        '... and 3 more',
      ],
    },
    {
      name: 'a node without room',
      driver: () => {
        const driver = start('b, a', { parallelism: 1 });
        driver.offer();
        return driver;
      },
      lines: ['a is PENDING', '1 tasks run and parallelism is 1'],
    },
    {
      name: 'a suspended run',
      driver: () => start('a').take({ type: 'Suspended' }),
      lines: ['a is PENDING', 'the run is suspended: nothing new starts'],
    },
    {
      name: 'an offer',
      driver: () => {
        const driver = start('a');
        driver.offer();
        return driver;
      },
      lines: ['a is PENDING', 'attempt 1 is offered to worker w1, which has not taken it yet'],
    },
    {
      name: 'a running attempt with a limit',
      driver: () => {
        const driver = start('a', { every: { executor: COMMAND, timeoutSeconds: 5 } });
        driver.offer();
        return driver.claim('a').advance(1500);
      },
      lines: ['a is RUNNING', 'attempt 1 runs on worker w1 since 2030-01-01T00:00:00.000Z', 'times out in 3.5 s'],
    },
    {
      name: 'an attempt that is stopped',
      driver: () => {
        const driver = start('a');
        driver.offer();
        return driver.claim('a').take({ type: 'CancelRequested' }).settle();
      },
      lines: ['a is RUNNING', 'attempt 1 is being stopped: Cancelled'],
    },
    {
      name: 'a pause between attempts',
      driver: () => {
        const driver = start('a', { every: { executor: COMMAND, ...retries(1, { intervalSeconds: 2 }) } });
        driver.offer();
        return driver.end('a', failure());
      },
      lines: ['a is RETRYING', 'the next attempt is due in 2.0 s; last error: exit code 1'],
    },
    {
      name: 'a wait for a signal',
      driver: () => start('a', { every: { executor: { type: 'signal', name: 'go' }, timeoutSeconds: 60 } }),
      lines: ['a is WAITING', 'waits for the signal "go"', 'times out in 60.0 s'],
    },
    {
      name: 'a wait until an instant',
      driver: () =>
        start('a', { every: { executor: { type: 'wait', until: new Date(WALL + 9000).toISOString() } } }).advance(
          0,
          2000,
        ),
      lines: ['a is WAITING', 'ends in 7.0 s'],
    },
    {
      name: 'a false condition',
      driver: () => start('a', { every: { executor: COMMAND, when: '$.input.x == 1' } }),
      lines: ['a is SKIPPED: its condition was false: $.input.x == 1'],
    },
    {
      name: 'a hopeless trigger',
      driver: () => start('b -> a', { failurePolicy: 'Continue' }).finish(() => failure()),
      lines: ['a is SKIPPED: its trigger AllSuccess could not come true any more', 'b is FAILED'],
    },
    {
      name: 'a run that failed before it came to it',
      driver: () => start('b, a').finish(() => failure()),
      id: 'b',
      lines: ['b is FAILED: TaskFailed: exit code 1'],
    },
    {
      name: 'a task that had not begun when another failed',
      driver: () => {
        const driver = start('b, c -> a', { parallelism: 2 });
        driver.offer();
        return driver.end('b', failure());
      },
      lines: ['a is SKIPPED: it had not started when task "b" failed and the policy is FailFast'],
    },
    {
      name: 'a failure after several attempts',
      driver: () =>
        start('a', { every: { executor: COMMAND, ...retries(2) } }).finish(() => failure('Boom', 'it broke')),
      lines: ['a is FAILED after 3 attempts: Boom: it broke'],
    },
    { name: 'a success', driver: () => start('a').finish(), lines: ['a is SUCCESS'] },
    {
      name: 'a node that a continuation dropped',
      driver: () => {
        const driver = start('b -> c, a');
        driver.offer();
        return driver.end('b', SUCCESS, { stop: ['a'] });
      },
      lines: ['a is CANCELLED: it was stopped before it ran'],
    },
    {
      name: 'a retry that a failing run gave up',
      driver: () => {
        const driver = start('a, b', { tasks: { a: { executor: COMMAND, ...retries(1) } } });
        driver.offer();
        driver.offer();
        return driver.end('b', failure()).end('a', LOST);
      },
      lines: [
        'a is FAILED: Lost: its slot is gone; not tried again, because task "b" failed and the policy is FailFast',
      ],
    },
  ];
  test.each(cases)('$name', ({ driver, id, lines }) => expect(say(driver(), id)).toEqual(lines));

  test('shows what a ready node would be given', () => {
    const driver = start('a', { input: { x: 1 }, every: { executor: COMMAND, with: { y: '$.input.x' } } });
    expect(say(driver)?.at(-1)).toBe('its input is {"y":1}');
  });
});

describe('status', () => {
  test('of a run under way', () => {
    const driver = start('a -> b').advance(1000);
    driver.offer();
    driver.claim('a');
    expect(summarize(driver.run, 3)).toEqual({
      observedGeneration: 3,
      phase: 'Running',
      startTime: '2030-01-01T00:00:00.000Z',
      message: '',
      conditions: [
        condition('Succeeded', 'Unknown', 'Running'),
        condition('Complete', 'False', 'Running'),
        condition('Suspended', 'False', 'NotRequested'),
        condition('PromisesHeld', 'True', 'Held'),
      ],
      output: null,
      counts: {
        total: 2,
        PENDING: 1,
        RUNNING: 1,
        RETRYING: 0,
        WAITING: 0,
        SUCCESS: 0,
        FAILED: 0,
        SKIPPED: 0,
        CANCELLED: 0,
      },
    });
    expect(nodeStatuses(driver.run)).toEqual({
      a: { state: 'RUNNING', attempts: 1, startTime: '2030-01-01T00:00:01.000Z', worker: 'w1', dependencies: [] },
      b: { state: 'PENDING', attempts: 0, dependencies: ['a'] },
    });
  });

  test('of a failed run: error, times, and the reason of the condition', () => {
    const driver = start('a')
      .advance(2000)
      .finish(() => failure('Boom', 'it broke'));
    expect(summarize(driver.run, 1)).toMatchObject({
      phase: 'Failed',
      completionTime: '2030-01-01T00:00:02.000Z',
      message: 'task "a" failed: it broke',
      error: { type: 'Boom', message: 'it broke' },
      conditions: [
        { type: 'Succeeded', status: 'False', reason: 'Boom', lastTransitionTime: '2030-01-01T00:00:02.000Z' },
        { type: 'Complete', status: 'True', reason: 'Failed' },
        {},
        {},
      ],
    });
    expect(nodeStatuses(driver.run)['a']).toMatchObject({
      state: 'FAILED',
      error: { type: 'Boom', message: 'it broke' },
    });
  });

  test('a node never ends before it starts, though the clock of its slot is behind', () => {
    const driver = start('a').advance(1000);
    driver.offer();
    const fence = driver.fenceOf('a');
    const [since, until] = [WALL + 995, WALL + 995];
    driver.claim('a').take({ type: 'Ended', node: 'a', fence, outcome: SUCCESS, since, until }).settle();
    expect(nodeStatuses(driver.run)['a']).toMatchObject({
      startTime: '2030-01-01T00:00:01.000Z',
      finishTime: '2030-01-01T00:00:01.000Z',
    });
  });

  test('of a suspended run says since when', () => {
    const driver = start('a').advance(5000).take({ type: 'Suspended' });
    expect(phaseOf(driver.run)).toBe('Suspended');
    expect(summarize(driver.run, 1)['conditions']).toContainEqual(
      condition('Suspended', 'True', 'Requested', '', '2030-01-01T00:00:05.000Z'),
    );
  });

  test('the output of a run is that of the nodes that nothing follows', () => {
    const output = (id: string): typeof SUCCESS => ({ result: 'Success', output: { from: id } });
    const { run } = start('a -> b, a -> c, d').finish(({ id }) => (id === 'd' ? { result: 'Success' } : output(id)));
    expect(run.end?.output).toEqual({ b: { from: 'b' }, c: { from: 'c' } });
  });

  test('ids that are members of every object are ids like others', () => {
    const driver = start('__proto__ -> constructor').finish();
    expect(Object.keys(nodeStatuses(driver.run))).toEqual(['__proto__', 'constructor']);
    expect(driver.run.end?.phase).toBe('Succeeded');
    expect(nodeOf(driver.run, '__proto__').state).toBe('SUCCESS');
  });

  test('an empty run has ended', () => {
    const driver = new Driver(registration({ nodes: [] })).settle();
    expect(driver.run.end?.phase).toBe('Succeeded');
    expect(runOf('a').end).toBeNull();
  });
});

function condition(
  type: string,
  status: string,
  reason: string,
  message = '',
  time = '2030-01-01T00:00:00.000Z',
): object {
  return { type, status, reason, message, lastTransitionTime: time };
}
