// JSONPath as Step Functions reads it (the Jayway dialect): a path either names one place, and then that must be there, or it gives a
// list of what it finds, which may be empty.
//
// Written here because no maintained library gives AWS's results: those at hand follow RFC 9535 (always lists, no functions) or call
// `eval` for filters.
//
// P1  nothing is evaluated as code; regular expressions are refused.
// P2  work is bounded by BUDGET places looked at, so that `$..*..*` ends.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { type Filter, holdsFor, readFilter } from './path-filter.ts';
import { runtimeError, StateError } from './state-error.ts';

const BUDGET = 2_000_000;

type Step =
  | { readonly type: 'names'; readonly names: readonly string[] }
  | { readonly type: 'indexes'; readonly indexes: readonly number[] }
  | { readonly type: 'slice'; readonly from: number | null; readonly to: number | null; readonly by: number }
  | { readonly type: 'all' }
  | { readonly type: 'deep' }
  | { readonly type: 'filter'; readonly filter: Filter }
  | { readonly type: 'call'; readonly name: string };

export interface DataPath {
  /** '$' the input, '$$' the context object, else the name of a variable. */
  readonly root: string;
  readonly steps: readonly Step[];
  /** Names one place. */
  readonly isDefinite: boolean;
}

const NAME = /[^\s.[\]()'"*,?@:$=<>!&|]+/uy;
const LENGTH_LIMIT = 10_000;

/** Why a text is no path, or undefined. A reference names one place: no wildcards, slices, filters or functions. */
export function pathProblem(text: string, kind: 'path' | 'reference' = 'path'): string | undefined {
  try {
    const { root, steps } = parse(text);
    if (kind === 'path' || (root === '$' && steps.every(isSingle))) return undefined;
    return root === '$' ? 'expected a path that names one place' : 'expected a path into the input';
  } catch (error) {
    if (error instanceof StateError) return error.message;
    throw error;
  }
}

export function readDataPath(text: string): DataPath {
  try {
    return parse(text);
  } catch (error) {
    throw error instanceof StateError ? runtimeError(`path "${text}": ${error.message}`) : error;
  }
}

function parse(text: string): DataPath {
  if (text.length > LENGTH_LIMIT)
    throw runtimeError(`expected at most ${LENGTH_LIMIT} characters, found ${text.length}`);
  if (!text.startsWith('$')) throw runtimeError('expected a path that begins with $');
  let at = text.startsWith('$$') ? 2 : 1;
  let root = text.slice(0, at);
  const variable = at === 1 ? match(NAME, text, at) : undefined;
  if (variable !== undefined) {
    root = variable;
    at += variable.length;
  }
  const steps: Step[] = [];
  while (at < text.length) at = readStep(text, at, steps);
  // Several names at the end make one object of what is there.
  const isDefinite = steps.every(
    (step, index) => isSingle(step) || step.type === 'call' || (step.type === 'names' && index === steps.length - 1),
  );
  return { root, steps, isDefinite };
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function readStep(text: string, at: number, steps: Step[]): number {
  if (text[at] === '[') return readBracket(text, at, steps);
  if (text[at] !== '.') throw unexpected(text, at);
  let start = at + 1;
  if (text[start] === '.') {
    steps.push({ type: 'deep' });
    start += 1;
    if (text[start] === '[') return readBracket(text, start, steps);
  }
  if (text[start] === '*') {
    steps.push({ type: 'all' });
    return start + 1;
  }
  const name = match(NAME, text, start);
  if (name === undefined) throw unexpected(text, start);
  const end = start + name.length;
  if (text.startsWith('()', end)) {
    if (!FUNCTIONS.has(name))
      throw runtimeError(`expected one of ${[...FUNCTIONS.keys()].join(', ')}, found ${name}()`);
    steps.push({ type: 'call', name });
    return end + 2;
  }
  steps.push({ type: 'names', names: [name] });
  return end;
}

const INDEXES = /\s*-?\d+(?:\s*,\s*-?\d+)*\s*\]/y;
const SLICE = /\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*)\s*)?\]/y;
const WILDCARD = /\s*\*\s*\]/y;

function readBracket(text: string, at: number, steps: Step[]): number {
  const start = at + 1;
  const indexes = match(INDEXES, text, start);
  if (indexes !== undefined) {
    steps.push({ type: 'indexes', indexes: indexes.slice(0, -1).split(',').map(Number) });
    return start + indexes.length;
  }
  const wildcard = match(WILDCARD, text, start);
  if (wildcard !== undefined) {
    steps.push({ type: 'all' });
    return start + wildcard.length;
  }
  SLICE.lastIndex = start;
  const slice = SLICE.exec(text);
  if (slice !== null) {
    const bound = (part: string | undefined): number | null =>
      part === undefined || part === '' ? null : Number(part);
    steps.push({ type: 'slice', from: bound(slice[1]), to: bound(slice[2]), by: bound(slice[3]) ?? 1 });
    return SLICE.lastIndex;
  }
  const first = start + text.slice(start).search(/\S/);
  if (text[first] === '?') {
    const { filter, end } = readFilter(text, first + 1);
    steps.push({ type: 'filter', filter });
    return end;
  }
  return readNames(text, first, steps);
}

function readNames(text: string, first: number, steps: Step[]): number {
  const names: string[] = [];
  let at = first;
  for (;;) {
    const mark = text[at];
    if (mark !== "'" && mark !== '"') throw unexpected(text, at);
    let name = '';
    for (at += 1; at < text.length && text[at] !== mark; at += 1) {
      if (text[at] === '\\') at += 1;
      name += text[at] ?? '';
    }
    names.push(name);
    at += 1;
    while (text[at] === ' ') at += 1;
    if (text[at] === ']') break;
    if (text[at] !== ',') throw unexpected(text, at);
    at += 1;
    while (text[at] === ' ') at += 1;
  }
  steps.push({ type: 'names', names });
  return at + 1;
}

function unexpected(text: string, at: number): Error {
  return runtimeError(`expected a step of the path at ${at + 1}, found ${JSON.stringify(text.slice(at, at + 10))}`);
}

// --- looking up ----------------------------------------------------------------------------------

/** What the path finds inside `root`; undefined when it names one place and nothing is there. */
export function lookUp(path: DataPath, root: Json): Json | undefined {
  const budget = { left: BUDGET };
  let found: Json[] = [root];
  for (const [index, step] of path.steps.entries()) {
    // A list that is asked for its length is meant as a whole.
    if (step.type === 'call' && !path.steps.slice(0, index).every(isSingle)) found = [found];
    const next: Json[] = [];
    for (const value of found) take(step, value, root, next, budget);
    found = next;
  }
  return path.isDefinite || path.steps.at(-1)?.type === 'call' ? found[0] : found;
}

function isSingle(step: Step): boolean {
  return (step.type === 'names' && step.names.length === 1) || (step.type === 'indexes' && step.indexes.length === 1);
}

function spend(budget: { left: number }, places = 1): void {
  budget.left -= places;
  if (budget.left < 0) throw runtimeError(`a path looked at more than ${BUDGET} places`);
}

function take(step: Step, value: Json, root: Json, out: Json[], budget: { left: number }): void {
  spend(budget);
  switch (step.type) {
    case 'names':
      takeNames(step.names, value, out);
      return;
    case 'indexes':
      if (!Array.isArray(value)) return;
      for (const index of step.indexes) {
        const item = value.at(index);
        if (item !== undefined) out.push(item);
      }
      return;
    case 'slice':
      if (Array.isArray(value)) takeSlice(step, value, out);
      return;
    case 'all':
      for (const child of childrenOf(value)) out.push(child);
      return;
    case 'deep':
      takeDeep(value, out, budget);
      return;
    case 'filter':
      for (const child of Array.isArray(value) ? value : [value]) {
        spend(budget);
        if (holdsFor(step.filter, child, root)) out.push(child);
      }
      return;
    case 'call': {
      const result = FUNCTIONS.get(step.name)?.(value);
      if (result !== undefined) out.push(result);
    }
  }
}

function takeNames(names: readonly string[], value: Json, out: Json[]): void {
  if (!isObject(value)) return;
  const [only] = names;
  if (names.length === 1 && only !== undefined) {
    const member = Object.hasOwn(value, only) ? value[only] : undefined;
    if (member !== undefined) out.push(member);
    return;
  }
  const some: JsonObject = {};
  for (const name of names) if (Object.hasOwn(value, name)) some[name] = value[name] ?? null;
  out.push(some);
}

function takeSlice(step: Extract<Step, { type: 'slice' }>, value: readonly Json[], out: Json[]): void {
  const { length } = value;
  const by = step.by > 0 ? step.by : 1;
  const place = (index: number): number => Math.min(Math.max(index < 0 ? length + index : index, 0), length);
  for (let at = place(step.from ?? 0); at < place(step.to ?? length); at += by) out.push(value[at] ?? null);
}

function childrenOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
}

/** The value and all that is in it, outermost first; iterative, because data may be deep. */
function takeDeep(value: Json, out: Json[], budget: { left: number }): void {
  const open: Json[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    spend(budget);
    if (typeof next !== 'object' || next === null) continue;
    out.push(next);
    open.push(...childrenOf(next).toReversed());
  }
}

type Numbers = readonly number[];

function sum(numbers: Numbers): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Of numbers, unless there are none. */
function ofNumbers(compute: (numbers: Numbers) => number): (value: Json) => Json | undefined {
  return (value) => {
    const numbers = childrenOf(value).filter((item) => typeof item === 'number');
    return numbers.length === 0 ? undefined : compute(numbers);
  };
}

function lengthOf(value: Json): number | undefined {
  if (typeof value === 'string') return value.length;
  return typeof value === 'object' && value !== null ? childrenOf(value).length : undefined;
}

function deviation(numbers: Numbers): number {
  const mean = sum(numbers) / numbers.length;
  return Math.sqrt(sum(numbers.map((number) => (number - mean) ** 2)) / numbers.length);
}

/** What may stand at the end of a path: `$.prices.max()`. */
const FUNCTIONS: ReadonlyMap<string, (value: Json) => Json | undefined> = new Map([
  ['length', lengthOf],
  ['size', lengthOf],
  ['keys', (value: Json) => (isObject(value) ? Object.keys(value) : undefined)],
  ['first', (value: Json) => childrenOf(value)[0]],
  ['last', (value: Json) => childrenOf(value).at(-1)],
  ['min', ofNumbers((numbers) => numbers.reduce((least, number) => Math.min(least, number)))],
  ['max', ofNumbers((numbers) => numbers.reduce((most, number) => Math.max(most, number)))],
  ['sum', ofNumbers(sum)],
  ['avg', ofNumbers((numbers) => sum(numbers) / numbers.length)],
  ['stddev', ofNumbers(deviation)],
]);
