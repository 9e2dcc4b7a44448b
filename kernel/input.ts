// What a node is given: paths of `when` and `with` over the run's input and the outputs of other nodes.
//
// `$.input...` and `$.tasks.ID.{output,state,error,attempts}...`; a missing place is null. A path is looked up in
// the run itself, so that it costs its length and not the size of the run.

import { type Json, isObject } from './json.ts';
import type { Node } from './node.ts';
import { isPath, type Path, parsePath, resolvePath } from './paths.ts';
import type { Run } from './run.ts';

export function resolveInRun(run: Run, path: Path): Json {
  const [head, ...rest] = path;
  if (head === 'input') return resolvePath(run.registration.input, rest);
  if (head !== 'tasks') return null;
  const [id, field, ...inner] = rest;
  const node = id === undefined ? undefined : run.nodes.get(String(id));
  if (node === undefined || field === undefined) return null;
  return resolvePath(fieldOf(node, String(field)), inner);
}

function fieldOf(node: Node, field: string): Json {
  switch (field) {
    case 'output':
      return node.output;
    case 'state':
      return node.state;
    case 'attempts':
      return node.attempts;
    case 'error':
      return node.error === null ? null : { type: node.error.type, message: node.error.message };
    default:
      return null;
  }
}

/** The node's input; undefined when it has none of its own: then it gets the run's input. */
export function inputOf(run: Run, node: Node): Json | undefined {
  if (node.input !== undefined) return node.input;
  if (node.task.input !== undefined) return node.task.input;
  return node.task.with === undefined ? undefined : fill(run, node.task.with);
}

/** Depth of `with` is bounded by admission. */
function fill(run: Run, template: Json): Json {
  if (isPath(template)) return resolveInRun(run, parsePath(template));
  if (Array.isArray(template)) return template.map((item) => fill(run, item));
  if (!isObject(template)) return template;
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, fill(run, value)]));
}
