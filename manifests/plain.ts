// The first check of every document, whatever it came from: is it plain data? After it nothing
// in the engine has to fear cycles, depth, prototypes or numbers that lose digits (hazard W6).
//
// I1  recursion is bounded by DEPTH_LIMIT, so no input can overflow the stack.

import type { Findings } from './problems.ts';
import { quote } from './problems.ts';

/**
 * Levels of lists and mappings inside one another. A state machine within a state machine takes four or five
 * levels, so this leaves room for a dozen of them.
 */
export const DEPTH_LIMIT = 64;

/** Names that reach a prototype when somebody copies or merges objects carelessly. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export interface PlainOptions {
  /** The source of the data cannot have brought texts that are none. */
  readonly textsAreFine?: boolean;
}

/**
 * Adds a finding for everything in `value` that is not plain data. Returns the number of keys of all
 * mappings together, by which a reader of JSON notices keys that came twice.
 */
export function checkPlain(value: unknown, findings: Findings, options: PlainOptions = {}): number {
  return visit(value, [], findings, options.textsAreFine === true ? () => undefined : textProblem);
}

type TextCheck = (text: string) => string | undefined;

function visit(value: unknown, path: (string | number)[], findings: Findings, check: TextCheck): number {
  if (typeof value === 'string') {
    const problem = check(value);
    if (problem !== undefined) findings.add([...path], 'Invalid', problem);
    return 0;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) findings.add([...path], 'Invalid', `expected a finite number, found ${value}`);
    return 0;
  }
  if (value === null || typeof value === 'boolean') return 0;
  if (typeof value !== 'object') {
    findings.add([...path], 'TypeInvalid', `expected plain data, found a value of type ${typeof value}`);
    return 0;
  }
  if (path.length >= DEPTH_LIMIT) {
    findings.add(path.slice(0, 8), 'Invalid', tooDeep);
    return 0;
  }
  return Array.isArray(value) ? visitList(value, path, findings, check) : visitMapping(value, path, findings, check);
}

export const tooDeep = `expected at most ${DEPTH_LIMIT} levels of nesting, found more`;

function visitList(list: readonly unknown[], path: (string | number)[], findings: Findings, check: TextCheck): number {
  let keys = 0;
  for (let index = 0; index < list.length; index += 1) {
    path.push(index);
    keys += visit(list[index], path, findings, check);
    path.pop();
    if (findings.isFull) break;
  }
  return keys;
}

function visitMapping(mapping: object, path: (string | number)[], findings: Findings, check: TextCheck): number {
  const prototype: unknown = Object.getPrototypeOf(mapping);
  if (prototype !== Object.prototype && prototype !== null) {
    findings.add([...path], 'TypeInvalid', 'expected plain data, found an object of a class');
    return 0;
  }
  let keys = 0;
  for (const key of Object.keys(mapping)) {
    keys += 1;
    path.push(key);
    const problem = FORBIDDEN_KEYS.has(key) ? forbidden(key) : check(key);
    if (problem === undefined) keys += visit((mapping as Record<string, unknown>)[key], path, findings, check);
    else findings.add([...path], 'Forbidden', problem, { atKey: true });
    path.pop();
    if (findings.isFull) break;
  }
  return keys;
}

export function keyProblem(key: string): string | undefined {
  return FORBIDDEN_KEYS.has(key) ? forbidden(key) : textProblem(key);
}

function forbidden(key: string): string {
  return `the name ${quote(key)} is not allowed for a field`;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Why a text is none that can be stored and printed, or undefined. */
export function textProblem(text: string): string | undefined {
  if (text.includes('\0')) return 'expected text, found a NUL character in it';
  if (LONE_SURROGATE.test(text)) return 'expected Unicode text, found half of a surrogate pair in it';
  return undefined;
}

const HEAVIEST = 64 * 1024 * 1024;
const SHORT = 64;

/** How much work it is to look at: what its JSON would be long, long texts counted for little, counted to `most`. */
export function weightOf(value: unknown, most = HEAVIEST): number {
  const open: unknown[] = [value];
  let length = 0;
  while (open.length > 0 && length < most) {
    const next = open.pop();
    length += typeof next === 'string' ? Math.min(next.length, SHORT + next.length / 16) + 2 : 4;
    if (typeof next !== 'object' || next === null) continue;
    for (const [key, child] of Object.entries(next)) {
      if (!Array.isArray(next)) length += key.length + 3;
      open.push(child);
    }
  }
  return length;
}
