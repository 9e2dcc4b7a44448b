// A Postgres database for tests: an embedded server of its own, or the one that OARLOCK_TEST_POSTGRES names; a schema of its own for
// each place, so that tests never meet.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createClock } from '../../runtime/clock.ts';
import { createProcesses } from '../../runtime/processes.ts';
import { createRandom } from '../../runtime/random.ts';
import { Database } from '../../store/postgres/database.ts';
import { embeddedPostgres, type EmbeddedServer } from '../../store/postgres/embedded.ts';
import { migrate } from '../../store/postgres/schema.ts';
import { Spool } from '../../store/postgres/spool.ts';
import { Writer } from '../../store/postgres/writer.ts';

export class PostgresServer {
  readonly #directory = mkdtempSync(join(tmpdir(), 'oarlock-pg-'));
  #embedded: EmbeddedServer | null = null;
  #url = process.env['OARLOCK_TEST_POSTGRES'] ?? '';

  /** Null when there can be none here, which is said in one line. */
  async start(): Promise<string | null> {
    if (this.#url !== '') return this.#url;
    try {
      this.#embedded = await embeddedPostgres(this.#directory);
      this.#url = this.#embedded.url;
      await hasten(this.#url);
      return this.#url;
    } catch (error) {
      console.warn(`Postgres is not tested: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  async place(): Promise<PostgresPlace> {
    const place = new PostgresPlace(this.#url, join(this.#directory, randomBytes(4).toString('hex')));
    await migrate(place.database);
    return place;
  }

  stop(): void {
    this.#embedded?.release();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** No test takes the power away, so nothing has to be on the disk: what a killed server wrote is kept all the same. */
export async function hasten(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('ALTER SYSTEM SET fsync = off');
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
}

/** A schema with two handles, each with connections of its own. */
export class PostgresPlace {
  readonly schema = `test_${randomBytes(6).toString('hex')}`;
  readonly directory: string;
  readonly database: Database;
  readonly other: Database;
  readonly writers: readonly [Writer, Writer];
  readonly clock = createClock(0);
  readonly processes = createProcesses();
  readonly random = createRandom();

  constructor(url: string, directory: string) {
    this.directory = directory;
    this.database = new Database(async () => url, this.schema);
    this.other = new Database(async () => url, this.schema);
    this.writers = [new Writer(this.database), new Writer(this.other)];
  }

  spool(host: string): Spool {
    return Spool.open(join(this.directory, host), this.processes, this.random);
  }

  async flushed(): Promise<void> {
    for (const writer of this.writers) await writer.drained();
  }

  async dispose(): Promise<void> {
    for (const writer of this.writers) await writer.close();
    await this.database.read(`DROP SCHEMA "${this.schema}" CASCADE`);
    await this.database.close();
    await this.other.close();
  }
}
