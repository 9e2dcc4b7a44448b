// From the states of a workflow to the first GraphChange of its run and the continuation that makes it grow.
//
// Owns: what resources stand for: an entry of the table `taskRefs` of the run or the workflow, or the Task of that name.
//
// C1  a resource that stands for nothing is said before the run starts, with the state that names it.

import { isObject, type JsonObject } from '../../kernel/json.ts';
import type { GraphChange, TaskSpec } from '../../kernel/task.ts';
import { executorOf } from '../executors.ts';
import { type Findings, type Path, quote } from '../problems.ts';
import type { Machine } from './machine.ts';
import { machineOf } from './normalize.ts';
import { functionOf, namesOfFunction } from './resources.ts';

export interface TaskSource {
  /** The Task of this name, compiled; undefined when there is none. */
  readonly named: (name: string) => TaskSpec | undefined;
  /** The task as written, with its own executor. */
  readonly written: (task: JsonObject) => TaskSpec;
  /** `taskRefs` of run and workflow: names of Tasks by resource. */
  readonly table: ReadonlyMap<string, string>;
}

export interface CompiledStates {
  readonly change: GraphChange;
  readonly continuation: JsonObject;
}

export function compileStates(spec: JsonObject, path: Path, source: TaskSource, findings: Findings): CompiledStates {
  const tasks = new Map<string, TaskSpec>();
  for (const [resource, name] of source.table) {
    const task = source.named(name);
    if (task === undefined) findings.add([...path, 'taskRefs', resource], 'NotFound', notFound('a Task', name));
    else tasks.set(resource, task);
  }
  const known = (name: string, at: Path): TaskSpec | undefined => {
    const found = namesOfFunction(name)
      .map((candidate) => tasks.get(candidate) ?? source.named(candidate))
      .find((task) => task !== undefined);
    if (found === undefined) findings.add(at, 'NotFound', notFound('a Task, or an entry in taskRefs', name));
    return found;
  };
  const machine = machineOf(spec, path, {
    task: (state, at) => {
      if (executorOf(state) !== undefined) return source.written(state);
      if (isObject(state['resource']))
        findings.add([...at, 'resource'], 'NotSupported', 'a reference of CloudFormation stands for nothing here');
      const name = functionOf(state);
      const found = name === null ? undefined : known(name, [...at, 'resource']);
      if (name !== null && found !== undefined) tasks.set(name, found);
      return undefined;
    },
    compensation: (value, at) => {
      const name = isObject(value) ? value['resource'] : value;
      if (typeof name === 'string') return known(name, at);
      return isObject(value) ? source.written(value) : undefined;
    },
  });
  for (const [name, { fields }] of Object.entries(machine.states)) {
    for (const field of ['itemReader', 'resultWriter']) {
      if (fields[field] === undefined) continue;
      findings.add(
        [...path, 'states', name, field],
        'NotSupported',
        'items and results of a Map are not kept in S3 here',
      );
    }
  }
  const continuation: Machine = { ...machine, tasks: Object.fromEntries(tasks) };
  const { startAt } = machine;
  const first = machine.states[startAt];
  const executor = { type: 'inline' as const, name: first?.type ?? 'Fail' };
  // The continuation gives the first node its input when the run starts (begin).
  const change: GraphChange = {
    nodes: [{ id: startAt, task: { task: startAt, executor, memo: { state: startAt, at: 0 } } }],
  };
  return { change, continuation: continuation as unknown as JsonObject };
}

function notFound(what: string, name: string): string {
  return `expected the name of ${what}, found ${quote(name)}, which is none`;
}

/** `taskRefs` as written. */
export function tableOf(...specs: readonly JsonObject[]): Map<string, string> {
  const table = new Map<string, string>();
  for (const spec of specs) {
    const entries = spec['taskRefs'];
    if (!isObject(entries)) continue;
    for (const [resource, name] of Object.entries(entries)) if (typeof name === 'string') table.set(resource, name);
  }
  return table;
}
