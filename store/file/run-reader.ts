// Reads a run back: the newest snapshot that can be read and the lines after it. Changes nothing.
//
// R1  what comes out is a prefix of what was appended, or `broken`: never a guess, never an exception for bad content.
// R2  a bad line at the very end is torn (its writer died) and does not count; one before it is corrupt.
// R3  where a snapshot stands and the journal ends before it, or is gone, the run goes on from the snapshot.
// R4  a snapshot whose last event does not count (its writer was deposed) is as good as none.

import { EventOrder } from '../event-order.ts';
import type { LoadedRun } from '../store.ts';
import type { Disk } from './disk.ts';
import { decodeLine, HEAD_LENGTH, headOf, type Line } from './line.ts';
import type { RunFiles } from './run-files.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import { readStatus, recordedSeq } from './status.ts';

/** A file is read whole, in one piece: more than this Node cannot. */
const JOURNAL_LIMIT_BYTES = 2 ** 31 - 4096;
const NEWLINE = 0x0a;

interface Placed extends Line {
  readonly start: number;
  readonly end: number;
}

interface Scan {
  readonly order: EventOrder<Placed>;
  /** Behind the last good line. */
  readonly goodBytes: number;
  /** Size that was read; more than goodBytes when the end is torn. */
  readonly size: number;
  readonly corrupt: string | null;
}

type Broken = NonNullable<LoadedRun['broken']>;

export interface ReadRun {
  readonly snapshot: Snapshot | null;
  /** Why the file snapshot.json is not used though it stands there. */
  readonly snapshotProblem: string | null;
  readonly lines: readonly Line[];
  readonly lastSeq: number;
  readonly lastEpoch: number;
  /** The journal does not tell all from event 1 on: then the snapshot is no mere view. */
  readonly needsSnapshot: boolean;
  /** What an appender finds: null when the journal is gone or ends before the snapshot, so that a new one must begin. */
  readonly journal: { readonly goodBytes: number; readonly size: number; readonly lastLine: number } | null;
  readonly broken: Broken | null;
}

export function readRun(disk: Disk, files: RunFiles, ignoreSnapshot = false): ReadRun {
  const found = readSnapshot(disk, files.snapshot, files.ref.uid);
  const snapshot = typeof found === 'string' ? null : found;
  const snapshotProblem = typeof found === 'string' ? found : null;
  try {
    const tail = snapshot === null || ignoreSnapshot ? null : scanTail(disk, files, snapshot);
    if (tail !== null && snapshot !== null) {
      return { ...result(tail, snapshot, snapshotProblem), needsSnapshot: !beginsAtOne(disk, files) };
    }
    const bytes = disk.read(files.journal, JOURNAL_LIMIT_BYTES);
    if (bytes === null) return withoutJournal(files, snapshot, snapshotProblem);
    return fromFullScan(disk, files, scanAll(files, bytes), { bytes, snapshot, snapshotProblem, ignoreSnapshot });
  } catch (error) {
    const message = `${files.journal}: cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return broken('JournalCorrupt', message, snapshotProblem);
  }
}

/** From the snapshot's line on, if that stands where the snapshot says. Null: look at the whole file. */
function scanTail(disk: Disk, files: RunFiles, snapshot: Snapshot): Scan | null {
  const size = disk.stat(files.journal)?.size ?? 0;
  if (snapshot.line <= 0 || size < snapshot.end || snapshot.line > snapshot.end) return null;
  const from = snapshot.end - snapshot.line;
  const bytes = disk.readRange(files.journal, from, size - from);
  if (bytes === null || bytes.length < snapshot.line || bytes[snapshot.line - 1] !== NEWLINE) return null;
  const line = decodeLine(bytes.subarray(0, snapshot.line - 1));
  if (typeof line === 'string' || line.seq !== snapshot.seq || line.epoch !== snapshot.epoch) return null;
  const order = new EventOrder<Placed>(snapshot.seq, snapshot.epoch);
  const scan = scanLines(files, bytes, { order, at: snapshot.line, offset: from, number: 2 });
  return scan.corrupt === null ? scan : null;
}

function beginsAtOne(disk: Disk, files: RunFiles): boolean {
  const head = disk.readRange(files.journal, 0, HEAD_LENGTH);
  return head !== null && headOf(head)?.seq === 1;
}

function scanAll(files: RunFiles, bytes: Buffer): Scan {
  return scanLines(files, bytes, { order: null, at: 0, offset: 0, number: 1 });
}

/** Scans on behind the line of the snapshot, wherever that stands. For journals that are bad before it. */
function scanBehind(files: RunFiles, bytes: Buffer, snapshot: Snapshot): Scan | null {
  let number = 1;
  for (let at = 0; at < bytes.length; number += 1) {
    const newline = bytes.indexOf(NEWLINE, at);
    if (newline < 0) return null;
    const line = decodeLine(bytes.subarray(at, newline));
    at = newline + 1;
    if (typeof line === 'string' || line.seq !== snapshot.seq || line.epoch !== snapshot.epoch) continue;
    const order = new EventOrder<Placed>(snapshot.seq, snapshot.epoch);
    return scanLines(files, bytes, { order, at, offset: 0, number: number + 1 });
  }
  return null;
}

function scanLines(
  files: RunFiles,
  bytes: Buffer,
  from: { order: EventOrder<Placed> | null; at: number; offset: number; number: number },
): Scan {
  let { order, at, number } = from;
  const end = (corrupt: string | null): Scan => ({
    order: order ?? new EventOrder<Placed>(0, 0),
    goodBytes: from.offset + at,
    size: from.offset + bytes.length,
    corrupt: corrupt === null ? null : `${files.journal}:${number}: ${corrupt}`,
  });
  for (; at < bytes.length; number += 1) {
    const newline = bytes.indexOf(NEWLINE, at);
    if (newline < 0) return end(null);
    const line = decodeLine(bytes.subarray(at, newline));
    if (typeof line === 'string') return end(newline === bytes.length - 1 ? null : line);
    if (line.uid !== undefined && line.uid !== files.ref.uid)
      return end(`uid is ${line.uid}, expected ${files.ref.uid}`);
    if (order === null) {
      if (line.uid === undefined || line.follows === undefined) {
        return end('expected the first line of a journal, with follows, format and uid');
      }
      order = new EventOrder<Placed>(line.seq - 1, line.follows);
    }
    const verdict = order.accept({ ...line, start: from.offset + at, end: from.offset + newline + 1 });
    if (verdict === 'corrupt')
      return end(`event ${line.seq} of epoch ${line.epoch} does not follow event ${order.lastSeq}`);
    at = newline + 1;
  }
  return end(null);
}

interface Whole {
  readonly bytes: Buffer;
  readonly snapshot: Snapshot | null;
  readonly snapshotProblem: string | null;
  readonly ignoreSnapshot: boolean;
}

function fromFullScan(disk: Disk, files: RunFiles, scan: Scan, whole: Whole): ReadRun {
  const { snapshot, snapshotProblem } = whole;
  const { order } = scan;
  if (scan.corrupt !== null) {
    const behind = snapshot === null ? null : scanBehind(files, whole.bytes, snapshot);
    if (behind !== null && behind.corrupt === null) {
      return { ...result(behind, snapshot, snapshotProblem), needsSnapshot: true };
    }
    return broken('JournalCorrupt', scan.corrupt, snapshotProblem);
  }
  if (order.lastSeq === 0) {
    if (snapshot !== null) return onlySnapshot(snapshot);
    if (recordedSeq(readStatus(disk, files)) > 0)
      return broken('JournalLost', `${files.journal}: is empty, expected events`, snapshotProblem);
    return result(scan, null, snapshotProblem);
  }
  if (snapshot === null || snapshot.seq < order.base) {
    if (order.base === 0) return result(scan, null, snapshotProblem);
    const message = `${files.journal}: begins after event ${order.base}, and no snapshot that reaches it can be read`;
    return broken('JournalLost', message, snapshotProblem);
  }
  if (snapshot.seq > order.lastSeq) return onlySnapshot(snapshot);
  if (order.epochOf(snapshot.seq) !== snapshot.epoch) {
    const problem = `event ${snapshot.seq} is of epoch ${snapshot.epoch}, expected ${order.epochOf(snapshot.seq)}`;
    if (order.base === 0) return result(scan, null, problem);
    return broken('JournalCorrupt', `${files.snapshot}: ${problem}`, problem);
  }
  return result(scan, whole.ignoreSnapshot && order.base === 0 ? null : snapshot, snapshotProblem);
}

function result(scan: Scan, snapshot: Snapshot | null, snapshotProblem: string | null): ReadRun {
  const { order } = scan;
  const lines = snapshot === null ? order.lines : order.lines.slice(snapshot.seq - order.base);
  const last = order.lines.at(-1);
  // After a tail scan without lines the last line is the snapshot's own.
  const lastLine = last === undefined ? (snapshot?.line ?? 0) : last.end - last.start;
  const journal = { goodBytes: scan.goodBytes, size: scan.size, lastLine };
  const { lastSeq, lastEpoch } = order;
  const needsSnapshot = order.base > 0;
  return { snapshot, snapshotProblem, lines, lastSeq, lastEpoch, needsSnapshot, journal, broken: null };
}

function onlySnapshot(snapshot: Snapshot): ReadRun {
  const { seq: lastSeq, epoch: lastEpoch } = snapshot;
  return {
    snapshot,
    snapshotProblem: null,
    lines: [],
    lastSeq,
    lastEpoch,
    needsSnapshot: true,
    journal: null,
    broken: null,
  };
}

function withoutJournal(files: RunFiles, snapshot: Snapshot | null, snapshotProblem: string | null): ReadRun {
  if (snapshot !== null) return onlySnapshot(snapshot);
  return broken('JournalLost', `${files.journal}: is gone, and no snapshot can be read`, snapshotProblem);
}

function broken(reason: 'JournalLost' | 'JournalCorrupt', message: string, snapshotProblem: string | null): ReadRun {
  const nothing = { snapshot: null, lines: [], lastSeq: 0, lastEpoch: 0, needsSnapshot: false, journal: null };
  return { ...nothing, snapshotProblem, broken: { reason, message } };
}
