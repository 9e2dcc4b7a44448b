// Lines, as tasks and controllers exchange them, cut out of a stream of bytes. What they say: kernel/message.ts.

/** A longer line is no message. */
export const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;

export interface Line {
  /** Without its newline. */
  readonly line: Buffer;
  /** It was longer than the limit: this is its beginning. */
  readonly isCut: boolean;
  /** As long as it was, without its newline. */
  readonly size: number;
}

const NEWLINE = 0x0a;
/** Of a line that is too long, this much is kept to say what it was. */
const KEPT_BYTES = 200;

/** Bytes in, whole lines out; what has no end yet is kept, up to the limit. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #size = 0;

  /** Bytes of what has no end yet. */
  get size(): number {
    return this.#size;
  }

  /** Nothing more comes: what has no end is a line, too. */
  end(): Line | null {
    return this.#size === 0 ? null : this.#take();
  }

  #take(): Line {
    const [first = Buffer.alloc(0), ...more] = this.#parts;
    const line = more.length === 0 ? first : Buffer.concat(this.#parts);
    const found = { line, isCut: this.#size > MESSAGE_LIMIT_BYTES, size: this.#size };
    this.#parts = [];
    this.#size = 0;
    return found;
  }

  add(data: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, from)) {
      this.#keep(data.subarray(from, end));
      lines.push(this.#take());
      from = end + 1;
    }
    if (from < data.length) this.#keep(Buffer.from(data.subarray(from)));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    this.#parts.push(part);
    if (this.#size > MESSAGE_LIMIT_BYTES) this.#parts = [Buffer.concat(this.#parts).subarray(0, KEPT_BYTES)];
  }
}
