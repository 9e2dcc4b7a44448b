// The front end `tasks`, and what all front ends share: the rules for a task that no schema can say, and the way from
// a task as written to the kernel's TaskSpec.
//
// I1  ids are looked up in a Map: `constructor` and `__proto__` are ids like any other.
// I2  nothing recurses over the graph; a chain of 100,000 tasks is ordinary input.

import { parseExpression, pathsOf } from '../kernel/expression.ts';
import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import { isPath, parsePath, type Path as DataPath } from '../kernel/paths.ts';
import { checkConnections, type ConnectedTask } from './connections.ts';
import { checkExecutor } from './executors.ts';
import { findCycle } from './cycle.ts';
import { nodeIdProblem } from './names.ts';
import { didYouMean, type Findings, type Path, quote } from './problems.ts';
import { schemaProblem } from './schema.ts';

/** Ids of a workflow, or null where they are not known: in a Task that many workflows use. */
export type KnownIds = ReadonlyMap<string, unknown> | null;

/** The tasks of `spec.tasks` once the schema has passed. */
export function checkTasks(
  tasks: readonly JsonObject[],
  path: Path,
  /** Paths may lead to a node that is made of a template, under its name. */
  templates: readonly JsonObject[],
  findings: Findings,
  warnings: Findings,
): void {
  const indexes = new Map<string, number>();
  for (const [index, task] of tasks.entries()) {
    const id = idOf(task);
    checkId(id, [...path, index], indexes.get(id), findings);
    if (!indexes.has(id)) indexes.set(id, index);
  }
  const known = new Map([...templates.map((template) => [idOf(template), -1] as const), ...indexes]);
  for (const [index, task] of tasks.entries()) {
    if (findings.isFull) return;
    const at = [...path, index];
    checkTaskBody(task, at, known, findings);
    checkDependencies(task, at, indexes, findings, warnings);
  }
  if (findings.isEmpty) checkCycle(tasks, path, indexes, findings);
  if (findings.isEmpty) checkTyped(tasks, (index) => [...path, index], findings);
}

/** As far as the tasks say themselves what they take and give: the Tasks that they refer to are looked up when a run starts. */
export function checkTyped(tasks: readonly JsonObject[], pathOf: (index: number) => Path, findings: Findings): void {
  const written = tasks.map((task, index) => ({ ...fieldsOf(task), id: idOf(task), path: pathOf(index) }));
  checkConnections(written, findings);
}

function fieldsOf({ with: given, inputSchema, outputSchema }: JsonObject): Omit<ConnectedTask, 'id' | 'path'> {
  return { with: given, inputSchema, outputSchema };
}

export function idOf(task: JsonObject): string {
  return task['id'] as string;
}

export function dependenciesOf(task: JsonObject): readonly string[] {
  return (task['dependencies'] ?? []) as string[];
}

/** Adds a finding when the id is too long, or was there before at index `first`. */
export function checkId(id: string, path: Path, first: number | undefined, findings: Findings): void {
  const problem = nodeIdProblem(id);
  if (problem !== undefined) findings.add([...path, 'id'], 'Invalid', problem);
  if (first === undefined) return;
  const message = `expected ids to be different, found ${quote(id)} again (first at index ${first})`;
  findings.add([...path, 'id'], 'Duplicate', message);
}

function checkDependencies(
  task: JsonObject,
  path: Path,
  known: ReadonlyMap<string, number>,
  findings: Findings,
  warnings: Findings,
): void {
  const id = idOf(task);
  const dependencies = dependenciesOf(task);
  const seen = new Set<string>();
  for (let index = 0; index < dependencies.length && !findings.isFull; index += 1) {
    const dependency = dependencies[index] ?? '';
    const at = () => [...path, 'dependencies', index];
    if (dependency === id) findings.add(at(), 'Invalid', selfMessage(id));
    else if (!known.has(dependency)) {
      const hint = known.size <= 1000 ? didYouMean(dependency, known.keys()) : '';
      findings.add(at(), 'NotFound', `expected the id of a task, found ${quote(dependency)}, which is none${hint}`);
    } else if (seen.has(dependency)) warnings.add(at(), 'Duplicate', `${quote(dependency)} stands twice`);
    seen.add(dependency);
  }
}

function selfMessage(id: string): string {
  const short = quote(id).slice(1, -1);
  return `task ${quote(id)} depends on itself: ${short} -> ${short}`;
}

function checkCycle(
  tasks: readonly JsonObject[],
  path: Path,
  indexes: ReadonlyMap<string, number>,
  findings: Findings,
): void {
  const cycle = findCycle(tasks.map((task) => dependenciesOf(task).map((id) => indexes.get(id) ?? -1)));
  if (cycle === undefined) return;
  const [first = 0] = cycle;
  const last = cycle.at(-1) ?? first;
  const first_ = tasks[first];
  if (first_ === undefined) return;
  const position = dependenciesOf(first_).indexOf(idOf(tasks[last] ?? {}));
  findings.add(
    [...path, first, 'dependencies', position],
    'Invalid',
    `tasks depend on one another: ${cycleWords(cycle, tasks)}`,
  );
}

const SHOWN_IN_CYCLE = 20;

function cycleWords(cycle: readonly number[], tasks: readonly JsonObject[]): string {
  const ids = [...cycle, cycle[0] ?? 0].map((index) => quote(idOf(tasks[index] ?? {})).slice(1, -1));
  if (ids.length <= SHOWN_IN_CYCLE) return ids.join(' -> ');
  const head = ids.slice(0, SHOWN_IN_CYCLE - 2);
  return [...head, `(${ids.length - SHOWN_IN_CYCLE + 1} more)`, ...ids.slice(-1)].join(' -> ');
}

/** What is said about one task, wherever it stands: in a DAG, a step, a Task or a compensation. */
export function checkTaskBody(task: JsonObject, path: Path, ids: KnownIds, findings: Findings): void {
  checkExecutor(task, path, findings);
  checkRetries(task, path, findings);
  for (const field of ['inputSchema', 'outputSchema']) {
    const schema = task[field];
    const problem = isObject(schema) ? schemaProblem(schema) : undefined;
    if (problem !== undefined)
      findings.add([...path, field], 'Invalid', `expected a JSON Schema: ${problem.slice(0, 300)}`);
  }
  const when = task['when'];
  if (typeof when === 'string') checkCondition(when, [...path, 'when'], ids, findings);
  if (task['with'] !== undefined) checkPaths(task['with'], [...path, 'with'], ids, findings);
  const compensate = task['compensate'];
  if (isObject(compensate)) {
    checkTaskBody(compensate, [...path, 'compensate'], ids, findings);
  }
}

function checkRetries(task: JsonObject, path: Path, findings: Findings): void {
  const retry = isObject(task['retry']) ? task['retry']['maxAttempts'] : undefined;
  const given = [task['maxRetries'], task['max_retries'], retry].filter((value) => value !== undefined);
  if (new Set(given).size > 1) {
    findings.add(
      path,
      'Invalid',
      'expected one number of retries, found different ones in maxRetries, max_retries or retry.maxAttempts',
    );
  }
}

function checkCondition(text: string, path: Path, ids: KnownIds, findings: Findings): void {
  try {
    for (const dataPath of pathsOf(parseExpression(text))) checkDataPath(dataPath, path, ids, findings);
  } catch (error) {
    findings.add(path, 'Invalid', syntaxMessage(error));
  }
}

function checkPaths(value: Json, path: Path, ids: KnownIds, findings: Findings): void {
  if (isPath(value)) {
    try {
      checkDataPath(parsePath(value), path, ids, findings);
    } catch (error) {
      findings.add(path, 'Invalid', syntaxMessage(error));
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkPaths(item, [...path, index], ids, findings);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) checkPaths(item, [...path, key], ids, findings);
  }
}

function syntaxMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const NODE_FIELDS = ['output', 'state', 'attempts', 'error'];

/** `$.input...`, or `$.tasks.ID.FIELD...` of a task that there is. */
function checkDataPath(dataPath: DataPath, path: Path, ids: KnownIds, findings: Findings): void {
  const [root, id, field] = dataPath;
  if (root === 'input') return;
  if (root !== 'tasks' || id === undefined) {
    const found = root === undefined ? '$' : `$.${root}`;
    findings.add(path, 'Invalid', `expected a path below $.input or $.tasks.ID, found ${quote(found)}`);
  } else if (ids !== null && !ids.has(String(id))) {
    const hint = ids.size <= 1000 ? didYouMean(String(id), ids.keys()) : '';
    findings.add(
      path,
      'NotFound',
      `expected a path to a task's output, found ${quote(String(id))}, which is no task${hint}`,
    );
  } else if (!NODE_FIELDS.includes(String(field))) {
    findings.add(
      path,
      'Invalid',
      `expected one of ${NODE_FIELDS.join(', ')} after $.tasks.ID, found ${quote(String(field ?? 'nothing'))}`,
    );
  }
}
