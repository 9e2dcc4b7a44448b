// One connection, one transaction, for one action;
// and the errors of a database in words that say whether to try again.

import pg from 'pg';
import { isObject, type JsonObject } from '../../../kernel/json.ts';
import { embeddedPostgres, type EmbeddedServer } from '../../../store/postgres/embedded.ts';
import { type ActionContext, ConnectorError, invalidInput } from '../connector.ts';
import type { Statement } from './sql.ts';

const CONNECT_LIMIT_MS = 5_000;
/** Types whose text is more exact than what JavaScript makes of it: date, timestamp. */
const KEPT_AS_TEXT: readonly number[] = [1082, 1114];
/** Classes of SQLSTATE that another attempt may not meet: connection, rollback, resources, operator, not now. */
const PASSING = /^(08|40|53|55|57|58|XX)/;
const TYPES: Readonly<Record<string, string>> = {
  '23505': 'UniqueViolation',
  '23502': 'NotNullViolation',
  '23503': 'ForeignKeyViolation',
  '23514': 'CheckViolation',
  '42P01': 'TableNotFound',
  '42703': 'ColumnNotFound',
};

export interface Transaction {
  /** Rows as JSON has them. */
  run(statement: Statement): Promise<JsonObject[]>;
}

/** `url`: of the task, else DATABASE_URL, else the server that comes with the engine. Commits when `body` is done. */
export async function inTransaction<T>(
  url: string | undefined,
  mode: 'READ ONLY' | 'READ WRITE',
  context: ActionContext,
  body: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const given = url ?? context.env['DATABASE_URL'];
  const embedded = given === undefined ? await startEmbedded(context.stateDir) : null;
  try {
    return await onServer(given ?? embedded?.url ?? '', mode, context.signal, body);
  } finally {
    embedded?.release();
  }
}

async function startEmbedded(stateDir: string): Promise<EmbeddedServer> {
  try {
    return await embeddedPostgres(stateDir);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConnectorError('DatabaseUnreachable', message, 'passing', { cause: error });
  }
}

async function onServer<T>(
  url: string,
  mode: string,
  signal: AbortSignal,
  body: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const client = clientFor(url);
  const place = placeOf(client);
  // Told by the query that it breaks; without a listener it would end the process.
  client.on('error', () => undefined);
  let stopping = Promise.resolve();
  let backend: unknown;
  const abort = (): void => {
    stopping = endStatement(url, backend, client);
  };
  try {
    await client.connect().catch((error: unknown) => {
      throw unreachable(place, error);
    });
    await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${mode}`);
    backend = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    signal.addEventListener('abort', abort, { once: true });
    const result = await body({
      async run({ text, values }) {
        signal.throwIfAborted();
        // The extended protocol takes one statement only.
        const { rows } = await client.query({ text, values: [...values], queryMode: 'extended' } as pg.QueryConfig);
        return rows.map((row: unknown) => (isObject(row) ? toJson(row) : {}));
      },
    });
    signal.throwIfAborted();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw signal.aborted ? new ConnectorError('Stopped', `${place}: stopped`, 'passing') : describe(place, error);
  } finally {
    signal.removeEventListener('abort', abort);
    await client.end().catch(() => undefined);
    await stopping;
  }
}

/** A server goes on with a statement whose client is gone, so it is told; one that cannot be told is left. */
async function endStatement(url: string, backend: unknown, client: pg.Client): Promise<void> {
  const teller = clientFor(url);
  teller.on('error', () => undefined);
  try {
    await teller.connect();
    await teller.query('SELECT pg_cancel_backend($1)', [backend]);
  } catch {
    await client.end();
  } finally {
    await teller.end().catch(() => undefined);
  }
}

function getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
  return KEPT_AS_TEXT.includes(oid) ? (text: string) => text : pg.types.getTypeParser(oid, format as 'text');
}

/** Instants become texts; numeric and bigint are texts already, so that no digit is lost. */
function toJson(row: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(row)) as JsonObject;
}

function clientFor(url: string): pg.Client {
  const shape = 'database: expected an address as postgres://USER:PASSWORD@HOST:PORT/DATABASE';
  if (!/^postgres(ql)?:\/\//.test(url)) throw invalidInput(shape);
  try {
    return new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      application_name: 'oarlock connector',
      types: { getTypeParser },
    });
  } catch (error) {
    throw invalidInput(`${shape}: ${messageOf(error)}`);
  }
}

/** Where the database is, without who may use it. */
function placeOf({ database, host, port }: pg.Client): string {
  return `database ${database ?? ''} at ${host.startsWith('/') ? host : `${host}:${port}`}`;
}

function unreachable(place: string, error: unknown): ConnectorError {
  const code = codeOf(error);
  const message = messageOf(error);
  // 28: wrong password or no such role; 3D: no such database. Neither comes right by waiting.
  const lasting = /^(28|3D)/.test(code) ? 'permanent' : 'passing';
  const text = `${place}: cannot be reached: ${message}`;
  return new ConnectorError('DatabaseUnreachable', text, lasting, { cause: error });
}

function describe(place: string, error: unknown): unknown {
  if (error instanceof ConnectorError) return error;
  const code = codeOf(error);
  // Not five characters: Node's own code, so the connection is gone.
  if (!/^[0-9A-Z]{5}$/.test(code)) {
    const isConnection = error instanceof Error && /connection|ECONN|EPIPE|socket/i.test(`${code} ${error.message}`);
    if (!isConnection) return error;
    return new ConnectorError('DatabaseUnreachable', `${place}: ${messageOf(error)}`, 'passing', { cause: error });
  }
  const type = TYPES[code] ?? (PASSING.test(code) ? 'DatabaseUnreachable' : 'DatabaseError');
  const lasting = PASSING.test(code) ? 'passing' : 'permanent';
  return new ConnectorError(type, `${place}: ${messageOf(error)} (SQLSTATE ${code})`, lasting, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Several addresses that failed say so in a list and with an empty message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message || codeOf(error) : String(error);
}
