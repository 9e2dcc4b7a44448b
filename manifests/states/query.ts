// The syntax of what state machines compute with: JSONPath, and calls of intrinsic functions. Only whether a text is one;
// what it yields is for whoever runs it.
//
// Q1  nesting is bounded by QUERY_DEPTH, length by QUERY_LIMIT.

const QUERY_DEPTH = 20;
const QUERY_LIMIT = 10_000;
const NAME = /[^\s.[\]()'"*,?@:$=<>!&|]+/uy;

/** Why a text is no JSONPath, or undefined. A reference path names one place: no wildcards, slices or filters. */
export function pathProblem(text: string, kind: 'path' | 'reference' = 'path'): string | undefined {
  if (text.length > QUERY_LIMIT) return `expected at most ${QUERY_LIMIT} characters, found ${text.length}`;
  if (!text.startsWith('$')) return 'expected a path that begins with $';
  let at = text.startsWith('$$') ? 2 : 1;
  if (at === 1) at = skip(NAME, text, at) ?? at;
  while (at < text.length) {
    const next = stepEnd(text, at);
    if (next === undefined)
      return `expected a step of the path at ${at + 1}, found ${JSON.stringify(text.slice(at, at + 10))}`;
    if (kind === 'reference' && !isSingle(text.slice(at, next))) return 'expected a path that names one place';
    at = next;
  }
  return undefined;
}

function skip(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** End of the step that begins at `at`, undefined when there is none. */
function stepEnd(text: string, at: number): number | undefined {
  if (text[at] === '[') return bracketEnd(text, at);
  if (text[at] !== '.') return undefined;
  const start = text[at + 1] === '.' ? at + 2 : at + 1;
  if (text[start] === '*') return start + 1;
  if (text[start] === '[') return start === at + 2 ? bracketEnd(text, start) : undefined;
  const end = skip(NAME, text, start);
  return end !== undefined && text.startsWith('()', end) ? end + 2 : end;
}

function bracketEnd(text: string, at: number): number | undefined {
  const first = text.slice(at + 1).search(/\S/) + at + 1;
  if (text[first] === '?') return balancedEnd(text, at);
  if (text[first] === "'" || text[first] === '"') {
    const close = quoteEnd(text, first);
    if (close === undefined) return undefined;
    const after = /\s*(,\s*(?=['"])|\])/y;
    const end = skip(after, text, close);
    if (end === undefined) return undefined;
    return text[end - 1] === ']' ? end : bracketEnd(text, end - 1);
  }
  const close = text.indexOf(']', at);
  return close > 0 && isIndexes(text.slice(at + 1, close).trim()) ? close + 1 : undefined;
}

/** `*`, `0`, `-1`, `0, 2`, `1:3`, `::2`. */
function isIndexes(inner: string): boolean {
  if (inner === '*') return true;
  const slice = inner.split(':');
  if (slice.length > 1) return slice.length <= 3 && slice.every((part) => /^(-?\d+)?$/.test(part.trim()));
  return inner.split(',').every((part) => /^-?\d+$/.test(part.trim()));
}

function quoteEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === text[start]) return at + 1;
  }
  return undefined;
}

/** End of a filter: brackets and quotes inside must close, and a comparison must have two sides. */
function balancedEnd(text: string, start: number): number | undefined {
  const open: string[] = [];
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === "'" || character === '"') {
      const end = quoteEnd(text, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (character === '[' || character === '(') open.push(character === '[' ? ']' : ')');
    else if (character === ']' || character === ')') {
      if (open.pop() !== character || '=<>!&|?('.includes(lastBefore(text, at))) return undefined;
      if (open.length === 0) return at + 1;
    }
  }
  return undefined;
}

function lastBefore(text: string, end: number): string {
  let at = end - 1;
  while (at > 0 && ' \t\n'.includes(text[at] ?? 'x')) at -= 1;
  return text[at] ?? '';
}

function isSingle(step: string): boolean {
  return /^\.[^.*()]+$/.test(step) || /^\[(-?\d+|'.*'|".*")\]$/s.test(step);
}

/** Intrinsic functions with the least and the greatest number of arguments. */
const INTRINSICS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['Format', [1, 100]],
  ['StringToJson', [1, 1]],
  ['JsonToString', [1, 1]],
  ['Array', [0, 1000]],
  ['ArrayPartition', [2, 2]],
  ['ArrayContains', [2, 2]],
  ['ArrayRange', [3, 3]],
  ['ArrayGetItem', [2, 2]],
  ['ArrayLength', [1, 1]],
  ['ArrayUnique', [1, 1]],
  ['Base64Encode', [1, 1]],
  ['Base64Decode', [1, 1]],
  ['Hash', [2, 2]],
  ['JsonMerge', [3, 3]],
  ['MathRandom', [2, 3]],
  ['MathAdd', [2, 2]],
  ['StringSplit', [2, 2]],
  ['UUID', [0, 0]],
]);

export function isIntrinsic(text: string): boolean {
  return text.startsWith('States.');
}

/** Why a text is no call of an intrinsic function, or undefined. */
export function intrinsicProblem(text: string): string | undefined {
  if (text.length > QUERY_LIMIT) return `expected at most ${QUERY_LIMIT} characters, found ${text.length}`;
  const result = callEnd(text, 0, 0);
  if (typeof result === 'string') return result;
  return result === text.length ? undefined : `expected the end of the call at ${result + 1}`;
}

const CALL = /States\.([A-Za-z0-9]+)\(\s*/y;
const LITERAL = /\s*(-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null)/y;
const ARGUMENT_PATH = /\$([^\s,()'"[\]]|\[[^\]]*\])*/y;

/** End of the call at `start`, or what is wrong with it. */
function callEnd(text: string, start: number, depth: number): number | string {
  CALL.lastIndex = start;
  const name = CALL.exec(text)?.[1];
  let at = CALL.lastIndex;
  const limits = name === undefined ? undefined : INTRINSICS.get(name);
  if (limits === undefined) return `expected a call of an intrinsic function as States.Format(...) at ${start + 1}`;
  if (depth > QUERY_DEPTH) return `expected at most ${QUERY_DEPTH} calls inside one another`;
  let count = 0;
  if (text[at] === ')') at += 1;
  else {
    for (let isOpen = true; isOpen; count += 1) {
      const end = argumentEnd(text, at, depth);
      if (typeof end === 'string') return end;
      const next = skip(/\s*[,)]\s*/y, text, end);
      if (next === undefined) return `expected "," or ")" at ${end + 1}`;
      isOpen = text.slice(end, next).includes(',');
      // Blanks after the last bracket belong to whatever is around the call.
      at = isOpen ? next : end + text.slice(end, next).indexOf(')') + 1;
    }
  }
  const [least, most] = limits;
  return count >= least && count <= most
    ? at
    : `States.${name}: expected ${least === most ? least : `${least} to ${most}`} arguments, found ${count}`;
}

function argumentEnd(text: string, at: number, depth: number): number | string {
  if (text[at] === "'") return quoteEnd(text, at) ?? `expected a closing quote for the one at ${at + 1}`;
  if (text[at] === '$') {
    const end = skip(ARGUMENT_PATH, text, at) ?? at + 1;
    return pathProblem(text.slice(at, end)) ?? end;
  }
  if (text.startsWith('States.', at)) return callEnd(text, at, depth + 1);
  return skip(LITERAL, text, at) ?? `expected an argument at ${at + 1}`;
}
