// A run with what happened to it, for the verbs that look inside: why, history, logs, describe, graph, restart.

import type { Run } from '../kernel/run.ts';
import type { Resource } from '../manifests/model.ts';
import { loadRun } from '../store/load-run.ts';
import type { RunRef, Store } from '../store/store.ts';
import { Failure } from './failure.ts';
import { getRun, refOf, statusOf, textAt, unreadable } from './objects.ts';
import { clean } from './output/text.ts';

export interface OpenedRun {
  readonly object: Resource;
  readonly ref: RunRef;
  /** Null while the controller has not taken it up, and when its journal cannot be read. */
  readonly run: Run | null;
  /** Why it cannot be read. */
  readonly broken: string | null;
}

export async function openRun(store: Store, name: string): Promise<OpenedRun> {
  const object = await getRun(store, name);
  const ref = refOf(object);
  const loaded = await loadRun(store.runs, ref);
  const broken = loaded?.broken === undefined ? null : `${loaded.broken.reason}: ${loaded.broken.message}`;
  return { object, ref, run: loaded?.run ?? null, broken };
}

/** As openRun, and the run has begun: else a message that says why not. */
export async function openStartedRun(store: Store, name: string): Promise<OpenedRun & { readonly run: Run }> {
  const opened = await openRun(store, name);
  const { run, broken } = opened;
  if (run !== null) return { ...opened, run };
  if (broken !== null) throw new Failure(1, `run "${name}": ${broken}`);
  throw await notStarted(store, opened.object);
}

/** For a run of which nothing is journaled: why not. */
export async function notStarted(store: Store, object: Resource): Promise<Failure> {
  const { name } = object.metadata;
  const problem = unreadable(object);
  if (problem !== null) return new Failure(1, `run "${name}" cannot be read`, problem);
  const known = textAt(statusOf(object), 'message') ?? '';
  return new Failure(1, `run "${name}" has not started yet`, known === '' ? await whoWouldStart(store) : known);
}

async function whoWouldStart(store: Store): Promise<string> {
  return (await store.seats.isControllerAlive())
    ? 'the controller takes it up as soon as it can'
    : 'no controller is running; `oarlock up` starts one';
}

const SHOWN_IDS = 8;

export function noNode(run: Run, id: string): Failure {
  const near = [...run.nodes.keys()].filter((known) => known.toLowerCase().includes(id.toLowerCase()));
  const shown = (near.length > 0 ? near : [...run.nodes.keys()]).slice(0, SHOWN_IDS).map(clean);
  const more = run.nodes.size > shown.length ? `, ... (${run.nodes.size} in all)` : '';
  return new Failure(1, `run "${run.name}" has no node "${id}"`, `its nodes are ${shown.join(', ')}${more}`);
}
