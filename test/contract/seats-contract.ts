// What store/store.ts promises about seats (P8), held against every implementation with two handles to one place. What holds when a holder is
// killed or stopped is held by test/crash/seats.test.ts with real processes.

import { afterEach, describe, expect, test } from 'vitest';
import type { Seats } from '../../store/store.ts';

export interface SeatsPair {
  readonly handles: readonly [Seats, Seats];
  /** A handle in another pid namespace; null where that makes no difference. */
  readonly foreign: Seats | null;
  readonly dispose: () => Promise<void>;
}

export function describeSeats(name: string, open: () => Promise<SeatsPair>): void {
  describe(`seats (${name})`, () => {
    let pair: SeatsPair | null = null;
    const start = async (): Promise<{ a: Seats; b: Seats; foreign: Seats | null }> => {
      pair = await open();
      return { a: pair.handles[0], b: pair.handles[1], foreign: pair.foreign };
    };
    afterEach(async () => {
      await pair?.dispose();
      pair = null;
    });

    test('one side at a time is the controller, and each taking has a greater epoch', async () => {
      const { a, b } = await start();
      const epochs: number[] = [];
      for (const [one, other] of [
        [a, b],
        [b, a],
        [a, b],
      ] as const) {
        const seat = await one.takeController();
        expect(await other.takeController()).toBeNull();
        expect(await one.takeController()).toBeNull();
        expect(await other.isControllerAlive()).toBe(true);
        epochs.push(seat?.epoch ?? 0);
        await seat?.release();
        expect(await other.isControllerAlive()).toBe(false);
      }
      expect(epochs).toEqual([1, 2, 3]);
    });

    test('what the controller counts is told to everybody, the newest only', async () => {
      const { a, b } = await start();
      expect(await b.numbers()).toBe(null);
      const seat = await a.takeController();
      await a.tellNumbers({ events: 1 });
      await a.tellNumbers({ events: 2, waits: { bounds: [0.5], counts: [1] } });
      expect(await b.numbers()).toEqual({ events: 2, waits: { bounds: [0.5], counts: [1] } });
      await seat?.release();
    });

    test('of many who ask at once one gets the seat', async () => {
      const { a, b } = await start();
      for (let round = 0; round < 20; round += 1) {
        const seats = await Promise.all([a, b, a, b, b, a].map((side) => side.takeController()));
        const taken = seats.filter((seat) => seat !== null);
        expect(taken).toHaveLength(1);
        await taken[0]?.release();
      }
    });

    test('who waits for the seat is told when it is free, or when it is to wait no longer', async () => {
      const { a, b } = await start();
      await b.controllerGone(new AbortController().signal);
      const seat = await a.takeController();
      const abort = new AbortController();
      const told: string[] = [];
      const impatient = b.controllerGone(abort.signal).then(() => told.push('aborted'));
      const patient = b.controllerGone(new AbortController().signal).then(() => told.push('free'));
      abort.abort();
      await impatient;
      expect(told).toEqual(['aborted']);
      await seat?.release();
      await patient;
      expect(told).toEqual(['aborted', 'free']);
    });

    test("a worker's name has one holder, names do not meet, and all are seen by the other side", async () => {
      const { a, b } = await start();
      expect(await b.workers()).toEqual([]);
      const two = await a.takeWorker('w2', 4);
      const one = await b.takeWorker('w1', 8);
      expect(await b.takeWorker('w2', 1)).toBeNull();
      expect(await a.takeWorker('w2', 1)).toBeNull();
      expect(two?.name).toBe('w2');
      const worker = { alive: true, draining: false, pid: process.pid };
      expect(await b.workers()).toEqual([
        { ...worker, name: 'w1', slots: 8 },
        { ...worker, name: 'w2', slots: 4 },
      ]);
      if (two !== null) await a.setDraining(two);
      expect(await b.workers()).toEqual([
        { ...worker, name: 'w1', slots: 8 },
        { ...worker, name: 'w2', slots: 4, draining: true },
      ]);
      await two?.release();
      expect((await b.workers()).map((view) => view.name)).toEqual(['w1']);
      const again = await b.takeWorker('w2', 2);
      expect((await a.workers())[1]).toEqual({ ...worker, name: 'w2', slots: 2 });
      await again?.release();
      await one?.release();
    });

    test('a seat that is given back is drained in vain, also when somebody else has the name by now', async () => {
      const { a, b } = await start();
      const old = await a.takeWorker('w1', 1);
      if (old === null) throw new Error('expected a seat');
      await old.release();
      await a.setDraining(old);
      expect(await b.workers()).toEqual([]);
      const next = await b.takeWorker('w1', 2);
      await a.setDraining(old);
      expect(await a.workers()).toEqual([{ alive: true, draining: false, pid: process.pid, name: 'w1', slots: 2 }]);
      await next?.release();
    });

    test('a hint comes when a worker comes, drains and goes, and none after its end', async () => {
      const { a, b } = await start();
      let hints = 0;
      const end = b.onHint(() => {
        hints += 1;
      });
      const hinted = async <T>(change: () => Promise<T>): Promise<T> => {
        await quiet();
        const before = hints;
        const result = await change();
        await waitFor(() => hints > before);
        return result;
      };
      const seat = await hinted(() => a.takeWorker('w1', 1));
      if (seat === null) throw new Error('expected a seat');
      await hinted(() => a.setDraining(seat));
      await hinted(() => seat.release());
      end();
      await quiet();
      const before = hints;
      await (await a.takeWorker('w1', 1))?.release();
      await quiet();
      expect(hints).toBe(before);
    });

    test('who sees other processes than the controller is refused in one line', async () => {
      const { a, foreign } = await start();
      if (foreign === null) return;
      const seat = await a.takeController();
      const refusal = foreign.takeWorker('w1', 1);
      await expect(refusal).rejects.toMatchObject({ code: 'Unavailable' });
      await expect(refusal).rejects.toThrow(/^worker w1: expected the pid and network namespace of [^\n]*$/);
      await seat?.release();
      const worker = await foreign.takeWorker('w1', 1);
      expect(worker).not.toBeNull();
      await worker?.release();
    });
  });
}

async function waitFor(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('expected a hint within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets hints that are on their way arrive. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setTimeout(resolve, 2));
}
