// What a node does, once every reference is resolved. The front ends (manifests/) compile to this;
// the first journal line of a run holds it, so that a run never looks at a manifest again.

import type { Json, JsonObject } from './json.ts';
import type { PromiseSpec } from './promises/promise.ts';

/** What runs. `wait`, `signal`, `mock` and `inline` are run by the controller itself; all else by a worker. */
export type Executor =
  | { readonly type: 'command'; readonly command: string }
  | { readonly type: 'exec'; readonly argv: readonly string[] }
  | { readonly type: 'call'; readonly module: string; readonly export: string }
  /** A script of a file, or code as it stands. */
  | { readonly type: 'python'; readonly script?: string; readonly code?: string; readonly args?: readonly string[] }
  /** NAME.ACTION of a connector. */
  | { readonly type: 'connector'; readonly action: string }
  | {
      readonly type: 'container';
      readonly image: string;
      readonly command?: readonly string[];
      readonly workdir?: string;
      /** SOURCE:TARGET[:OPTIONS]. */
      readonly volumes?: readonly string[];
      readonly limits?: ContainerLimits;
      readonly network?: string;
      readonly pull?: 'missing' | 'always' | 'never';
    }
  | {
      readonly type: 'mock';
      readonly output?: Json;
      readonly delaySeconds?: number;
      /** The first `times` attempts fail; absent `times` means all of them. */
      readonly fail?: { readonly times?: number; readonly errorType?: string; readonly message?: string };
    }
  | { readonly type: 'wait'; readonly seconds?: number; readonly until?: string }
  /** `schema`: what its data must be. */
  | { readonly type: 'signal'; readonly name: string; readonly schema?: JsonObject }
  /** Begins and ends in one event: what comes of it is for the continuation to say. `name`: for people. */
  | { readonly type: 'inline'; readonly name: string };

export interface ContainerLimits {
  readonly cpus?: number;
  readonly memoryMiB?: number;
}

export type Trigger = 'AllSuccess' | 'AllDone' | 'AnySuccess' | 'AnyFailed';

/**
 * When a failed attempt is followed by another. `maxAttempts` counts the retries after the first
 * attempt, as in the Amazon States Language. The delay before retry k (from 1) is
 * intervalSeconds * backoffRate^(k-1), at most maxDelaySeconds; full jitter takes a part of it that
 * depends on run, node and attempt only.
 */
export interface RetryRule {
  /** Error types it is for; absent: all. The first rule that matches counts. */
  readonly errors?: readonly string[];
  /** Error types that `*` and absent `errors` do not take. */
  readonly except?: readonly string[];
  readonly maxAttempts: number;
  readonly intervalSeconds?: number;
  readonly backoffRate?: number;
  readonly maxDelaySeconds?: number;
  readonly jitter?: boolean;
}

/** A literal, or where the worker reads it: never journaled, masked in logs. */
export type EnvValue = string | { readonly fromEnv: string } | { readonly fromFile: string };

export interface Display {
  readonly label?: string;
  readonly color?: string;
}

/** Absent fields have the default of design: trigger AllSuccess, no retry, no timeout, no condition. */
export interface TaskSpec {
  /** Name of the Task or template that it came from; for selectors and pictures. */
  readonly task?: string;
  readonly executor: Executor;
  /** Literals and `$.` paths; absent: the run's input. */
  readonly with?: JsonObject;
  /** The input itself, never looked at for paths; counts before `with`. */
  readonly input?: Json;
  /** What a continuation wants to find with the node; nothing to anybody else. */
  readonly memo?: JsonObject;
  readonly when?: string;
  readonly trigger?: Trigger;
  readonly retry?: readonly RetryRule[];
  readonly timeoutSeconds?: number;
  /** An attempt that gives no sign of life for so long has run out of time, too: a message, or a Signal that says so. */
  readonly heartbeatSeconds?: number;
  readonly inputSchema?: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly env?: { readonly [name: string]: EnvValue };
  readonly workingDir?: string;
  readonly display?: Display;
  /** It speaks the message protocol (docs/protocols/messages.md), and so may change the graph; `python` always does. */
  readonly messages?: boolean;
  /** Undoes this task, given its output, when the run fails or is cancelled after it succeeded. */
  readonly compensate?: TaskSpec;
}

/** The one thing that changes a graph. Applied whole or refused whole. */
export interface GraphChange {
  readonly nodes?: readonly NodeSpec[];
  readonly edges?: readonly EdgeSpec[];
  /** Those about additions bind what comes later, shapes this change, too (docs/promises.md). */
  readonly promises?: readonly PromiseSpec[];
  readonly display?: readonly DisplayChange[];
}

/** How a node or an edge shall look from now on. */
export type DisplayChange =
  | { readonly node: string; readonly display: Display }
  | { readonly edge: { readonly from: string; readonly to: string }; readonly display: Display };

export interface NodeSpec {
  readonly id: string;
  /** A definition, or the name of a template of the run. */
  readonly task: TaskSpec | string;
  /** With the name of a template: what this copy says otherwise. What it does and whether it speaks is the template's. */
  readonly own?: OwnWords;
  readonly dependencies?: readonly string[];
}

/** Fields in which copies of one template may differ. */
export const OWN_FIELDS = [
  'with',
  'input',
  'when',
  'trigger',
  'retry',
  'timeoutSeconds',
  'env',
  'workingDir',
  'display',
] as const;
export type OwnWords = Pick<TaskSpec, (typeof OWN_FIELDS)[number]>;

export interface EdgeSpec {
  readonly from: string;
  readonly to: string;
  readonly display?: Display;
}

export type FailurePolicy = 'FailFast' | 'Continue';

/** All that a run is, before anything happened: what the front ends compile a manifest to. */
export interface Registration {
  readonly name: string;
  readonly uid: string;
  /** Name of the Workflow, null for an inline one. */
  readonly workflow: string | null;
  /** Generation of the Workflow that it is pinned to, 0 for an inline one. */
  readonly workflowGeneration: number;
  readonly input: Json;
  readonly parallelism?: number;
  readonly failurePolicy?: FailurePolicy;
  readonly templates?: { readonly [name: string]: TaskSpec };
  readonly change: GraphChange;
  /** What the continuation of a state machine goes by: it makes the graph grow as nodes end. */
  readonly continuation?: JsonObject;
  /** Digest of the part of the run's spec that must not change after the start. */
  readonly specDigest?: string;
}

/** Error types of data that is not what a schema asks for. */
export const INPUT_INVALID = 'InputInvalid';
export const OUTPUT_INVALID = 'OutputInvalid';

export interface TaskError {
  readonly type: string;
  readonly message: string;
  /** The task says that another attempt would fail the same way: only a retry rule that names the type takes it. */
  readonly permanent?: true;
}

/** Lost: its slot or machine is gone; what is left of it is ended before the next attempt. */
export type StopReason = 'Timeout' | 'Cancelled' | 'Restarted' | 'Stopped' | 'Lost';

/** How an attempt ended. */
export type Outcome =
  | { readonly result: 'Success'; readonly output?: Json; readonly exitCode?: number }
  | { readonly result: 'Failure'; readonly error: TaskError; readonly exitCode?: number; readonly output?: Json }
  /** Ended by the engine; a Timeout counts as a failure, the others end the node. */
  | { readonly result: 'Stopped'; readonly reason: StopReason; readonly message?: string }
  /** The infrastructure lost it (slot killed, machine gone): its own budget, not a retry. */
  | { readonly result: 'Lost'; readonly message: string };
