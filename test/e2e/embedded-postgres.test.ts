// The embedded server under processes that are killed: one server for all, none when nobody is left, the data kept.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { embeddedPostgres } from '../../store/postgres/embedded.ts';
import { until } from '../support/oarlock.ts';

const HOLDER = fileURLToPath(new URL('../support/embedded-holder.ts', import.meta.url));

let directory: string;
let children: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'oarlock-embedded-'));
  chmodSync(directory, 0o700);
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
  await until(
    () => servers(directory).length === 0,
    () => 'the server ends when its directory is gone',
  );
});

/** Pids of servers (not of their children) that run in the directory. */
function servers(root: string, pattern = /\/postgres -D data/): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isOurs = readlinkSync(`/proc/${name}/cwd`).startsWith(root);
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return isOurs && pattern.test(words) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function hold(stateDir: string): { child: ChildProcess; url: Promise<string> } {
  const child = spawn(process.execPath, ['--import', 'tsx', HOLDER, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const url = new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (bytes: Buffer) => resolve(JSON.parse(bytes.toString()) as string));
    child.once('exit', () => reject(new Error('the holder ended')));
  });
  return { child, url };
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('many that ask at once get one server, and it ends after the last of them was killed', async () => {
  const holders = [hold(directory), hold(directory), hold(directory), hold(directory)];
  const urls = await Promise.all(holders.map(({ url }) => url));
  expect(new Set(urls).size).toBe(1);
  expect(servers(directory)).toHaveLength(1);
  expect(await query(urls[0] ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  for (const { child } of holders) child.kill('SIGKILL');
  await until(
    () => servers(directory).length === 0 && servers(directory, /oarlock-postgres/).length === 0,
    () => 'server and keeper have ended',
  );
});

test('a server that was killed is started again by the next who asks, with its data', async () => {
  const first = await embeddedPostgres(directory);
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  for (const pid of servers(directory)) process.kill(pid, 'SIGKILL');
  const second = await embeddedPostgres(directory);
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  first.release();
  second.release();
});

test('a server does not outlive its keeper', async () => {
  const server = await embeddedPostgres(directory);
  for (const pid of servers(directory, /oarlock-postgres/)) process.kill(pid, 'SIGKILL');
  await until(
    () => servers(directory).length === 0,
    () => 'the server has ended',
  );
  server.release();
});

test('a state directory with a path longer than the name of a socket may be', async () => {
  const deep = join(directory, 'd'.repeat(100));
  mkdirSync(deep, { mode: 0o700 });
  const server = await embeddedPostgres(deep);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  server.release();
});
