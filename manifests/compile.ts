// From an admitted manifest to a Registration: the first GraphChange of a run, with every reference resolved.
//
// Owns: looking up Tasks, and the form in which the kernel gets a task. The front ends say which nodes and
// edges there are. Fields that have their default are left out, so that registrations stay small.
//
// C1  the same manifests give the same Registration, in the order in which they were written.

import { checkRegistration } from '../kernel/change.ts';
import { AdmissionError } from '../kernel/errors.ts';
import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import type { FailurePolicy, NodeSpec, Registration, RetryRule, TaskSpec } from '../kernel/task.ts';
import { BUILTIN_TASKS } from './builtin/manifests.ts';
import { checkConnections, type ConnectedTask } from './connections.ts';
import { executorOf } from './executors.ts';
import type { Manifest } from './model.ts';
import { Findings, type Path, quote, toProblems } from './problems.ts';
import { promisesOf, templatesOf } from './promises.ts';
import { compileStates, tableOf, type TaskSource } from './states/compile.ts';
import { expandSteps } from './steps.ts';
import { dependenciesOf, idOf } from './tasks.ts';

export interface RunToCompile {
  readonly manifest: Manifest;
  readonly name: string;
  readonly uid: string;
}

export interface WorkflowToCompile {
  /** Null for an inline workflow. */
  readonly name: string | null;
  /** 0 for an inline workflow. */
  readonly generation: number;
  readonly spec: JsonObject;
}

/** The spec of the Task of this name; undefined when there is none. */
export type TaskLookup = (name: string) => JsonObject | undefined;

/** Throws AdmissionError when a reference leads nowhere. */
export function compile(run: RunToCompile, workflow: WorkflowToCompile, tasks: TaskLookup): Registration {
  const { spec } = workflow;
  const findings = new Findings();
  const runSpec = run.manifest.spec;
  const compiled = isStates(spec)
    ? compileStates(spec, ['spec'], sourceFor(spec, runSpec, tasks, findings), findings)
    : { change: { nodes: compileNodes(nodesOf(spec), tasks, findings) } };
  const templates = templatesOf(spec).map((task, index) => compileTemplate(task, index, tasks, findings));
  const promises = promisesOf(spec);
  const refuse = (): never => {
    const source = workflow.name === null ? `WorkflowRun/${run.name}` : `Workflow/${workflow.name}`;
    throw new AdmissionError(source, toProblems(findings.list(), undefined));
  };
  if (!findings.isEmpty) refuse();
  const registration: Registration = {
    name: run.name,
    uid: run.uid,
    workflow: workflow.name,
    workflowGeneration: workflow.generation,
    input: run.manifest.spec['input'] ?? {},
    ...pick<{ parallelism: number; failurePolicy: FailurePolicy }>(spec, ['parallelism', 'failurePolicy']),
    ...(templates.length === 0 ? {} : { templates: Object.fromEntries(templates) }),
    ...compiled,
    ...(promises.length === 0 ? {} : { change: { ...compiled.change, promises } }),
  };
  const broken = promises.length === 0 ? null : checkRegistration(registration);
  if (broken !== null) findings.add(['spec', 'promises'], 'Invalid', broken);
  return findings.isEmpty ? registration : refuse();
}

function isStates(spec: JsonObject): boolean {
  return spec['states'] !== undefined || spec['States'] !== undefined;
}

/** What the resources of a state machine may stand for. */
function sourceFor(spec: JsonObject, runSpec: JsonObject, tasks: TaskLookup, findings: Findings): TaskSource {
  const isThere = (name: string): boolean => tasks(name) !== undefined || BUILTIN_TASKS.has(name);
  const compileHere = (task: JsonObject): TaskSpec => compileTask(task, ['spec'], tasks, findings);
  return {
    named: (name) => (isThere(name) ? compileHere({ taskRef: name }) : undefined),
    written: (task) => {
      const { with: _with, when: _when, retry: _retry, timeoutSeconds: _timeout, ...own } = task;
      return compileHere(own);
    },
    table: tableOf(spec, runSpec),
  };
}

/**
 * Names of all Tasks that a workflow refers to, for whoever has to load them; `runSpec` may say what resources stand for. Built-in ones
 * may be among them, and resources that name no Task.
 */
export function taskNamesOf(spec: JsonObject, runSpec: JsonObject = {}): string[] {
  const names = new Set<string>();
  for (const { taskRef } of templatesOf(spec)) if (typeof taskRef === 'string') names.add(taskRef);
  if (isStates(spec)) {
    compileStates(
      spec,
      ['spec'],
      { named: (name) => void names.add(name), written: () => NO_TASK, table: tableOf(spec, runSpec) },
      new Findings(),
    );
    return [...names];
  }
  for (const { task } of nodesOf(spec)) if (typeof task['taskRef'] === 'string') names.add(task['taskRef']);
  return [...names];
}

const NO_TASK: TaskSpec = { executor: { type: 'command', command: '' } };

interface WrittenNode {
  readonly task: JsonObject;
  readonly path: Path;
}

function nodesOf(spec: JsonObject): WrittenNode[] {
  if (spec['steps'] !== undefined) return expandSteps(spec['steps'] as JsonObject[], ['spec', 'steps']);
  const tasks = (spec['tasks'] ?? []) as JsonObject[];
  return tasks.map((task, index) => ({ task, path: ['spec', 'tasks', index] }));
}

type CompiledNode = Omit<NodeSpec, 'task'> & { readonly task: TaskSpec };

function compileNodes(written: readonly WrittenNode[], tasks: TaskLookup, findings: Findings): NodeSpec[] {
  const connected: ConnectedTask[] = [];
  const nodes = written.map(({ task, path }) => {
    const node = compileNode(task, path, tasks, findings);
    connected.push({ ...node.task, id: node.id, path });
    return node;
  });
  // Only now is it known what the Tasks that they refer to take and give.
  checkConnections(connected, findings);
  return nodes;
}

function compileNode(task: JsonObject, path: Path, tasks: TaskLookup, findings: Findings): CompiledNode {
  const dependencies = dependenciesOf(task);
  const unique = dependencies.length > 1 ? [...new Set(dependencies)] : dependencies;
  const spec = compileTask(task, path, tasks, findings);
  return unique.length === 0 ? { id: idOf(task), task: spec } : { id: idOf(task), task: spec, dependencies: unique };
}

/** Selected by its own name, also when it takes all else from a Task. */
function compileTemplate(
  template: JsonObject,
  index: number,
  tasks: TaskLookup,
  findings: Findings,
): [string, TaskSpec] {
  const name = idOf(template);
  return [name, { ...compileTask(template, ['spec', 'templates', index], tasks, findings), task: name }];
}

export function compileTask(task: JsonObject, path: Path, tasks: TaskLookup, findings: Findings): TaskSpec {
  const spec = compileForward(task, path, tasks, findings);
  const name = task['taskRef'];
  const referred = typeof name === 'string' ? (tasks(name) ?? BUILTIN_TASKS.get(name)?.spec) : undefined;
  const compensate = task['compensate'] ?? referred?.['compensate'];
  if (!isObject(compensate)) return spec;
  return { ...spec, compensate: compileForward(compensate, [...path, 'compensate'], tasks, findings) };
}

/** The task without what undoes it. */
function compileForward(task: JsonObject, path: Path, tasks: TaskLookup, findings: Findings): TaskSpec {
  const name = task['taskRef'];
  if (typeof name !== 'string') return { executor: executorIn(task), ...settingsOf(task) };
  const referred = tasks(name) ?? BUILTIN_TASKS.get(name)?.spec;
  if (referred === undefined) {
    findings.add([...path, 'taskRef'], 'NotFound', `expected the name of a Task, found ${quote(name)}, which is none`);
    return { executor: { type: 'command', command: '' } };
  }
  return { task: name, executor: executorIn(referred), ...settingsOf(referred), ...settingsOf(task) };
}

function executorIn(task: JsonObject): TaskSpec['executor'] {
  const executor = executorOf(task);
  if (executor === undefined) throw new Error('invariant broken: an admitted task without an executor');
  return executor;
}

/** Fields that the kernel takes as they are. */
const PLAIN_FIELDS = [
  'with',
  'when',
  'timeoutSeconds',
  'heartbeatSeconds',
  'inputSchema',
  'outputSchema',
  'env',
  'workingDir',
  'display',
  'messages',
];

function settingsOf(task: JsonObject): Omit<TaskSpec, 'executor'> {
  const settings = pick<Omit<TaskSpec, 'executor'>>(task, PLAIN_FIELDS);
  const retry = retryOf(task);
  const trigger = task['trigger'];
  return {
    ...settings,
    ...(retry === undefined ? {} : { retry: [retry] }),
    ...(trigger === undefined || trigger === 'AllSuccess'
      ? {}
      : { trigger: trigger as NonNullable<TaskSpec['trigger']> }),
  };
}

/** How often a `retry` without a number tries again, as in the Amazon States Language. */
const DEFAULT_RETRIES = 3;

function retryOf(task: JsonObject): RetryRule | undefined {
  const retry = isObject(task['retry']) ? task['retry'] : undefined;
  const short = task['maxRetries'] ?? task['max_retries'];
  if (retry === undefined && short === undefined) return undefined;
  const maxAttempts = retry?.['maxAttempts'] ?? short ?? DEFAULT_RETRIES;
  return { ...retry, maxAttempts: maxAttempts as number };
}

function pick<T>(from: JsonObject, fields: readonly string[]): Partial<T> {
  const picked: { [field: string]: Json } = {};
  for (const field of fields) {
    const value = from[field];
    if (value !== undefined) picked[field] = value;
  }
  return picked as Partial<T>;
}
