// Runs on tables: the journal of each as rows (journal.ts writes them), its published status, its logs as chunks.
//
// R1  a run has one row; opening its journal puts the epoch of the opener into it, and from then on no older one can write.
// R2  a published status, its revision and the change that tells of it come together.

import { join } from 'node:path';
import { invariant, StoreError } from '../../kernel/errors.ts';
import type { RunEvent } from '../../kernel/events.ts';
import type { JsonObject } from '../../kernel/json.ts';
import { isEnded } from '../objects.ts';
import type { Journal, LoadedRun, RunPlaces, RunRef, Runs } from '../store.ts';
import type { Database } from './database.ts';
import { PostgresJournal } from './journal.ts';
import { cutOut, nextRevision, removeRun, TELL, textOf } from './statements.ts';
import type { Writer } from './writer.ts';

const LOG_READ_LIMIT_BYTES = 16 * 1024 * 1024;
const CHUNKS_AT_ONCE = 64;

export class PostgresRuns implements Runs {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #open = new Map<string, { readonly journal: PostgresJournal; readonly epoch: number }>();

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  async list(): Promise<RunRef[]> {
    const rows = await this.#database.read('SELECT name, uid FROM runs ORDER BY created_at');
    return rows.map(({ name, uid }) => ({ name: textOf(name), uid: textOf(uid) }));
  }

  async load(ref: RunRef, options?: { ignoreSnapshot?: boolean }): Promise<LoadedRun | null> {
    const [run] = await this.#database.read(
      `SELECT last_seq, base, CASE WHEN base > 0 THEN snapshot::text END AS snapshot
        FROM (SELECT *, CASE WHEN $2 THEN 0 ELSE snapshot_seq END AS base FROM runs WHERE uid = $1) AS run`,
      [ref.uid, options?.ignoreSnapshot ?? false],
    );
    if (run === undefined) return null;
    const { snapshot, base, last_seq } = run;
    // What is appended meanwhile belongs to the next look.
    const rows = await this.#database.read(
      'SELECT event::text AS event FROM events WHERE uid = $1 AND seq > $2 AND seq <= $3 ORDER BY seq',
      [ref.uid, base, last_seq],
    );
    return {
      snapshot: typeof snapshot === 'string' ? (JSON.parse(snapshot) as JsonObject) : null,
      snapshotSeq: Number(base),
      events: rows.map(({ event }) => JSON.parse(textOf(event)) as RunEvent),
      lastSeq: Number(last_seq),
    };
  }

  async open(ref: RunRef, epoch: number): Promise<Journal> {
    invariant(Number.isSafeInteger(epoch) && epoch > 0, `epoch ${epoch} is a positive number`);
    await this.#writer.drained();
    const [row] = await this.#database.read(
      `INSERT INTO runs (uid, name, epoch) VALUES ($1, $2, $3)
        ON CONFLICT (uid) DO UPDATE SET epoch = greatest(runs.epoch, excluded.epoch) RETURNING epoch, last_seq`,
      [ref.uid, ref.name, epoch],
    );
    if (Number(row?.['epoch']) > epoch) {
      const message = `run ${ref.name}: epoch ${epoch} is over, found epoch ${textOf(row?.['epoch'])}`;
      throw new StoreError('Expired', ref.name, message);
    }
    const journal = new PostgresJournal({
      database: this.#database,
      writer: this.#writer,
      uid: ref.uid,
      epoch,
      lastSeq: Number(row?.['last_seq']),
      onClose: () => {
        if (this.#open.get(ref.uid)?.journal === journal) this.#open.delete(ref.uid);
      },
    });
    this.#open.set(ref.uid, { journal, epoch });
    return journal;
  }

  async publish(ref: RunRef, status: JsonObject): Promise<void> {
    const epoch = this.#open.get(ref.uid)?.epoch ?? null;
    await this.#database.transaction(async (query) => {
      const revision = await nextRevision(query);
      const rows = await query(
        `INSERT INTO runs (uid, name, status, status_revision, is_ended) VALUES ($1, $2, $3, $4, $6)
          ON CONFLICT (uid) DO UPDATE
          SET status = excluded.status, status_revision = excluded.status_revision, is_ended = excluded.is_ended
          WHERE runs.epoch <= coalesce($5, runs.epoch) RETURNING uid`,
        [ref.uid, ref.name, JSON.stringify(status), revision, epoch, isEnded(status)],
      );
      if (rows.length === 0) throw new StoreError('Expired', ref.name, `run ${ref.name}: a newer controller publishes`);
      await query(
        `INSERT INTO changes (revision, verb, kind, name, uid) VALUES ($1, 'Status', 'WorkflowRun', $2, $3)`,
        [revision, ref.name, ref.uid],
      );
      await query(TELL, [['changes']]);
    });
  }

  async status(ref: RunRef): Promise<JsonObject | null> {
    const [row] = await this.#database.read('SELECT status::text AS status FROM runs WHERE uid = $1', [ref.uid]);
    return typeof row?.['status'] === 'string' ? (JSON.parse(row['status']) as JsonObject) : null;
  }

  async remove(ref: RunRef): Promise<void> {
    this.#open.get(ref.uid)?.journal.abandon();
    await this.#database.transaction((query) => removeRun(query, ref.uid));
  }

  async logAttempts(ref: RunRef, node: string): Promise<number[]> {
    const rows = await this.#database.read(
      'SELECT DISTINCT attempt FROM logs WHERE uid = $1 AND node = $2 ORDER BY attempt',
      [ref.uid, node],
    );
    return rows.map(({ attempt }) => Number(attempt));
  }

  async readLog(ref: RunRef, node: string, attempt: number, offset: number, limit: number): Promise<Uint8Array> {
    const from = Math.max(0, offset);
    const to = from + Math.max(0, Math.min(limit, LOG_READ_LIMIT_BYTES));
    const rows = await this.#database.read(
      `SELECT start, bytes FROM logs WHERE uid = $1 AND node = $2 AND attempt = $3
        AND start < $5 AND start + length(bytes) > $4 ORDER BY start LIMIT ${CHUNKS_AT_ONCE}`,
      [ref.uid, node, attempt, from, to],
    );
    return cutOut(rows, from, to);
  }

  async appendLog(ref: RunRef, node: string, attempt: number, bytes: Uint8Array): Promise<void> {
    await this.#database.transaction((query) =>
      query('SELECT add_log($1, $2, $3, NULL, $4)', [ref.uid, node, attempt, Buffer.from(bytes)]),
    );
  }

  /** Names only: the worker's host has places of its own (spool.ts). */
  places(ref: RunRef): RunPlaces {
    const root = join('/', 'runs', `${ref.name}.${ref.uid}`);
    return {
      scratch: join(root, 'scratch'),
      input: join(root, 'input.json'),
      log: (node, attempt) => `${root}/logs/${node}.${attempt}`,
    };
  }
}
