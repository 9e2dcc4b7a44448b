// What lease files are called and how their content is sealed. docs/protocols/leases.md says the same for other languages.
//
// Two forms of content: a document (a line of JSON that ends with its checksum), written by controllers; and
// the slot's line, which a shell writes with one printf.
//
// F1  a file that was cut anywhere, or holds a flipped bit, is seen as not whole.
// F2  the name alone says fence and kind, and for a claim who runs it.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { parseSlot } from '../../runtime/slot-token.ts';
import { seal, unseal } from './line.ts';

const KINDS = ['offer', 'withdrawn', 'stop', 'input', 'output', 'outcome'] as const;
export type LeaseFileKind = (typeof KINDS)[number];

export type LeaseName =
  | { readonly fence: string; readonly kind: LeaseFileKind }
  | { readonly fence: string; readonly kind: 'claim'; readonly slot: string };

const NAME = /^(\d{4,12}-\d{4,12})\.(?:claim\.([^.]+)|([a-z]+))$/;

/** Null for a name that the protocol does not know. */
export function parseLeaseName(name: string): LeaseName | null {
  const match = NAME.exec(name);
  const fence = match?.[1];
  if (fence === undefined) return null;
  const slot = match?.[2];
  if (slot !== undefined) return parseSlot(slot) === null ? null : { fence, kind: 'claim', slot };
  const kind = KINDS.find((candidate) => candidate === match?.[3]);
  return kind === undefined ? null : { fence, kind };
}

/** A document as it stands in a lease file: one line of JSON with its checksum (line.ts). */
export function sealDocument(value: JsonObject): string {
  return `${seal(JSON.stringify(value).slice(0, -1))}\n`;
}

/** Null when it is not whole. What follows the first line is not looked at. */
export function unsealDocument(bytes: Buffer): JsonObject | null {
  const end = bytes.indexOf(0x0a);
  const open = end < 0 ? null : unseal(bytes.subarray(0, end));
  if (open === null) return null;
  try {
    const value = JSON.parse(`${open}}`) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** What a slot says about an attempt that ran to its end. */
export interface SlotLine {
  readonly boot: string;
  readonly fence: string;
  readonly exitCode: number;
  /** Seconds since boot with two decimals, as /proc/uptime has them. */
  readonly start: string;
  readonly end: string;
  /** OARLOCK_OUTPUT has content. */
  readonly hasOutput: boolean;
}

const SLOT_LINE = /^1 ([0-9a-f]{8}) (\d+-\d+) (\d{1,3}) (\d{1,12}\.\d\d) (\d{1,12}\.\d\d) ([01]) (\d{1,9}) end\n/;

export function formatSlotLine(line: SlotLine): string {
  const output = line.hasOutput ? 1 : 0;
  return `1 ${line.boot} ${line.fence} ${line.exitCode} ${line.start} ${line.end} ${output} ${slotSum(line)} end\n`;
}

/** Null when it is not whole. */
export function parseSlotLine(text: string): SlotLine | null {
  const match = SLOT_LINE.exec(text);
  if (match === null) return null;
  const [, boot = '', fence = '', exitCode = '', start = '', end = '', output = '', sum = ''] = match;
  const line: SlotLine = { boot, fence, exitCode: Number(exitCode), start, end, hasOutput: output === '1' };
  return slotSum(line) === Number(sum) ? line : null;
}

/**
 * A sum that the arithmetic of a plain shell can do: the digits of each number behind a 1, so that no leading zero makes it octal.
 * Epoch and counter of the fence are in it, because a slot's line counts under its own fence only.
 */
export function slotSum(line: SlotLine): number {
  const digits = (text: string): bigint => BigInt(`1${text.replace(/\D/g, '')}`);
  const terms = [
    BigInt(line.exitCode) * 31n,
    line.hasOutput ? 17n : 0n,
    digits(line.start) * 7n,
    digits(line.end) * 3n,
    ...line.fence.split('-').map(digits),
  ];
  return Number(terms.reduce((sum, term) => sum + term, 0n) % 999_983n);
}
