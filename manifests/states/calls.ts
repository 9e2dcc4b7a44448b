// Calls of intrinsic functions: how they are written (`States.Format('{} of {}', $.a, States.MathAdd($.b, 1))`), and evaluating them.
// What each function takes and does is in intrinsics.ts.
//
// C1  a call is read in one pass; admission and evaluation read it with the same code, so what was admitted can be read.

import type { Json } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { INTRINSICS, type Kind, kindOf } from './intrinsics.ts';
import { type DataPath, readDataPath } from './paths.ts';
import { EngineError, runtimeError, StateError } from './state-error.ts';

const CALL = /States\.([A-Za-z0-9]+)\(\s*/y;
const LITERAL = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const PATH = /\$(?:[^\s,()'"[\]]|\(\)|\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\?\([^\]]*\)|[^\]'"])*\])*/y;
const DEPTH = 20;
const LENGTH_LIMIT = 10_000;

type Argument =
  /** `parts`: what stands between the places `{}` of a text. */
  | { readonly type: 'literal'; readonly value: Json; readonly parts?: readonly string[] }
  | { readonly type: 'path'; readonly text: string; readonly path: DataPath }
  | { readonly type: 'call'; readonly call: Call };

interface Call {
  readonly text: string;
  readonly name: string;
  readonly args: readonly Argument[];
}

export interface CallScope {
  readonly random: Random;
  /** What a path finds; undefined when nothing is there. */
  readonly path: (path: DataPath) => Json | undefined;
  /** What a path is looked up in, for messages. */
  readonly shown: (path: DataPath) => Json;
}

export function isIntrinsic(text: string): boolean {
  return text.startsWith('States.');
}

/** Why a text is no call of an intrinsic function, or undefined. */
export function intrinsicProblem(text: string): string | undefined {
  try {
    readCall(text);
    return undefined;
  } catch (error) {
    if (error instanceof StateError) return error.message;
    throw error;
  }
}

export function evaluateCall(text: string, scope: CallScope): Json {
  return evaluate(readCall(text), scope);
}

function evaluate({ text, name, args }: Call, scope: CallScope): Json {
  const values = args.map((argument) => valueOf(argument, text, scope));
  const [first] = args;
  const places = first?.type === 'literal' ? first.parts : undefined;
  try {
    return INTRINSICS.get(name)?.compute(values, scope.random, places) ?? null;
  } catch (error) {
    throw error instanceof StateError ? failed(error.type, text, error.message) : error;
  }
}

function valueOf(argument: Argument, text: string, scope: CallScope): Json {
  if (argument.type === 'literal') return argument.value;
  if (argument.type === 'call') return evaluate(argument.call, scope);
  const value = scope.path(argument.path);
  if (value !== undefined) return value;
  const input = JSON.stringify(scope.shown(argument.path)).slice(0, 2000);
  const problem = `The JsonPath argument for the field '${argument.text}' could not be found in the input '${input}'`;
  throw failed('States.Runtime', text, problem);
}

function failed(type: string, text: string, problem: string): StateError {
  return new EngineError(type, `The function '${text}' had the following error: ${problem}`);
}

// --- reading -------------------------------------------------------------------------------------

interface Reader {
  readonly text: string;
  at: number;
}

function readCall(text: string): Call {
  if (text.length > LENGTH_LIMIT)
    throw runtimeError(`expected at most ${LENGTH_LIMIT} characters, found ${text.length}`);
  const reader = { text, at: 0 };
  const call = callAt(reader, 0);
  if (reader.at !== text.length) throw runtimeError(`expected the end of the call at ${reader.at + 1}`);
  return call;
}

/** The text that `pattern` takes here, or its first group. */
function take(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return undefined;
  reader.at = pattern.lastIndex;
  return found[1] ?? found[0];
}

function callAt(reader: Reader, depth: number): Call {
  const start = reader.at;
  const name = take(reader, CALL) ?? '';
  const intrinsic = INTRINSICS.get(name);
  if (intrinsic === undefined)
    throw runtimeError(`expected a call of an intrinsic function as States.Format(...) at ${start + 1}`);
  if (depth > DEPTH) throw runtimeError(`expected at most ${DEPTH} calls inside one another`);
  const args: Argument[] = [];
  for (let isOpen = take(reader, /\)/y) === undefined; isOpen; ) {
    args.push(argumentAt(reader, depth));
    const mark = take(reader, /\s*(,\s*|\))/y);
    if (mark === undefined) throw runtimeError(`expected "," or ")" at ${reader.at + 1}`);
    isOpen = mark !== ')';
  }
  checkArguments(name, intrinsic, args);
  return { text: reader.text.slice(start, reader.at), name, args };
}

function argumentAt(reader: Reader, depth: number): Argument {
  if (reader.text[reader.at] === "'") return textAt(reader);
  const start = reader.at;
  const path = take(reader, PATH);
  if (path !== undefined) return { type: 'path', text: path, path: readDataPath(path) };
  if (reader.text.startsWith('States.', start)) return { type: 'call', call: callAt(reader, depth + 1) };
  const literal = take(reader, LITERAL);
  if (literal === undefined) throw runtimeError(`expected an argument at ${start + 1}`);
  return { type: 'literal', value: JSON.parse(literal) as Json };
}

/** What a backslash may stand before. */
const ESCAPED = ["'", '{', '}', '\\'];

/** Between single quotes. A backslash takes the next character as it is, so `\{\}` is no place. */
function textAt(reader: Reader): Argument {
  const { text } = reader;
  const parts = [''];
  const add = (characters: string): void => {
    parts[parts.length - 1] += characters;
  };
  for (let at = reader.at + 1; at < text.length; at += 1) {
    if (text[at] === "'") {
      reader.at = at + 1;
      return { type: 'literal', value: parts.join('{}'), parts };
    }
    if (text[at] === '\\') {
      at += 1;
      const character = text[at] ?? '';
      if (!ESCAPED.includes(character))
        throw runtimeError(
          `expected one of ${ESCAPED.join(' ')} behind the backslash at ${at}, found ${JSON.stringify(character)}`,
        );
      add(character);
    } else if (text.startsWith('{}', at)) {
      at += 1;
      parts.push('');
    } else add(text[at] ?? '');
  }
  throw runtimeError(`expected a closing quote for the one at ${reader.at + 1}`);
}

function checkArguments(
  name: string,
  { least, most, kinds }: { least: number; most: number; kinds: readonly Kind[] },
  args: readonly Argument[],
): void {
  if (args.length < least || args.length > most) {
    const amount =
      least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
    throw runtimeError(`States.${name}: expected ${amount} arguments, found ${args.length}`);
  }
  for (const [index, argument] of args.entries()) {
    const kind = kinds[index] ?? 'any';
    if (argument.type === 'literal' && kind !== 'any' && kindOf(argument.value) !== kind)
      throw runtimeError(
        `States.${name}: expected a ${kind} or a path for argument ${index + 1}, found ${JSON.stringify(argument.value)}`,
      );
  }
}
