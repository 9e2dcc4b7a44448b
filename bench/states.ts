// `npm run bench:states`: a state machine that goes round and round, as whole commands: how many inline transitions a second, each of them
// journaled, and whether the hundred thousandth costs what the first did.
//
// What is NOT measured: tasks that need a worker, JSONata (a thread away), data of any size.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure, median } from './measure.ts';

const MAIN = process.env['OARLOCK_MAIN'] ?? join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const ROUNDS = 3;
const SIZES = [1000, 10_000, 100_000];

/** Adds one and asks whether that was enough, so that a run of it has about `transitions` nodes. */
function machine(transitions: number): string {
  return JSON.stringify({
    StartAt: 'Add',
    States: {
      Add: { Type: 'Pass', Parameters: { 'n.$': 'States.MathAdd($.n, 1)' }, Next: 'More' },
      More: {
        Type: 'Choice',
        Choices: [{ Variable: '$.n', NumericLessThan: Math.floor(transitions / 2), Next: 'Add' }],
        Default: 'Done',
      },
      Done: { Type: 'Succeed' },
    },
  });
}

async function main(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'oarlock-bench-'));
  const rows: string[] = [];
  try {
    for (const size of SIZES) {
      const walls: number[] = [];
      const peaks: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const directory = mkdtempSync(join(base, 'round-'));
        writeFileSync(join(directory, 'machine.json'), machine(size));
        const command = [process.execPath, MAIN, '--state', join(directory, 'state'), 'run', 'machine.json'];
        const { wallMs, peakMiB } = await measure([...command, '--input', '{"n":0}'], directory);
        walls.push(wallMs);
        peaks.push(peakMiB);
        rmSync(directory, { recursive: true, force: true });
      }
      const wall = median(walls);
      const rate = Math.round(size / (wall / 1000)).toLocaleString('en');
      rows.push(
        `| ${size.toLocaleString('en')} | ${(wall / 1000).toFixed(2)} s | ${rate} | ${median(peaks).toFixed(0)} MiB |`,
      );
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  process.stdout.write('| transitions | whole command | a second | memory |\n|---|---|---|---|\n');
  process.stdout.write(`${rows.join('\n')}\n`);
}

await main();
