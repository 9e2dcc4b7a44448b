// The two containers of the kernel against naive ones: timers against a sorted list, the node queue against a list.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Node } from '../../../kernel/node.ts';
import { NodeQueue } from '../../../kernel/node-queue.ts';
import { dueAfter, type Timer, TimerHeap } from '../../../kernel/timers.ts';
import { COMMAND } from '../../support/graph-text.ts';

interface Owner {
  readonly id: number;
  timer: Timer<Owner> | null;
}

describe('timers', () => {
  const acts = fc.array(
    fc.oneof(
      fc.record({ type: fc.constant('set' as const), owner: fc.nat({ max: 20 }), due: fc.nat({ max: 50 }) }),
      fc.record({ type: fc.constant('cancel' as const), owner: fc.nat({ max: 20 }) }),
      fc.record({ type: fc.constant('look' as const), now: fc.nat({ max: 60 }) }),
    ),
    { maxLength: 120, size: 'max' },
  );

  test('say what is due and what comes next as a sorted list would', () => {
    fc.assert(
      fc.property(acts, (list) => {
        const owners = Array.from({ length: 21 }, (_, id): Owner => ({ id, timer: null }));
        const heap = new TimerHeap<Owner>((timer) => timer.owner.timer === timer);
        for (const act of list) {
          const owner = owners['owner' in act ? act.owner : 0] as Owner;
          if (act.type === 'set') {
            owner.timer = { due: act.due, owner };
            heap.add(owner.timer);
          } else if (act.type === 'cancel') owner.timer = null;
          else {
            const expected = owners.filter(({ timer }) => timer !== null && timer.due <= act.now).map(({ id }) => id);
            const found = heap.due(act.now).map(({ id }) => id);
            expect(found.sort((left, right) => left - right)).toEqual(expected);
          }
          const dues = owners.flatMap(({ timer }) => (timer === null ? [] : [timer.due]));
          if (list.length % 2 === 0) expect(heap.next()).toBe(dues.length === 0 ? undefined : Math.min(...dues));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('an instant beyond all counting is far away and finite', () => {
    expect(dueAfter(1000, 500)).toBe(1500);
    expect(JSON.parse(JSON.stringify([dueAfter(5, Number.POSITIVE_INFINITY), dueAfter(5, 1e300)]))).toEqual([
      Number.MAX_SAFE_INTEGER,
      Number.MAX_SAFE_INTEGER,
    ]);
  });
});

describe('node queue', () => {
  const nodes = Array.from({ length: 60 }, (_, index) => new Node(`n${index}`, { executor: COMMAND }, null));
  const acts = fc.array(fc.tuple(fc.constantFrom('add', 'add', 'delete', 'shift'), fc.constantFrom(...nodes)), {
    maxLength: 400,
    size: 'max',
  });

  test('keeps the order of a list, whoever leaves', () => {
    fc.assert(
      fc.property(acts, (list) => {
        const queue = new NodeQueue();
        let naive: Node[] = [];
        for (const [act, node] of list) {
          const leaving = act === 'shift' ? naive[0] : node;
          if (act === 'add') {
            queue.add(node);
            if (!naive.includes(node)) naive.push(node);
          } else if (leaving !== undefined) {
            queue.delete(leaving);
            naive = naive.filter((other) => other !== leaving);
          }
          expect(queue.size).toBe(naive.length);
          expect(queue.first).toBe(naive[0] ?? null);
          expect(queue.has(node)).toBe(naive.includes(node));
        }
        expect([...queue]).toEqual(naive);
      }),
      { numRuns: 300 },
    );
  });

  test('takes 300,000 from the front in no time', () => {
    const queue = new NodeQueue();
    for (let index = 0; index < 300_000; index += 1) queue.add(new Node(String(index), { executor: COMMAND }, null));
    let count = 0;
    for (let node = queue.first; node !== null; node = queue.first) {
      queue.delete(node);
      count += 1;
    }
    expect(count).toBe(300_000);
  });
});
