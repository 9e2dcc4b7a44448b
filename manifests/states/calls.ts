// Calls of intrinsic functions, as they are written: `States.Format('{} of {}', $.a, States.MathAdd($.b, 1))`.
//
// What is legal is checked at admission (query.ts); here a call is read and evaluated in one go.

import type { Json } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { INTRINSICS } from './intrinsics.ts';
import { StateError } from './state-error.ts';

const CALL = /\s*States\.([A-Za-z0-9]+)\(\s*/y;
const LITERAL = /\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const PATH = /\s*(\$(?:[^\s,()'"[\]]|\(\)|\[(?:'[^']*'|"[^"]*"|[^\]'"])*\])*)/y;
const DEPTH = 20;

export interface CallScope {
  readonly random: Random;
  /** What a path finds; throws when nothing is there. */
  readonly path: (text: string) => Json;
}

export function evaluateCall(text: string, scope: CallScope): Json {
  const reader = { text, at: 0 };
  const value = readCall(reader, scope, 0);
  if (text.slice(reader.at).trim() !== '') throw broken(text, reader.at);
  return value;
}

interface Reader {
  readonly text: string;
  at: number;
}

function broken(text: string, at: number): StateError {
  return new StateError('States.IntrinsicFailure', `call "${text}": cannot be read at ${at + 1}`);
}

function skip(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return undefined;
  reader.at = pattern.lastIndex;
  return found[1] ?? found[0];
}

function readCall(reader: Reader, scope: CallScope, depth: number): Json {
  const name = skip(reader, CALL);
  const intrinsic = name === undefined ? undefined : INTRINSICS.get(name);
  if (intrinsic === undefined || depth > DEPTH) throw broken(reader.text, reader.at);
  const args: Json[] = [];
  if (skip(reader, /\s*\)/y) === undefined) {
    for (let isOpen = true; isOpen; ) {
      args.push(readArgument(reader, scope, depth));
      const mark = skip(reader, /\s*([,)])\s*/y);
      if (mark === undefined) throw broken(reader.text, reader.at);
      isOpen = mark === ',';
    }
  }
  return intrinsic(args, scope.random);
}

function readArgument(reader: Reader, scope: CallScope, depth: number): Json {
  skip(reader, /\s*/y);
  if (reader.text[reader.at] === "'") return readText(reader);
  const path = skip(reader, PATH);
  if (path !== undefined) return scope.path(path);
  if (reader.text.startsWith('States.', reader.at)) return readCall(reader, scope, depth + 1);
  const literal = skip(reader, LITERAL);
  if (literal === undefined) throw broken(reader.text, reader.at);
  return JSON.parse(literal) as Json;
}

/** Between single quotes; a backslash takes the next character as it is. */
function readText(reader: Reader): string {
  const { text } = reader;
  let value = '';
  for (let at = reader.at + 1; at < text.length; at += 1) {
    if (text[at] === "'") {
      reader.at = at + 1;
      return value;
    }
    if (text[at] === '\\') at += 1;
    value += text[at] ?? '';
  }
  throw broken(text, reader.at);
}
