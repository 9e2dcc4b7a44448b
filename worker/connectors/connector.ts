// What a connector is: a name, and actions that take checked JSON and give checked JSON.
//
// Owns: the words that connectors and the host share. Does not own: where connectors are found (registry.ts), how an attempt runs and
// ends (../host-connector.ts). Nothing outside worker/ knows more of a connector than the text NAME.ACTION.
//
// K1  an action runs only with an input that satisfies its schema, and its output is checked before anybody sees it.
// K2  an action may run again with the same key (at least once): what it changes outside goes by that key, or can be done twice.
// K3  an error says whether another attempt can help. Where it cannot, the task's retries are not used.

import type { Json, JsonObject } from '../../kernel/json.ts';

/** What an action may know of its attempt. */
export interface ActionContext {
  /** Name of the run. */
  readonly run: string;
  readonly node: string;
  /** From 1. */
  readonly attempt: number;
  /** The same for every attempt of a node. */
  readonly key: string;
  /** Aborted when the attempt is being ended. */
  readonly signal: AbortSignal;
  /** Where relative paths of the input begin. */
  readonly workingDir: string;
  /** State directory of the engine. */
  readonly stateDir: string;
  /** What the task names under `env`, and DATABASE_URL when the worker has it. */
  readonly env: Readonly<Record<string, string>>;
  /** A line for the task's log; values that the task takes from `fromEnv` and `fromFile` are masked. */
  readonly log: (...values: unknown[]) => void;
}

export interface Action {
  /** One line for people. */
  readonly description: string;
  /** JSON Schemas, 2020-12. */
  readonly input: JsonObject;
  readonly output: JsonObject;
  readonly run: (input: Json, context: ActionContext) => Promise<Json>;
}

/** A connector is found by the name of its module or its row in registry.ts; what it can do stands in `actions`. */
export abstract class Connector {
  abstract readonly actions: Readonly<Record<string, Action>>;
}

/** An action whose schema vouches for the type of its input. */
export function action<Input>(
  parts: Omit<Action, 'run'> & { readonly run: (input: Input, context: ActionContext) => Promise<Json> },
): Action {
  return { ...parts, run: (input, context) => parts.run(input as Input, context) };
}

/** `permanent`: the same attempt again would fail the same way. */
export type Lasting = 'permanent' | 'passing';

export class ConnectorError extends Error {
  override readonly name = 'ConnectorError';
  /** What `catch` and retry rules go by. */
  readonly type: string;
  readonly lasting: Lasting;
  constructor(type: string, message: string, lasting: Lasting = 'passing', options?: { cause?: unknown }) {
    super(message, options);
    this.type = type;
    this.lasting = lasting;
  }
}

/** The input asks for what cannot be. */
export function invalidInput(message: string): ConnectorError {
  return new ConnectorError('InvalidInput', message, 'permanent');
}
