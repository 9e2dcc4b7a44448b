// GraphChange: the only thing that changes a graph. Made whole or refused whole.
//
// C1  no cycle.
// C2  no second node of a name, unless it says the same in the same words (then it changes nothing).
// C3  no edge into a node that has started or ended.
// C4  no promise is broken (promises/).
// A change is tried by making it, and taken back when something does not hold, so that what is checked is the graph as it would be. That costs
// O(change) plus, for edges that do not agree with the order of the nodes, the part of the graph between their ends.

import { checkTask } from './check-task.ts';
import { COMPENSATION_PREFIX } from './compensation.ts';
import { isSame } from './expression.ts';
import type { Json } from './json.ts';
import { Node } from './node.ts';
import { Run } from './run.ts';
import type { GraphChange, NodeSpec, Registration, TaskSpec } from './task.ts';

/** Why a change may not be made. */
export interface Refusal {
  readonly message: string;
  /** The promise that it would break, as it was written; the run ends then. */
  readonly promise?: string;
}

export type Edge = readonly [Node, Node];

/** What a change brought: nodes and edges that are new, and nodes that got a new predecessor. */
export interface Made {
  readonly change: GraphChange;
  readonly by: string | null;
  readonly added: readonly Node[];
  readonly edges: readonly Edge[];
  readonly delayed: readonly Node[];
  /** Takes it back, the last first. */
  readonly undo: (() => void)[];
}

/** Null when the change may be made, else why not. The run is as it was. `by`: node whose attempt asks for it. */
export function checkChange(run: Run, change: GraphChange, by: string | null): Refusal | null {
  const made = tryChange(run, change, by);
  if ('message' in made) return made;
  takeBack(made);
  return null;
}

/** Makes the change, unless it may not be made. */
export function tryChange(run: Run, change: GraphChange, by: string | null): Made | Refusal {
  const problem = problemOf(run, change);
  if (problem !== null) return { message: problem };
  const made = link(run, change, by);
  if (Array.isArray(made)) return { message: `cycle: ${made.join(' -> ')}` };
  const refusal = run.promises.take(run, made);
  if (refusal === null) return made;
  takeBack(made);
  return refusal;
}

export function takeBack({ undo }: Made): void {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) step();
}

/** Makes a change that was accepted once, or that nobody may refuse: registrations and what is undone. */
export function makeChange(run: Run, change: GraphChange, by: string | null): Made {
  const made = link(run, change, by, true) as Made;
  run.promises.take(run, made, true);
  run.dress.take(change);
  return made;
}

/** Null when a run may begin so, else why not: its first change must keep the promises that it makes. */
export function checkRegistration(registration: Registration): string | null {
  const made = tryChange(new Run(registration, 0, 0), registration.change, null);
  return 'message' in made ? made.message : null;
}

function problemOf(run: Run, change: GraphChange): string | null {
  if (run.end !== null) return 'the run has ended';
  if (run.brokenPromise !== null) return 'the run ends: a promise was broken';
  const added = new Map<string, NodeSpec>();
  for (const spec of change.nodes ?? []) {
    const problem = checkWords(spec);
    if (problem !== null) return `node "${spec.id}": ${problem}`;
    const twin = added.get(spec.id);
    const present = run.nodes.get(spec.id);
    if (twin !== undefined && !isSameSpec(twin, spec)) return `node "${spec.id}": is named twice, with other words`;
    if (present !== undefined && !repeats(run, present, spec))
      return `node "${spec.id}": is there already, with other words`;
    if (present !== undefined) continue;
    if (taskOf(run, spec) === null)
      return `node "${spec.id}": no template "${typeof spec.task === 'string' ? spec.task : ''}"`;
    if (
      typeof spec.task !== 'string' &&
      isTemplate(run, spec.task.task) &&
      !isSame(spec.task as unknown as Json, taskOf(run, { ...spec, task: spec.task.task ?? '' }) as unknown as Json)
    )
      return `node "${spec.id}": "${spec.task.task ?? ''}" is a template, expected its name instead of another definition of it`;
    if (spec.id.startsWith(COMPENSATION_PREFIX))
      return `node "${spec.id}": expected no id that begins with ${COMPENSATION_PREFIX}, which is for what undoes a task`;
    added.set(spec.id, spec);
  }
  const exists = (id: string): boolean => run.nodes.has(id) || added.has(id);
  for (const spec of added.values()) {
    for (const dependency of spec.dependencies ?? [])
      if (!exists(dependency)) return `node "${spec.id}": no node "${dependency}" to depend on`;
  }
  for (const { from, to } of change.edges ?? []) {
    const missing = [from, to].find((id) => !exists(id));
    if (missing !== undefined) return `edge "${from}" -> "${to}": no node "${missing}"`;
    const target = run.nodes.get(to);
    if (target !== undefined && run.promises.isStarted(target) && !isAfter(run, target, from))
      return `edge "${from}" -> "${to}": "${to}" has started`;
  }
  for (const dress of change.display ?? []) {
    const ends = 'node' in dress ? [dress.node] : [dress.edge.from, dress.edge.to];
    const missing = ends.find((id) => !exists(id));
    if (missing !== undefined) return `display: no node "${missing}"`;
  }
  return null;
}

/** Is there an edge from `id` to the node? */
function isAfter(run: Run, node: Node, id: string): boolean {
  const other = run.nodes.get(id);
  return other !== undefined && node.predecessors.has(other);
}

/** A template was admitted with its workflow; what a copy says otherwise was not. */
function checkWords({ task, own }: NodeSpec): string | null {
  if (typeof task !== 'string') return checkTask(task);
  return own === undefined ? null : checkTask({ ...own, executor: { type: 'inline', name: '' } });
}

function taskOf(run: Run, { task, own }: NodeSpec): TaskSpec | null {
  if (typeof task !== 'string') return task;
  const template = isTemplate(run, task) ? run.registration.templates?.[task] : undefined;
  return template === undefined ? null : { task, ...template, ...own };
}

function isTemplate({ registration: { templates } }: Run, name: string | undefined): boolean {
  return name !== undefined && templates !== undefined && Object.hasOwn(templates, name);
}

function isSameSpec(left: NodeSpec, right: NodeSpec): boolean {
  return isSame(left as unknown as Json, right as unknown as Json);
}

function repeats(run: Run, node: Node, spec: NodeSpec): boolean {
  const task = taskOf(run, spec);
  if (task === null || !isSame(node.task as unknown as Json, task as unknown as Json)) return false;
  return (spec.dependencies ?? []).every((id) => isAfter(run, node, id));
}

// --- making it -----------------------------------------------------------------------------------

/** A new node with the edges that it comes with: from any node, and to nodes that were there before. */
interface Arrival {
  readonly node: Node;
  readonly from: Set<Node>;
  readonly to: Set<Node>;
}

/**
 * Makes nodes and edges; or says which cycle they would close, and makes none of it. `isForced`: makes them all the same, because a journal
 * is never a reason to crash.
 */
function link(run: Run, change: GraphChange, by: string | null, isForced = false): Made | string[] {
  const arrivals = addNodes(run, change, by);
  const between = collectEdges(run, change, arrivals);
  const made = { change, by, added: Array.from(arrivals.keys()), edges: [] as Edge[] };
  const delayed = new Set<Node>();
  const undo = [() => removeNodes(run, made.added)];
  let cycle: string[] | null = null;
  const connectOne = (from: Node, to: Node): void => {
    if (cycle !== null && !isForced) return;
    const path = cycle === null ? run.order.admit(from, to) : null;
    if (path !== null) cycle = [from, ...path].map(({ id }) => id);
    if (cycle !== null && !isForced) return;
    connect(from, to);
    made.edges.push([from, to]);
    undo.push(() => disconnect(from, to));
    if (!arrivals.has(to)) delayed.add(to);
  };
  const { order, rest } = inTurn(arrivals);
  if (rest.size > 0) cycle = cycleOf(arrivals, rest);
  for (const { node, from, to } of order) {
    run.order.add(node, from, to);
    for (const one of from) connectOne(one, node);
    for (const one of to) connectOne(node, one);
  }
  for (const [from, to] of between) connectOne(from, to);
  const result = { ...made, delayed: [...delayed], undo };
  if (cycle === null || isForced) return result;
  takeBack(result);
  return cycle;
}

function addNodes(run: Run, change: GraphChange, by: string | null): Map<Node, Arrival> {
  const arrivals = new Map<Node, Arrival>();
  for (const spec of change.nodes ?? []) {
    const task = taskOf(run, spec);
    if (run.nodes.has(spec.id) || task === null) continue;
    const node = new Node(spec.id, task, by);
    run.nodes.set(spec.id, node);
    run.counts.PENDING += 1;
    arrivals.set(node, { node, from: new Set(), to: new Set() });
  }
  return arrivals;
}

function removeNodes(run: Run, nodes: readonly Node[]): void {
  for (const node of nodes) {
    run.nodes.delete(node.id);
    run.counts.PENDING -= 1;
    run.order.remove(node);
  }
}

/** Gives each new node its edges; returns those between nodes that were there before. */
function collectEdges(run: Run, change: GraphChange, arrivals: ReadonlyMap<Node, Arrival>): Edge[] {
  const between: Edge[] = [];
  const collect = (from: Node | undefined, to: Node | undefined): void => {
    if (from === undefined || to === undefined || to.predecessors.has(from)) return;
    const arrival = arrivals.get(to);
    if (arrival !== undefined) arrival.from.add(from);
    else if (arrivals.has(from)) arrivals.get(from)?.to.add(to);
    else between.push([from, to]);
  };
  for (const { id, dependencies } of change.nodes ?? []) {
    const node = run.nodes.get(id);
    if (node !== undefined && arrivals.has(node))
      for (const from of dependencies ?? []) collect(run.nodes.get(from), node);
  }
  const seen = new Set<string>();
  for (const { from, to } of change.edges ?? []) {
    const key = JSON.stringify([from, to]);
    if (!seen.has(key)) collect(run.nodes.get(from), run.nodes.get(to));
    seen.add(key);
  }
  return between;
}

/** New nodes, each behind those that come before it; `rest` are on a cycle, or behind one. */
function inTurn(arrivals: ReadonlyMap<Node, Arrival>): { order: Arrival[]; rest: Set<Arrival> } {
  const waits = new Map<Arrival, number>();
  const behind = new Map<Node, Arrival[]>();
  for (const arrival of arrivals.values()) {
    const before = [...arrival.from].filter((from) => arrivals.has(from));
    waits.set(arrival, before.length);
    for (const from of before) {
      const list = behind.get(from);
      if (list === undefined) behind.set(from, [arrival]);
      else list.push(arrival);
    }
  }
  const rest = new Set(arrivals.values());
  const order = [...rest].filter((arrival) => waits.get(arrival) === 0);
  for (const { node } of order) {
    for (const next of behind.get(node) ?? []) {
      const left = (waits.get(next) ?? 0) - 1;
      waits.set(next, left);
      if (left === 0) order.push(next);
    }
  }
  for (const arrival of order) rest.delete(arrival);
  return { order: rest.size === 0 ? order : [...order, ...rest], rest };
}

/** Walked backwards along what each node waits for, which ends on the cycle. */
function cycleOf(arrivals: ReadonlyMap<Node, Arrival>, rest: ReadonlySet<Arrival>): string[] {
  const before = new Map<string, string[]>();
  for (const { node, from } of rest) {
    for (const { id } of [...from].filter((one) => rest.has(arrivals.get(one) as Arrival))) {
      const list = before.get(id);
      if (list === undefined) before.set(id, [node.id]);
      else list.push(node.id);
    }
  }
  return findCycleFrom(before.keys(), (id) => before.get(id) ?? []) ?? [];
}

/** Depth first with a stack of our own: white, grey (on the path), black. */
export function findCycleFrom(
  starts: Iterable<string>,
  successorsOf: (id: string) => readonly string[],
): string[] | null {
  const done = new Set<string>();
  const onPath = new Map<string, number>();
  const path: string[] = [];
  const stack: { id: string; targets: readonly string[]; next: number }[] = [];
  const enter = (id: string): void => {
    onPath.set(id, path.length);
    path.push(id);
    stack.push({ id, targets: successorsOf(id), next: 0 });
  };
  for (const start of starts) {
    if (done.has(start)) continue;
    enter(start);
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const target = frame.targets[frame.next];
      frame.next += 1;
      if (target === undefined) {
        stack.pop();
        path.pop();
        onPath.delete(frame.id);
        done.add(frame.id);
      } else if (onPath.has(target)) return [...path.slice(onPath.get(target)), target];
      else if (!done.has(target)) enter(target);
    }
  }
  return null;
}

function connect(from: Node, to: Node): void {
  from.successors.add(to);
  to.predecessors.add(from);
  countPredecessor(from, to);
}

function disconnect(from: Node, to: Node): void {
  from.successors.delete(to);
  to.predecessors.delete(from);
  countPredecessor(from, to, -1);
}

export function recount(node: Node): void {
  node.open = 0;
  node.succeeded = 0;
  node.failed = 0;
  for (const predecessor of node.predecessors) countPredecessor(predecessor, node);
}

export function countPredecessor(from: Node, to: Node, times = 1): void {
  if (!from.isTerminal) to.open += times;
  else if (from.state === 'SUCCESS' || from.isHandled) to.succeeded += times;
  else if (from.state === 'FAILED') to.failed += times;
}
