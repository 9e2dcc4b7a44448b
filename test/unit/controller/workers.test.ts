// Which worker gets the next attempt.

import { expect, test } from 'vitest';
import { Workers } from '../../../controller/workers.ts';
import type { WorkerView } from '../../../store/store.ts';

const view = (name: string, slots: number, rest: Partial<WorkerView> = {}): WorkerView => ({
  name,
  slots,
  alive: true,
  draining: false,
  pid: 1,
  ...rest,
});

function fill(workers: Workers, count: number): (string | null)[] {
  return Array.from({ length: count }, (_, at) => {
    const name = workers.pick();
    if (name !== null) workers.hold(name, `f${at}`);
    return name;
  });
}

test('the worker with the most free slots is next, equals take turns', () => {
  const workers = new Workers();
  workers.update([view('small', 1), view('large', 3)]);
  expect(fill(workers, 4)).toEqual(['large', 'large', 'small', 'large']);
});

test('no more stands with a worker than its slots and one', () => {
  const workers = new Workers();
  workers.update([view('w', 2)]);
  expect(fill(workers, 4)).toEqual(['w', 'w', 'w', null]);
});

test('more stands with a worker whose attempts are tiny', () => {
  const workers = new Workers();
  workers.update([view('w', 2)]);
  workers.hold('w', 'first');
  workers.release('w', 'first', 1);
  expect(fill(workers, 9)).toEqual([...Array.from({ length: 8 }, () => 'w'), null]);
});

test.each([
  { what: 'dead', rest: { alive: false } },
  { what: 'draining', rest: { draining: true } },
])('a $what worker gets nothing', ({ rest }) => {
  const workers = new Workers();
  workers.update([view('w', 2, rest)]);
  expect(workers.pick()).toBeNull();
  expect(workers.isServing('w')).toBe(false);
});

test('a worker that went is kept while something stands with it', () => {
  const workers = new Workers();
  workers.update([view('w', 2)]);
  workers.hold('w', 'f');
  workers.update([]);
  expect(workers.names).toEqual(['w']);
  workers.release('w', 'f');
  workers.update([]);
  expect(workers.names).toEqual([]);
});

test('an offer waits at a worker that has more than it can run', () => {
  const workers = new Workers();
  workers.update([view('w', 1), view('idle', 1)]);
  workers.hold('w', 'a');
  workers.hold('w', 'b');
  expect(workers.isOverfull('w')).toBe(true);
  expect(workers.hasIdleSlotBesides('w')).toBe(true);
  expect(workers.hasIdleSlotBesides('idle')).toBe(false);
});
