// `npm run bench:postgres`: whole commands on the Postgres store, beside the same on files and beside DBOS on the same server, in one run.
//
// The server is npm's embedded one, kept up for all of them. DBOS is installed into a temporary directory for as long as this takes; without
// a network it is left out. Its program is one workflow of steps that each start `sh -c true`, eight at a time, with the same dependencies.
// What is NOT measured: several machines, a server that is far away, tasks that do anything.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedPostgres } from '../store/postgres/embedded.ts';
import { measure, median } from './measure.ts';
import { asManifest, chain, independent, layers, type Workload } from './workloads.ts';

const ROOT = join(import.meta.dirname, '..');
const MAIN = process.env['OARLOCK_MAIN'] ?? join(ROOT, 'dist', 'cli', 'main.js');
const ROUNDS = Number(process.env['OARLOCK_BENCH_ROUNDS'] ?? 3);
const SLOTS = 8;

const DBOS_PROGRAM = `
import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
const tasks = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// Its own reading of addresses knows no sockets.
const systemDatabasePool = new pg.Pool({ connectionString: process.argv[3], max: 10 });
const systemDatabaseUrl = 'postgresql://oarlock@localhost/postgres';
DBOS.setConfig({ name: 'bench', systemDatabaseUrl, systemDatabasePool, logLevel: 'error', runAdminServer: false });
const run = () => new Promise((resolve, reject) => {
  spawn('sh', ['-c', 'true'], { stdio: 'ignore' }).on('exit', (code) => (code === 0 ? resolve(code) : reject(new Error('failed'))));
});
const workflow = DBOS.registerWorkflow(async () => {
  const open = new Map(tasks.map(({ id, dependencies }) => [id, dependencies.length]));
  const followers = new Map(tasks.map(({ id }) => [id, []]));
  for (const { id, dependencies } of tasks) for (const before of dependencies) followers.get(before).push(id);
  const ready = tasks.filter(({ dependencies }) => dependencies.length === 0).map(({ id }) => id);
  const running = new Set();
  while (ready.length > 0 || running.size > 0) {
    while (ready.length > 0 && running.size < ${SLOTS}) {
      const id = ready.shift();
      const step = DBOS.runStep(run, { name: id }).then(() => {
        running.delete(step);
        for (const next of followers.get(id)) {
          open.set(next, open.get(next) - 1);
          if (open.get(next) === 0) ready.push(next);
        }
      });
      running.add(step);
    }
    await Promise.race(running);
  }
}, { name: 'bench' });
await DBOS.launch();
await workflow();
await DBOS.shutdown();
process.exit(0);
`;

interface Peer {
  readonly name: string;
  readonly command: (directory: string) => readonly string[];
}

function oarlock(name: string, store: string, stateDir: string): Peer {
  return {
    name,
    command: (directory) => {
      const place = store === '' ? join(directory, 'state') : stateDir;
      const options = store === '' ? [] : ['--store', store];
      const file = join(directory, 'workflow.json');
      return [process.execPath, MAIN, '--state', place, ...options, 'run', '--slots', String(SLOTS), file];
    },
  };
}

/** Null, with a line that says why, when it cannot be had. */
function dbos(base: string, url: string): Peer | null {
  const directory = join(base, 'dbos');
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{"type": "module", "private": true}');
  writeFileSync(join(directory, 'bench.mjs'), DBOS_PROGRAM);
  const words = ['install', '@dbos-inc/dbos-sdk', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  const installed = spawnSync('npm', words, { cwd: directory, stdio: 'ignore', timeout: 120_000 });
  if (installed.status !== 0) {
    process.stderr.write('DBOS is left out: npm cannot install it here\n');
    return null;
  }
  const program = join(directory, 'bench.mjs');
  return { name: 'DBOS', command: (work) => [process.execPath, program, join(work, 'tasks.json'), url] };
}

async function main(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'oarlock-bench-pg-'));
  const stateDir = join(base, 'state');
  mkdirSync(stateDir, { mode: 0o700 });
  const server = await embeddedPostgres(stateDir);
  try {
    const peer = dbos(base, server.url);
    const peers = [
      oarlock('on files', '', ''),
      oarlock('on Postgres', 'embedded-postgres', stateDir),
      ...(peer === null ? [] : [peer]),
    ];
    const print = (cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`);
    const header = ['whole command, median', ...peers.map(({ name }) => name)];
    print(header);
    print(header.map(() => '---'));
    for (const workload of [independent(1), chain(200), layers(20, 50), independent(1000)]) {
      print(await compare(base, workload, peers));
    }
  } finally {
    server.release();
    rmSync(base, { recursive: true, force: true });
  }
}

async function compare(base: string, workload: Workload, peers: readonly Peer[]): Promise<string[]> {
  const times = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const peer of peers) {
      const directory = mkdtempSync(join(base, 'work-'));
      writeFileSync(join(directory, 'workflow.json'), asManifest(workload));
      writeFileSync(join(directory, 'tasks.json'), JSON.stringify(workload.tasks));
      process.stderr.write(`round ${round + 1} of ${ROUNDS}: ${workload.name}: ${peer.name}\n`);
      times.get(peer.name)?.push((await measure(peer.command(directory), directory)).wallMs);
    }
  }
  return [workload.name, ...peers.map(({ name }) => `${(median(times.get(name) ?? []) / 1000).toFixed(2)} s`)];
}

await main();
