// What must hold for every run, whatever happens to it: random graphs, random moves of workers, people and time.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply, foresee, newRun } from '../../../kernel/apply.ts';
import { decide, desiredLeases } from '../../../kernel/decide.ts';
import type { RunEvent } from '../../../kernel/events.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import type { Node } from '../../../kernel/node.ts';
import type { Run } from '../../../kernel/run.ts';
import { freeze, thaw } from '../../../kernel/snapshot.ts';
import type { Watch } from '../../support/kernel-driver.ts';
import { dump, expectSame, isEnded, isMock, problemsOf, verdict } from '../../support/kernel-oracle.ts';
import { play, type World, worlds } from '../../support/kernel-world.ts';

const RUNS = { numRuns: 400 };

function check(property: (world: World) => void): void {
  fc.assert(fc.property(worlds, property), RUNS);
}

function roundTrip<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function fold(events: readonly RunEvent[]): Run {
  const [first, ...rest] = events;
  if (first?.type !== 'Registered') throw new Error('expected a journal that begins with Registered');
  const run = newRun(first);
  for (const event of rest) apply(run, event);
  return run;
}

describe('after every event', () => {
  test('every counter and queue equals a recount', () => {
    check((world) => {
      play(world, (run) => () => expect(problemsOf(run)).toEqual([]));
    });
  });

  test('what has ended stays as it is until a new round', () => {
    const ended = (run: Run, event: RunEvent): Map<Node, string> => {
      const reset = new Set(event.type === 'RoundOpened' ? [...event.reset, ...event.withdrawn] : []);
      const nodes = [...run.nodes.values()].filter((node) => isEnded(node) && !reset.has(node.id));
      return new Map(nodes.map((node) => [node, inWords(node)]));
    };
    const watch: Watch = (run, event) => {
      const before = ended(run, event);
      const { end } = run;
      return () => {
        for (const [node, words] of before) expect(inWords(node)).toBe(words);
        if (end !== null && event.type !== 'RoundOpened') expect(run.end).toBe(end);
      };
    };
    check((world) => void play(world, watch));
  });

  test('nothing starts that may not', () => {
    check((world) => void play(world, forbidStarts));
  });

  test('failures and losses stay within their budgets', () => {
    check((world) => {
      const spent = new Map<string, { failures: number; losses: number }>();
      play(world, (run, event) => {
        const node = 'node' in event ? run.nodes.get(event.node) : undefined;
        if ((event.type !== 'Ended' && event.type !== 'InlineEnded') || node?.current == null) return undefined;
        if (event.type === 'Ended' && node.current.fence !== event.fence) return undefined;
        const key = `${node.id}/${node.round}/${String(node.createdBy)}/${run.rounds}`;
        const count = spent.get(key) ?? { failures: 0, losses: 0 };
        spent.set(key, count);
        const { outcome } = event;
        if (outcome.result === 'Failure' || (outcome.result === 'Stopped' && outcome.reason === 'Timeout'))
          count.failures += 1;
        if (outcome.result === 'Lost') count.losses += 1;
        const allowed = (node.task.retry ?? []).reduce((sum, rule) => sum + rule.maxAttempts, 1);
        expect(count.failures).toBeLessThanOrEqual(allowed);
        expect(count.losses).toBeLessThanOrEqual(11);
        return undefined;
      });
    });
  });

  test('what is foreseen of an outcome is what comes of it', () => {
    check((world) => {
      play(world, (run, event) => {
        const node = 'node' in event ? run.nodes.get(event.node) : undefined;
        if ((event.type !== 'Ended' && event.type !== 'InlineEnded') || node?.current == null) return undefined;
        if (event.type === 'Ended' && node.current.fence !== event.fence) return undefined;
        const foreseen = foresee(run, node, event.outcome);
        return () => {
          const found =
            { SUCCESS: 'Success', CANCELLED: 'Stopped', RETRYING: 'Again' }[String(node.state)] ?? node.error;
          expect(found).toEqual(foreseen);
        };
      });
    });
  });

  test('deciding changes nothing, and deciding again says the same', () => {
    const now = (run: Run): { time: number; wall: number } => ({ time: run.time + 700, wall: run.updatedAt + 700 });
    check((world) => {
      play(world, (run) => () => {
        const before = dump(run);
        const first = decide(run, now(run));
        expectSame(decide(run, now(run)), first);
        expectSame(dump(run), before);
      });
    });
  });

  test('desired leases are those of the attempts that stand, and unclaimed ones go when nothing may start', () => {
    check((world) => {
      play(world, (run) => () => {
        const holdBack = run.isSuspended || run.isFailing || run.isCancelRequested || run.restarts.length > 0;
        const expected = [...run.nodes.values()].flatMap(({ id, current }) => {
          if (current?.fence == null) return [];
          const want = current.stopping !== null ? 'Stop' : holdBack && current.slot === null ? 'Withdraw' : 'Stand';
          return [{ id, fence: current.fence, worker: current.worker, want, reason: current.stopping }];
        });
        const found = desiredLeases(run).map(({ node, ...rest }) => ({ id: node.id, ...rest }));
        expect(found.sort(byId)).toEqual(expected.sort(byId));
      });
    });
  });
});

describe('replay', () => {
  test('a journal that went through JSON gives the same run', () => {
    check((world) => {
      const { run, journal } = play(world);
      expectSame(dump(fold(roundTrip(journal))), dump(run));
    });
  });

  test('a snapshot at any moment, and the rest of the journal, gives the same run', () => {
    fc.assert(
      fc.property(worlds, fc.nat(), (world, pick) => {
        const { run, journal } = play(world);
        const cut = 1 + (pick % journal.length);
        const prefix = fold(journal.slice(0, cut));
        const thawed = thaw(roundTrip(freeze(prefix)) as JsonObject);
        if (thawed === null) throw new Error('expected a run');
        expectSame(dump(thawed), dump(prefix));
        for (const event of journal.slice(cut)) apply(thawed, event);
        expectSame(dump(thawed), dump(run));
      }),
      { numRuns: 1500 },
    );
  });

  test('a snapshot does not move when the run goes on', () => {
    fc.assert(
      fc.property(worlds, fc.nat(), (world, pick) => {
        const { journal } = play(world);
        const cut = 1 + (pick % journal.length);
        const run = fold(journal.slice(0, cut));
        const frozen = freeze(run);
        const text = JSON.stringify(frozen);
        for (const event of journal.slice(cut)) apply(run, event);
        expect(JSON.stringify(frozen)).toBe(text);
      }),
      RUNS,
    );
  });
});

function inWords(node: Node): string {
  const { state, startedAt, finishedAt, output, error, attempts, isHandled, endedBecause } = node;
  return JSON.stringify([state, startedAt, finishedAt, output, error, attempts, isHandled, endedBecause]);
}

function byId(left: { id: string }, right: { id: string }): number {
  return left.id < right.id ? -1 : 1;
}

const forbidStarts: Watch = (run, event) => {
  if (event.type !== 'Offered' && event.type !== 'InlineStarted' && event.type !== 'InlineEnded') return undefined;
  const node = run.nodes.get(event.node);
  // Only an instant node begins with its end.
  if (event.type === 'InlineEnded' && node?.task.executor.type !== 'inline') return undefined;
  if (node === undefined) throw new Error(`a start of nobody: ${event.node}`);
  // An attempt after the first needs no look at the predecessors: they are as they were.
  if (node.state === 'PENDING') expect(verdict(node)).toBe('ready');
  else expect(node.state).toBe('RETRYING');
  expect(node.current).toBeNull();
  expect([run.end, run.isSuspended, run.isCancelRequested, run.isFailing, run.restarts.length]).toEqual([
    null,
    false,
    false,
    false,
    0,
  ]);
  if (event.type === 'Offered' || isMock(node)) expect(run.active).toBeLessThan(run.parallelism);
  if (event.type !== 'InlineEnded') expect(event.attempt).toBe(node.attempts + 1);
  return undefined;
};
