// `worker`: one process that takes tasks and runs them. SIGTERM drains it: what runs comes to its end, nothing new is taken.

import { availableParallelism } from 'node:os';
import { Failure, type ExitCode } from '../failure.ts';
import { untilStopped } from '../lifeline.ts';
import { connectorPlaces, servingLog, takeFreeWorker } from '../serve.ts';
import { hidePassword, type Session } from '../session.ts';

export interface WorkerOptions {
  readonly name: string | undefined;
  readonly slots: number | undefined;
  readonly hasLifeline: boolean;
}

export async function worker(session: Session, options: WorkerOptions): Promise<ExitCode> {
  const stop = untilStopped(session.io, options.hasLifeline);
  const slots = options.slots ?? Math.max(2, availableParallelism());
  const { isObjectName } = await import('../../manifests/names.ts');
  if (options.name !== undefined && !isObjectName(options.name)) {
    throw new Failure(2, `--name: expected 1 to 200 characters of [A-Za-z0-9._-], found "${options.name}"`);
  }
  const store = await session.store();
  const seat =
    options.name === undefined
      ? await takeFreeWorker(store, 'w', slots)
      : await store.seats.takeWorker(options.name, slots);
  if (seat === null) {
    throw new Failure(1, `a worker named "${options.name ?? ''}" is running already`, 'give another --name, or none');
  }
  const log = await servingLog(session, seat.name, options.hasLifeline);
  const [{ runWorker }, { createProcesses }] = await Promise.all([
    import('../../worker/worker.ts'),
    import('../../runtime/processes.ts'),
  ]);
  log.info('the worker takes tasks', { slots, store: hidePassword(session.storeUrl) });
  const clock = await session.clock();
  // It gives the seat back itself, once the last of its slots is gone.
  const { seats } = store;
  const connectors = connectorPlaces(session);
  await runWorker(
    {
      store: { leases: store.leasesAt(seat), seats },
      seat,
      slots,
      clock,
      processes: createProcesses(),
      log,
      connectors,
    },
    seat.lost === undefined ? stop : AbortSignal.any([stop, seat.lost]),
  );
  if (!stop.aborted) throw new Failure(1, `the name "${seat.name}" was taken by another machine`);
  log.info('the worker has ended');
  return 0;
}
