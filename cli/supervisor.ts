// Keeps a set of child processes running: starts one again when it dies, more slowly each time that it dies soon.
//
// S1  a child that ran for a while starts again at once; one that keeps dying waits longer each time, up to half a minute.
// S2  after `stop` nothing starts again.

import type { Clock } from '../kernel/ports.ts';
import { pause } from './wait.ts';

export interface Child {
  readonly pid: number;
  /** How it ended: an exit code or a signal, in words. */
  readonly ended: Promise<string>;
  terminate(): void;
}

export interface ChildSpec {
  /** For messages: `controller`, `worker w1`. */
  readonly label: string;
  readonly start: () => Child;
}

export interface SupervisorOptions {
  readonly clock: Clock;
  readonly say: (text: string) => void;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 30_000;
/** A child that lived this long had not failed at its start. */
const STEADY_MS = 10_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Runs a child again and again; resolves once it has ended after `stop`. */
  async keep(spec: ChildSpec): Promise<void> {
    const { clock, say } = this.#options;
    const stop = this.#stopping.signal;
    for (let delayMs = FIRST_DELAY_MS; !stop.aborted; ) {
      const startedAt = clock.now().time;
      const child = spec.start();
      say(`${spec.label} started, pid ${child.pid}`);
      const terminate = (): void => child.terminate();
      stop.addEventListener('abort', terminate);
      const how = await child.ended;
      stop.removeEventListener('abort', terminate);
      // A signal to the whole process group may reach the children a moment before us: then this was its end.
      if (!stop.aborted) await this.#pause(FIRST_DELAY_MS);
      if (stop.aborted) return say(`${spec.label} ended`);
      if (clock.now().time - startedAt >= STEADY_MS) delayMs = FIRST_DELAY_MS;
      say(`${spec.label} died (${how}); it is started again`);
      if (delayMs > FIRST_DELAY_MS) await this.#pause(delayMs - FIRST_DELAY_MS);
      delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2);
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  #pause(delayMs: number): Promise<void> {
    return pause(this.#options.clock, delayMs, this.#stopping.signal);
  }
}
