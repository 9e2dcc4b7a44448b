// Lines of JSON-RPC 2.0, as tasks and controllers exchange them: cut out of a stream of bytes, and told from what is only printed.

import { isObject, type Json, type JsonObject } from '../kernel/json.ts';

/** A longer line is no message. */
export const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;

export interface Line {
  /** Without its newline. */
  readonly line: Buffer;
  /** It was longer than the limit: this is its beginning. */
  readonly isCut: boolean;
}

const NEWLINE = 0x0a;
/** Of a line that is too long, this much is kept to say what it was. */
const KEPT_BYTES = 200;

/** Bytes in, whole lines out; what has no end yet is kept, up to the limit. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #size = 0;

  /** What has no end yet. */
  get rest(): Buffer {
    return Buffer.concat(this.#parts);
  }

  add(data: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, from)) {
      this.#keep(data.subarray(from, end));
      lines.push({ line: this.rest, isCut: this.#size > MESSAGE_LIMIT_BYTES });
      this.#parts = [];
      this.#size = 0;
      from = end + 1;
    }
    if (from < data.length) this.#keep(Buffer.from(data.subarray(from)));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    this.#parts.push(part);
    if (this.#size > MESSAGE_LIMIT_BYTES) this.#parts = [this.rest.subarray(0, KEPT_BYTES)];
  }
}

/** The message that a line is, whatever is wrong with it otherwise; null for one that is only printed. */
export function readMessage(line: Buffer): JsonObject | null {
  if (line[0] !== 0x7b) return null;
  try {
    const value = JSON.parse(line.toString()) as Json;
    return isObject(value) && Object.hasOwn(value, 'jsonrpc') ? value : null;
  } catch {
    return null;
  }
}
