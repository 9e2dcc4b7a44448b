// Admission: each rule for a manifest, with the field it names and the place it points to.

import { describe, expect, test } from 'vitest';
import { AdmissionError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import { admit, admitNow, admitValue } from '../../../manifests/admit.ts';
import { EXECUTOR_FIELDS } from '../../../manifests/executors.ts';
import { admitted, problemsOf, wordsOf, workflow } from './help.ts';

const HEAD = 'apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata: {name: w}\n';

describe('what is taken', () => {
  const cases: readonly { name: string; text: string; spec: JsonObject }[] = [
    {
      name: 'a DAG',
      text: `${HEAD}spec: {tasks: [{id: a, command: echo}]}`,
      spec: { tasks: [{ id: 'a', command: 'echo' }] },
    },
    {
      name: 'dependencies: null',
      text: `${HEAD}spec: {tasks: [{id: a, command: x, dependencies: }]}`,
      spec: { tasks: [{ id: 'a', command: 'x', dependencies: null }] },
    },
    { name: 'a bare DAG', text: '{id: w, tasks: [{id: a, command: x}]}', spec: { tasks: [{ id: 'a', command: 'x' }] } },
    {
      name: 'a bare DAG that says its name',
      text: '{name: w, tasks: [{id: a, command: x}]}',
      spec: { tasks: [{ id: 'a', command: 'x' }] },
    },
    {
      name: 'bare steps',
      text: 'steps: [{type: parallel, tasks: [task_a, task_b]}]',
      spec: { steps: [{ type: 'parallel', tasks: ['task_a', 'task_b'] }] },
    },
    {
      name: 'a bare state machine',
      text: 'name: w\nversion: 1.0\nstartAt: a\nstates: {a: {type: Success}}',
      spec: { version: 1, startAt: 'a', states: { a: { type: 'Success' } } },
    },
    {
      name: 'Amazon States Language',
      text: '{"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}',
      spec: { StartAt: 'a', States: { a: { Type: 'Succeed' } } },
    },
    {
      name: 'ids with dots, slashes, blanks and other scripts',
      text: '{tasks: [{id: "../../x y.z/漢", command: x}]}',
      spec: { tasks: [{ id: '../../x y.z/漢', command: 'x' }] },
    },
    {
      name: 'a task named like a field of Object',
      text: '{tasks: [{id: constructor, command: x}, {id: b, command: x, dependencies: [constructor]}]}',
      spec: {
        tasks: [
          { id: 'constructor', command: 'x' },
          { id: 'b', command: 'x', dependencies: ['constructor'] },
        ],
      },
    },
  ];
  test.each(cases)('$name', ({ text, spec }) => {
    const manifest = admitted(text, 'w');
    expect(manifest).toEqual({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 'w' }, spec });
  });

  const executors: readonly JsonObject[] = [
    { command: 'echo' },
    { exec: ['echo', 'a b'] },
    { call: { module: './x.js', export: 'run' } },
    { mock: { output: { a: [1] }, delaySeconds: 0.5, fail: { times: 2, errorType: 'E', message: '' } } },
    { wait: { seconds: 0 } },
    { wait: { until: '2030-01-31T12:00:00+02:00' } },
    { signal: { name: 'go' } },
    { taskRef: 'fetch' },
  ];
  test.each(executors)('the executor %j', (executor) => {
    expect(problemsOf({ text: workflow({ tasks: [{ id: 'a', ...executor }] }) })).toEqual([]);
  });

  test('every field of a task at once', () => {
    const task = {
      id: 'b',
      command: 'x',
      dependencies: ['a'],
      when: '$.tasks.a.output.ok == true',
      trigger: 'AllDone',
      with: { a: '$.input.x', b: [1, { c: '$.tasks.a.output' }] },
      timeoutSeconds: 1.5,
      workingDir: '/tmp',
      retry: { maxAttempts: 2, intervalSeconds: 0.5, backoffRate: 1, maxDelaySeconds: 9, jitter: true },
      inputSchema: { type: 'object' },
      outputSchema: { type: 'object', properties: { n: { type: 'integer' } } },
      env: { A: 'b', B: { fromEnv: 'C' }, D: { fromFile: '/e' } },
      display: { label: 'B', color: '#ff0000' },
    };
    const spec = { parallelism: 8, failurePolicy: 'Continue', tasks: [{ id: 'a', command: 'x' }, task] };
    expect(problemsOf({ text: workflow(spec) })).toEqual([]);
  });

  test('other kinds', () => {
    const of = (kind: string, spec: JsonObject) =>
      JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind, metadata: { name: 'x' }, spec });
    const tasks = [{ id: 'a', command: 'x' }];
    for (const text of [
      of('Task', { command: 'x', env: { A: 'b' }, description: 'says x' }),
      of('Signal', { run: 'r', name: 'go', data: { any: [1] } }),
      of('WorkflowRun', { workflowRef: { name: 'w' }, input: [1], suspend: true, cancel: false }),
      of('WorkflowRun', { workflow: { tasks }, restart: [{ node: 'a', nonce: '1' }] }),
      of('WorkflowRun', { workflow: { id: 'w', tasks } }),
      of('WorkflowRun', { workflow: { StartAt: 'a', States: { a: { Type: 'Succeed' } } } }),
    ]) {
      expect(wordsOf(problemsOf({ text }))).toEqual([]);
    }
  });

  test('what only the engine writes is taken off, so that what get prints can be applied again', () => {
    const head = HEAD.replace('{name: w}', '{name: w, uid: u, resourceVersion: "7", generation: 1, labels: {a: b}}');
    const text = `${head}spec: {tasks: [{id: a, command: x}]}\nstatus: {phase: Running}`;
    expect(admitted(text).metadata).toEqual({ name: 'w', labels: { a: 'b' } });
  });
});

describe('what is refused', () => {
  const cases: readonly { name: string; text: string; words: string | RegExp }[] = [
    {
      name: 'a list',
      text: '- a\n',
      words: /^1:1 : expected a mapping with apiVersion, kind, metadata and spec, found a list of 1/,
    },
    {
      name: 'another version',
      text: HEAD.replace('v1', 'v2'),
      words: '1:13 apiVersion: expected oarlock.dev/v1, found the text "oarlock.dev/v2"',
    },
    {
      name: 'another kind',
      text: HEAD.replace('Workflow', 'Workflows'),
      words: /^2:7 kind: expected one of Workflow, .*found the text "Workflows"; did you mean "Workflow"\?/,
    },
    {
      name: 'no kind',
      text: 'apiVersion: oarlock.dev/v1\nmetadata: {name: w}',
      words: /^1:1 kind: expected one of .*, found none/,
    },
    {
      name: 'no version',
      text: 'kind: Workflow\nmetadata: {name: w}',
      words: '1:1 apiVersion: required, and not there; add "apiVersion: oarlock.dev/v1"',
    },
    { name: 'no name', text: '{tasks: [{id: a, command: x}]}', words: '1:1 id: required, and not there' },
    {
      name: 'a name that leaves its directory',
      text: `${HEAD.replace('name: w', 'name: ../w')}spec: {tasks: [{id: a, command: x}]}`,
      words: /^3:18 metadata.name: expected 1 to 200 characters/,
    },
    { name: 'no spec', text: HEAD, words: '1:1 spec: required, and not there' },
    {
      name: 'spec that is nothing',
      text: `${HEAD}spec:\n`,
      words: '4:1 spec: expected a mapping, found nothing (null)',
    },
    {
      name: 'an unknown field at the top',
      text: `${HEAD}spce: {}\nspec: {tasks: [{id: a, command: x}]}`,
      words: '4:1 spce: unknown field; did you mean "spec"?',
    },
    {
      name: 'tasks and steps',
      text: '{id: w, tasks: [{id: a, command: x}], steps: [{type: parallel, tasks: [b]}]}',
      words: /expected exactly one of tasks, steps, states, States, found tasks and steps/,
    },
    {
      name: 'no tasks',
      text: '{id: w, tasks: []}',
      words: '1:16 tasks: expected a list that is not empty, found an empty list',
    },
    {
      name: 'two names',
      text: '{id: w, name: v, tasks: [{id: a, command: x}]}',
      words: /name: expected one name, found the text "w" as id and the text "v" as name/,
    },
  ];
  test.each(cases)('$name', ({ text, words }) => {
    expect(wordsOf(problemsOf({ text }))[0]).toEqual(typeof words === 'string' ? words : expect.stringMatching(words));
  });

  const tasks: readonly { name: string; tasks: unknown; words: string | RegExp }[] = [
    { name: 'no id', tasks: [{ command: 'x' }], words: 'spec.tasks[0].id: required, and not there' },
    {
      name: 'an id that is a number',
      tasks: [{ id: 1, command: 'x' }],
      words: 'spec.tasks[0].id: expected a text, found the number 1; put it in quotes if it is meant as text',
    },
    {
      name: 'an id with a line feed',
      tasks: [{ id: 'a\nb', command: 'x' }],
      words: /spec.tasks\[0\].id: expected up to 1,024 bytes of printable text/,
    },
    { name: 'an empty id', tasks: [{ id: '', command: 'x' }], words: /printable text/ },
    {
      name: 'an id of 1,025 bytes',
      tasks: [{ id: `${'漢'.repeat(341)}ab`, command: 'x' }],
      words: 'spec.tasks[0].id: expected at most 1024 bytes, found 1025',
    },
    {
      name: 'an id twice',
      tasks: [
        { id: 'a', command: 'x' },
        { id: 'a', command: 'y' },
      ],
      words: 'spec.tasks[1].id: expected ids to be different, found "a" again (first at index 0)',
    },
    {
      name: 'no executor',
      tasks: [{ id: 'a' }],
      words: `spec.tasks[0]: expected exactly one of ${[...EXECUTOR_FIELDS, 'taskRef'].join(', ')}, found none`,
    },
    {
      name: 'two executors',
      tasks: [{ id: 'a', command: 'x', exec: ['y'] }],
      words: /expected exactly one of .*, found command and exec/,
    },
    {
      name: 'an executor that is not there yet',
      tasks: [{ id: 'a', cobol: { code: 'x' } }],
      words: /spec.tasks\[0\].cobol: unknown field/,
    },
    {
      name: 'a misspelt field',
      tasks: [{ id: 'a', comand: 'x' }],
      words: 'spec.tasks[0].comand: unknown field; did you mean "command"?',
    },
    {
      name: 'a field in another spelling',
      tasks: [{ id: 'a', command: 'x', timeout_seconds: 1 }],
      words: 'spec.tasks[0].timeout_seconds: unknown field; did you mean "timeoutSeconds"?',
    },
    {
      name: 'a command that is a list',
      tasks: [{ id: 'a', command: ['x'] }],
      words: 'spec.tasks[0].command: expected a text, found a list of 1; for a list of arguments use exec',
    },
    {
      name: 'a command too long to be passed on',
      tasks: [{ id: 'a', command: '漢'.repeat(50_000) }],
      words: /expected at most 131071 bytes, found 150000/,
    },
    {
      name: 'an empty argument list',
      tasks: [{ id: 'a', exec: [] }],
      words: /exec: expected a list that is not empty/,
    },
    {
      name: 'negative retries',
      tasks: [{ id: 'a', command: 'x', maxRetries: -1 }],
      words: 'spec.tasks[0].maxRetries: expected at least 0, found the number -1',
    },
    {
      name: 'a billion retries',
      tasks: [{ id: 'a', command: 'x', max_retries: 1e9 }],
      words: /max_retries: expected at most 10000/,
    },
    {
      name: 'half a retry',
      tasks: [{ id: 'a', command: 'x', maxRetries: 1.5 }],
      words: /expected a whole number, found the number 1.5/,
    },
    {
      name: 'retries as a text',
      tasks: [{ id: 'a', command: 'x', maxRetries: '3' }],
      words: /expected a whole number, found the text "3"/,
    },
    {
      name: 'two numbers of retries',
      tasks: [{ id: 'a', command: 'x', maxRetries: 1, max_retries: 2 }],
      words: /expected one number of retries/,
    },
    {
      name: 'a time-out of nothing',
      tasks: [{ id: 'a', command: 'x', timeoutSeconds: 0 }],
      words: /expected more than 0/,
    },
    {
      name: 'an unknown trigger',
      tasks: [{ id: 'a', command: 'x', trigger: 'All' }],
      words: /expected "AllSuccess", "AllDone", "AnySuccess" or "AnyFailed", found the text "All"/,
    },
    {
      name: 'a number as environment',
      tasks: [{ id: 'a', command: 'x', env: { PORT: 80 } }],
      words: /env.PORT: expected a text.*, found the number 80/,
    },
    {
      name: 'a bad name in the environment',
      tasks: [{ id: 'a', command: 'x', env: { 'A-B': 'x' } }],
      words: /env.A-B: expected a name of letters, digits and underscores/,
    },
    {
      name: 'a wait for two things',
      tasks: [{ id: 'a', wait: { seconds: 1, until: '2030-01-01T00:00:00Z' } }],
      words: /expected exactly one of seconds, until, found seconds and until/,
    },
    {
      name: 'a wait until no instant',
      tasks: [{ id: 'a', wait: { until: 'tomorrow' } }],
      words: /wait: expected an instant as 2030-01-31T12:00:00Z, found "tomorrow"/,
    },
    {
      name: 'a schema that is none',
      tasks: [{ id: 'a', command: 'x', inputSchema: { type: 'strng' } }],
      words: /inputSchema: expected a JSON Schema: /,
    },
    {
      name: 'a condition that does not parse',
      tasks: [{ id: 'a', command: 'x', when: '$.input.a ==' }],
      words: /when: expression: expected a path/,
    },
    {
      name: 'a condition about no task',
      tasks: [{ id: 'alpha', command: 'x', when: '$.tasks.alpah.output == 1' }],
      words: /when: expected a path to a task's output, found "alpah", which is no task; did you mean "alpha"\?/,
    },
    {
      name: 'a path to nowhere',
      tasks: [{ id: 'a', command: 'x', with: { b: ['$.foo'] } }],
      words: 'spec.tasks[0].with.b[0]: expected a path below $.input or $.tasks.ID, found "$.foo"',
    },
    {
      name: 'a path that does not parse',
      tasks: [{ id: 'a', command: 'x', with: { b: '$.input[' } }],
      words: /with.b: path "\$.input\["/,
    },
    {
      name: 'a path to no field of a task',
      tasks: [{ id: 'a', command: 'x', with: { b: '$.tasks.a' } }],
      words: /expected one of output, state, attempts, error/,
    },
    {
      name: 'an unknown dependency',
      tasks: [
        { id: 'fetch', command: 'x' },
        { id: 'b', command: 'x', dependencies: ['fecth'] },
      ],
      words:
        'spec.tasks[1].dependencies[0]: expected the id of a task, found "fecth", which is none; did you mean "fetch"?',
    },
    {
      name: 'a field of Object as a dependency',
      tasks: [{ id: 'a', command: 'x', dependencies: ['toString'] }],
      words: /found "toString", which is none/,
    },
    {
      name: 'a task that depends on itself',
      tasks: [{ id: 'a', command: 'x', dependencies: ['a'] }],
      words: 'spec.tasks[0].dependencies[0]: task "a" depends on itself: a -> a',
    },
    {
      name: 'a cycle of three',
      tasks: [
        { id: 'z', command: 'x' },
        { id: 'a', command: 'x', dependencies: ['z', 'c'] },
        { id: 'b', command: 'x', dependencies: ['a'] },
        { id: 'c', command: 'x', dependencies: ['b'] },
        { id: 'd', command: 'x', dependencies: ['c'] },
      ],
      words: 'spec.tasks[1].dependencies[1]: tasks depend on one another: a -> b -> c -> a',
    },
  ];
  test.each(tasks)('a task with $name', ({ tasks: list, words }) => {
    const problems = problemsOf({ text: workflow({ tasks: list } as JsonObject) });
    const [first] = problems.map(({ path, message }) => `${path}: ${message}`);
    expect(first).toEqual(typeof words === 'string' ? words : expect.stringMatching(words));
    expect(problems[0]?.line).toBe(1);
  });

  test('every bad task has a problem of its own', () => {
    const list = [{ id: 1, command: 'x' }, { id: 'b', command: 'x' }, { id: 'c', comand: 'x' }, { command: 'x' }];
    const paths = problemsOf({ text: workflow({ tasks: list }) }).map(({ path }) => path);
    expect(paths).toEqual(['spec.tasks[0].id', 'spec.tasks[2].comand', 'spec.tasks[3].id']);
  });

  test('a cycle of 10,000 is found at once and named in a readable length', () => {
    const list = Array.from({ length: 10_000 }, (_, i) => ({
      id: `t${i}`,
      command: 'x',
      dependencies: [`t${(i + 1) % 10_000}`],
    }));
    const [problem] = problemsOf({ text: workflow({ tasks: list }) });
    expect(problem?.message).toMatch(/^tasks depend on one another: t0 -> t9999 -> .*\(9982 more\) -> t0$/);
  });

  const others: readonly { name: string; kind: string; spec: JsonObject; words: RegExp }[] = [
    {
      name: 'a Task with dependencies',
      kind: 'Task',
      spec: { command: 'x', dependencies: [] },
      words: /spec.dependencies: unknown field/,
    },
    { name: 'a Task that names a Task', kind: 'Task', spec: { taskRef: 'x' }, words: /taskRef/ },
    { name: 'a Signal without a run', kind: 'Signal', spec: { name: 'go' }, words: /spec.run: required/ },
    {
      name: 'a run of nothing',
      kind: 'WorkflowRun',
      spec: {},
      words: /spec: expected exactly one of workflowRef, workflow, found none/,
    },
    {
      name: 'a run with a cycle',
      kind: 'WorkflowRun',
      spec: { workflow: { tasks: [{ id: 'a', command: 'x', dependencies: ['a'] }] } },
      words: /spec.workflow.tasks\[0\].dependencies\[0\]: task "a" depends on itself/,
    },
    {
      name: 'cancel as a text',
      kind: 'WorkflowRun',
      spec: { workflowRef: { name: 'w' }, cancel: 'yes' },
      words: /spec.cancel: expected true or false, found the text "yes"/,
    },
  ];
  test.each(others)('$name', ({ kind, spec, words }) => {
    const text = JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind, metadata: { name: 'x' }, spec });
    const [first] = problemsOf({ text }).map(({ path, message }) => `${path}: ${message}`);
    expect(first).toMatch(words);
  });

  const steps: readonly { name: string; steps: unknown; words: RegExp }[] = [
    { name: 'no type', steps: [{ tasks: ['a'] }], words: /spec.steps\[0\].type: required/ },
    { name: 'an unknown type', steps: [{ type: 'both', tasks: ['a'] }], words: /expected "parallel" or "sequential"/ },
    {
      name: 'no tasks',
      steps: [{ type: 'parallel', tasks: [] }],
      words: /spec.steps\[0\].tasks: expected a list that is not empty/,
    },
    {
      name: 'a bad name',
      steps: [{ type: 'parallel', tasks: ['a', '../b'] }],
      words: /spec.steps\[0\].tasks\[1\]: expected/,
    },
    {
      name: 'a task without id',
      steps: [{ type: 'parallel', tasks: [{ command: 'x' }] }],
      words: /spec.steps\[0\].tasks\[0\].id: required/,
    },
    {
      name: 'a task with dependencies',
      steps: [{ type: 'parallel', tasks: [{ id: 'a', command: 'x', dependencies: [] }] }],
      words: /spec.steps\[0\].tasks\[0\].dependencies: unknown field/,
    },
    {
      name: 'an id twice',
      steps: [
        { type: 'parallel', tasks: [{ id: 'a', command: 'x' }] },
        { type: 'parallel', tasks: [{ id: 'a', command: 'x' }] },
      ],
      words: /spec.steps\[1\].tasks\[0\].id: expected ids to be different/,
    },
    {
      name: 'a product of tasks beyond all bounds',
      steps: Array.from({ length: 2 }, () => ({ type: 'parallel', tasks: Array.from({ length: 2000 }, () => 'a') })),
      words: /spec.steps\[1\]: expected at most 2000000 dependencies/,
    },
  ];
  test.each(steps)('steps with $name', ({ steps: list, words }) => {
    const [first] = problemsOf({ text: workflow({ steps: list } as JsonObject) }).map(
      ({ path, message }) => `${path}: ${message}`,
    );
    expect(first).toMatch(words);
  });
});

describe('documents and files', () => {
  test('a field path of a bare document is the one its author wrote', () => {
    const problems = problemsOf({ text: 'id: w\ntasks:\n- id: a\n  command: x\n  dependencies: [b]\n' });
    expect(wordsOf(problems)).toEqual([
      '5:18 tasks[0].dependencies[0]: expected the id of a task, found "b", which is none',
    ]);
  });

  test('one bad document refuses the whole file, and its line is that of the file', () => {
    const good = 'id: a\ntasks: [{id: a, command: x}]\n';
    const problems = problemsOf({ text: `${good}---\nid: b\ntasks: [{id: a, command: x, dependencies: [z]}]\n` });
    expect(wordsOf(problems)).toEqual([expect.stringMatching(/^5:44 /)]);
  });

  test('two documents of one object are refused', () => {
    const text = 'id: a\ntasks: [{id: a, command: x}]\n';
    expect(wordsOf(problemsOf({ text: `${text}---\n${text}` }))).toEqual([
      '4:5 id: expected one document for Workflow "a", found another',
    ]);
  });

  test('a file that may hold one document refuses two', () => {
    const text = 'id: a\ntasks: [{id: a, command: x}]\n';
    expect(wordsOf(problemsOf({ text: `${text}---\n${text.replace('a', 'b')}`, single: true }))).toEqual([
      '4:1 : expected one document, found 2',
    ]);
  });

  test('the kind may be given', () => {
    expect(problemsOf({ text: 'tasks: [{id: a, command: x}]', kind: 'Task' })[0]?.message).toBe(
      'expected a Task, found a bare workflow',
    );
    expect(problemsOf({ text: `${HEAD}spec: {}`, kind: 'Task' })[0]?.message).toBe('expected Task, found Workflow');
  });

  test('the text of a document comes back to the letter, for each of several', () => {
    const one = `# one\n${HEAD}spec: {tasks: [{id: a, command: x}]}\n`;
    const two = one.replace('# one', '# two').replace('name: w', 'name: v');
    expect(admitNow({ name: 'x', text: one }).manifests[0]?.text).toBe(one);
    const texts = admitNow({ name: 'x', text: `${one}---\n${two}` }).manifests.map(({ text }) => text);
    expect(texts.map((text) => admitted(text ?? '').metadata.name)).toEqual(['w', 'v']);
    expect(texts[0]).toContain('# one');
    expect(texts[1]).toContain('# two');
  });

  test('a bare document keeps its comments in the text of its manifest', () => {
    const [first] = admitNow({
      name: 'x',
      text: '# about\nid: w\ntasks:\n  # first\n  - id: a # A\n    command: x\n',
    }).manifests;
    expect(first?.text).toBe(
      '# about\n\napiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata:\n  name: w\nspec:\n  tasks:\n    # first\n    - id: a # A\n      command: x\n',
    );
  });

  test('warnings name what is allowed and doubtful', () => {
    const spec = {
      tasks: [
        { id: 'a', command: 'x' },
        { id: 'b', command: 'x', dependencies: ['a', 'a'] },
      ],
    };
    const [first] = admitNow({ name: 'x', text: workflow(spec) }).manifests;
    expect(first?.warnings.map(({ path }) => path)).toEqual(['spec.tasks[1].dependencies[1]']);
  });

  test('the message of 20,000 problems is short', async () => {
    const dependencies = Array.from({ length: 20_000 }, (_, i) => `ghost${i}`);
    const error = await admit({
      name: 'w.json',
      text: workflow({ tasks: [{ id: 'a', command: 'x', dependencies }] }),
    }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AdmissionError);
    expect((error as AdmissionError).message.split('\n').length).toBeLessThan(13);
  });

  test('data that is there already is admitted by the same rules', () => {
    const value = JSON.parse(workflow({ tasks: [{ id: 'a', command: 'x' }] })) as JsonObject;
    expect(admitValue(value, { name: 'body' }).manifest).toEqual(value);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const bad of [circular, { spec: new Date(0) }, { spec: undefined }, null, 'x', [], { spec: { a: 1n } }]) {
      expect(() => admitValue(bad, { name: 'body' })).toThrow(AdmissionError);
    }
  });
});
