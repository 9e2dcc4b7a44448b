// `templates` and `promises` of a workflow, whatever its front end: the rules that no schema can say, and the kernel's form.
//
// Does not own: what a promise means and whether the graph keeps it (kernel/promises/).
//
// I1  a name that can never be there is refused; one that is not there yet, but could come, is a warning.

import { isObject, type Json, type JsonObject, textOf } from '../kernel/json.ts';
import { checkRegistration } from '../kernel/change.ts';
import { promiseProblem } from '../kernel/promises/problem.ts';
import type { PromiseSpec } from '../kernel/promises/promise.ts';
import { namesIn, parseShape } from '../kernel/promises/shape.ts';
import type { NodeSpec } from '../kernel/task.ts';
import { didYouMean, type Findings, type Path, quote } from './problems.ts';
import { checkId, checkTaskBody, dependenciesOf, idOf } from './tasks.ts';

/** What a workflow has before it runs. */
export interface GraphNames {
  /** Ids of its nodes; null when they are made as it goes on (states). */
  readonly nodes: ReadonlySet<string> | null;
  /** Names that its tasks go by: of templates, and of Tasks that are referred to. */
  readonly tasks: ReadonlySet<string>;
}

export function templatesOf(spec: JsonObject): readonly JsonObject[] {
  return (spec['templates'] ?? []) as JsonObject[];
}

/** Most workflows say nothing of how they grow. */
export function hasGrowth(spec: JsonObject): boolean {
  return spec['templates'] !== undefined || spec['promises'] !== undefined;
}

/** Templates and promises once the schema has passed. `nodes` are the tasks of the front end, null for states. */
export function checkGrowth(
  spec: JsonObject,
  path: Path,
  nodes: readonly JsonObject[] | null,
  findings: Findings,
  warnings: Findings,
): void {
  const templates = templatesOf(spec);
  const promises = (spec['promises'] ?? []) as JsonObject[];
  const ids = nodes === null ? null : new Set(nodes.map(idOf));
  checkTemplates(templates, [...path, 'templates'], ids ?? stateNames(spec), findings);
  const tasks = new Set(templates.map(idOf));
  for (const { taskRef } of nodes ?? []) if (typeof taskRef === 'string') tasks.add(taskRef);
  for (const [index, promise] of promises.entries()) {
    if (findings.isFull) return;
    checkPromise(promise, [...path, 'promises', index], { nodes: ids, tasks }, findings, warnings);
  }
  if (promises.length === 0 || !findings.isEmpty) return;
  const start = spec['startAt'] ?? spec['StartAt'];
  if (nodes !== null) checkKept(spec, path, nodes, findings);
  else if (typeof start === 'string') {
    checkKept(spec, path, [{ id: start, taskRef: start }], findings);
    checkStates(spec, path, warnings);
  }
}

/** Of a state machine, a shape names states, at any depth. */
function checkStates(spec: JsonObject, path: Path, warnings: Findings): void {
  const known = new Set([...statesWithin(spec), ...templatesOf(spec).map(idOf)]);
  for (const [index, { shape }] of promisesOf(spec).entries())
    for (const { name } of shape === undefined ? [] : namesIn(parseShape(shape)))
      if (!known.has(name) && !name.includes('/'))
        warnings.add(
          [...path, 'promises', index, 'shape'],
          'NotFound',
          `no state has the name ${quote(name)}${didYouMean(name, known)}`,
        );
}

/** Does the graph, as it is written, keep what it promises? A state machine begins with its first state. */
function checkKept(spec: JsonObject, path: Path, tasks: readonly JsonObject[], findings: Findings): void {
  const executor = { type: 'inline', name: '' } as const;
  const nodes = tasks.map((task): NodeSpec => {
    const { taskRef } = task;
    const name = typeof taskRef === 'string' ? { task: taskRef } : {};
    return { id: idOf(task), task: { ...name, executor }, dependencies: [...new Set(dependenciesOf(task))] };
  });
  const templates = Object.fromEntries(templatesOf(spec).map((task) => [idOf(task), { executor }]));
  const problemOf = (promises: readonly PromiseSpec[]): string | null =>
    checkRegistration({
      name: '',
      uid: '',
      workflow: null,
      workflowGeneration: 0,
      input: null,
      templates,
      ...(spec['states'] === undefined && spec['States'] === undefined ? {} : { continuation: {} }),
      change: { nodes, promises },
    });
  const promises = promisesOf(spec);
  if (problemOf(promises) === null) return;
  // The first one that is not kept by itself has the place.
  for (const [index, promise] of promises.entries()) {
    const problem = problemOf([promise]);
    if (problem !== null) return findings.add([...path, 'promises', index], 'Invalid', problem);
  }
  findings.add([...path, 'promises'], 'Invalid', problemOf(promises) ?? '');
}

function stateNames(spec: JsonObject): ReadonlySet<string> {
  const states = spec['states'] ?? spec['States'];
  return new Set(isObject(states) ? Object.keys(states) : []);
}

function statesWithin(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(statesWithin);
  if (!isObject(value)) return [];
  return [...stateNames(value), ...Object.values(value).flatMap(statesWithin)];
}

function checkTemplates(
  templates: readonly JsonObject[],
  path: Path,
  nodes: ReadonlySet<string>,
  findings: Findings,
): void {
  const indexes = new Map<string, number>();
  for (const [index, template] of templates.entries()) {
    if (findings.isFull) return;
    const id = idOf(template);
    const at = [...path, index];
    checkId(id, at, indexes.get(id), findings);
    if (!indexes.has(id)) indexes.set(id, index);
    if (nodes.has(id)) {
      const message = `expected ids of templates and tasks to be different, found ${quote(id)} as a task, too`;
      findings.add([...at, 'id'], 'Duplicate', message);
    }
    // Its paths may lead to nodes that come with it.
    checkTaskBody(template, at, null, findings);
  }
}

function checkPromise(
  promise: JsonObject,
  path: Path,
  names: GraphNames,
  findings: Findings,
  warnings: Findings,
): void {
  const before = findings.list().length;
  checkShape(promise, path, findings);
  const { only } = promise;
  if (isObject(only)) checkBounds(only, [...path, 'only'], findings);
  if (findings.list().length === before) checkWords(promise, path, names, findings);
  for (const selector of selectorsIn(promise, path)) checkSelector(selector, names, warnings);
}

/** What the kernel says of it: of shapes, above all. Where nodes are not known, it says more of names when the promise is made. */
function checkWords(promise: JsonObject, path: Path, { nodes, tasks }: GraphNames, findings: Findings): void {
  const known = {
    isNode: (id: string) => nodes === null || nodes.has(id),
    isTask: (name: string) => nodes === null || tasks.has(name),
  };
  const problem = promiseProblem(specOf(promise), known);
  const isShape = promise['shape'] !== undefined;
  if (problem !== null) findings.add(isShape ? [...path, 'shape'] : path, 'Invalid', problem);
}

function checkShape(promise: JsonObject, path: Path, findings: Findings): void {
  const { shape, from, to } = promise;
  if (isObject(shape)) {
    for (const field of ['from', 'to'])
      if (promise[field] !== undefined)
        findings.add([...path, field], 'Invalid', 'expected it inside shape or beside it, found both', { atKey: true });
    checkEnds(shape, [...path, 'shape'], findings);
  } else if (shape === undefined) {
    for (const field of ['from', 'to'])
      if (promise[field] !== undefined)
        findings.add(
          [...path, field],
          'Invalid',
          'expected only with shape; edges are named in noEdges and only.edges',
          {
            atKey: true,
          },
        );
  } else if (from !== undefined || to !== undefined) {
    const missing = from === undefined ? 'from' : to === undefined ? 'to' : undefined;
    if (missing !== undefined)
      findings.add([...path, missing], 'Required', 'required: a part lies between two nodes, and only one is there');
    else checkEnds(promise, path, findings);
  }
}

function checkEnds({ from, to }: JsonObject, path: Path, findings: Findings): void {
  if (from === to)
    findings.add([...path, 'to'], 'Invalid', `expected another node than from, found ${quote(textOf(to))} again`);
}

function checkBounds({ atLeast, atMost, each }: JsonObject, path: Path, findings: Findings): void {
  if (typeof atLeast === 'number' && typeof atMost === 'number' && atLeast > atMost)
    findings.add([...path, 'atLeast'], 'Invalid', `expected at most ${atMost} (atMost), found ${atLeast}`);
  if (each === true && atLeast === undefined && atMost === undefined)
    findings.add([...path, 'each'], 'Invalid', 'expected atLeast or atMost beside it, found neither', { atKey: true });
}

interface PlacedSelector {
  readonly value: JsonObject | string;
  readonly path: Path;
}

function selectorsIn(promise: JsonObject, path: Path): PlacedSelector[] {
  const found: PlacedSelector[] = [];
  const add = (holder: JsonObject, field: string | number, at: Path, value = holder[field]): void => {
    if (typeof value === 'string' || isObject(value)) found.push({ value, path: [...at, field] });
  };
  const addEnds = (value: unknown, at: Path): void => {
    if (!isObject(value)) return;
    add(value, 'from', at);
    add(value, 'to', at);
  };
  add(promise, 'by', path);
  addEnds(promise['noEdges'], [...path, 'noEdges']);
  const only = promise['only'];
  if (!isObject(only)) return found;
  const nodes = Array.isArray(only['nodes']) ? only['nodes'] : [];
  for (const [index, value] of nodes.entries()) add(only, index, [...path, 'only', 'nodes'], value);
  const edges = Array.isArray(only['edges']) ? only['edges'] : [];
  for (const [index, value] of edges.entries()) addEnds(value, [...path, 'only', 'edges', index]);
  return found;
}

/** A selector that selects nothing yet may be right, but most often it is a slip. */
function checkSelector({ value, path }: PlacedSelector, names: GraphNames, warnings: Findings): void {
  const node = typeof value === 'string' ? value : value['node'];
  if (typeof node === 'string') {
    if (names.nodes === null || names.nodes.has(node) || /[*?]/.test(node)) return;
    const other = names.tasks.has(node)
      ? `; to name the nodes made of a template or Task, write {task: ${node}}`
      : didYouMean(node, names.nodes);
    warnings.add(path, 'NotFound', `no task has the id ${quote(node)}${other}`);
  } else if (isObject(value) && typeof value['task'] === 'string' && !names.tasks.has(value['task'])) {
    const task = value['task'];
    const other =
      names.nodes?.has(task) === true ? `; to name the node, write {node: ${task}}` : didYouMean(task, names.tasks);
    warnings.add(path, 'NotFound', `no template or taskRef has the name ${quote(task)}${other}`);
  }
}

/** The promises in the kernel's form: `shape: {shape, from, to}` says the same as the three side by side. */
export function promisesOf(spec: JsonObject): PromiseSpec[] {
  return ((spec['promises'] ?? []) as JsonObject[]).map(specOf);
}

function specOf(promise: JsonObject): PromiseSpec {
  const { shape, ...rest } = promise;
  return (isObject(shape) ? { ...shape, ...rest } : promise) as PromiseSpec;
}
