// Looks after what runs, while something runs: logs that grow too large, and processes that an attempt left behind.
//
// A task writes its log itself, through no pipe, so the cap is kept by cutting: head and tail stay, a line between them says how much
// went. What outlives its attempt in a slot's session gets SIGTERM, later SIGKILL, and a line in that attempt's log.
//
// V1  a process is left behind when it started before the attempt that its slot runs now, or when the slot runs none.
// V2  nothing is done while nothing runs.

import type { Clock, ProcessIdentity, Processes } from '../kernel/ports.ts';
import type { Log } from '../runtime/log.ts';
import type { Disk } from '../store/file/disk.ts';
import { capLog } from './log-cap.ts';

export interface SweepOptions {
  readonly disk: Disk;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Sweepable {
  readonly fence: string;
  readonly logPath: string;
  readonly slot: ProcessIdentity;
}

const SWEEP_MS = 400;

export class Sweep {
  readonly #options: SweepOptions;
  #running: readonly Sweepable[] = [];
  /** Attempts that ended since the last round. */
  #ended: Sweepable[] = [];
  /** pid-ticks of processes that were told to go, and in how many rounds they were found again. */
  readonly #told = new Map<string, number>();
  #cancel: (() => void) | null = null;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  watch(running: readonly Sweepable[]): void {
    this.#running = running;
    this.#schedule();
  }

  ended(attempt: Sweepable): void {
    this.#ended.push(attempt);
    this.#schedule();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): void {
    if (this.#cancel !== null || (this.#running.length === 0 && this.#ended.length === 0 && this.#told.size === 0))
      return;
    this.#cancel = this.#options.clock.after(SWEEP_MS, () => {
      this.#cancel = null;
      this.#round();
      this.#schedule();
    });
  }

  #round(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const { logPath } of [...this.#running, ...ended]) {
      try {
        capLog(this.#options.disk, logPath);
      } catch (error) {
        this.#options.log.warn('a log could not be cut', {
          path: logPath,
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }
}
