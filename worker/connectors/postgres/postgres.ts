// `postgres`: tables, rows and queries. Every action is one transaction;
// values are parameters, never text; an upsert done twice is done once.

import type { Json } from '../../../kernel/json.ts';
import { type Action, action, Connector, invalidInput } from '../connector.ts';
import { inTransaction } from './database.ts';
import { createTable, insert, parameterOf, type Row, select, type Selection, type TableSpec, upsert } from './sql.ts';

const NAME = { type: 'string', minLength: 1, maxLength: 127 };
const ROW = { type: 'object', minProperties: 1, maxProperties: 1000 };
const TARGET = {
  table: { ...NAME, description: 'TABLE or SCHEMA.TABLE.' },
  row: ROW,
  rows: { type: 'array', items: ROW, minItems: 1, maxItems: 10_000 },
};
const DATABASE = {
  database: {
    type: 'string',
    maxLength: 4096,
    description: 'postgres://... Default: $DATABASE_URL, else the server that comes with the engine.',
  },
};
const ONE_OF_ROWS = [{ required: ['row'] }, { required: ['rows'] }];
const ROWS = { type: 'array', items: { type: 'object' } };
const COUNT = { type: 'integer' };

const DEFAULT_ROWS = 1_000;
const ROW_LIMIT = 100_000;

interface Target {
  readonly database?: string;
  readonly table: string;
  readonly row?: Row;
  readonly rows?: readonly Row[];
}

interface Sql {
  readonly database?: string;
  readonly sql: string;
  readonly params?: readonly Json[];
}

export class PostgresConnector extends Connector {
  override readonly actions: Readonly<Record<string, Action>> = {
    createTable: action<TableSpec & { readonly database?: string }>({
      description: 'Makes a table unless it is there.',
      input: {
        type: 'object',
        properties: {
          ...DATABASE,
          table: TARGET.table,
          columns: { type: 'object', minProperties: 1, maxProperties: 1000, additionalProperties: { type: 'string' } },
          primaryKey: { type: 'array', items: NAME, minItems: 1, maxItems: 32 },
        },
        required: ['table', 'columns', 'primaryKey'],
        additionalProperties: false,
      },
      output: { type: 'object', properties: { table: { type: 'string' } }, required: ['table'] },
      run({ database, ...spec }, context) {
        return inTransaction(database, 'READ WRITE', context, async (transaction) => {
          // Two that make the same table at once: IF NOT EXISTS alone lets one of them fail.
          await transaction.run({ text: "SELECT pg_advisory_xact_lock(hashtext('oarlock.createTable'))", values: [] });
          await transaction.run(createTable(spec));
          return { table: spec.table };
        });
      },
    }),

    create: action<Target>({
      description: 'Inserts rows; a row whose key is there already is an error (UniqueViolation).',
      input: {
        type: 'object',
        properties: { ...DATABASE, ...TARGET },
        required: ['table'],
        oneOf: ONE_OF_ROWS,
        additionalProperties: false,
      },
      output: { type: 'object', properties: { rows: ROWS, inserted: COUNT }, required: ['rows', 'inserted'] },
      run({ database, table, ...given }, context) {
        return inTransaction(database, 'READ WRITE', context, async (transaction) => {
          const rows = [];
          for (const row of rowsOf(given)) rows.push(...(await transaction.run(insert(table, row))));
          context.log(`${table}: ${rows.length} inserted`);
          return { rows, inserted: rows.length };
        });
      },
    }),

    upsert: action<Target & { readonly key: readonly string[] }>({
      description: 'Inserts rows, or updates those whose key columns are there already.',
      input: {
        type: 'object',
        properties: { ...DATABASE, ...TARGET, key: { type: 'array', items: NAME, minItems: 1, maxItems: 32 } },
        required: ['table', 'key'],
        oneOf: ONE_OF_ROWS,
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { rows: ROWS, inserted: COUNT, updated: COUNT },
        required: ['rows', 'inserted', 'updated'],
      },
      run({ database, table, key, ...given }, context) {
        return inTransaction(database, 'READ WRITE', context, async (transaction) => {
          const rows = [];
          let inserted = 0;
          for (const row of rowsOf(given)) {
            for (const { _inserted, ...stored } of await transaction.run(upsert(table, key, row))) {
              rows.push(stored);
              if (_inserted === true) inserted += 1;
            }
          }
          context.log(`${table}: ${inserted} inserted, ${rows.length - inserted} updated`);
          return { rows, inserted, updated: rows.length - inserted };
        });
      },
    }),

    query: action<Partial<Selection> & Partial<Sql>>({
      description: 'Reads rows: of a table by equality, or by a SELECT with parameters $1, $2, ...',
      input: {
        type: 'object',
        properties: {
          ...DATABASE,
          table: TARGET.table,
          columns: { type: 'array', items: NAME, minItems: 1, maxItems: 1000 },
          where: { type: 'object', maxProperties: 100 },
          orderBy: { type: 'array', items: NAME, maxItems: 32, description: 'Columns; -NAME for falling order.' },
          limit: { type: 'integer', minimum: 1, maximum: ROW_LIMIT, default: DEFAULT_ROWS },
          sql: { type: 'string', minLength: 1, maxLength: 1_000_000 },
          params: { type: 'array', maxItems: 65_535 },
        },
        oneOf: [{ required: ['table'] }, { required: ['sql'] }],
        additionalProperties: false,
      },
      output: { type: 'object', properties: { rows: ROWS, count: COUNT }, required: ['rows', 'count'] },
      run({ database, table, sql, params = [], ...selection }, context) {
        return inTransaction(database, 'READ ONLY', context, async (transaction) => {
          const statement =
            table === undefined
              ? { text: sql ?? '', values: params.map(parameterOf) }
              : select({ limit: DEFAULT_ROWS, ...selection, table });
          const rows = await transaction.run(statement);
          if (rows.length > ROW_LIMIT)
            throw invalidInput(`query: expected at most ${ROW_LIMIT} rows, found ${rows.length}; add a LIMIT`);
          return { rows, count: rows.length };
        });
      },
    }),

    execute: action<Sql>({
      description: 'One statement that changes something, with parameters $1, $2, ...',
      input: {
        type: 'object',
        properties: {
          ...DATABASE,
          sql: { type: 'string', minLength: 1, maxLength: 1_000_000 },
          params: { type: 'array', maxItems: 65_535 },
        },
        required: ['sql'],
        additionalProperties: false,
      },
      output: { type: 'object', properties: { rows: ROWS }, required: ['rows'] },
      run({ database, sql, params = [] }, context) {
        return inTransaction(database, 'READ WRITE', context, async (transaction) => ({
          rows: await transaction.run({ text: sql, values: params.map(parameterOf) }),
        }));
      },
    }),
  };
}

function rowsOf({ row, rows }: Pick<Target, 'row' | 'rows'>): readonly Row[] {
  return rows ?? (row === undefined ? [] : [row]);
}
