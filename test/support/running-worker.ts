// A worker in the process of the test, with real slots, on a state directory of its own.

import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '../../kernel/task.ts';
import { createClock } from '../../runtime/clock.ts';
import { createLog } from '../../runtime/log.ts';
import { parseSlot } from '../../runtime/slot-token.ts';
import type { FileLeases } from '../../store/file/leases.ts';
import type { Offer } from '../../store/store.ts';
import { runWorker, type WorkerOptions } from '../../worker/worker.ts';
import { fenceOf, settledLease, SlotPlace, WORKER } from './slot-place.ts';

export interface RunningWorker {
  readonly place: SlotPlace;
  readonly leases: FileLeases;
  /** What the worker said about itself. */
  readonly said: string[];
  /** Offers it and waits for its outcome. */
  perform(
    executor: Offer['executor'],
    more?: Partial<Offer>,
  ): Promise<{ outcome: Outcome; log: string; counter: number }>;
  /** Tells it to drain; resolves when it has ended. */
  drain(): Promise<void>;
  /** Drains it and removes everything. */
  end(): Promise<void>;
}

export async function startWorker(
  slots = 2,
  env: NodeJS.ProcessEnv = process.env,
  more: Partial<WorkerOptions> = {},
): Promise<RunningWorker> {
  const place = new SlotPlace();
  fs.writeFileSync(join(place.root, 'input.json'), '{"from":"run"}');
  const leases = place.leases();
  const seats = place.seats();
  const seat = await seats.takeWorker(WORKER, slots);
  if (seat === null) throw new Error('expected a free seat');
  const said: string[] = [];
  const abort = new AbortController();
  const ended = runWorker(
    {
      store: { leases: place.leases(), seats },
      seat,
      slots,
      clock: createClock(0),
      processes: place.processes,
      log: createLog({ write: (line) => void said.push(line) }),
      env,
      connectors: { folder: join(place.root, 'connectors'), stateDir: place.root },
      ...more,
    },
    abort.signal,
  );
  let counter = 0;
  return {
    place,
    leases,
    said,
    async perform(executor, more = {}) {
      counter += 1;
      const own = counter;
      await leases.offer(WORKER, place.offer(own, executor, more));
      const { outcome } = await settledLease(leases, own);
      if (outcome === null) throw new Error('expected an outcome');
      const log = place.readLog(own);
      await leases.clear(WORKER, [fenceOf(own)]);
      return { outcome: outcome.outcome, log, counter: own };
    },
    drain() {
      abort.abort();
      return ended;
    },
    async end() {
      // What a test left running is not waited for.
      for (const { slot } of (await leases.standing(WORKER)).claimed) {
        const identity = parseSlot(slot);
        if (identity !== null) place.processes.signalGroup(identity, 'SIGKILL');
      }
      abort.abort();
      await ended;
      place.dispose();
    },
  };
}
