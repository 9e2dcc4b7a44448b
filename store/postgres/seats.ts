// Seats on tables: who is the controller, who sits on a worker's name, on whatever machine.
//
// S1  the controller's seat is a lock that its database session holds: free when the session ends, and every write goes through that
//     session. A holder that is cut off keeps its session on the server for a while; when it has said nothing for its lease, by the
//     database's clock, the next one ends that session and takes the seat.
// S2  every taking has a greater epoch, and from then on nothing is written under an older one (schema.ts).
// S3  a worker says every second that it is there. One on the same host may take its name up at once, with what it left in the spool;
//     one on another host only when all that ran there has ended by itself.

import { isObject, type JsonObject } from '../../kernel/json.ts';
import type { Processes, Random } from '../../kernel/ports.ts';
import { StoreError } from '../../kernel/errors.ts';
import type { ControllerSeat, Leases, Seats, WorkerSeat, WorkerView } from '../store.ts';
import type { Database, Session } from './database.ts';
import { Host } from './host.ts';
import type { Spool } from './spool.ts';
import { TELL, textOf } from './statements.ts';
import type { Writer } from './writer.ts';

const LOCK = "hashtext('oarlock controller'), hashtext(current_schema())";
/** How often the holder says that it is there, and how long it is believed. */
const BEAT_MS = 1_000;
const CONTROLLER_LEASE_MS = 5_000;
const FOLLOWER_LOOK_MS = 250;

export interface SeatsOptions {
  readonly database: Database;
  readonly writer: Writer;
  readonly processes: Processes;
  readonly random: Random;
  /** Of this host. */
  readonly spool: () => Spool;
}

export class PostgresSeats implements Seats {
  readonly #options: SeatsOptions;
  readonly #database: Database;
  readonly #hosts = new Map<string, Host>();
  #isTaking = false;

  constructor(options: SeatsOptions) {
    this.#options = options;
    this.#database = options.database;
  }

  // --- the controller's seat ---------------------------------------------------------------------

  async takeController(): Promise<ControllerSeat | null> {
    // One session a process holds it; a second call here would only wait for the first.
    if (this.#isTaking) return null;
    this.#isTaking = true;
    try {
      const seat = await this.#tryController();
      if (seat === null) this.#isTaking = false;
      return seat;
    } catch (error) {
      this.#isTaking = false;
      throw error;
    }
  }

  async #tryController(): Promise<ControllerSeat | null> {
    const { writer } = this.#options;
    const lost = new AbortController();
    const session = await this.#database.session(() => lost.abort());
    const leave = async (): Promise<null> => {
      await session.end();
      return null;
    };
    try {
      const [row] = await session.query(`SELECT pg_try_advisory_lock(${LOCK}) AS held, pg_backend_pid() AS backend`);
      if (row?.['held'] !== true) {
        await this.#endSilentHolder(session);
        return await leave();
      }
      const [taken] = await session.query(
        'UPDATE engine SET epoch = epoch + 1, controller_backend = $1, controller_seen = clock_timestamp() RETURNING epoch',
        [row['backend']],
      );
      const epoch = Number(taken?.['epoch']);
      await writer.drained();
      writer.use(session);
      const stopBeat = beat(session, epoch, lost);
      lost.signal.addEventListener('abort', () => {
        stopBeat();
        writer.use(null);
        this.#isTaking = false;
      });
      return { epoch, lost: lost.signal, release: () => this.#releaseController(session, epoch, lost) };
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  async #releaseController(session: Session, epoch: number, lost: AbortController): Promise<void> {
    await this.#options.writer.drained();
    if (!lost.signal.aborted)
      await session
        .query('UPDATE engine SET controller_backend = NULL WHERE epoch = $1', [epoch])
        .catch(() => undefined);
    await session.end();
    lost.abort();
    await this.#tell();
  }

  /** S1. */
  async #endSilentHolder(session: Session): Promise<void> {
    await session.query(
      `SELECT pg_terminate_backend(controller_backend) FROM engine
        WHERE controller_seen < clock_timestamp() - $1 * interval '1 ms'
          AND controller_backend IN (SELECT pid FROM pg_locks WHERE ${HELD})`,
      [CONTROLLER_LEASE_MS],
    );
  }

  async controllerGone(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.isControllerAlive())) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          unlisten();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, FOLLOWER_LOOK_MS);
        const unlisten = this.#database.onHint('seats', done);
        signal.addEventListener('abort', done);
      });
    }
  }

  async isControllerAlive(): Promise<boolean> {
    const [row] = await this.#database.read(
      `SELECT EXISTS (SELECT FROM pg_locks WHERE ${HELD})
        AND controller_seen > clock_timestamp() - $1 * interval '1 ms' AS alive FROM engine`,
      [CONTROLLER_LEASE_MS],
    );
    return row?.['alive'] === true;
  }

  async tellNumbers(numbers: JsonObject): Promise<void> {
    await this.#database.read('UPDATE engine SET numbers = $1', [JSON.stringify(numbers)]);
  }

  async numbers(): Promise<JsonObject | null> {
    const [row] = await this.#database.read('SELECT numbers FROM engine');
    const numbers: unknown = row?.['numbers'];
    return isObject(numbers) ? numbers : null;
  }

  // --- workers -----------------------------------------------------------------------------------

  async takeWorker(name: string, slots: number): Promise<WorkerSeat | null> {
    const { database, processes, random, spool } = this.#options;
    const place = await spool().take(name);
    if (place === null) return null;
    try {
      const incarnation = random.uuid();
      const isOurs = await this.#takeName(name, place.host, incarnation, slots);
      if (!isOurs) {
        await place.release();
        return null;
      }
      const host = new Host({ database, place, processes, name, incarnation, slots });
      await host.start();
      this.#hosts.set(name, host);
      await this.#tell();
      return { name, lost: host.lost, release: () => this.#releaseWorker(name, host, incarnation) };
    } catch (error) {
      await place.release();
      throw error;
    }
  }

  /** S3. */
  async #takeName(name: string, host: string, incarnation: string, slots: number): Promise<boolean> {
    return this.#database.transaction(async (query) => {
      const [before] = await query('SELECT host, is_gone(name) AS gone FROM workers WHERE name = $1 FOR UPDATE', [
        name,
      ]);
      if (before !== undefined && before['host'] !== host && before['gone'] !== true) return false;
      const rows = await query(
        `INSERT INTO workers (name, host, incarnation, slots, pid) VALUES ($1, $2, $3, $4, $5)
          ON CONFLICT (name) DO UPDATE SET host = excluded.host, incarnation = excluded.incarnation, slots = excluded.slots,
            pid = excluded.pid, is_draining = false, seen = clock_timestamp()
          WHERE workers.host = excluded.host OR is_gone(workers.name) RETURNING name`,
        [name, host, incarnation, slots, process.pid],
      );
      return rows.length > 0;
    });
  }

  async #releaseWorker(name: string, host: Host, incarnation: string): Promise<void> {
    this.#hosts.delete(name);
    await host.stop();
    // With attempts of an earlier worker still at work here, or outcomes unsaid, the name stays taken until its lease and a margin are over.
    if (await host.isThrough())
      await this.#database
        .read('DELETE FROM workers WHERE name = $1 AND incarnation = $2', [name, incarnation])
        .catch(forgive);
    await host.leave();
    await this.#tell();
  }

  /** The leases of a worker of this process, as it sees them. */
  leasesAt(seat: WorkerSeat): Leases {
    const host = this.#hosts.get(seat.name);
    if (host === undefined) {
      throw new StoreError('Unavailable', `workers/${seat.name}`, `worker ${seat.name}: expected one of this process`);
    }
    return host.leases;
  }

  async setDraining(seat: WorkerSeat): Promise<void> {
    const host = this.#hosts.get(seat.name);
    if (host === undefined || host.lost !== seat.lost) return;
    await this.#database
      .read('UPDATE workers SET is_draining = true WHERE name = $1 AND incarnation = $2', [seat.name, host.incarnation])
      .catch(forgive);
    await this.#tell();
  }

  async workers(): Promise<WorkerView[]> {
    const rows = await this.#database.read(
      `SELECT name, slots, pid, is_draining, clock_timestamp() < seen + lease_ms * interval '1 ms' AS alive
        FROM workers, engine ORDER BY name`,
    );
    return rows.map((row) => ({
      name: textOf(row['name']),
      slots: Number(row['slots']),
      alive: row['alive'] === true,
      draining: row['is_draining'] === true,
      pid: Number(row['pid']),
    }));
  }

  onHint(callback: () => void): () => void {
    return this.#database.onHint('seats', callback);
  }

  async close(): Promise<void> {
    for (const host of this.#hosts.values()) await host.stop();
  }

  async #tell(): Promise<void> {
    await this.#database.read(TELL, [['seats']]).catch(() => undefined);
  }
}

/** A database that is away cannot be told, and learns it from the worker's silence. */
function forgive(error: unknown): void {
  if (!(error instanceof StoreError) || error.code !== 'Unavailable') throw error;
}

const HELD = `locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (classid::bigint, objid::bigint) = (SELECT hashtext('oarlock controller')::bit(32)::bigint, hashtext(current_schema())::bit(32)::bigint)`;

/** Says every second that the holder is there; without an answer within the lease the seat is lost. Returns its end. */
function beat(session: Session, epoch: number, lost: AbortController): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - last > CONTROLLER_LEASE_MS) {
      void session.end();
      lost.abort();
      return;
    }
    session
      .query('UPDATE engine SET controller_seen = clock_timestamp() WHERE epoch = $1 RETURNING epoch', [epoch])
      .then(
        (rows) => {
          if (rows.length > 0) last = performance.now();
          else lost.abort();
        },
        () => lost.abort(),
      );
  }, BEAT_MS);
  return () => clearInterval(timer);
}
