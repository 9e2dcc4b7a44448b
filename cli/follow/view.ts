// What shows a run while it is followed. Two of them: plain lines for a pipe, a live table for a terminal.

import type { Transition } from '../../kernel/history.ts';
import type { Run } from '../../kernel/run.ts';

export interface RunView {
  /** The run as it stands now, and what has just changed. Must be cheap: it is called for every batch of events. */
  show(run: Run, changes: readonly Transition[]): void;
  /** Something to say that is no transition: who serves, that a cancel was asked for. */
  note(text: string): void;
  /** Everything that was shown is written when it resolves; nothing may be shown after it. */
  close(): Promise<void>;
  /** Gives the terminal back at once, whatever is still unsaid. */
  abandon(): void;
}

/** The last lines of what an attempt wrote. */
export type ReadTail = (node: string, attempt: number) => Promise<string[]>;

/** Failures whose log lines are shown; a run in which all of 10,000 tasks fail must not read 10,000 logs. */
export const SHOWN_FAILURES = 10;
