// A state directory whose controller/ was emptied by hand still knows its greatest epoch.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../../store/open.ts';
import type { RunEvent } from '../../../kernel/events.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'oarlock-epoch-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const suspended: RunEvent = { type: 'Suspended', at: 1, time: 1 };

async function takeSeat(): Promise<number> {
  const store = await openStore(`file:${root}`);
  const seat = await store.seats.takeController();
  await seat?.release();
  await store.close();
  return seat?.epoch ?? 0;
}

test('epochs go on from the greatest in any journal when controller/ is gone', async () => {
  const store = await openStore(`file:${root}`);
  const ref = { name: 'r', uid: '00000000-0000-4000-8000-000000000001' };
  const journal = await store.runs.open(ref, 41);
  journal.append([suspended]);
  await journal.recorded(journal.lastSeq);
  await journal.close();
  await store.close();
  expect(await takeSeat()).toBe(42);
  rmSync(join(root, 'controller'), { recursive: true });
  expect(await takeSeat()).toBe(42);
});

test('without any run the first epoch is 1', async () => {
  expect(await takeSeat()).toBe(1);
});
