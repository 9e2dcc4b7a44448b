// The file journal.ndjson under the hands of its one writer, and of everybody else.
//
// Before every append the file is looked at, and what somebody did to it is put right first, or refused:
//
// J1  deleted, renamed, replaced: the open handle still has all of it. The file is written again; a stranger in its place is
//     moved to quarantine.
// J2  longer: lines of older epochs stay (a deposed writer's; readers ignore them). A line of a newer epoch means that this
//     writer is deposed: `Expired`, for good. Half an append of our own, and garbage, are cut off.
// J3  shorter, or overwritten: what was there is lost. `Conflict`, until the owner has put a snapshot in its place (`beginAnew`).

import { StoreError } from '../../kernel/errors.ts';
import type { Disk } from './disk.ts';
import { decodeLine } from './line.ts';
import type { Quarantine } from './quarantine.ts';
import { replaceFile } from './replace.ts';
import { clearPlace, type RunFiles } from './run-files.ts';
import type { ReadRun } from './run-reader.ts';

const NEWLINE = 0x0a;

export interface JournalFileOptions {
  readonly disk: Disk;
  readonly quarantine: Quarantine;
  readonly files: RunFiles;
  readonly epoch: number;
  /** Another file has the name now: nothing of it is synced. */
  readonly onRewritten: () => void;
}

export class JournalFile {
  readonly #disk: Disk;
  readonly #quarantine: Quarantine;
  readonly #files: RunFiles;
  readonly #epoch: number;
  readonly #onRewritten: () => void;
  #fd: number;
  #ino: number;
  /** Bytes of the file that are good; the next line begins there. */
  #length: number;
  /** Length of the last line, 0 when it is not known. */
  #lastLine: number;
  #lastSeq: number;
  /** Lines of the file are lost (J3). */
  #isSpoiled = false;
  /** What a failed append may have left behind the good bytes. */
  #halfAppended: Buffer | null = null;
  /** Why nothing can be appended any more. */
  #deposed: StoreError | null = null;
  #syncing: Promise<void> = Promise.resolve();

  /** Cuts a torn end off; begins a new file where there is none to go on with. */
  constructor(options: JournalFileOptions, read: ReadRun) {
    this.#disk = options.disk;
    this.#quarantine = options.quarantine;
    this.#files = options.files;
    this.#epoch = options.epoch;
    this.#onRewritten = options.onRewritten;
    this.#lastSeq = read.lastSeq;
    this.#lastLine = read.journal?.lastLine ?? 0;
    this.#length = read.journal?.goodBytes ?? 0;
    if (read.journal === null) this.#replace('', `ended before event ${read.lastSeq} of the snapshot`);
    else if (read.journal.size > this.#length) this.#cutTorn(read.journal.size);
    this.#fd = this.#disk.openAppend(this.#path);
    this.#ino = this.#disk.statHandle(this.#fd).ino;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Where the last line stands, for a snapshot: offset behind it, and its length (0: not known). */
  get place(): { readonly end: number; readonly line: number } {
    return { end: this.#length, line: this.#lastLine };
  }

  get #path(): string {
    return this.#files.journal;
  }

  /** One write of whole lines behind the last good one. `lastSeq` and `lastLine`: number and length of the last. */
  append(bytes: Buffer, lastSeq: number, lastLine: number): void {
    this.secure();
    this.#halfAppended = bytes;
    try {
      this.#disk.append(this.#fd, this.#path, bytes);
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.#halfAppended = null;
    this.#length += bytes.length;
    this.#lastLine = lastLine;
    this.#lastSeq = lastSeq;
  }

  /** Makes sure that the next byte written stands behind the last good line of the file that readers see. */
  secure(): void {
    if (!this.isLost()) return;
    const message = `${this.#path}: was cut or overwritten behind its writer, expected ${this.#length} bytes; repair it first`;
    throw new StoreError('Conflict', this.#path, message);
  }

  /** Puts right what can be; true when lines are lost. */
  isLost(): boolean {
    if (this.#deposed !== null) throw this.#deposed;
    let state = this.#look();
    if (state === 'gone') {
      this.#restore();
      state = this.#look();
    }
    if (state === 'longer') this.#passStrangers();
    if (state === 'shorter') this.#isSpoiled = true;
    return this.#isSpoiled;
  }

  /** A new, empty file; what stood there goes to quarantine. Only after a snapshot of all events was synced. */
  beginAnew(): void {
    this.#replace('', `was cut or overwritten while it was written, expected ${this.#length} bytes`);
    this.#length = 0;
    this.#lastLine = 0;
    this.#isSpoiled = false;
    this.#halfAppended = null;
    this.#reopen();
  }

  firstLine(): Buffer {
    const content = this.#disk.readHandle(this.#fd, this.#length);
    return content.subarray(0, Math.max(0, content.indexOf(NEWLINE)));
  }

  /** All that is written by now, on the platter, in the file that has the name when it resolves. */
  async sync(): Promise<void> {
    for (let synced = -1; synced !== this.#fd; ) {
      synced = this.#fd;
      this.#syncing = this.#disk.syncHandle(synced, this.#path);
      await this.#syncing;
    }
  }

  close(): void {
    this.#disk.close(this.#fd);
  }

  #look(): 'same' | 'gone' | 'longer' | 'shorter' {
    const stat = this.#disk.stat(this.#path);
    if (stat === null || stat.ino !== this.#ino) return 'gone';
    if (stat.size === this.#length) return 'same';
    return stat.size > this.#length ? 'longer' : 'shorter';
  }

  #restore(): void {
    const size = this.#disk.statHandle(this.#fd).size;
    const content = this.#disk.readHandle(this.#fd, Math.min(size, this.#length));
    clearPlace(this.#disk, this.#quarantine, this.#files);
    this.#disk.makeDirectory(this.#files.directory);
    this.#replace(content, 'stood in the place of a journal that is being written');
    this.#reopen();
  }

  /** Puts a file of this content there; what stands there goes to quarantine for that reason. */
  #replace(content: string | Buffer, reason: string): void {
    if (this.#disk.stat(this.#path) !== null) {
      this.#quarantine.move(this.#path, `${this.#files.label}.journal.ndjson`, `${this.#path}: ${reason}`);
    }
    replaceFile(this.#disk, this.#path, content);
  }

  #reopen(): void {
    const before = this.#fd;
    this.#fd = this.#disk.openAppend(this.#path);
    this.#ino = this.#disk.statHandle(this.#fd).ino;
    // A sync of it may be running.
    const close = (): void => this.#disk.close(before);
    void this.#syncing.then(close, close);
    this.#onRewritten();
  }

  #cutTorn(size: number): void {
    const torn = this.#disk.readRange(this.#path, this.#length, size - this.#length);
    this.#keep('torn', torn, `torn end of ${this.#path} behind byte ${this.#length}, cut off`);
    this.#disk.truncate(this.#path, this.#length);
  }

  #passStrangers(): void {
    const all = this.#disk.readHandle(this.#fd, this.#disk.statHandle(this.#fd).size);
    const tail = all.subarray(this.#length);
    if (this.#halfAppended?.subarray(0, tail.length).equals(tail) === true) {
      this.#disk.truncateHandle(this.#fd, this.#path, this.#length);
      this.#halfAppended = null;
      return;
    }
    if (!this.#endsWithLastLine(all.subarray(0, this.#length))) {
      this.#isSpoiled = true;
      return;
    }
    const older = this.#measureOlderLines(tail);
    if (older > 0) this.#lastLine = 0;
    this.#length += older;
    if (this.#length === all.length) return;
    const strange = all.subarray(this.#length);
    this.#keep('strange', strange, `stood behind the last line of ${this.#path}, cut off`);
    this.#disk.truncateHandle(this.#fd, this.#path, this.#length);
  }

  /** False when somebody wrote over the file in its place. */
  #endsWithLastLine(ours: Buffer): boolean {
    if (this.#lastLine === 0) return ours.length === 0 || ours[ours.length - 1] === NEWLINE;
    const line = decodeLine(ours.subarray(ours.length - this.#lastLine, -1));
    return typeof line !== 'string' && line.seq === this.#lastSeq;
  }

  /** Bytes of the whole lines of older epochs at the start of `tail`. */
  #measureOlderLines(tail: Buffer): number {
    for (let at = 0; ; ) {
      const newline = tail.indexOf(NEWLINE, at);
      const line = newline < 0 ? 'torn' : decodeLine(tail.subarray(at, newline));
      if (typeof line === 'string') return at;
      if (line.epoch >= this.#epoch) {
        const message = `${this.#path}: epoch ${this.#epoch} is over, found a line of epoch ${line.epoch}`;
        this.#deposed = new StoreError('Expired', this.#path, message);
        throw this.#deposed;
      }
      at = newline + 1;
    }
  }

  /** Takes away what a failed append left. What cannot be cut now is cut before the next append. */
  #cutBack(): void {
    try {
      if (this.#look() === 'longer') this.#passStrangers();
    } catch {
      // The error of the append is the one that its caller must see.
    }
  }

  #keep(what: string, bytes: Buffer | null, reason: string): void {
    if (bytes !== null) this.#quarantine.keep(`${this.#files.label}.${what}`, bytes, reason);
  }
}
