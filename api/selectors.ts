// Label and field selectors, as kubectl writes them.
//
// A selector speaks about the state of an object; `!=` and `notin` also hold for objects without the label.

import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import { badRequest } from './problem.ts';

export interface Selector {
  matches(object: JsonObject): boolean;
  /** Nothing is asked. */
  readonly isEmpty: boolean;
  /** What it asks cannot change during the life of an object. */
  readonly isFixed: boolean;
  /** The only name that can match, when the selector says one. */
  readonly name: string | undefined;
  /** What fields must be, by path. */
  readonly equals: ReadonlyMap<string, string>;
}

type Test = (object: JsonObject) => boolean;

const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
const LABEL_VALUE = /^[^\s,()=!]*$/;
const LONGEST = 16 * 1024;

/** `fields` lists the field paths that may be asked; the two of metadata are always among them. */
export function parseSelector(labels: string, fields: string, known: readonly string[]): Selector {
  const labelTests = parseLabels(labels);
  const { tests: fieldTests, equals, isFixed } = parseFields(fields, ['metadata.name', 'metadata.namespace', ...known]);
  const tests = [...labelTests, ...fieldTests];
  return {
    matches: (object) => tests.every((test) => test(object)),
    isEmpty: tests.length === 0,
    isFixed: labelTests.length === 0 && isFixed,
    name: equals.get('metadata.name'),
    equals,
  };
}

// --- labels --------------------------------------------------------------------------------------

function parseLabels(text: string): Test[] {
  if (text.length > LONGEST) throw badRequest(`label selector: expected at most ${LONGEST} characters`);
  return splitOutside(text)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseLabel);
}

/** At commas that do not stand in brackets. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '(') depth += 1;
    else if (text[index] === ')') depth -= 1;
    else if (text[index] === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function parseLabel(text: string): Test {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', word, list = ''] = set;
    const values = new Set(list.split(',').map((value) => checkedValue(value.trim(), text)));
    const name = checkedKey(key, text);
    return (object) => {
      const value = labelOf(object, name);
      return word === 'in' ? value !== undefined && values.has(value) : value === undefined || !values.has(value);
    };
  }
  const [, key = '', operator, wanted = ''] = /^([^=!\s]+)\s*(==|=|!=)\s*(.*)$/.exec(text) ?? [];
  if (operator !== undefined) {
    const name = checkedKey(key, text);
    const value = checkedValue(wanted, text);
    return operator === '!='
      ? (object) => labelOf(object, name) !== value
      : (object) => labelOf(object, name) === value;
  }
  const isAbsent = text.startsWith('!');
  const name = checkedKey(isAbsent ? text.slice(1).trim() : text, text);
  return (object) => (labelOf(object, name) === undefined) === isAbsent;
}

function checkedKey(key: string, text: string): string {
  if (LABEL_KEY.test(key)) return key;
  throw badRequest(
    `unable to parse requirement ${JSON.stringify(text)}: expected a label key, found ${JSON.stringify(key)}`,
  );
}

function checkedValue(value: string, text: string): string {
  if (LABEL_VALUE.test(value)) return value;
  throw badRequest(
    `unable to parse requirement ${JSON.stringify(text)}: expected a label value, found ${JSON.stringify(value)}`,
  );
}

function labelOf(object: JsonObject, key: string): string | undefined {
  const value = valueAt(object, ['metadata', 'labels', key]);
  return typeof value === 'string' ? value : undefined;
}

// --- fields --------------------------------------------------------------------------------------

function parseFields(
  text: string,
  known: readonly string[],
): { tests: Test[]; equals: Map<string, string>; isFixed: boolean } {
  if (text.length > LONGEST) throw badRequest(`field selector: expected at most ${LONGEST} characters`);
  const equals = new Map<string, string>();
  let isFixed = true;
  const tests = text
    .split(',')
    .filter((part) => part !== '')
    .map((part): Test => {
      const [, path = '', operator, raw = ''] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? [];
      if (operator === undefined) {
        throw badRequest(`invalid field selector: ${JSON.stringify(part)}: expected FIELD=VALUE or FIELD!=VALUE`);
      }
      if (!known.includes(path)) throw badRequest(`field label not supported: ${path}`);
      const value = raw.replaceAll(/\\([\\,=])/g, '$1');
      if (operator !== '!=') equals.set(path, value);
      if (!path.startsWith('metadata.name')) isFixed = false;
      const keys = path.split('.');
      // A field that is not there is an empty one.
      return operator === '!='
        ? (object) => fieldText(object, keys) !== value
        : (object) => fieldText(object, keys) === value;
    });
  return { tests, equals, isFixed };
}

function fieldText(object: JsonObject, keys: readonly string[]): string {
  const value = valueAt(object, keys);
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

/** What stands at a path of keys; undefined when nothing does. */
export function valueAt(value: Json | undefined, keys: readonly string[]): Json | undefined {
  let at = value;
  for (const key of keys) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}
