// From the content of FENCE.outcome and FENCE.output to an Outcome.
//
// A slot knows an exit code and whether there is output; what that means is said here, once, for every kind of slot. A controller
// that ends an attempt writes the Outcome itself.
//
// O1  an outcome counts only under the fence and the boot that it names, whole.
// O2  what a task writes can make its attempt fail, never the engine.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Outcome, TaskError } from '../../kernel/task.ts';
import { parseSlotLine, type SlotLine } from '../../runtime/slot-line.ts';
import type { SettledOutcome } from '../store.ts';
import { FILE_LIMIT_BYTES } from './disk.ts';
import { sealDocument, unsealDocument } from './lease-files.ts';

/** Nesting of a task's output beyond which it is refused: writing JSON is recursive, and nobody's data is that deep. */
const OUTPUT_DEPTH_LIMIT = 200;
const ERROR_TYPE_LIMIT = 200;
const MESSAGE_LIMIT = 4_000;

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  11: 'SIGSEGV',
  12: 'SIGUSR2',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

export interface OutcomeContext {
  readonly fence: string;
  /** First eight digits of the boot id. */
  readonly boot: string;
  /** Wall time of an instant given as seconds since boot. */
  wallOf(uptimeSeconds: number): number;
  /** Content of FENCE.output; null when it is gone, an error when it cannot be read. */
  readOutput(): Buffer | null;
}

export function formatOutcome(fence: string, boot: string, settled: SettledOutcome): string {
  return sealDocument({ fence, boot, ...settled } as unknown as JsonObject);
}

/** Null when it is not whole, or of another fence or boot. */
export function parseOutcome(bytes: Buffer, context: OutcomeContext): SettledOutcome | null {
  if (bytes[0] === 0x7b) return parseSettled(bytes, context);
  const line = parseSlotLine(bytes.subarray(0, 200).toString('latin1'));
  if (line === null || line.fence !== context.fence || line.boot !== context.boot) return null;
  // By one look at the clock, so that the time between them is what the slot measured.
  const since = context.wallOf(Number(line.start));
  const tookMs = Math.round((Number(line.end) - Number(line.start)) * 1000);
  return { outcome: outcomeOf(line, context), since, until: since + tookMs };
}

function parseSettled(bytes: Buffer, context: OutcomeContext): SettledOutcome | null {
  const value = unsealDocument(bytes);
  if (value === null || value['fence'] !== context.fence || value['boot'] !== context.boot) return null;
  const { outcome, since, until } = value;
  // The checksum vouches for the rest: only the engine writes this form.
  if (outcome === undefined || !isObject(outcome) || typeof outcome['result'] !== 'string') return null;
  return {
    outcome: outcome as unknown as Outcome,
    ...(typeof since === 'number' ? { since } : {}),
    ...(typeof until === 'number' ? { until } : {}),
  };
}

function outcomeOf(line: SlotLine, context: OutcomeContext): Outcome {
  const { exitCode } = line;
  const output = line.hasOutput ? parseOutput(context) : { value: undefined };
  if (exitCode === 0) {
    if ('problem' in output)
      return { result: 'Failure', exitCode, error: { type: 'OutputInvalid', message: output.problem } };
    return { result: 'Success', exitCode, ...(output.value === undefined ? {} : { output: output.value }) };
  }
  const value = 'problem' in output ? undefined : output.value;
  const error = { ...describeExit(exitCode), ...reportedError(value) };
  return { result: 'Failure', exitCode, error, ...(value === undefined ? {} : { output: value }) };
}

function describeExit(exitCode: number): TaskError {
  const signal = exitCode > 128 && exitCode <= 192 ? exitCode - 128 : 0;
  const name = SIGNALS[signal];
  const message =
    signal === 0 ? `exit code ${exitCode}` : `killed by signal ${signal}${name === undefined ? '' : ` (${name})`}`;
  return { type: 'TaskFailed', message };
}

/** What a failed task itself says in OARLOCK_OUTPUT: `{errorType?, message?, permanent?}`. */
function reportedError(output: Json | undefined): Partial<TaskError> {
  if (output === undefined || !isObject(output)) return {};
  const { errorType, message, permanent } = output;
  return {
    ...(typeof errorType === 'string' && errorType !== '' ? { type: errorType.slice(0, ERROR_TYPE_LIMIT) } : {}),
    ...(typeof message === 'string' && message !== '' ? { message: message.slice(0, MESSAGE_LIMIT) } : {}),
    ...(permanent === true ? { permanent } : {}),
  };
}

function parseOutput(context: OutcomeContext): { value: Json } | { problem: string } {
  let text: string;
  try {
    const bytes = context.readOutput();
    if (bytes === null) return { problem: 'output: expected the JSON that the task wrote, found the file gone' };
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return { problem: 'output: expected UTF-8 text, found other bytes' };
    const message = error instanceof Error ? error.message.replace(/^.*?\.output: /, '') : String(error);
    return { problem: `output: expected JSON of at most ${FILE_LIMIT_BYTES} bytes, found ${message}` };
  }
  try {
    const value = JSON.parse(text) as Json;
    if (text.length > OUTPUT_DEPTH_LIMIT && isTooDeep(value))
      return { problem: `output: expected at most ${OUTPUT_DEPTH_LIMIT} levels of nesting` };
    return { value };
  } catch (error) {
    return { problem: describeSyntax(text, error) };
  }
}

function describeSyntax(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const before = text.slice(0, positionOf(text, message)).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  const found = message.replace(/ in JSON at position.*$/s, '').replace(/, (\.\.\.)?".*$/s, '');
  return `output: line ${before.length}, column ${column}: expected JSON: ${found.charAt(0).toLowerCase()}${found.slice(1)}`;
}

/** V8 names the position in some messages; in others it quotes ten characters on both sides of it. */
function positionOf(text: string, message: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return Number(position);
  const token = /^Unexpected token '(.+?)', /su.exec(message)?.[1];
  if (token === undefined) return text.length;
  const quoted = /, (\.\.\.)?"(.*)"(\.\.\.)? is not valid JSON$/s.exec(message);
  const start = quoted?.[1] === undefined ? 0 : Math.max(text.indexOf(quoted[2] ?? ''), 0);
  if (start > 0) return start + 10;
  for (let at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + 1)) {
    if (isBroken(text.slice(0, at + token.length))) return at;
  }
  return 0;
}

/** Is this beginning of a text wrong already, rather than merely not finished? */
function isBroken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return error instanceof Error && error.message.startsWith('Unexpected token');
  }
}

/** Level by level, without recursion. */
function isTooDeep(value: Json): boolean {
  let level: (Json[] | JsonObject)[] = isContainer(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= OUTPUT_DEPTH_LIMIT) return true;
    const below: (Json[] | JsonObject)[] = [];
    for (const container of level) {
      for (const item of Array.isArray(container) ? container : Object.values(container))
        if (isContainer(item)) below.push(item);
    }
    level = below;
  }
  return false;
}

function isContainer(value: Json): value is Json[] | JsonObject {
  return typeof value === 'object' && value !== null;
}
