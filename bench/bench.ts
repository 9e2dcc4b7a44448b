// `npm run bench`: our workloads beside ninja and make in one run, as a table for the README.
//
// A round runs every command once, in turn, so that a machine that gets slower gets slower for all. The medians of the rounds are quoted.
// What is NOT measured: tasks that do anything, cold file caches, other machines.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measurement, measure, median } from './measure.ts';
import { asMakefile, asManifest, asNinja, chain, independent, layers, type Workload } from './workloads.ts';

const ROOT = join(import.meta.dirname, '..');
const MAIN = process.env['OARLOCK_MAIN'] ?? join(ROOT, 'dist', 'cli', 'main.js');
const ROUNDS = Number(process.env['OARLOCK_BENCH_ROUNDS'] ?? 5);
const SLOTS = 8;

interface Peer {
  readonly name: string;
  readonly command: (directory: string) => readonly string[];
}

const has = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

const PEERS: readonly Peer[] = [
  { name: 'ninja', command: () => ['ninja', `-j${SLOTS}`] },
  { name: 'make', command: () => ['make', '-s', `-j${SLOTS}`, 'all'] },
].filter(({ name }) => has(name));

const OURS: Peer = {
  name: 'oarlock',
  command: (directory) => [
    process.execPath,
    MAIN,
    '--state',
    join(directory, 'state'),
    'run',
    '--slots',
    String(SLOTS),
    join(directory, 'workflow.json'),
  ],
};

/** What is compared with the peers, and how the cost grows with the size of a run. */
const COMPARED = [independent(1000), layers(20, 50), chain(200), independent(1)];
const GROWTH = [
  independent(1000),
  independent(10_000),
  ...(process.argv.includes('--full') ? [independent(100_000)] : []),
];

async function main(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'oarlock-bench-'));
  try {
    const compared = await compare(base, COMPARED, [...PEERS, OURS], ROUNDS);
    const grown = await compare(base, GROWTH, [OURS], Math.min(ROUNDS, 3));
    const text = [comparison(compared), growth(grown)].join('\n\n');
    process.stdout.write(`${text}\n`);
    if (process.argv.includes('--write')) writeReadme(text);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

type Results = Map<Workload, Map<string, Measurement[]>>;

async function compare(
  base: string,
  workloads: readonly Workload[],
  peers: readonly Peer[],
  rounds: number,
): Promise<Results> {
  const results: Results = new Map(
    workloads.map((workload) => [workload, new Map(peers.map(({ name }) => [name, []]))]),
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const workload of workloads) {
      for (const peer of peers) {
        const directory = prepare(base, workload);
        process.stderr.write(`round ${round + 1} of ${rounds}: ${workload.name}: ${peer.name}\n`);
        results
          .get(workload)
          ?.get(peer.name)
          ?.push(await measure(peer.command(directory), directory));
      }
    }
  }
  return results;
}

/** A directory of its own, kept to the end: ext4 is slow to make files for minutes after many were removed. */
function prepare(base: string, workload: Workload): string {
  const directory = mkdtempSync(join(base, 'work-'));
  writeFileSync(join(directory, 'workflow.json'), asManifest(workload));
  writeFileSync(join(directory, 'build.ninja'), asNinja(workload));
  writeFileSync(join(directory, 'Makefile'), asMakefile(workload));
  return directory;
}

function comparison(results: Results): string {
  const names = [...PEERS, OURS].map(({ name }) => name);
  const header = ['whole command, median', ...names, ...PEERS.map(({ name }) => `ours / ${name}`)];
  const rows = [...results].map(([workload, byName]) => {
    const wall = (name: string): number => median((byName.get(name) ?? []).map(({ wallMs }) => wallMs));
    return [
      workload.name,
      ...names.map((name) => seconds(wall(name))),
      ...PEERS.map(({ name }) => (wall('oarlock') / wall(name)).toFixed(2)),
    ];
  });
  return [
    `${cpus().length} cores, Node ${process.version}, ${ROUNDS} rounds, ${SLOTS} at once, tasks are \`true\` through a shell.`,
    '',
    table(header, rows),
  ].join('\n');
}

function growth(results: Results): string {
  const rows = [...results].map(([{ tasks }, byName]) => {
    const runs = byName.get('oarlock') ?? [];
    const wall = median(runs.map(({ wallMs }) => wallMs));
    const cpu = median(runs.map(({ cpuMs }) => cpuMs));
    const peak = median(runs.map(({ peakMiB }) => peakMiB));
    return [
      String(tasks.length),
      seconds(wall),
      `${(wall / tasks.length).toFixed(2)} ms`,
      `${(cpu / tasks.length).toFixed(2)} ms`,
      `${peak.toFixed(0)} MiB`,
    ];
  });
  return table(['tasks in one run', 'whole command', 'wall a task', 'CPU a task (all processes)', 'peak memory'], rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function writeReadme(text: string): void {
  const path = join(ROOT, 'README.md');
  const readme = readFileSync(path, 'utf8');
  const marked = /<!-- benchmarks:start -->[\s\S]*<!-- benchmarks:end -->/;
  if (!marked.test(readme))
    throw new Error('README.md: expected <!-- benchmarks:start --> and <!-- benchmarks:end -->');
  writeFileSync(
    path,
    readme.replace(marked, () => `<!-- benchmarks:start -->\n${text}\n<!-- benchmarks:end -->`),
  );
}

await main();
