// What lease files are called and how their content is sealed. docs/protocols/leases.md says the same for other languages.
//
// Controllers write documents (a line of JSON that ends with its checksum), slots one line of their own (runtime/slot-line.ts).
//
// F1  a file that was cut anywhere, or holds a flipped bit, is seen as not whole.
// F2  the name alone says fence and kind, and for a claim who runs it.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { parseSlot } from '../../runtime/slot-token.ts';
import type { Offer } from '../store.ts';
import { seal, unseal } from './line.ts';

const KINDS = ['offer', 'withdrawn', 'stop', 'input', 'output', 'messages', 'answers', 'outcome'] as const;
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

/** Is that document an offer under this fence? */
export function isOffer(value: Json, fence: string): value is JsonObject & Offer {
  if (!isObject(value) || value['fence'] !== fence) return false;
  const texts = ['run', 'uid', 'node', 'key', 'bootId', 'inputPath', 'logPath', 'scratch', 'workingDir'];
  const { executor } = value;
  return (
    texts.every((key) => typeof value[key] === 'string') &&
    typeof value['attempt'] === 'number' &&
    executor !== undefined &&
    isObject(executor) &&
    typeof executor['type'] === 'string'
  );
}
