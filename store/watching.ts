// Following the sequence of changes: the part of `watch` that does not depend on where they are kept.
//
// W1  every change after `from` once, in order; where one is missing the watcher is told (Expired) instead of being left with a gap.

import { setImmediate } from 'node:timers/promises';
import { StoreError } from '../kernel/errors.ts';
import type { Change } from './store.ts';

/** Old changes that are read without letting others run. */
const BATCH = 100;

export interface ChangeSource {
  /** Reads on; the newest revision. */
  refresh(): number;
  /** Null when it is not kept; 'merged' when a newer one says it all. */
  changeAt(revision: number): Change | 'merged' | null;
  /** Called after every step of the newest revision. */
  onStep(listener: () => void): () => void;
}

export async function* watchChanges(
  source: ChangeSource,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Change, void> {
  if (from > source.refresh()) throw expired(from, source.refresh());
  for (let position = from; ; ) {
    while (position < source.refresh()) {
      if (signal.aborted) return;
      const change = source.changeAt(position + 1);
      if (change === null) throw expired(position, source.refresh());
      position += 1;
      if (change !== 'merged') yield change;
      if (position % BATCH === 0) await setImmediate();
    }
    if (signal.aborted) return;
    await nextStep(source, signal);
  }
}

function nextStep(source: ChangeSource, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const unsubscribe = source.onStep(done);
    signal.addEventListener('abort', done);
  });
}

function expired(from: number, newest: number): StoreError {
  return new StoreError(
    'Expired',
    'changes',
    `changes: expected a revision that is kept, found ${from} (the newest is ${newest})`,
  );
}
