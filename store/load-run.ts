// A run, folded from what the store has of it: the newest snapshot and the journal after it; or as it was at a moment of its past.

import { apply, newRun } from '../kernel/apply.ts';
import type { Run } from '../kernel/run.ts';
import { thaw } from '../kernel/snapshot.ts';
import { timeText } from '../kernel/time.ts';
import { instantProblem } from '../manifests/executors.ts';
import type { LoadedRun, RunRef, Runs } from './store.ts';

export interface FoldedRun {
  /** Null when nothing is registered yet, or it is broken. */
  readonly run: Run | null;
  readonly lastSeq: number;
  readonly broken?: NonNullable<LoadedRun['broken']>;
}

/** Null when the run has no place in the store. */
export async function loadRun(runs: Runs, ref: RunRef): Promise<FoldedRun | null> {
  const loaded = await runs.load(ref);
  if (loaded === null) return null;
  const run = fold(loaded) ?? fold(await runs.load(ref, { ignoreSnapshot: true }));
  return { run, lastSeq: loaded.lastSeq, ...(loaded.broken === undefined ? {} : { broken: loaded.broken }) };
}

function fold(loaded: LoadedRun | null): Run | null {
  if (loaded === null || loaded.broken !== undefined) return null;
  let run = loaded.snapshot === null ? null : thaw(loaded.snapshot);
  // A snapshot of another format: the caller reads the whole journal instead.
  if (run === null && loaded.snapshot !== null) return null;
  for (const event of loaded.events) {
    if (run !== null) apply(run, event);
    else if (event.type === 'Registered') run = newRun(event);
  }
  return run;
}

// --- the past ------------------------------------------------------------------------------------

/** The run as it was, right after the event of that number; or why there is no such moment. */
export type PastRun = { readonly run: Run; readonly seq: number } | { readonly problem: string };

/**
 * `moment`: the number of an event (`history` shows them), or an instant as 2030-01-31T12:00:00Z. Null when the run has no place in the
 * store.
 */
export async function loadRunAt(runs: Runs, ref: RunRef, moment: string): Promise<PastRun | null> {
  const loaded = await runs.load(ref, { ignoreSnapshot: true });
  if (loaded === null) return null;
  const [first] = loaded.events;
  if (loaded.broken !== undefined) return { problem: `${loaded.broken.reason}: ${loaded.broken.message}` };
  if (first === undefined || first.type !== 'Registered') return { problem: 'the beginning of its journal is gone' };
  const count = /^\d+$/.test(moment) ? countUpTo(loaded, Number(moment)) : countUntil(loaded, moment);
  if (typeof count === 'string') return { problem: count };
  const run = newRun(first);
  for (const event of loaded.events.slice(1, count)) apply(run, event);
  return { run, seq: firstSeq(loaded) + count - 1 };
}

function firstSeq({ events, lastSeq }: LoadedRun): number {
  return lastSeq - events.length + 1;
}

function countUpTo(loaded: LoadedRun, seq: number): number | string {
  const first = firstSeq(loaded);
  if (seq >= first && seq <= loaded.lastSeq) return seq - first + 1;
  return `expected the number of an event from ${first} to ${loaded.lastSeq}, found ${seq}`;
}

/** Events up to the instant; clocks of two controllers may differ, so what comes after the first later one is later, too. */
function countUntil({ events }: LoadedRun, moment: string): number | string {
  if (instantProblem(moment) !== undefined)
    return `expected the number of an event or an instant as 2030-01-31T12:00:00Z, found ${JSON.stringify(moment.slice(0, 40))}`;
  const wall = Date.parse(moment);
  const later = events.findIndex(({ at }) => at > wall);
  if (later === 0) return `expected an instant from its start on, at ${timeText(events[0]?.at ?? 0)}, found ${moment}`;
  return later === -1 ? events.length : later;
}
