import { describe, expect, test } from 'vitest';
import { GroupSync } from '../../../store/file/group-sync.ts';
import { HandClock } from '../../support/hand-clock.ts';

class Platter {
  readonly clock = new HandClock();
  readonly #ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  begun = 0;
  readonly sync = new GroupSync({
    clock: this.clock,
    delayMs: 20,
    seq: 0,
    sync: () => {
      this.begun += 1;
      return new Promise((resolve, reject) => {
        this.#ends.push({ resolve, reject });
      });
    },
    refusal: (cause) => new Error('refused', { cause }),
  });

  async end(error?: Error): Promise<void> {
    const waiting = this.#ends.shift();
    if (waiting === undefined) throw new Error('no sync runs');
    if (error === undefined) waiting.resolve();
    else waiting.reject(error);
    await turns();
  }
}

/** Lets everything run that waits for no timer. */
async function turns(): Promise<void> {
  for (let count = 0; count < 10; count += 1) await Promise.resolve();
}

/** What became of promises, by name. */
function watch(promises: { [name: string]: Promise<void> }): Set<string> {
  const answered = new Set<string>();
  for (const [name, promise] of Object.entries(promises)) {
    promise.then(
      () => answered.add(name),
      () => answered.add(`${name} refused`),
    );
  }
  return answered;
}

describe('group sync', () => {
  test('what is written and waited for in one turn shares one sync', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    const one = platter.sync.recorded(1);
    platter.sync.written(2);
    const two = platter.sync.recorded(2);
    const answered = watch({ one, two });
    await turns();
    expect(platter.begun).toBe(1);
    expect(answered.size).toBe(0);
    await platter.end();
    expect([...answered]).toEqual(['one', 'two']);
    expect(platter.begun).toBe(1);
  });

  test('who comes while a sync runs is answered by the next, and all of them by one', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    const answered = watch({ one: platter.sync.recorded(1) });
    await turns();
    platter.sync.written(2);
    const two = watch({ two: platter.sync.recorded(2) });
    platter.sync.written(3);
    const three = watch({ three: platter.sync.recorded(3) });
    await turns();
    expect(platter.begun).toBe(1);
    await platter.end();
    expect([answered.size, two.size, three.size]).toEqual([1, 0, 0]);
    expect(platter.begun).toBe(2);
    await platter.end();
    expect([two.size, three.size]).toEqual([1, 1]);
    expect(platter.begun).toBe(2);
  });

  test('a sync follows 20 ms after a write that nobody waits for, and not before', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    platter.clock.advance(19);
    await turns();
    expect(platter.begun).toBe(0);
    platter.sync.written(2);
    platter.clock.advance(1);
    await turns();
    expect(platter.begun).toBe(1);
    await platter.end();
    await platter.sync.recorded(2);
    expect(platter.clock.waiting).toBe(0);
  });

  test('a write during a sync is synced at most 20 ms later', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    const first = watch({ one: platter.sync.recorded(1) });
    await turns();
    platter.sync.written(2);
    platter.clock.advance(20);
    await turns();
    expect(platter.begun).toBe(1);
    await platter.end();
    expect(first.size).toBe(1);
    expect(platter.begun).toBe(2);
    await platter.end();
    await platter.sync.recorded(2);
  });

  test('nothing is synced when all is on the platter already', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    const answered = watch({ one: platter.sync.recorded(1) });
    await turns();
    await platter.end();
    expect(answered.size).toBe(1);
    platter.clock.advance(100);
    await platter.sync.recorded(1);
    expect(platter.begun).toBe(1);
  });

  test('a failed sync refuses all waiters, now and later, and is never tried again', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    const one = platter.sync.recorded(1);
    await turns();
    platter.sync.written(2);
    const two = platter.sync.recorded(2);
    const answered = watch({ one, two });
    await platter.end(new Error('EIO'));
    expect([...answered]).toEqual(['one refused', 'two refused']);
    await expect(platter.sync.recorded(1)).rejects.toMatchObject({ message: 'refused', cause: { message: 'EIO' } });
    platter.sync.written(3);
    platter.clock.advance(100);
    await platter.sync.finish();
    expect(platter.begun).toBe(1);
  });

  test('a failed sync that nobody waits for is found by the next who waits', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    platter.clock.advance(20);
    await turns();
    await platter.end(new Error('EIO'));
    await expect(platter.sync.recorded(1)).rejects.toThrow('refused');
  });

  test('the end syncs what is left', async () => {
    const platter = new Platter();
    platter.sync.written(1);
    const end = watch({ end: platter.sync.finish() });
    await turns();
    expect([platter.begun, end.size]).toEqual([1, 0]);
    await platter.end();
    expect(end.size).toBe(1);
    expect(platter.clock.waiting).toBe(0);
  });
});
