// What goes wrong inside a state, by the names of the Amazon States Language, and which rules such a name meets.

import type { TaskError } from '../../kernel/task.ts';

export class StateError extends Error {
  override readonly name = 'StateError';
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** What the engine itself found wrong, which is told with the state in which it was found. */
export class EngineError extends StateError {}

export function runtimeError(message: string): StateError {
  return new EngineError('States.Runtime', message);
}

export function queryError(message: string): StateError {
  return new EngineError('States.QueryEvaluationError', message);
}

/** Errors that no rule for all errors takes. */
export const UNCATCHABLE = ['States.Runtime', 'States.DataLimitExceeded'];
/** What a time limit is called, in either way of writing. */
export const TIMEOUTS = ['States.Timeout', 'Timeout', 'States.HeartbeatTimeout', 'HeartbeatTimeout'];

/** Does a rule of a `catch` that lists these names take the error? Without names: all. */
export function takes(names: readonly string[] | undefined, error: TaskError): boolean {
  if (names === undefined) return !UNCATCHABLE.includes(error.type);
  return names.some((name) => {
    if (name === error.type) return true;
    if (name === 'States.ALL' || name === '*') return !UNCATCHABLE.includes(error.type);
    if (name === 'States.TaskFailed') return !UNCATCHABLE.includes(error.type) && !TIMEOUTS.includes(error.type);
    return (name === 'States.Timeout' || name === 'Timeout') && TIMEOUTS.includes(error.type);
  });
}

/**
 * Whatever the data of one run lead to must not end the controller, which serves all of them. What the engine found is told in the words
 * of AWS: `event` is the number that the entering of the state would have in its history.
 */
export function errorOf(error: unknown, state: string, event: number | undefined): TaskError {
  const type = error instanceof StateError ? error.type : 'States.Runtime';
  const message = error instanceof Error ? error.message : String(error);
  if (event === undefined || (error instanceof StateError && !(error instanceof EngineError))) return { type, message };
  const where = `An error occurred while executing the state '${state}' (entered at the event id #${event}).`;
  return { type, message: `${where} ${message}` };
}
