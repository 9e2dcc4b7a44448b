// The sentences about a run that all views share: a transition, a failure, the end, and what is worth to be tried then.
//
// Does not own: when they are said (lines.ts, live.ts), nor what happened (kernel/history.ts).

import type { Transition } from '../../kernel/history.ts';
import { NODE_STATES, type Node, type NodeState } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import { phaseOf } from '../../kernel/status.ts';
import { type Colors, statePaint } from '../output/colors.ts';
import { clean, count, padEnd } from '../output/text.ts';
import { clockTime, duration } from '../output/time.ts';

/** When the newest attempt of each node began, so that its end can say how long it took. */
export class AttemptTimes {
  readonly #startedAt = new Map<string, number>();

  /** How long the attempt took that ends with this change; null when none ends. Remembers the one that begins. */
  see(change: Transition): number | null {
    if (change.node === null || isUnderWay(change.from) === isUnderWay(change.to)) return null;
    if (isUnderWay(change.to)) {
      this.#startedAt.set(change.node, change.at);
      return null;
    }
    const startedAt = this.#startedAt.get(change.node);
    this.#startedAt.delete(change.node);
    return startedAt === undefined ? null : change.at - startedAt;
  }

  startedAt(node: string): number | null {
    return this.#startedAt.get(node) ?? null;
  }
}

function isUnderWay(state: string): boolean {
  return state === 'RUNNING' || state === 'WAITING';
}

/** `12:00:01 B  PENDING → RUNNING (attempt 1, worker w1)`. */
export function changeLine(change: Transition, tookMs: number | null, idWidth: number, colors: Colors): string {
  const time = colors.dim(clockTime(change.at));
  const note = clean(change.note);
  if (change.node === null) return `${time} ${padEnd('run', idWidth)}  ${runChange(change, note, colors)}`;
  const id = padEnd(clean(change.node), idWidth);
  const to = statePaint(colors, change.to)(change.to);
  if (change.from === change.to) return `${time} ${id}  ${to}, ${note}`;
  const arrow = change.from === '' ? '' : `${change.from} → `;
  const isFailure = change.to === 'FAILED' || change.to === 'RETRYING';
  const took = tookMs === null ? '' : ` (${duration(tookMs)})`;
  const told = note === '' ? '' : isFailure ? `: ${note}` : ` (${note})`;
  return `${time} ${id}  ${arrow}${to}${took}${told}`;
}

function runChange(change: Transition, note: string, colors: Colors): string {
  const phase = statePaint(colors, change.to)(change.to);
  const arrow = change.from === '' || change.from === change.to ? phase : `${change.from} → ${phase}`;
  return `${arrow}${note === '' ? '' : `: ${note}`}`;
}

/** `3 SUCCESS, 1 FAILED`, without the zeros. */
export function countsText(counts: { readonly [state in NodeState]: number }): string {
  return NODE_STATES.filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`)
    .join(', ');
}

/** The end of a run in a few lines: how, how long, how many, and what to do next. */
export function endLines(run: Run, colors: Colors): string[] {
  const phase = phaseOf(run);
  const took = duration((run.end?.at ?? run.updatedAt) - run.startedAt);
  const message = run.end === null || phase === 'Succeeded' ? '' : `: ${clean(run.end.message)}`;
  const lines = [
    `${colors.bold(run.name)} ${statePaint(colors, phase)(phase)} in ${took}${message}`,
    `  ${count(run.nodes.size, 'task')}: ${countsText(run.counts)}`,
  ];
  if (phase === 'Failed' && run.firstFailure !== null) lines.push(`  next: ${nextStep(run, run.firstFailure)}`);
  return lines;
}

/** What is worth to be tried: what was undone cannot be restarted, and what ran inside the controller wrote nothing. */
function nextStep(run: Run, failed: Node): string {
  const id = quoteArgument(failed.id);
  const shown = failed.isInline
    ? `\`oarlock history ${run.name}\` shows how it came to that`
    : `\`oarlock logs ${run.name} ${id}\` shows all it wrote`;
  return run.undoing === null ? `${shown}, \`oarlock restart ${run.name} ${id}\` runs it again` : shown;
}

/** As one argument for a shell. */
export function quoteArgument(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The width that ids are padded to: that of the longest, within reason. */
export function idWidthOf(run: Run): number {
  let width = 1;
  for (const id of run.nodes.keys()) width = Math.max(width, id.length);
  return Math.min(width, 32);
}

export function logBlock(lines: readonly string[], colors: Colors): string[] {
  return lines.map((line) => `    ${colors.dim('|')} ${clean(line)}`);
}

/** What a task says of how far it is: a part of 1 as percent, anything else as it stands. */
export function progressText(node: Node): string {
  const progress = node.current?.reported?.progress;
  if (progress === undefined || progress === null) return '';
  if (typeof progress === 'number' && progress >= 0 && progress <= 1) return `${Math.round(progress * 100)} %`;
  return clean(typeof progress === 'string' ? progress : JSON.stringify(progress));
}
