// snapshot.json: the fold of a journal up to one event, so that loading need not begin at its first line. A view: it may be
// lost at any time, as long as the journal begins at 1.
//
// N1  it holds number and epoch of its last event; both together name one history (event-order.ts).
// N2  `end` and `line` say where that event's line stood in the journal: a place to look first, checked before it is used.
//     `line` 0: not known.
// N3  one that cannot be read whole, with its checksum, for this run, is as good as none.

import { isObject, type JsonObject } from '../../kernel/json.ts';
import type { Disk } from './disk.ts';
import { seal, unseal } from './line.ts';

const SNAPSHOT_FORMAT = 1;
/** The longest text that the engine can parse; more is as good as no snapshot. */
const SNAPSHOT_LIMIT_BYTES = 500 * 1024 * 1024;

export interface Snapshot {
  readonly uid: string;
  readonly seq: number;
  readonly epoch: number;
  /** Offset in the journal behind the line of `seq`, and that line's length with its newline. */
  readonly end: number;
  readonly line: number;
  readonly data: JsonObject;
}

export function encodeSnapshot(snapshot: Snapshot): string {
  const { uid, seq, epoch, end, line, data } = snapshot;
  return `${seal(JSON.stringify({ format: SNAPSHOT_FORMAT, uid, seq, epoch, end, line, data }).slice(0, -1))}\n`;
}

/** The snapshot, null when there is none, or what is wrong with the one that stands there. */
export function readSnapshot(disk: Disk, path: string, uid: string): Snapshot | null | string {
  try {
    const bytes = disk.read(path, SNAPSHOT_LIMIT_BYTES);
    return bytes === null ? null : decodeSnapshot(bytes, uid);
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function decodeSnapshot(bytes: Buffer, uid: string): Snapshot | string {
  if (bytes[bytes.length - 1] !== 0x0a) return 'expected a newline at the end';
  const open = unseal(bytes.subarray(0, -1));
  if (open === null) return 'expected a matching checksum';
  const value: unknown = JSON.parse(`${open}}`);
  if (!isObject(value)) return 'expected an object';
  const { format, seq, epoch, end, line, data } = value;
  if (format !== SNAPSHOT_FORMAT) return `format is ${JSON.stringify(format)}, expected ${SNAPSHOT_FORMAT}`;
  if (value['uid'] !== uid) return `uid is ${JSON.stringify(value['uid'])}, expected ${uid}`;
  if (typeof seq !== 'number' || typeof epoch !== 'number' || typeof end !== 'number' || typeof line !== 'number') {
    return 'expected numbers in seq, epoch, end and line';
  }
  if (!isObject(data)) return 'expected an object in data';
  return { uid, seq, epoch, end, line, data };
}
