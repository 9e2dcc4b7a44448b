// Bounds on ghosts are exact: as many can come as the picture says, and no more; and what must come is given up exactly when it cannot.

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { checkRegistration } from '../../../../kernel/change.ts';
import { futures } from '../../../../kernel/futures.ts';
import { matcherOf } from '../../../../kernel/promises/selector.ts';
import { namedOf } from '../../../../kernel/promises/table.ts';
import { Driver } from '../../../support/kernel-driver.ts';
import { boundedWorld, mostOf } from '../../../support/promise-most.ts';
import { tape } from '../../../support/promise-world.ts';

const RUNS = Math.ceil(Number(process.env['PROMISE_RUNS'] ?? 2500) / 15);
const tapes = fc.array(fc.nat({ max: 2 ** 16 }), { minLength: 30, maxLength: 60, size: 'max' });

describe('over small worlds with bounds that overlap', () => {
  const seen = { worlds: 0, bounds: 0, reached: 0, lost: 0, kept: 0 };

  afterAll(() => {
    const { worlds, bounds, reached, lost, kept } = seen;
    const judged = `${lost} promises given up, ${kept} not`;
    console.info(
      `exact: ${worlds} worlds, ${bounds} bounds on ghosts, ${reached} seen reached, the others too far; ${judged}`,
    );
  });

  /** Its first node runs. */
  function begun(made: ReturnType<typeof boundedWorld>): Driver | null {
    if (checkRegistration(made) !== null) return null;
    const driver = new Driver(made).settle();
    driver.offer();
    return driver;
  }

  test('so many of a ghost can come, by accepted changes, and no more', { timeout: 300_000 }, () => {
    const property = (numbers: readonly number[]): void => {
      const driver = begun(boundedWorld(tape(numbers)));
      if (driver === null) return;
      const truth = mostOf(driver.run, futures(driver.run));
      if (truth === null) return;
      seen.worlds += 1;
      for (const [ghost, most] of truth.most) {
        const context = JSON.stringify({ ghost, promises: driver.run.registration.change.promises });
        const { atMost } = ghost;
        if (truth.isWhole) expect(atMost, context).toBe(most);
        else expect(atMost ?? most, context).toBeGreaterThanOrEqual(most);
        if (atMost !== null) seen.bounds += 1;
        if (atMost === most) seen.reached += 1;
      }
    };
    fc.assert(fc.property(tapes, property), { numRuns: RUNS });
    expect(seen.reached).toBeGreaterThan(RUNS / 4);
  });

  test('what must come is given up at once, exactly when so many cannot come', { timeout: 300_000 }, () => {
    const property = (numbers: readonly number[], atLeast: number, by: 'A' | 'P' | undefined): void => {
      const before = begun(boundedWorld(tape(numbers)));
      if (before === null || before.run.brokenPromise !== null) return;
      const creator = by === 'P' ? { task: by } : by;
      const binds = matcherOf(creator);
      const truth = mostOf(before.run, futures(before.run), (node) => binds(namedOf(node)));
      if (truth === null || (!truth.isWhole && truth.added < atLeast)) return;
      const must = { only: { atLeast }, ...(creator === undefined ? {} : { by: creator }) };
      const made = boundedWorld(tape(numbers), [must]);
      const isLost = begun(made)?.run.brokenPromise !== null;
      expect(isLost, JSON.stringify({ promises: made.change.promises, most: truth.added })).toBe(truth.added < atLeast);
      seen[isLost ? 'lost' : 'kept'] += 1;
    };
    const bounds = fc.integer({ min: 1, max: 6 });
    const creators = fc.constantFrom('A' as const, 'P' as const, undefined);
    fc.assert(fc.property(tapes, bounds, creators, property), { numRuns: RUNS });
    expect(Math.min(seen.lost, seen.kept)).toBeGreaterThan(RUNS / 20);
  });
});
