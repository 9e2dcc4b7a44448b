// The functions that come with the engine: those of the steps example, and a map over a collection. The map is written with the public protocol
// (docs/protocols/messages.md); nothing else in the engine knows of it. worker/python/oarlock_map.py is the same in Python.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';

export function task_a(): boolean {
  return run('A');
}

export function task_b(): boolean {
  return run('B');
}

export function task_c(): boolean {
  return run('C');
}

function run(name: string): boolean {
  process.stdout.write(`Running task ${name}\n`);
  return true;
}

/** What `call` gives a function, as far as it is used here. */
interface Context {
  readonly input: Json;
  readonly node: string;
  readonly change: (change: JsonObject) => Promise<readonly string[]>;
}

/**
 * One node for each of `items`, made of the template `task`, the item as its input; after this node, before those that `before` names. With
 * `into` a last one, made of the template of that name and called so, which is given all outputs in order.
 */
export async function map({ input, node, change }: Context): Promise<Json> {
  const { items, task, into, before = [] } = isObject(input) ? input : {};
  if (!Array.isArray(items)) throw new Error('input.items: expected a list');
  if (typeof task !== 'string') throw new Error('input.task: expected the name of a template');
  const ids = items.map((_, index) => `${node}/${index}`);
  const after = into === undefined ? before : [into];
  const nodes: JsonObject[] = items.map((item, index) => ({
    id: ids[index] ?? '',
    task,
    input: item,
    dependencies: [node],
    before: after,
  }));
  if (into !== undefined) {
    const results = ids.map((id) => `$.tasks[${JSON.stringify(id)}].output`);
    nodes.push({ id: into, task: into, with: { results }, dependencies: [node, ...ids], before });
  }
  await change({ nodes });
  return { items: items.length };
}

/** The outputs that a map gathers, as a list. */
export function gather({ input }: Context): Json {
  return isObject(input) ? (input['results'] ?? []) : [];
}
