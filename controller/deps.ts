// What a controller is given. Everything it touches comes in here.

import type { RunEvent } from '../kernel/events.ts';
import type { Clock, Processes, Random } from '../kernel/ports.ts';
import type { Run } from '../kernel/run.ts';
import type { Log } from '../runtime/log.ts';
import type { ControllerSeat, RunRef, Store } from '../store/store.ts';

export interface ControllerDeps {
  readonly store: Store;
  readonly seat: ControllerSeat;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: Processes;
  readonly log: Log;
  /** Where tasks without a workingDir run; relative ones are taken from here. */
  readonly workingDir: string;
  /** Between SIGTERM and SIGKILL of an attempt that is ended. Default 5,000. */
  readonly graceMs?: number;
  /** Called after events were journaled and folded; the run is as it is after the last of them. For followers in the same process. */
  readonly onEvents?: (ref: RunRef, events: readonly RunEvent[], run: Run) => void;
}
