// Templates and promises of a workflow: what is refused and where, what is only odd, and what the kernel gets.

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../kernel/json.ts';
import type { Registration } from '../../../kernel/task.ts';
import { admitNow } from '../../../manifests/admit.ts';
import { compile, taskNamesOf } from '../../../manifests/compile.ts';
import { EXECUTOR_FIELDS } from '../../../manifests/executors.ts';
import { continuationOf } from '../../../manifests/states/continuation.ts';
import { admitted, problemsOf, workflow, wordsOf } from './help.ts';

const HEAD = `apiVersion: oarlock.dev/v1
kind: Workflow
metadata: {name: w}
spec:
  tasks:
    - {id: A, command: a}
    - {id: B, command: b, dependencies: [A]}
`;

const TEMPLATES = `  templates:
    - {id: M, command: m}
`;

const refused: readonly { name: string; text: string; words: string[] }[] = [
  {
    name: 'a template under the id of a task',
    text: '  templates:\n    - {id: A, command: m}\n',
    words: ['9:12 spec.templates[0].id: expected ids of templates and tasks to be different, found "A" as a task, too'],
  },
  {
    name: 'two templates of a name',
    text: '  templates:\n    - {id: M, command: m}\n    - {id: M, command: n}\n',
    words: ['10:12 spec.templates[1].id: expected ids to be different, found "M" again (first at index 0)'],
  },
  {
    name: 'a template with dependencies',
    text: '  templates:\n    - {id: M, command: m, dependencies: [A]}\n',
    words: ['9:27 spec.templates[0].dependencies: unknown field'],
  },
  {
    name: 'each template that is wrong, with its misspelt field',
    text: '  templates:\n    - {id: M, comand: m}\n    - {id: N}\n',
    words: [
      '9:15 spec.templates[0].comand: unknown field; did you mean "command"?',
      `10:7 spec.templates[1]: expected exactly one of ${[...EXECUTOR_FIELDS, 'taskRef'].join(', ')}, found none`,
    ],
  },
  {
    name: 'a promise that says nothing',
    text: `${TEMPLATES}  promises:\n    - {by: A}\n`,
    words: [
      '11:7 spec.promises[0]: expected exactly one of noNewNodes, noNewEdges, noNewDisplay, only, noEdges, shape, found none',
    ],
  },
  {
    name: 'a promise with a slip in its name',
    text: `${TEMPLATES}  promises:\n    - {noNewNodez: true}\n`,
    words: [
      '11:7 spec.promises[0]: expected exactly one of noNewNodes, noNewEdges, noNewDisplay, only, noEdges, shape, found none; did you mean "noNewNodes"?',
    ],
  },
  {
    name: 'a promise that says two things',
    text: '  promises:\n    - {noNewNodes: true, shape: A -> B}\n',
    words: [
      '9:7 spec.promises[0]: expected exactly one of noNewNodes, noNewEdges, noNewDisplay, only, noEdges, shape, found noNewNodes and shape',
    ],
  },
  {
    name: 'a promise not to promise',
    text: '  promises:\n    - {noNewNodes: false}\n',
    words: ['9:20 spec.promises[0].noNewNodes: expected "true", found false'],
  },
  {
    name: 'bounds that nothing is between',
    text: `${TEMPLATES}  promises:\n    - only: {nodes: [{task: M}], atLeast: 3, atMost: 2}\n`,
    words: ['11:43 spec.promises[0].only.atLeast: expected at most 2 (atMost), found 3'],
  },
  {
    name: 'each without a bound',
    text: '  promises:\n    - only: {nodes: [], each: true}\n',
    words: ['9:25 spec.promises[0].only.each: expected atLeast or atMost beside it, found neither'],
  },
  {
    name: 'a selector that is none',
    text: '  promises:\n    - only: {nodes: [7]}\n',
    words: [
      '9:22 spec.promises[0].only.nodes[0]: expected the id of a node, {node: ID} or {task: NAME}, found the number 7',
    ],
  },
  {
    name: 'a part of a shape with one end',
    text: '  promises:\n    - {shape: A -> B, from: A}\n',
    words: ['9:7 spec.promises[0].to: required: a part lies between two nodes, and only one is there'],
  },
  {
    name: 'ends without a shape',
    text: '  promises:\n    - {noNewEdges: true, to: B}\n',
    words: ['9:26 spec.promises[0].to: expected only with shape; edges are named in noEdges and only.edges'],
  },
  {
    name: 'ends within and beside a shape',
    text: '  promises:\n    - {shape: {shape: M, from: A, to: B}, to: B}\n',
    words: ['9:43 spec.promises[0].to: expected it inside shape or beside it, found both'],
  },
  {
    name: 'a part between a node and itself',
    text: '  promises:\n    - shape: {shape: M*, from: A, to: A}\n',
    words: ['9:39 spec.promises[0].shape.to: expected another node than from, found "A" again'],
  },
  {
    name: 'a shape that is none',
    text: '  promises:\n    - shape: A -> (B\n',
    words: ['9:14 spec.promises[0].shape: shape "A -> (B": expected ")" at 8, found the end'],
  },
  {
    name: 'a shape of what is not there',
    text: '  promises:\n    - shape: A -> M* -> B\n',
    words: ['9:14 spec.promises[0].shape: shape "A -> M* -> B": no node and no template "M"'],
  },
  {
    name: 'a shape that the graph does not have',
    text: `${TEMPLATES}  promises:\n    - {noNewNodes: true}\n    - shape: B -> A\n`,
    words: ['12:7 spec.promises[1]: promise {shape: "B -> A"}: edge "A" -> "B" does not agree with it'],
  },
];

describe('what is refused, with its place', () => {
  test.each(refused)('$name', ({ text, words }) => {
    expect(wordsOf(problemsOf({ text: HEAD + text }))).toEqual(words);
  });
});

const odd: readonly { name: string; promise: string; warning: string | undefined }[] = [
  { name: 'a template by its name', promise: '{only: {nodes: [{task: M}]}}', warning: undefined },
  { name: 'a node by a pattern', promise: '{noEdges: {to: "x-*"}}', warning: undefined },
  { name: 'an id that is none', promise: '{noNewNodes: true, by: AA}', warning: 'by: no task has the id "AA"' },
  {
    name: 'a template as if it were a node',
    promise: '{only: {nodes: [M]}}',
    warning: 'only.nodes[0]: no task has the id "M"; to name the nodes made of a template or Task, write {task: M}',
  },
  {
    name: 'a node as if it were a template',
    promise: '{only: {edges: [{from: A, to: {task: B}}]}}',
    warning: 'only.edges[0].to: no template or taskRef has the name "B"; to name the node, write {node: B}',
  },
  {
    name: 'a name that is close to one',
    promise: '{noEdges: {from: {task: mapp}}}',
    warning: 'noEdges.from: no template or taskRef has the name "mapp"; did you mean "map"?',
  },
];

describe('what is odd, but could come true', () => {
  test.each(odd)('$name', ({ promise, warning }) => {
    const text = `${HEAD}${TEMPLATES}    - {id: map, command: m}\n  promises:\n    - ${promise}\n`;
    const [first] = admitNow({ name: 'doc.yaml', text }).manifests;
    const words = wordsOf(first?.warnings ?? []).map((line) => line.replace(/^\S+ spec\.promises\[0\]\./, ''));
    expect(words).toEqual(warning === undefined ? [] : [warning]);
  });
});

describe('promises of a state machine', () => {
  const states = { One: { type: 'Pass', next: 'Two' }, Two: { type: 'Pass', next: 'End' }, End: { type: 'Succeed' } };
  const told = (promise: JsonObject): string[] => {
    const text = workflow({ startAt: 'One', states, promises: [promise] });
    const [problem] = problemsOf({ text });
    if (problem !== undefined) return [problem.message];
    const { manifests } = admitNow({ name: 'doc.yaml', text });
    return (manifests[0]?.warnings ?? []).map(({ message }) => message);
  };

  test('name states that come later', () => {
    expect(told({ shape: 'One -> Two -> End' })).toEqual([]);
    expect(told({ shape: 'One... -> Two* -> End?' })).toEqual([]);
  });

  test('are refused when the first state breaks them, or when they are about what is not there yet', () => {
    expect(told({ shape: 'Two -> End' })).toEqual(['promise {shape: "Two -> End"}: node "One" has no place in it']);
    expect(told({ shape: 'Two', from: 'One', to: 'End' })).toEqual([
      'promise {shape: Two, from: One, to: End}: no node "End"',
    ]);
  });

  test('are odd when they name what is no state', () => {
    expect(told({ shape: 'One -> Twoo -> End' })).toEqual(['no state has the name "Twoo"; did you mean "Two"?']);
  });
});

function compiled(spec: JsonObject): Registration {
  const run = { apiVersion: 'oarlock.dev/v1', kind: 'WorkflowRun', metadata: { name: 'r' } };
  const manifest = admitted(JSON.stringify({ ...run, spec: { workflow: spec } }));
  const tasks = new Map([['fetch', { command: 'curl', timeoutSeconds: 9 }]]);
  return compile({ manifest, name: 'r', uid: 'u' }, { name: null, generation: 0, spec }, (name) => tasks.get(name));
}

const GROWTH = {
  templates: [
    { id: 'M', command: 'm' },
    { id: 'page', taskRef: 'fetch', when: '$.tasks.later.output.ok' },
  ],
  promises: [{ noEdges: { to: { task: 'M' } } }, { only: { nodes: [{ task: 'M' }], atMost: 3 }, by: 'A' }],
};
const COMPILED = [{ noEdges: { to: { task: 'M' } } }, { only: { nodes: [{ task: 'M' }], atMost: 3 }, by: 'A' }];

describe('what the kernel gets', () => {
  const fronts: readonly { name: string; spec: JsonObject }[] = [
    { name: 'tasks', spec: { tasks: [{ id: 'A', command: 'a' }] } },
    { name: 'steps', spec: { steps: [{ type: 'sequential', tasks: [{ id: 'A', command: 'a' }] }] } },
    { name: 'states', spec: { startAt: 'A', states: { A: { type: 'Pass', end: true } } } },
  ];
  test.each(fronts)('templates and promises of $name, in one form', async ({ spec }) => {
    const registration = compiled({ ...spec, ...GROWTH });
    expect(registration.templates).toEqual({
      M: { task: 'M', executor: { type: 'command', command: 'm' } },
      page: {
        task: 'page',
        executor: { type: 'command', command: 'curl' },
        timeoutSeconds: 9,
        when: '$.tasks.later.output.ok',
      },
    });
    expect(registration.change.nodes?.map(({ id }) => id)).toEqual(['A']);
    expect(registration.change.promises).toEqual(COMPILED);
    const random = { hex: () => '0', uuid: () => '0' };
    const begun = await continuationOf(registration, { random, jsonata: () => Promise.resolve(null) })?.begin(
      registration,
      0,
    );
    expect((begun ?? registration).change.promises).toEqual(COMPILED);
  });

  test('the part of a shape in either way of writing', () => {
    const tasks = [
      { id: 'A', command: 'a' },
      { id: 'B', command: 'b', dependencies: ['A'] },
    ];
    const form = { shape: 'M*', from: 'A', to: 'B' };
    const promises = [{ shape: form }, form];
    const { change } = compiled({ tasks, templates: [{ id: 'M', command: 'm' }], promises });
    expect(change.promises).toEqual([form, form]);
  });

  test('Tasks that only templates refer to are loaded', () => {
    expect(taskNamesOf({ tasks: [{ id: 'A', command: 'a' }], ...GROWTH })).toEqual(['fetch']);
  });

  test('a bare document has them, too', () => {
    const text = 'tasks: [{id: A, command: a}]\ntemplates: [{id: M, command: m}]\npromises: [{noNewEdges: true}]\n';
    expect(admitted(text).spec).toMatchObject({ templates: [{ id: 'M' }], promises: [{ noNewEdges: true }] });
  });

  test('a template may not have the name of a state', () => {
    const spec = { startAt: 'M', states: { M: { type: 'Pass', end: true } }, ...GROWTH };
    expect(problemsOf({ text: workflow(spec) }).map(({ path }) => path)).toEqual(['spec.templates[0].id']);
  });
});
