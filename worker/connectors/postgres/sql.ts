// Statements as text with parameters.
// Values are never part of the text; names are checked and quoted.

import { isObject, type Json, type JsonObject } from '../../../kernel/json.ts';
import { invalidInput } from '../connector.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const TYPES =
  /^(text|integer|bigint|boolean|date|timestamptz|jsonb|uuid|double precision|numeric(\(\d{1,3}(,\s?\d{1,3})?\))?)$/;

export type Row = Readonly<Record<string, Json>>;

/** Quoted, so that it keeps its case and may be a word of SQL. */
export function nameOf(name: string): string {
  if (!NAME.test(name))
    throw invalidInput(`name "${name.slice(0, 80)}": expected up to 63 letters, digits and _, the first no digit`);
  return `"${name}"`;
}

/** TABLE or SCHEMA.TABLE. */
export function tableOf(table: string): string {
  const parts = table.split('.');
  if (parts.length > 2) throw invalidInput(`table "${table.slice(0, 80)}": expected TABLE or SCHEMA.TABLE`);
  return parts.map(nameOf).join('.');
}

function namesOf(names: readonly string[]): string {
  return names.map(nameOf).join(', ');
}

export interface TableSpec {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly primaryKey: readonly string[];
}

export function createTable({ table, columns, primaryKey }: TableSpec): Statement {
  const stranger = primaryKey.find((name) => !Object.hasOwn(columns, name));
  if (stranger !== undefined) throw invalidInput(`primaryKey: expected names of columns, found "${stranger}"`);
  const lines = Object.entries(columns).map(([name, type]) => {
    if (!TYPES.test(type))
      throw invalidInput(
        `column ${name}: expected text, integer, bigint, boolean, date, timestamptz, jsonb, uuid, double precision, numeric or ` +
          `numeric(P,S), found "${type.slice(0, 80)}"`,
      );
    return `${nameOf(name)} ${type}`;
  });
  lines.push(`PRIMARY KEY (${namesOf(primaryKey)})`);
  return { text: `CREATE TABLE IF NOT EXISTS ${tableOf(table)} (${lines.join(', ')})`, values: [] };
}

export function insert(table: string, row: Row): Statement {
  return { text: `${insertText(table, row)} RETURNING *`, values: valuesOf(row) };
}

/** One row for a key, whatever was there before; `_inserted` says which of both happened. */
export function upsert(table: string, key: readonly string[], row: Row): Statement {
  const missing = key.find((name) => !Object.hasOwn(row, name) || row[name] === null);
  if (missing !== undefined) throw invalidInput(`row: expected a value for the key column ${missing}, found none`);
  const rest = Object.keys(row).filter((name) => !key.includes(name));
  // A row that is all key is set to itself: DO NOTHING would return no row.
  const changed = (rest.length === 0 ? key : rest).map((name) => `${nameOf(name)} = EXCLUDED.${nameOf(name)}`);
  const text =
    `${insertText(table, row)} ON CONFLICT (${namesOf(key)}) DO UPDATE SET ${changed.join(', ')} ` +
    'RETURNING *, (xmax = 0) AS _inserted';
  return { text, values: valuesOf(row) };
}

export interface Selection {
  readonly table: string;
  readonly columns?: readonly string[];
  readonly where?: Row;
  readonly orderBy?: readonly string[];
  readonly limit?: number;
}

/** Rows whose columns equal what `where` says; null is met by null. A name of `orderBy` with a minus is in falling order. */
export function select({ table, columns, where = {}, orderBy = [], limit }: Selection): Statement {
  const conditions = Object.keys(where).map((name, index) => `${nameOf(name)} IS NOT DISTINCT FROM $${index + 1}`);
  const order = orderBy.map((name) => (name.startsWith('-') ? `${nameOf(name.slice(1))} DESC` : nameOf(name)));
  const parts = [`SELECT ${columns === undefined ? '*' : namesOf(columns)} FROM ${tableOf(table)}`];
  if (conditions.length > 0) parts.push(`WHERE ${conditions.join(' AND ')}`);
  if (order.length > 0) parts.push(`ORDER BY ${order.join(', ')}`);
  if (limit !== undefined) parts.push(`LIMIT ${limit}`);
  return { text: parts.join(' '), values: valuesOf(where) };
}

function insertText(table: string, row: Row): string {
  const names = Object.keys(row);
  if (names.length === 0) throw invalidInput('row: expected at least one column, found none');
  const places = names.map((_name, index) => `$${index + 1}`);
  return `INSERT INTO ${tableOf(table)} (${namesOf(names)}) VALUES (${places.join(', ')})`;
}

function valuesOf(row: Row): unknown[] {
  return Object.values(row).map(parameterOf);
}

/** Lists and objects travel as JSON: a list as a Postgres array is nothing that JSON could have meant. */
export function parameterOf(value: Json): unknown {
  return Array.isArray(value) || isObject(value) ? JSON.stringify(value satisfies Json[] | JsonObject) : value;
}
