// Which lines of a journal count, when a controller that was deposed wrote among them.
//
// Every line has a number and the epoch of its writer. The first line of a writer (and of a file) also says which epoch the
// event before it has (`follows`), so that number and epoch together name one event and all that came before it.
//
// O1  epochs of lines that count never go down: a line of an older epoch than one that counted is ignored and moves nothing.
// O2  within an epoch numbers grow by one; a gap or a repetition is corrupt.
// O3  the first line of a newer epoch follows the last event that its writer had read. Lines of older epochs that stand
//     before it under the same or a later number arrived between its reading and its writing: they are void.
// O4  a line of a newer epoch that does not follow an event which counts is corrupt.

export interface Numbered {
  readonly seq: number;
  readonly epoch: number;
  /** Epoch of the event before, 0 when there is none; only in the first line of a writer and of a file. */
  readonly follows?: number;
}

export class EventOrder<Line extends Numbered> {
  /** Number of the event before the first line. */
  readonly base: number;
  readonly #baseEpoch: number;
  readonly #lines: Line[] = [];
  #epoch: number;

  /** `epoch`: that of the event `base`; 0 when there is none. */
  constructor(base: number, epoch: number) {
    this.base = base;
    this.#baseEpoch = epoch;
    this.#epoch = epoch;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  get lastSeq(): number {
    return this.base + this.#lines.length;
  }

  /** Of the last event that counts. */
  get lastEpoch(): number {
    return this.#epoch;
  }

  epochOf(seq: number): number {
    return seq === this.base ? this.#baseEpoch : (this.#lines[seq - this.base - 1]?.epoch ?? Number.NaN);
  }

  accept(line: Line): 'counts' | 'ignored' | 'corrupt' {
    if (line.epoch < this.#epoch) return 'ignored';
    if (line.epoch === this.#epoch) {
      if (line.seq !== this.lastSeq + 1) return 'corrupt';
    } else {
      if (line.seq <= this.base || line.follows !== this.epochOf(line.seq - 1)) return 'corrupt';
      this.#lines.length = line.seq - this.base - 1;
    }
    this.#lines.push(line);
    this.#epoch = line.epoch;
    return 'counts';
  }
}
