// Paths into plain data: `$`, `$.input.items[0]`, `$.tasks['align.bam'].output.count`.
//
// The subset of JSONPath (RFC 9535) that names one place: member names, quoted member names and array
// indexes. No wildcards, no filters: reading a path costs its length. A missing place is null.

import { type Json, isObject } from './json.ts';

export type PathStep = string | number;
export type Path = readonly PathStep[];

export class PathSyntaxError extends Error {
  override readonly name = 'PathSyntaxError';
  /** Offset into the text, from 0. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const NAME = /[\p{L}\p{N}_$-]+/uy;

export function parsePath(text: string): Path {
  const { path, end } = readPath(text, 0);
  if (end !== text.length)
    throw new PathSyntaxError(`path ${quote(text)}: unexpected ${quote(text.slice(end, end + 10))} at ${end + 1}`, end);
  return path;
}

/** Reads the longest path that starts at `start`; expressions use it, too. */
export function readPath(text: string, start: number): { path: Path; end: number } {
  if (text[start] !== '$') throw new PathSyntaxError(`path ${quote(text)}: expected "$" at ${start + 1}`, start);
  const path: PathStep[] = [];
  let at = start + 1;
  for (;;) {
    if (text[at] === '.') {
      NAME.lastIndex = at + 1;
      const name = NAME.exec(text)?.[0];
      if (name === undefined)
        throw new PathSyntaxError(`path ${quote(text)}: expected a name after "." at ${at + 2}`, at + 1);
      path.push(name);
      at += 1 + name.length;
    } else if (text[at] === '[') {
      const step = readBracket(text, at);
      path.push(step.step);
      at = step.end;
    } else return { path, end: at };
  }
}

function readBracket(text: string, start: number): { step: PathStep; end: number } {
  const mark = text[start + 1];
  if (mark === "'" || mark === '"') {
    let name = '';
    let at = start + 2;
    for (; at < text.length && text[at] !== mark; at += 1) {
      if (text[at] === '\\') at += 1;
      name += text[at] ?? '';
    }
    if (text[at + 1] !== ']')
      throw new PathSyntaxError(
        `path ${quote(text)}: expected ${mark}] after the name that starts at ${start + 3}`,
        at,
      );
    return { step: name, end: at + 2 };
  }
  const close = text.indexOf(']', start);
  const digits = close === -1 ? '' : text.slice(start + 1, close);
  if (!/^\d{1,9}$/.test(digits))
    throw new PathSyntaxError(
      `path ${quote(text)}: expected an index or a quoted name in brackets at ${start + 2}`,
      start + 1,
    );
  return { step: Number(digits), end: close + 1 };
}

/** What stands at the path inside `root`; null when nothing does. Own members only. */
export function resolvePath(root: Json, path: Path): Json {
  let value: Json = root;
  for (const step of path) {
    if (Array.isArray(value)) value = (typeof step === 'number' ? value[step] : undefined) ?? null;
    else if (isObject(value) && Object.hasOwn(value, String(step))) value = value[String(step)] ?? null;
    else return null;
  }
  return value;
}

export function isPath(value: Json): value is string {
  return typeof value === 'string' && (value === '$' || value.startsWith('$.') || value.startsWith('$['));
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
