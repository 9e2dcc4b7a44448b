// What a controller writes, in the order in which it handed it over: lines of journals, offers, the removal of what was consumed.
//
// Owns: batches. Does not own what a line means (journal.ts), or whether the writer may write (the schema's functions decide, by epoch).
//
// W1  one batch at a time, each in one transaction and one wait; what comes meanwhile is the next. So nothing is seen before what was
//     handed over earlier: an offer never without the line that made its attempt.
// W2  when a batch is refused its parts are tried one by one, in order: one deposed journal does not take the others with it.
// W3  after a lost connection nothing is tried again, because it may have been done: whoever waits reads again.

import { StoreError } from '../../kernel/errors.ts';
import type { Database, Session } from './database.ts';
import { TELL } from './statements.ts';

export interface Line {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  /** JSON. */
  readonly text: string;
}

export interface Transition {
  readonly seq: number;
  readonly place: number;
  readonly node: string;
  readonly from: string | null;
  readonly to: string;
  readonly attempt: number;
  readonly at: number;
  readonly note: string;
}

export type Part =
  | {
      readonly kind: 'lines';
      readonly uid: string;
      readonly epoch: number;
      readonly from: number;
      readonly lines: readonly Line[];
      readonly transitions: readonly Transition[];
    }
  | { readonly kind: 'offer'; readonly worker: string; readonly fence: string; readonly text: string }
  | { readonly kind: 'clear'; readonly worker: string; readonly fences: readonly string[] };

interface Waiting {
  readonly part: Part;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

const BATCH_LIMIT = 2_000;

export class Writer {
  readonly #database: Database;
  #session: Promise<Session> | null = null;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Resolves when it is recorded. */
  write(part: Part): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ part, resolve, reject }));
    // After this turn of the loop: what a pass hands over goes together.
    this.#writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#writeAll());
    return done;
  }

  /** Everything handed over so far is recorded or refused. */
  async drained(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /** The session through which it writes, and no other: a lock that it holds is lost with the right to write. */
  use(session: Session | null): void {
    this.#session = session === null ? null : Promise.resolve(session);
  }

  async close(): Promise<void> {
    await this.drained();
    await (await this.#session?.catch(() => null))?.end();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_LIMIT);
      try {
        await this.#transact(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        if (batch.length === 1 || isUncertain(error)) for (const { reject } of batch) reject(error);
        else await this.#writeSingly(batch);
      }
    }
    this.#writing = null;
  }

  async #writeSingly(batch: readonly Waiting[]): Promise<void> {
    for (const waiting of batch) await this.#transact([waiting]).then(waiting.resolve, waiting.reject);
  }

  async #transact(batch: readonly Waiting[]): Promise<void> {
    this.#session ??= this.#database.session(() => {
      this.#session = null;
    });
    const opening = this.#session;
    opening.catch(() => {
      if (this.#session === opening) this.#session = null;
    });
    const session = await opening;
    await session.together(statementsOf(batch.map(({ part }) => part)));
  }
}

function isUncertain(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'Unavailable';
}

function statementsOf(parts: readonly Part[]): Statement[] {
  const journals = parts.filter((part) => part.kind === 'lines');
  const offers = parts.filter((part) => part.kind === 'offer');
  const cleared = parts.filter((part) => part.kind === 'clear');
  const topics = new Set(offers.map(({ worker }) => `leases ${worker}`));
  return [
    ...linesOf(journals),
    ...offersOf(offers),
    ...(cleared.length === 0 ? [] : clearOf(cleared.flatMap(({ fences }) => fences))),
    ...(topics.size === 0 ? [] : [{ text: TELL, values: [[...topics]] }]),
  ];
}

function linesOf(parts: readonly Extract<Part, { kind: 'lines' }>[]): Statement[] {
  // One statement a journal and part, in order: several parts of one journal follow one another.
  const order = parts.map(({ uid, epoch, from, lines }) => ({
    text: 'SELECT continue_run($1, $2, $3, $4)',
    values: [uid, epoch, from, from + lines.length],
  }));
  const lines = parts.flatMap(({ uid, epoch, lines: own }) => own.map((line) => ({ ...line, uid, epoch })));
  const transitions = parts.flatMap(({ uid, transitions: own }) => own.map((one) => ({ ...one, uid })));
  if (lines.length === 0) return order;
  const insert = {
    text: `INSERT INTO events (uid, seq, epoch, at, type, event)
      SELECT uid, seq, epoch, to_timestamp(at / 1000.0), type, event::json
      FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[], $5::text[], $6::text[]) AS line (uid, seq, epoch, at, type, event)`,
    values: [
      lines.map(({ uid }) => uid),
      lines.map(({ seq }) => seq),
      lines.map(({ epoch }) => epoch),
      lines.map(({ at }) => at),
      lines.map(({ type }) => type),
      lines.map(({ text }) => text),
    ],
  };
  return [...order, insert, ...(transitions.length === 0 ? [] : [transitionsOf(transitions)])];
}

function transitionsOf(rows: readonly (Transition & { readonly uid: string })[]): Statement {
  return {
    text: `INSERT INTO transitions (uid, seq, place, node, from_state, to_state, attempt, at, note)
      SELECT uid, seq, place, node, from_state, to_state, attempt, to_timestamp(at / 1000.0), note
      FROM unnest($1::text[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::int[], $8::float8[], $9::text[])
        AS one (uid, seq, place, node, from_state, to_state, attempt, at, note)`,
    values: [
      rows.map(({ uid }) => uid),
      rows.map(({ seq }) => seq),
      rows.map(({ place }) => place),
      rows.map(({ node }) => node),
      rows.map(({ from }) => from),
      rows.map(({ to }) => to),
      rows.map(({ attempt }) => attempt),
      rows.map(({ at }) => at),
      // A text of Postgres holds every character but this one.
      rows.map(({ note }) => note.replaceAll('\0', '\ufffd')),
    ],
  };
}

function offersOf(offers: readonly Extract<Part, { kind: 'offer' }>[]): Statement[] {
  if (offers.length === 0) return [];
  const epoch = Math.min(...offers.map(({ fence }) => Number(fence.split('-')[0])));
  return [
    { text: 'SELECT check_epoch($1)', values: [epoch] },
    {
      text: `INSERT INTO leases (fence, worker, offer)
        SELECT fence, worker, offer::json FROM unnest($1::text[], $2::text[], $3::text[]) AS one (fence, worker, offer)`,
      values: [offers.map(({ fence }) => fence), offers.map(({ worker }) => worker), offers.map(({ text }) => text)],
    },
  ];
}

function clearOf(fences: readonly string[]): Statement[] {
  return ['leases', 'messages', 'answers'].map((table) => ({
    text: `DELETE FROM ${table} WHERE fence = ANY($1)`,
    values: [fences],
  }));
}
