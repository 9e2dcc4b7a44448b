// The heart of it, over random workflows, promises and changes: the checker means what the oracle says, the picture covers what is accepted
// (sound), and each of its ghosts can come (tight). A tape that ever failed stands in failed-tapes.ts and is played first.

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { apply, newRun } from '../../../../kernel/apply.ts';
import { futures } from '../../../../kernel/futures.ts';
import type { Futures } from '../../../../kernel/ghost.ts';
import type { JsonObject } from '../../../../kernel/json.ts';
import type { Run } from '../../../../kernel/run.ts';
import { freeze, thaw } from '../../../../kernel/snapshot.ts';
import { fits, verdict } from '../../../support/promise-oracle.ts';
import { made, uncovered } from '../../../support/promise-picture.ts';
import { play } from '../../../support/promise-play.ts';
import { plainOf } from '../../../support/promise-world.ts';
import { FAILED_TAPES } from './failed-tapes.ts';

const tapes = fc.array(fc.nat({ max: 2 ** 16 }), { minLength: 30, maxLength: 160, size: 'max' });
const RUNS = Number(process.env['PROMISE_RUNS'] ?? 2500);

describe('over random workflows, promises and changes', () => {
  const seen = { yes: 0, no: 0, broken: 0, ghosts: 0, slowest: 0 };

  function all(property: (numbers: readonly number[]) => void, numRuns: number): void {
    const timed = (numbers: readonly number[]): void => {
      const start = performance.now();
      property(numbers);
      seen.slowest = Math.max(seen.slowest, performance.now() - start);
    };
    for (const numbers of FAILED_TAPES) timed(numbers);
    fc.assert(fc.property(tapes, timed), { numRuns });
  }

  afterAll(() => {
    const { yes, no, broken, ghosts, slowest } = seen;
    const text = (count: number): string => Math.round(count).toLocaleString('en-US');
    const sound = `sound: ${text(yes + no + broken)} changes, ${text(yes)} accepted, ${text(broken)} broke a promise`;
    console.info(`${sound}; tight: ${text(ghosts)} ghosts; slowest tape ${text(slowest)} ms`);
  });

  test('a change is accepted exactly when the promises, taken by their words, allow it; and then it was in the picture', {
    timeout: 300_000,
  }, () => {
    all((numbers) => {
      play(numbers, ({ driver: { run }, asked, picture }) => {
        const plain = plainOf(run);
        for (const { change, answer } of asked) {
          const expected = verdict(plain, change);
          seen[expected] += 1;
          const problem = answer === 'yes' ? uncovered(picture, plain, change) : null;
          if (answer === expected && problem === null) continue;
          const context = JSON.stringify({ change, promises: plain.promises, picture });
          expect({ answer, problem }, context).toEqual({ answer: expected, problem: null });
        }
      });
    }, RUNS);
    expect(Math.min(seen.yes, seen.no, seen.broken), JSON.stringify(seen)).toBeGreaterThan(RUNS / 4);
  });

  test('tight: each ghost can come, by those that it names', { timeout: 300_000 }, () => {
    all((numbers) => {
      play(numbers, ({ driver: { run }, picture, choose }) => {
        if (choose(4) > 1) return;
        const plain = plainOf(run);
        const ghosts = picture.ghosts.filter(({ isImpossible }) => isImpossible !== true);
        seen.ghosts += ghosts.length;
        for (const ghost of ghosts) {
          if (made(picture, plain, ghost) !== null) continue;
          const { edges, promises } = plain;
          expect.fail(JSON.stringify({ ghost, picture, edges: [...edges], promises }));
        }
      });
    }, RUNS / 5);
  });

  test('a snapshot, and the journal read again, know the same', { timeout: 300_000 }, () => {
    all((numbers) => {
      const driver = play(numbers, () => undefined);
      if (driver === null) return;
      const thawed = thaw(JSON.parse(JSON.stringify(freeze(driver.run))) as JsonObject);
      const again = driver.journal.reduce<Run | null>(
        (run, event) => (event.type === 'Registered' ? newRun(event) : run === null ? null : apply(run, event)),
        null,
      );
      for (const run of [thawed, again]) expect(run === null ? null : futures(run)).toEqual(futures(driver.run));
    }, RUNS / 10);
  });

  test('no more of a task come than the picture had room for', { timeout: 300_000 }, () => {
    all((numbers) => {
      const first: { picture: Futures; known: number }[] = [];
      const driver = play(
        numbers,
        ({ driver: { run }, picture }) => void (first.length === 0 && first.push({ picture, known: run.nodes.size })),
      );
      const [start] = first;
      if (driver === null || start === undefined) return;
      const added = [...driver.run.nodes.values()].slice(start.known);
      for (const task of ['M', 'N', 'P', null]) {
        const room = start.picture.ghosts
          .filter((ghost) => ghost.task === null || ghost.task === task)
          .reduce((sum, { atMost }) => sum + (atMost ?? Number.POSITIVE_INFINITY), 0);
        expect(added.filter((node) => (node.task.task ?? null) === task).length).toBeLessThanOrEqual(room);
      }
    }, RUNS / 5);
  });

  test('a run that ends well has kept every promise, and one that has not says so', { timeout: 300_000 }, () => {
    all((numbers) => {
      const driver = play(numbers, () => undefined)?.finish();
      if (driver === undefined) return;
      const { run } = driver;
      const whole = run.promises.rules.every((rule) => !rule.isUnmet);
      expect(run.end?.reason, JSON.stringify(run.registration.change.promises)).toBe(
        whole ? 'Succeeded' : 'PromiseBroken',
      );
      for (const spec of run.registration.change.promises ?? [])
        if (spec.shape !== undefined) expect(fits(spec, plainOf(run))).toBe(true);
    }, RUNS / 5);
  });
});
