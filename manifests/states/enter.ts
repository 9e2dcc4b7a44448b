// Entering a state: the node that a visit becomes.
//
// A Task is given its arguments here, a Wait its end; all else is an inline node that looks at its data when it ends.
//
// E1  what goes wrong on entering is a failure of the state itself: its node ends with it, and its retry and catch are for it.

import { type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import { isObject } from '../../kernel/json.ts';
import type { Executor, NodeSpec, TaskSpec } from '../../kernel/task.ts';
import { instantProblem } from '../executors.ts';
import { argumentsOf, type Around, numberOf } from './language.ts';
import type { Machine, State } from './machine.ts';
import { TOKEN } from './normalize.ts';
import { namesOfFunction } from './resources.ts';
import { errorOf, queryError, runtimeError, StateError } from './state-error.ts';
import type { Visit } from './visit.ts';

/** Everything about a visit but what entering finds out. */
export interface Arrival {
  readonly id: string;
  readonly name: string;
  readonly visit: Visit;
  readonly around: Around;
  /** What is tried again as a visit of its own waits first. */
  readonly delaySeconds?: number;
}

export async function enter(machine: Machine, arrival: Arrival): Promise<NodeSpec> {
  const { id, name, visit, around, delaySeconds } = arrival;
  if (around.state.type === 'Task' && delaySeconds !== undefined) {
    const pause = inline(name, around.state, around.raw, { ...visit, isPause: true });
    return { id: `${id}/pause`, task: { ...pause, executor: { type: 'wait', seconds: delaySeconds } } };
  }
  try {
    return { id, task: await taskOf(machine, arrival) };
  } catch (error) {
    const failure = errorOf(error, name, visit.event);
    const { state, raw } = around;
    return { id, task: { ...inline(name, state, raw, { ...visit, failure }), ...retryOf(state, visit) } };
  }
}

function inline(name: string, state: State, raw: Json, visit: Visit): TaskSpec {
  return { task: name, executor: { type: 'inline', name: state.type }, input: raw, memo: asMemo(visit) };
}

function asMemo(visit: Visit): JsonObject {
  return visit as unknown as JsonObject;
}

/** What earlier visits have left of the retries. */
function retryOf(state: State, { retries = [] }: Visit): Pick<TaskSpec, 'retry'> {
  const isTaken = state.type === 'Parallel' || state.type === 'Map';
  if (state.retry === undefined || isTaken) return {};
  return {
    retry: state.retry.map((rule, index) => ({ ...rule, maxAttempts: rule.maxAttempts - (retries[index] ?? 0) })),
  };
}

async function taskOf(machine: Machine, arrival: Arrival): Promise<TaskSpec> {
  const { name, visit, around, delaySeconds } = arrival;
  const { state, raw } = around;
  const plain = inline(name, state, raw, visit);
  if (state.type === 'Task') return workOf(machine, arrival);
  if (state.type === 'Wait') return { ...plain, executor: await waitOf(around) };
  return delaySeconds === undefined ? plain : { ...plain, executor: { type: 'wait', seconds: delaySeconds } };
}

// --- tasks ---------------------------------------------------------------------------------------

/** What the next attempt of a Task is given, where that may differ from what this one was: `RetryCount` is another. Undefined: the same. */
export async function nextInput(around: Around): Promise<Json | undefined> {
  const { fields, isJsonata, integration } = around.state;
  const template = isJsonata ? fields['arguments'] : fields['parameters'];
  if (template === undefined || !CONTEXT.test(JSON.stringify(template))) return undefined;
  const given = await argumentsOf(around);
  return integration === 'invoke' ? payloadOf(given) : given;
}

/** Looks at the number of retries, or at all of the context or of its state. */
const CONTEXT = /RetryCount|\$\$(\.State)?(?![.\w])|\$states(\.context(\.State)?)?(?![.\w])/;

async function workOf(machine: Machine, { name, visit, around }: Arrival): Promise<TaskSpec> {
  const { state, raw } = around;
  const given = await argumentsOf(around);
  const limits = await limitsOf(around);
  const settings = {
    task: name,
    ...retryOf(state, visit),
    ...limits,
    ...(state.compensate === undefined ? {} : { compensate: state.compensate }),
  };
  const base = functionFor(machine, state, given);
  if (base === null) {
    const executor = signalOf(state, visit);
    return { ...settings, executor, input: given, memo: asMemo({ ...visit, isCallback: true, ...rawIf(raw, given) }) };
  }
  const { with: _with, when: _when, trigger: _trigger, ...task } = base;
  const input = state.integration === 'invoke' ? payloadOf(given) : given;
  return { ...task, ...settings, input, memo: asMemo({ ...visit, ...rawIf(raw, input) }) };
}

function rawIf(raw: Json, input: Json): { raw?: Json } {
  return raw === input ? {} : { raw };
}

function signalOf({ signal, form }: State, visit: Visit): Executor {
  const name = signal === TOKEN || signal === undefined ? (visit.token ?? '') : signal;
  return { type: 'signal', name, ...(form === undefined ? {} : { schema: form }) };
}

/** The second half of a Task that waits for a callback. */
export async function callbackOf({ name, visit, around }: Arrival, input: Json): Promise<TaskSpec> {
  const limits = await limitsOf(around);
  return {
    task: name,
    executor: signalOf(around.state, visit),
    ...limits,
    input,
    memo: asMemo({ ...visit, raw: around.raw, isCallback: true }),
  };
}

/** Null: there is none, the Task only waits for its Signal. */
function functionFor(machine: Machine, state: State, given: Json): TaskSpec | null {
  if (state.task !== undefined) return state.task;
  const resource = state.fields['resource'];
  if (typeof resource !== 'string') return null;
  const name =
    state.integration === 'invoke'
      ? textOf(isObject(given) ? given['FunctionName'] : undefined)
      : resource.replace(/\.(waitForTaskToken|sync(:2)?)$/, '');
  const known = namesOfFunction(name).find((candidate) => Object.hasOwn(machine.tasks, candidate));
  const task = known === undefined ? undefined : machine.tasks[known];
  if (task !== undefined) return task;
  throw new StateError(
    'Lambda.ResourceNotFoundException',
    `Function not found: ${name}: expected a Task of that name, or an entry in taskRefs`,
  );
}

/** Nothing is an empty object, and a text that is JSON is taken for what it says, as the service does. */
function payloadOf(given: Json): Json {
  const payload = isObject(given) ? given['Payload'] : undefined;
  if (typeof payload !== 'string') return payload ?? {};
  try {
    return JSON.parse(payload) as Json;
  } catch {
    return payload;
  }
}

/** How long an attempt may take, and how long it may be silent. */
async function limitsOf(around: Around): Promise<Pick<TaskSpec, 'timeoutSeconds' | 'heartbeatSeconds'>> {
  const timeoutSeconds = await limitOf(around, 'timeoutSeconds');
  const heartbeatSeconds = await limitOf(around, 'heartbeatSeconds');
  return {
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
  };
}

async function limitOf(around: Around, name: string): Promise<number | undefined> {
  const value = await numberOf(around, name);
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value) && value > 0)) return value;
  throw problemOf(around.state, `${name}: expected a positive number of seconds, found ${JSON.stringify(value)}`);
}

export function problemOf(state: State, message: string): StateError {
  return state.isJsonata ? queryError(message) : runtimeError(message);
}

// --- waits ---------------------------------------------------------------------------------------

/** 50 years. AWS counts in 32 bits (68 years) and ends any execution after one. */
const LONGEST_WAIT_SECONDS = 50 * 31_536_000;

async function waitOf(around: Around): Promise<Executor> {
  const { state } = around;
  const until = await numberOf(around, 'timestamp', 'string');
  if (until !== undefined) {
    if (typeof until !== 'string' || instantProblem(until) !== undefined) {
      const path = state.fields['timestampPath'];
      const what =
        path === undefined
          ? 'Timestamp field cannot be parsed as an'
          : 'TimestampPath parameter does not reference a valid';
      const shown = path === undefined ? textOf(until) : `${textOf(path)} == ${textOf(until)}`;
      throw problemOf(state, `The ${what} ISO-8601 extended offset date-time format string: ${shown}`);
    }
    if (Date.parse(until) - around.visitAt > LONGEST_WAIT_SECONDS * 1000)
      throw problemOf(state, 'Wait state delay is too long.');
    return { type: 'wait', until };
  }
  const seconds = await numberOf(around, 'seconds');
  const where = `${textOf(state.fields['secondsPath'] ?? 'Seconds')} == ${textOf(seconds)}`;
  if (typeof seconds !== 'number' || !Number.isInteger(seconds))
    throw problemOf(state, `The SecondsPath parameter cannot be parsed as a long value: ${where}`);
  if (seconds < 0) throw problemOf(state, `The SecondsPath parameter references a negative value: ${where}`);
  if (seconds > LONGEST_WAIT_SECONDS) throw problemOf(state, 'Wait state delay is too long.');
  return { type: 'wait', seconds };
}
