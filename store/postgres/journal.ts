// The one writer of what happened to a run: its lines, its transitions of tasks, its snapshot.
//
// Owns numbers and what failed. Does not own when it is written (writer.ts), or who may write (the schema, by epoch).
//
// J1  what was handed over is recorded in that order, whole appends at a time; `recorded` says when.
// J2  after the first append that was refused nothing is taken any more: the owner closes and reads again.

import { invariant, StoreError } from '../../kernel/errors.ts';
import type { RunEvent } from '../../kernel/events.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Journal, TaskTransition } from '../store.ts';
import type { Database } from './database.ts';
import type { Writer } from './writer.ts';

export interface PostgresJournalOptions {
  readonly database: Database;
  readonly writer: Writer;
  readonly uid: string;
  readonly epoch: number;
  readonly lastSeq: number;
  readonly onClose: () => void;
}

export class PostgresJournal implements Journal {
  readonly keepsTransitions = true;
  readonly #options: PostgresJournalOptions;
  /** Appends that are not recorded yet, oldest first. */
  readonly #underWay: { readonly to: number; readonly done: Promise<void> }[] = [];
  #lastSeq: number;
  #over: Error | null = null;

  constructor(options: PostgresJournalOptions) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  append(events: readonly RunEvent[], transitions: readonly TaskTransition[] = []): number {
    if (this.#over !== null) throw this.#over;
    if (events.length === 0) return this.#lastSeq;
    const { writer, uid, epoch } = this.#options;
    const from = this.#lastSeq;
    this.#lastSeq += events.length;
    const done = writer.write({
      kind: 'lines',
      uid,
      epoch,
      from,
      lines: events.map((event, index) => ({
        seq: from + 1 + index,
        at: event.at,
        type: event.type,
        text: JSON.stringify(event),
      })),
      transitions: transitions.map(({ event, ...rest }, place) => ({ ...rest, seq: from + 1 + event, place })),
    });
    this.#underWay.push({ to: this.#lastSeq, done });
    done.then(
      () => void this.#underWay.shift(),
      (error: Error) => void (this.#over ??= error),
    );
    return this.#lastSeq;
  }

  async recorded(seq: number): Promise<void> {
    invariant(seq <= this.#lastSeq, `event ${seq} of run ${this.#options.uid} was appended`);
    await this.#underWay.find(({ to }) => to >= seq)?.done;
  }

  async snapshot(data: JsonObject, seq: number): Promise<void> {
    if (this.#over !== null) throw this.#over;
    await this.recorded(seq);
    const { database, uid, epoch } = this.#options;
    const found = await database.read(
      'UPDATE runs SET snapshot = $3, snapshot_seq = $4 WHERE uid = $1 AND epoch = $2 RETURNING uid',
      [uid, epoch, JSON.stringify(data), seq],
    );
    if (found.length > 0) return;
    throw new StoreError('Expired', uid, `run ${uid}: epoch ${epoch} is over, a newer controller writes`);
  }

  /** Nothing of it can be deleted behind the store's back, short of SQL. */
  async repair(): Promise<void> {
    if (this.#over !== null) throw this.#over;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay.map(({ done }) => done));
    this.#end(new StoreError('Unavailable', this.#options.uid, `run ${this.#options.uid}: the journal is closed`));
  }

  /** The run was removed: nothing of it may come back. */
  abandon(): void {
    this.#end(new StoreError('NotFound', this.#options.uid, `run ${this.#options.uid}: it was removed`));
  }

  #end(reason: StoreError): void {
    this.#over ??= reason;
    this.#options.onClose();
  }
}
