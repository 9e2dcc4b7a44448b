// The engine inside this process: a controller, and beside it a worker for `run`. What the verbs `controller` and `worker` run for
// ever, `run` runs for as long as its run lasts.

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Log } from '../runtime/log.ts';
import type { ControllerDeps } from '../controller/deps.ts';
import type { ControllerSeat, Store, WorkerSeat } from '../store/store.ts';
import type { Session } from './session.ts';

export interface Serving {
  /** Rejects when a part ends by itself; never resolves otherwise. */
  readonly failed: Promise<never>;
  /** Lets what runs come to its end and gives the seats back. */
  stop(): Promise<void>;
}

/** Tasks at once, when nobody says: tasks mostly wait for something, so there are a few more than CPUs. */
export function defaultSlots(): number {
  return availableParallelism() + 2;
}

/** Sits on the first free name of PREFIX1, PREFIX2, ..., so that inboxes are used again and again. */
export async function takeFreeWorker(store: Store, prefix: string, slots: number): Promise<WorkerSeat> {
  for (let number = 1; ; number += 1) {
    const seat = await store.seats.takeWorker(`${prefix}${number}`, slots);
    if (seat !== null) return seat;
  }
}

/** `$OARLOCK_CONNECTORS`, else ./connectors beside the place where the engine was started. */
export function connectorPlaces(session: Session): { folder: string; stateDir: string } {
  const { env, workingDir } = session.io;
  return { folder: resolve(workingDir, env['OARLOCK_CONNECTORS'] || 'connectors'), stateDir: session.stateDir };
}

export async function controllerDeps(
  session: Session,
  seat: ControllerSeat,
  log: Log,
): Promise<Omit<ControllerDeps, 'onEvents'>> {
  const { createProcesses } = await import('../runtime/processes.ts');
  return {
    store: await session.store(),
    seat,
    clock: await session.clock(),
    random: await session.random(),
    processes: createProcesses(),
    log,
    workingDir: session.io.workingDir,
  };
}

/** Of a serving process. Under `up`, which tells itself what it starts, only what is wrong. */
export async function servingLog(session: Session, part: string, hasLifeline: boolean): Promise<Log> {
  const { createLog } = await import('../runtime/log.ts');
  const format = session.io.env['OARLOCK_LOG'] === 'json' ? 'json' : 'plain';
  return createLog({ format, level: hasLifeline ? 'warn' : 'info' }, { part });
}

export interface ServeOptions {
  readonly seat: ControllerSeat;
  readonly slots: number;
  readonly log: Log;
  readonly onEvents?: ControllerDeps['onEvents'];
}

/** A controller and one worker, in this process. */
export async function serve(session: Session, options: ServeOptions): Promise<Serving> {
  const { seat, slots, log, onEvents } = options;
  const [{ runController }, { runWorker }, deps] = await Promise.all([
    import('../controller/controller.ts'),
    import('../worker/worker.ts'),
    controllerDeps(session, seat, log),
  ]);
  const { store, clock, processes } = deps;
  const workerSeat = await takeFreeWorker(store, 'run-', slots);
  const stop = new AbortController();
  const here = { leases: store.leasesAt(workerSeat), seats: store.seats };
  const connectors = connectorPlaces(session);
  const worker = runWorker({ store: here, seat: workerSeat, slots, clock, processes, log, connectors }, stop.signal);
  const deciding = AbortSignal.any([stop.signal, seat.lost]);
  const controller = runController({ ...deps, ...(onEvents === undefined ? {} : { onEvents }) }, deciding).then(() => {
    if (!stop.signal.aborted) throw new Error('the controller has lost its seat');
  });
  const failed = new Promise<never>((_resolve, reject) => {
    for (const part of [worker, controller]) part.catch(reject);
  });
  // Whoever waits for it hears of it; when nobody does any more it must not end the process.
  failed.catch(() => undefined);
  return {
    failed,
    async stop() {
      stop.abort();
      await Promise.allSettled([worker, controller]);
      await seat.release();
    },
  };
}
