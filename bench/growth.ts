// `npm run bench:growth`: a Python task that adds nodes while it runs, as whole commands: one by one (each waits for its answer), side by side with
// asyncio, and all in one change. Every change is checked, journaled and answered; what is added ends at once.
//
// What is NOT measured: what added tasks would do, promises other than that only such nodes come.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure, median } from './measure.ts';

const MAIN = process.env['OARLOCK_MAIN'] ?? join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const ROUNDS = Number(process.env['OARLOCK_BENCH_ROUNDS'] ?? 3);
const SIZES = [1000, 3000, 10_000];

const SCRIPT = `
import asyncio, oarlock
n, way = oarlock.input["n"], oarlock.input["way"]
async def side_by_side():
    await asyncio.gather(*[oarlock.aio.add("M", id=f"m{i}") for i in range(n)])
if way == "one by one":
    for i in range(n):
        oarlock.add("M", id=f"m{i}")
elif way == "asyncio":
    asyncio.run(side_by_side())
else:
    with oarlock.change() as change:
        for i in range(n):
            change.add("M", id=f"m{i}")
`;

const WORKFLOW = JSON.stringify({
  id: 'growth',
  tasks: [{ id: 'A', python: { code: SCRIPT } }],
  templates: [{ id: 'M', mock: {} }],
  promises: [{ only: { nodes: [{ task: 'M' }] } }],
});

async function main(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'oarlock-bench-'));
  process.stdout.write('| way | nodes | whole command | a node | memory |\n|---|---|---|---|---|\n');
  try {
    for (const way of ['one by one', 'asyncio', 'one change']) {
      for (const n of SIZES) process.stdout.write(`${await row(base, way, n)}\n`);
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

async function row(base: string, way: string, n: number): Promise<string> {
  const walls: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const directory = mkdtempSync(join(base, 'round-'));
    writeFileSync(join(directory, 'growth.json'), WORKFLOW);
    const command = [process.execPath, MAIN, '--state', join(directory, 'state'), 'run', 'growth.json'];
    const { wallMs, peakMiB } = await measure([...command, '--input', JSON.stringify({ n, way })], directory);
    walls.push(wallMs);
    peaks.push(peakMiB);
    rmSync(directory, { recursive: true, force: true });
  }
  const wall = median(walls);
  const each = (wall / n).toFixed(2);
  return `| ${way} | ${n.toLocaleString('en')} | ${(wall / 1000).toFixed(2)} s | ${each} ms | ${median(peaks).toFixed(0)} MiB |`;
}

await main();
