// JSONata: expressions `{% ... %}` inside the data of a state, evaluated by the library `jsonata`. This file is its only door.
//
// J1  what goes wrong is States.QueryEvaluationError, with the expression and the field that it stands in.
// J2  nothing here bounds time or memory: outside tests it runs in a thread (jsonata-thread.ts).

import { createRequire } from 'node:module';
import type jsonata from 'jsonata';
import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { lazy } from '../lazy.ts';
import { isJsonataText } from './choice.ts';
import { fraction, hash, partition, range } from './intrinsics.ts';
import { queryError } from './state-error.ts';

const library = lazy(() => createRequire(import.meta.url)('jsonata') as typeof jsonata);

/** Why a text `{% ... %}` is no expression, or undefined. */
export function expressionProblem(text: string): string | undefined {
  try {
    library()(text.slice(2, -2));
    return undefined;
  } catch (error) {
    return `expected a JSONata expression: ${isMessage(error) ? error.message : String(error)}`;
  }
}

/** Evaluates every expression in `template`. `field` names the place for messages, `bindings` are the variables without `$`. */
export async function evaluateTemplate(
  template: Json,
  field: string,
  bindings: JsonObject,
  random: Random,
): Promise<Json> {
  if (typeof template === 'string') {
    return isJsonataText(template) ? evaluate(template.slice(2, -2).trim(), field, bindings, random) : template;
  }
  if (Array.isArray(template)) {
    const items: Json[] = [];
    for (const [index, item] of template.entries())
      items.push(await evaluateTemplate(item, `${field}[${index}]`, bindings, random));
    return items;
  }
  if (!isObject(template)) return template;
  const entries: [string, Json][] = [];
  for (const [name, value] of Object.entries(template))
    entries.push([name, await evaluateTemplate(value, `${field}/${name}`, bindings, random)]);
  return Object.fromEntries(entries);
}

async function evaluate(text: string, field: string, bindings: JsonObject, random: Random): Promise<Json> {
  const where = `The JSONata expression '${text}' specified for the field '${field}'`;
  let result: unknown;
  try {
    const expression = library()(text);
    for (const [name, signature, compute] of functionsOf(random)) expression.registerFunction(name, compute, signature);
    result = await expression.evaluate(undefined, bindings);
  } catch (error) {
    throw queryError(`${where} threw an error during evaluation. ${problemOf(error)}`);
  }
  if (result === undefined) throw queryError(`${where} returned nothing (undefined).`);
  if (typeof result === 'function' || isFunction(result))
    throw queryError(`${where} returned an unsupported result type.`);
  // Sequences of the library are lists with marks on them; plain data has none.
  const plain = JSON.stringify(result, (_, value: unknown) => {
    if (typeof value !== 'number' || Number.isFinite(value)) return value;
    throw queryError(`${where} threw an error during evaluation. D1001: Number out of range: ${value}`);
  });
  return JSON.parse(plain) as Json;
}

/** As the service says it: the code of the error, then its words. */
function problemOf(error: unknown): string {
  if (!isMessage(error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  return code + error.message;
}

function isMessage(error: unknown): error is { message: string } {
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string';
}

/** One of its own, or one of the library. */
function isFunction(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('_jsonata_lambda' in value || '_jsonata_function' in value);
}

type Extra = readonly [name: string, signature: string, compute: (...args: Json[]) => unknown];

/** What Step Functions adds to the language; `$eval` is not there. */
function functionsOf(random: Random): readonly Extra[] {
  return [
    [
      'partition',
      '<an:a>',
      (items, size) => (Array.isArray(items) ? partition(items, Math.floor(Number(size))) : undefined),
    ],
    ['range', '<nnn:a>', (first, last, step) => range(Number(first), Number(last), Number(step))],
    ['hash', '<ss:s>', (data, algorithm) => hash(data, algorithm)],
    ['random', '<n?:n>', (seed) => fraction(seed, random)],
    ['uuid', '<:s>', () => random.uuid()],
    ['parse', '<s:x>', (text) => JSON.parse(textOf(text)) as unknown],
    [
      'eval',
      '<x*:x>',
      () => {
        throw new Error('the function $eval is not supported');
      },
    ],
  ];
}
