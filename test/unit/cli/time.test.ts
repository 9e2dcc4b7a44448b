import fc from 'fast-check';
import { expect, test } from 'vitest';
import { age, clockTime, dateTime, duration } from '../../../cli/output/time.ts';

test.each([
  [0, '0ms'],
  [-5, '0ms'],
  [12, '12ms'],
  [999, '999ms'],
  [1_000, '1.0s'],
  [1_249, '1.2s'],
  [9_949, '9.9s'],
  [9_960, '10s'],
  [42_300, '42s'],
  [59_499, '59s'],
  [60_000, '1m'],
  [184_000, '3m4s'],
  [3_599_600, '1h'],
  [7_500_000, '2h5m'],
  [86_400_000, '1d'],
  [273_600_000, '3d4h'],
])('%i ms is written %s', (ms, text) => expect(duration(ms)).toBe(text));

test.each([
  [0, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [7_199_000, '119m'],
  [7_200_000, '2h'],
  [172_800_000, '2d'],
])('an age of %i ms is written %s', (ms, text) => expect(age(ms)).toBe(text));

test('a duration never takes more than seven columns within 999 days', () => {
  fc.assert(fc.property(fc.nat(999 * 86_400_000), (ms) => duration(ms).length <= 7));
});

test('clock and date have fixed forms in local time', () => {
  const wall = new Date(2026, 0, 5, 7, 8, 9, 12).getTime();
  expect(clockTime(wall)).toBe('07:08:09');
  expect(dateTime(wall)).toBe('2026-01-05 07:08:09.012');
});
