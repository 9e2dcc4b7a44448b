// What waits for the journal waits for events too that are only folded yet. (An attempt whose stop stood before its Stopping was journaled
// was taken for a failure of its own by the controller after a kill -9.)

import { describe, expect, test } from 'vitest';
import { ActiveRun } from '../../../controller/active-run.ts';
import type { Ends } from '../../../controller/ends.ts';
import { newRun } from '../../../kernel/apply.ts';
import { StoreError } from '../../../kernel/errors.ts';
import type { RunEvent } from '../../../kernel/events.ts';
import { createRandom } from '../../../runtime/random.ts';
import { createProcesses } from '../../../runtime/processes.ts';
import { MemoryPlace, openMemoryStore } from '../../../store/memory/store.ts';
import type { Journal } from '../../../store/store.ts';
import { HandClock } from '../../support/hand-clock.ts';

const registered = {
  at: 0,
  time: 0,
  type: 'Registered',
  registration: { name: 'r', uid: 'u', change: { nodes: [] } },
} as unknown as Extract<RunEvent, { type: 'Registered' }>;
const suspended: RunEvent = { at: 1, time: 1, type: 'Suspended' };

async function opened(change: (journal: Journal) => Partial<Journal> = () => ({})): Promise<ActiveRun> {
  const clock = new HandClock();
  const place = new MemoryPlace();
  const store = openMemoryStore({ place, clock, random: createRandom(), processes: createProcesses() });
  await store.seats.takeController();
  const ref = { name: 'r', uid: 'u' };
  const journal = await store.runs.open(ref, 1);
  const asked = new Proxy(journal, {
    get: (target, key) => {
      const value: unknown = Reflect.get({ ...change(target) }, key) ?? Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return new ActiveRun(ref, newRun(registered), asked, store.runs.places(ref), {} as Ends);
}

describe('what waits for the journal', () => {
  test('waits for the flush of what was taken before', async () => {
    const active = await opened();
    active.take([suspended]);
    const told: string[] = [];
    const recorded = active.recorded().then(() => void told.push('recorded'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([]);
    await active.flush();
    told.push('flushed');
    await recorded;
    expect(told).toEqual(['flushed', 'recorded']);
    expect(active.lastSeq).toBe(1);
    await active.recorded();
  });

  test('is told when the flush fails', async () => {
    const active = await opened(() => ({
      append: () => {
        throw new StoreError('NoSpace', 'journal', 'the disk is full');
      },
    }));
    active.take([suspended]);
    const recorded = active.recorded();
    const said = recorded.catch(String);
    await expect(active.flush()).rejects.toThrow('the disk is full');
    expect(await said).toContain('the disk is full');
  });

  test('is told when the run is closed without one', async () => {
    const active = await opened();
    active.take([suspended]);
    const said = active.recorded().catch(String);
    await active.close();
    expect(await said).toContain('run "r" is closed');
  });
});
