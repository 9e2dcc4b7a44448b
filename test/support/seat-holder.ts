// A process that holds seats, for tests that kill and stop it. Says what it got, one JSON line each, and then waits.
//
//   seat-holder.ts ROOT controller | worker NAME SLOTS | serve NAME SLOTS

import { createClock } from '../../runtime/clock.ts';
import { createLog } from '../../runtime/log.ts';
import { createProcesses } from '../../runtime/processes.ts';
import { Disk } from '../../store/file/disk.ts';
import { FileLeases } from '../../store/file/leases.ts';
import { Paths } from '../../store/file/paths.ts';
import { FileSeats } from '../../store/file/seats.ts';
import { runWorker } from '../../worker/worker.ts';

const [root = '', role = '', name = 'w1', slots = '2'] = process.argv.slice(2);
const processes = createProcesses();
const paths = new Paths(root);
const seats = new FileSeats(new Disk(), paths, processes);
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

if (role === 'controller') {
  const seat = await seats.takeController();
  say(seat === null ? { got: false } : { got: true, epoch: seat.epoch });
  if (seat !== null) setInterval(() => undefined, 1_000);
} else {
  const seat = await seats.takeWorker(name, Number(slots));
  say({ got: seat !== null });
  if (seat !== null && role === 'worker') setInterval(() => undefined, 1_000);
  if (seat !== null && role === 'serve') {
    const stop = new AbortController();
    process.on('SIGTERM', () => stop.abort());
    const leases = new FileLeases(new Disk(), paths, processes);
    const connectors = { folder: '', stateDir: '' };
    const clock = createClock(0);
    await runWorker(
      { store: { leases, seats }, seat, slots: Number(slots), clock, processes, log: createLog(), connectors },
      stop.signal,
    );
  }
}
