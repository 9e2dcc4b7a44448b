// A run on a terminal: a table of its tasks with times and a progress line, drawn again in place.
//
// V1  at most ten drawings a second, however many events come.
// V2  a drawing costs what fits on the screen, not what the run holds: the tasks of interest are kept as they change.
// V3  what does not fit is counted in one line: first shown is what runs, then what failed, then what ended last.

import type { Transition } from '../../kernel/history.ts';
import type { Node } from '../../kernel/node.ts';
import type { Clock, Now } from '../../kernel/ports.ts';
import type { Run } from '../../kernel/run.ts';
import { phaseOf } from '../../kernel/status.ts';
import type { OutputStream } from '../io.ts';
import { type Colors, statePaint, stateSymbol } from '../output/colors.ts';
import { Screen } from '../output/screen.ts';
import { clean, displayWidth, fit, padEnd, padStart } from '../output/text.ts';
import { duration } from '../output/time.ts';
import { type ReadTail, type RunView, SHOWN_FAILURES } from './view.ts';
import { AttemptTimes, changeLine, logBlock, progressText } from './words.ts';

const FRAME_MS = 100;
const RECENT = 200;

export interface LiveOptions {
  readonly out: OutputStream;
  readonly colors: Colors;
  readonly clock: Clock;
  readonly readTail: ReadTail;
}

export class LiveView implements RunView {
  readonly #options: LiveOptions;
  readonly #screen: Screen;
  readonly #times = new AttemptTimes();
  readonly #interest = new Interest();
  readonly #reading = new Set<Promise<void>>();
  #run: Run | null = null;
  #cancelTimer: (() => void) | null = null;
  #failures = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#screen = new Screen(options.out);
  }

  show(run: Run, changes: readonly Transition[]): void {
    this.#run = run;
    for (const change of changes) {
      const took = this.#times.see(change);
      this.#interest.see(change);
      if (change.node !== null && change.to === 'FAILED' && change.from === 'RUNNING') this.#failed(run, change, took);
    }
    this.#schedule();
  }

  note(text: string): void {
    this.#screen.print([fit(clean(text), this.#options.out.columns())]);
    this.#schedule();
  }

  async close(): Promise<void> {
    await Promise.all(this.#reading);
    this.#cancelTimer?.();
    this.#screen.close(this.#frame());
  }

  abandon(): void {
    this.#cancelTimer?.();
    this.#screen.close(this.#frame());
  }

  #failed(run: Run, change: Transition, tookMs: number | null): void {
    this.#failures += 1;
    if (this.#failures > SHOWN_FAILURES || change.node === null) return;
    const { colors, out, readTail } = this.#options;
    const head = changeLine(change, tookMs, 1, colors);
    const attempt = run.nodes.get(change.node)?.attempts ?? 1;
    const read = readTail(change.node, attempt)
      .catch(() => [])
      .then((lines) => {
        const cut = lines.map((line) => fit(clean(line), out.columns() - 6));
        this.#screen.print([head, ...logBlock(cut, colors)]);
        this.#schedule();
      })
      .finally(() => this.#reading.delete(read));
    this.#reading.add(read);
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#options.clock.after(FRAME_MS, () => {
      this.#cancelTimer = null;
      this.#screen.draw(this.#frame());
      // Times go on while nothing happens.
      if (this.#run?.end === null) this.#schedule();
    });
  }

  #frame(): string[] {
    if (this.#run === null) return [];
    const { out, clock, colors } = this.#options;
    const size = { columns: out.columns(), rows: out.rows() };
    return frameLines(this.#run, this.#interest, this.#times, clock.now(), size, colors);
  }
}

/** Which tasks are worth a line when not all fit. */
export class Interest {
  /** Under way, oldest first. */
  readonly active = new Set<string>();
  readonly failed = new Set<string>();
  /** Ended otherwise, the newest last. */
  readonly recent: string[] = [];

  see({ node, to }: Transition): void {
    if (node === null) return;
    if (to === 'RUNNING' || to === 'RETRYING' || to === 'WAITING') {
      this.active.add(node);
      this.failed.delete(node);
      return;
    }
    this.active.delete(node);
    if (to === 'FAILED') this.failed.add(node);
    else if (to !== 'PENDING' && to !== 'SKIPPED') {
      this.recent.push(node);
      if (this.recent.length > 2 * RECENT) this.recent.splice(0, RECENT);
    }
  }
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export function frameLines(
  run: Run,
  interest: Interest,
  times: AttemptTimes,
  now: Now,
  size: ScreenSize,
  colors: Colors,
): string[] {
  // The title, the line of what is left out, the progress line, and the cursor's own line.
  const room = Math.max(0, size.rows - 4);
  const nodes = chooseNodes(run, interest, room);
  const hidden = run.nodes.size - nodes.length;
  const idWidth = Math.min(
    Math.max(1, ...nodes.map(({ id }) => displayWidth(clean(id)))),
    Math.max(8, Math.floor(size.columns * 0.4)),
  );
  return [
    titleLine(run, size, colors),
    ...nodes.map((node) => nodeLine(node, idWidth, times, now, size, colors)),
    ...(hidden > 0 ? [colors.dim(fit(`  … and ${hidden} more`, size.columns))] : []),
    progressLine(run, now, size, colors),
  ];
}

function chooseNodes(run: Run, interest: Interest, room: number): Node[] {
  if (run.nodes.size <= room) return [...run.nodes.values()];
  const chosen = new Set<Node>();
  const take = (ids: Iterable<string>, limit: number): void => {
    for (const id of ids) {
      if (chosen.size >= limit) return;
      const node = run.nodes.get(id);
      if (node !== undefined) chosen.add(node);
    }
  };
  take(interest.active, room);
  take(interest.failed, room);
  take(interest.recent.toReversed(), room);
  return [...chosen];
}

function titleLine(run: Run, size: ScreenSize, colors: Colors): string {
  const phase = phaseOf(run);
  const name = fit(run.name, Math.max(1, size.columns - phase.length - 2));
  return `${colors.bold(name)}  ${statePaint(colors, phase)(phase)}`;
}

function nodeLine(
  node: Node,
  idWidth: number,
  times: AttemptTimes,
  now: Now,
  size: ScreenSize,
  colors: Colors,
): string {
  const paint = statePaint(colors, node.state);
  const id = padEnd(fit(clean(node.id), idWidth), idWidth);
  const time = padStart(timeOf(node, times, now), 6);
  const left = size.columns - idWidth - 4;
  if (left < 18) return fit(`${stateSymbol(node.state)} ${id} ${time}`, size.columns);
  const note = fit(noteOf(node, now), left - 18);
  return `${paint(stateSymbol(node.state))} ${id}  ${paint(node.state.padEnd(9))} ${time}  ${colors.dim(note)}`.trimEnd();
}

function timeOf(node: Node, times: AttemptTimes, now: Now): string {
  const startedAt = times.startedAt(node.id) ?? node.startedAt;
  if (startedAt === null) return '';
  return duration((node.finishedAt ?? now.wall) - startedAt);
}

function noteOf(node: Node, now: Now): string {
  switch (node.state) {
    case 'RUNNING': {
      const attempt = node.attempts > 1 ? `attempt ${node.attempts}, ` : '';
      const place = node.worker === null ? attempt.replace(', ', '') : `${attempt}worker ${node.worker}`;
      const progress = progressText(node);
      return progress === '' ? place : `${progress}, ${place}`;
    }
    case 'RETRYING': {
      const due = node.timer === null ? '' : `again in ${duration(node.timer.due - now.time)}; `;
      return `${due}${clean(node.error?.message ?? '')}`;
    }
    case 'WAITING':
      return node.task.executor.type === 'signal' ? `for signal "${node.task.executor.name}"` : '';
    case 'FAILED':
    case 'CANCELLED':
      return node.error === null ? '' : clean(`${node.error.type}: ${node.error.message}`);
    case 'PENDING':
      return pendingNote(node);
    case 'SUCCESS':
      return node.attempts - node.attemptsBefore > 1 ? `${node.attempts - node.attemptsBefore} attempts` : '';
    default:
      return '';
  }
}

function pendingNote(node: Node): string {
  const open: string[] = [];
  for (const predecessor of node.predecessors) {
    if (!predecessor.isTerminal) open.push(clean(predecessor.id));
    if (open.length === 3) break;
  }
  if (open.length === 0) return '';
  const shown = open.slice(0, 2).join(', ');
  return node.open > 2 ? `after ${shown} and ${node.open - 2} more` : `after ${shown}`;
}

function progressLine(run: Run, now: Now, size: ScreenSize, colors: Colors): string {
  const { counts } = run;
  const total = run.nodes.size;
  const ended = total - run.unfinished;
  const parts = [
    [counts.RUNNING, 'running'],
    [counts.WAITING, 'waiting'],
    [counts.RETRYING, 'retrying'],
    [counts.FAILED, 'failed'],
    [counts.SKIPPED, 'skipped'],
    [counts.CANCELLED, 'cancelled'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  const took = duration((run.end?.at ?? now.wall) - run.startedAt);
  const words = `${ended}/${total}  ${took}${told.length > 0 ? `  ${told.join(', ')}` : ''}`;
  const barWidth = Math.min(30, size.columns - displayWidth(words) - 3);
  if (barWidth < 8) return fit(words, size.columns);
  const done = total === 0 ? 0 : Math.floor((ended / total) * barWidth);
  const paint = counts.FAILED > 0 ? colors.red : colors.green;
  return `${paint('━'.repeat(done))}${colors.dim('─'.repeat(barWidth - done))}  ${words}`;
}
