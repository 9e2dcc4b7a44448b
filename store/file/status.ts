// status.json as it stands: the published summary, and beside it how much of the journal was recorded by then, and under which revision it
// was published.

import { isObject, type JsonObject } from '../../kernel/json.ts';
import type { RunRef } from '../store.ts';
import type { Disk } from './disk.ts';
import type { RunFiles } from './run-files.ts';

/** `revision` 0: it has none. */
export function statusText(ref: RunRef, status: JsonObject, recordedSeq: number, revision: number): string {
  return `${JSON.stringify({ ...status, recorded: { uid: ref.uid, seq: recordedSeq, revision } }, null, 2)}\n`;
}

/** What status.json holds; null when there is none, or none that can be read. */
export function readStatus(disk: Disk, files: RunFiles): JsonObject | null {
  try {
    const bytes = disk.read(files.status);
    const value: unknown = bytes === null ? null : JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    // Not JSON, or no regular file.
    return null;
  }
}

/** Number of events that were recorded when this status was published; 0 when it does not say. */
export function recordedSeq(status: JsonObject | null): number {
  return recordedNumber(status, 'seq');
}

/** The revision of its publication; 0 when it does not say. */
export function publishedRevision(status: JsonObject | null): number {
  return recordedNumber(status, 'revision');
}

function recordedNumber(status: JsonObject | null, field: 'seq' | 'revision'): number {
  const recorded = status?.['recorded'];
  const value = isObject(recorded) ? recorded[field] : 0;
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
