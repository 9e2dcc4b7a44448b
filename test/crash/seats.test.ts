// Seats under real processes that are killed, stopped and let go (P8), and workers whose death must cost no task (hazards P1, P3, P5).

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseSlot } from '../../runtime/slot-token.ts';
import type { FileLeases } from '../../store/file/leases.ts';
import { fenceOf, settledLease, SlotPlace, until, WORKER } from '../support/slot-place.ts';

const HOLDER = fileURLToPath(new URL('../support/seat-holder.ts', import.meta.url));
/** A process of the test needs so long to start on a busy machine. */
const START_MS = 30_000;

interface Holder {
  readonly child: ChildProcess;
  readonly said: { got: boolean; epoch?: number };
}

let place: SlotPlace;
let leases: FileLeases;
const children: ChildProcess[] = [];

beforeEach(() => {
  place = new SlotPlace();
  leases = place.leases();
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child, 'SIGKILL');
  for (const worker of await leases.inboxes()) {
    for (const { slot } of (await leases.standing(worker)).claimed) {
      const identity = parseSlot(slot);
      if (identity !== null) place.processes.signalGroup(identity, 'SIGKILL');
    }
  }
  place.dispose();
});

async function start(...args: string[]): Promise<Holder> {
  const child = spawn(process.execPath, ['--import', 'tsx', HOLDER, place.root, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) return { child, said: JSON.parse(line) as Holder['said'] };
  throw new Error('the process ended without a word');
}

function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

describe('the controller seat', () => {
  test('one of many who ask at once gets it', async () => {
    const holders = await Promise.all(Array.from({ length: 6 }, () => start('controller')));
    expect(holders.filter(({ said }) => said.got)).toHaveLength(1);
  });

  test('is free the moment its holder is killed, with a greater epoch each time', async () => {
    const seats = place.seats();
    const epochs: (number | undefined)[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { child, said } = await start('controller');
      epochs.push(said.epoch);
      expect(await seats.isControllerAlive()).toBe(true);
      expect(await seats.takeController()).toBeNull();
      const gone = seats.controllerGone(new AbortController().signal).then(() => performance.now());
      const killedAt = performance.now();
      child.kill('SIGKILL');
      // Sooner than it looks by itself: the kernel said so.
      expect((await gone) - killedAt).toBeLessThan(1_000);
      expect(await seats.isControllerAlive()).toBe(false);
    }
    expect(epochs).toEqual([1, 2, 3]);
  });

  test('is not free while its holder is stopped (L8)', async () => {
    const { child } = await start('controller');
    child.kill('SIGSTOP');
    const seats = place.seats();
    for (let round = 0; round < 20; round += 1) {
      expect(await seats.isControllerAlive()).toBe(true);
      expect(await seats.takeController()).toBeNull();
    }
    const abort = new AbortController();
    const gone = seats.controllerGone(abort.signal);
    abort.abort();
    await gone;
    expect(await seats.isControllerAlive()).toBe(true);
  });

  test('keeps its epochs when the files are removed by hand', async () => {
    const first = await place.seats().takeController();
    await leases.offer(WORKER, place.offer(7, { type: 'command', command: 'true' }, { fence: '000041-00000007' }));
    await first?.release();
    fs.rmSync(join(place.root, 'controller'), { recursive: true });
    const second = await place.seats().takeController();
    expect(second?.epoch).toBe(42);
    await second?.release();
  });

  test('is refused to those who see other processes, while its holder lives', async () => {
    const { child } = await start('controller');
    const path = join(place.root, 'controller', 'seat.json');
    const seat = JSON.parse(fs.readFileSync(path, 'utf8')) as { namespaces: { pid: string } };
    seat.namespaces.pid = 'pid:[1]';
    fs.writeFileSync(path, JSON.stringify(seat));
    await expect(place.seats().takeWorker('w1', 1)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('pid:[1]'),
    });
    await end(child, 'SIGKILL');
    expect(await place.seats().takeWorker('w1', 1)).not.toBeNull();
  });
});

describe("a worker's seat", () => {
  test('is held by one, seen by all, and free at its death', async () => {
    const seats = place.seats();
    let hints = 0;
    const endHints = seats.onHint(() => {
      hints += 1;
    });
    const { child } = await start('worker', 'w1', '3');
    await until('it is seen', async () => (await seats.workers()).some(({ alive }) => alive));
    expect(await seats.workers()).toEqual([{ name: 'w1', slots: 3, alive: true, draining: false, pid: child.pid }]);
    expect(await seats.takeWorker('w1', 1)).toBeNull();
    child.kill('SIGSTOP');
    expect((await seats.workers())[0]?.alive).toBe(true);
    expect(await seats.takeWorker('w1', 1)).toBeNull();
    // The hint of its coming has arrived; the next one is that of its death.
    await until('the connection stands', () => hints > 0);
    const before = hints;
    const killedAt = performance.now();
    child.kill('SIGKILL');
    await until('a hint', () => hints > before);
    expect(performance.now() - killedAt).toBeLessThan(1_000);
    await until('it is dead', async () => (await seats.workers())[0]?.alive === false);
    const again = await seats.takeWorker('w1', 2);
    expect(again).not.toBeNull();
    await again?.release();
    expect(await seats.workers()).toEqual([]);
    endHints();
  });

  test('is told again when its file is removed by hand', async () => {
    const seats = place.seats();
    const seat = await seats.takeWorker('w1', 2);
    fs.rmSync(place.paths.workers, { recursive: true });
    await until('it is back', async () => (await place.seats().workers())[0]?.slots === 2);
    await seat?.release();
  });

  test('names of any length have seats of their own', async () => {
    const seats = place.seats();
    const long = 'x'.repeat(190);
    const one = await seats.takeWorker(`${long}-1`, 1);
    const two = await seats.takeWorker(`${long}-2`, 1);
    expect(one).not.toBeNull();
    expect(two).not.toBeNull();
    expect(await place.seats().takeWorker(`${long}-1`, 1)).toBeNull();
    await one?.release();
    await two?.release();
  });
});

describe('a killed worker', () => {
  test(
    'takes no task with it: the slot goes on, writes the outcome, and ends',
    async () => {
      const { child } = await start('serve', WORKER, '2');
      await leases.offer(
        WORKER,
        place.offer(1, {
          type: 'command',
          command: `echo ready; while ! [ -e ${place.root}/go ]; do echo line; sleep 0.01; done; echo last; exit 7`,
        }),
      );
      await until('it runs', () => place.readLog(1).includes('ready'), START_MS);
      const slot = (await leases.standing(WORKER)).claimed[0]?.slot ?? '';
      await end(child, 'SIGKILL');
      expect(leases.slotLiveness(slot)).toBe('alive');
      fs.writeFileSync(join(place.root, 'go'), '');
      expect((await settledLease(leases, 1)).outcome?.outcome).toMatchObject({ result: 'Failure', exitCode: 7 });
      expect(place.readLog(1).endsWith('last\n')).toBe(true);
      await until('the slot is gone', () => leases.slotLiveness(slot) === 'dead');
    },
    START_MS * 2,
  );

  test(
    'leaves its slots to be counted by the next one of its name',
    async () => {
      const { child } = await start('serve', WORKER, '1');
      const wait = (name: string): string => `echo ready; while ! [ -e ${place.root}/${name} ]; do sleep 0.01; done`;
      await leases.offer(WORKER, place.offer(1, { type: 'command', command: wait('go1') }));
      await until('it runs', () => place.readLog(1).includes('ready'), START_MS);
      await end(child, 'SIGKILL');
      const next = await start('serve', WORKER, '1');
      expect(next.said.got).toBe(true);
      await leases.offer(WORKER, place.offer(2, { type: 'command', command: 'true' }));
      // It looks each second; after two looks it has seen the offer.
      const seenAt = performance.now();
      await until('two looks', () => performance.now() - seenAt > 2_200);
      expect((await leases.standing(WORKER)).offered).toEqual([fenceOf(2)]);
      fs.writeFileSync(join(place.root, 'go1'), '');
      expect((await settledLease(leases, 2)).outcome?.outcome).toMatchObject({ result: 'Success' });
      expect((await settledLease(leases, 1)).outcome?.outcome).toMatchObject({ result: 'Success' });
      await end(next.child, 'SIGTERM');
      expect(await place.seats().workers()).toEqual([]);
    },
    START_MS * 2,
  );

  test(
    'that was only stopped finds nothing to take when it wakes (L9)',
    async () => {
      const { child } = await start('serve', WORKER, '1');
      await until('its slot is warm', async () => (await place.seats().workers())[0]?.alive === true);
      child.kill('SIGSTOP');
      await leases.offer(WORKER, place.offer(1, { type: 'command', command: `touch ${place.root}/ran` }));
      expect(await leases.withdraw(WORKER, fenceOf(1))).toBe(true);
      child.kill('SIGCONT');
      await leases.offer(WORKER, place.offer(2, { type: 'command', command: 'true' }));
      await settledLease(leases, 2, START_MS);
      expect(fs.existsSync(join(place.root, 'ran'))).toBe(false);
    },
    START_MS * 2,
  );
});
