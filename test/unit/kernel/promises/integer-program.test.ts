// The greatest sum under bounds, held against trying everything.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { greatest, type Row } from '../../../../kernel/promises/integer-program.ts';

function row(terms: readonly number[], limit: number): Row {
  return { terms: new Map(terms.entries()), limit };
}

function most(goal: readonly number[], rows: readonly Row[], top: number): number {
  const all = goal.reduce<number[][]>(
    (lists) => lists.flatMap((list) => Array.from({ length: top + 1 }, (_, value) => [...list, value])),
    [[]],
  );
  const fits = all.filter((values) =>
    rows.every(
      ({ terms, limit }) => [...terms].reduce((sum, [at, times]) => sum + times * (values[at] ?? 0), 0) <= limit,
    ),
  );
  return Math.max(...fits.map((values) => goal.reduce((sum, times, at) => sum + times * (values[at] ?? 0), 0)));
}

const NO_CASES = (): null => null;

describe('the greatest sum', () => {
  test('is that which trying everything finds', () => {
    const terms = fc.array(fc.integer({ min: -3, max: 4 }), { minLength: 3, maxLength: 3 });
    const rows = fc.array(fc.tuple(terms, fc.nat({ max: 12 })), { maxLength: 4 });
    const goals = fc.array(fc.nat({ max: 3 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(goals, rows, (goal, some) => {
        const TOP = 5;
        const box = goal.map((_, at) =>
          row(
            goal.map((__, other) => Number(at === other)),
            TOP,
          ),
        );
        const all = [...some.map(([one, limit]) => row(one, limit)), ...box];
        expect(greatest(goal.length, new Map(goal.entries()), all, NO_CASES)).toBe(most(goal, all, TOP));
      }),
      { numRuns: 2000 },
    );
  });

  test('has no bound where nothing bounds it', () => {
    expect(greatest(2, new Map([[0, 1]]), [row([1, -1], 3)], NO_CASES)).toBe(Number.POSITIVE_INFINITY);
  });

  test('is looked for in each case, where a solution does not count', () => {
    const atMost = row([1, 1], 5);
    const isOne = ([left = 0, right = 0]: readonly number[]): Row[] | null =>
      left > 0 && right > 0 ? [row([1, 0], 0), row([0, 1], 0)] : null;
    const goal = new Map([
      [0, 1],
      [1, 1],
    ] as const);
    expect(greatest(2, goal, [atMost, row([1, 0], 3), row([0, 1], 4)], isOne)).toBe(4);
  });

  test('is never told too small where numbers are too great to count exactly', () => {
    const great = 2 ** 40;
    const rows = [
      row([great, -great + 1, 7], great),
      row([-3, great, great - 5], great),
      row([5, 3, great], great - 1),
    ];
    expect(
      greatest(
        3,
        new Map([
          [0, 1],
          [1, 1],
          [2, 1],
        ] as const),
        rows,
        NO_CASES,
      ),
    ).toBeGreaterThanOrEqual(2);
  });
});
