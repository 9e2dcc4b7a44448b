// The single states of shared/fixtures/asl (recorded from the TestState API of AWS): one state with an input and, in place of its function,
// its branches or its items, a result or an error. Each is put into a machine of its own and run.
//
// Owns: building that machine and judging. What TestState shows of the inside is compared where it is visible here: what the function was
// given, the state that comes next, which retry comes after how long.

import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Outcome } from '../../kernel/task.ts';
import { visitOf } from '../../manifests/states/visit.ts';
import { isAlike } from './asl-fixtures.ts';
import { MachineDriver } from './state-machine-run.ts';

export interface SingleState {
  readonly id: string;
  readonly definition: JsonObject;
  readonly stateName?: string;
  readonly input: Json;
  readonly context?: string;
  readonly variables?: string;
  readonly mock?: {
    readonly result?: string;
    readonly errorOutput?: { readonly error: string; readonly cause: string };
  };
  readonly stateConfiguration?: {
    readonly retrierRetryCount?: number;
    readonly mapIterationFailureCount?: number;
    readonly mapItemReaderData?: string;
  };
  readonly expected_response: {
    readonly status: 'SUCCEEDED' | 'FAILED' | 'RETRIABLE' | 'CAUGHT_ERROR';
    readonly output?: Json;
    readonly error?: string;
    readonly cause?: string;
    readonly nextState?: string;
  };
  readonly expected_inspection?: JsonObject;
  readonly match: 'exact' | 'placeholders';
}

const TARGET = 'StateName';
const FUNCTION = 'mocked';

/** Null when the state did what it did on AWS, else how it differs. */
export async function trySingleState(single: SingleState): Promise<string | null> {
  const given: Json[] = [];
  const play = player(single, given);
  const { name } = targetOf(single);
  const driver = await MachineDriver.start({
    definition: machineFor(single),
    input: executionInput(single),
    functions: { [FUNCTION]: play },
  });
  const isRetried = single.expected_response.status === 'RETRIABLE';
  const retries = single.stateConfiguration?.retrierRetryCount ?? 0;
  const seen = isRetried ? await untilRetry(driver, name, retries + 1) : await untilEnd(driver, name);
  return seen === null ? 'did not get that far' : judge(single, seen, given);
}

interface Seen {
  readonly status: string;
  readonly output: Json;
  readonly error: { readonly type: string; readonly message: string } | null;
  readonly next: string | null;
  readonly delaySeconds: number | null;
}

// --- building ------------------------------------------------------------------------------------

/** The state that is meant, alone or anywhere in a machine. */
function targetOf({ definition, stateName }: SingleState): { name: string; state: JsonObject; isInMachine: boolean } {
  if (!isObject(definition['States'])) return { name: TARGET, state: definition, isInMachine: false };
  const name = stateName ?? textOf(definition['StartAt']);
  return { name, state: findState(definition, name) ?? {}, isInMachine: true };
}

function findState(inside: Json, name: string): JsonObject | null {
  if (Array.isArray(inside)) return inside.map((item) => findState(item, name)).find((state) => state !== null) ?? null;
  if (!isObject(inside)) return null;
  const own = isObject(inside['States']) ? inside['States'][name] : undefined;
  return isObject(own) ? own : findState(Object.values(inside), name);
}

/** A first state brings about the input and the variables; what may come next ends at once. */
function machineFor(single: SingleState): JsonObject {
  const { definition } = single;
  const { name, state: written, isInMachine } = targetOf(single);
  const state = prepared(written, single);
  const stubs = targetsOf(state).map((target): [string, Json] => [target, { Type: 'Pass', End: true }]);
  const variables = single.variables === undefined ? {} : { Assign: JSON.parse(single.variables) as Json };
  const first = { Type: 'Pass', QueryLanguage: 'JSONPath', Result: single.input, ...variables, Next: name };
  const language = isInMachine && state['QueryLanguage'] === undefined ? definition['QueryLanguage'] : undefined;
  const target = language === undefined ? state : { QueryLanguage: language, ...state };
  return { StartAt: '(given)', States: { '(given)': first, ...Object.fromEntries(stubs), [name]: target } };
}

/** What is mocked as a whole is made of tasks that give the parts; a service gives what it is told to, and nothing around it. */
function prepared(state: JsonObject, { mock, stateConfiguration }: SingleState): JsonObject {
  const { ItemReader: _reader, ...rest } = state;
  const task = { Type: 'Task', QueryLanguage: 'JSONPath', Resource: FUNCTION, End: true };
  const machine = { StartAt: '(part)', States: { '(part)': task } };
  if (mock === undefined) return state;
  if (state['Type'] === 'Task') return { ...state, Resource: FUNCTION };
  if (state['Type'] === 'Parallel') {
    const branches = Array.isArray(state['Branches']) ? state['Branches'] : [];
    return {
      ...rest,
      Branches: branches.map((_, index) => ({ StartAt: `(${index})`, States: { [`(${index})`]: task } })),
    };
  }
  if (state['Type'] !== 'Map') return state;
  const items = stateConfiguration?.mapItemReaderData;
  const read = items === undefined ? {} : { Items: JSON.parse(items) as Json };
  // An error of the state as a whole is not that of an item, of which some may be tolerated.
  const isWhole = mock.errorOutput !== undefined;
  const config = isWhole ? {} : { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' } };
  return { ...(isWhole ? withoutTolerance(rest) : rest), ...read, ItemProcessor: { ...config, ...machine } };
}

function withoutTolerance(state: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !name.startsWith('Tolerated')));
}

function targetsOf(state: JsonObject): string[] {
  const rules = ['Catch', 'Choices'].flatMap((name) =>
    Array.isArray(state[name]) ? (state[name] as JsonObject[]) : [],
  );
  const targets = [state['Next'], state['Default'], ...rules.map((rule) => rule['Next'])];
  return [...new Set(targets.filter((target) => typeof target === 'string'))];
}

function executionInput({ context, input }: SingleState): Json {
  const execution = context === undefined ? null : (JSON.parse(context) as JsonObject)['Execution'];
  return isObject(execution) ? (execution['Input'] ?? null) : input;
}

type Play = (input: Json) => Outcome;

/** The parts of a result in order, or failures. */
function player(single: SingleState, given: Json[]): Play {
  const { mock, stateConfiguration } = single;
  const isWhole = targetOf(single).state['Type'] === 'Task';
  let failures = stateConfiguration?.mapIterationFailureCount ?? 0;
  return (input) => {
    given.push(input);
    if (mock?.errorOutput !== undefined) {
      const { error, cause } = mock.errorOutput;
      return { result: 'Failure', error: { type: error, message: cause } };
    }
    if (failures > 0) {
      failures -= 1;
      return { result: 'Failure', error: { type: 'Failed', message: '' } };
    }
    const result = JSON.parse(mock?.result ?? 'null') as Json;
    return {
      result: 'Success',
      output: isWhole || !Array.isArray(result) ? result : (result[given.length - 1] ?? null),
    };
  };
}

// --- watching ------------------------------------------------------------------------------------

async function untilEnd(driver: MachineDriver, name: string): Promise<Seen | null> {
  await driver.toEnd();
  const nodes = [...driver.run.nodes.values()];
  const own = nodes.filter((node) => visitOf(node)?.state === name);
  const last = own.at(-1);
  if (last === undefined) return null;
  const next = nodes.find((node) => node.createdBy === last.id && visitOf(node)?.state !== name);
  const after = next === undefined ? null : (visitOf(next)?.state ?? null);
  const isFailed = last.state === 'FAILED';
  const isCaught = isFailed && after !== null;
  const status = isCaught ? 'CAUGHT_ERROR' : isFailed ? 'FAILED' : 'SUCCEEDED';
  const output = next === undefined ? last.output : (next.task.input ?? null);
  return { status, output, error: last.error, next: after, delaySeconds: null };
}

/** Until the failure that is followed by retry number `count`. */
async function untilRetry(driver: MachineDriver, name: string, count: number): Promise<Seen | null> {
  for (let failures = 0; ; ) {
    const node = retrying(driver, name);
    if (node !== null) failures = sum(node.retriesUsed) + sum(visitOf(node)?.retries ?? []);
    if (node !== null && failures >= count) {
      const due = node.timer?.due ?? driver.run.time;
      const { executor } = node.task;
      const waits = executor.type === 'wait' ? (executor.seconds ?? 0) : (due - driver.run.time) / 1000;
      const error = node.error ?? driver.run.nodes.get(node.createdBy ?? '')?.error ?? null;
      return { status: 'RETRIABLE', output: null, error, next: null, delaySeconds: waits };
    }
    if (!(await driver.step())) return null;
  }
}

function retrying(driver: MachineDriver, name: string): Node | null {
  const nodes = [...driver.run.nodes.values()].filter((node) => visitOf(node)?.state === name);
  const again = (node: Node): boolean => node.state === 'RETRYING' || (visitOf(node)?.retries ?? []).length > 0;
  return nodes.findLast(again) ?? null;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

// --- judging -------------------------------------------------------------------------------------

function judge(single: SingleState, seen: Seen, given: readonly Json[]): string | null {
  const { expected_response: expected, expected_inspection: inside = {} } = single;
  if (seen.status !== expected.status) return `${seen.status}: ${JSON.stringify(seen)}`;
  if (expected.error !== undefined && expected.error !== seen.error?.type) return `error ${seen.error?.type ?? 'none'}`;
  if (expected.cause !== undefined && !(seen.error?.message ?? '').endsWith(expected.cause))
    return `cause ${seen.error?.message ?? 'none'}`;
  if (expected.nextState !== undefined && expected.nextState !== seen.next) return `next ${seen.next ?? 'none'}`;
  if (expected.output !== undefined && !isAlike(single, expected.output, withoutRedrive(seen.output)))
    return `output ${JSON.stringify(seen.output)} instead of ${JSON.stringify(expected.output)}`;
  const details = inside['errorDetails'];
  const seconds = isObject(details) ? details['retryBackoffIntervalSeconds'] : undefined;
  if (seconds !== undefined && seconds !== seen.delaySeconds) return `delay ${textOf(seen.delaySeconds)}`;
  return judgeGiven(single, inside, given);
}

/** The context object of TestState is that of an Express run, which cannot be restarted. */
function withoutRedrive(output: Json): Json {
  if (Array.isArray(output)) return output.map(withoutRedrive);
  if (!isObject(output)) return output;
  const { RedriveCount: _count, ...rest } = output;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, withoutRedrive(value)]));
}

function judgeGiven(single: SingleState, inside: JsonObject, given: readonly Json[]): string | null {
  const wanted = inside['afterArguments'] ?? inside['afterParameters'];
  if (wanted === undefined || given.length === 0) return null;
  return isAlike(single, wanted, given[0] ?? null) ? null : `given ${JSON.stringify(given[0])}`;
}
