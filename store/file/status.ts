// status.json as it stands: the published summary, and beside it how much of the journal was recorded by then.

import { isObject, type JsonObject } from '../../kernel/json.ts';
import type { RunRef } from '../store.ts';
import type { Disk } from './disk.ts';
import type { RunFiles } from './run-files.ts';

export function statusText(ref: RunRef, status: JsonObject, recordedSeq: number): string {
  return `${JSON.stringify({ ...status, recorded: { uid: ref.uid, seq: recordedSeq } }, null, 2)}\n`;
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
  const recorded = status?.['recorded'];
  const seq = isObject(recorded) ? recorded['seq'] : 0;
  return typeof seq === 'number' ? seq : 0;
}
