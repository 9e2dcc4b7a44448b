// The heart of it, over random workflows, promises and changes: the checker means what the oracle says, the picture covers what is accepted
// (sound), and each of its ghosts can come (tight). A tape that ever failed stands in failed-tapes.ts and is played first.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
const RUNS = Number(process.env['PROMISE_RUNS'] ?? 4000);

function all(property: (numbers: readonly number[]) => void, numRuns: number): void {
  for (const numbers of FAILED_TAPES) property(numbers);
  fc.assert(fc.property(tapes, property), { numRuns });
}

describe('over random workflows, promises and changes', () => {
  test('a change is accepted exactly when the promises, taken by their words, allow it; and then it was in the picture', {
    timeout: 300_000,
  }, () => {
    const seen = { yes: 0, no: 0, broken: 0 };
    all((numbers) => {
      play(numbers, ({ driver: { run }, change, answer, picture }) => {
        const expected = verdict(plainOf(run), change);
        seen[expected] += 1;
        const context = JSON.stringify({ change, promises: run.registration.change.promises, picture });
        expect(answer, context).toBe(expected);
        if (answer === 'yes') expect(uncovered(picture, plainOf(run), change), context).toBeNull();
      });
    }, RUNS);
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(RUNS / 4);
  });

  test('tight: each ghost can come, by those that it names', { timeout: 300_000 }, () => {
    all((numbers) => {
      play(numbers, ({ driver: { run }, picture, choose }) => {
        if (choose(4) !== 0) return;
        const plain = plainOf(run);
        const ghosts = picture.ghosts.filter(({ isImpossible }) => isImpossible !== true);
        for (const ghost of ghosts) {
          const context = JSON.stringify({
            ghost,
            picture,
            edges: [...plain.edges],
            promises: run.registration.change.promises,
          });
          expect(made(picture, plain, ghost) !== null, context).toBe(true);
        }
      });
    }, RUNS / 10);
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
