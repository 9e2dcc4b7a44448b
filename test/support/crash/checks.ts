// What must hold after any crash, checked on three witnesses that do not know each other: the oracle of the workflow (flows.ts), the ledger
// that tasks wrote (ledger.ts), and the engine's journals and status files, read here as the plain files that they are.
//
// I1  every run ends, each node as the oracle says.          I2  one end for each fence that ran, and no run without one.
// I3  one success a node, and nothing of it starts after it.  I4  no two live copies: no start while an earlier attempt lives.
// I5  failures within the retries, losses within their cap.   I6  a start comes after the ends of all predecessors.
// I7  what has ended stays as it is.                           I10 epochs of a journal never go back, sequence numbers have no gap.

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlannedNode, PlannedRun } from './flows.ts';
import type { Entry, Ledger } from './ledger.ts';

export interface Line {
  readonly seq: number;
  readonly epoch: number;
  readonly type: string;
  readonly node?: string;
  readonly attempt?: number;
  readonly fence?: string;
  readonly worker?: string;
  readonly phase?: string;
  readonly nodes?: readonly string[];
  readonly outcome?: { readonly result: string; readonly reason?: string };
}

/** Losses that a node survives (the design's cap), and the one that would have been too many. */
const LOSSES = 10;

/** Null when there is no regular file: tests put other things in its place, and a pipe would be read for ever. */
export function readText(path: string): string | null {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path, 'utf8') : null;
}

/** Directory of a run under state/runs, or null. The uid in it is made up by the engine, so the name decides. */
export function runDirectory(state: string, run: string): string | null {
  try {
    const found = readdirSync(join(state, 'runs')).find((name) => name.slice(0, name.lastIndexOf('.')) === run);
    return found === undefined ? null : join(state, 'runs', found);
  } catch {
    return null;
  }
}

export function readJournal(state: string, run: string): Line[] {
  const directory = runDirectory(state, run);
  if (directory === null) return [];
  const text = readText(join(directory, 'journal.ndjson')) ?? '';
  // While a run goes on, what stands behind the last newline is on its way.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** What is published of a run: null while there is nothing. */
export function readStatus(
  state: string,
  run: string,
): { readonly phase: string; readonly completionTime?: string } | null {
  const directory = runDirectory(state, run);
  if (directory === null) return null;
  try {
    return JSON.parse(readText(join(directory, 'status.json')) ?? '') as { phase: string };
  } catch {
    return null;
  }
}

export function isOver(state: string, run: string): boolean {
  return ['Succeeded', 'Failed', 'Cancelled'].includes(readStatus(state, run)?.phase ?? '');
}

/** Every violation in a run that has ended, as a sentence that begins with its invariant. */
export function violations(state: string, ledger: Ledger, plan: PlannedRun): string[] {
  const phase = readStatus(state, plan.name)?.phase ?? 'nothing';
  return violationsOf(plan, phase, readJournal(state, plan.name), ledger.read(plan.name));
}

/** The same for a run whose status and journal were read elsewhere. */
export function violationsOf(
  plan: PlannedRun,
  phase: string,
  journal: readonly Line[],
  entries: readonly Entry[],
): string[] {
  const say = (text: string): string => `${text} (run ${plan.name})`;
  if (phase !== plan.phase) return [say(`I1 the run is ${phase}, expected ${plan.phase}`)];
  return [
    ...journalOrder(journal),
    ...endOfRun(journal, plan),
    ...entries.filter(({ word }) => word === 'overlap').map((entry) => `I4 ${entry.node} started beside ${entry.rest}`),
    ...plan.nodes.flatMap((node) => nodeViolations(node, journal, entries)),
    ...strangers(plan, entries),
  ].map(say);
}

function journalOrder(journal: readonly Line[]): string[] {
  return journal.flatMap(({ seq, epoch }, index) => {
    const before = journal[index - 1];
    if (before === undefined) return seq === 1 ? [] : [`I10 the journal begins with line ${seq}`];
    if (seq !== before.seq + 1) return [`I10 line ${seq} follows line ${before.seq}`];
    return epoch >= before.epoch ? [] : [`I10 epoch ${epoch} follows epoch ${before.epoch} in line ${seq}`];
  });
}

function endOfRun(journal: readonly Line[], plan: PlannedRun): string[] {
  const ends = journal.filter(({ type }) => type === 'RunEnded');
  if (ends.length !== 1) return [`I2 the run ended ${ends.length} times`];
  if (ends[0]?.phase !== plan.phase) return [`I7 the journal says ${ends[0]?.phase}, the status ${plan.phase}`];
  return journal.at(-1)?.type === 'RunEnded' ? [] : ['I7 something is journaled after the end of the run'];
}

function strangers(plan: PlannedRun, entries: readonly Entry[]): string[] {
  const known = new Set(plan.nodes.map(({ id }) => id));
  return entries.filter(({ node }) => !known.has(node)).map(({ node }) => `I1 found work of a node "${node}"`);
}

function nodeViolations(plan: PlannedNode, journal: readonly Line[], all: readonly Entry[]): string[] {
  const lines = journal.filter(({ node }) => node === plan.id);
  const entries = all.filter(({ node }) => node === plan.id);
  return [
    ...ends(plan, lines, journal),
    ...decisions(plan, lines, entries),
    ...limits(plan, lines, entries),
    ...order(plan, all),
  ];
}

function ends(plan: PlannedNode, lines: readonly Line[], journal: readonly Line[]): string[] {
  const last = lines.filter(({ type }) => type === 'Ended').at(-1)?.outcome?.result;
  const isSkipped = journal.some(({ type, nodes }) => type === 'Skipped' && nodes?.includes(plan.id) === true);
  const found = isSkipped ? 'SKIPPED' : last === 'Success' ? 'SUCCESS' : last === undefined ? 'nothing' : 'FAILED';
  return found === plan.ends ? [] : [`I1 ${plan.id} ended as ${found}, expected ${plan.ends}`];
}

/** Journal and ledger side by side, fence by fence. */
function decisions(plan: PlannedNode, lines: readonly Line[], entries: readonly Entry[]): string[] {
  const found: string[] = [];
  const offered = new Set(lines.filter(({ type }) => type === 'Offered').map(({ fence }) => fence));
  const withdrawn = new Set(lines.filter(({ type }) => type === 'Withdrawn').map(({ fence }) => fence));
  const outcomes = new Map<string, string>();
  const details = new Map<string, string>();
  for (const { type, fence = '', outcome } of lines) {
    if (type !== 'Ended') continue;
    if (outcomes.has(fence)) found.push(`I2 ${plan.id}: ${fence} ended twice`);
    outcomes.set(fence, outcome?.result ?? 'nothing');
    details.set(fence, JSON.stringify(outcome));
  }
  const successes = [...outcomes].filter(([, result]) => result === 'Success');
  if (successes.length > 1) found.push(`I3 ${plan.id} succeeded ${successes.length} times`);
  const starts = entries.filter(({ word }) => word === 'start');
  for (const { fence } of starts) {
    if (withdrawn.has(fence)) found.push(`I2 ${plan.id}: ${fence} was withdrawn, and ran`);
    else if (!offered.has(fence)) found.push(`I2 ${plan.id}: ${fence} ran, and was never offered`);
    else if (!outcomes.has(fence)) found.push(`I2 ${plan.id}: ${fence} ran, and its end is not journaled`);
  }
  if (new Set(starts.map(({ fence }) => fence)).size !== starts.length) found.push(`I3 ${plan.id}: a fence ran twice`);
  const success = successes[0]?.[0];
  if (success !== undefined && starts.at(-1)?.fence !== success)
    found.push(`I3 ${plan.id} succeeded under ${success}, and ran under ${starts.at(-1)?.fence}`);
  for (const [fence, result] of outcomes) {
    const said = entries.filter((entry) => entry.word === 'end' && entry.fence === fence).map(({ rest }) => rest);
    if (said.length > 1) found.push(`I2 ${plan.id}: ${fence} came to its end twice`);
    if (result === 'Success' && said[0] !== 'ok') found.push(`I2 ${plan.id}: ${fence} succeeded, and never said so`);
    if (result === 'Failure' && said[0] !== 'fail' && !plan.mayBeKilled)
      found.push(`I2 ${plan.id}: ${fence} said ${said[0] ?? 'nothing'}, and ended as ${details.get(fence)}`);
  }
  return found;
}

function limits(plan: PlannedNode, lines: readonly Line[], entries: readonly Entry[]): string[] {
  const found: string[] = [];
  const results = lines.filter(({ type }) => type === 'Ended').map(({ outcome }) => outcome?.result);
  const losses = results.filter((result) => result === 'Lost').length;
  const failures = results.filter((result) => result === 'Failure' || result === 'Stopped').length;
  if (failures > plan.retries + 1) found.push(`I5 ${plan.id} failed ${failures} times with ${plan.retries} retries`);
  if (plan.ends === 'FAILED' && failures !== plan.retries + 1)
    found.push(`I5 ${plan.id} failed after ${failures} failures, expected ${plan.retries + 1}`);
  if (losses > LOSSES) found.push(`I5 ${plan.id} was lost ${losses} times`);
  const starts = entries.filter(({ word }) => word === 'start');
  starts.forEach(({ fence, attempt }, index) => {
    const before = starts[index - 1];
    if (before !== undefined && (fence <= before.fence || attempt <= before.attempt))
      found.push(
        `I13 ${plan.id}: attempt ${attempt} (${fence}) came after attempt ${before.attempt} (${before.fence})`,
      );
  });
  return found;
}

/** I4 by the lines alone, and I6. */
function order(plan: PlannedNode, all: readonly Entry[]): string[] {
  const found: string[] = [];
  const well = new Set<string>();
  let running: string | null = null;
  for (const { word, node, fence, rest } of all) {
    if (word === 'end' && rest === 'ok') well.add(node);
    if (node !== plan.id) continue;
    if (word === 'start') {
      running = fence;
      for (const before of plan.dependencies)
        if (!well.has(before)) found.push(`I6 ${plan.id} started before ${before} had ended well`);
    } else if (word === 'end' && fence !== running) found.push(`I4 ${plan.id}: ${fence} ended while ${running} ran`);
  }
  return found;
}
