// JSON merge patch (RFC 7386) and JSON patch (RFC 6902) on plain data.
// Pure; what is patched is never changed, and nothing of a patch that fails stays.

import { isSame } from '../../kernel/expression.ts';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { AdmissionError } from '../../kernel/errors.ts';

const LONGEST_PATCH = 10_000;
/** Values that the operations of one patch may copy, all together: a patch that doubles what is there grows without bounds. */
const MOST_COPIED = 500_000;

/** null removes, objects merge, everything else replaces. Depth is bounded by the parser. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, mergePatch(result.get(key), value));
  }
  return Object.fromEntries(result);
}

/** Throws AdmissionError for a patch that is none, or does not fit. */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch) || patch.length > LONGEST_PATCH) {
    throw refused('', `expected a list of at most ${LONGEST_PATCH} operations`, 'TypeInvalid');
  }
  let document = structuredClone(target);
  let left = MOST_COPIED;
  const copy = (value: Json, place: string): Json => {
    left -= sizeOf(value, left);
    if (left <= 0) throw refused(place, `expected at most ${MOST_COPIED} values to be copied by one patch`, 'Invalid');
    return structuredClone(value);
  };
  for (const [index, operation] of patch.entries()) document = applyOne(document, operation, `[${index}]`, copy);
  return document;
}

/** Values in it, counted to `most`. */
function sizeOf(value: Json, most: number): number {
  const open: Json[] = [value];
  let count = 0;
  while (open.length > 0 && count < most) {
    const next = open.pop() ?? null;
    count += 1;
    if (typeof next === 'object' && next !== null) for (const child of Object.values(next)) open.push(child);
  }
  return count;
}

type Copy = (value: Json, place: string) => Json;

function applyOne(document: Json, operation: Json, place: string, copy: Copy): Json {
  if (!isObject(operation)) throw refused(place, 'expected an operation with op and path', 'TypeInvalid');
  const path = pointer(operation['path'], `${place}.path`);
  const source = (): Json => copy(read(document, pointer(operation['from'], `${place}.from`), place), place);
  const value = (): Json => {
    if (operation['value'] === undefined) throw refused(`${place}.value`, 'required, and not there', 'Required');
    return structuredClone(operation['value']);
  };
  switch (operation['op']) {
    case 'add':
      return insert(document, path, value(), place);
    case 'remove':
      return remove(document, path, place);
    case 'replace':
      read(document, path, place);
      return path.length === 0 ? value() : insert(remove(document, path, place), path, value(), place);
    case 'copy':
      return insert(document, path, source(), place);
    case 'move': {
      const moved = source();
      const from = pointer(operation['from'], `${place}.from`);
      if (from.length < path.length && from.every((key, index) => key === path[index])) {
        throw refused(place, 'expected a place that is not inside what is moved', 'Invalid');
      }
      return insert(remove(document, from, place), path, moved, place);
    }
    case 'test':
      if (!isSame(read(document, path, place), value())) throw refused(place, 'the test failed', 'Invalid');
      return document;
    default:
      throw refused(`${place}.op`, 'expected add, remove, replace, move, copy or test', 'NotSupported');
  }
}

function pointer(text: Json | undefined, place: string): string[] {
  if (text === '') return [];
  if (typeof text !== 'string' || !text.startsWith('/')) {
    throw refused(place, 'expected a JSON pointer such as /spec/suspend', 'Invalid');
  }
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: Json, path: readonly string[], place: string): Json {
  let at: Json | undefined = document;
  for (const key of path) at = child(at, key);
  if (at === undefined) throw missing(path, place);
  return at;
}

function child(at: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(at)) return /^(0|[1-9]\d{0,9})$/.test(key) ? at[Number(key)] : undefined;
  return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
}

/** Changes the document, which is a copy of its own. */
function insert(document: Json, path: readonly string[], value: Json, place: string): Json {
  const key = path.at(-1);
  if (key === undefined) return value;
  const parent = read(document, path.slice(0, -1), place);
  if (Array.isArray(parent)) {
    const index = key === '-' ? parent.length : Number(key);
    if (!/^(-|0|[1-9]\d{0,9})$/.test(key) || index > parent.length) throw missing(path, place);
    parent.splice(index, 0, value);
  } else if (isObject(parent)) {
    Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
  } else throw missing(path, place);
  return document;
}

function remove(document: Json, path: readonly string[], place: string): Json {
  const key = path.at(-1);
  if (key === undefined) return null;
  const parent = read(document, path.slice(0, -1), place);
  if (child(parent, key) === undefined) throw missing(path, place);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as JsonObject)[key];
  return document;
}

function missing(path: readonly string[], place: string): AdmissionError {
  return refused(place, `expected something at /${path.join('/')}, found nothing`, 'NotFound');
}

type Reason = AdmissionError['problems'][number]['reason'];

function refused(path: string, message: string, reason: Reason): AdmissionError {
  return new AdmissionError('patch', [{ path: `patch${path}`, message, reason }]);
}
