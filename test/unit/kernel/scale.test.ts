// Big graphs are ordinary input: no recursion over the graph, no argument lists as long as it, and work that grows with what changed.
// Nothing here is timed: what is quadratic does not finish within the time that a test has.

import { describe, expect, test } from 'vitest';
import { checkChange, findCycleFrom } from '../../../kernel/change.ts';
import { decide } from '../../../kernel/decide.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import { freeze, thaw } from '../../../kernel/snapshot.ts';
import type { Executor, NodeSpec, TaskSpec } from '../../../kernel/task.ts';
import { COMMAND, nodeOf, registration, type RunOptions } from '../../support/graph-text.ts';
import { Driver, failure, SUCCESS } from '../../support/kernel-driver.ts';
import { problemsOf } from '../../support/kernel-oracle.ts';

const TASK: TaskSpec = { executor: COMMAND };

function wide(size: number, executor: Executor = COMMAND): NodeSpec[] {
  return Array.from({ length: size }, (_, index) => ({ id: `n${index}`, task: { executor } }));
}

function chain(size: number, task: TaskSpec = TASK): NodeSpec[] {
  return Array.from({ length: size }, (_, index) => ({
    id: `n${index}`,
    task,
    ...(index === 0 ? {} : { dependencies: [`n${index - 1}`] }),
  }));
}

/** n nodes, then one after all of them, then n after that one. */
function hourglass(size: number): NodeSpec[] {
  const middle = { id: 'middle', task: TASK, dependencies: wide(size).map(({ id }) => id) };
  const after = Array.from({ length: size }, (_, index) => ({ id: `m${index}`, task: TASK, dependencies: ['middle'] }));
  return [...wide(size), middle, ...after];
}

function driverOf(nodes: readonly NodeSpec[], options: RunOptions = {}): Driver {
  return new Driver(registration({ nodes }, options)).settle();
}

describe('to the end', () => {
  const cases: readonly (readonly [string, () => readonly NodeSpec[], RunOptions])[] = [
    ['a chain of 10,000', () => chain(10_000), {}],
    ['100,000 independent nodes', () => wide(100_000), {}],
    ['50,000 independent nodes, eight at a time', () => wide(50_000), { parallelism: 8 }],
    ['10,000 into one and out to 10,000', () => hourglass(10_000), {}],
    ['50,000 mocks, eight at a time', () => wide(50_000, { type: 'mock' }), { parallelism: 8 }],
    ['10,000 waits in a chain', () => chain(10_000, { executor: { type: 'wait', seconds: 1 } }), {}],
  ];
  test.each(cases)('%s', (_name, nodes, options) => {
    const { run } = driverOf(nodes(), options).finish();
    expect(run.end?.phase).toBe('Succeeded');
    expect(run.counts.SUCCESS).toBe(run.nodes.size);
  });

  test('a failure at the head of a chain of 10,000 skips the rest, under either policy', () => {
    for (const failurePolicy of ['FailFast', 'Continue'] as const) {
      const { run } = driverOf(chain(10_000), { failurePolicy }).finish(() => failure());
      expect(run.counts).toMatchObject({ FAILED: 1, SKIPPED: 9999 });
    }
  });

  test('50,000 wait for one signal each, and get them in order', () => {
    const driver = driverOf(wide(50_000, { type: 'signal', name: 'go' }));
    expect(driver.run.counts.WAITING).toBe(50_000);
    for (let count = 0; count < 50_000; count += 1) driver.signal('go', count);
    expect(driver.run.end?.phase).toBe('Succeeded');
    expect([nodeOf(driver.run, 'n0').output, nodeOf(driver.run, 'n49999').output]).toEqual([0, 49_999]);
  });

  test('100,000 are cancelled', () => {
    const driver = driverOf(wide(100_000));
    driver.offer();
    driver.take({ type: 'CancelRequested' }).settle().enforce();
    expect(driver.run.end?.phase).toBe('Cancelled');
    expect(driver.run.counts.CANCELLED).toBe(100_000);
  });
});

describe('restart', () => {
  test('of the head of a chain of 10,000 that has ended', () => {
    const driver = driverOf(chain(10_000)).finish();
    driver.take({ type: 'RestartRequested', node: 'n0', nonce: '1' }).settle();
    expect(driver.run.counts.PENDING).toBe(10_000);
    expect(driver.finish().run.end?.phase).toBe('Succeeded');
  });

  test('of a node that 150,000 follow', () => {
    const after = Array.from({ length: 150_000 }, (_, index) => ({
      id: `m${index}`,
      task: TASK,
      dependencies: ['n0'],
    }));
    const driver = driverOf([...wide(1), ...after]);
    driver.offer();
    driver.end('n0').take({ type: 'RestartRequested', node: 'n0', nonce: '1' }).settle();
    expect(driver.run.queue.size).toBe(1);
    expect(driver.run.counts.PENDING).toBe(150_001);
  });
});

describe('work is what changed', () => {
  /** How often nodes are looked at while one node of `size` starts and ends. */
  function looks(size: number, act: (driver: Driver) => void): number {
    const driver = driverOf(wide(size));
    let count = 0;
    for (const node of driver.run.nodes.values()) {
      const { state } = node;
      let current = state;
      Object.defineProperty(node, 'state', {
        get: () => {
          count += 1;
          return current;
        },
        set: (value: typeof current) => {
          current = value;
        },
      });
    }
    act(driver);
    return count;
  }

  const step = (driver: Driver): void => {
    const node = driver.offer();
    if (node !== null) driver.claim(node).end(node);
  };

  test('an attempt among 10,000 looks at no more nodes than one among 10', () => {
    expect(looks(10_000, step)).toBe(looks(10, step));
  });

  test('the tenth and the ten thousandth node of a chain cost the same', () => {
    const driver = driverOf(chain(10_000));
    const costs: number[] = [];
    for (let at = 0; at < 10_000; at += 1) {
      const before = driver.journal.length;
      driver.work();
      costs.push(driver.journal.length - before);
    }
    expect(new Set(costs.slice(0, -1))).toEqual(new Set([2]));
  });

  test('while a failing run waits for what runs, the rest is not looked at again', () => {
    const failing = (driver: Driver): void => {
      driver.offer();
      const [first] = driver.run.leases.values();
      driver.offer();
      if (first !== undefined) driver.end(first, failure());
    };
    const more = (size: number): number => {
      const once = looks(size, failing);
      const often = looks(size, (driver) => {
        failing(driver);
        for (let count = 0; count < 10; count += 1) decide(driver.run, driver.now);
      });
      return often - once;
    };
    expect(more(10_000)).toBe(more(10));
  });
});

test('a snapshot of 20,000 nodes, half of them done, comes back equal', () => {
  const driver = driverOf(wide(20_000));
  for (let count = 0; count < 10_000; count += 1) {
    const node = driver.offer();
    if (node !== null) driver.end(node, SUCCESS);
  }
  const thawed = thaw(JSON.parse(JSON.stringify(freeze(driver.run))) as JsonObject);
  expect(thawed?.counts).toEqual(driver.run.counts);
  expect(thawed?.queue.size).toBe(10_000);
  expect(thawed?.queue.first?.id).toBe('n10000');
  if (thawed !== null) expect(problemsOf(thawed).slice(0, 3)).toEqual([]);
});

describe('cycles', () => {
  test('of 100,000 nodes are found and named', () => {
    const cycle = findCycleFrom(['0'], (id) => [String((Number(id) + 1) % 100_000)]);
    expect(cycle?.length).toBe(100_001);
  });

  test('in a change that closes a chain of 10,000', () => {
    const { run } = driverOf([{ id: 'head', task: TASK }, ...chain(10_000)]);
    const change = {
      edges: [
        { from: 'n9999', to: 'head' },
        { from: 'head', to: 'n1' },
      ],
    };
    expect(checkChange(run, change, 'head')?.message).toMatch(/^cycle: head -> n1 -> n2 -> /);
  });
});
