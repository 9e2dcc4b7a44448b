// Load on the API: requests a second and p99 for get, list of 500 and create, beside a bare Koa handler in the same run, and what it
// takes to tell 1,000 watchers of one change. Server and client are processes of their own, so two cores serve the pair.
//
//   npm run build && npx tsx bench/api.ts [seconds each] [--write]      (--write puts the table into README.md)

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openKeys, openStore } from '../store/open.ts';
import { KeyRing } from '../api/keys.ts';
import { issueToken } from '../api/tokens.ts';
import { createRandom } from '../runtime/random.ts';

const SECONDS = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 5);
const CONNECTIONS = 16;
const WATCHERS = 1_000;
const CHANGES = 20;
const MAIN = process.env['OARLOCK_MAIN'] ?? join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const WORKFLOWS = '/apis/oarlock.dev/v1/workflows';

/** The least that a Koa server can do with the same body: no token, no store. */
const BARE = `
import Koa from 'koa';
const body = JSON.parse(process.argv[1]);
const app = new Koa();
app.use((ctx) => { ctx.body = body; });
app.listen(0, '127.0.0.1', function () { console.log(this.address().port); });
`;

interface Shot {
  readonly method: string;
  readonly path: string;
  readonly body?: () => string;
}

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

async function load(port: number, token: string, shot: Shot): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const begun = performance.now();
      await send(port, token, agent, shot);
      times.push(performance.now() - begun);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const took = (performance.now() - begun) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { perSecond: times.length / took, p50: at(0.5), p99: at(0.99) };
}

function send(port: number, token: string, agent: Agent, { method, path, body }: Shot): Promise<void> {
  const text = body?.();
  const headers: { [name: string]: string | number } = { Authorization: `Bearer ${token}` };
  if (text !== undefined)
    Object.assign(headers, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  return new Promise((resolve, reject) => {
    const sending = request({ host: '127.0.0.1', port, method, path, headers, agent }, (response) => {
      response.resume();
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) resolve();
        else reject(new Error(`${method} ${path}: ${response.statusCode ?? 0}`));
      });
    });
    sending.on('error', reject);
    sending.end(text);
  });
}

async function portOf(child: ChildProcess): Promise<number> {
  for await (const chunk of child.stdout ?? []) return Number(String(chunk).trim());
  throw new Error('the bare server did not start');
}

function workflow(name: string): object {
  const tasks = Array.from({ length: 5 }, (_, index) => ({ id: `t${index}`, command: 'true' }));
  return { apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name }, spec: { tasks } };
}

/** Time from the answer of a change to its arrival at every one of the watchers. */
async function watchers(port: number, token: string, pid: number): Promise<{ ms: number[]; rssMb: number }> {
  const begun = new Map<string, number>();
  const arrived = new Map<string, number>();
  const done = new Map<string, () => void>();
  const open = Array.from({ length: WATCHERS }, () => {
    const options = {
      host: '127.0.0.1',
      port,
      path: `${WORKFLOWS}?watch=true&resourceVersion=0&labelSelector=watched`,
      agent: false as const,
    };
    return new Promise<ReturnType<typeof request>>((resolve, reject) => {
      const sending = request({ ...options, headers: { Authorization: `Bearer ${token}` } }, (response) => {
        response.setEncoding('utf8').on('data', (chunk: string) => {
          for (const line of chunk.split('\n')) {
            const name = /"name":"(w-\d+)"/.exec(line)?.[1];
            if (name === undefined) continue;
            const count = (arrived.get(name) ?? 0) + 1;
            arrived.set(name, count);
            if (count === WATCHERS) done.get(name)?.();
          }
        });
        response.on('error', () => undefined);
        resolve(sending);
      });
      sending.on('error', reject);
      sending.end();
    });
  });
  const requests = await Promise.all(open);
  const agent = new Agent({ keepAlive: true });
  const ms: number[] = [];
  for (let index = 0; index < CHANGES; index += 1) {
    const name = `w-${index}`;
    const all = new Promise<void>((resolve) => void done.set(name, resolve));
    begun.set(name, performance.now());
    const body = { ...workflow(name), metadata: { name, labels: { watched: 'yes' } } };
    await send(port, token, agent, { method: 'POST', path: WORKFLOWS, body: () => JSON.stringify(body) });
    await all;
    ms.push(performance.now() - (begun.get(name) ?? 0));
  }
  const rssMb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  for (const sending of requests) sending.on('error', () => undefined).destroy();
  agent.destroy();
  return { ms: ms.sort((a, b) => a - b), rssMb };
}

async function main(): Promise<void> {
  statSync(MAIN);
  const root = mkdtempSync(join(tmpdir(), 'oarlock-bench-'));
  const store = await openStore(`file:${root}`);
  for (let index = 0; index < 500; index += 1)
    await store.resources.create(workflow(`wf-${String(index).padStart(3, '0')}`) as never);
  const keys = await openKeys(`file:${root}`);
  const { clock } = store;
  const random = createRandom();
  const { token } = await issueToken(new KeyRing({ keys, clock, random }), clock, random, {
    subject: 'bench',
    lifeSeconds: 3600,
  });
  const sample = JSON.stringify(await store.resources.get('Workflow', 'wf-000'));
  await store.close();
  const api = spawn(process.execPath, [MAIN, 'api', '--port', '0', '--state', root], {
    stdio: 'ignore',
  });
  const bare = spawn(process.execPath, ['--input-type=module', '-e', BARE, sample], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const barePort = await portOf(bare);
    let endpoint = await keys.endpoint();
    for (const until = performance.now() + 10_000; endpoint === null && performance.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      endpoint = await keys.endpoint();
    }
    const port = Number(new URL(endpoint?.url ?? '').port);
    let made = 0;
    const rows: [string, number, Shot][] = [
      ['bare Koa, same body', barePort, { method: 'GET', path: '/' }],
      ['get', port, { method: 'GET', path: `${WORKFLOWS}/wf-250` }],
      ['list of 500', port, { method: 'GET', path: `${WORKFLOWS}?limit=500` }],
      ['create', port, { method: 'POST', path: WORKFLOWS, body: () => JSON.stringify(workflow(`new-${(made += 1)}`)) }],
      ['bare Koa again', barePort, { method: 'GET', path: '/' }],
    ];
    const lines = ['| 16 connections | requests a second | p50 | p99 |', '| --- | --- | --- | --- |'];
    for (const [name, at, shot] of rows) {
      const { perSecond, p50, p99 } = await load(at, token, shot);
      lines.push(`| ${name} | ${perSecond.toFixed(0)} | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms |`);
      process.stderr.write(`${lines.at(-1) ?? ''}\n`);
    }
    const { ms, rssMb } = await watchers(port, token, api.pid ?? 0);
    const median = ms[Math.floor(ms.length / 2)] ?? 0;
    lines.push(
      '',
      `${WATCHERS} watchers of one collection: all of them know of a new object ${median.toFixed(0)} ms after its POST began (median of ` +
        `${CHANGES}, longest ${(ms.at(-1) ?? 0).toFixed(0)} ms); ${rssMb.toFixed(0)} MB.`,
    );
    process.stdout.write(`${lines.join('\n')}\n`);
    if (process.argv.includes('--write')) writeReadme(lines.join('\n'));
  } finally {
    api.kill();
    bare.kill();
    rmSync(root, { recursive: true, force: true });
  }
}

function writeReadme(text: string): void {
  const path = join(import.meta.dirname, '..', 'README.md');
  const readme = readFileSync(path, 'utf8');
  const marked = /<!-- api-benchmarks:start -->[\s\S]*<!-- api-benchmarks:end -->/;
  if (!marked.test(readme))
    throw new Error('README.md: expected the marks api-benchmarks:start and api-benchmarks:end');
  const table = `<!-- api-benchmarks:start -->\n${text}\n<!-- api-benchmarks:end -->`;
  writeFileSync(
    path,
    readme.replace(marked, () => table),
  );
}

await main();
