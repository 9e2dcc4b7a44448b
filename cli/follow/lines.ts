// A run as plain lines, for pipes and files.
//
// L1  lines come in the order of the transitions, also when the log of a failed task has to be read in between.
// L2  writes are batched: a run of 1,000 tasks that takes a second is not slowed down by what is said about it.

import type { Transition } from '../../kernel/history.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Run } from '../../kernel/run.ts';
import type { Phase } from '../../kernel/status.ts';
import type { OutputStream } from '../io.ts';
import type { Colors } from '../output/colors.ts';
import { clean } from '../output/text.ts';
import { type ReadTail, type RunView, SHOWN_FAILURES } from './view.ts';
import { AttemptTimes, changeLine, idWidthOf, logBlock } from './words.ts';

const BATCH_MS = 50;
const ENDS: ReadonlySet<string> = new Set<Phase>(['Succeeded', 'Failed', 'Cancelled']);

export interface LinesOptions {
  readonly out: OutputStream;
  /** For notes, which are no part of the story. */
  readonly talk: OutputStream;
  readonly colors: Colors;
  readonly clock: Clock;
  readonly readTail: ReadTail;
}

export class LinesView implements RunView {
  readonly #options: LinesOptions;
  readonly #times = new AttemptTimes();
  /** What is to be written, in order; a promise stands for lines that are still being read. */
  #queue: (string | Promise<string[]>)[] = [];
  #cancelTimer: (() => void) | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #idWidth = 0;
  #failures = 0;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  show(run: Run, changes: readonly Transition[]): void {
    if (changes.length === 0) return;
    if (this.#idWidth === 0) this.#idWidth = idWidthOf(run);
    for (const change of changes) {
      // How the run ended is told at the end, with counts.
      if (change.node === null && ENDS.has(change.to)) continue;
      this.#queue.push(changeLine(change, this.#times.see(change), this.#idWidth, this.#options.colors));
      if (change.node !== null && change.to === 'FAILED' && change.from === 'RUNNING') {
        this.#failures += 1;
        if (this.#failures <= SHOWN_FAILURES) this.#queue.push(this.#tailOf(run, change.node));
      }
    }
    this.#schedule();
  }

  note(text: string): void {
    this.#options.talk.write(`${clean(text)}\n`);
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    await this.#flush();
  }

  abandon(): void {
    this.#cancelTimer?.();
    const lines = this.#queue.filter((part) => typeof part === 'string');
    this.#queue = [];
    if (lines.length > 0) this.#options.out.write(`${lines.join('\n')}\n`);
  }

  #tailOf(run: Run, id: string): Promise<string[]> {
    const attempt = run.nodes.get(id)?.attempts ?? 1;
    return this.#options.readTail(id, attempt).then(
      (lines) => logBlock(lines, this.#options.colors),
      () => [],
    );
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#options.clock.after(BATCH_MS, () => {
      this.#cancelTimer = null;
      void this.#flush();
    });
  }

  /** One after the other (L1). */
  #flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      const queue = this.#queue;
      this.#queue = [];
      const lines: string[] = [];
      for (const part of queue) lines.push(...(typeof part === 'string' ? [part] : await part));
      if (lines.length > 0) this.#options.out.write(`${lines.join('\n')}\n`);
    });
    return this.#flushing;
  }
}
