// Filters of a JSONPath: `[?(@.price < 10 && @.kind == 'book')]`, `[?(@.isbn)]`, `[?(!(@.a in ['x', 'y']))]`.
//
// Owns: their syntax and when they hold. Does not own: paths in general (paths.ts), which `@...` uses in a small form: names and
// indexes.
//
// F1  reading recurses over brackets only, at most DEPTH deep.

import { isSame } from '../../kernel/expression.ts';
import { isObject, type Json, textOf } from '../../kernel/json.ts';
import { runtimeError } from './state-error.ts';

type Operand =
  | { readonly type: 'literal'; readonly value: Json }
  | { readonly type: 'path'; readonly isRoot: boolean; readonly steps: readonly (string | number)[] };

export type Filter =
  | { readonly type: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly type: 'not'; readonly of: Filter }
  | { readonly type: 'exists'; readonly operand: Operand }
  | { readonly type: 'compare'; readonly operator: string; readonly left: Operand; readonly right: Operand };

const DEPTH = 20;
const TOKEN =
  /\s*(&&|\|\||[!<>=]=|=~|[<>!()[\],]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[@$](?:\.[\p{L}\p{N}_$-]+|\[(?:-?\d+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\])*|[A-Za-z_][\w-]*)/uy;

class Reader {
  readonly #text: string;
  #at: number;
  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  peek(): string | undefined {
    TOKEN.lastIndex = this.#at;
    return TOKEN.exec(this.#text)?.[1];
  }

  next(): string {
    TOKEN.lastIndex = this.#at;
    const token = TOKEN.exec(this.#text)?.[1];
    if (token === undefined) throw this.problem('a comparison');
    this.#at = TOKEN.lastIndex;
    return token;
  }

  skip(token: string): boolean {
    if (this.peek() !== token) return false;
    this.next();
    return true;
  }

  expect(token: string): void {
    if (!this.skip(token)) throw this.problem(`"${token}"`);
  }

  problem(expected: string): Error {
    const found = JSON.stringify(this.#text.slice(this.#at, this.#at + 10));
    return runtimeError(`expected ${expected} in the filter at ${this.#at + 1}, found ${found}`);
  }
}

/** Reads a filter behind its `?`, up to and with the bracket that closes it. */
export function readFilter(text: string, start: number): { filter: Filter; end: number } {
  const reader = new Reader(text, start);
  const filter = readOr(reader, 0);
  reader.expect(']');
  return { filter, end: reader.at };
}

function readOr(reader: Reader, depth: number): Filter {
  if (depth > DEPTH) throw reader.problem(`at most ${DEPTH} brackets inside one another`);
  const of = [readAnd(reader, depth)];
  while (reader.skip('||')) of.push(readAnd(reader, depth));
  return of.length === 1 && of[0] !== undefined ? of[0] : { type: 'or', of };
}

function readAnd(reader: Reader, depth: number): Filter {
  const of = [readUnary(reader, depth)];
  while (reader.skip('&&')) of.push(readUnary(reader, depth));
  return of.length === 1 && of[0] !== undefined ? of[0] : { type: 'and', of };
}

const COMPARISONS = [
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'nin',
  'contains',
  'size',
  'empty',
  'subsetof',
  'anyof',
  'noneof',
];

function readUnary(reader: Reader, depth: number): Filter {
  if (reader.skip('!')) return { type: 'not', of: readUnary(reader, depth + 1) };
  if (reader.skip('(')) {
    const inner = readOr(reader, depth + 1);
    reader.expect(')');
    return inner;
  }
  const left = readOperand(reader);
  const operator = reader.peek()?.toLowerCase();
  if (operator === undefined || !COMPARISONS.includes(operator)) {
    if (operator === '=~') throw runtimeError('filter of a path: expected a comparison, found a regular expression');
    return { type: 'exists', operand: left };
  }
  reader.next();
  return { type: 'compare', operator, left, right: readOperand(reader) };
}

const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

function readOperand(reader: Reader): Operand {
  const token = reader.next();
  const first = token.charAt(0);
  if (first === '@' || first === '$') return { type: 'path', isRoot: first === '$', steps: stepsOf(token) };
  if (first === "'" || first === '"') return { type: 'literal', value: unquote(token) };
  if (token === '[') return { type: 'literal', value: readList(reader) };
  const word = WORDS.get(token);
  if (word !== undefined) return { type: 'literal', value: word };
  if (/^[-\d]/.test(token)) return { type: 'literal', value: Number(token) };
  // Inside a call of an intrinsic function texts stand without quotes.
  if (/^[A-Za-z_]/.test(token)) return { type: 'literal', value: token };
  throw reader.problem('a path or a value');
}

function readList(reader: Reader): Json[] {
  const items: Json[] = [];
  while (!reader.skip(']')) {
    const item = readOperand(reader);
    if (item.type !== 'literal') throw reader.problem('a value');
    items.push(item.value);
    if (reader.peek() !== ']') reader.expect(',');
  }
  return items;
}

function unquote(token: string): string {
  return token.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

const STEP = /\.([\p{L}\p{N}_$-]+)|\[(-?\d+)\]|\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]/gu;

function stepsOf(token: string): (string | number)[] {
  return Array.from(token.matchAll(STEP), ([, name, index, quoted]) =>
    index === undefined ? (name ?? unquote(quoted ?? "''")) : Number(index),
  );
}

export function holdsFor(filter: Filter, current: Json, root: Json): boolean {
  switch (filter.type) {
    case 'and':
      return filter.of.every((part) => holdsFor(part, current, root));
    case 'or':
      return filter.of.some((part) => holdsFor(part, current, root));
    case 'not':
      return !holdsFor(filter.of, current, root);
    case 'exists':
      return valueOf(filter.operand, current, root) !== undefined;
    case 'compare':
      return compare(filter.operator, valueOf(filter.left, current, root), valueOf(filter.right, current, root));
  }
}

function valueOf(operand: Operand, current: Json, root: Json): Json | undefined {
  if (operand.type === 'literal') return operand.value;
  let value: Json | undefined = operand.isRoot ? root : current;
  for (const step of operand.steps) {
    if (typeof step === 'number') value = Array.isArray(value) ? value.at(step) : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

const isIn = (list: Json, item: Json): boolean => Array.isArray(list) && list.some((other) => isSame(other, item));

const lengthOf = (value: Json): number =>
  typeof value === 'string' || Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : -1;

/** Operators that look into a list or a text. */
const LISTS: ReadonlyMap<string, (left: Json, right: Json) => boolean> = new Map([
  ['in', (left, right) => isIn(right, left)],
  ['nin', (left, right) => !isIn(right, left)],
  ['contains', (left, right) => (typeof left === 'string' ? left.includes(textOf(right)) : isIn(left, right))],
  ['size', (left, right) => lengthOf(left) === right],
  ['empty', (left, right) => (lengthOf(left) === 0) === right],
  ['subsetof', (left, right) => Array.isArray(left) && left.every((item) => isIn(right, item))],
  ['anyof', (left, right) => Array.isArray(left) && left.some((item) => isIn(right, item))],
  ['noneof', (left, right) => Array.isArray(left) && !left.some((item) => isIn(right, item))],
]);

function compare(operator: string, left: Json | undefined, right: Json | undefined): boolean {
  if (left === undefined || right === undefined) return operator === '!=' && left !== right;
  if (operator === '==') return isSame(left, right);
  if (operator === '!=') return !isSame(left, right);
  const onLists = LISTS.get(operator);
  if (onLists !== undefined) return onLists(left, right);
  const areNumbers = typeof left === 'number' && typeof right === 'number';
  if (!areNumbers && (typeof left !== 'string' || typeof right !== 'string')) return false;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}
