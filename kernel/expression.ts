// The language of `when`: paths and JSON literals with == != < <= > >= in && || ! ( ).
//
// Total: a missing path is null, a comparison of unlike types is false, and the result is whether the
// value is truthy in the plain sense (false, null, 0, "" are not). Binding, tightest first: !, comparison, &&, ||.
// Depth is bounded at parse time, so neither parsing nor evaluation can overflow the stack.

import type { Json } from './json.ts';
import { type Path, PathSyntaxError, readPath } from './paths.ts';

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in';

export type Expression =
  | { readonly type: 'path'; readonly path: Path }
  | { readonly type: 'literal'; readonly value: Json }
  | { readonly type: 'not'; readonly of: Expression }
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'compare'; readonly operator: Comparison; readonly left: Expression; readonly right: Expression };

const DEPTH_LIMIT = 64;
const OPERATORS: readonly Comparison[] = ['==', '!=', '<=', '>=', '<', '>', 'in'];
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;

/** Throws PathSyntaxError with the offset. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text);
  const expression = parser.or(0);
  parser.end();
  return expression;
}

class Parser {
  readonly #text: string;
  #at = 0;
  /** Number of nodes; a chain of && is as deep as it is long. */
  #size = 0;

  constructor(text: string) {
    this.#text = text;
  }

  or(depth: number): Expression {
    let left = this.and(depth);
    while (this.#take('||')) left = this.#node({ type: 'or', left, right: this.and(depth) });
    return left;
  }

  and(depth: number): Expression {
    let left = this.comparison(depth);
    while (this.#take('&&')) left = this.#node({ type: 'and', left, right: this.comparison(depth) });
    return left;
  }

  comparison(depth: number): Expression {
    const left = this.unary(depth);
    const operator = OPERATORS.find((candidate) => this.#take(candidate));
    return operator === undefined ? left : this.#node({ type: 'compare', operator, left, right: this.unary(depth) });
  }

  unary(depth: number): Expression {
    if (depth > DEPTH_LIMIT) this.#fail(`expected at most ${DEPTH_LIMIT} levels`);
    if (this.#peek() === '!' && this.#text[this.#at + 1] !== '=') {
      this.#at += 1;
      return this.#node({ type: 'not', of: this.unary(depth + 1) });
    }
    if (this.#take('(')) {
      const inner = this.or(depth + 1);
      if (!this.#take(')')) this.#fail('expected ")"');
      return inner;
    }
    return this.operand(depth);
  }

  operand(depth: number): Expression {
    const next = this.#peek();
    if (next === '$') {
      const { path, end } = readPath(this.#text, this.#at);
      this.#at = end;
      return { type: 'path', path };
    }
    return { type: 'literal', value: this.#literal(depth) };
  }

  #literal(depth: number): Json {
    if (depth > DEPTH_LIMIT) this.#fail(`expected at most ${DEPTH_LIMIT} levels`);
    if (this.#take('[')) {
      const items: Json[] = [];
      while (!this.#take(']')) {
        if (items.length > 0 && !this.#take(',')) this.#fail('expected "," or "]"');
        items.push(this.#literal(depth + 1));
      }
      return items;
    }
    if (this.#take('{')) return this.#object(depth);
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const)
      if (this.#take(word)) return value;
    this.#peek();
    for (const pattern of [STRING, NUMBER]) {
      pattern.lastIndex = this.#at;
      const found = pattern.exec(this.#text)?.[0];
      if (found === undefined) continue;
      const value = readJson(found);
      if (value === undefined) this.#fail('expected a JSON literal');
      this.#at += found.length;
      return value;
    }
    return this.#fail('expected a path, a JSON literal, "!" or "("');
  }

  #object(depth: number): Json {
    const members: [string, Json][] = [];
    while (!this.#take('}')) {
      if (members.length > 0 && !this.#take(',')) this.#fail('expected "," or "}"');
      const name = this.#peek() === '"' ? this.#literal(depth) : this.#fail('expected a name in double quotes');
      if (!this.#take(':')) this.#fail('expected ":"');
      members.push([typeof name === 'string' ? name : '', this.#literal(depth + 1)]);
    }
    return Object.fromEntries(members);
  }

  end(): void {
    if (this.#peek() !== undefined) this.#fail('expected the end or an operator');
  }

  #node(expression: Expression): Expression {
    this.#size += 1;
    if (this.#size > 500) this.#fail('expected at most 500 operators');
    return expression;
  }

  #peek(): string | undefined {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
    return this.#text[this.#at];
  }

  #take(token: string): boolean {
    this.#peek();
    if (!this.#text.startsWith(token, this.#at)) return false;
    const isWord = /^[a-z]/.test(token);
    if (isWord && /[A-Za-z0-9_]/.test(this.#text[this.#at + token.length] ?? '')) return false;
    this.#at += token.length;
    return true;
  }

  #fail(expected: string): never {
    const rest = this.#text.slice(this.#at, this.#at + 12);
    const found = rest === '' ? 'the end' : JSON.stringify(rest);
    throw new PathSyntaxError(`expression: ${expected} at ${this.#at + 1}, found ${found}`, this.#at);
  }
}

function readJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What stands at a path; null when nothing does. */
export type Resolve = (path: Path) => Json;

/** Whether the expression holds. */
export function holds(expression: Expression, resolve: Resolve): boolean {
  return isTruthy(evaluate(expression, resolve));
}

/** Every path in the expression, for checks at admission. */
export function pathsOf(expression: Expression): Path[] {
  switch (expression.type) {
    case 'path':
      return [expression.path];
    case 'literal':
      return [];
    case 'not':
      return pathsOf(expression.of);
    default:
      return [...pathsOf(expression.left), ...pathsOf(expression.right)];
  }
}

function evaluate(expression: Expression, resolve: Resolve): Json {
  switch (expression.type) {
    case 'path':
      return resolve(expression.path);
    case 'literal':
      return expression.value;
    case 'not':
      return !isTruthy(evaluate(expression.of, resolve));
    case 'and':
      return isTruthy(evaluate(expression.left, resolve)) && isTruthy(evaluate(expression.right, resolve));
    case 'or':
      return isTruthy(evaluate(expression.left, resolve)) || isTruthy(evaluate(expression.right, resolve));
    case 'compare':
      return compare(expression.operator, evaluate(expression.left, resolve), evaluate(expression.right, resolve));
  }
}

function compare(operator: Comparison, left: Json, right: Json): boolean {
  if (operator === '==') return isSame(left, right);
  if (operator === '!=') return !isSame(left, right);
  if (operator === 'in') {
    if (Array.isArray(right)) return right.some((item) => isSame(left, item));
    return typeof right === 'string' && typeof left === 'string' && right.includes(left);
  }
  const comparable =
    (typeof left === 'number' && typeof right === 'number') || (typeof left === 'string' && typeof right === 'string');
  if (!comparable || left === null || right === null) return false;
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

/** Same JSON value, whatever the order of members. Nesting of data is bounded by admission. */
export function isSame(left: Json, right: Json): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => isSame(item, right[index] as Json))
    );
  }
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && isSame(left[name] as Json, right[name] as Json))
  );
}

function isTruthy(value: Json): boolean {
  return value !== null && value !== false && value !== 0 && value !== '';
}
