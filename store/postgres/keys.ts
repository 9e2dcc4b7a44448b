// Keys of the API and its address, on tables: every machine of the engine signs and checks with the same ones.

import { hostname } from 'node:os';
import type { Endpoint, Keys } from '../store.ts';
import type { Database } from './database.ts';
import { textOf } from './statements.ts';

export class PostgresKeys implements Keys {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async names(): Promise<string[]> {
    return (await this.#database.read('SELECT name FROM keys ORDER BY name')).map(({ name }) => textOf(name));
  }

  async read(name: string): Promise<string | null> {
    const [row] = await this.#database.read('SELECT text FROM keys WHERE name = $1', [name]);
    return row === undefined ? null : textOf(row['text']);
  }

  async create(name: string, text: string): Promise<boolean> {
    return this.#database.transaction(async (query) => {
      const rows = await query('INSERT INTO keys (name, text) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING name', [
        name,
        text,
      ]);
      return rows.length > 0;
    });
  }

  async replace(name: string, text: string): Promise<void> {
    await this.#database.read(
      'INSERT INTO keys (name, text) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text',
      [name, text],
    );
  }

  async remove(name: string): Promise<void> {
    await this.#database.read('DELETE FROM keys WHERE name = $1', [name]);
  }

  /** That of this machine, else the newest of another. */
  async endpoint(): Promise<Endpoint | null> {
    const [row] = await this.#database.read(
      'SELECT url, tls_url, pid FROM endpoints ORDER BY host = $1 DESC, since DESC LIMIT 1',
      [hostname()],
    );
    if (row === undefined) return null;
    const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    return { url: text(row['url']), tlsUrl: text(row['tls_url']), pid: Number(row['pid']) };
  }

  async setEndpoint({ url, tlsUrl, pid }: Endpoint): Promise<void> {
    await this.#database.read(
      `INSERT INTO endpoints (host, pid, url, tls_url) VALUES ($1, $2, $3, $4)
        ON CONFLICT (host) DO UPDATE SET pid = excluded.pid, url = excluded.url, tls_url = excluded.tls_url, since = now()`,
      [hostname(), pid, url, tlsUrl],
    );
  }

  async clearEndpoint(pid: number): Promise<void> {
    await this.#database.read('DELETE FROM endpoints WHERE host = $1 AND pid = $2', [hostname(), pid]);
  }
}
