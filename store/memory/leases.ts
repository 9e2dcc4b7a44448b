// Leases in memory: the reference model of the contract, and what simulations run on.
//
// A place is shared by its handles as a state directory is by processes. What is stored is kept as JSON text, so that what one
// handle got can never be changed through another.

import { StoreError } from '../../kernel/errors.ts';
import type { Liveness, Processes } from '../../kernel/ports.ts';
import type { StopReason } from '../../kernel/task.ts';
import { createClock } from '../../runtime/clock.ts';
import { endAttempt, taskMark } from '../../runtime/ending.ts';
import { parseSlot } from '../../runtime/slot-token.ts';
import type { LeasePlaces, Leases, LeaseView, Offer, SettledOutcome, Standing } from '../store.ts';

interface StoredLease {
  readonly fence: string;
  /** JSON text of the offer; null once taken, or for a lease that was only settled. */
  offer: string | null;
  claim: string | null;
  isWithdrawn: boolean;
  stop: StopReason | null;
  /** JSON text. */
  outcome: string | null;
  /** What the task said. */
  messages: Buffer;
  /** What it was answered and has not read; null: it does not read. */
  answers: Buffer | null;
}

/** As much as a pipe of Linux holds. */
const PIPE_BYTES = 64 * 1024;

/** What all handles to one place share. */
export class MemoryLeasesPlace {
  readonly inboxes = new Map<string, Map<string, StoredLease>>();
  readonly #listeners = new Map<string, Set<() => void>>();

  lease(worker: string, fence: string): StoredLease | undefined {
    return this.inboxes.get(worker)?.get(fence);
  }

  make(worker: string, fence: string): StoredLease {
    const inbox = this.inboxes.get(worker) ?? new Map<string, StoredLease>();
    this.inboxes.set(worker, inbox);
    const lease = inbox.get(fence) ?? {
      fence,
      offer: null,
      claim: null,
      isWithdrawn: false,
      stop: null,
      outcome: null,
      messages: Buffer.alloc(0),
      answers: null,
    };
    inbox.set(fence, lease);
    return lease;
  }

  /** The task says something, as it does on its standard output. */
  speak(worker: string, fence: string, bytes: Uint8Array): void {
    const lease = this.make(worker, fence);
    lease.messages = Buffer.concat([lease.messages, bytes]);
    this.changed(worker);
  }

  /** The task reads from here on: takes what it was answered since it read last. */
  listenTo(worker: string, fence: string): Buffer {
    const lease = this.make(worker, fence);
    const bytes = lease.answers ?? Buffer.alloc(0);
    lease.answers = Buffer.alloc(0);
    return bytes;
  }

  sorted(worker: string): StoredLease[] {
    return [...(this.inboxes.get(worker)?.values() ?? [])].sort((a, b) => (a.fence < b.fence ? -1 : 1));
  }

  listen(worker: string, callback: () => void): () => void {
    const listeners = this.#listeners.get(worker) ?? new Set();
    this.#listeners.set(worker, listeners.add(callback));
    return () => listeners.delete(callback);
  }

  changed(worker: string): void {
    for (const callback of this.#listeners.get(worker) ?? []) queueMicrotask(callback);
  }
}

export function createMemoryLeases(place: MemoryLeasesPlace, processes: Processes): Leases {
  return new MemoryLeases(place, processes);
}

class MemoryLeases implements Leases {
  readonly #place: MemoryLeasesPlace;
  readonly #processes: Processes;

  constructor(place: MemoryLeasesPlace, processes: Processes) {
    this.#place = place;
    this.#processes = processes;
  }

  async offer(worker: string, offer: Offer): Promise<void> {
    if (this.#place.lease(worker, offer.fence) !== undefined) {
      const message = `lease ${offer.fence}: expected a fence that was never used, found its offer`;
      throw new StoreError('AlreadyExists', `leases/${worker}/${offer.fence}`, message);
    }
    this.#place.make(worker, offer.fence).offer = JSON.stringify(offer);
    this.#place.changed(worker);
  }

  async withdraw(worker: string, fence: string): Promise<boolean> {
    const lease = this.#place.lease(worker, fence);
    if (lease?.offer == null) return false;
    lease.offer = null;
    lease.isWithdrawn = true;
    this.#place.changed(worker);
    return true;
  }

  async stop(worker: string, fence: string, reason: StopReason): Promise<void> {
    this.#place.make(worker, fence).stop ??= reason;
    this.#place.changed(worker);
  }

  async settle(worker: string, fence: string, outcome: SettledOutcome): Promise<SettledOutcome> {
    const lease = this.#place.make(worker, fence);
    lease.outcome ??= JSON.stringify(outcome);
    this.#place.changed(worker);
    return JSON.parse(lease.outcome) as SettledOutcome;
  }

  async restoreClaim(worker: string, offer: Offer, slot: string): Promise<void> {
    this.#place.make(worker, offer.fence).claim ??= slot;
    this.#place.changed(worker);
  }

  async inbox(worker: string): Promise<LeaseView[]> {
    return this.#place.sorted(worker).map(({ fence, offer, claim, stop, outcome }) => ({
      fence,
      offered: offer !== null && outcome === null,
      claim,
      stop,
      outcome: outcome === null ? null : (JSON.parse(outcome) as SettledOutcome),
    }));
  }

  async inboxes(): Promise<string[]> {
    return [...this.#place.inboxes.keys()].sort();
  }

  slotLiveness(slot: string): Liveness {
    const identity = parseSlot(slot);
    return identity === null ? 'dead' : this.#processes.liveness(identity);
  }

  end(worker: string, lease: LeaseView, reason: StopReason, graceMs: number): Promise<SettledOutcome> {
    const tools = { leases: this, processes: this.#processes, clock: createClock(0), graceMs };
    return endAttempt(tools, worker, lease, reason);
  }

  endLeftBehind(worker: string, fence: string, signal: 'SIGTERM' | 'SIGKILL' | null): boolean {
    const left = this.#processes.membersOf(taskMark(this.places(worker, fence)), null);
    if (signal !== null) for (const process of left) this.#processes.signal(process, signal);
    return left.length > 0;
  }

  async clear(worker: string, fences: readonly string[]): Promise<void> {
    const inbox = this.#place.inboxes.get(worker);
    for (const fence of fences) inbox?.delete(fence);
    this.#place.changed(worker);
  }

  async readMessages(worker: string, fence: string, from: number, limit: number): Promise<Uint8Array> {
    const messages = this.#place.lease(worker, fence)?.messages ?? Buffer.alloc(0);
    return Uint8Array.from(messages.subarray(from, from + limit));
  }

  async answer(worker: string, fence: string, bytes: Uint8Array): Promise<number | null> {
    const lease = this.#place.lease(worker, fence);
    if (lease === undefined || lease.answers === null) return null;
    const taken = bytes.subarray(0, PIPE_BYTES - lease.answers.length);
    lease.answers = Buffer.concat([lease.answers, taken]);
    return taken.length;
  }

  async offers(worker: string): Promise<Offer[]> {
    return this.#place
      .sorted(worker)
      .flatMap(({ offer, outcome }) => (offer === null || outcome !== null ? [] : [JSON.parse(offer) as Offer]));
  }

  async standing(worker: string): Promise<Standing> {
    const leases = this.#place.sorted(worker);
    return {
      offered: leases.filter(({ offer, outcome }) => offer !== null && outcome === null).map(({ fence }) => fence),
      claimed: leases.flatMap(({ fence, claim, outcome }) =>
        claim === null || outcome !== null ? [] : [{ fence, slot: claim }],
      ),
      ended: leases.filter(({ outcome }) => outcome !== null).map(({ fence }) => fence),
    };
  }

  places(worker: string, fence: string): LeasePlaces {
    const base = `memory:/leases/${worker}/${fence}`;
    return {
      input: `${base}.input`,
      output: `${base}.output`,
      outcome: `${base}.outcome`,
      stop: `${base}.stop`,
      messages: `${base}.messages`,
      answers: `${base}.answers`,
    };
  }

  async claim(worker: string, fence: string, slot: string): Promise<boolean> {
    const lease = this.#place.lease(worker, fence);
    if (lease?.offer == null || lease.outcome !== null) return false;
    lease.offer = null;
    lease.claim = slot;
    this.#place.changed(worker);
    return true;
  }

  onHint(worker: string, callback: () => void): () => void {
    return this.#place.listen(worker, callback);
  }
}
