// Waiting for a computation, but not for long.

import { describe, expect, test } from 'vitest';
import { Slow } from '../../../controller/slow.ts';
import { HandClock } from '../../support/hand-clock.ts';

describe('a slow computation', () => {
  test('that is there in time is given, and nobody is called', async () => {
    const clock = new HandClock();
    let calls = 0;
    const slow = new Slow(Promise.resolve('value'));
    expect(await slow.within(20, clock, () => (calls += 1))).toBe('value');
    expect([clock.waiting, calls]).toEqual([0, 0]);
  });

  test('that takes longer is called for once, and then it is there', async () => {
    const clock = new HandClock();
    let finish: ((value: string) => void) | undefined;
    const slow = new Slow(new Promise<string>((resolve) => (finish = resolve)));
    const called = new Promise<void>((resolve) => {
      const first = slow.within(20, clock, resolve);
      clock.advance(20);
      void first.then((value) => {
        expect(value).toBeUndefined();
        finish?.('late');
      });
    });
    await called;
    expect(await slow.within(20, clock, () => undefined)).toBe('late');
  });

  test('that fails says so to whoever waits for it', async () => {
    const slow = new Slow(Promise.reject(new Error('broken')));
    await expect(slow.within(20, new HandClock(), () => undefined)).rejects.toThrow('broken');
  });
});
