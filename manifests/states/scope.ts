// What paths, calls and templates of a state see (JSONPath): its data as `$`, the context object as `$$`, variables by name.
//
// Owns: where each is looked up, and putting a result in its place. Does not own: how paths (paths.ts) and calls (calls.ts) are read.

import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { evaluateCall, isIntrinsic } from './calls.ts';
import { type DataPath, lookUp, readDataPath } from './paths.ts';
import { EngineError, runtimeError, type StateError } from './state-error.ts';

export interface Scope {
  readonly data: Json;
  readonly context: Json;
  readonly variables: JsonObject;
  readonly random: Random;
}

/** Undefined when the path names one place and nothing is there. */
export function findAt(text: string, scope: Scope): Json | undefined {
  return findBy(readDataPath(text), scope);
}

function findBy(path: DataPath, scope: Scope): Json | undefined {
  if (path.root === '$') return lookUp(path, scope.data);
  if (path.root === '$$') return lookUp(path, scope.context);
  const variable = Object.hasOwn(scope.variables, path.root) ? scope.variables[path.root] : undefined;
  return variable === undefined ? undefined : lookUp(path, variable);
}

export function valueAt(text: string, field: string, scope: Scope): Json {
  const value = findAt(text, scope);
  if (value !== undefined) return value;
  const input = JSON.stringify(text.startsWith('$$') ? scope.context : scope.data);
  throw runtimeError(
    `The JSONPath '${text}' specified for the field '${field}' could not be found in the input '${input.slice(0, 2000)}'`,
  );
}

/** A path or a call of an intrinsic function. */
export function evaluateText(text: string, field: string, scope: Scope): Json {
  if (!isIntrinsic(text)) return valueAt(text, field, scope);
  return evaluateCall(text, {
    random: scope.random,
    path: (path) => findBy(path, scope),
    shown: ({ root }) => (root === '$$' ? scope.context : scope.data),
  });
}

/** Fills a payload template: fields whose name ends in `.$` are computed. Depth is that of the document, which is bounded. */
export function fillTemplate(template: Json, scope: Scope): Json {
  if (Array.isArray(template)) return template.map((item) => fillTemplate(item, scope));
  if (!isObject(template)) return template;
  const entries = Object.entries(template).map(([name, value]): [string, Json] =>
    name.endsWith('.$')
      ? [name.slice(0, -2), evaluateText(textOf(value), name, scope)]
      : [name, fillTemplate(value, scope)],
  );
  return Object.fromEntries(entries);
}

/** InputPath and OutputPath: absent is all, null is nothing. */
export function selectBy(path: Json | undefined, scope: Scope): Json {
  if (path === undefined || path === '$') return scope.data;
  if (path === null) return {};
  const text = textOf(path);
  const value = findAt(text, scope);
  if (value !== undefined) return value;
  throw runtimeError(`Invalid path '${text}' : ${missing(readDataPath(text), scope)}`);
}

/** As on AWS: a member that is not there on the way to another is told otherwise than the last one. */
function missing(path: DataPath, scope: Scope): string {
  let shown = path.root === '$$' ? '$$' : '$';
  for (const [index, step] of path.steps.entries()) {
    const keys = step.type === 'names' ? step.names : step.type === 'indexes' ? step.indexes : [];
    shown += keys.map((key) => (typeof key === 'number' ? `[${key}]` : `['${key}']`)).join('');
    const isThere = findBy({ ...path, steps: path.steps.slice(0, index + 1) }, scope) !== undefined;
    if (!isThere && step.type === 'names' && index < path.steps.length - 1) return `Missing property in path ${shown}`;
  }
  return `No results for path: ${shown}`;
}

/** ResultPath: where the result goes inside the input; null drops it. */
export function placeAt(path: Json | undefined, input: Json, result: Json): Json {
  if (path === undefined || path === '$') return result;
  if (path === null) return input;
  const { steps } = readDataPath(textOf(path));
  const keys = steps.map((step) => {
    if (step.type === 'names' && step.names[0] !== undefined) return step.names[0];
    if (step.type === 'indexes' && step.indexes[0] !== undefined) return step.indexes[0];
    throw runtimeError(`ResultPath '${textOf(path)}': expected a path that names one place`);
  });
  const problem = new EngineError(
    'States.ResultPathMatchFailure',
    `Unable to apply ResultPath '${textOf(path)}' to input '${JSON.stringify(input).slice(0, 2000)}'`,
  );
  return placeIn(input, keys, result, problem);
}

/** Copies only what lies on the way. */
function placeIn(target: Json, keys: readonly (string | number)[], value: Json, problem: StateError): Json {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (typeof key === 'number') {
    const item = Array.isArray(target) ? target[key] : undefined;
    if (!Array.isArray(target) || item === undefined) throw problem;
    return target.with(key, placeIn(item, rest, value, problem));
  }
  if (!isObject(target)) throw problem;
  const inner = Object.hasOwn(target, key) ? target[key] : undefined;
  // What is no object makes room for what is to lie below it.
  const below = rest.length === 0 || isObject(inner) || Array.isArray(inner) ? (inner ?? {}) : {};
  return Object.fromEntries([
    ...Object.entries(target).filter(([name]) => name !== key),
    [key, placeIn(below, rest, value, problem)],
  ]);
}
