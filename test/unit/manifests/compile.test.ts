// Front ends: from manifests to registrations, and the fixtures of real workflows as graphs.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AdmissionError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import type { Registration } from '../../../kernel/task.ts';
import { BUILTIN_MODULE, BUILTIN_TASKS, builtinModuleUrl } from '../../../manifests/builtin/manifests.ts';
import { compile, taskNamesOf, type TaskLookup } from '../../../manifests/compile.ts';
import { admitValue } from '../../../manifests/admit.ts';
import { admitted, FIXTURES, hasFixtures, workflow } from './help.ts';

function compiled(spec: JsonObject, tasks: TaskLookup = () => undefined, run: JsonObject = {}): Registration {
  const manifest = admitted(
    JSON.stringify({
      apiVersion: 'oarlock.dev/v1',
      kind: 'WorkflowRun',
      metadata: { name: 'r' },
      spec: { workflowRef: { name: 'w' }, ...run },
    }),
  );
  return compile(
    { manifest, name: 'r', uid: 'u' },
    { name: 'w', generation: 3, spec: admitted(workflow(spec)).spec },
    tasks,
  );
}

/** `id <- dependencies` of each node. */
function graphOf(registration: Registration): string[] {
  return (registration.change.nodes ?? []).map(({ id, dependencies = [] }) =>
    dependencies.length === 0 ? id : `${id} <- ${dependencies.join(' ')}`,
  );
}

const nodeOf = (registration: Registration, index = 0) => registration.change.nodes?.[index];

describe('tasks', () => {
  test('a DAG becomes one change, in the order in which it was written', () => {
    const spec = {
      parallelism: 2,
      failurePolicy: 'Continue',
      tasks: [
        { id: 'B', command: 'b', dependencies: ['A', 'A'] },
        { id: 'A', command: 'a', dependencies: null },
        { id: 'C', command: 'c', dependencies: [] },
      ],
    };
    const registration = compiled(spec, undefined, { input: { x: 1 } });
    expect(registration).toEqual({
      name: 'r',
      uid: 'u',
      workflow: 'w',
      workflowGeneration: 3,
      input: { x: 1 },
      parallelism: 2,
      failurePolicy: 'Continue',
      change: {
        nodes: [
          { id: 'B', task: { executor: { type: 'command', command: 'b' } }, dependencies: ['A'] },
          { id: 'A', task: { executor: { type: 'command', command: 'a' } } },
          { id: 'C', task: { executor: { type: 'command', command: 'c' } } },
        ],
      },
    });
  });

  test('a run without input has an empty one', () => {
    expect(compiled({ tasks: [{ id: 'a', command: 'x' }] }).input).toEqual({});
  });

  const retries: readonly { name: string; task: JsonObject; retry: unknown }[] = [
    { name: 'none', task: {}, retry: undefined },
    { name: 'maxRetries', task: { maxRetries: 2 }, retry: [{ maxAttempts: 2 }] },
    { name: 'max_retries', task: { max_retries: 2 }, retry: [{ maxAttempts: 2 }] },
    {
      name: 'retry with a number',
      task: { retry: { maxAttempts: 0, jitter: true } },
      retry: [{ maxAttempts: 0, jitter: true }],
    },
    {
      name: 'retry without one',
      task: { retry: { intervalSeconds: 1 } },
      retry: [{ intervalSeconds: 1, maxAttempts: 3 }],
    },
    {
      name: 'retry with maxRetries',
      task: { retry: { backoffRate: 2 }, maxRetries: 5 },
      retry: [{ backoffRate: 2, maxAttempts: 5 }],
    },
  ];
  test.each(retries)('retries: $name', ({ task, retry }) => {
    const node = nodeOf(compiled({ tasks: [{ id: 'a', command: 'x', ...task }] }));
    expect((node?.task as { retry?: unknown } | undefined)?.retry).toEqual(retry);
  });

  const executors: readonly { name: string; task: JsonObject; executor: unknown }[] = [
    { name: 'exec', task: { exec: ['a', 'b'] }, executor: { type: 'exec', argv: ['a', 'b'] } },
    {
      name: 'call',
      task: { call: { module: 'm', export: 'e' } },
      executor: { type: 'call', module: 'm', export: 'e' },
    },
    {
      name: 'mock',
      task: { mock: { output: null, fail: { times: 1 } } },
      executor: { type: 'mock', output: null, fail: { times: 1 } },
    },
    { name: 'wait', task: { wait: { seconds: 2 } }, executor: { type: 'wait', seconds: 2 } },
    { name: 'signal', task: { signal: { name: 'go' } }, executor: { type: 'signal', name: 'go' } },
  ];
  test.each(executors)('the executor $name', ({ task, executor }) => {
    expect(nodeOf(compiled({ tasks: [{ id: 'a', ...task }] }))?.task).toEqual({ executor });
  });

  test('the default trigger is left out, others are not', () => {
    const spec = {
      tasks: [
        { id: 'a', command: 'x', trigger: 'AllSuccess' },
        { id: 'b', command: 'x', trigger: 'AllDone' },
      ],
    };
    expect(compiled(spec).change.nodes?.map(({ task }) => (task as { trigger?: string }).trigger)).toEqual([
      undefined,
      'AllDone',
    ]);
  });

  test('a reference takes the Task, and its own fields count instead', () => {
    const shared = { exec: ['fetch'], timeoutSeconds: 5, env: { A: '1' }, maxRetries: 1 };
    const spec = { tasks: [{ id: 'a', taskRef: 'fetch', timeoutSeconds: 9, when: '$.input.go == true' }] };
    expect(taskNamesOf(spec)).toEqual(['fetch']);
    expect(nodeOf(compiled(spec, (name) => (name === 'fetch' ? shared : undefined)))?.task).toEqual({
      task: 'fetch',
      executor: { type: 'exec', argv: ['fetch'] },
      timeoutSeconds: 9,
      env: { A: '1' },
      retry: [{ maxAttempts: 1 }],
      when: '$.input.go == true',
    });
  });

  test('a reference that leads nowhere is refused with its place', () => {
    const spec = {
      tasks: [
        { id: 'a', command: 'x' },
        { id: 'b', taskRef: 'constructor' },
      ],
    };
    expect(() => compiled(spec)).toThrow(AdmissionError);
    expect(() => compiled(spec)).toThrow(
      'Workflow/w: spec.tasks[1].taskRef: expected the name of a Task, found "constructor", which is none',
    );
  });

  test('10,000 tasks compile in little time to a small registration', () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) => ({
      id: `t${i}`,
      command: 'true',
      dependencies: i === 0 ? [] : [`t${i - 1}`],
      maxRetries: 0,
    }));
    const spec = admitted(workflow({ tasks })).spec;
    const manifest = admitted(
      JSON.stringify({
        apiVersion: 'oarlock.dev/v1',
        kind: 'WorkflowRun',
        metadata: { name: 'r' },
        spec: { workflowRef: { name: 'w' } },
      }),
    );
    const registration = compile(
      { manifest, name: 'r', uid: 'u' },
      { name: 'w', generation: 1, spec },
      () => undefined,
    );
    expect(registration.change.nodes?.length).toBe(10_000);
    expect(JSON.stringify(registration).length / 10_000).toBeLessThan(150);
  });
});

describe('steps', () => {
  const cases: readonly { name: string; steps: unknown[]; graph: string[] }[] = [
    {
      name: 'side by side, then one after the other',
      steps: [
        { type: 'parallel', tasks: ['task_a', 'task_b'] },
        { type: 'sequential', tasks: ['task_c', 'task_a'] },
      ],
      graph: ['task_a', 'task_b', 'task_c <- task_a task_b', 'task_a#2 <- task_c'],
    },
    {
      name: 'from one after the other to side by side',
      steps: [
        { type: 'sequential', tasks: ['task_a', 'task_b'] },
        { type: 'parallel', tasks: ['task_c', 'task_c'] },
      ],
      graph: ['task_a', 'task_b <- task_a', 'task_c <- task_b', 'task_c#2 <- task_b'],
    },
    {
      name: 'tasks written out, whose ids names go around',
      steps: [
        { type: 'parallel', tasks: ['task_a', 'task_a', { id: 'task_a#2', command: 'x' }] },
        { type: 'parallel', tasks: ['task_b'] },
      ],
      graph: ['task_a', 'task_a#3', 'task_a#2', 'task_b <- task_a task_a#3 task_a#2'],
    },
  ];
  test.each(cases)('$name', ({ steps, graph }) => {
    expect(graphOf(compiled({ steps } as JsonObject))).toEqual(graph);
  });

  test('the built-in Tasks exist, and an applied Task of their name takes their place', () => {
    const spec = { steps: [{ type: 'parallel', tasks: ['task_a'] }] };
    expect(nodeOf(compiled(spec))?.task).toEqual({
      task: 'task_a',
      executor: { type: 'call', module: BUILTIN_MODULE, export: 'task_a' },
    });
    expect(nodeOf(compiled(spec, () => ({ command: 'mine' })))?.task).toEqual({
      task: 'task_a',
      executor: { type: 'command', command: 'mine' },
    });
  });

  test('the built-in Tasks are admissible and lead to functions', async () => {
    const module = (await import(builtinModuleUrl())) as Record<string, unknown>;
    for (const [name, manifest] of BUILTIN_TASKS) {
      expect(admitValue(manifest, { name }).manifest).toEqual(manifest);
      expect(module[name]).toBeTypeOf('function');
    }
  });
});

interface Shape {
  readonly name: string;
  readonly kind?: string;
  readonly tasks?: readonly { id: string; dependencies: readonly string[]; command?: string; max_retries?: number }[];
  readonly steps?: readonly (readonly { id: string; command: string }[])[];
  readonly stats?: { readonly edges: number };
}

const shapesIn = (folder: string): Shape[] => {
  if (!hasFixtures) return [];
  const files = readdirSync(join(FIXTURES, folder)).filter((file) => file.endsWith('.json'));
  return files.map((file) => JSON.parse(readFileSync(join(FIXTURES, folder, file), 'utf8')) as Shape);
};

describe.skipIf(!hasFixtures)('real workflows (skipped without ../shared/fixtures)', () => {
  test.each(shapesIn('wfcommons'))('wfcommons: $name', ({ tasks = [], stats }) => {
    const registration = compiled({
      tasks: tasks.map(({ id, dependencies }) => ({ id, command: 'true', dependencies: [...dependencies] })),
    });
    const nodes = registration.change.nodes ?? [];
    expect(nodes.map(({ id, dependencies = [] }) => [id, dependencies])).toEqual(
      tasks.map(({ id, dependencies }) => [id, dependencies]),
    );
    expect(nodes.reduce((sum, { dependencies = [] }) => sum + dependencies.length, 0)).toBe(stats?.edges);
  });

  const dags = shapesIn('dag').filter(({ kind, name }) => kind === 'tasks' && name !== 'argo-retry-backoff');
  test.each(dags)('dag: $name', ({ tasks = [] }) => {
    const spec = tasks.map(({ id, dependencies, command = 'true', max_retries }) => ({
      id,
      command,
      dependencies: [...dependencies],
      ...(max_retries === undefined ? {} : { max_retries }),
    }));
    expect(graphOf(compiled({ tasks: spec }))).toEqual(
      tasks.map(({ id, dependencies }) => (dependencies.length === 0 ? id : `${id} <- ${dependencies.join(' ')}`)),
    );
  });

  test.each(shapesIn('dag').filter(({ kind }) => kind === 'steps'))('steps: $name', ({ steps = [] }) => {
    const registration = compiled({
      steps: steps.map((tasks) => ({ type: 'parallel', tasks: tasks.map(({ id, command }) => ({ id, command })) })),
    });
    const before = (index: number) => (steps[index - 1] ?? []).map(({ id }) => id).join(' ');
    const graph = steps.flatMap((tasks, index) =>
      tasks.map(({ id }) => (index === 0 ? id : `${id} <- ${before(index)}`)),
    );
    expect(graphOf(registration)).toEqual(graph);
  });
});
