// The door of pg: connections to one database, by one schema, that come back after every failure.
//
// Owns: the pool, the session that listens for hints, what a failed connection means. Does not own any table.
//
// D1  every connection gives up a dead peer within seconds, and the server lets go of a transaction whose client is gone: a cut link
//     holds no lock for long.
// D2  what fails with its connection is tried again for a while, unless its COMMIT was on the way: that may have been done.
// D3  a hint is only ever a reason to look again; after a gap in the connection everybody is hinted.

import pg from 'pg';
import { StoreError } from '../../kernel/errors.ts';
import { monotonicMs } from '../../runtime/clock.ts';

export type Row = Readonly<Record<string, unknown>>;
export type Query = (text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Where the server is; asked before each first connection, because an embedded one may have to be started again. */
export type Locate = () => Promise<string>;

const POOL_SIZE = 6;
const CONNECT_MS = 5_000;
/** No statement of ours takes so long; one that does waits for somebody who is gone. */
const QUERY_MS = 30_000;
const READ_AGAIN_MS = 20_000;
const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1_000;
const RELISTEN_MS = 250;

const SESSION: Readonly<Record<string, string | number>> = {
  client_encoding: 'UTF8',
  idle_in_transaction_session_timeout: 5_000,
  tcp_keepalives_idle: 5,
  tcp_keepalives_interval: 2,
  tcp_keepalives_count: 3,
  tcp_user_timeout: 10_000,
};

export class Database {
  readonly schema: string;
  readonly #locate: Locate;
  /** Where it was found; forgotten when a connection fails. */
  #url: Promise<string> | null = null;
  readonly #pools = new Map<string, pg.Pool>();
  readonly #listeners = new Map<string, Set<() => void>>();
  #isListening = false;
  #listener: pg.Client | null = null;
  #isClosed = false;

  constructor(locate: Locate, schema: string) {
    this.#locate = locate;
    this.schema = schema;
  }

  /** Reads, or does what may be done twice. */
  read(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#again(async () => (await (await this.#pool()).query(text, [...values])).rows as Row[]);
  }

  /** All of the body's statements or none. The body may run more than once. */
  transaction<T>(body: (query: Query) => Promise<T>): Promise<T> {
    let isCommitting = false;
    return this.#again(
      async () => {
        const client = await (await this.#pool()).connect();
        client.removeAllListeners('error');
        client.on('error', () => undefined);
        try {
          await client.query('BEGIN');
          const result = await body(queryOf(client));
          isCommitting = true;
          await client.query('COMMIT');
          client.release();
          return result;
        } catch (error) {
          await client.query('ROLLBACK').then(
            () => client.release(),
            () => client.release(true),
          );
          throw error;
        }
      },
      () => !isCommitting,
    );
  }

  /** A connection of its own, for locks that its session holds and statements that are sent without waiting. */
  async session(onEnd: () => void): Promise<Session> {
    return this.#again(async () => {
      const client = new pg.Client({ ...this.#settings(await this.#find()), pipeline: true });
      client.on('error', () => undefined);
      await client.connect();
      client.on('end', onEnd);
      return new Session(client);
    });
  }

  /** What fails because the connection does is done again, for a while. */
  async #again<T>(body: () => Promise<T>, mayRepeat: () => boolean = () => true): Promise<T> {
    const deadline = monotonicMs() + READ_AGAIN_MS;
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
      try {
        return await body();
      } catch (error) {
        if (this.#isClosed || !mayRepeat() || !isLost(error) || monotonicMs() > deadline) throw faultOf(error);
        this.#url = null;
        await pause(delayMs);
      }
    }
  }

  #find(): Promise<string> {
    const url = (this.#url ??= this.#locate());
    url.catch(() => {
      if (this.#url === url) this.#url = null;
    });
    return url;
  }

  async #pool(): Promise<pg.Pool> {
    const url = await this.#find();
    if (this.#isClosed) throw new StoreError('Unavailable', 'postgres', 'postgres: the store is closed');
    const known = this.#pools.get(url);
    if (known !== undefined) return known;
    const pool = new pg.Pool({ ...this.#settings(url), max: POOL_SIZE, idleTimeoutMillis: 60_000 });
    pool.on('error', () => undefined);
    this.#pools.set(url, pool);
    return pool;
  }

  #settings(url: string): pg.ClientConfig {
    const settings = { ...SESSION, search_path: this.schema };
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    return {
      connectionString: url,
      options: options.join(' '),
      application_name: 'oarlock',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
      keepAlive: true,
    };
  }

  // --- hints -------------------------------------------------------------------------------------

  /** Calls back when `topic` is told (see `tell`), and after every gap. Returns the end of the subscription. */
  onHint(topic: string, callback: () => void): () => void {
    const callbacks = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, callbacks.add(callback));
    if (!this.#isListening) void this.#listen();
    this.#isListening = true;
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.#listeners.get(topic) === callbacks) this.#listeners.delete(topic);
    };
  }

  /** Resolves once hints come in, for tests that count them. */
  async isListening(): Promise<void> {
    while (this.#listener === null && !this.#isClosed) await pause(FIRST_DELAY_MS);
  }

  /** For as long as this is open: one connection that listens, and another when it fails. */
  async #listen(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const client = new pg.Client(this.#settings(await this.#find()));
        const ended = new Promise<void>((resolve) => {
          client.on('error', () => resolve());
          client.on('end', () => resolve());
        });
        client.on('notification', ({ payload }) => this.#hint(payload ?? ''));
        await client.connect();
        await client.query(`LISTEN ${pg.escapeIdentifier(this.schema)}`);
        this.#listener = client;
        for (const topic of new Set(this.#listeners.keys())) this.#hint(topic);
        await ended;
        this.#listener = null;
      } catch {
        // The server is away: whoever waits for a hint looks by itself meanwhile.
        this.#url = null;
      }
      if (!this.#isClosed) await pause(RELISTEN_MS);
    }
  }

  #hint(topic: string): void {
    for (const callback of new Set(this.#listeners.get(topic))) callback();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    await this.#listener?.end().catch(() => undefined);
    await Promise.all([...this.#pools.values()].map((pool) => pool.end().catch(() => undefined)));
  }
}

/** A connection of its own. Statements are sent at once, one behind the other. */
export class Session {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.#client.query(text, [...values])).rows as Row[];
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** All of these or none, with one wait for all of them. */
  async together(
    statements: readonly { readonly text: string; readonly values: readonly unknown[] }[],
  ): Promise<Row[][]> {
    const all = [
      this.#client.query('BEGIN'),
      ...statements.map(({ text, values }) => this.#client.query(text, [...values])),
      this.#client.query('COMMIT'),
    ];
    const results = await Promise.allSettled(all);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw faultOf(failed.reason);
    return results.slice(1, -1).map((result) => (result.status === 'fulfilled' ? (result.value.rows as Row[]) : []));
  }

  /** At once: nobody answers any more. */
  abandon(): void {
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }

  async end(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

function queryOf(client: pg.PoolClient): Query {
  return async (text, values = []) => (await client.query(text, [...values])).rows as Row[];
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** No connection, or none any more; the server starts, stops, or told us to go. */
function isLost(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'Unavailable';
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  // What the driver says itself has no code.
  if (code === '') return error.name === 'Error' && /connect|timeout|queryable|closed|terminated/i.test(error.message);
  return code.startsWith('08') || code.startsWith('57P') || code === '25P03' || /^E[A-Z]{3,}$/.test(code);
}

const FENCED = 'OA410';
const GONE = 'OA404';

/** What the schema's own functions raise, and what the server says, in the words of the store. */
export function faultOf(error: unknown): Error {
  if (error instanceof StoreError || !(error instanceof Error)) return error as Error;
  const code = codeOf(error);
  const fault = (kind: StoreError['code']): StoreError =>
    new StoreError(kind, 'postgres', `postgres: ${error.message}`, { cause: error });
  if (code === FENCED) return new StoreError('Expired', 'postgres', error.message);
  if (code === GONE) return new StoreError('NotFound', 'postgres', error.message);
  if (code === '23505') return fault('AlreadyExists');
  if (code === '53100' || code === '54000') return fault('NoSpace');
  if (error.name === 'AdmissionError') return error;
  return isLost(error) ? fault('Unavailable') : error;
}
