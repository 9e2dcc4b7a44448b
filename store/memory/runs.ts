// Runs in memory: the reference model of the contract, and what simulations run on.
//
// A place is shared by its handles as a state directory is by processes. Everything is kept as JSON text, so that what one
// handle got can never be changed through another. Which lines count is decided by the same rules as on files
// (event-order.ts).

import { invariant, StoreError } from '../../kernel/errors.ts';
import type { RunEvent } from '../../kernel/events.ts';
import type { JsonObject } from '../../kernel/json.ts';
import { EventOrder, type Numbered } from '../event-order.ts';
import type { Journal, LoadedRun, RunPlaces, RunRef, Runs } from '../store.ts';

interface Line extends Numbered {
  readonly text: string;
}

interface Snapshot {
  readonly seq: number;
  readonly epoch: number;
  readonly text: string;
}

interface StoredRun {
  readonly ref: RunRef;
  readonly lines: Line[];
  snapshot: Snapshot | null;
  status: string | null;
  readonly logs: Map<string, Uint8Array>;
  isRemoved: boolean;
}

/** What all handles to one place share. */
export class MemoryRunsPlace {
  readonly runs = new Map<string, StoredRun>();

  find(ref: RunRef): StoredRun | null {
    return this.runs.get(labelOf(ref)) ?? null;
  }

  make(ref: RunRef): StoredRun {
    const found = this.find(ref);
    if (found !== null) return found;
    const made: StoredRun = { ref, lines: [], snapshot: null, status: null, logs: new Map(), isRemoved: false };
    this.runs.set(labelOf(ref), made);
    return made;
  }

  remove(ref: RunRef): void {
    const run = this.find(ref);
    if (run === null) return;
    run.isRemoved = true;
    this.runs.delete(labelOf(ref));
  }

  /** Appends to a log, as a worker does. */
  writeLog(ref: RunRef, node: string, attempt: number, bytes: Uint8Array): void {
    const { logs } = this.make(ref);
    const key = logKey(node, attempt);
    logs.set(key, Buffer.concat([logs.get(key) ?? new Uint8Array(), bytes]));
  }
}

export interface MemoryRunsOptions {
  readonly place: MemoryRunsPlace;
  /** Gives a published status its revision. */
  readonly recordStatus: (ref: RunRef, status: JsonObject) => Promise<void>;
}

export function createMemoryRuns(options: MemoryRunsOptions): Runs {
  return new MemoryRuns(options);
}

class MemoryRuns implements Runs {
  readonly #place: MemoryRunsPlace;
  readonly #recordStatus: MemoryRunsOptions['recordStatus'];

  constructor(options: MemoryRunsOptions) {
    this.#place = options.place;
    this.#recordStatus = options.recordStatus;
  }

  async list(): Promise<RunRef[]> {
    return Array.from(this.#place.runs.values(), (run) => run.ref);
  }

  async load(ref: RunRef, options?: { ignoreSnapshot?: boolean }): Promise<LoadedRun | null> {
    const run = this.#place.find(ref);
    if (run === null) return null;
    const order = orderOf(run);
    const snapshot = options?.ignoreSnapshot === true ? null : validSnapshot(run, order);
    const snapshotSeq = snapshot?.seq ?? 0;
    return {
      snapshot: snapshot === null ? null : (JSON.parse(snapshot.text) as JsonObject),
      snapshotSeq,
      events: order.lines.slice(snapshotSeq).map((line) => JSON.parse(line.text) as RunEvent),
      lastSeq: order.lastSeq,
    };
  }

  async open(ref: RunRef, epoch: number): Promise<Journal> {
    invariant(Number.isSafeInteger(epoch) && epoch > 0, `epoch ${epoch} is a positive number`);
    const run = this.#place.make(ref);
    const order = orderOf(run);
    if (order.lastEpoch > epoch) throw expired(run, epoch, order.lastEpoch);
    return new MemoryJournal(run, epoch, order);
  }

  async publish(ref: RunRef, status: JsonObject): Promise<void> {
    this.#place.make(ref).status = JSON.stringify(status);
    await this.#recordStatus(ref, status);
  }

  async status(ref: RunRef): Promise<JsonObject | null> {
    const text = this.#place.find(ref)?.status ?? null;
    return text === null ? null : (JSON.parse(text) as JsonObject);
  }

  async remove(ref: RunRef): Promise<void> {
    this.#place.remove(ref);
  }

  async logAttempts(ref: RunRef, node: string): Promise<number[]> {
    const attempts: number[] = [];
    for (const key of this.#place.find(ref)?.logs.keys() ?? []) {
      const [of, attempt] = JSON.parse(key) as [string, number];
      if (of === node) attempts.push(attempt);
    }
    return attempts.sort((one, other) => one - other);
  }

  async readLog(ref: RunRef, node: string, attempt: number, offset: number, limit: number): Promise<Uint8Array> {
    const log = this.#place.find(ref)?.logs.get(logKey(node, attempt)) ?? new Uint8Array();
    const start = Math.max(0, offset);
    return log.slice(start, start + Math.max(0, limit));
  }

  async appendLog(ref: RunRef, node: string, attempt: number, bytes: Uint8Array): Promise<void> {
    this.#place.writeLog(ref, node, attempt, bytes);
  }

  /** Names only: nothing stands there. */
  places(ref: RunRef): RunPlaces {
    const root = `memory:runs/${labelOf(ref)}`;
    return {
      scratch: `${root}/scratch`,
      input: `${root}/data/input.json`,
      log: (node, attempt) => `${root}/logs/${node}.${attempt}.log`,
    };
  }
}

class MemoryJournal implements Journal {
  readonly #run: StoredRun;
  readonly #epoch: number;
  readonly #before: { readonly seq: number; readonly epoch: number };
  #lastSeq: number;
  #isClosed = false;

  constructor(run: StoredRun, epoch: number, read: EventOrder<Line>) {
    this.#run = run;
    this.#epoch = epoch;
    this.#before = { seq: read.lastSeq, epoch: read.lastEpoch };
    this.#lastSeq = read.lastSeq;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  append(events: readonly RunEvent[]): number {
    this.#refuseIfOver();
    for (const event of events) {
      const follows = this.#lastSeq === this.#before.seq ? { follows: this.#before.epoch } : {};
      this.#lastSeq += 1;
      this.#run.lines.push({ seq: this.#lastSeq, epoch: this.#epoch, ...follows, text: JSON.stringify(event) });
    }
    return this.#lastSeq;
  }

  async recorded(seq: number): Promise<void> {
    invariant(seq <= this.#lastSeq, `event ${seq} of ${labelOf(this.#run.ref)} was appended`);
  }

  async snapshot(data: JsonObject, seq: number): Promise<void> {
    this.#refuseIfOver();
    invariant(seq <= this.#lastSeq, `event ${seq} of ${labelOf(this.#run.ref)} was appended`);
    const epoch = seq <= this.#before.seq ? this.#before.epoch : this.#epoch;
    this.#run.snapshot = { seq, epoch, text: JSON.stringify(data) };
  }

  async repair(): Promise<void> {
    this.#refuseIfOver();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #refuseIfOver(): void {
    const label = labelOf(this.#run.ref);
    if (this.#run.isRemoved) throw new StoreError('NotFound', label, `${label}: the run was removed`);
    if (this.#isClosed) throw new StoreError('Unavailable', label, `${label}: the journal is closed`);
    const newest = this.#run.lines.at(-1)?.epoch ?? 0;
    if (newest > this.#epoch) throw expired(this.#run, this.#epoch, newest);
  }
}

function orderOf(run: StoredRun): EventOrder<Line> {
  const order = new EventOrder<Line>(0, 0);
  for (const line of run.lines) {
    const verdict = order.accept(line);
    invariant(verdict !== 'corrupt', `event ${line.seq} of ${labelOf(run.ref)} follows event ${order.lastSeq}`);
  }
  return order;
}

/** Null when its last event does not count: its writer was deposed. */
function validSnapshot(run: StoredRun, order: EventOrder<Line>): Snapshot | null {
  const { snapshot } = run;
  return snapshot !== null && order.epochOf(snapshot.seq) === snapshot.epoch ? snapshot : null;
}

function expired(run: StoredRun, epoch: number, newest: number): StoreError {
  const label = labelOf(run.ref);
  return new StoreError('Expired', label, `${label}: epoch ${epoch} is over, found a line of epoch ${newest}`);
}

function labelOf(ref: RunRef): string {
  return `${ref.name}.${ref.uid}`;
}

function logKey(node: string, attempt: number): string {
  return JSON.stringify([node, attempt]);
}
