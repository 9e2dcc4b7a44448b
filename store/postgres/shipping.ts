// What an attempt writes on its host, on its way to the tables: its log and its messages, in chunks; and what it is answered, on the
// way back.
//
// Owns: how far each file was read. Does not own when (host.ts).
//
// T1  bytes are counted as shipped when the round that carried them is through; a round that failed is read again.
// T2  a log that its cap has cut is shipped anew from where it was cut (worker/log-cap.ts keeps the first 4 MiB).

import { dirname } from 'node:path';
import type { Leases, Offer } from '../store.ts';
import type { Database } from './database.ts';
import type { WorkerPlace } from './spool.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

interface Progress {
  log: number;
  /** Size of the log when it was last looked at. */
  logSize: number;
  messages: number;
}

const CHUNK_BYTES = 1024 * 1024;
const UNCUT_BYTES = 4 * 1024 * 1024;

export class Shipping {
  readonly #place: WorkerPlace;
  readonly #progress = new Map<string, Progress>();
  /** What it will be when the round that is under way is through. */
  #next = new Map<string, Progress>();
  readonly #answers = new Map<string, Buffer[]>();

  constructor(place: WorkerPlace) {
    this.#place = place;
  }

  /** Where the database is with attempts that an earlier worker of this name has begun. */
  async resume(offers: ReadonlyMap<string, Offer>, database: Database): Promise<void> {
    this.#next.clear();
    for (const [fence, { uid, node, attempt }] of offers) {
      const [row] = await database.read(
        `SELECT (SELECT max(file_end) FROM logs WHERE uid = $1 AND node = $2 AND attempt = $3) AS log,
          (SELECT max(start + length(bytes)) FROM messages WHERE fence = $4) AS messages`,
        [uid, node, attempt, fence],
      );
      const log = Number(row?.['log'] ?? 0);
      this.#progress.set(fence, { log, logSize: log, messages: Number(row?.['messages'] ?? 0) });
    }
  }

  /** What is new; of attempts that ended all of it. */
  more(offers: ReadonlyMap<string, Offer>, ended: ReadonlySet<string>): Statement[] {
    this.#next = new Map();
    return [...offers].flatMap(([fence, offer]) => {
      const progress = { ...(this.#progress.get(fence) ?? { log: 0, logSize: 0, messages: 0 }) };
      this.#next.set(fence, progress);
      return [...this.#log(offer, progress, ended.has(fence)), ...this.#messages(fence, progress, ended.has(fence))];
    });
  }

  /** What `more` returned is in the tables. */
  shipped(): void {
    for (const [fence, progress] of this.#next) this.#progress.set(fence, progress);
    this.#next.clear();
  }

  forget(offer: Offer): void {
    this.#progress.delete(offer.fence);
    this.#answers.delete(offer.fence);
    this.#place.spool.disk.unlink(offer.logPath);
  }

  #log({ uid, node, attempt, logPath }: Offer, progress: Progress, isWhole: boolean): Statement[] {
    const { disk } = this.#place.spool;
    const size = disk.stat(logPath)?.size ?? 0;
    const statements: Statement[] = [];
    if (size < progress.logSize && progress.log > UNCUT_BYTES) {
      progress.log = UNCUT_BYTES;
      statements.push({
        text: 'DELETE FROM logs WHERE uid = $1 AND node = $2 AND attempt = $3 AND file_end > $4',
        values: [uid, node, attempt, UNCUT_BYTES],
      });
    }
    progress.logSize = size;
    while (progress.log < size) {
      const bytes = disk.readRange(
        logPath,
        progress.log,
        Math.min(CHUNK_BYTES, UNCUT_BYTES - (progress.log % UNCUT_BYTES)),
      );
      if (bytes === null || bytes.length === 0) break;
      progress.log += bytes.length;
      statements.push({
        text: 'SELECT add_log($1, $2, $3, $4, $5)',
        values: [uid, node, attempt, progress.log, bytes],
      });
      if (!isWhole) break;
    }
    return statements;
  }

  #messages(fence: string, progress: Progress, isWhole: boolean): Statement[] {
    const { disk } = this.#place.spool;
    const path = this.#place.leases.places(this.#place.name, fence).messages;
    const statements: Statement[] = [];
    for (;;) {
      const bytes = disk.stat(path)?.isFile === true ? disk.readRange(path, progress.messages, CHUNK_BYTES) : null;
      if (bytes === null || bytes.length === 0) return statements;
      statements.push({
        text: 'INSERT INTO messages (fence, start, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        values: [fence, progress.messages, bytes],
      });
      progress.messages += bytes.length;
      if (!isWhole) return statements;
    }
  }

  // --- back --------------------------------------------------------------------------------------

  answer(fence: string, bytes: Buffer): void {
    const waiting = this.#answers.get(fence) ?? [];
    waiting.push(bytes);
    this.#answers.set(fence, waiting);
  }

  /** As much as the tasks take now. */
  async handOver(leases: Leases, worker: string): Promise<void> {
    for (const [fence, waiting] of this.#answers) {
      const bytes = Buffer.concat(waiting);
      const taken = await leases.answer(worker, fence, bytes).catch(() => null);
      const left = taken === null ? bytes : bytes.subarray(taken);
      if (left.length === 0) this.#answers.delete(fence);
      else this.#answers.set(fence, [left]);
    }
  }

  /** The input of the run, once for all of its attempts here. */
  async bringInput({ uid, inputPath }: Offer, database: Database): Promise<void> {
    const { disk } = this.#place.spool;
    if (disk.stat(inputPath) !== null) return;
    const [row] = await database.read(
      `SELECT (event -> 'registration' -> 'input')::text AS input FROM events WHERE uid = $1 AND seq = 1`,
      [uid],
    );
    disk.makeDirectory(dirname(inputPath));
    const fresh = `${inputPath}.${process.pid}`;
    disk.unlink(fresh);
    disk.createNew(fresh, typeof row?.['input'] === 'string' ? row['input'] : 'null');
    disk.rename(fresh, inputPath);
  }
}
