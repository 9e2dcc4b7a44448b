// Attempts, stops, rounds and growth, one situation a test: the ones that are easy to get wrong.

import { describe, expect, test } from 'vitest';
import { retryRuleFor } from '../../../kernel/apply.ts';
import { checkChange } from '../../../kernel/change.ts';
import { decide, desiredLeases, msUntilDue } from '../../../kernel/decide.ts';
import { inputOf } from '../../../kernel/input.ts';
import { idempotencyKey } from '../../../kernel/run.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import { freeze, thaw } from '../../../kernel/snapshot.ts';
import type { GraphChange, NodeSpec } from '../../../kernel/task.ts';
import {
  COMMAND,
  graphChange,
  nodeOf,
  registration,
  retries,
  type RunOptions,
  states,
} from '../../support/graph-text.ts';
import { Driver, failure, LOST, SUCCESS } from '../../support/kernel-driver.ts';
import { problemsOf } from '../../support/kernel-oracle.ts';

function start(graph: string, options: RunOptions = {}): Driver {
  return new Driver(registration(graphChange(graph, options), options)).settle();
}

function added(id: string, dependencies: readonly string[] = [], more: Partial<NodeSpec> = {}): NodeSpec {
  return { id, task: { executor: COMMAND }, dependencies, ...more };
}

describe('an attempt', () => {
  test('begins with its offer, runs from its claim, and ends once', () => {
    const driver = start('a');
    const fence = driver.fenceOf(driver.offer() ?? 'a');
    expect(states(driver.run)).toBe('a=PENDING');
    driver.advance(500).claim('a', 'slot-1');
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'RUNNING', worker: 'w1', startedAt: driver.wall });
    driver.end('a');
    driver.take({ type: 'Ended', node: 'a', fence, outcome: failure() });
    expect(states(driver.run)).toBe('a=SUCCESS');
  });

  test('whose outcome comes under an older fence does not count', () => {
    const driver = start('a', { every: { executor: COMMAND, ...retries(1) } });
    const old = driver.fenceOf(driver.offer() ?? 'a');
    driver.claim('a').end('a', LOST).offer();
    driver.claim('a').take({ type: 'Ended', node: 'a', fence: old, outcome: SUCCESS });
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'RUNNING', attempts: 2 });
  });

  test('that was taken back leaves no trace, and the same number is offered again', () => {
    const driver = start('a');
    driver.offer();
    driver.withdraw('a');
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'PENDING', attempts: 0, worker: null, current: null });
    expect(driver.offer()?.attempts).toBe(1);
  });

  test('that is claimed cannot be taken back', () => {
    const driver = start('a');
    driver.offer();
    driver.claim('a').withdraw('a');
    expect(states(driver.run)).toBe('a=RUNNING');
    expect(problemsOf(driver.run)).toEqual([]);
  });

  test('times out from its claim, counted from when the slot took it', () => {
    const driver = start('a', { every: { executor: COMMAND, timeoutSeconds: 10 } });
    driver.offer();
    driver.advance(60_000);
    driver.take({ type: 'Claimed', node: 'a', fence: driver.fenceOf('a'), slot: 's', since: driver.wall - 4000 });
    expect(msUntilDue(driver.run, driver.now)).toBe(6000);
    driver.advance(5999);
    expect(desiredLeases(driver.run)[0]?.want).toBe('Stand');
    driver.advance(1);
    expect(desiredLeases(driver.run)[0]).toMatchObject({ want: 'Stop', reason: 'Timeout' });
    expect(msUntilDue(driver.run, driver.now)).toBeUndefined();
    driver.enforce();
    expect(nodeOf(driver.run, 'a')).toMatchObject({
      state: 'FAILED',
      error: { type: 'Timeout', message: 'did not end within 10 s' },
    });
  });

  test('that is claimed in the future, by a wall clock that jumped, has its whole time', () => {
    const driver = start('a', { every: { executor: COMMAND, timeoutSeconds: 10 } });
    driver.offer();
    driver.take({ type: 'Claimed', node: 'a', fence: driver.fenceOf('a'), slot: 's', since: driver.wall + 3_600_000 });
    expect(msUntilDue(driver.run, driver.now)).toBe(10_000);
  });

  test('that ends well just before its timeout strikes has ended well', () => {
    const driver = start('a', { every: { executor: COMMAND, timeoutSeconds: 1 } });
    driver.offer();
    driver.claim('a').advance(1000);
    expect(nodeOf(driver.run, 'a').current?.stopping).toBe('Timeout');
    expect(states(driver.end('a').run)).toBe('a=SUCCESS');
  });

  test('that is lost while it is stopped was stopped', () => {
    const driver = start('a', { every: { executor: COMMAND, timeoutSeconds: 1 } });
    driver.offer();
    driver.claim('a').advance(1000).end('a', LOST);
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'FAILED', losses: 0, error: { type: 'Timeout' } });
  });

  test('that is ended because its slot died is a loss', () => {
    const driver = start('a');
    driver.offer();
    driver.claim('a').take({ type: 'Stopping', node: 'a', fence: driver.fenceOf('a'), reason: 'Lost' });
    driver.end('a', { result: 'Stopped', reason: 'Lost' });
    expect(nodeOf(driver.run, 'a')).toMatchObject({ state: 'RETRYING', losses: 1 });
  });
});

describe('suspend', () => {
  test('starts nothing new, takes unclaimed offers back, lets what runs go on, and retries become ready', () => {
    const driver = start('a, b, c', { every: { executor: COMMAND, ...retries(1, { intervalSeconds: 1 }) } });
    for (let node = driver.offer(); node !== null; node = driver.offer());
    driver.claim('a').claim('b').end('b', failure()).take({ type: 'Suspended' }).enforce();
    expect(driver.advance(1000).offer()).toBeNull();
    expect(states(driver.end('a').run)).toBe('a=SUCCESS b=RETRYING c=PENDING');
    expect(msUntilDue(driver.run, driver.now)).toBeUndefined();
    driver.take({ type: 'Resumed' });
    expect(new Set([driver.offer()?.id, driver.offer()?.id])).toEqual(new Set(['b', 'c']));
  });

  test('does not keep nodes that can never run from being skipped', () => {
    const driver = start('a -> b');
    driver.offer();
    driver.take({ type: 'Suspended' }).end('a', failure());
    expect(states(driver.run)).toBe('a=FAILED b=SKIPPED');
    expect(driver.run.end?.phase).toBe('Failed');
  });

  test('said twice is said once', () => {
    const driver = start('a').take({ type: 'Suspended' });
    const since = driver.run.suspendedAt;
    driver.advance(1000).take({ type: 'Suspended' });
    expect(driver.run.suspendedAt).toBe(since);
  });
});

describe('cancel', () => {
  test('stops what runs, drops the rest, and ends when all of it is gone', () => {
    const driver = start('a -> b, c', { every: { executor: COMMAND, ...retries(3) } });
    driver.offer();
    driver.claim('a').take({ type: 'CancelRequested' }).settle();
    expect(states(driver.run)).toBe('a=RUNNING b=CANCELLED c=CANCELLED');
    expect(driver.run.end).toBeNull();
    driver.end('a', { result: 'Stopped', reason: 'Cancelled' });
    expect(driver.run.end).toMatchObject({ phase: 'Cancelled', reason: 'Cancelled' });
    expect(nodeOf(driver.run, 'a').error?.type).toBe('Cancelled');
  });

  test('before the end makes the run Cancelled though all of it ended well, after the end it is too late', () => {
    const driver = start('a');
    driver.offer();
    driver.claim('a').take({ type: 'CancelRequested' }).settle().end('a');
    expect([states(driver.run), driver.run.end?.phase]).toEqual(['a=SUCCESS', 'Cancelled']);
    const late = start('a').finish().take({ type: 'CancelRequested' });
    expect([late.run.end?.phase, late.run.isCancelRequested]).toEqual(['Succeeded', false]);
  });

  test('tries nothing again and loses no more', () => {
    const driver = start('a, b', { every: { executor: COMMAND, ...retries(3) } });
    driver.offer();
    driver.offer();
    driver.claim('a').claim('b').take({ type: 'CancelRequested' }).settle().end('a', failure()).end('b', LOST);
    expect(states(driver.run)).toBe('a=FAILED b=CANCELLED');
  });
});

describe('restart', () => {
  const restart = (driver: Driver, node: string, nonce = '1'): Driver =>
    driver.take({ type: 'RestartRequested', node, nonce }).settle();

  test('stops running members first, and only members', () => {
    const driver = start('a -> b, c');
    driver.offer();
    driver.end('a');
    for (let node = driver.offer(); node !== null; node = driver.offer()) driver.claim(node);
    restart(driver, 'a');
    expect(desiredLeases(driver.run).map(({ node, want }) => `${node.id} ${want}`)).toEqual(['c Stand', 'b Stop']);
    expect(driver.run.rounds).toBe(0);
    driver.enforce();
    expect([driver.run.rounds, states(driver.run)]).toEqual([1, 'a=PENDING b=PENDING c=RUNNING']);
  });

  test('an input that was found right is looked at again: it may be another one', () => {
    const tasks = { a: { executor: COMMAND }, b: { executor: COMMAND, inputSchema: { type: 'object' } } };
    const driver = start('a -> b', { tasks });
    driver.offer();
    driver.end('a').take({ type: 'InputChecked', nodes: ['b'] });
    expect([driver.run.toCheck.size, driver.run.queue.has(nodeOf(driver.run, 'b'))]).toEqual([0, true]);
    restart(driver, 'a').offer();
    driver.end('a');
    expect([driver.run.toCheck.size, driver.run.queue.has(nodeOf(driver.run, 'b'))]).toEqual([1, false]);
  });

  test('lets time go on for everybody else while it waits', () => {
    const driver = start('a, b', { tasks: { a: { executor: COMMAND }, b: { executor: COMMAND, timeoutSeconds: 1 } } });
    driver.offer();
    driver.offer();
    driver.claim('a').claim('b');
    restart(driver, 'a').advance(1000);
    expect(nodeOf(driver.run, 'b').current?.stopping).toBe('Timeout');
    expect(msUntilDue(driver.run, driver.now)).toBeUndefined();
  });

  test('of one node while another restart waits: one after the other', () => {
    const driver = start('a, b').finish();
    driver.take(
      { type: 'RestartRequested', node: 'a', nonce: '1' },
      { type: 'RestartRequested', node: 'b', nonce: '2' },
    );
    driver.settle();
    expect([driver.run.rounds, states(driver.run)]).toEqual([2, 'a=PENDING b=PENDING']);
    expect(driver.finish().run.end?.phase).toBe('Succeeded');
  });

  test('a nonce is good once, also one that was refused', () => {
    const driver = restart(start('a').finish(), 'nobody');
    expect(driver.run.nonces.get('1')).toBe('no node "nobody"');
    restart(driver, 'a');
    expect([driver.run.rounds, driver.run.nonces.get('1')]).toEqual([0, 'no node "nobody"']);
    restart(driver, 'a', '2');
    restart(driver, 'a', '2');
    expect(driver.run.rounds).toBe(1);
  });

  test('of nobody leaves a run that has ended as it is', () => {
    const driver = start('a').finish();
    const { end } = driver.run;
    restart(driver, 'nobody');
    expect(driver.run.end).toBe(end);
    expect(decide(driver.run, driver.now)).toEqual([]);
  });

  test('of a run that is being cancelled is refused', () => {
    const driver = start('a')
      .take({ type: 'CancelRequested' }, { type: 'RestartRequested', node: 'a', nonce: '1' })
      .settle();
    expect(driver.run.nonces.get('1')).toBe('the run is cancelled');
    expect(driver.run.end?.phase).toBe('Cancelled');
  });

  test('gives new idempotency keys to what is reset, and to nothing else', () => {
    const driver = start('a -> b, c').finish();
    const keys = (): string[] =>
      [...driver.run.nodes.values()].map((node) => idempotencyKey(driver.run, node).split('/').slice(1).join('/'));
    expect(keys()).toEqual(['a/0', 'b/0', 'c/0']);
    restart(driver, 'b');
    expect(keys()).toEqual(['a/0', 'b/1', 'c/0']);
  });

  test('withdraws what members had made, with what others hung on it', () => {
    const driver = start('a -> b, c');
    driver.offer();
    driver.grow('a', { nodes: [added('x', ['a'])], edges: [{ from: 'x', to: 'b' }] });
    driver.grow('c', { nodes: [added('y', ['x'])] });
    driver.end('a').finish();
    expect(states(driver.run)).toBe('a=SUCCESS b=SUCCESS c=SUCCESS x=SUCCESS y=SUCCESS');
    restart(driver, 'a');
    expect(states(driver.run)).toBe('a=PENDING b=PENDING c=SUCCESS y=PENDING');
    expect(problemsOf(driver.run)).toEqual([]);
  });

  test('withdraws edges of members between nodes that stay, unless somebody else asked for them, too', () => {
    const driver = start('a, c, x, y, z');
    driver.offer();
    driver.grow('a', {
      edges: [
        { from: 'x', to: 'y' },
        { from: 'x', to: 'z' },
      ],
    });
    driver.grow('c', { edges: [{ from: 'x', to: 'z' }] });
    restart(driver, 'a').enforce();
    const before = (id: string): string[] => Array.from(nodeOf(driver.run, id).predecessors, (node) => node.id);
    expect([before('y'), before('z')]).toEqual([[], ['x']]);
    expect(problemsOf(driver.run)).toEqual([]);
  });
});

describe('a continuation', () => {
  test('stops running attempts, drops what waits, and leaves what has ended', () => {
    const options: RunOptions = {
      failurePolicy: 'FailFast',
      tasks: { s: { executor: { type: 'signal', name: 'go' } } },
    };
    const driver = start('a, b, c -> d, e, s', options);
    for (const id of ['a', 'b', 'c', 'e']) expect(driver.offer()?.id).toBe(id);
    driver.claim('a').claim('b').end('c').withdraw('e');
    driver.end('a', failure(), { handled: true, stop: ['a', 'b', 'c', 'd', 'e', 's', 'nobody'] });
    expect(states(driver.run)).toBe('a=FAILED b=RUNNING c=SUCCESS d=CANCELLED e=CANCELLED s=CANCELLED');
    expect(desiredLeases(driver.run)).toMatchObject([{ node: { id: 'b' }, want: 'Stop', reason: 'Stopped' }]);
    driver.enforce();
    expect(nodeOf(driver.run, 'b')).toMatchObject({ state: 'CANCELLED', error: { type: 'Stopped' } });
    expect(driver.run.end?.phase).toBe('Succeeded');
  });

  const late: readonly (readonly [string, Parameters<Driver['end']>[1], string])[] = [
    ['failed by itself', failure(), 'CANCELLED'],
    ['is lost', LOST, 'CANCELLED'],
    ['ended well', SUCCESS, 'SUCCESS'],
  ];
  test.each(late)(
    'a stopped attempt that %s in that moment is neither tried again nor a failure',
    (_name, outcome, state) => {
      const driver = start('a, b', { every: { executor: COMMAND, ...retries(5) } });
      driver.offer();
      driver.offer();
      driver
        .claim('b')
        .end('a', SUCCESS, { stop: ['b'] })
        .end('b', outcome);
      expect(nodeOf(driver.run, 'b').state).toBe(state);
      expect(driver.run.end?.phase).toBe('Succeeded');
    },
  );

  test('an offer that it stops and that is taken back is not offered again', () => {
    const driver = start('a, b');
    driver.offer();
    driver.offer();
    driver
      .end('a', SUCCESS, { stop: ['b'] })
      .withdraw('b')
      .settle();
    expect(nodeOf(driver.run, 'b')).toMatchObject({ state: 'CANCELLED', endedBecause: 'Stopped' });
  });

  test('a failure that it dealt with does not come back with a restart, though the run was failing', () => {
    const driver = start('a, b', { every: { executor: COMMAND, ...retries(5) }, tasks: { a: { executor: COMMAND } } });
    driver.offer();
    driver.offer();
    driver.end('a', failure()).end('b', failure(), { handled: true });
    driver.take({ type: 'RestartRequested', node: 'a', nonce: '1' }).settle();
    expect(states(driver.run)).toBe('a=PENDING b=FAILED');
  });

  test('its output is the output, null included', () => {
    const driver = start('a');
    driver.offer();
    expect(nodeOf(driver.end('a', SUCCESS, { output: null }).run, 'a').output).toBeNull();
  });

  test('knows whether a failure is the last', () => {
    const driver = start('a', { every: { executor: COMMAND, ...retries(1) } });
    const error = { type: 'TaskFailed', message: '' };
    expect(retryRuleFor(driver.run, nodeOf(driver.run, 'a'), error)).toBe(0);
    driver.work(() => failure());
    expect(retryRuleFor(driver.run, nodeOf(driver.run, 'a'), error)).toBe(-1);
  });
});

describe('growth', () => {
  test('an edge to a node that stands in the queue takes it out again', () => {
    const driver = start('a, b');
    driver.offer();
    expect(driver.grow('a', { edges: [{ from: 'a', to: 'b' }] })).toBeNull();
    expect(driver.offer()).toBeNull();
    driver.end('a');
    expect(driver.offer()?.id).toBe('b');
  });

  test('an edge to a node that was to be skipped gives it hope, and its skip is forgotten', () => {
    const driver = start('a -> b, c', {
      failurePolicy: 'Continue',
      tasks: { b: { executor: COMMAND, trigger: 'AnySuccess' } },
    });
    driver.offer();
    driver.take({ type: 'Ended', node: 'a', fence: driver.fenceOf('a'), outcome: failure() });
    expect(driver.run.toSkip.first?.id).toBe('b');
    driver.grow('c', { edges: [{ from: 'c', to: 'b' }] });
    driver.finish();
    expect(nodeOf(driver.run, 'b')).toMatchObject({ state: 'SUCCESS', endedBecause: null });
  });

  const refused: readonly (readonly [string, GraphChange, string])[] = [
    [
      'a cycle',
      {
        edges: [
          { from: 'b', to: 'q' },
          { from: 'q', to: 'p' },
          { from: 'p', to: 'b' },
        ],
      },
      'cycle: p -> b -> q -> p',
    ],
    [
      'a cycle through a new node',
      { nodes: [added('n', ['b'])], edges: [{ from: 'n', to: 'b' }] },
      'cycle: n -> b -> n',
    ],
    ['a node after itself', { nodes: [added('n', ['n'])] }, 'cycle: n -> n'],
    ['a second node of a name', { nodes: [added('p', ['q'])] }, 'node "p": is there already, with other words'],
    ['two of a name at once', { nodes: [added('n'), added('n', ['p'])] }, 'node "n": is named twice, with other words'],
    ['an edge to what has started', { edges: [{ from: 'p', to: 'a' }] }, 'edge "p" -> "a": "a" has started'],
    ['an edge from nobody', { edges: [{ from: 'who', to: 'p' }] }, 'edge "who" -> "p": no node "who"'],
    ['a dependency on nobody', { nodes: [added('n', ['who'])] }, 'node "n": no node "who" to depend on'],
    ['an unknown template', { nodes: [added('n', [], { task: 'M' })] }, 'node "n": no template "M"'],
    [
      'an inherited template',
      { nodes: [added('n', [], { task: 'constructor' })] },
      'node "n": no template "constructor"',
    ],
    [
      'a condition that cannot be read',
      { nodes: [added('n', [], { task: { executor: COMMAND, when: '1 =' } })] },
      'node "n": when: expression: expected the end or an operator at 3, found "="',
    ],
    [
      'a path that cannot be read',
      { nodes: [added('n', [], { task: { executor: COMMAND, with: { deep: [{ x: '$.a b' }] } } })] },
      'node "n": with: path "$.a b": unexpected " b" at 4',
    ],
  ];
  test.each(refused)('%s is refused whole', (_name, change, problem) => {
    const driver = start('a -> b, p, q', { templates: {} });
    driver.offer();
    expect(checkChange(driver.run, change, 'a')).toEqual({ message: problem });
    const whole = { ...change, nodes: [added('innocent'), ...(change.nodes ?? [])] };
    driver.take({ type: 'GraphChanged', by: 'a', change: whole });
    expect(driver.run.nodes.has('innocent')).toBe(false);
    expect(driver.run.growth).toEqual([]);
  });

  test('data without end is refused, not followed', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200_000; level += 1) deep = [deep];
    const task = { executor: COMMAND, with: { deep: deep as string } };
    expect(checkChange(start('a').run, { nodes: [{ id: 'n', task }] }, 'a')?.message).toContain('at most 100 levels');
  });

  test('said again in the same words it changes nothing', () => {
    const change: GraphChange = { nodes: [added('n', ['a'])], edges: [{ from: 'n', to: 'b' }] };
    const driver = start('a -> b');
    driver.offer();
    expect([driver.grow('a', change), driver.grow('a', change)]).toEqual([null, null]);
    driver.end('a').finish();
    expect(driver.run.nodes.size).toBe(3);
    expect(nodeOf(driver.run, 'b').predecessors.size).toBe(2);
  });

  test('nothing is added to a run that has ended', () => {
    const driver = start('a').finish();
    expect(driver.grow('a', { nodes: [added('n')] })).toBe('the run has ended');
    expect(driver.run.nodes.size).toBe(1);
  });

  test('a node from a template carries its name', () => {
    const driver = start('a', { templates: { M: { executor: COMMAND, timeoutSeconds: 9 } } });
    driver.grow('a', { nodes: [added('n', [], { task: 'M' })] });
    expect(nodeOf(driver.run, 'n')).toMatchObject({ createdBy: 'a', task: { task: 'M', timeoutSeconds: 9 } });
  });

  test('after the failure of the run it is skipped at once', () => {
    const driver = start('a, b');
    driver.offer();
    driver.offer();
    driver
      .claim('b')
      .end('a', failure())
      .grow('b', { nodes: [added('n')] });
    expect(states(driver.run)).toBe('a=FAILED b=RUNNING n=SKIPPED');
  });
});

describe('input', () => {
  test('is filled from the run and the outputs of others; without `with` it is that of the run', () => {
    const options: RunOptions = {
      input: { list: [1, 2] },
      tasks: {
        b: {
          executor: COMMAND,
          with: {
            n: '$.input.list[1]',
            out: ['$.tasks.a.output.ok', '$.tasks.nobody.output'],
            text: 'a $.b',
            e: '$.tasks.a.error',
          },
        },
      },
    };
    const driver = start('a -> b', options);
    expect(inputOf(driver.run, nodeOf(driver.run, 'a'))).toBeUndefined();
    driver.work();
    expect(inputOf(driver.run, nodeOf(driver.run, 'b'))).toEqual({ n: 2, out: [true, null], text: 'a $.b', e: null });
  });
});

test('a condition that was found false stays false in a snapshot, whatever came since', () => {
  const driver = start('a -> b, x', { tasks: { b: { executor: COMMAND, when: '$.tasks.x.state == "SUCCESS"' } } });
  driver.offer();
  driver.offer();
  for (const node of ['a', 'x']) driver.take({ type: 'Ended', node, fence: driver.fenceOf(node), outcome: SUCCESS });
  const thawed = thaw(JSON.parse(JSON.stringify(freeze(driver.run))) as JsonObject);
  expect([driver.run.toSkip.first?.id, thawed?.toSkip.first?.id]).toEqual(['b', 'b']);
});

test('a snapshot of another format is none', () => {
  expect(thaw({ format: 2 })).toBeNull();
  expect(thaw({})).toBeNull();
});
