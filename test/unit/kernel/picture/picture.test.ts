// What a picture says about each node and edge of a run, and about what may still come.

import { describe, expect, test } from 'vitest';
import { pictureOf } from '../../../../kernel/picture/picture.ts';
import type { TaskSpec } from '../../../../kernel/task.ts';
import { COMMAND, nodeOf, type RunOptions, runOf } from '../../../support/graph-text.ts';
import { edgeLooks, ghost, ghostEdges, looks, NO_FUTURES } from '../../../support/pictures.ts';

function looksOf(text: string, options?: RunOptions): string {
  return looks(pictureOf(runOf(text, options), NO_FUTURES));
}

describe('before anything ran', () => {
  interface Row {
    readonly name: string;
    readonly graph: string;
    readonly options?: RunOptions;
    readonly found: string;
  }
  const task = (more: Partial<TaskSpec>): Partial<TaskSpec> => ({ executor: COMMAND, ...more });
  const rows: readonly Row[] = [
    { name: 'plain tasks are certain', graph: 'a -> b', found: 'a=certain b=certain' },
    {
      name: 'a task with a condition on what is not known yet is possible, and so is what needs it',
      graph: 'a -> b -> c',
      options: { tasks: { b: task({ when: '$.tasks.a.output.ok == true' }) } },
      found: 'a=certain b=possible c=possible',
    },
    {
      name: 'a condition on the input is looked at now',
      graph: 'a -> b, a -> c -> d',
      options: { input: { big: true }, tasks: { b: task({ when: '$.input.big' }), c: task({ when: '!$.input.big' }) } },
      found: 'a=certain b=certain c=impossible d=impossible',
    },
    {
      name: 'what waits for all to be done does not mind that one is skipped',
      graph: 'a & b -> c',
      options: { tasks: { a: task({ when: '$.input.none' }), c: task({ trigger: 'AllDone' }) } },
      found: 'a=impossible b=certain c=certain',
    },
    {
      name: 'what waits for any success is as likely as the likeliest',
      graph: 'x -> a -> c, b -> c',
      options: { tasks: { a: task({ when: '$.tasks.x.output' }), c: task({ trigger: 'AnySuccess' }) } },
      found: 'x=certain a=possible c=certain b=certain',
    },
    {
      name: 'what waits for a failure is possible where a run goes on after one',
      graph: 'a -> b',
      options: { failurePolicy: 'Continue', tasks: { b: task({ trigger: 'AnyFailed' }) } },
      found: 'a=certain b=possible',
    },
    {
      name: 'what waits for a failure is impossible where a failure ends the run',
      graph: 'a -> b',
      options: { tasks: { b: task({ trigger: 'AnyFailed' }) } },
      found: 'a=certain b=impossible',
    },
  ];
  test.each(rows)('$name', ({ graph, options, found }) => expect(looksOf(graph, options)).toBe(found));
});

test('a ghost is a node without a state, and says its kind and its bounds', () => {
  const futures = {
    ghosts: [
      ghost('M', 'many', { atLeast: 1, atMost: 5, by: ['a'] }),
      ghost('N', 'oneOf', { group: 'g', isImpossible: true }),
    ],
    edges: [...ghostEdges('a -> M -> b'), ...ghostEdges('a -> N')],
  };
  const picture = pictureOf(runOf('a -> b'), futures);
  expect(looks(picture)).toBe('a=certain b=certain M=certain N=impossible');
  expect(edgeLooks(picture)).toBe('a->b:made a->M:certain M->b:certain a->N:impossible');
  expect(picture.nodes[0]).toMatchObject({ id: 'a', task: null, state: 'PENDING', ghost: null });
  expect(picture.nodes[2]).toMatchObject({ state: null, ghost: { kind: 'many', atLeast: 1, atMost: 5, by: ['a'] } });
  expect(picture.edges[1]?.ghost).toEqual({ kind: 'many', atLeast: 1, atMost: 5, isRequired: true });
});

test('a node with an id that was made up is called after its template, too', () => {
  const run = runOf('plan -> plan/0.1 & own & plan/x', {
    tasks: { 'plan/0.1': { task: 'tea' }, own: { task: 'tea' } },
  });
  for (const id of ['plan/0.1', 'own', 'plan/x']) Object.assign(nodeOf(run, id), { createdBy: 'plan' });
  const { nodes } = pictureOf(run, NO_FUTURES);
  expect(nodes.map(({ label }) => label)).toEqual(['plan', 'tea (plan/0.1)', 'own', 'plan/x']);
});

test('what registration and later changes say of looks is shown, the last word of each', () => {
  const run = runOf('a -> b', { tasks: { a: { executor: COMMAND, display: { label: 'first', color: 'red' } } } });
  run.dress.take({
    display: [
      { node: 'a', display: { color: 'blue' } },
      { edge: { from: 'a', to: 'b' }, display: { label: 'then' } },
    ],
  });
  const { nodes, edges } = pictureOf(run, NO_FUTURES);
  expect(nodes[0]).toMatchObject({ label: 'first', color: 'blue' });
  expect(edges[0]).toMatchObject({ label: 'then' });
  expect(nodeOf(run, 'b').id).toBe(nodes[1]?.label);
});
