// Waits for the end of a run, feeding a follower on the way.
//
// The end is what the store publishes, not what an event says: only then is it recorded. Changes of the store wake the wait, a look
// each second is the truth.
//
// U1  the same lines come out whether events arrive from the controller in this process or are read from the journal.

import { StoreError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Resource } from '../../manifests/model.ts';
import type { RunRef, Store } from '../../store/store.ts';
import { Failure } from '../failure.ts';
import { hasEnded, phaseOfRun, statusOf, textAt } from '../objects.ts';
import type { Follower } from './follower.ts';

const LOOK_MS = 1_000;
/** Share of the time that reading the journal may take, as one part of so many. */
const READING_SHARE = 5;
const SHORTEST_READ_MS = 50;

export interface UntilEndedOptions {
  readonly store: Store;
  readonly ref: RunRef;
  /** Revision to watch from. */
  readonly from: number;
  readonly clock: Clock;
  readonly follower: Follower;
  /** True while events arrive by themselves; else they are read from the journal. */
  readonly isFed: () => boolean;
  readonly note: (text: string) => void;
  /** Called at every look at a run that has not ended. */
  readonly onLook?: (run: Resource) => Promise<void>;
  readonly wake: Wake;
}

/** Something to look at again. Several calls while nobody waits are one. */
export class Wake {
  #isSet = false;
  #resolve: (() => void) | null = null;

  readonly set = (): void => {
    this.#isSet = true;
    this.#resolve?.();
  };

  async wait(clock: Clock, limitMs: number): Promise<void> {
    if (!this.#isSet) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(limitMs, resolve);
        this.#resolve = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#resolve = null;
    this.#isSet = false;
  }
}

export async function untilEnded(options: UntilEndedOptions): Promise<Resource> {
  const { store, ref, clock, follower, wake } = options;
  const watching = new AbortController();
  const watched = watchRun(options, watching.signal);
  const journal = new JournalReader(options);
  let lastNote = '';
  try {
    for (;;) {
      const object = await store.resources.get('WorkflowRun', ref.name);
      if (object === null || object.metadata.uid !== ref.uid) {
        throw new Failure(1, `run "${ref.name}" was deleted`);
      }
      const isOver = hasEnded(object);
      // The published status may be older than the last event, so a run that goes on is read up to its newest line.
      if (!options.isFed() || (isOver && follower.run?.end == null)) await journal.read(isOver);
      if (isOver) return object;
      const message = textAt(statusOf(object), 'message') ?? '';
      if (phaseOfRun(object) === 'Pending' && message !== '' && message !== lastNote) {
        lastNote = message;
        options.note(`the run cannot start yet: ${message}`);
      }
      await options.onLook?.(object);
      await wake.wait(clock, LOOK_MS);
    }
  } finally {
    watching.abort();
    await watched;
  }
}

async function watchRun(options: UntilEndedOptions, signal: AbortSignal): Promise<void> {
  try {
    for await (const change of options.store.resources.watch(options.from, signal)) {
      if (change.uid === options.ref.uid) options.wake.set();
    }
  } catch (error) {
    // Too much has changed since: the look each second goes on.
    if (!(error instanceof StoreError) || error.code !== 'Expired') throw error;
  }
}

/** Reads on in the journal, at a pace that leaves most of the time to those who work. */
class JournalReader {
  readonly #options: UntilEndedOptions;
  #readAgainAt = 0;

  constructor(options: UntilEndedOptions) {
    this.#options = options;
  }

  async read(isLast: boolean): Promise<void> {
    const { store, ref, clock, follower } = this.#options;
    const before = clock.now().time;
    if (before < this.#readAgainAt && !isLast) return;
    const loaded = await store.runs.load(ref, { ignoreSnapshot: true });
    const took = clock.now().time - before;
    this.#readAgainAt = before + took + Math.max(SHORTEST_READ_MS, READING_SHARE * took);
    if (loaded === null) return;
    // Without the beginning of its journal a run cannot be told event by event.
    if (loaded.events.length < loaded.lastSeq && follower.run === null) return;
    follower.accept(loaded.events, loaded.lastSeq);
  }
}
