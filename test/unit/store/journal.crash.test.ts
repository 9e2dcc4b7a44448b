// A writer that dies before or after every single operation on the disk, a disk that is full at every byte of an append, and
// one whose sync fails. The next writer finds all that was recorded, and goes on.

import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../kernel/events.ts';
import { Disk, type DiskHooks } from '../../../store/file/disk.ts';
import type { FileRuns } from '../../../store/file/runs.ts';
import type { Journal } from '../../../store/store.ts';
import { due, ended, ETL, registered, RunsPlace } from '../../support/runs-place.ts';

class Death extends Error {}

/** Dies at one moment; whatever the dead process still tries fails too. */
function dieAt(count: number, seen: string[]): DiskHooks {
  return {
    onOperation: (moment, operation, path) => {
      if (seen.length < count) seen.push(`${moment} ${operation} ${path.replace(/.*\//, '')}`);
      if (seen.length >= count) throw new Death('the process is dead');
    },
  };
}

interface Ledger {
  /** Events given to append, in order. */
  given: RunEvent[];
  /** How many of them append returned for, and how many were recorded. */
  appended: number;
  recorded: number;
  removed: boolean;
}

/** A bit of everything that writes. */
async function live(place: RunsPlace, runs: FileRuns, ledger: Ledger): Promise<void> {
  let journal: Journal | null = null;
  const give = async (events: RunEvent[]): Promise<void> => {
    ledger.given.push(...events);
    const seq = (journal as Journal).append(events);
    ledger.appended = seq;
    await (journal as Journal).recorded(seq);
    ledger.recorded = seq;
  };
  try {
    journal = await runs.open(ETL, 1);
    await give([registered('in')]);
    await runs.publish(ETL, { phase: 'Running' });
    await give([due('A'), ended('x'.repeat(70_000))]);
    await journal.snapshot({ events: ledger.given.slice(0, 3) as never }, 3);
    await give([due('B')]);
    // What a hand deletes is back only after the repair; until then the snapshot holds.
    ledger.recorded = 3;
    fs.rmSync(place.file('journal.ndjson'));
    await journal.repair(() => ({ events: [...ledger.given] as never }));
    ledger.recorded = 4;
    await give([due('C')]);
    ledger.recorded = 3;
    fs.truncateSync(place.file('journal.ndjson'), 100);
    await journal.repair(() => ({ events: [...ledger.given] as never }));
    ledger.recorded = 5;
    await give([due('D')]);
    await runs.publish(ETL, { phase: 'Succeeded' });
  } finally {
    await journal?.close().catch(() => undefined);
  }
  ledger.removed = true;
  await runs.remove(ETL);
}

async function history(place: RunsPlace): Promise<unknown[] | null> {
  const loaded = await place.runs().load(ETL);
  if (loaded === null) return null;
  expect(loaded.broken).toBeUndefined();
  return [...((loaded.snapshot?.['events'] ?? []) as unknown[]), ...loaded.events];
}

/** Lives until the death, then checks what a new process finds. Returns the operations that were seen. */
async function dieAndComeBack(count: number): Promise<string[]> {
  const place = new RunsPlace();
  const seen: string[] = [];
  const ledger: Ledger = { given: [], appended: 0, recorded: 0, removed: false };
  const runs = place.runs(new Disk(dieAt(count, seen)));
  try {
    const end = await live(place, runs, ledger).then(
      () => null,
      (error: unknown) => error,
    );
    const last = `${count}: ${seen.at(-1)}`;
    if (seen.length >= count) expect(rootOf(end), `${last}`).toBeInstanceOf(Death);
    const found = await history(place);
    if (!ledger.removed || found !== null) {
      expect(found ?? [], `${last}`).toEqual(ledger.given.slice(0, found?.length ?? 0));
      expect(found?.length ?? 0, `${last}`).toBeGreaterThanOrEqual(ledger.recorded);
    }
    const next = await place.runs().open(ETL, 2);
    expect(next.append([due('later')]), `${last}`).toBe((found?.length ?? 0) + 1);
    expect(await history(place), `${last}`).toEqual([...(found ?? []), due('later')]);
    expect(await place.runs().list(), `${last}`).toEqual([ETL]);
    const left = fs.readdirSync(place.file()).filter((name) => name.startsWith('.'));
    expect(left, `${last}`).toEqual([]);
  } finally {
    await place.dispose();
  }
  return seen;
}

function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}

describe('a writer that dies', () => {
  test('before or after any operation leaves a run that goes on with all that was recorded', async () => {
    const all = await dieAndComeBack(Number.POSITIVE_INFINITY);
    expect(all.length).toBeGreaterThan(80);
    for (const operation of ['create', 'rename', 'append', 'sync', 'mkdir', 'rmtree', 'open']) {
      expect(all.join('\n')).toContain(` ${operation} `);
    }
    for (let count = 1; count <= all.length; count += 1) await dieAndComeBack(count);
  });
});

/** A disk on which the next append stops after so many bytes. */
class FullDisk extends Disk {
  #left: number | null = null;
  #truncates = true;
  isFullForFiles = false;

  fillAfter(bytes: number, truncates = true): void {
    this.#left = bytes;
    this.#truncates = truncates;
  }

  override append(fd: number, path: string, data: string | Uint8Array): void {
    const left = this.#left;
    if (left === null) return super.append(fd, path, data);
    this.#left = null;
    super.append(fd, path, Buffer.from(data as Uint8Array).subarray(0, left));
    throw systemError('ENOSPC', 'write');
  }

  override truncateHandle(fd: number, path: string, length: number): void {
    if (!this.#truncates) {
      this.#truncates = true;
      throw systemError('EIO', 'ftruncate');
    }
    super.truncateHandle(fd, path, length);
  }

  override createNew(path: string, data: string | Uint8Array): boolean {
    if (this.isFullForFiles) throw systemError('ENOSPC', 'write');
    return super.createNew(path, data);
  }
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}

describe('a full disk', () => {
  test.each([true, false])('at any byte of an append leaves nothing of it (cut off at once: %s)', async (truncates) => {
    const place = new RunsPlace();
    const disk = new FullDisk();
    const journal = await place.runs(disk).open(ETL, 1);
    journal.append([registered('in')]);
    const before = fs.statSync(place.file('journal.ndjson')).size;
    const batch = [due('A'), due('B')];
    journal.append(batch);
    const length = fs.statSync(place.file('journal.ndjson')).size - before;
    const expected: RunEvent[] = [registered('in'), ...batch];
    for (let bytes = 0; bytes <= length; bytes += 1) {
      disk.fillAfter(bytes, truncates);
      expect(() => journal.append([due('C'), due('D')]), `${bytes}`).toThrow(
        expect.objectContaining({ code: 'NoSpace' }),
      );
      expect(journal.lastSeq).toBe(expected.length);
      if (truncates) expect(await history(place), `${bytes}`).toEqual(expected);
      expected.push(due(`n${bytes}`));
      expect(journal.append([due(`n${bytes}`)])).toBe(expected.length);
      if (bytes % 16 === 0) expect(await history(place), `${bytes}`).toEqual(expected);
    }
    await journal.recorded(journal.lastSeq);
    expect(await history(place)).toEqual(expected);
    expect(place.quarantined()).toEqual([]);
    await place.dispose();
  });

  test('for an output, a snapshot or a status is told as such, and leaves nothing', async () => {
    const place = new RunsPlace();
    const disk = new FullDisk();
    const runs = place.runs(disk);
    const journal = await runs.open(ETL, 1);
    await journal.recorded(journal.append([registered('in')]));
    disk.isFullForFiles = true;
    expect(() => journal.append([ended('x'.repeat(70_000))])).toThrow(expect.objectContaining({ code: 'NoSpace' }));
    await expect(journal.snapshot({ events: [] }, 1)).rejects.toMatchObject({ code: 'NoSpace' });
    await expect(runs.publish(ETL, { phase: 'Running' })).rejects.toMatchObject({ code: 'NoSpace' });
    expect(journal.append([due('A')])).toBe(2);
    disk.isFullForFiles = false;
    journal.append([ended('x'.repeat(70_000))]);
    expect(await history(place)).toEqual([registered('in'), due('A'), ended('x'.repeat(70_000))]);
    expect(fs.readdirSync(place.file('data'))).toHaveLength(2);
    await place.dispose();
  });
});

class FailingSync extends Disk {
  failing = false;

  override async syncHandle(fd: number, path: string): Promise<void> {
    if (this.failing) throw systemError('EIO', 'fdatasync');
    await super.syncHandle(fd, path);
  }
}

describe('a sync that fails', () => {
  test('refuses who waits, and everything after it, until the run is opened again', async () => {
    const place = new RunsPlace();
    const disk = new FailingSync();
    const runs = place.runs(disk);
    const journal = await runs.open(ETL, 1);
    await journal.recorded(journal.append([registered('in')]));
    disk.failing = true;
    const seq = journal.append([due('A')]);
    const waits = [journal.recorded(seq), journal.recorded(seq)];
    for (const wait of waits)
      await expect(wait).rejects.toMatchObject({
        code: 'Unavailable',
        message: expect.stringContaining('sync failed'),
      });
    disk.failing = false;
    await expect(journal.recorded(1)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(() => journal.append([due('B')])).toThrow(expect.objectContaining({ code: 'Unavailable' }));
    await expect(journal.snapshot({}, 1)).rejects.toMatchObject({ code: 'Unavailable' });
    await journal.close();
    const next = await runs.open(ETL, 1);
    expect(next.append([due('B')])).toBe(3);
    await next.recorded(3);
    await place.dispose();
  });
});
