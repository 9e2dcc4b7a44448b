import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClock, monotonicMs } from '../../../runtime/clock.ts';
import { loadClockOffset } from '../../../store/file/clock-file.ts';
import { Disk } from '../../../store/file/disk.ts';
import { Paths } from '../../../store/file/paths.ts';

const BOOT = '1a2b3c4d-0000-4000-8000-000000000000';
const NEXT_BOOT = '5e6f7a8b-0000-4000-8000-000000000000';
const DAY_MS = 86_400_000;

describe('engine time', () => {
  let root: string;
  beforeEach(() => {
    root = fs.mkdtempSync(join(tmpdir(), 'oarlock-clock-'));
  });
  afterEach(() => fs.rmSync(root, { recursive: true }));
  const load = (bootId: string, wallMs: number, monotonic = 1_000): number =>
    loadClockOffset(new Disk(), new Paths(root), { bootId, wallMs, monotonicMs: monotonic });
  const file = (): string => join(root, 'controller', 'clock.1a2b3c4d.json');

  test('counts from an offset that all processes of a boot share, whatever the wall clock does (L5)', () => {
    expect(load(BOOT, 5_000_000)).toBe(4_999_000);
    expect(load(BOOT, 5_000_000 + DAY_MS, 2_000)).toBe(4_999_000);
    expect(load(BOOT, 5_000_000 - DAY_MS, 3_000)).toBe(4_999_000);
  });

  test('starts anew with the next boot, and forgets the one before', () => {
    load(BOOT, 5_000_000);
    expect(load(NEXT_BOOT, 9_000_000, 10)).toBe(8_999_990);
    expect(fs.readdirSync(join(root, 'controller'))).toEqual(['clock.5e6f7a8b.json']);
  });

  test('a file that is cut at any byte is made anew, never guessed at', () => {
    load(BOOT, 5_000_000);
    const whole = fs.readFileSync(file(), 'utf8');
    for (let length = 0; length < whole.length - 1; length += 1) {
      fs.writeFileSync(file(), whole.slice(0, length));
      expect(load(BOOT, 7_000_000)).toBe(6_999_000);
      fs.writeFileSync(file(), whole);
      expect(load(BOOT, 7_000_000)).toBe(4_999_000);
    }
  });

  test('does not go back, and is the monotonic clock plus the offset', () => {
    const clock = createClock(1_000_000);
    const before = monotonicMs();
    const first = clock.now();
    const second = clock.now();
    expect(first.time).toBeGreaterThanOrEqual(Math.floor(before) + 1_000_000);
    expect(first.time).toBeLessThanOrEqual(monotonicMs() + 1_000_000);
    expect(second.time).toBeGreaterThanOrEqual(first.time);
    expect(Math.abs(first.wall - Date.now())).toBeLessThan(1_000);
  });

  test('calls back after a while, once, and not when it was cancelled; waits longer than a timer can hold do not fire at once', async () => {
    const clock = createClock(0);
    const calls: string[] = [];
    clock.after(1, () => calls.push('cancelled'))();
    const endLong = clock.after(2 ** 40, () => calls.push('long'));
    await new Promise<void>((resolve) => void clock.after(5, () => resolve()));
    expect(calls).toEqual([]);
    endLong();
  });
});
