// Objects as the verbs need them: found or a clear message, edited with a retry when somebody else was faster, and what
// their status says.

import { StoreError } from '../kernel/errors.ts';
import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import type { Manifest, Resource } from '../manifests/model.ts';
import type { RunRef, Store } from '../store/store.ts';
import { Failure } from './failure.ts';
import { nameOf } from './kinds.ts';

const EDIT_TRIES = 20;

export async function getRun(store: Store, name: string): Promise<Resource> {
  const run = await store.resources.get('WorkflowRun', name);
  if (run === null) throw new Failure(1, `no run "${name}"`, '`oarlock get runs` lists them');
  return run;
}

export function refOf(run: Resource): RunRef {
  return { name: run.metadata.name, uid: run.metadata.uid };
}

/** The part of an object that people own. */
export function manifestOf(object: Resource): Manifest {
  const { name, labels, annotations, finalizers } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
    spec: object.spec,
  };
}

/**
 * Reads, edits and writes the spec of an object, again when somebody wrote in between. `edit` returns the new spec, or null when
 * there is nothing to do; it throws when the edit makes no sense.
 */
export async function editSpec(
  store: Store,
  read: () => Promise<Resource>,
  edit: (object: Resource) => JsonObject | null,
): Promise<'edited' | 'unchanged'> {
  for (let tries = 1; ; tries += 1) {
    const object = await read();
    checkReadable(object);
    const spec = edit(object);
    if (spec === null) return 'unchanged';
    try {
      await store.resources.update(
        { ...manifestOf(object), spec },
        { expected: object.metadata.resourceVersion, uid: object.metadata.uid },
      );
      return 'edited';
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'Conflict' || tries === EDIT_TRIES) throw error;
    }
  }
}

// --- status ------------------------------------------------------------------------------------

export function statusOf(object: Resource): JsonObject {
  return object.status ?? {};
}

/** Why its file never could be read, so that there is nothing to start; null when it could. */
export function unreadable(object: Resource): string | null {
  return Object.keys(object.spec).length > 0 ? null : fileProblem(object);
}

/** What somebody wrote by hand is not written over as long as nobody but its author can read it: as the API has it. */
export function checkReadable(object: Resource): void {
  const problem = fileProblem(object, UNREADABLE);
  if (problem === null) return;
  const name = nameOf(object.kind, object.metadata.name);
  const hint = `put it right, or \`oarlock delete ${name.replace('/', ' ')}\` first`;
  throw new Failure(1, `${name}: its file was edited by hand and cannot be read: ${problem}`, hint);
}

const UNREADABLE = ['InvalidManifest', 'NameMismatch'];

function fileProblem(object: Resource, reasons?: readonly string[]): string | null {
  const accepted = listAt(statusOf(object), 'conditions').find((item) => textAt(item, 'type') === 'Accepted');
  const isMeant = reasons === undefined || reasons.includes(textAt(accepted, 'reason') ?? '');
  return isMeant && textAt(accepted, 'status') === 'False' ? (textAt(accepted, 'message') ?? '') : null;
}

/** `Pending` until the controller has seen the run. */
export function phaseOfRun(run: Resource): string {
  return textAt(statusOf(run), 'phase') ?? 'Pending';
}

export function hasEnded(run: Resource): boolean {
  const phase = phaseOfRun(run);
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}

export function textAt(value: Json | undefined, ...path: string[]): string | undefined {
  const found = valueAt(value, path);
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: Json | undefined, ...path: string[]): number | undefined {
  const found = valueAt(value, path);
  return typeof found === 'number' ? found : undefined;
}

export function objectAt(value: Json | undefined, ...path: string[]): JsonObject | undefined {
  const found = valueAt(value, path);
  return isObject(found) ? found : undefined;
}

export function listAt(value: Json | undefined, ...path: string[]): Json[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}

/** RFC 3339 as wall milliseconds; undefined when it is absent or no time. */
export function timeAt(value: Json | undefined, ...path: string[]): number | undefined {
  const parsed = Date.parse(textAt(value, ...path) ?? '');
  return Number.isNaN(parsed) ? undefined : parsed;
}

function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let current = value;
  for (const key of path) {
    if (!isObject(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}
