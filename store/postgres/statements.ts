// Statements that several parts of the store make, and what reads their rows.

import type { Query, Row } from './database.ts';

/** A column of type text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The statement that hints whoever waits for `topic`, once its transaction is through. */
export const TELL = 'SELECT pg_notify(current_schema(), topic) FROM unnest($1::text[]) AS topic';

/** Locks the counter until the end of the transaction. */
export async function nextRevision(query: Query): Promise<number> {
  const [row] = await query('UPDATE counter SET revision = revision + 1 RETURNING revision');
  return Number(row?.['revision']);
}

/** Nobody has taken it. */
export const STANDS_AS_OFFER = '(offer IS NOT NULL AND claim IS NULL AND NOT is_withdrawn AND outcome IS NULL)';

/** Bytes `from` to `to` of what the chunks hold, which follow one another. */
export function cutOut(rows: readonly Row[], from: number, to: number): Uint8Array {
  const parts = rows.map(({ start, bytes }) => {
    const at = Number(start);
    return (bytes as Buffer).subarray(Math.max(0, from - at), Math.max(0, to - at));
  });
  return Uint8Array.from(Buffer.concat(parts));
}

export async function removeRun(query: Query, uid: string): Promise<void> {
  for (const table of ['runs', 'events', 'transitions', 'logs'])
    await query(`DELETE FROM ${table} WHERE uid = $1`, [uid]);
}
