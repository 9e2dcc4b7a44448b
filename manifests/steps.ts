// The front end `steps`: a list of steps, each with tasks side by side or one after the other, as the same nodes
// and edges that `tasks` gives.
//
// A task of a step depends on all that the step before ended with. A Task that is named again gets `name#2`.

import { isObject, type JsonObject } from '../kernel/json.ts';
import type { Findings, Path } from './problems.ts';
import { checkId, checkTaskBody, checkTyped, idOf } from './tasks.ts';

/** Steps side by side multiply: each task of one depends on each of the one before. */
const EDGE_LIMIT = 2_000_000;

interface Step {
  readonly type: 'parallel' | 'sequential';
  readonly tasks: readonly (string | JsonObject)[];
}

/** A task in the form of the front end `tasks`, with the place where it was written. */
export interface StepNode {
  readonly task: JsonObject;
  readonly path: Path;
}

/** The steps as tasks with dependencies, in order. The spec has passed `checkSteps`. */
export function expandSteps(steps: readonly JsonObject[], path: Path): StepNode[] {
  const idFor = namer(steps);
  const nodes: StepNode[] = [];
  let before: readonly string[] = [];
  for (const [stepIndex, step] of (steps as unknown as Step[]).entries()) {
    const ends: string[] = [];
    let dependencies = before;
    for (const [index, entry] of step.tasks.entries()) {
      const id = typeof entry === 'string' ? idFor(entry) : idOf(entry);
      const body = typeof entry === 'string' ? { taskRef: entry } : entry;
      const task: JsonObject = { ...body, id, dependencies: dependencies as string[] };
      nodes.push({ task, path: [...path, stepIndex, 'tasks', index] });
      if (step.type === 'sequential') {
        dependencies = [id];
        ends.length = 0;
      }
      ends.push(id);
    }
    before = ends;
  }
  return nodes;
}

/** Ids for Tasks that are named: the name, then `name#2`, `name#3`, around the ids that people wrote. */
function namer(steps: readonly JsonObject[]): (name: string) => string {
  const taken = new Set<string>();
  for (const entry of entriesOf(steps)) if (isObject(entry)) taken.add(idOf(entry));
  const uses = new Map<string, number>();
  return (name) => {
    for (;;) {
      const use = (uses.get(name) ?? 0) + 1;
      uses.set(name, use);
      const id = use === 1 ? name : `${name}#${use}`;
      if (taken.has(id)) continue;
      taken.add(id);
      return id;
    }
  };
}

function entriesOf(steps: readonly JsonObject[]): (string | JsonObject)[] {
  return (steps as unknown as Step[]).flatMap((step) => [...step.tasks]);
}

/** The steps of `spec.steps` once the schema has passed. */
export function checkSteps(steps: readonly JsonObject[], path: Path, findings: Findings): void {
  const tooMany = stepWithTooManyEdges(steps);
  if (tooMany !== undefined) {
    const message = `expected at most ${EDGE_LIMIT} dependencies between steps, found more; put a step with one task between`;
    findings.add([...path, tooMany], 'Invalid', message);
    return;
  }
  const seen = new Map<string, number>();
  const nodes = expandSteps(steps, path);
  for (const node of nodes) {
    const id = idOf(node.task);
    checkId(id, node.path, seen.get(id), findings);
    if (!seen.has(id)) seen.set(id, seen.size);
  }
  for (const node of nodes) {
    if (findings.isFull) return;
    checkTaskBody(node.task, node.path, seen, findings);
  }
  if (!findings.isEmpty) return;
  checkTyped(
    nodes.map(({ task }) => task),
    (index) => nodes[index]?.path ?? path,
    findings,
  );
}

function stepWithTooManyEdges(steps: readonly JsonObject[]): number | undefined {
  let edges = 0;
  let before = 0;
  for (const [index, step] of (steps as unknown as Step[]).entries()) {
    edges += step.type === 'parallel' ? before * step.tasks.length : before + step.tasks.length;
    if (edges > EDGE_LIMIT) return index;
    before = step.type === 'parallel' ? step.tasks.length : 1;
  }
  return undefined;
}
