// A worker's name between two machines: who has it, who has lost it, and what may still be at work under it (store/postgres/host.ts, seats.ts).

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { formatSlot } from '../../runtime/slot-token.ts';
import { PostgresLeases } from '../../store/postgres/leases.ts';
import { PostgresSeats } from '../../store/postgres/seats.ts';
import type { Seats, WorkerSeat } from '../../store/store.ts';
import { until } from '../support/oarlock.ts';
import { type PostgresPlace, PostgresServer } from '../support/postgres-place.ts';

const server = new PostgresServer();
const url = await server.start();

describe.skipIf(url === null)("a worker's name", () => {
  let place: PostgresPlace;
  let machines: readonly PostgresSeats[] = [];
  afterEach(async () => {
    for (const seats of machines) await seats.close();
    await place.dispose();
  });
  afterAll(() => server.stop());

  /** Two machines with a spool each, and leases of 300 ms. */
  async function start(): Promise<readonly [PostgresSeats, PostgresSeats]> {
    place = await server.place();
    const { processes, random, database, other, writers } = place;
    await database.read('UPDATE engine SET lease_ms = 300, margin_ms = 100');
    const [near, far] = [place.spool('near'), place.spool('far')];
    const pair = [
      new PostgresSeats({ database, writer: writers[0], processes, random, spool: () => near }),
      new PostgresSeats({ database: other, writer: writers[1], processes, random, spool: () => far }),
    ] as const;
    machines = pair;
    return pair;
  }

  async function taken(seats: Seats, name: string): Promise<WorkerSeat> {
    let seat: WorkerSeat | null = null;
    await until(
      async () => {
        seat = await seats.takeWorker(name, 1);
        return seat !== null;
      },
      () => `the name ${name} is free`,
    );
    return seat ?? Promise.reject(new Error('expected a seat'));
  }

  test('that another machine took is lost to the first, which says nothing more under it', async () => {
    const [near, far] = await start();
    const first = await taken(near, 'w1');
    // It speaks every second, so with such a lease it is silent for too long.
    const second = await taken(far, 'w1');
    await until(
      () => first.lost?.aborted === true,
      () => 'the first knows that its name is lost',
    );
    expect(second.lost?.aborted).toBe(false);
    await near.setDraining(first);
    await first.release();
    expect(await near.workers()).toMatchObject([{ name: 'w1', draining: false }]);
    await second.release();
    expect(await near.workers()).toEqual([]);
  });

  test('stays taken while attempts of an earlier worker may be at work', async () => {
    const [near, far] = await start();
    await place.database.read('UPDATE engine SET lease_ms = 2000');
    const seat = await taken(near, 'w1');
    const leases = new PostgresLeases(place.database, place.writers[0]);
    await leases.offer('w1', { ...OFFER, bootId: place.processes.bootId() });
    const spooled = near.leasesAt(seat);
    await until(
      async () => (await spooled.offers('w1')).length > 0,
      () => 'the offer is in the spool',
    );
    const slot = formatSlot('s', place.processes.self());
    expect(await spooled.claim('w1', OFFER.fence, slot)).toBe(true);
    await seat.release();
    expect(await far.takeWorker('w1', 1)).toBeNull();
    const again = await taken(near, 'w1');
    await near.leasesAt(again).settle('w1', OFFER.fence, { outcome: { result: 'Success' } });
    await until(
      async () => (await leases.inbox('w1'))[0]?.outcome?.outcome.result === 'Success',
      () => 'what it came to is said by the next worker of that machine',
    );
    await again.release();
    const moved = await far.takeWorker('w1', 1);
    expect(moved?.name).toBe('w1');
    await moved?.release();
  });

  test('is given back, and drained, without a word when the database is away', async () => {
    const [near, far] = await start();
    const seat = await taken(far, 'w1');
    await place.other.close();
    await far.setDraining(seat);
    await seat.release();
    expect(await near.workers()).toMatchObject([{ name: 'w1', draining: false }]);
  });
});

const OFFER = {
  fence: '000000-00000001',
  run: 'etl',
  uid: '6f1c2a90-0000-4000-8000-000000000001',
  node: 'a',
  attempt: 1,
  key: 'key',
  executor: { type: 'command', command: 'true' },
  inputPath: '/input.json',
  logPath: '/log',
  scratch: '/scratch',
  workingDir: '/',
  input: {},
} as const;
