// The Clock port on the real clock.
//
// Engine time is monotonic time, which counts from boot and is the same for every process of a boot, plus an offset that the store
// keeps for that boot: so all processes agree, and a wall clock that jumps moves nothing. Wall time is for people only.

import type { Clock } from '../kernel/ports.ts';

const NS_PER_MS = 1_000_000n;
/** setTimeout takes 32 bits; a longer wait wakes early, and whoever waits looks again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds since boot, the same in all processes of a boot. */
export function monotonicMs(): number {
  const ns = process.hrtime.bigint();
  return Number(ns / NS_PER_MS) + Number(ns % NS_PER_MS) / 1e6;
}

/** Wall time, for ages of files and for showing instants to people. */
export function wallMs(): number {
  return Date.now();
}

export function createClock(offset: number): Clock {
  return {
    now: () => ({ time: Math.floor(monotonicMs() + offset), wall: wallMs() }),
    after(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS));
      return () => clearTimeout(timer);
    },
  };
}
