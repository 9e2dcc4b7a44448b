// Changes that tasks ask for: admitted by the rules of manifests, in the kernel's form.

import { describe, expect, test } from 'vitest';
import type { Json } from '../../../kernel/json.ts';
import { admitChange, type Asker } from '../../../manifests/growth.ts';

const M = { executor: { type: 'command', command: 'm' } } as const;
const asker: Asker = { node: 'A', round: 1, named: 2, templates: { M } };

const TAKEN: readonly { name: string; params: Json; change: unknown; named?: number }[] = [
  { name: 'nothing', params: {}, change: {} },
  { name: 'lists that are null', params: { nodes: null, edges: null, promises: null, display: null }, change: {} },
  {
    name: 'a template, by its name alone',
    params: { nodes: [{ id: 'm', task: 'M', dependencies: ['A', 'A'] }] },
    change: { nodes: [{ id: 'm', task: 'M', dependencies: ['A'] }] },
  },
  {
    name: 'ids that are left out, made of creator, round and position',
    params: { nodes: [{ task: 'M' }, { id: 'm', task: 'M' }, { task: 'M', before: ['B', 'C'] }] },
    change: {
      nodes: [
        { id: 'A/1.3', task: 'M' },
        { id: 'm', task: 'M' },
        { id: 'A/1.4', task: 'M' },
      ],
      edges: [
        { from: 'A/1.4', to: 'B' },
        { from: 'A/1.4', to: 'C' },
      ],
    },
    named: 4,
  },
  {
    name: 'a copy with data and looks of its own; what looks like a path in its input is none',
    params: { nodes: [{ id: 'm', task: 'M', input: { p: '$.input' }, maxRetries: 2, display: { color: 'red' } }] },
    change: {
      nodes: [
        {
          id: 'm',
          task: 'M',
          own: { input: { p: '$.input' }, retry: [{ maxAttempts: 2 }], display: { color: 'red' } },
        },
      ],
    },
  },
  {
    name: 'a definition of its own, as in a manifest',
    params: {
      nodes: [
        { id: 'own', command: 'x', with: { a: '$.tasks.A.output' }, trigger: 'AllDone', compensate: { command: 'y' } },
      ],
    },
    change: {
      nodes: [
        {
          id: 'own',
          task: {
            executor: { type: 'command', command: 'x' },
            with: { a: '$.tasks.A.output' },
            trigger: 'AllDone',
            compensate: { executor: { type: 'command', command: 'y' } },
          },
        },
      ],
    },
  },
  {
    name: 'edges, promises and looks',
    params: {
      edges: [{ from: 'A', to: 'B', display: { label: 'then' } }],
      promises: [{ shape: { shape: 'M*', from: 'A', to: 'B' } }],
      display: [
        { node: 'A', display: { color: '#00ff00' } },
        { edge: { from: 'A', to: 'B' }, display: { label: 'so' } },
      ],
    },
    change: {
      edges: [{ from: 'A', to: 'B', display: { label: 'then' } }],
      promises: [{ shape: 'M*', from: 'A', to: 'B' }],
      display: [
        { node: 'A', display: { color: '#00ff00' } },
        { edge: { from: 'A', to: 'B' }, display: { label: 'so' } },
      ],
    },
  },
];

const REFUSED: readonly { name: string; params: Json; words: string }[] = [
  { name: 'a text', params: 'x', words: ': expected a mapping, found the text "x"' },
  { name: 'a field that there is not', params: { node: [] }, words: 'node: unknown field; did you mean "nodes"?' },
  { name: 'a node that is none', params: { nodes: ['M'] }, words: 'nodes[0]: expected a mapping, found the text "M"' },
  {
    name: 'a node that does nothing',
    params: { nodes: [{ id: 'x' }] },
    words: 'signal, task, found none',
  },
  {
    name: 'an id with blanks at its ends',
    params: { nodes: [{ id: ' x', task: 'M' }] },
    words: 'nodes[0].id: expected',
  },
  {
    name: 'a Task of the store',
    params: { nodes: [{ taskRef: 'stored' }] },
    words: 'nodes[0].taskRef: unknown field',
  },
  {
    name: 'a template that there is not',
    params: { nodes: [{ task: 'm' }] },
    words: 'nodes[0].task: expected the name of a template, found "m", which is none; did you mean "M"?',
  },
  {
    name: 'a copy that speaks though its template does not',
    params: { nodes: [{ task: 'M', messages: true }] },
    words: 'nodes[0].messages: expected only without task: template "M" says it',
  },
  {
    name: 'input and with',
    params: { nodes: [{ task: 'M', input: 1, with: {} }] },
    words: 'nodes[0].with: expected input or with, found both',
  },
  {
    name: 'a compensation by a Task of the store',
    params: { nodes: [{ command: 'x', compensate: { taskRef: 'stored' } }] },
    words: 'nodes[0].compensate.taskRef: expected the name of a Task, found "stored", which is none',
  },
  {
    name: 'a path that leads nowhere',
    params: { nodes: [{ task: 'M', with: { a: '$.nowhere' } }] },
    words: 'nodes[0].with.a: expected a path below $.input or $.tasks.ID, found "$.nowhere"',
  },
  { name: 'a list', params: [], words: 'params: expected a mapping, found an empty list' },
  { name: 'an edge with one end', params: { edges: [{ from: 'A' }] }, words: 'edges[0].to: required, and not there' },
  {
    name: 'a promise with bounds that no number meets',
    params: { promises: [{ only: { nodes: [], atLeast: 2, atMost: 1 } }] },
    words: 'promises[0].only.atLeast: expected at most 1 (atMost), found 2',
  },
];

describe('a change that a task asks for', () => {
  test.each(TAKEN)('may be $name', ({ params, change, named = asker.named }) => {
    expect(admitChange(params, asker)).toEqual({ change, named });
  });

  test.each(REFUSED)('is not $name', ({ params, words }) => {
    const admitted = admitChange(params, asker);
    const problems = 'problems' in admitted ? admitted.problems : [];
    expect(problems.map(({ path, message }) => `${path}: ${message}`)[0]).toContain(words);
  });
});
