// What store/store.ts promises about leases (P6, P7), held against every implementation with two handles to one place: each test plays
// two processes.

import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../kernel/task.ts';
import type { Leases, LeaseView, Offer } from '../../store/store.ts';

export interface LeasesPair {
  readonly handles: readonly [Leases, Leases];
  readonly bootId: string;
  /** A task says something, and reads what it was answered, until its end. */
  readonly task: (worker: string, fence: string) => Promise<SpeakingTask>;
  readonly dispose: () => Promise<void>;
}

export interface SpeakingTask {
  readonly speak: (text: string) => void | Promise<void>;
  /** What came since it was called last. */
  readonly read: () => string | Promise<string>;
  readonly end: () => void;
}

const WORKER = 'w1';
const DEAD_SLOT = 's1999999999-1-0badb007';
const OTHER_SLOT = 's1999999998-1-0badb007';
const SUCCESS: Outcome = { result: 'Success', output: { rows: 3 } };
const LOST: Outcome = { result: 'Lost', message: 'its slot is gone' };

function fenceOf(counter: number): string {
  return `000002-${String(counter).padStart(8, '0')}`;
}

/** `histories`: how many random ones are tried. */
export function describeLeases(name: string, open: () => Promise<LeasesPair>, histories = 40): void {
  describe(`leases (${name})`, () => {
    let pair: LeasesPair | null = null;
    const start = async (): Promise<{
      a: Leases;
      b: Leases;
      offerOf: (counter: number) => Offer;
      task: LeasesPair['task'];
    }> => {
      const opened = await open();
      pair = opened;
      const [a, b] = opened.handles;
      return { a, b, offerOf: (counter) => offerOf(counter, opened.bootId), task: opened.task };
    };
    afterEach(async () => {
      await pair?.dispose();
      pair = null;
    });

    test('an offer is seen by the other side as it was written', async () => {
      const { a, b, offerOf } = await start();
      const offer = {
        ...offerOf(1),
        node: 'zażółć / "quoted" \n line',
        input: { deep: [1, { x: null }] },
        env: { A: { fromEnv: 'B' } },
      };
      await a.offer(WORKER, offer);
      expect(await b.offers(WORKER)).toEqual([offer]);
      expect(await b.inbox(WORKER)).toEqual([view(1, { offered: true })]);
      expect(await b.inboxes()).toEqual([WORKER]);
    });

    test('nothing stands where nothing was offered', async () => {
      const { a } = await start();
      expect(await a.inboxes()).toEqual([]);
      expect(await a.inbox(WORKER)).toEqual([]);
      expect(await a.offers(WORKER)).toEqual([]);
      expect(await a.standing(WORKER)).toEqual({ offered: [], claimed: [], ended: [] });
      expect(await a.withdraw(WORKER, fenceOf(1))).toBe(false);
      expect(await a.claim(WORKER, fenceOf(1), DEAD_SLOT)).toBe(false);
      await a.clear(WORKER, [fenceOf(1)]);
    });

    test('a fence is offered once', async () => {
      const { a, b, offerOf } = await start();
      await a.offer(WORKER, offerOf(1));
      await expect(b.offer(WORKER, offerOf(1))).rejects.toMatchObject({ code: 'AlreadyExists' });
    });

    test('offers are listed by age, also when they were written in another order', async () => {
      const { a, b, offerOf } = await start();
      for (const counter of [12, 3, 200, 1]) await a.offer(WORKER, offerOf(counter));
      expect((await b.offers(WORKER)).map(({ fence }) => fence)).toEqual([1, 3, 12, 200].map(fenceOf));
      expect((await b.inbox(WORKER)).map(({ fence }) => fence)).toEqual([1, 3, 12, 200].map(fenceOf));
      expect((await b.standing(WORKER)).offered).toEqual([1, 3, 12, 200].map(fenceOf));
    });

    test('a claimed offer is no offer any more, and can be neither claimed nor withdrawn again (P6)', async () => {
      const { a, b, offerOf } = await start();
      await a.offer(WORKER, offerOf(1));
      expect(await b.claim(WORKER, fenceOf(1), DEAD_SLOT)).toBe(true);
      expect(await b.claim(WORKER, fenceOf(1), OTHER_SLOT)).toBe(false);
      expect(await a.claim(WORKER, fenceOf(1), OTHER_SLOT)).toBe(false);
      expect(await a.withdraw(WORKER, fenceOf(1))).toBe(false);
      expect(await a.offers(WORKER)).toEqual([]);
      expect(await a.inbox(WORKER)).toEqual([view(1, { claim: DEAD_SLOT })]);
      expect(await a.standing(WORKER)).toEqual({
        offered: [],
        claimed: [{ fence: fenceOf(1), slot: DEAD_SLOT }],
        ended: [],
      });
    });

    test('a withdrawn offer is never claimed (P6)', async () => {
      const { a, b, offerOf } = await start();
      await a.offer(WORKER, offerOf(1));
      const seen = await b.offers(WORKER);
      expect(await a.withdraw(WORKER, fenceOf(1))).toBe(true);
      expect(await a.withdraw(WORKER, fenceOf(1))).toBe(false);
      expect(await b.claim(WORKER, seen[0]?.fence ?? '', DEAD_SLOT)).toBe(false);
      expect(await b.offers(WORKER)).toEqual([]);
      expect(await b.standing(WORKER)).toEqual({ offered: [], claimed: [], ended: [] });
    });

    test('of all that want a fence exactly one is told that it won (P6)', async () => {
      const { a, b, offerOf } = await start();
      for (let counter = 1; counter <= 300; counter += 1) {
        await a.offer(WORKER, offerOf(counter));
        const fence = fenceOf(counter);
        const won = await Promise.all([
          a.withdraw(WORKER, fence),
          b.claim(WORKER, fence, DEAD_SLOT),
          a.claim(WORKER, fence, OTHER_SLOT),
          b.withdraw(WORKER, fence),
        ]);
        expect(won.filter(Boolean)).toHaveLength(1);
        await a.clear(WORKER, [fence]);
      }
    });

    test('a fence has one outcome, and whoever settles it gets the one that stands (P7)', async () => {
      const { a, b, offerOf } = await start();
      for (let counter = 1; counter <= 100; counter += 1) {
        await a.offer(WORKER, offerOf(counter));
        await b.claim(WORKER, fenceOf(counter), DEAD_SLOT);
        const settle = (leases: Leases, outcome: Outcome) =>
          leases.settle(WORKER, fenceOf(counter), { outcome, since: 5, until: 7 });
        const told = await Promise.all([settle(a, SUCCESS), settle(b, LOST), settle(b, SUCCESS)]);
        const seen = (await b.inbox(WORKER)).find(({ fence }) => fence === fenceOf(counter))?.outcome;
        expect(told).toEqual([seen, seen, seen]);
        expect(await settle(a, LOST)).toEqual(seen);
      }
    });

    test('a settled lease is claimed by nobody and counts as ended', async () => {
      const { a, b, offerOf } = await start();
      await a.offer(WORKER, offerOf(1));
      await b.claim(WORKER, fenceOf(1), DEAD_SLOT);
      await a.settle(WORKER, fenceOf(1), { outcome: LOST });
      expect(await b.standing(WORKER)).toEqual({ offered: [], claimed: [], ended: [fenceOf(1)] });
      expect(await b.inbox(WORKER)).toEqual([view(1, { claim: DEAD_SLOT, outcome: { outcome: LOST } })]);
    });

    test('a stop keeps its first reason and is seen by the other side', async () => {
      const { a, b, offerOf } = await start();
      await a.offer(WORKER, offerOf(1));
      await b.claim(WORKER, fenceOf(1), DEAD_SLOT);
      await a.stop(WORKER, fenceOf(1), 'Timeout');
      await b.stop(WORKER, fenceOf(1), 'Cancelled');
      expect(await b.inbox(WORKER)).toEqual([view(1, { claim: DEAD_SLOT, stop: 'Timeout' })]);
    });

    test('a claim that is put back is as it was, and does not make a second one', async () => {
      const { a, b, offerOf } = await start();
      await a.restoreClaim(WORKER, offerOf(1), DEAD_SLOT);
      await a.restoreClaim(WORKER, offerOf(1), DEAD_SLOT);
      expect(await b.inbox(WORKER)).toEqual([view(1, { claim: DEAD_SLOT })]);
      expect(await b.claim(WORKER, fenceOf(1), OTHER_SLOT)).toBe(false);
    });

    test('what is cleared is gone, the rest stands', async () => {
      const { a, b, offerOf } = await start();
      for (const counter of [1, 2, 3]) await a.offer(WORKER, offerOf(counter));
      await b.claim(WORKER, fenceOf(1), DEAD_SLOT);
      await a.stop(WORKER, fenceOf(1), 'Stopped');
      await a.settle(WORKER, fenceOf(1), { outcome: LOST });
      await a.withdraw(WORKER, fenceOf(2));
      await a.clear(WORKER, [fenceOf(1), fenceOf(2)]);
      expect((await b.inbox(WORKER)).map(({ fence }) => fence)).toEqual([fenceOf(3)]);
    });

    test('what a task says is read from any byte on, by both sides, until it is cleared', async () => {
      const { a, b, offerOf, task } = await start();
      const read = async (leases: Leases, from: number, limit: number): Promise<string> =>
        Buffer.from(await leases.readMessages(WORKER, fenceOf(1), from, limit)).toString();
      expect(await read(a, 0, 10)).toBe('');
      await a.offer(WORKER, offerOf(1));
      await b.claim(WORKER, fenceOf(1), DEAD_SLOT);
      expect(await read(a, 0, 10)).toBe('');
      const { speak, end } = await task(WORKER, fenceOf(1));
      await speak('first\nsec');
      expect(await read(a, 0, 100)).toBe('first\nsec');
      await speak('ond\n');
      expect(await read(b, 6, 100)).toBe('second\n');
      expect(await read(b, 6, 3)).toBe('sec');
      expect(await read(a, 13, 100)).toBe('');
      expect(await a.inbox(WORKER)).toEqual([view(1, { claim: DEAD_SLOT })]);
      expect((await a.standing(WORKER)).claimed).toEqual([{ fence: fenceOf(1), slot: DEAD_SLOT }]);
      end();
      await a.clear(WORKER, [fenceOf(1)]);
      expect(await read(a, 0, 100)).toBe('');
      expect(await a.inbox(WORKER)).toEqual([]);
    });

    test('a task is answered in order, as much as it takes, and nobody once it is gone', async () => {
      const { a, b, offerOf, task } = await start();
      const tell = (leases: Leases, text: string): Promise<number | null> =>
        leases.answer(WORKER, fenceOf(1), Buffer.from(text));
      expect(await tell(a, 'too early')).toBeNull();
      await a.offer(WORKER, offerOf(1));
      await b.claim(WORKER, fenceOf(1), DEAD_SLOT);
      const { read, end } = await task(WORKER, fenceOf(1));
      expect(await tell(a, 'one\n')).toBe(4);
      expect(await tell(b, 'two\n')).toBe(4);
      expect(await read()).toBe('one\ntwo\n');
      const large = 'x'.repeat(200_000);
      const taken = (await tell(a, large)) ?? 0;
      expect(taken).toBeGreaterThan(1_000);
      expect(taken).toBeLessThan(large.length);
      expect(await tell(a, 'no room\n')).toBe(0);
      expect(await read()).toBe(large.slice(0, taken));
      expect(await tell(a, 'room\n')).toBe(5);
      end();
      await a.clear(WORKER, [fenceOf(1)]);
      expect(await tell(a, 'too late')).toBeNull();
    });

    test('the inboxes of workers do not meet', async () => {
      const { a, b, offerOf } = await start();
      await a.offer('w1', offerOf(1));
      await a.offer('w2.b-c_d', offerOf(2));
      expect((await b.inboxes()).sort()).toEqual(['w1', 'w2.b-c_d']);
      expect(await b.withdraw('w1', fenceOf(2))).toBe(false);
      expect((await b.offers('w2.b-c_d')).map(({ fence }) => fence)).toEqual([fenceOf(2)]);
    });

    test('a hint comes after each kind of change, and none after its end', async () => {
      const { a, b, offerOf, task } = await start();
      let hints = 0;
      const end = b.onHint(WORKER, () => {
        hints += 1;
      });
      const hinted = async (change: () => Promise<unknown>): Promise<void> => {
        await settle();
        const before = hints;
        await change();
        await waitFor(() => hints > before);
      };
      await hinted(() => a.offer(WORKER, offerOf(1)));
      await hinted(() => a.claim(WORKER, fenceOf(1), DEAD_SLOT));
      await hinted(() => a.stop(WORKER, fenceOf(1), 'Stopped'));
      const { speak, end: endTask } = await task(WORKER, fenceOf(1));
      await hinted(async () => speak('a line\n'));
      endTask();
      await hinted(() => a.settle(WORKER, fenceOf(1), { outcome: LOST }));
      await settle();
      end();
      const before = hints;
      await a.clear(WORKER, [fenceOf(1)]);
      await settle();
      expect(hints).toBe(before);
    });

    test('a slot that never was is dead', async () => {
      const { a } = await start();
      expect(a.slotLiveness(DEAD_SLOT)).toBe('dead');
      expect(a.slotLiveness('nonsense')).toBe('dead');
    });

    test('whatever two sides do, a fence is taken once and its outcome never changes', async () => {
      const { a, b, offerOf } = await start();
      let next = 0;
      const action = fc.constantFrom('claim', 'withdraw', 'stop', 'settle', 'restore', 'clear');
      const step = fc.record({ action, side: fc.boolean(), of: fc.nat({ max: 2 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const counters = [1, 2, 3].map((index) => next + index);
          next += 3;
          const model = new Model();
          for (const counter of counters) {
            await a.offer(WORKER, offerOf(counter));
            model.offer(fenceOf(counter));
          }
          for (const { action: kind, side, of } of steps) {
            const leases = side ? a : b;
            const counter = counters[of] ?? 0;
            const fence = fenceOf(counter);
            if (kind === 'claim')
              expect(await leases.claim(WORKER, fence, DEAD_SLOT)).toBe(model.take(fence, DEAD_SLOT));
            if (kind === 'withdraw') expect(await leases.withdraw(WORKER, fence)).toBe(model.take(fence, null));
            if (kind === 'stop') await leases.stop(WORKER, fence, model.stop(fence, side ? 'Timeout' : 'Cancelled'));
            if (kind === 'restore' && model.isClaimed(fence))
              await leases.restoreClaim(WORKER, offerOf(counter), DEAD_SLOT);
            // Leases are settled once nobody can take them any more, and cleared once they are settled or withdrawn.
            if (kind === 'settle' && model.isClaimed(fence)) {
              const outcome = side ? SUCCESS : LOST;
              expect(await leases.settle(WORKER, fence, { outcome })).toEqual({
                outcome: model.settle(fence, outcome),
              });
            }
            if (kind === 'clear' && model.isOver(fence)) {
              await leases.clear(WORKER, [fence]);
              model.clear(fence);
            }
            expect(await (side ? b : a).inbox(WORKER)).toEqual(model.views());
          }
          await a.clear(WORKER, counters.map(fenceOf));
        }),
        { numRuns: histories },
      );
    });
  });
}

/** What stands, in the plainest words. */
class Model {
  readonly #views = new Map<string, { -readonly [K in keyof LeaseView]: LeaseView[K] }>();
  readonly #withdrawn = new Set<string>();

  offer(fence: string): void {
    this.#views.set(fence, { fence, offered: true, claim: null, stop: null, outcome: null });
  }
  take(fence: string, slot: string | null): boolean {
    const lease = this.#views.get(fence);
    if (lease?.offered !== true) return false;
    lease.offered = false;
    lease.claim = slot;
    if (slot === null) this.#withdrawn.add(fence);
    return true;
  }
  stop<T extends LeaseView['stop'] & string>(fence: string, reason: T): T {
    const lease = this.#views.get(fence) ?? { fence, offered: false, claim: null, stop: null, outcome: null };
    this.#views.set(fence, lease);
    lease.stop ??= reason;
    return reason;
  }
  isClaimed(fence: string): boolean {
    return this.#views.get(fence)?.claim != null;
  }
  isOver(fence: string): boolean {
    return this.#withdrawn.has(fence) || this.#views.get(fence)?.outcome != null;
  }
  settle(fence: string, outcome: Outcome): Outcome {
    const lease = this.#views.get(fence);
    if (lease === undefined) throw new Error('settled what is not there');
    lease.outcome ??= { outcome };
    return lease.outcome.outcome;
  }
  clear(fence: string): void {
    this.#views.delete(fence);
    this.#withdrawn.delete(fence);
  }
  views(): LeaseView[] {
    return [...this.#views.values()].sort((a, b) => (a.fence < b.fence ? -1 : 1));
  }
}

function view(counter: number, more: Partial<LeaseView> = {}): LeaseView {
  return { fence: fenceOf(counter), offered: false, claim: null, stop: null, outcome: null, ...more };
}

function offerOf(counter: number, bootId: string): Offer {
  return {
    fence: fenceOf(counter),
    run: 'etl',
    uid: '6f1c2a90-0000-4000-8000-000000000001',
    node: `n${counter}`,
    attempt: 1,
    key: 'key',
    bootId,
    executor: { type: 'command', command: 'true' },
    inputPath: '/tmp/input.json',
    logPath: '/tmp/log',
    scratch: '/tmp/scratch',
    workingDir: '/tmp',
  };
}

async function waitFor(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('expected a hint within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets hints that are on their way arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
}
