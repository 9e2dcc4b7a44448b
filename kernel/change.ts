// GraphChange: the only thing that changes a graph. Checked whole, then applied whole.
//
// C1  no cycle.
// C2  no second node of a name, unless it says the same in the same words (then it changes nothing).
// C3  no edge into a node that has started or ended.
// A check costs O(change) plus, for edges between nodes that are both there already, the part of the graph between them.

import { checkTask } from './check-task.ts';
import { isSame } from './expression.ts';
import type { Json } from './json.ts';
import { Node } from './node.ts';
import type { Run } from './run.ts';
import type { GraphChange, NodeSpec, TaskSpec } from './task.ts';

/** Null when the change may be made, else why not. */
export function checkChange(run: Run, change: GraphChange): string | null {
  if (run.end !== null) return 'the run has ended';
  const added = new Map<string, NodeSpec>();
  for (const spec of change.nodes ?? []) {
    const problem = typeof spec.task === 'string' ? null : checkTask(spec.task);
    if (problem !== null) return `node "${spec.id}": ${problem}`;
    const twin = added.get(spec.id);
    const present = run.nodes.get(spec.id);
    if (twin !== undefined && !isSameSpec(twin, spec)) return `node "${spec.id}": is named twice, with other words`;
    if (present !== undefined && !repeats(run, present, spec))
      return `node "${spec.id}": is there already, with other words`;
    if (present === undefined && taskOf(run, spec) === null)
      return `node "${spec.id}": no template "${typeof spec.task === 'string' ? spec.task : ''}"`;
    if (present === undefined) added.set(spec.id, spec);
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
    if (target !== undefined && hasStarted(target) && !isAfter(run, target, from)) {
      return `edge "${from}" -> "${to}": "${to}" has started`;
    }
  }
  const cycle = findCycle(run, added, change);
  return cycle === null ? null : `cycle: ${cycle.join(' -> ')}`;
}

export function hasStarted(node: Node): boolean {
  return node.state !== 'PENDING' || node.current !== null;
}

/** Is there an edge from `id` to the node? */
function isAfter(run: Run, node: Node, id: string): boolean {
  const other = run.nodes.get(id);
  return other !== undefined && node.predecessors.has(other);
}

function taskOf(run: Run, spec: NodeSpec): TaskSpec | null {
  if (typeof spec.task !== 'string') return spec.task;
  const templates = run.registration.templates;
  return templates !== undefined && Object.hasOwn(templates, spec.task)
    ? { task: spec.task, ...(templates[spec.task] as TaskSpec) }
    : null;
}

function isSameSpec(left: NodeSpec, right: NodeSpec): boolean {
  return isSame(left as unknown as Json, right as unknown as Json);
}

function repeats(run: Run, node: Node, spec: NodeSpec): boolean {
  const task = taskOf(run, spec);
  if (task === null || !isSame(node.task as unknown as Json, task as unknown as Json)) return false;
  return (spec.dependencies ?? []).every((id) => isAfter(run, node, id));
}

/**
 * A cycle that the change would close, node by node, or null. Only new nodes and the targets of new edges can lie on one, so the
 * search starts there and follows edges forward; it is iterative, a chain of 10,000 nodes is ordinary input.
 */
function findCycle(run: Run, added: ReadonlyMap<string, NodeSpec>, change: GraphChange): string[] | null {
  const forward = new Map<string, string[]>();
  const link = (from: string, to: string): void => {
    const targets = forward.get(from);
    if (targets === undefined) forward.set(from, [to]);
    else targets.push(to);
  };
  for (const spec of added.values()) for (const dependency of spec.dependencies ?? []) link(dependency, spec.id);
  for (const { from, to } of change.edges ?? []) link(from, to);
  const successorsOf = (id: string): string[] => {
    const present = run.nodes.get(id);
    const fresh = forward.get(id) ?? [];
    return present === undefined ? fresh : [...Array.from(present.successors, (node) => node.id), ...fresh];
  };
  const starts = new Set([...added.keys(), ...(change.edges ?? []).map(({ to }) => to)]);
  return findCycleFrom(starts, successorsOf);
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

/** What an accepted change touched: nodes that are new, and nodes that got a new predecessor. */
export interface Touched {
  readonly added: readonly Node[];
  readonly delayed: readonly Node[];
}

/** Makes the change. The caller has checked it, and judges the touched nodes afterwards. */
export function makeChange(run: Run, change: GraphChange, by: string | null): Touched {
  const added: Node[] = [];
  for (const spec of change.nodes ?? []) {
    const task = taskOf(run, spec);
    if (run.nodes.has(spec.id) || task === null) continue;
    const node = new Node(spec.id, task, by);
    run.nodes.set(spec.id, node);
    run.counts.PENDING += 1;
    added.push(node);
  }
  const delayed = new Set<Node>();
  const isNew = new Set(added);
  for (const spec of change.nodes ?? []) {
    const node = run.nodes.get(spec.id);
    if (node === undefined || !isNew.has(node)) continue;
    for (const id of new Set(spec.dependencies ?? [])) connect(run.nodes.get(id), node);
  }
  for (const { from, to } of change.edges ?? []) {
    const target = run.nodes.get(to);
    if (target === undefined || isAfter(run, target, from)) continue;
    connect(run.nodes.get(from), target);
    if (!isNew.has(target)) delayed.add(target);
  }
  return { added, delayed: [...delayed] };
}

function connect(from: Node | undefined, to: Node): void {
  if (from === undefined) return;
  from.successors.add(to);
  to.predecessors.add(from);
  countPredecessor(from, to);
}

export function recount(node: Node): void {
  node.open = 0;
  node.succeeded = 0;
  node.failed = 0;
  for (const predecessor of node.predecessors) countPredecessor(predecessor, node);
}

export function countPredecessor(from: Node, to: Node): void {
  if (!from.isTerminal) to.open += 1;
  else if (from.state === 'SUCCESS' || from.isHandled) to.succeeded += 1;
  else if (from.state === 'FAILED') to.failed += 1;
}
