// Whole commands, from start to exit: wall time, CPU of the command and all its children, peak memory of the command itself.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measurement {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
}

const POLL_MS = 20;

/** Throws when the command does not exit with 0. `times` of the shell counts CPU of everything that was waited for. */
export async function measure(argv: readonly string[], cwd: string): Promise<Measurement> {
  const started = process.hrtime.bigint();
  const child = spawn('/bin/sh', ['-c', '"$@" >&2; code=$?; times; exit $code', 'sh', ...argv], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  let peakMiB = 0;
  const poll = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakOf(child.pid));
  }, POLL_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(poll);
  const wallMs = Number(process.hrtime.bigint() - started) / 1e6;
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}`);
  return { wallMs, cpuMs: cpuOf(output), peakMiB };
}

/** The second line of `times`: user and system time of the children, as `0m1.234000s 0m0.1s`. */
function cpuOf(times: string): number {
  const parts = [...(times.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0);
}

/** VmHWM of the only child of the measuring shell. */
function peakOf(shell: number | undefined): number {
  try {
    const [pid] = readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim().split(' ');
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(peak ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
