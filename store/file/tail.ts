// Wakes those who watch: reads on when the directory of changes stirs, and now and then without any event, because events get lost.
//
// Runs only while somebody watches.

import type { Clock } from '../../kernel/ports.ts';
import type { ChangeLog } from './changes.ts';
import type { Disk } from './disk.ts';
import type { Paths } from './paths.ts';

const SHORTEST_POLL_MS = 250;
const LONGEST_POLL_MS = 1000;

export class Tail {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: ChangeLog;
  #watchers = 0;
  #stop: (() => void) | null = null;

  constructor(options: { disk: Disk; paths: Paths; clock: Clock; log: ChangeLog }) {
    this.#disk = options.disk;
    this.#directory = options.paths.changes;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  enter(): void {
    this.#watchers += 1;
    this.#stop ??= this.#start();
  }

  leave(): void {
    this.#watchers -= 1;
    if (this.#watchers > 0) return;
    this.#stop?.();
    this.#stop = null;
  }

  #start(): () => void {
    let pollMs = SHORTEST_POLL_MS;
    let isHinted = false;
    let cancel = (): void => undefined;
    const look = (): boolean => {
      const before = this.#log.head;
      try {
        this.#log.refresh();
      } catch {
        // Whoever asks next is told; a timer has nobody to tell.
      }
      return this.#log.head > before;
    };
    const poll = (): void => {
      pollMs = look() ? SHORTEST_POLL_MS : Math.min(pollMs * 2, LONGEST_POLL_MS);
      cancel = this.#clock.after(pollMs, poll);
    };
    cancel = this.#clock.after(pollMs, poll);
    const end = this.#disk.watch(this.#directory, () => {
      if (isHinted) return;
      isHinted = true;
      setImmediate(() => {
        isHinted = false;
        if (this.#stop !== null && look()) pollMs = SHORTEST_POLL_MS;
      });
    });
    return () => {
      cancel();
      end?.();
    };
  }
}
