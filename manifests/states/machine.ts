// A state machine as the engine runs it: both ways of writing brought to one form, every state under its name, whatever machine it
// stands in (names differ, lint.ts). It is plain data, because the first line of a run's journal holds it.

import type { Json, JsonObject } from '../../kernel/json.ts';
import type { RetryRule, TaskSpec } from '../../kernel/task.ts';
import type { StateType } from './fields.ts';

export interface Machine {
  readonly startAt: string;
  readonly states: { readonly [name: string]: State };
  /** What a resource or the name of a function stands for. */
  readonly tasks: { readonly [resource: string]: TaskSpec };
  /** The whole run may take so long. */
  readonly timeoutSeconds?: number;
  /** Written in Amazon States Language: errors of the engine bear its names. */
  readonly isAsl: boolean;
  readonly version: 1;
}

export interface State {
  readonly type: StateType;
  readonly isJsonata: boolean;
  readonly next?: string;
  readonly end?: boolean;
  readonly retry?: readonly RetryRule[];
  readonly catch?: readonly Catcher[];
  readonly choices?: readonly Choice[];
  readonly default?: string;
  /** First states of the branches of a Parallel; of a Map, of the one that each item goes through. */
  readonly branches?: readonly string[];
  readonly isDistributed?: boolean;
  /** How a Task reaches its function: given the payload alone, and does it wait for a callback? */
  readonly integration?: Integration;
  /** A Task that runs an executor of its own, without naming a resource. */
  readonly task?: TaskSpec;
  /** What undoes a Task when the run does not end well. */
  readonly compensate?: TaskSpec;
  /** Name of the Signal that a Task waits for, once its function (if it has one) has ended. */
  readonly signal?: string;
  /** What that Signal must say. */
  readonly form?: JsonObject;
  /** All other fields, by their names in our letters, as they were written. */
  readonly fields: JsonObject;
}

/** `invoke`: parameters hold FunctionName and Payload, and the result is wrapped. */
export type Integration = 'plain' | 'invoke';

export interface Catcher {
  readonly errors?: readonly string[];
  readonly next: string;
  readonly fields: JsonObject;
}

export interface Choice {
  readonly next: string;
  /** A comparison or rules joined by and, or, not, in our letters; with JSONata the text of the condition. */
  readonly rule: Json;
  readonly fields: JsonObject;
}
