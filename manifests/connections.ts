// Do tasks that are connected fit together? What `with` gives a task, against its inputSchema; what it takes from other tasks, against
// their outputSchema. Before a run starts, and so without any data.
//
// K1  refused is only what can never fit: keywords that say nothing about form (patterns, bounds), and schemas that leave a choice open,
//     are left to the check when the data is there.
// K2  a missing path is null, so whatever a path leads to may also be null.

import { isSame } from '../kernel/expression.ts';
import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import { isPath, parsePath, type Path as DataPath, type PathStep } from '../kernel/paths.ts';
import { type Findings, type Path, quote, show } from './problems.ts';
import { typeWords } from './schema.ts';

export interface ConnectedTask {
  readonly id: string;
  /** Where it was written. */
  readonly path: Path;
  readonly with?: Json | undefined;
  readonly inputSchema?: Json | undefined;
  readonly outputSchema?: Json | undefined;
}

type Type = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';
type Types = ReadonlySet<Type>;

const ALL: Types = new Set(['null', 'boolean', 'number', 'string', 'array', 'object']);
const DEPTH_LIMIT = 20;

/** A schema, with the document that its references lead into. */
interface Placed {
  readonly schema: Json;
  readonly root: Json;
}

export function checkConnections(tasks: readonly ConnectedTask[], findings: Findings): void {
  const outputs = new Map<string, Placed>();
  for (const { id, outputSchema } of tasks)
    if (outputSchema !== undefined) outputs.set(id, { schema: outputSchema, root: outputSchema });
  for (const task of tasks) {
    if (findings.isFull) return;
    if (task.with === undefined || (task.inputSchema === undefined && outputs.size === 0)) continue;
    const schema = task.inputSchema ?? true;
    new Check(outputs, findings).fits(task.with, { schema, root: schema }, [...task.path, 'with'], 0);
  }
}

class Check {
  readonly #outputs: ReadonlyMap<string, Placed>;
  readonly #findings: Findings;

  constructor(outputs: ReadonlyMap<string, Placed>, findings: Findings) {
    this.#outputs = outputs;
    this.#findings = findings;
  }

  /** Depth of `with` is bounded by admission. */
  fits(value: Json, placed: Placed, path: Path, depth: number): void {
    if (isPath(value)) return this.#pathFits(value, placed, path);
    const types = typesOf(placed, depth);
    if (!types.has(typeOf(value)))
      return this.#findings.add(path, 'TypeInvalid', `expected ${wordsOf(types)} (inputSchema), found ${show(value)}`);
    const parts = partsOf(placed, depth);
    if (Array.isArray(value)) this.#itemsFit(value, parts, path, depth);
    else if (isObject(value)) this.#fieldsFit(value, parts, path, depth);
    else this.#isAllowed(value, parts, path);
  }

  #isAllowed(value: Json, parts: readonly Part[], path: Path): void {
    for (const { schema } of parts) {
      const allowed = schema['const'] === undefined ? schema['enum'] : [schema['const']];
      if (!Array.isArray(allowed) || allowed.some((one) => isSame(one, value))) continue;
      const words = allowed.slice(0, 10).map((one) => JSON.stringify(one));
      this.#findings.add(path, 'NotSupported', `expected ${words.join(' or ')} (inputSchema), found ${show(value)}`);
      return;
    }
  }

  #itemsFit(value: readonly Json[], parts: readonly Part[], path: Path, depth: number): void {
    for (const [index, item] of value.entries())
      for (const next of nextOf(parts, index)) this.fits(item, next, [...path, index], depth + 1);
  }

  #fieldsFit(value: JsonObject, parts: readonly Part[], path: Path, depth: number): void {
    const required = new Set(parts.flatMap(({ schema }) => asList(schema['required'])));
    for (const name of required)
      if (typeof name === 'string' && !Object.hasOwn(value, name))
        this.#findings.add([...path, name], 'Required', 'required by inputSchema, and not there');
    for (const [name, field] of Object.entries(value)) {
      const next = nextOf(parts, name);
      if (next.some(({ schema }) => schema === false))
        this.#findings.add([...path, name], 'Unknown', 'inputSchema takes no such field', { atKey: true });
      // What a path leads to is looked at though nothing is asked of it.
      else for (const one of next.length === 0 ? [ANYTHING] : next) this.fits(field, one, [...path, name], depth + 1);
    }
  }

  #pathFits(text: string, wanted: Placed, path: Path): void {
    const [root, id, field, ...steps] = stepsOf(text);
    const output = root === 'tasks' && field === 'output' ? this.#outputs.get(String(id)) : undefined;
    if (output === undefined) return;
    const found = typesAt(output, steps);
    const task = quote(String(id));
    if (found === null)
      return this.#findings.add(
        path,
        'NotFound',
        `expected a place in the output of ${task}, found ${quote(text)}, which its outputSchema rules out`,
      );
    const types = typesOf(wanted, 0);
    if (types.has('null') || [...found].some((type) => types.has(type))) return;
    const words = `expected ${wordsOf(types)} (inputSchema), found ${wordsOf(found)} (outputSchema of ${task})`;
    this.#findings.add(path, 'TypeInvalid', words);
  }
}

const ANYTHING: Placed = { schema: true, root: true };

/** What cannot be read was told already. */
function stepsOf(text: string): DataPath {
  try {
    return parsePath(text);
  } catch {
    return [];
  }
}

// --- schemas ---------------------------------------------------------------------------------------

interface Part {
  readonly schema: JsonObject;
  readonly root: Json;
}

/** The schema and what must hold with it: `$ref` and `allOf`. A choice (anyOf, oneOf, if) is not looked into. */
function partsOf({ schema, root }: Placed, depth: number): Part[] {
  if (!isObject(schema) || depth > DEPTH_LIMIT) return [];
  const others = [...referred(schema, root), ...asList(schema['allOf'])];
  return [{ schema, root }, ...others.flatMap((other) => partsOf({ schema: other, root }, depth + 1))];
}

/** Only references into the same document, by a plain pointer. */
function referred(schema: JsonObject, root: Json): Json[] {
  const reference = schema['$ref'];
  if (reference === '#') return [root];
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return [];
  let at: Json | undefined = root;
  for (const step of reference.slice(2).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at === undefined ? [] : [at];
}

/** Schemas for what stands at a step below; `false` among them when nothing can. */
function nextOf(parts: readonly Part[], step: PathStep): Placed[] {
  return parts.flatMap(({ schema, root }) => {
    const next = typeof step === 'number' ? itemSchema(schema, step) : fieldSchema(schema, step);
    return next === undefined ? [] : [{ schema: next, root }];
  });
}

function itemSchema(schema: JsonObject, index: number): Json | undefined {
  return asList(schema['prefixItems'])[index] ?? schema['items'];
}

function fieldSchema(schema: JsonObject, name: string): Json | undefined {
  const properties = schema['properties'];
  if (isObject(properties) && Object.hasOwn(properties, name)) return properties[name];
  return schema['patternProperties'] === undefined ? schema['additionalProperties'] : undefined;
}

/** Types of what may stand at the steps; null when nothing ever does. */
function typesAt(from: Placed, steps: readonly PathStep[]): Types | null {
  let at: readonly Placed[] = [from];
  for (const [depth, step] of steps.entries()) {
    const types = intersect(at.map((placed) => typesOf(placed, depth)));
    if (!types.has(typeof step === 'number' ? 'array' : 'object')) return null;
    at = nextOf(
      at.flatMap((placed) => partsOf(placed, depth)),
      step,
    );
  }
  const types = intersect(at.map((placed) => typesOf(placed, 0)));
  return types.size === 0 ? null : types;
}

function typesOf({ schema, root }: Placed, depth: number): Types {
  if (schema === false) return new Set();
  if (!isObject(schema) || depth > DEPTH_LIMIT) return ALL;
  const inner = (other: Json): Types => typesOf({ schema: other, root }, depth + 1);
  const limits: Types[] = [];
  const { type, enum: values } = schema;
  if (typeof type === 'string') limits.push(named([type]));
  else if (Array.isArray(type)) limits.push(named(type));
  if (schema['const'] !== undefined) limits.push(new Set([typeOf(schema['const'])]));
  if (Array.isArray(values)) limits.push(new Set(values.map(typeOf)));
  for (const other of [...referred(schema, root), ...asList(schema['allOf'])]) limits.push(inner(other));
  for (const choice of [schema['anyOf'], schema['oneOf']])
    if (Array.isArray(choice)) limits.push(new Set(choice.flatMap((other) => [...inner(other)])));
  return intersect(limits);
}

function named(types: readonly Json[]): Types {
  return new Set(types.map((type) => (type === 'integer' ? 'number' : (type as Type))));
}

function intersect(limits: readonly Types[]): Types {
  return limits.length === 0 ? ALL : new Set([...ALL].filter((type) => limits.every((limit) => limit.has(type))));
}

function typeOf(value: Json): Type {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : (typeof value as Type);
}

function asList(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function wordsOf(types: Types): string {
  return types.size === 0 ? 'no value at all' : typeWords([...types]);
}
