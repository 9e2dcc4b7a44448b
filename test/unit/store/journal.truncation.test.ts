// Every file of a run cut at every byte, and every bit of it turned: what is read back is what was appended up to some event,
// or `broken` with a reason; never an exception, never a silent default, and appending afterwards works.

import * as fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../kernel/events.ts';
import { Disk, type FileStat } from '../../../store/file/disk.ts';
import { Paths } from '../../../store/file/paths.ts';
import { createFileRuns, type FileRuns } from '../../../store/file/runs.ts';
import type { LoadedRun } from '../../../store/store.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { due, ended, ETL, registered, RunsPlace } from '../../support/runs-place.ts';

const EVENTS: readonly RunEvent[] = [registered('in'), due('A'), ended('é'), due('C'), due('D')];
const SNAPSHOT_SEQ = 3;

/** A finished place with these files, written once; every case works on a copy of one file. */
class Written {
  readonly place = new RunsPlace();
  journal = Buffer.alloc(0);
  snapshot = Buffer.alloc(0);

  async write(): Promise<void> {
    const runs = this.place.runs();
    const journal = await runs.open(ETL, 1);
    for (const [index, event] of EVENTS.entries()) {
      await journal.recorded(journal.append([event]));
      if (index + 1 === SNAPSHOT_SEQ)
        await journal.snapshot({ events: EVENTS.slice(0, SNAPSHOT_SEQ) as never }, SNAPSHOT_SEQ);
    }
    await runs.publish(ETL, { phase: 'Running' });
    await journal.close();
    this.journal = fs.readFileSync(this.place.file('journal.ndjson'));
    this.snapshot = fs.readFileSync(this.place.file('snapshot.json'));
  }

  /** Puts these files there for real, for those who go on writing. */
  put(journal: Buffer, snapshot: Buffer | null): void {
    fs.rmSync(this.place.file('snapshot.json'), { force: true });
    if (snapshot !== null) fs.writeFileSync(this.place.file('snapshot.json'), snapshot);
    // In its place, the file system would flush at every close.
    fs.rmSync(this.place.file('journal.ndjson'), { force: true });
    fs.writeFileSync(this.place.file('journal.ndjson'), journal);
  }

  runs(disk = new Disk()): FileRuns {
    const recordStatus = async (): Promise<number> => 0;
    return createFileRuns({ disk, paths: new Paths(this.place.root), clock: new HandClock(), recordStatus });
  }

  /** What is loaded when these files stood there. */
  load(journal: Buffer | null, snapshot: Buffer | null): Promise<LoadedRun | null> {
    const disk = new PretendingDisk();
    disk.files.set(this.place.file('journal.ndjson'), journal);
    disk.files.set(this.place.file('snapshot.json'), snapshot);
    return this.runs(disk).load(ETL);
  }
}

/** Nobody pulls the plug in these tests. */
class QuickDisk extends Disk {
  override async syncHandle(): Promise<void> {}
  override async sync(): Promise<void> {}
}

/** A disk on which some files read as something else; null is gone. */
class PretendingDisk extends Disk {
  readonly files = new Map<string, Buffer | null>();

  override read(path: string, limitBytes?: number): Buffer | null {
    const content = this.files.get(path);
    return content === undefined ? super.read(path, limitBytes) : content;
  }

  override readRange(path: string, offset: number, length: number): Buffer | null {
    const content = this.files.get(path);
    if (content === undefined) return super.readRange(path, offset, length);
    return content === null ? null : content.subarray(offset, offset + length);
  }

  override stat(path: string): FileStat | null {
    const content = this.files.get(path);
    if (content === undefined) return super.stat(path);
    const times = { ino: 1, mtimeMs: 0, ctimeMs: 0, mode: 0o100600, uid: 0, isFile: true, isDirectory: false };
    return content === null ? null : { ...times, size: content.length };
  }
}

/** Number of events that were read back, of the right kind and order; null when the run says that it is broken. */
function lengthOfPrefix(loaded: LoadedRun | null, what: string): number | null {
  if (loaded === null) throw new Error(`${what}: the run has a place`);
  if (loaded.broken !== undefined) {
    expect(loaded.broken.message, `${what}`).toMatch(/journal\.ndjson/);
    expect(loaded.events, `${what}`).toEqual([]);
    return null;
  }
  const read = [...((loaded.snapshot?.['events'] ?? []) as unknown[]), ...loaded.events];
  expect(read, `${what}`).toEqual(EVENTS.slice(0, read.length));
  expect(loaded.lastSeq, `${what}`).toBe(read.length);
  return read.length;
}

const LATER = due('later');

/** Appends behind what was read, and reads it back. */
async function goOn(written: Written, prefix: number, what: string): Promise<void> {
  const journal = await written.runs(new QuickDisk()).open(ETL, 2);
  expect(journal.append([LATER]), `${what}`).toBe(prefix + 1);
  await journal.close();
  const loaded = await written.runs().load(ETL);
  const read = [...((loaded?.snapshot?.['events'] ?? []) as unknown[]), ...(loaded?.events ?? [])];
  expect(read, `${what}`).toEqual([...EVENTS.slice(0, prefix), LATER]);
}

let written: Written;
beforeAll(async () => {
  written = new Written();
  await written.write();
});
afterAll(() => written.place.dispose());

/** Cuts and turned bits come in hundreds, and each leaves evidence; its own tests are in journal.test.ts. */
function forgetEvidence(): void {
  fs.rmSync(`${written.place.root}/quarantine`, { recursive: true, force: true });
}

function flip(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

describe('a journal without a snapshot', () => {
  test('cut at any byte: all whole lines are read back, and it goes on; with none, the run is lost', async () => {
    for (let length = 0; length <= written.journal.length; length += 1) {
      const what = `${length} bytes`;
      const cut = written.journal.subarray(0, length);
      written.put(cut, null);
      const prefix = lengthOfPrefix(await written.runs().load(ETL), what);
      const wholeLines = cut.toString('latin1').split('\n').length - 1;
      expect(prefix, `${what}`).toBe(wholeLines === 0 ? null : wholeLines);
      if (prefix !== null) await goOn(written, prefix, what);
    }
    forgetEvidence();
  });

  test('with any bit turned: what stands before it is read back, or the run says that it is broken', async () => {
    const lastLine = written.journal.subarray(0, -1).lastIndexOf(0x0a) + 1;
    for (let bit = 0; bit < written.journal.length * 8; bit += 1) {
      const prefix = lengthOfPrefix(await written.load(flip(written.journal, bit), null), `bit ${bit}`);
      // Only the last line can be taken for torn; without the newline before it that is the last two in one.
      const byte = bit >> 3;
      if (byte < lastLine - 1) expect(prefix, `bit ${bit}`).toBeNull();
      else if (byte === lastLine - 1) expect(prefix, `bit ${bit}`).toBe(EVENTS.length - 2);
      else if (prefix !== null) expect(prefix, `bit ${bit}`).toBe(EVENTS.length - 1);
    }
    forgetEvidence();
  });
});

describe('a journal with a snapshot', () => {
  test('cut at any byte: at least the snapshot is read back, and it goes on', async () => {
    for (let length = 0; length <= written.journal.length; length += 1) {
      const what = `${length} bytes`;
      const cut = written.journal.subarray(0, length);
      written.put(cut, written.snapshot);
      const prefix = lengthOfPrefix(await written.runs().load(ETL), what);
      const wholeLines = cut.toString('latin1').split('\n').length - 1;
      expect(prefix, `${what}`).toBe(Math.max(SNAPSHOT_SEQ, wholeLines));
      await goOn(written, prefix ?? 0, what);
    }
    forgetEvidence();
  });

  test('with any bit turned: never fewer events than the snapshot holds, or broken', async () => {
    for (let bit = 0; bit < written.journal.length * 8; bit += 1) {
      const loaded = await written.load(flip(written.journal, bit), written.snapshot);
      const prefix = lengthOfPrefix(loaded, `bit ${bit}`);
      if (prefix !== null) expect(prefix, `bit ${bit}`).toBeGreaterThanOrEqual(SNAPSHOT_SEQ);
    }
    forgetEvidence();
  });
});

describe('a snapshot', () => {
  test('cut at any byte is as good as none while the journal is whole', async () => {
    for (let length = 0; length < written.snapshot.length; length += 1) {
      const loaded = await written.load(written.journal, written.snapshot.subarray(0, length));
      expect(lengthOfPrefix(loaded, `${length} bytes`)).toBe(EVENTS.length);
      expect(loaded?.snapshotSeq).toBe(0);
    }
    forgetEvidence();
  });

  test('with any bit turned is as good as none while the journal is whole', async () => {
    for (let bit = 0; bit < written.snapshot.length * 8; bit += 1) {
      const loaded = await written.load(written.journal, flip(written.snapshot, bit));
      expect(lengthOfPrefix(loaded, `bit ${bit}`)).toBe(EVENTS.length);
      expect(loaded?.snapshotSeq).toBe(0);
    }
    forgetEvidence();
  });

  test('cut at any byte with the journal gone: the run is lost and says so', async () => {
    for (let length = 0; length < written.snapshot.length; length += 1) {
      const loaded = await written.load(null, written.snapshot.subarray(0, length));
      expect(loaded?.broken?.reason, `${length} bytes`).toBe('JournalLost');
    }
    forgetEvidence();
  });
});

describe('the other files', () => {
  test.each(['status.json', 'run.json'])('%s cut at any byte changes nothing of what happened', async (name) => {
    written.put(written.journal, written.snapshot);
    const whole = fs.readFileSync(written.place.file(name));
    for (let length = 0; length < whole.length; length += 1) {
      fs.writeFileSync(written.place.file(name), whole.subarray(0, length));
      const runs = written.runs();
      expect(lengthOfPrefix(await runs.load(ETL), `${length} bytes`)).toBe(EVENTS.length);
      expect(await runs.list(), `${length} bytes`).toEqual([ETL]);
      const status = await runs.status(ETL);
      if (name === 'run.json' || length === whole.length - 1) expect(status).toEqual({ phase: 'Running' });
      else expect(status, `${length} bytes`).toBeNull();
    }
    fs.writeFileSync(written.place.file(name), whole);
  });
});
