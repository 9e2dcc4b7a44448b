// Random workflows with random promises, and random changes that their tasks send: a tape of numbers makes all choices, so a world shrinks
// and is printed when something fails.

import { checkRegistration } from '../../kernel/change.ts';
import type { Futures } from '../../kernel/ghost.ts';
import type { PromiseSpec, Selector } from '../../kernel/promises/promise.ts';
import { speaks } from '../../kernel/promises/explore.ts';
import { namesIn, type Part, parseShape } from '../../kernel/promises/shape.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { NodeSpec, Registration, TaskSpec } from '../../kernel/task.ts';
import { COMMAND, registration } from './graph-text.ts';
import type { Choose } from './kernel-driver.ts';
import type { Plain, PlainChange } from './promise-oracle.ts';
import { edgeKey } from './promise-oracle.ts';

const SPEAKER: TaskSpec = { executor: { type: 'python', code: '' } };
const PLAIN: TaskSpec = { executor: COMMAND };
const TEMPLATES = { M: PLAIN, N: PLAIN, P: SPEAKER } as const;
const TASKS = ['M', 'N', 'P'] as const;
export const IDS = ['g0', 'g1', 'g2', 'h0', 'h1', 'h2'] as const;

/** Numbers from a tape; over its end the first choice is taken, so that what is cut off gets simple. */
export function tape(numbers: readonly number[]): Choose {
  let at = 0;
  return (below) => {
    const number = numbers[at] ?? 0;
    at += 1;
    return number % below;
  };
}

function pick<T>(choose: Choose, list: readonly T[]): T {
  return list[choose(list.length)] as T;
}

/** A workflow that keeps its promises from the start; null when the tape says none. */
export function workflow(choose: Choose): Registration | null {
  const promises: PromiseSpec[] = [];
  const kind = choose(4);
  const shape = kind === 0 ? null : wholeShape(choose);
  const nodes = shape === null || kind === 1 ? loose(choose) : fitting(parseShape(shape), choose);
  if (shape !== null && kind > 1) promises.push({ shape });
  if (kind === 1) promises.push({ shape: inner(choose, [...TASKS], 2), from: 'A', to: 'B' });
  for (let count = choose(3); count > 0; count -= 1) promises.push(rule(choose));
  const made = registration({ nodes, promises }, { templates: TEMPLATES });
  return checkRegistration(made) === null ? made : null;
}

function loose(choose: Choose): NodeSpec[] {
  const ids = ['A', 'B', 'C'].slice(0, 2 + choose(2));
  return ids.map((id, index) => ({
    id,
    task: index === 0 || choose(3) === 0 ? SPEAKER : PLAIN,
    dependencies: ids.slice(0, index).filter((from) => (from === 'A' && id === 'B') || choose(2) === 0),
  }));
}

function wholeShape(choose: Choose): string {
  const names = [...TASKS].filter(() => choose(4) !== 0);
  const middle = names.length === 0 ? '' : inner(choose, names, 3);
  const parts = ['A', ...(middle === '' ? [] : [`(${middle})`]), ...(choose(3) === 0 ? [] : ['B'])];
  return choose(6) === 0 && middle !== '' ? `A & (${middle})` : parts.join(' -> ');
}

/** Uses up some of the names. */
function inner(choose: Choose, names: string[], depth: number): string {
  const size = depth === 0 ? 1 : 1 + choose(Math.min(3, names.length));
  const parts: string[] = [];
  for (let index = 0; index < size && names.length > 0; index += 1) {
    const part =
      depth > 0 && choose(3) === 0
        ? `(${inner(choose, names, depth - 1)})`
        : (names.splice(choose(names.length), 1)[0] as string);
    parts.push(part + pick(choose, ['', '', '*', '+', '?', '{1,2}', '...', '{2}']));
  }
  const text = parts.join(pick(choose, [' -> ', ' -> ', ' | ', ' & ']));
  return isShape(text) ? text : parts.map((part) => part.replace(/[*+?.]+$|\{[^{}]*\}$/, '')).join(' -> ');
}

function isShape(text: string): boolean {
  try {
    parseShape(text);
    return true;
  } catch {
    return false;
  }
}

/** The nodes that a shape names, with all edges that it asks for. */
function fitting(shape: Part, choose: Choose): NodeSpec[] {
  const parts = namesIn(shape).filter(({ name }) => !Object.hasOwn(TEMPLATES, name));
  return parts.map((part, index) => ({
    id: part.name,
    task: index === 0 || choose(3) === 0 ? SPEAKER : PLAIN,
    dependencies: shape.kind === 'sequence' ? parts.slice(0, index).map(({ name }) => name) : [],
  }));
}

export function rule(choose: Choose): PromiseSpec {
  const selectors: readonly Selector[] = [
    { task: 'M' },
    { task: 'P' },
    { node: 'g*' },
    { node: 'A' },
    'B',
    { node: 'g1' },
    { node: '?0' },
  ];
  const any = (): Selector => pick(choose, selectors);
  const by = choose(2) === 0 ? {} : { by: pick(choose, [{ task: 'P' }, { node: 'A' }, 'A', { node: '*' }]) };
  const ends = pick(choose, [() => ({ from: any() }), () => ({ to: any() }), () => ({ from: any(), to: any() })]);
  switch (choose(6)) {
    case 0:
      return { noNewNodes: true, ...by };
    case 1:
      return { noNewEdges: true, ...by };
    case 2:
      return { noEdges: ends(), ...by };
    case 3:
      return { only: { edges: [ends(), ends()] }, ...by };
    case 4:
      return { only: { nodes: [any(), any()], ...(choose(2) === 0 ? {} : { atMost: choose(3) }) }, ...by };
    default:
      return { only: { atMost: 1 + choose(3), ...(choose(2) === 0 ? {} : { each: true as const }) }, ...by };
  }
}

// --- changes -------------------------------------------------------------------------------------

export function livingCreators(run: Run): Node[] {
  return [...run.nodes.values()].filter((node) => node.current !== null && speaks(node.task));
}

/** A change as a task would send it; half of the time it does what a ghost promises, and something more. */
export function randomChange(run: Run, futures: Futures, by: string, choose: Choose): PlainChange {
  const ghosts = futures.ghosts.filter((ghost) => ghost.by.includes(by));
  const nodes: { id: string; task: string | null; dependencies: string[] }[] = [];
  const edges: [string, string][] = [];
  const known = (): string[] => [...run.nodes.keys(), ...nodes.map(({ id }) => id)];
  for (let count = choose(3); count > 0; count -= 1) {
    const id = pick(choose, IDS);
    if (known().includes(id)) continue;
    const ghost = choose(4) === 0 ? undefined : ghosts[choose(Math.max(1, ghosts.length))];
    const task = ghost === undefined ? pick(choose, [...TASKS, null]) : ghost.task;
    const node = { id, task, dependencies: [] as string[] };
    const isTaken = (isRequired: boolean): boolean => (isRequired ? choose(12) !== 0 : choose(3) === 0);
    for (const { from, to, isRequired } of futures.edges) {
      if (ghost !== undefined && to === ghost.id && run.nodes.has(from) && isTaken(isRequired))
        node.dependencies.push(from);
      if (ghost !== undefined && from === ghost.id && run.nodes.has(to) && isTaken(isRequired)) edges.push([id, to]);
    }
    for (const other of nodes) if (choose(3) === 0) node.dependencies.push(other.id);
    if (choose(6) === 0) node.dependencies.push(pick(choose, known()));
    nodes.push({ ...node, dependencies: [...new Set(node.dependencies)] });
  }
  if (choose(5) === 0 || nodes.length === 0) edges.push([pick(choose, known()), pick(choose, known())]);
  return { by, nodes, edges: edges.filter(([from, to]) => from !== to) };
}

export function specOf(task: string | null): TaskSpec | string {
  return task ?? SPEAKER;
}

export function plainOf(run: Run): Plain {
  const nodes = [...run.nodes.values()];
  return {
    nodes: new Map(
      nodes.map(({ id, task, createdBy, hasStarted }) => [
        id,
        { id, task: task.task ?? null, by: createdBy, isStarted: hasStarted },
      ]),
    ),
    edges: new Set(nodes.flatMap((node) => Array.from(node.predecessors, ({ id }) => edgeKey(id, node.id)))),
    promises: promisesOf(run),
    templates: new Set(TASKS),
  };
}

/** Each with how many nodes were there when it was made. */
function promisesOf({ registration: { change }, growth }: Run): { spec: PromiseSpec; since: number }[] {
  let since = 0;
  return [change, ...growth.map((one) => one.change)].flatMap(({ nodes, promises }) => {
    since += nodes?.length ?? 0;
    const made = since;
    return (promises ?? []).map((spec) => ({ spec, since: made }));
  });
}
