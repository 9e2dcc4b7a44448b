// Task leases on tables, as the controller, the API and people see them. The host that runs an attempt works in its spool (spool.ts).
//
// L1  an offer leaves by one conditional UPDATE, to a claim or to withdrawn: one taker per fence, for ever.
// L2  an outcome comes into being once: UPDATE ... WHERE outcome IS NULL.
// L3  an attempt is ended by the host that runs it. A host that has been silent for longer than its lease and a margin has ended what it
//     ran by itself (fuse.ts), and only then is anything said in its place.

import type { JsonObject } from '../../kernel/json.ts';
import type { Liveness } from '../../kernel/ports.ts';
import type { StopReason } from '../../kernel/task.ts';
import type { LeasePlaces, Leases, LeaseView, Offer, SettledOutcome, Standing } from '../store.ts';
import type { Database, Row } from './database.ts';
import { cutOut, STANDS_AS_OFFER, TELL, textOf } from './statements.ts';
import type { Writer } from './writer.ts';

/** How often a controller looks whether an attempt has ended, besides hints. */
const LOOK_MS = 250;
const CHUNKS_AT_ONCE = 64;
/** What a worker is told, and what it says. */
const TOPICS = ['leases', 'said'];
/** As much as waits for a task that does not read. */
const ANSWERS_LIMIT_BYTES = 64 * 1024;

export class PostgresLeases implements Leases {
  readonly #database: Database;
  readonly #writer: Writer;
  /** Workers by what was last read of them: gone, or not. */
  readonly #isGone = new Map<string, boolean>();

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  // --- the controller's side ---------------------------------------------------------------------

  offer(worker: string, offer: Offer): Promise<void> {
    return this.#writer.write({ kind: 'offer', worker, fence: offer.fence, text: JSON.stringify(offer) });
  }

  async withdraw(worker: string, fence: string): Promise<boolean> {
    return this.#change(
      worker,
      `UPDATE leases SET is_withdrawn = true WHERE fence = $2 AND worker = $1 AND ${STANDS_AS_OFFER} RETURNING fence`,
      [worker, fence],
    );
  }

  async stop(worker: string, fence: string, reason: StopReason): Promise<void> {
    await this.#change(
      worker,
      `INSERT INTO leases (worker, fence, stop) VALUES ($1, $2, $3)
        ON CONFLICT (fence) DO UPDATE SET stop = coalesce(leases.stop, excluded.stop) RETURNING fence`,
      [worker, fence, reason],
    );
  }

  async settle(worker: string, fence: string, outcome: SettledOutcome): Promise<SettledOutcome> {
    await this.#change(
      worker,
      `INSERT INTO leases (worker, fence, outcome) VALUES ($1, $2, $3)
        ON CONFLICT (fence) DO UPDATE SET outcome = excluded.outcome WHERE leases.outcome IS NULL RETURNING fence`,
      [worker, fence, JSON.stringify(outcome)],
    );
    return (await this.#outcomeOf(fence)) ?? outcome;
  }

  async restoreClaim(worker: string, offer: Offer, slot: string): Promise<void> {
    await this.#change(
      worker,
      `INSERT INTO leases (worker, fence, offer, claim) VALUES ($1, $2, $3, $4)
        ON CONFLICT (fence) DO UPDATE SET claim = coalesce(leases.claim, excluded.claim) RETURNING fence`,
      [worker, offer.fence, JSON.stringify(offer), slot],
    );
  }

  async inbox(worker: string): Promise<LeaseView[]> {
    await this.#writer.drained();
    const rows = await this.#database.read(
      `SELECT fence, ${STANDS_AS_OFFER} AS offered, claim, stop, outcome::text AS outcome, is_gone($1) AS is_gone
        FROM leases WHERE worker = $1 ORDER BY length(fence), fence`,
      [worker],
    );
    if (rows[0] !== undefined) this.#isGone.set(worker, rows[0]['is_gone'] === true);
    return rows.map(viewOf);
  }

  async inboxes(): Promise<string[]> {
    await this.#writer.drained();
    const rows = await this.#database.read('SELECT DISTINCT worker FROM leases ORDER BY worker');
    return rows.map(({ worker }) => textOf(worker));
  }

  /** A claim names the worker that made it (spool.ts): dead is what has ended its attempts by itself. As of the last look at its inbox. */
  slotLiveness(slot: string): Liveness {
    const worker = slot.slice(0, Math.max(0, slot.lastIndexOf('/')));
    if (worker === '') return 'dead';
    return this.#isGone.get(worker) === true ? 'dead' : 'alive';
  }

  async end(worker: string, lease: LeaseView, reason: StopReason, graceMs: number): Promise<SettledOutcome> {
    const { fence } = lease;
    if (lease.outcome !== null && lease.stop === null) return lease.outcome;
    await this.stop(worker, fence, reason);
    await this.#database.read('UPDATE leases SET grace_ms = $2 WHERE fence = $1', [fence, graceMs]);
    const lost: SettledOutcome = { outcome: { result: 'Lost', message: 'its machine is gone' } };
    for (;;) {
      const [row] = await this.#database.read(
        `UPDATE leases SET outcome = $3 WHERE fence = $2 AND outcome IS NULL
          AND (is_gone($1) OR is_withdrawn OR (claim IS NULL AND offer IS NULL)) RETURNING fence`,
        [worker, fence, JSON.stringify(lost)],
      );
      const settled = await this.#outcomeOf(fence);
      if (settled !== null) {
        if (row !== undefined && reason !== 'Lost') return { outcome: { result: 'Stopped', reason } };
        return settled;
      }
      await this.#nextHint(worker);
    }
  }

  #nextHint(worker: string): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        unlisten();
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, LOOK_MS);
      const unlisten = this.onHint(worker, done);
    });
  }

  /** The worker sees to it before it says that an attempt has failed. */
  endLeftBehind(): boolean {
    return false;
  }

  clear(worker: string, fences: readonly string[]): Promise<void> {
    return fences.length === 0 ? Promise.resolve() : this.#writer.write({ kind: 'clear', worker, fences });
  }

  async readMessages(_worker: string, fence: string, from: number, limit: number): Promise<Uint8Array> {
    const to = from + Math.max(0, limit);
    const rows = await this.#database.read(
      `SELECT start, bytes FROM messages WHERE fence = $1 AND start < $3 AND start + length(bytes) > $2
        ORDER BY start LIMIT ${CHUNKS_AT_ONCE}`,
      [fence, from, to],
    );
    return cutOut(rows, from, to);
  }

  /** Kept until the host has handed it over: the table is the pipe. */
  async answer(worker: string, fence: string, bytes: Uint8Array): Promise<number | null> {
    const [row] = await this.#database.read(
      `SELECT claim IS NOT NULL AND outcome IS NULL AS reads,
          (SELECT coalesce(sum(length(bytes)), 0) FROM answers WHERE fence = $1) AS waiting FROM leases WHERE fence = $1`,
      [fence],
    );
    if (row?.['reads'] !== true) return null;
    const taken = bytes.subarray(0, Math.max(0, ANSWERS_LIMIT_BYTES - Number(row['waiting'])));
    if (taken.length === 0) return 0;
    await this.#database.transaction(async (query) => {
      await query('INSERT INTO answers (worker, fence, bytes) VALUES ($1, $2, $3)', [
        worker,
        fence,
        Buffer.from(taken),
      ]);
      await query(TELL, [[`leases ${worker}`]]);
    });
    return taken.length;
  }

  // --- the worker's side, without a host of its own -----------------------------------------------

  async offers(worker: string): Promise<Offer[]> {
    await this.#writer.drained();
    const rows = await this.#database.read(
      `SELECT offer::text AS offer FROM leases WHERE worker = $1 AND ${STANDS_AS_OFFER} ORDER BY length(fence), fence`,
      [worker],
    );
    return rows.map(({ offer }) => JSON.parse(textOf(offer)) as Offer);
  }

  async standing(worker: string): Promise<Standing> {
    const views = await this.inbox(worker);
    return {
      offered: views.filter(({ offered }) => offered).map(({ fence }) => fence),
      claimed: views.flatMap(({ fence, claim, outcome }) =>
        claim === null || outcome !== null ? [] : [{ fence, slot: claim }],
      ),
      ended: views.filter(({ outcome }) => outcome !== null).map(({ fence }) => fence),
    };
  }

  /** Names only: the host has places of its own. */
  places(worker: string, fence: string): LeasePlaces {
    const base = `postgres:/leases/${worker}/${fence}`;
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
    return this.#change(
      worker,
      `UPDATE leases SET claim = $3 WHERE fence = $2 AND worker = $1 AND ${STANDS_AS_OFFER} RETURNING fence`,
      [worker, fence, slot],
    );
  }

  onHint(worker: string, callback: () => void): () => void {
    const ends = TOPICS.map((topic) => this.#database.onHint(`${topic} ${worker}`, callback));
    return () => {
      for (const end of ends) end();
    };
  }

  // --- helpers -----------------------------------------------------------------------------------

  /** True when it changed anything; then whoever looks after the worker's leases is hinted. */
  async #change(worker: string, text: string, values: readonly unknown[]): Promise<boolean> {
    await this.#writer.drained();
    return this.#database.transaction(async (query) => {
      const isChanged = (await query(text, values)).length > 0;
      if (isChanged) await query(TELL, [[`leases ${worker}`]]);
      return isChanged;
    });
  }

  async #outcomeOf(fence: string): Promise<SettledOutcome | null> {
    const [row] = await this.#database.read('SELECT outcome::text AS outcome FROM leases WHERE fence = $1', [fence]);
    return row === undefined ? null : parseOutcome(row['outcome']);
  }
}

function viewOf(row: Row): LeaseView {
  return {
    fence: textOf(row['fence']),
    offered: row['offered'] === true,
    claim: row['claim'] === null ? null : textOf(row['claim']),
    stop: row['stop'] as StopReason | null,
    outcome: parseOutcome(row['outcome']),
  };
}

function parseOutcome(text: unknown): SettledOutcome | null {
  return typeof text === 'string' ? (JSON.parse(text) as JsonObject as unknown as SettledOutcome) : null;
}
