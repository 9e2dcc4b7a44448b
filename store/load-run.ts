// A run, folded from what the store has of it: the newest snapshot and the journal after it.

import { apply, newRun } from '../kernel/apply.ts';
import type { Run } from '../kernel/run.ts';
import { thaw } from '../kernel/snapshot.ts';
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
