// Intrinsic functions, one row each: `States.Format('Hello, {}', $.name)`. How a call is written is in calls.ts.
//
// F1  bad arguments are States.IntrinsicFailure, whatever they are.
// F2  chance comes from outside, because a result is journaled and never computed again.

import { createHash } from 'node:crypto';
import { isSame } from '../../kernel/expression.ts';
import { hashFraction } from '../../kernel/hash.ts';
import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { EngineError, type StateError } from './state-error.ts';

function failure(message: string): StateError {
  return new EngineError('States.IntrinsicFailure', message);
}

function text(value: Json | undefined, what: string): string {
  if (typeof value === 'string') return value;
  throw failure(`${what}: expected a text, found ${JSON.stringify(value)}`);
}

function list(value: Json | undefined, what: string): Json[] {
  if (Array.isArray(value)) return value;
  throw failure(`${what}: expected a list, found ${JSON.stringify(value)}`);
}

function number(value: Json | undefined, what: string): number {
  if (typeof value === 'number') return value;
  throw failure(`${what}: expected a number, found ${JSON.stringify(value)}`);
}

/** Numbers with a fraction count as the whole number next to them. */
function whole(value: Json | undefined, what: string): number {
  return Math.round(number(value, what));
}

const RANGE_LIMIT = 1_000_000;

const HASHES: ReadonlyMap<string, string> = new Map([
  ['MD5', 'md5'],
  ['SHA-1', 'sha1'],
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
]);

export function hash(data: Json | undefined, algorithm: Json | undefined): string {
  const name = HASHES.get(text(algorithm, 'hash algorithm'));
  if (name === undefined)
    throw failure(`hash algorithm: expected one of ${[...HASHES.keys()].join(', ')}, found ${textOf(algorithm)}`);
  const bytes = typeof data === 'string' ? data : JSON.stringify(data ?? null);
  return createHash(name).update(bytes).digest('hex');
}

export function partition(items: readonly Json[], size: number): Json[] {
  if (size < 1) throw failure(`chunk size: expected a positive number, found ${size}`);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, chunk) =>
    items.slice(chunk * size, (chunk + 1) * size),
  );
}

export function range(first: number, last: number, step: number): number[] {
  if (step === 0) throw failure('range: expected a step that is not 0');
  const count = Math.max(0, Math.floor((last - first) / step) + 1);
  if (count > RANGE_LIMIT) throw failure(`range: expected at most ${RANGE_LIMIT} numbers, found ${count}`);
  return Array.from({ length: count }, (_, index) => first + index * step);
}

/** From 0 up to 1: the same for the same seed. */
export function fraction(seed: Json | undefined, random: Random): number {
  if (seed !== undefined) return hashFraction(JSON.stringify(seed));
  return Number.parseInt(random.hex(13), 16) / 2 ** 52;
}

function format(args: readonly Json[], places: readonly string[] | undefined): string {
  const [template, ...values] = args;
  const parts = places ?? text(template, 'format').split('{}');
  if (parts.length !== values.length + 1)
    throw failure(`format: expected ${parts.length - 1} values for the places in the text, found ${values.length}`);
  return parts.map((part, index) => (index === 0 ? part : shown(values[index - 1] ?? null) + part)).join('');
}

/** Inside a text lists and objects stand as AWS writes them there, which is not JSON: `[1, b]`, `{k=1}`. */
function shown(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (!isObject(value)) return textOf(value);
  const members = Object.entries(value).map(([name, member]) => `${name}=${shown(member)}`);
  return `{${members.join(', ')}}`;
}

function unique(items: readonly Json[]): Json[] {
  const kept: Json[] = [];
  const seen = new Set<string>();
  for (const item of items) {
    const key = JSON.stringify(sorted(item));
    if (!seen.has(key)) kept.push(item);
    seen.add(key);
  }
  return kept;
}

/** Members in one order; how deep data is nested is bounded by JSON itself. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name] ?? null)]),
  );
}

/** Any of the characters separates; what is empty between two is left out. */
function split(value: string, separators: string): string[] {
  const marks = new Set(separators);
  const parts = [''];
  for (const character of value) {
    if (marks.has(character)) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.filter((part) => part !== '');
}

function parse(value: string): Json {
  if (value.trim() === '') return null;
  try {
    return JSON.parse(value) as Json;
  } catch {
    throw failure(`text to JSON: expected JSON, found ${JSON.stringify(value.slice(0, 60))}`);
  }
}

function merge(left: Json | undefined, right: Json | undefined, isDeep: Json | undefined): JsonObject {
  if (!isObject(left) || !isObject(right)) throw failure('merge: expected two objects');
  if (isDeep !== false) throw failure('merge: expected false, because only shallow merging is supported');
  return { ...left, ...right };
}

function add(left: Json | undefined, right: Json | undefined): number {
  return whole(left, 'add') + whole(right, 'add');
}

function at(items: readonly Json[], index: number): Json {
  const item = items[index];
  if (item === undefined) throw failure(`index: expected a place in a list of ${items.length}, found ${index}`);
  return item;
}

function decode(value: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw failure('decode: expected Base64');
  return Buffer.from(value, 'base64').toString('utf8');
}

/** A whole number from the first up to, but not with, the second. */
function between(from: number, to: number, share: number): number {
  if (to <= from) throw failure(`random: expected the second number to be greater than ${from}, found ${to}`);
  return from + Math.floor(share * (to - from));
}

/** What an argument must be; `any` takes everything. */
export type Kind = 'any' | 'text' | 'number' | 'list' | 'object' | 'boolean';

export function kindOf(value: Json): Kind | 'null' {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : (typeof value as Kind);
}

export interface Intrinsic {
  readonly kinds: readonly Kind[];
  readonly least: number;
  readonly most: number;
  /** `places`: the first argument as a text that was written there, cut at its places `{}`. */
  readonly compute: (args: readonly Json[], random: Random, places?: readonly string[]) => Json;
}

/** `signature`: kinds of the arguments; `?` behind one that may be left out, `*` behind one that may come any number of times. */
function row(name: string, signature: string, compute: Intrinsic['compute']): [string, Intrinsic] {
  const words = signature.split(' ').filter((word) => word !== '');
  const kinds = words.map((word) => word.replace(/[?*]$/, '') as Kind);
  const least = words.filter((word) => !/[?*]$/.test(word)).length;
  return [name, { kinds, least, most: signature.endsWith('*') ? Number.POSITIVE_INFINITY : words.length, compute }];
}

export const INTRINSICS: ReadonlyMap<string, Intrinsic> = new Map([
  row('Format', 'text any*', (args, _, places) => format(args, places)),
  row('StringToJson', 'text', ([value]) => parse(text(value, 'text to JSON'))),
  row('JsonToString', 'any', ([value]) => JSON.stringify(value)),
  row('Array', 'any*', (args) => [...args]),
  row('ArrayPartition', 'list number', ([items, size]) =>
    partition(list(items, 'partition'), whole(size, 'chunk size')),
  ),
  row('ArrayContains', 'list any', ([items, item]) => list(items, 'contains').some((one) => isSame(one, item ?? null))),
  row('ArrayRange', 'number number number', ([first, last, step]) =>
    range(whole(first, 'range'), whole(last, 'range'), whole(step, 'range')),
  ),
  row('ArrayGetItem', 'list number', ([items, index]) => at(list(items, 'item'), whole(index, 'index'))),
  row('ArrayLength', 'list', ([items]) => list(items, 'length').length),
  row('ArrayUnique', 'list', ([items]) => unique(list(items, 'unique'))),
  row('Base64Encode', 'text', ([value]) => Buffer.from(text(value, 'encode'), 'utf8').toString('base64')),
  row('Base64Decode', 'text', ([value]) => decode(text(value, 'decode'))),
  row('Hash', 'any text', ([value, algorithm]) => hash(value, algorithm)),
  row('JsonMerge', 'object object boolean', ([left, right, isDeep]) => merge(left, right, isDeep)),
  row('MathRandom', 'number number number?', ([from, to, seed], random) =>
    between(whole(from, 'random'), whole(to, 'random'), fraction(seed, random)),
  ),
  row('MathAdd', 'number number', ([left, right]) => add(left, right)),
  row('StringSplit', 'text text', ([value, separators]) => split(text(value, 'split'), text(separators, 'split'))),
  row('UUID', '', (_, random) => random.uuid()),
]);
