// Comparisons of a Choice state (JSONPath): a table of operators, and rules joined by and, or, not.
//
// C1  two values of different kinds compare as false, they are no error.
// C2  a variable that is not there is an error, but for isPresent.

import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import { instantProblem } from '../executors.ts';
import { runtimeError } from './state-error.ts';

type Order = (difference: number) => boolean;

const ORDERS: ReadonlyMap<string, Order> = new Map<string, Order>([
  ['Equals', (difference) => difference === 0],
  ['LessThan', (difference) => difference < 0],
  ['GreaterThan', (difference) => difference > 0],
  ['LessThanEquals', (difference) => difference <= 0],
  ['GreaterThanEquals', (difference) => difference >= 0],
]);

/** How a value of this kind stands to another: below, at or above 0; undefined when they cannot be compared. */
type Kind = (left: Json, right: Json) => number | undefined;

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['string', (left, right) => (isText(left) && isText(right) ? order(left, right) : undefined)],
  ['numeric', (left, right) => (typeof left === 'number' && typeof right === 'number' ? left - right : undefined)],
  ['boolean', (left, right) => (typeof left === 'boolean' && typeof right === 'boolean' ? +left - +right : undefined)],
  ['timestamp', (left, right) => (isInstant(left) && isInstant(right) ? instant(left) - instant(right) : undefined)],
]);

const TESTS: ReadonlyMap<string, (value: Json) => boolean> = new Map<string, (value: Json) => boolean>([
  ['isNull', (value) => value === null],
  ['isNumeric', (value) => typeof value === 'number'],
  ['isString', isText],
  ['isBoolean', (value) => typeof value === 'boolean'],
  ['isTimestamp', isInstant],
]);

function isText(value: Json): value is string {
  return typeof value === 'string';
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function isInstant(value: Json): value is string {
  return isText(value) && instantProblem(value) === undefined;
}

/** In milliseconds, with the digits behind them as a fraction. */
function instant(text: string): number {
  const digits = /\.(\d+)/.exec(text)?.[1] ?? '';
  return Date.parse(text) + Number(`0.${digits.slice(3) || '0'}`);
}

const OPERATOR =
  /^(string|numeric|boolean|timestamp)(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)(Path)?$/;

export type FindPath = (path: string) => Json | undefined;

/** Does the rule hold? In our letters (normalize.ts); nesting is bounded by admission. */
export function ruleHolds(rule: Json, find: FindPath): boolean {
  if (!isObject(rule)) return false;
  const { and, or, not } = rule;
  if (Array.isArray(and)) return and.every((inner) => ruleHolds(inner, find));
  if (Array.isArray(or)) return or.some((inner) => ruleHolds(inner, find));
  if (not !== undefined) return !ruleHolds(not, find);
  return compare(rule, find);
}

function compare(rule: JsonObject, find: FindPath): boolean {
  const [operator, operand] = Object.entries(rule).find(([name]) => name !== 'variable') ?? ['', null];
  const variable = textOf(rule['variable']);
  const value = find(variable);
  if (operator === 'isPresent') return (value !== undefined) === operand;
  if (value === undefined)
    throw runtimeError(`Invalid path '${variable}': The choice state's condition path references an invalid value.`);
  const test = TESTS.get(operator);
  if (test !== undefined) return test(value) === operand;
  if (operator === 'stringMatches') return isText(value) && isText(operand) && matches(value, operand);
  const [, kind = '', name = '', isPath] = OPERATOR.exec(operator) ?? [];
  const other = isPath === undefined ? operand : find(textOf(operand));
  if (other === undefined)
    throw runtimeError(
      `Invalid path '${textOf(operand)}': The choice state's condition path references an invalid value.`,
    );
  const difference = KINDS.get(kind)?.(value, other);
  return difference !== undefined && ORDERS.get(name)?.(difference) === true;
}

/** `*` is any text; a backslash takes the next character as it is. Linear in the text for each star. */
export function matches(text: string, pattern: string): boolean {
  const pieces: string[] = [''];
  for (let at = 0; at < pattern.length; at += 1) {
    if (pattern[at] === '*') pieces.push('');
    else {
      if (pattern[at] === '\\' && at + 1 < pattern.length) at += 1;
      pieces[pieces.length - 1] += pattern[at] ?? '';
    }
  }
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > text.length - last.length) return false;
    at = found + piece.length;
  }
  return true;
}
