// A run under way, as the controller holds it: the folded state, its open journal, and what is still to be written.
//
// Owns: the order in which things become visible. Does not own: what happens next (kernel/decide.ts).
//
// A1  events are folded at once and journaled together at the end of a pass (`flush`), before any lease that follows from them is written.
// A2  lease files are cleared, attempts are ended and status is published only when the events that they rest on are recorded; of events
//     that are not even flushed yet that is not so.
// A3  when the journal fails, this value is worthless: the caller drops it and reads the run again from disk.

import { apply } from '../kernel/apply.ts';
import type { EndEvent } from '../kernel/continuation.ts';
import type { RunEvent } from '../kernel/events.ts';
import { decide } from '../kernel/decide.ts';
import { StoreError } from '../kernel/errors.ts';
import type { JsonObject } from '../kernel/json.ts';
import type { Clock, Now } from '../kernel/ports.ts';
import type { Run } from '../kernel/run.ts';
import { freeze } from '../kernel/snapshot.ts';
import type { Journal, Leases, RunPlaces, RunRef } from '../store/store.ts';
import type { Ends } from './ends.ts';
import { Slow } from './slow.ts';
import { Transitions } from './transitions.ts';

/** A snapshot follows after so many events, or twice as many as there are nodes. */
const SNAPSHOT_EVENTS = 2000;
/** So many steps of a state machine take some ten milliseconds. */
const STEPS_AT_ONCE = 200;
/** How long a pass waits for an expression, or for data to be checked. */
const PATIENCE_MS = 20;

export class ActiveRun {
  readonly ref: RunRef;
  readonly run: Run;
  readonly places: RunPlaces;
  readonly #journal: Journal;
  readonly #completion: Ends;
  /** Null: the journal does not keep them. */
  readonly #transitions: Transitions | null;
  /** Ends of attempts, before it is known what follows. */
  readonly #ends: EndEvent[] = [];
  /** What follows an end, being computed; nothing else that counts happens to the run meanwhile. */
  #slow: Slow<{ readonly event: RunEvent | null }> | null = null;
  #pending: RunEvent[] = [];
  /** They wait for the next flush. */
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #taken = 0;
  #snapshotSeq: number;
  /** Lease files (fences by worker) whose outcome is consumed by an event not yet recorded. */
  #spent = new Map<string, string[]>();

  /** metadata.generation of the object that was last looked at. */
  observedGeneration = 0;
  /** The object is deleted: when nothing lives any more, all of it goes. */
  isDeleted = false;
  /** Set when somebody changed what must not change any more. */
  specIgnored: string | null = null;
  /** Engine time of the last publication; undefined: never. */
  publishedAt: number | undefined;
  publishedSeq = 0;
  /** So many of the Signals that it took are gone. */
  signalsCleared = 0;

  constructor(ref: RunRef, run: Run, journal: Journal, places: RunPlaces, completion: Ends) {
    this.ref = ref;
    this.run = run;
    this.places = places;
    this.#journal = journal;
    this.#completion = completion;
    this.#snapshotSeq = journal.lastSeq;
    this.#transitions = journal.keepsTransitions === true ? new Transitions(run) : null;
  }

  /** What follows an end is not known yet: nothing may change the run meanwhile. */
  get isComputing(): boolean {
    return this.#slow !== null;
  }

  /** Events that were folded so far. */
  get taken(): number {
    return this.#taken;
  }

  get lastSeq(): number {
    return this.#journal.lastSeq;
  }

  /** Folds events; they are journaled by the next flush. */
  take(events: readonly RunEvent[]): void {
    for (const event of events) {
      apply(this.run, event);
      this.takeFolded(event);
      this.#taken += 1;
    }
  }

  /** Events that happened before this value existed in memory, such as Registered. */
  takeFolded(event: RunEvent): void {
    this.#transitions?.folded(this.#pending.length, event);
    this.#pending.push(event);
  }

  /** Ends are known that are not folded yet. */
  get isBusy(): boolean {
    return this.#slow !== null || this.#ends.length > 0;
  }

  /** The end of an attempt: folded by the next `settle`, once it is known what comes of it. */
  takeEnd(event: EndEvent): void {
    if (this.#completion.isPlain(this.run, event)) this.take([event]);
    else this.#ends.push(event);
  }

  /**
   * Decides until there is nothing left that follows; true then. A run that goes on by itself may go on for ever, or compute for long: it
   * is left after a while, for others to have their turn. `again` is called when it is worth to ask again.
   */
  async settle(now: Now, clock: Clock, again: () => void): Promise<boolean> {
    if (this.#slow !== null && !(await this.#finishSlow(clock, again))) return false;
    for (let steps = 0; steps < STEPS_AT_ONCE; ) {
      const end = this.#ends[0];
      const events = end === undefined ? decide(this.run, now) : [end];
      if (events.every((event) => this.#isPlain(event))) {
        if (end !== undefined) this.#ends.shift();
        if (events.length > 0) this.take(events);
        else if (!this.#completion.asks(this.run)) return true;
        else {
          this.#slow = newSlow(this.#completion.checkInput(this.run, now));
          if (!(await this.#finishSlow(clock, again))) return false;
          steps += 1;
        }
      } else if (await this.#takeAll(events, clock, again)) steps += events.length;
      else return false;
    }
    again();
    return false;
  }

  #isPlain(event: RunEvent): boolean {
    return (event.type !== 'Ended' && event.type !== 'InlineEnded') || this.#completion.isPlain(this.run, event);
  }

  /** False when the last one that was begun takes its time; those behind it will be decided, or stand, anew. */
  async #takeAll(events: readonly RunEvent[], clock: Clock, again: () => void): Promise<boolean> {
    for (const event of events) {
      if (event === this.#ends[0]) this.#ends.shift();
      if (event.type !== 'Ended' && event.type !== 'InlineEnded') this.take([event]);
      else {
        this.#slow = newSlow(this.#completion.complete(this.run, event));
        if (!(await this.#finishSlow(clock, again))) return false;
      }
    }
    return true;
  }

  async #finishSlow(clock: Clock, again: () => void): Promise<boolean> {
    const found = await this.#slow?.within(PATIENCE_MS, clock, again);
    if (found === undefined) return false;
    this.#slow = null;
    if (found.event !== null) this.take([found.event]);
    return true;
  }

  /** The files under this fence are to go once the events taken so far are recorded. */
  spend(worker: string, fence: string): void {
    const fences = this.#spent.get(worker);
    if (fences === undefined) this.#spent.set(worker, [fence]);
    else fences.push(fence);
  }

  /** Journals what is pending; returns it. */
  async flush(): Promise<readonly RunEvent[]> {
    const events = this.#pending;
    const waiting = this.#waiting;
    [this.#pending, this.#waiting] = [[], []];
    if (events.length === 0) return events;
    try {
      await this.#append(events);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      throw error;
    }
    for (const { resolve } of waiting) resolve();
    return events;
  }

  async #append(events: readonly RunEvent[]): Promise<void> {
    try {
      this.#journal.append(events, this.#transitions?.take());
    } catch (error) {
      // Somebody cut or overwrote the journal behind our back: what we hold is the newer truth, and goes into a new snapshot.
      if (!(error instanceof StoreError) || error.code !== 'Conflict') throw error;
      await this.repair();
    }
  }

  /** Resolves when all that was taken so far is recorded; what is pending is so after its flush. */
  async recorded(): Promise<void> {
    if (this.#pending.length > 0)
      await new Promise<void>((resolve, reject) => void this.#waiting.push({ resolve, reject }));
    await this.#journal.recorded(this.#journal.lastSeq);
  }

  /** Clears lease files whose events are recorded by now; returns their fences. */
  async clearSpent(leases: Leases): Promise<string[]> {
    // What is not folded yet is not journaled: its files are all that is known of it.
    if (this.#spent.size === 0 || this.isBusy) return [];
    const spent = this.#spent;
    this.#spent = new Map();
    await this.recorded();
    for (const [worker, fences] of spent) await leases.clear(worker, fences);
    return [...spent.values()].flat();
  }

  /** Writes a snapshot when enough has happened since the last one, or when asked. */
  async snapshot(force = false): Promise<void> {
    // What is folded but not journaled would be folded twice by whoever loads the snapshot.
    if (this.#pending.length > 0) return;
    const seq = this.#journal.lastSeq;
    if (
      seq === this.#snapshotSeq ||
      (!force && seq - this.#snapshotSeq < Math.max(SNAPSHOT_EVENTS, 2 * this.run.nodes.size))
    )
      return;
    this.#snapshotSeq = seq;
    const data = freeze(this.run);
    await this.#journal.recorded(seq);
    await this.#journal.snapshot(data, seq);
  }

  repair(): Promise<void> {
    return this.#journal.repair((): JsonObject => freeze(this.run));
  }

  close(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(`run "${this.ref.name}" is closed`));
    return this.#journal.close();
  }
}

function newSlow(work: Promise<RunEvent | null>): Slow<{ readonly event: RunEvent | null }> {
  return new Slow(work.then((event) => ({ event })));
}
