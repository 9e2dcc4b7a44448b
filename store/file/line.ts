// How a line of a journal (and a snapshot) looks in bytes: JSON that readers without us can read, sealed by a checksum.
//
//   {"seq":1,"epoch":3,"follows":0,"format":1,"uid":"...",...event...,"crc":"0a1b2c3d"}
//
// `seq` and `epoch` stand in every line, `follows` in the first of a writer, `follows`, `format` and `uid` in the first of a file.
//
// L1  crc is CRC-32 over the bytes of the line before `,"crc"`: every single-bit error is found.
// L2  decoding is strict: what was not written by encodeLine is an error with a reason, never a guess.

import { crc32 } from 'node:zlib';
import type { JsonObject } from '../../kernel/json.ts';
import type { Numbered } from '../event-order.ts';

export const JOURNAL_FORMAT = 1;

export interface Line extends Numbered {
  readonly event: JsonObject;
  /** In the first line of a file: the run that it belongs to. */
  readonly uid?: string;
}

const SEAL_LENGTH = ',"crc":"00000000"}'.length;
const HEAD =
  /^\{"seq":(\d{1,15}),"epoch":(\d{1,15}),(?:"follows":(\d{1,15}),)?(?:"format":(\d{1,9}),"uid":("(?:[^"\\]|\\.)*"),)?/;

/** Closes a JSON object, given without its last brace, with the checksum of what stands before. */
export function seal(open: string): string {
  return `${open},"crc":"${hex(crc32(open))}"}`;
}

/** The object without checksum and last brace, or null when the checksum does not fit. */
export function unseal(bytes: Buffer): string | null {
  const length = bytes.length - SEAL_LENGTH;
  if (length < 1) return null;
  const open = bytes.subarray(0, length);
  const expected = `,"crc":"${hex(crc32(open))}"}`;
  return bytes.toString('latin1', length) === expected ? open.toString('utf8') : null;
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** `eventText` is the JSON text of a non-empty object. */
export function encodeLine(
  seq: number,
  epoch: number,
  eventText: string,
  first: { readonly follows?: number; readonly uid?: string },
): string {
  let head = `{"seq":${seq},"epoch":${epoch},`;
  if (first.follows !== undefined) head += `"follows":${first.follows},`;
  if (first.uid !== undefined) head += `"format":${JOURNAL_FORMAT},"uid":${JSON.stringify(first.uid)},`;
  return `${seal(head + eventText.slice(1, -1))}\n`;
}

/** A line without its newline, or what is wrong with it. */
export function decodeLine(bytes: Buffer): Line | string {
  const open = unseal(bytes);
  if (open === null) return 'expected a line with a matching checksum';
  const head = HEAD.exec(open);
  if (head === null) return 'expected a line that starts with seq and epoch';
  const format = head[4];
  if (format !== undefined && Number(format) !== JOURNAL_FORMAT) {
    return `format is ${format}, expected ${JOURNAL_FORMAT}: it was written by another version`;
  }
  try {
    const event = JSON.parse(`{${open.slice(head[0].length)}}`) as JsonObject;
    return {
      seq: Number(head[1]),
      epoch: Number(head[2]),
      event,
      ...(head[3] === undefined ? {} : { follows: Number(head[3]) }),
      ...(head[5] === undefined ? {} : { uid: JSON.parse(head[5]) as string }),
    };
  } catch {
    return 'expected JSON';
  }
}

/** Bytes in which the head of a line fits. */
export const HEAD_LENGTH = 512;

/** Number and uid from the first bytes of a journal, not checked against the checksum; null when they are not there. */
export function headOf(bytes: Buffer): { readonly seq: number; readonly uid: string } | null {
  const head = HEAD.exec(bytes.toString('utf8'));
  return head?.[5] === undefined ? null : { seq: Number(head[1]), uid: JSON.parse(head[5]) as string };
}
