// How the faces name things: executions and runs by their name or their uid, states in words of their own.

import { type JsonObject, textAt } from '../../kernel/json.ts';
import type { Resource } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import type { Store } from '../../store/store.ts';
import { allRuns } from '../core/runs.ts';

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** By name, and by uid for those who kept that. */
export async function findExecution(store: Store, id: string): Promise<Resource | null> {
  if (!isObjectName(id)) return null;
  const named = await store.resources.get('WorkflowRun', id);
  if (named !== null || !UID.test(id)) return named;
  for await (const run of allRuns(store)) if (run.metadata.uid === id) return run;
  return null;
}

export function phaseOf(run: Resource): string {
  return textAt(run.status, 'phase') || 'Pending';
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['Pending', 'PENDING'],
  ['Running', 'RUNNING'],
  ['Suspended', 'SUSPENDED'],
  ['Compensating', 'COMPENSATING'],
  ['Succeeded', 'SUCCESS'],
  ['Failed', 'FAILED'],
  ['Cancelled', 'CANCELLED'],
]);

export const STATUS_WORDS = [...WORDS.values()].join(', ');

/** `PENDING`, `RUNNING`, `SUCCESS`, ...: the same words as for tasks. */
export function statusOf(run: Resource): string {
  return WORDS.get(phaseOf(run)) ?? 'PENDING';
}

/** A status, or the phase of a run; in capitals. */
export function isStatusWord(word: string): boolean {
  return [...WORDS].some(([phase, status]) => word === status || word === phase.toUpperCase());
}

/** Fields that are there, in order. */
export function present(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== ''));
}
