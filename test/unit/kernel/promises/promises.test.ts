// Promises, one situation a test: what is refused and how the run ends then, what binds whom, and what must still come.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkChange, checkRegistration } from '../../../../kernel/change.ts';
import { futures } from '../../../../kernel/futures.ts';
import type { JsonObject } from '../../../../kernel/json.ts';
import type { PromiseSpec } from '../../../../kernel/promises/promise.ts';
import { freeze, thaw } from '../../../../kernel/snapshot.ts';
import { summarize } from '../../../../kernel/status.ts';
import type { GraphChange, NodeSpec, TaskSpec } from '../../../../kernel/task.ts';
import { COMMAND, graphChange, nodeOf, registration, states } from '../../../support/graph-text.ts';
import { Driver } from '../../../support/kernel-driver.ts';

const SPEAKER: TaskSpec = { executor: { type: 'python', code: '' } };
const PLAIN: TaskSpec = { executor: COMMAND };
const TEMPLATES = { M: PLAIN, N: PLAIN, L: PLAIN, P: SPEAKER };

function registered(graph: string, promises: readonly PromiseSpec[], tasks: { [id: string]: TaskSpec } = {}) {
  const change = { ...graphChange(graph, { tasks: { A: SPEAKER, D: SPEAKER, ...tasks } }), promises };
  return registration(change, { templates: TEMPLATES });
}

/** A and D can change the graph; both run. */
function running(graph: string, ...promises: PromiseSpec[]): Driver {
  const made = registered(graph, promises);
  expect(checkRegistration(made)).toBeNull();
  const driver = new Driver(made).settle();
  while (driver.offer() !== null) continue;
  return driver.settle();
}

function node(id: string, task: TaskSpec | string, ...dependencies: string[]): NodeSpec {
  return { id, task, dependencies };
}

function edges(...list: string[]): { from: string; to: string }[] {
  return list.map((text) => ({ from: text.split(' ')[0] ?? '', to: text.split(' ')[1] ?? '' }));
}

/** One ghost a line: `M* next 1..1 by A`. */
function picture(driver: Driver): string[] {
  return futures(driver.run).ghosts.map(
    ({ label, kind, atLeast, atMost, by, isImpossible }) =>
      `${label} ${isImpossible === true ? 'impossible' : `${kind} ${atLeast}..${atMost ?? '*'} by ${by.join(' ')}`}`,
  );
}

describe('a change that would break a promise', () => {
  const broken: readonly (readonly [string, string, PromiseSpec, GraphChange, string])[] = [
    ['no new nodes', 'A -> B', { noNewNodes: true }, { nodes: [node('x', 'M')] }, 'node "x" may not be added'],
    [
      'no new edges, nor those of new nodes',
      'A -> B',
      { noNewEdges: true },
      { nodes: [node('x', 'M', 'A')] },
      'edge "A" -> "x" may not be added',
    ],
    [
      'no new looks',
      'A -> B',
      { noNewDisplay: true },
      { display: [{ node: 'B', display: { color: 'red' } }] },
      'no label or colour may be changed',
    ],
    [
      'only some nodes',
      'A -> B',
      { only: { nodes: [{ task: 'M' }, 'x-*'] } },
      { nodes: [node('y', 'N')] },
      'node "y" may not be added',
    ],
    [
      'only some edges',
      'A -> B',
      { only: { edges: [{ from: 'A' }] } },
      { nodes: [node('y', 'N', 'B')] },
      'edge "B" -> "y" may not be added',
    ],
    [
      'at most so many',
      'A -> B',
      { only: { atMost: 1 } },
      { nodes: [node('x', 'M'), node('y', 'M')] },
      '2 more nodes, expected at most 1 more',
    ],
    [
      'no edges from',
      'A -> B',
      { noEdges: { from: 'A' } },
      { nodes: [node('x', 'M', 'A')] },
      'edge "A" -> "x" may not be added',
    ],
    [
      'no edges to',
      'A -> B',
      { noEdges: { to: 'B' } },
      { nodes: [node('x', 'M')], edges: edges('x B') },
      'edge "x" -> "B" may not be added',
    ],
    [
      'a shape: a node without a place',
      'A -> B',
      { shape: 'A -> M* -> B' },
      { nodes: [node('x', 'N')] },
      'node "x" has no place in it',
    ],
    [
      'a shape: an edge that is missing',
      'A -> B',
      { shape: 'A -> M* -> B' },
      { nodes: [node('x', 'M', 'A')] },
      'node "x" must come with an edge to "B"',
    ],
    [
      'a shape: one too many',
      'A -> B',
      { shape: 'A -> M{0,1} -> B' },
      { nodes: [node('x', 'M', 'A'), node('y', 'M', 'A')], edges: edges('x B', 'y B') },
      'expected at most 1 of what is repeated',
    ],
    [
      'a part of the graph',
      'A -> B',
      { shape: 'M*', from: 'A', to: 'B' },
      { nodes: [node('x', 'N', 'A')], edges: edges('x B') },
      'node "x" has no place in it',
    ],
  ];
  test.each(broken)('%s', (_name, graph, promise, change, message) => {
    const driver = running(graph, promise);
    const refusal = checkChange(driver.run, change, 'A');
    expect(refusal?.message).toContain(message);
    expect(refusal?.promise).toBeDefined();
    // Whole: nothing of it is there, and asking changed nothing.
    expect([...driver.run.nodes.keys()]).toEqual(['A', 'B']);
    expect(checkChange(driver.run, { nodes: [] }, 'A')).toBeNull();
  });

  test('ends the run Failed: what runs is stopped, the rest never starts, and the promise is named', () => {
    const driver = running('A -> B, D, E', { noNewNodes: true });
    driver.take({ type: 'PromiseBroken', promise: '{noNewNodes: true}', by: 'A', reason: 'node "x" may not be added' });
    driver.settle().enforce();
    const { run } = driver;
    expect(run.end).toMatchObject({ phase: 'Failed', reason: 'PromiseBroken', error: { type: 'PromiseBroken' } });
    expect(run.end?.message).toBe(
      'promise {noNewNodes: true} broken: a change of task "A" was refused: node "x" may not be added',
    );
    expect(states(run)).toBe('A=CANCELLED B=SKIPPED D=CANCELLED E=CANCELLED');
    const held = (summarize(run, 1)['conditions'] as JsonObject[]).find(({ type }) => type === 'PromisesHeld');
    expect(held).toMatchObject({ status: 'False', reason: 'Broken' });
  });

  test('made by a continuation ends the run in the line of its outcome', () => {
    const driver = running('A -> B', { noNewNodes: true });
    driver.end('A', { result: 'Success' }, { broken: { promise: '{noNewNodes: true}', reason: 'no' } });
    expect(driver.run.end?.reason).toBe('PromiseBroken');
  });

  test('a restart after it starts anew, with all that was stopped', () => {
    const driver = running('A -> B, D', { noNewNodes: true });
    driver.take({ type: 'PromiseBroken', promise: 'p', by: 'A', reason: 'r' }).settle().enforce();
    driver.take({ type: 'RestartRequested', node: 'A', nonce: '1' }).settle();
    expect(states(driver.run)).toBe('A=PENDING B=PENDING D=PENDING');
    expect(driver.finish().run.end?.phase).toBe('Succeeded');
  });
});

test('what is new may look as it likes, though no look may change', () => {
  const driver = running('A -> B', { noNewDisplay: true });
  const look = { color: 'red' };
  const fresh = {
    nodes: [node('x', 'M')],
    edges: [{ from: 'x', to: 'B', display: look }],
    display: [{ node: 'x', display: look }],
  };
  expect(checkChange(driver.run, fresh, 'A')).toBeNull();
  expect(checkChange(driver.run, { edges: [{ from: 'A', to: 'B', display: look }] }, 'A')?.promise).toBeDefined();
});

describe('whom a promise binds', () => {
  test('those that `by` names, not those that they made', () => {
    const driver = running('A -> B, D', { noNewNodes: true, by: { node: 'A' } });
    expect(checkChange(driver.run, { nodes: [node('x', 'M')] }, 'A')?.promise).toBeDefined();
    expect(checkChange(driver.run, { nodes: [node('x', 'M')] }, 'D')).toBeNull();
  });

  test('bounds count all together, or each', () => {
    const both = running('A, D', { only: { atMost: 1 } });
    both.grow('A', { nodes: [node('x', 'M')] });
    expect(checkChange(both.run, { nodes: [node('y', 'M')] }, 'D')?.message).toContain('at most 0 more');
    const each = running('A, D', { only: { atMost: 1, each: true } });
    each.grow('A', { nodes: [node('x', 'M')] });
    expect(checkChange(each.run, { nodes: [node('y', 'M')] }, 'D')).toBeNull();
    expect(checkChange(each.run, { nodes: [node('y', 'M')] }, 'A')?.promise).toBeDefined();
  });

  test('what comes later: additions of the same change are free, a shape is not', () => {
    const driver = running('A, B');
    expect(checkChange(driver.run, { nodes: [node('x', 'M')], promises: [{ noNewNodes: true }] }, 'A')).toBeNull();
    const refusal = checkChange(driver.run, { nodes: [node('x', 'M')], promises: [{ shape: 'A & B' }] }, 'A');
    expect(refusal).toEqual({ message: 'promise {shape: "A & B"}: node "x" has no place in it' });
  });

  test('made at run time, it holds; withdrawn with a restart of its maker', () => {
    const driver = running('A -> B, D');
    driver.grow('A', { promises: [{ noNewNodes: true }] });
    expect(checkChange(driver.run, { nodes: [node('x', 'M')] }, 'D')?.promise).toBeDefined();
    driver.end('A').take({ type: 'RestartRequested', node: 'A', nonce: '1' }).settle();
    expect(checkChange(driver.run, { nodes: [node('x', 'M')] }, 'D')).toBeNull();
  });

  test('not what undoes a task', () => {
    const undo = { executor: COMMAND, compensate: PLAIN };
    const driver = new Driver(registered('U -> V', [{ noNewNodes: true }, { shape: 'U -> V' }], { U: undo })).settle();
    driver.finish(({ id }) =>
      id === 'V' ? { result: 'Failure', error: { type: 'TaskFailed', message: '' } } : { result: 'Success' },
    );
    expect(nodeOf(driver.run, 'compensate/U').state).toBe('SUCCESS');
    expect(driver.run.end?.reason).toBe('TaskFailed');
  });

  test('a task cannot call its node what undoes another, nor give a template another meaning', () => {
    const driver = running('A -> B');
    expect(checkChange(driver.run, { nodes: [node('compensate/B', 'M')] }, 'A')?.message).toContain(
      'expected no id that begins with',
    );
    expect(checkChange(driver.run, { nodes: [node('x', { ...SPEAKER, task: 'M' })] }, 'A')?.message).toContain(
      '"M" is a template',
    );
  });

  test('counts survive a snapshot', () => {
    const driver = running('A -> B', { only: { atMost: 1 } }, { shape: 'A -> M* -> B' });
    driver.grow('A', { nodes: [node('x', 'M', 'A')], edges: edges('x B') });
    const thawed = thaw(JSON.parse(JSON.stringify(freeze(driver.run))) as JsonObject);
    const change = { nodes: [node('y', 'M', 'A')], edges: edges('y B') };
    expect(thawed === null ? null : checkChange(thawed, change, 'A')).toEqual(checkChange(driver.run, change, 'A'));
  });
});

describe('what must still come', () => {
  test('fails the run as soon as its last possible creator has ended', () => {
    const driver = running('A -> B, D', { shape: 'M -> N', from: 'A', to: 'B' }, { noNewNodes: true, by: 'D' });
    expect(driver.run.brokenPromise).toBeNull();
    driver.end('A').enforce();
    expect(driver.run.end).toMatchObject({ reason: 'PromiseBroken' });
    expect(driver.run.end?.message).toContain('had to come, and nothing is left that could bring it');
  });

  test('fails it when what it must come before has started', () => {
    const driver = running('A, B', { shape: 'A & (M+ -> B | N)' });
    expect(driver.run.brokenPromise?.reason ?? driver.run.end?.message).toContain(
      '"M" had to come before "B", which has started',
    );
  });

  test('at least so many, in all and of each', () => {
    const all = running('A, D', { only: { nodes: [{ task: 'M' }], atLeast: 2 } });
    all.grow('A', { nodes: [node('x', 'M')] });
    all.end('A');
    expect(all.run.brokenPromise).toBeNull();
    all.end('D').enforce();
    expect(all.run.end?.message).toContain('1 added, expected at least 2');
    const each = running('A, D', { only: { atLeast: 1, each: true }, by: { node: 'A' } });
    each.end('D').end('A').enforce();
    expect(each.run.end?.message).toContain('"A" has ended and added 0, expected at least 1');
  });

  test('given up at once when the makers that there is room for cannot make so many', () => {
    const made = { only: { nodes: [{ task: 'M' }], atMost: 4, each: true as const }, by: { task: 'P' } };
    const judged = (atLeast: number): boolean => {
      const makers: PromiseSpec = { only: { nodes: [{ task: 'M' }, { task: 'P' }], atMost: 3 }, by: 'A' };
      return running('A', makers, made, { only: { atLeast }, by: { task: 'P' } }).run.brokenPromise !== null;
    };
    expect([judged(12), judged(13)]).toEqual([false, true]);
  });
});

describe('the picture', () => {
  test('wildcard, copies, alternatives, and nothing once nobody can create', () => {
    expect(picture(running('A -> B'))).toEqual(['anything wildcard 0..* by A ?*']);
    expect(picture(running('A -> B', { noNewNodes: true }))).toEqual([]);
    const map = running('A -> B', { shape: 'A -> M* -> B' });
    expect(picture(map)).toEqual(['M many 0..* by A']);
    map.end('A');
    expect(picture(map)).toEqual([]);
    const branch = running('A -> B', { shape: 'A -> (M | N -> L) -> B' });
    expect(picture(branch)).toEqual(['M oneOf 0..1 by A', 'N oneOf 0..1 by A', 'L oneOf 0..1 by A']);
    branch.grow('A', { nodes: [node('n', 'N', 'A')], edges: edges('n B') });
    expect(picture(branch)).toEqual(['L next 1..1 by A', 'M impossible']);
    const other = { nodes: [node('m', 'M', 'A')], edges: edges('m B') };
    expect(checkChange(branch.run, other, 'A')?.message).toBe('node "m": another alternative is taken, by "n"');
  });

  test('what a ghost could create is a ghost, too, within what is left', () => {
    const driver = running(
      'A',
      { only: { nodes: [{ task: 'P' }], atMost: 1 }, by: 'A' },
      { only: { nodes: [{ task: 'N' }], atMost: 3 }, by: { task: 'P' } },
    );
    expect(picture(driver)).toEqual(['P next 0..1 by A', 'N many 0..3 by ?P']);
  });

  test('one bound that pays for makers and for what they make, and bounds that overlap', () => {
    const makers: PromiseSpec = { only: { nodes: [{ task: 'M' }, { task: 'P' }], atMost: 3 }, by: 'A' };
    const made: PromiseSpec = { only: { nodes: [{ task: 'M' }], atMost: 4, each: true }, by: { task: 'P' } };
    expect(picture(running('A', makers, made))).toEqual(['M many 0..12 by A ?P', 'P many 0..3 by A']);
    // Each creator is bound by two of the three, so one node is all that can come.
    const ring = ['*a*', '*b*', '*c*'].map((by): PromiseSpec => ({ only: { nodes: [{ task: 'M' }], atMost: 1 }, by }));
    const tasks = { ab: SPEAKER, bc: SPEAKER, ca: SPEAKER };
    expect(picture(new Driver(registered('ab, bc, ca', ring, tasks)).settle())).toEqual(['M next 0..1 by ab bc ca']);
  });

  test('of alternatives one comes, and what it makes', () => {
    const shape: PromiseSpec = { shape: 'A -> (P* | N) -> M* -> B' };
    const rules: PromiseSpec[] = [
      { only: { nodes: [{ task: 'P' }, { task: 'N' }], atMost: 2 }, by: 'A' },
      { only: { nodes: [{ task: 'M' }], atMost: 3, each: true }, by: { task: 'P' } },
    ];
    expect(picture(running('A -> B', shape, ...rules))).toEqual([
      'N oneOf 0..1 by A',
      'P oneOf 0..2 by A',
      'M many 0..6 by ?P',
    ]);
  });

  test('who could make a ghost is told, though the longest way to it leaves no room for more', () => {
    const driver = new Driver(
      registration(
        {
          ...graphChange('A -> B', { tasks: { A: SPEAKER } }),
          promises: [{ shape: 'A -> (P | Q){0,3} -> M{0,3} -> B' }, { only: { atMost: 2 } }],
        },
        { templates: { M: PLAIN, P: SPEAKER, Q: SPEAKER } },
      ),
    ).settle();
    expect(picture(driver).map((line) => line.split(' by ')[1]?.split(' ').sort().join(' '))).toEqual([
      '?P ?Q A',
      '?P ?Q A',
      '?P ?Q A',
    ]);
  });

  test('many that may all create one another are counted at once', () => {
    const bounds = (names: readonly string[], ...promises: PromiseSpec[]): Set<number | null> => {
      const change = { ...graphChange('A', { tasks: { A: SPEAKER } }), promises };
      const templates = Object.fromEntries(names.map((name) => [name, SPEAKER]));
      const driver = new Driver(registration(change, { templates })).settle();
      driver.offer();
      const { ghosts } = futures(driver.run);
      expect(ghosts.map(({ task }) => task)).toEqual(names);
      return new Set(ghosts.map(({ atMost }) => atMost));
    };
    const named = (length: number): string[] => Array.from({ length }, (_, index) => `P${index}`);
    const names = named(14);
    const nodes = names.map((task) => ({ task }));
    const first: PromiseSpec = { only: { nodes, atMost: 2 }, by: 'A' };
    const each = names.map((task): PromiseSpec => ({ only: { nodes, atMost: 1, each: true }, by: { task } }));
    expect(bounds(names, first, ...each)).toEqual(new Set([null]));
    expect(bounds(names, first, ...each, { only: { atMost: 7 } })).toEqual(new Set([7]));
    // Two by A, or each at the end of a chain that begins with one.
    const last: PromiseSpec = { noNewNodes: true, by: { task: 'P0' } };
    expect(bounds(names, first, last, ...each.slice(1))).toEqual(new Set([2, null]));
    for (const length of [40, 80]) {
      const many: PromiseSpec = { only: { nodes: named(length).map((task) => ({ task })), atMost: 10 } };
      expect(bounds(named(length), many)).toEqual(new Set([10]));
      expect(bounds(named(length), many, { only: { atMost: 1, each: true } })).toEqual(new Set([10]));
    }
  });

  test('a run of plain commands has no ghosts', () => {
    const driver = new Driver(registration(graphChange('x -> y'))).settle();
    expect(futures(driver.run)).toEqual({ ghosts: [], edges: [], between: [] });
  });
});

test('no type of node or edge in the kernel stands for branch, map, join or loop', () => {
  for (const file of ['task.ts', 'node.ts', 'events.ts', 'run.ts', 'ghost.ts']) {
    const text = readFileSync(new URL(`../../../../kernel/${file}`, import.meta.url), 'utf8');
    const code = text.replaceAll(/\/\/.*|\/\*[^]*?\*\//g, '');
    const literals = code.match(/'[^']*'|"[^"]*"/g) ?? [];
    expect(
      literals.filter((literal) => /branch|\bmap\b|join|loop|parallel|choice/i.test(literal)),
      file,
    ).toEqual([]);
    expect(code.match(/\b(?:Branch|MapNode|Join|Loop|Choice)\w*\b/g) ?? [], file).toEqual([]);
  }
});
