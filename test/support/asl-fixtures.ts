// The recorded executions of shared/fixtures/asl: what they ask, and whether a run gave it.
//
// Owns: reading the cases, playing their functions, comparing. Does not own: running (state-machine-run.ts).

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isSame } from '../../kernel/expression.ts';
import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { Outcome } from '../../kernel/task.ts';
import { AdmissionError } from '../../kernel/errors.ts';
import { admitNow } from '../../manifests/admit.ts';
import { runMachine } from './state-machine-run.ts';

export interface Execution {
  readonly id: string;
  readonly tier: string;
  readonly definition?: JsonObject;
  readonly definition_raw?: string;
  readonly input: Json;
  readonly expected_status: 'SUCCEEDED' | 'FAILED' | 'REJECTED' | 'VALIDATION';
  readonly expected_output?: Json;
  readonly expected_error?: string | null;
  readonly expected_cause?: string | null;
  readonly expected_validation?: { readonly result: string };
  readonly task_mock?: { readonly [name: string]: { readonly behaviour: string; readonly [more: string]: Json } };
  readonly match: 'exact' | 'placeholders' | 'nondeterministic';
  readonly cause_match?: string;
  readonly aws_envelope?: boolean;
  readonly slow?: boolean;
  readonly time_relative?: boolean;
  readonly task_attempts?: number;
}

const FOLDER = resolve(import.meta.dirname, '../../../shared/fixtures/asl');

export function hasFixtures(): boolean {
  return existsSync(FOLDER);
}

export function readCases<T>(file: string): T[] {
  return readFileSync(resolve(FOLDER, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Null when the run gave what AWS gave, else how it differs. */
export async function tryExecution(execution: Execution): Promise<string | null> {
  const { definition, definition_raw: raw, expected_status: expected } = execution;
  if (definition === undefined) return tryText(raw ?? '', execution.expected_validation?.result === 'OK');
  const functions: { [name: string]: (input: Json, attempt: number) => Outcome } = {};
  for (const [name, mock] of Object.entries(execution.task_mock ?? {})) {
    const play = (input: Json): Outcome => playMock(mock, input);
    functions[name] = play;
    if (typeof mock['arn'] === 'string') functions[mock['arn']] = play;
  }
  try {
    const { run } = await runMachine({ definition, input: execution.input, functions, name: 'machine-x' });
    if (expected === 'REJECTED') return 'was not rejected';
    if (expected === 'VALIDATION') return execution.expected_validation?.result === 'OK' ? null : 'was not refused';
    return judge(execution, run.end);
  } catch (error) {
    if (!(error instanceof AdmissionError)) throw error;
    if (expected === 'REJECTED' || execution.expected_validation?.result === 'FAIL') return null;
    return `refused: ${error.message}`;
  }
}

/** A text that may be no document at all. */
function tryText(text: string, isValid: boolean): string | null {
  try {
    admitNow({ name: 'definition', text, defaultName: 'x' });
    return isValid ? null : 'was not refused';
  } catch (error) {
    if (!(error instanceof AdmissionError)) throw error;
    return isValid ? `refused: ${error.message}` : null;
  }
}

function playMock(mock: JsonObject, input: Json): Outcome {
  const behaviour = textOf(mock['behaviour']);
  if (behaviour === 'returns its input unchanged') return { result: 'Success', output: input };
  if (behaviour === 'returns constant') return { result: 'Success', output: mock['returns'] ?? null };
  if (behaviour === 'always fails') return { result: 'Failure', error: lambdaError(mock) };
  if (behaviour.startsWith('sleeps')) return { result: 'Stopped', reason: 'Timeout' };
  if (behaviour.includes('letters a')) return { result: 'Success', output: 'a'.repeat(257 * 1024) };
  if (behaviour.includes('HelloWorld!')) return { result: 'Success', output: 'HelloWorld!' };
  throw new Error(`unknown behaviour "${behaviour}"`);
}

/** As a function in Python fails there. */
function lambdaError(mock: JsonObject): { type: string; message: string } {
  const type = textOf(mock['error']);
  const text = textOf(mock['message']);
  const message = JSON.stringify({ errorMessage: text, errorType: type, requestId: '<uuid:1>', stackTrace: [] });
  return { type, message };
}

interface End {
  readonly phase: string;
  readonly output: Json;
  readonly error: { readonly type: string; readonly message: string } | null;
}

function judge(execution: Execution, end: End | null): string | null {
  if (end === null) return 'did not end';
  const status = end.phase === 'Succeeded' ? 'SUCCEEDED' : 'FAILED';
  const shown = end.error === null ? JSON.stringify(end.output) : `${end.error.type}: ${end.error.message}`;
  if (status !== execution.expected_status) return `${status}: ${shown}`;
  if (execution.match === 'nondeterministic') return null;
  if (status === 'FAILED') {
    if ((execution.expected_error ?? '') !== (end.error?.type ?? '')) return `error ${shown}`;
    const isExact = execution.cause_match === 'exact' || execution.cause_match === 'aws-wording';
    return isExact && (execution.expected_cause ?? '') !== (end.error?.message ?? '') ? `cause ${shown}` : null;
  }
  const expected = execution.expected_output ?? null;
  return isAlike(execution, expected, end.output) ? null : `output ${shown} instead of ${JSON.stringify(expected)}`;
}

/** Words that stand for what was different each time. */
const WORDS = ['date', 'start-time', 'entered-time', 'snf_role_arn', 'lambda_function_name'];
const PLACEHOLDER = /<[^>]+>/;
/** What only AWS can say: answers of its SDK, and values that were replaced when the case was recorded. */
const ENVELOPE = new Set(['SdkHttpMetadata', 'SdkResponseMetadata', 'LogResult']);

export function isAlike(execution: Pick<Execution, 'match' | 'aws_envelope'>, expected: Json, found: Json): boolean {
  if (isSame(expected, found)) return true;
  if (typeof expected === 'string' && execution.match === 'placeholders') return isAlikeText(expected, found);
  if (Array.isArray(expected)) {
    return (
      Array.isArray(found) &&
      found.length === expected.length &&
      expected.every((item, index) => isAlike(execution, item, found[index] ?? null))
    );
  }
  if (!isObject(expected) || !isObject(found)) return false;
  const names = Object.keys(expected).filter((name) => execution.aws_envelope !== true || !ENVELOPE.has(name));
  if (names.length !== Object.keys(found).length) return false;
  return names.every(
    (name) => Object.hasOwn(found, name) && isAlike(execution, expected[name] ?? null, found[name] ?? null),
  );
}

function isAlikeText(expected: string, found: Json): boolean {
  if (WORDS.includes(expected)) return typeof found === 'string';
  if (PLACEHOLDER.test(expected) && !expected.includes('stackTrace'))
    return typeof found === 'string' || expected.startsWith('<json');
  if (expected.includes('stackTrace')) return typeof found === 'string' && found.includes('stackTrace');
  return false;
}
