// The last lines of an attempt's log, for showing a failure.

import type { RunRef, Runs } from '../../store/store.ts';

const CHUNK_BYTES = 1024 * 1024;
const TAIL_LINES = 10;
const LINE_LIMIT = 400;

export async function readTail(runs: Runs, ref: RunRef, node: string, attempt: number): Promise<string[]> {
  let rest = new Uint8Array(0);
  for (let offset = 0; ; ) {
    const chunk = await runs.readLog(ref, node, attempt, offset, CHUNK_BYTES);
    if (chunk.length === 0) break;
    offset += chunk.length;
    // Two chunks hold the end, however the file is cut.
    rest = Buffer.concat([rest.subarray(-CHUNK_BYTES), chunk]);
  }
  return lastLines(Buffer.from(rest).toString('utf8'));
}

export function lastLines(text: string, lines = TAIL_LINES): string[] {
  const all = text.replace(/\n$/, '').split('\n');
  if (all.length === 1 && all[0] === '') return [];
  return all.slice(-lines).map((line) => (line.length > LINE_LIMIT ? `${line.slice(0, LINE_LIMIT)}…` : line));
}
