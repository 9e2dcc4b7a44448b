// The postgres connector against a real server: DATABASE_URL when there is one, else the server that comes with npm.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../kernel/json.ts';
import { embeddedPostgres, type EmbeddedServer } from '../../store/postgres/embedded.ts';
import type { ConnectorError } from '../../worker/connectors/connector.ts';
import { PostgresConnector } from '../../worker/connectors/postgres/postgres.ts';
import { until } from '../support/oarlock.ts';
import { act, contextFor } from '../support/action-context.ts';

const connector = new PostgresConnector();
const table = `orders_${process.pid}`;
let directory: string;
let server: EmbeddedServer | null = null;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'oarlock-connector-'));
  chmodSync(directory, 0o700);
  // Held, so that it is not started again for each action.
  if (process.env['DATABASE_URL'] === undefined) server = await embeddedPostgres(directory);
  await perform('createTable', {
    table,
    primaryKey: ['id'],
    columns: {
      id: 'text',
      total: 'numeric',
      day: 'date',
      at: 'timestamptz',
      items: 'jsonb',
      count: 'bigint',
      Select: 'text',
    },
  });
});

afterAll(async () => {
  await perform('execute', { sql: `DROP TABLE "${table}"` });
  server?.release();
  rmSync(directory, { recursive: true, force: true });
});

function perform(
  action: string,
  input: JsonObject,
  env: Record<string, string> = {},
  signal = new AbortController().signal,
): Promise<Json> {
  const url = process.env['DATABASE_URL'];
  return act(
    connector,
    action,
    input,
    contextFor(directory, { env: { ...(url === undefined ? {} : { DATABASE_URL: url }), ...env }, signal }),
  );
}

async function failure(promise: Promise<unknown>): Promise<Pick<ConnectorError, 'type' | 'message' | 'lasting'>> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason as ConnectorError,
  );
  if (error === null) throw new Error('expected a failure');
  return { type: error.type, message: error.message, lasting: error.lasting };
}

describe('rows', () => {
  test('a table may be made again', async () => {
    await expect(perform('createTable', { table, primaryKey: ['id'], columns: { id: 'text' } })).resolves.toEqual({
      table,
    });
  });

  test('tables may be made by many at once', async () => {
    const twin = { table: `${table}_twin`, primaryKey: ['id'], columns: { id: 'text' } };
    await Promise.all(Array.from({ length: 8 }, () => perform('createTable', twin)));
    await perform('execute', { sql: `DROP TABLE "${twin.table}"` });
  });

  test('an upsert that is done twice is one row with the last values', async () => {
    const row = { id: 'u1', total: '17300.00', day: '2025-06-18', items: [{ n: 1 }], count: 17 };
    expect(await perform('upsert', { table, key: ['id'], row })).toMatchObject({ inserted: 1, updated: 0 });
    const again = { ...row, total: '17300.10' };
    expect(await perform('upsert', { table, key: ['id'], row: again })).toMatchObject({ inserted: 0, updated: 1 });
    expect(await perform('query', { table, where: { id: 'u1' }, columns: ['id', 'total', 'day', 'items'] })).toEqual({
      rows: [{ id: 'u1', total: '17300.10', day: '2025-06-18', items: [{ n: 1 }] }],
      count: 1,
    });
  });

  test('a row that is all key may be upserted', async () => {
    for (const inserted of [1, 0])
      expect(await perform('upsert', { table, key: ['id'], row: { id: 'u2' } })).toMatchObject({ inserted });
  });

  test('upserts of one key by many at once are one row', async () => {
    const all = Array.from({ length: 10 }, (_, n) =>
      perform('upsert', { table, key: ['id'], row: { id: 'race', total: n } }),
    );
    const inserted = (await Promise.all(all)).map((output) => (output as { inserted: number }).inserted);
    expect(inserted.reduce((a, b) => a + b)).toBe(1);
  });

  test('rows that are created together are there together or not at all', async () => {
    const rows = [{ id: 'c1' }, { id: 'c2' }, { id: 'c1' }];
    expect(await failure(perform('create', { table, rows }))).toMatchObject({
      type: 'UniqueViolation',
      lasting: 'permanent',
      message: expect.stringContaining('SQLSTATE 23505'),
    });
    expect(await perform('query', { table, where: { id: 'c2' } })).toMatchObject({ count: 0 });
    expect(await perform('create', { table, row: { id: 'c2' } })).toMatchObject({ inserted: 1 });
  });

  test('names that are words of SQL or have capitals are names', async () => {
    await perform('upsert', { table, key: ['id'], row: { id: 's', Select: 'x' } });
    expect(await perform('query', { table, where: { Select: 'x' }, columns: ['Select'] })).toMatchObject({
      rows: [{ Select: 'x' }],
    });
  });
});

describe('an action that is stopped', () => {
  test('ends at once, here and on the server', async () => {
    const stop = new AbortController();
    const mark = `mark_${process.pid}`;
    const running = async (): Promise<number> => {
      const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()`;
      const { rows } = (await perform('query', { sql, params: [`%${mark}%`] })) as { rows: { n: number }[] };
      return rows[0]?.n ?? 0;
    };
    const sleeping = perform('query', { sql: `SELECT pg_sleep(60) AS ${mark}` }, {}, stop.signal);
    const ended = failure(sleeping);
    await until(
      async () => (await running()) === 1,
      () => 'it runs',
    );
    stop.abort();
    expect(await ended).toMatchObject({ type: 'Stopped', message: expect.stringMatching(/: stopped$/) });
    await until(
      async () => (await running()) === 0,
      () => 'nothing of it runs on the server',
    );
  }, 20_000);

  test('before it began does nothing', async () => {
    const row = { id: 'stopped' };
    const begun = perform('upsert', { table, key: ['id'], row }, {}, AbortSignal.abort());
    expect(await failure(begun)).toMatchObject({ type: 'Stopped' });
    expect(await perform('query', { table, where: row })).toMatchObject({ count: 0 });
  });
});

describe('hostile data', () => {
  const hostile = 'Robert\'); DROP TABLE orders;-- $(rm -rf /) `id` \\ " $1 ${x}';

  test('is stored as it is', async () => {
    await perform('upsert', { table, key: ['id'], row: { id: hostile, items: { text: hostile } } });
    expect(await perform('query', { table, where: { id: hostile }, columns: ['id', 'items'] })).toMatchObject({
      rows: [{ id: hostile, items: { text: hostile } }],
    });
  });

  test.each([
    { name: 'a table', input: { table: 'x"; DROP TABLE y; --', key: ['id'], row: { id: 1 } } },
    { name: 'a column', input: { table: 'x', key: ['id'], row: { id: 1, 'a" = 1 --': 2 } } },
    { name: 'a key', input: { table: 'x', key: ['id)'], row: { 'id)': 1 } } },
  ])('is refused as the name of $name', async ({ input }) => {
    expect(await failure(perform('upsert', input))).toMatchObject({ type: 'InvalidInput', lasting: 'permanent' });
  });

  test('cannot add a second statement to a query', async () => {
    expect(await failure(perform('query', { sql: `SELECT 1; DROP TABLE "${table}"` }))).toMatchObject({
      message: expect.stringContaining('cannot insert multiple commands'),
    });
  });

  test('a query changes nothing', async () => {
    expect(await failure(perform('query', { sql: `DELETE FROM "${table}"` }))).toMatchObject({
      message: expect.stringContaining('read-only transaction'),
    });
  });

  test('a type of a column is one of the known', async () => {
    const input = { table: 'x', primaryKey: ['id'], columns: { id: 'text); DROP TABLE y; --' } };
    expect(await failure(perform('createTable', input))).toMatchObject({ type: 'InvalidInput' });
  });
});

describe('a database that is not there', () => {
  test('is told quickly, without the password, and is worth another attempt', async () => {
    const url = 'postgres://ada:swordfish@127.0.0.1:1/orders';
    expect(await failure(perform('query', { table: 'x' }, { DATABASE_URL: url }))).toEqual({
      type: 'DatabaseUnreachable',
      lasting: 'passing',
      message: 'database orders at 127.0.0.1:1: cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
    });
  });

  test.each(['mysql://x/y', 'not an address', ''])('an address %s is refused', async (url) => {
    expect(await failure(perform('query', { database: url, table: 'x' }))).toMatchObject({ type: 'InvalidInput' });
  });

  test('a table that is not there is no reason to try again', async () => {
    expect(await failure(perform('query', { table: 'nowhere_at_all' }))).toMatchObject({
      type: 'TableNotFound',
      lasting: 'permanent',
    });
  });
});
