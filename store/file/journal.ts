// The one writer of a run's journal, snapshot and input.
//
// J1  append is one write of whole lines behind the last good one, O(bytes); what it returns is read back after a kill -9.
// J2  before every append the file is looked at: what somebody else did to it is put right, or refused, first.
//       deleted, renamed, replaced   the open handle still has all of it: the file is written again, a stranger is moved to quarantine
//       longer                       lines of older epochs stay; a newer epoch means that this writer is deposed; the rest is cut off
//       shorter                      what was cut is lost: `Conflict`, until `repair` has written a snapshot in its place
// J3  an append that fails is cut off again, at once or before the next one; nothing of it is read back.
// J4  a snapshot never holds an event that is not recorded, and is synced where the journal does not begin at event 1.
// J5  after a failed sync nothing is written any more: the owner closes and reads again from disk.

import { dirname } from 'node:path';
import { invariant, StoreError } from '../../kernel/errors.ts';
import type { RunEvent } from '../../kernel/events.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Journal } from '../store.ts';
import type { DataFiles } from './data.ts';
import type { Disk } from './disk.ts';
import { storeFault } from './fault.ts';
import { GroupSync } from './group-sync.ts';
import { decodeLine, encodeLine } from './line.ts';
import type { Quarantine } from './quarantine.ts';
import { replaceFile, replaceFileSynced } from './replace.ts';
import { mendPlace, type RunFiles } from './run-files.ts';
import type { ReadRun } from './run-reader.ts';
import { encodeSnapshot } from './snapshot.ts';

const SYNC_DELAY_MS = 20;
const NEWLINE = 0x0a;

export interface JournalSetting {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly quarantine: Quarantine;
  readonly files: RunFiles;
  readonly data: DataFiles;
  /** Called when the handle is done with. */
  readonly onClose: () => void;
  /** Puts status.json back when somebody changed it. */
  readonly mendStatus: () => void;
}

export class FileJournal implements Journal {
  readonly #set: JournalSetting;
  readonly #epoch: number;
  /** Number and epoch of the last event that was there before this writer. */
  readonly #before: { readonly seq: number; readonly epoch: number };
  readonly #sync: GroupSync;
  #fd: number;
  #ino: number;
  /** Bytes of the file that are good; the next line begins there. */
  #length: number;
  #lastSeq: number;
  #lastLine: number;
  /** The next line is the first of this writer. */
  #isFirst = true;
  /** The names of new files wait for a sync of their directories. */
  #hasNewNames: boolean;
  #needsSnapshot: boolean;
  /** What stands in snapshot.json, when this or an earlier writer wrote one. */
  #snapshotFile: { readonly ino: number; readonly size: number } | 'unreadable' | null;
  /** What a failed append wrote and nobody could cut off yet. */
  #halfAppended: Buffer | null = null;
  /** Why nothing can be appended any more. */
  #refusal: Error | null = null;
  /** Snapshots are written one after the other: they share a temporary name. */
  #writing: Promise<void> = Promise.resolve();

  /** `read` is what was just read, and not broken. */
  constructor(set: JournalSetting, read: ReadRun, epoch: number) {
    this.#set = set;
    this.#epoch = epoch;
    this.#lastSeq = read.lastSeq;
    this.#before = { seq: read.lastSeq, epoch: read.lastEpoch };
    this.#lastLine = read.journal?.lastLine ?? 0;
    this.#needsSnapshot = read.needsSnapshot;
    const snapshotStat = set.disk.stat(set.files.snapshot);
    this.#snapshotFile = read.snapshotProblem !== null ? 'unreadable' : snapshotStat;
    const { disk, files } = set;
    prepareFile(set, read);
    this.#length = read.journal?.goodBytes ?? 0;
    this.#fd = disk.openAppend(files.journal);
    this.#ino = disk.statHandle(this.#fd).ino;
    // Also where the file is old: whoever made it may have died before its names were synced.
    this.#hasNewNames = true;
    this.#sync = new GroupSync({
      clock: set.clock,
      delayMs: SYNC_DELAY_MS,
      seq: read.lastSeq,
      sync: () => this.#syncFiles(),
      refusal: (error) =>
        new StoreError(
          'Unavailable',
          files.journal,
          `${files.journal}: sync failed; what was written since the last one is in doubt`,
          {
            cause: error,
          },
        ),
    });
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  append(events: readonly RunEvent[]): number {
    this.#refuseIfOver();
    if (events.length === 0) return this.#lastSeq;
    const { disk, files } = this.#set;
    try {
      this.#secureFile();
      const registered = events.find((event) => event.type === 'Registered');
      if (registered !== undefined) this.#writeInput(registered.registration.input);
      const { bytes, lastLine } = this.#encode(events);
      // Set until the write is known to be whole: what a failed one leaves is cut off by the next look at the file.
      this.#halfAppended = bytes;
      disk.append(this.#fd, files.journal, bytes);
      this.#halfAppended = null;
      this.#length += bytes.length;
      this.#lastLine = lastLine;
    } catch (error) {
      this.#cutBack();
      throw storeFault(error, files.journal, 'append');
    }
    this.#lastSeq += events.length;
    this.#isFirst = false;
    this.#sync.written(this.#lastSeq);
    return this.#lastSeq;
  }

  recorded(seq: number): Promise<void> {
    invariant(seq <= this.#lastSeq, `event ${seq} of ${this.#set.files.label} was appended`);
    return this.#sync.recorded(seq);
  }

  async snapshot(data: JsonObject, seq: number): Promise<void> {
    this.#refuseIfOver();
    const place = seq === this.#lastSeq ? { end: this.#length, line: this.#lastLine } : { end: 0, line: 0 };
    const text = this.#encodeSnapshot(data, seq, place);
    await this.#sync.recorded(seq);
    try {
      await this.#writeSnapshot(text, this.#needsSnapshot);
    } catch (error) {
      throw storeFault(error, this.#set.files.snapshot, 'snapshot');
    }
  }

  async repair(data: () => JsonObject): Promise<void> {
    this.#refuseIfOver();
    const { disk, files } = this.#set;
    try {
      if (this.#look() === 'shorter') await this.#beginAnew(data());
      else this.#secureFile();
      mendPlace(disk, files);
      if (this.#snapshotFile !== null && !this.#isSnapshotThere()) await this.snapshot(data(), this.#lastSeq);
      this.#set.mendStatus();
    } catch (error) {
      throw storeFault(error, files.directory, 'repair');
    }
  }

  /** All up to here is on the platter. */
  get syncedSeq(): number {
    return this.#sync.synced;
  }

  async close(): Promise<void> {
    if (this.#refusal === null)
      this.#refusal = new StoreError('Unavailable', this.#set.files.journal, `${this.#set.files.journal}: is closed`);
    await this.#sync.finish();
    if (this.#fd >= 0) {
      this.#set.disk.close(this.#fd);
      this.#fd = -1;
      this.#set.onClose();
    }
  }

  /** The run is being removed: nothing may come back. */
  async abandon(): Promise<void> {
    this.#refusal = new StoreError(
      'NotFound',
      this.#set.files.journal,
      `${this.#set.files.journal}: the run was removed`,
    );
    await this.close();
  }

  #refuseIfOver(): void {
    if (this.#refusal !== null) throw this.#refusal;
    if (this.#sync.failure !== null) throw this.#sync.failure.error;
  }

  #epochOf(seq: number): number {
    return seq <= this.#before.seq ? this.#before.epoch : this.#epoch;
  }

  #firstFields(): { follows?: number; uid?: string } {
    const isFirstOfFile = this.#length === 0;
    return {
      ...(this.#isFirst || isFirstOfFile ? { follows: this.#epochOf(this.#lastSeq) } : {}),
      ...(isFirstOfFile ? { uid: this.#set.files.ref.uid } : {}),
    };
  }

  #encode(events: readonly RunEvent[]): { bytes: Buffer; lastLine: number } {
    let first = this.#firstFields();
    let seq = this.#lastSeq;
    let text = '';
    let last = '';
    for (const eventText of this.#set.data.encode(events)) {
      seq += 1;
      last = encodeLine(seq, this.#epoch, eventText, first);
      text += last;
      first = {};
    }
    return { bytes: Buffer.from(text), lastLine: Buffer.byteLength(last) };
  }

  #writeInput(input: unknown): void {
    const { disk, files } = this.#set;
    disk.makeDirectory(files.data);
    replaceFile(disk, files.input, JSON.stringify(input ?? null));
  }

  // --- the file on disk against what this writer knows ------------------------------------------

  #look(): 'same' | 'gone' | 'longer' | 'shorter' {
    const stat = this.#set.disk.stat(this.#set.files.journal);
    if (stat === null || stat.ino !== this.#ino) return 'gone';
    if (stat.size === this.#length) return 'same';
    return stat.size > this.#length ? 'longer' : 'shorter';
  }

  /** Makes sure that the next byte written stands behind the last good line of the file that readers see (J2). */
  #secureFile(): void {
    const { files } = this.#set;
    let state = this.#look();
    if (state === 'gone') {
      this.#restoreFile();
      state = this.#look();
    }
    if (state === 'longer') this.#passStrangers();
    if (state === 'shorter') {
      throw new StoreError(
        'Conflict',
        files.journal,
        `${files.journal}: was cut behind its writer, expected ${this.#length} bytes; repair it first`,
      );
    }
  }

  /** The name is gone or names another file; the handle still has what was written. */
  #restoreFile(): void {
    const { disk, files, quarantine } = this.#set;
    const size = disk.statHandle(this.#fd).size;
    const content = disk.readHandle(this.#fd, Math.min(size, this.#length));
    disk.makeDirectory(files.directory);
    if (disk.stat(files.journal) !== null) {
      quarantine.move(
        files.journal,
        `${files.label}.journal.ndjson`,
        'stood in the place of a journal that is being written',
      );
    }
    replaceFile(disk, files.journal, content);
    this.#reopen();
  }

  /** Goes on with the file that now has the name. */
  #reopen(): void {
    const { disk, files } = this.#set;
    const before = this.#fd;
    this.#fd = disk.openAppend(files.journal);
    this.#ino = disk.statHandle(this.#fd).ino;
    this.#hasNewNames = true;
    this.#sync.rewritten();
    // A sync of the old handle may be running.
    void this.#sync.idle().then(() => disk.close(before));
  }

  /** Something stands behind our last line: half an append, lines of a deposed writer, of one that deposed us, or garbage. */
  #passStrangers(): void {
    const { disk, files, quarantine } = this.#set;
    const all = disk.readHandle(this.#fd, disk.statHandle(this.#fd).size);
    const tail = all.subarray(this.#length);
    if (this.#halfAppended?.subarray(0, tail.length).equals(tail) === true) {
      disk.truncateHandle(this.#fd, files.journal, this.#length);
      this.#halfAppended = null;
      return;
    }
    this.#length += this.#measureOlderLines(tail);
    this.#lastLine = 0;
    if (this.#length === all.length) return;
    const strange = all.subarray(this.#length);
    quarantine.keep(`${files.label}.strange`, strange, `stood behind the last line of ${files.journal}, cut off`);
    disk.truncateHandle(this.#fd, files.journal, this.#length);
  }

  /** Bytes of the whole lines of older epochs at the start of `tail`. */
  #measureOlderLines(tail: Buffer): number {
    const { files } = this.#set;
    for (let at = 0; ; ) {
      const newline = tail.indexOf(NEWLINE, at);
      const line = newline < 0 ? 'torn' : decodeLine(tail.subarray(at, newline));
      if (typeof line === 'string') return at;
      if (line.epoch >= this.#epoch) {
        const message = `${files.journal}: epoch ${this.#epoch} is over, found a line of epoch ${line.epoch}`;
        this.#refusal = new StoreError('Expired', files.journal, message);
        throw this.#refusal;
      }
      at = newline + 1;
    }
  }

  /** Takes away what a failed append left (J3). What cannot be cut now is cut before the next append. */
  #cutBack(): void {
    try {
      if (this.#halfAppended !== null && this.#look() === 'longer') this.#passStrangers();
    } catch {
      // The error of the append is the one that its caller must see.
    }
  }

  /** The journal was cut: a synced snapshot takes its place, and a new file goes on behind it. */
  async #beginAnew(data: JsonObject): Promise<void> {
    const { disk, files, quarantine } = this.#set;
    const seq = this.#lastSeq;
    this.#needsSnapshot = true;
    await this.#replaceSnapshot(this.#encodeSnapshot(data, seq, { end: 0, line: 0 }), true);
    quarantine.move(
      files.journal,
      `${files.label}.journal.ndjson`,
      `was cut while it was written, expected ${this.#length} bytes`,
    );
    replaceFile(disk, files.journal, '');
    this.#length = 0;
    this.#lastLine = 0;
    this.#reopen();
    this.#sync.settled(seq);
  }

  #encodeSnapshot(data: JsonObject, seq: number, place: { end: number; line: number }): string {
    return encodeSnapshot({ uid: this.#set.files.ref.uid, seq, epoch: this.#epochOf(seq), ...place, data });
  }

  /** Waits for its turn, and makes sure that a deposed writer does not put its history over the one that counts. */
  #writeSnapshot(text: string, synced: boolean): Promise<void> {
    const written = this.#writing.then(() => {
      this.#refuseIfOver();
      this.#secureFile();
      return this.#replaceSnapshot(text, synced);
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #replaceSnapshot(text: string, synced: boolean): Promise<void> {
    const { disk, files, quarantine } = this.#set;
    if (this.#snapshotFile === 'unreadable' || disk.stat(files.snapshot)?.isFile === false) {
      quarantine.move(files.snapshot, `${files.label}.snapshot.json`, 'could not be read as a snapshot of this run');
    }
    if (synced) await replaceFileSynced(disk, files.snapshot, text);
    else replaceFile(disk, files.snapshot, text);
    this.#snapshotFile = disk.stat(files.snapshot);
  }

  #isSnapshotThere(): boolean {
    const stat = this.#set.disk.stat(this.#set.files.snapshot);
    const known = this.#snapshotFile;
    return (
      stat !== null && known !== null && known !== 'unreadable' && stat.ino === known.ino && stat.size === known.size
    );
  }

  async #syncFiles(): Promise<void> {
    const { disk, files } = this.#set;
    for (;;) {
      const fd = this.#fd;
      const hasNewNames = this.#hasNewNames;
      this.#hasNewNames = false;
      await disk.syncHandle(fd, files.journal);
      if (hasNewNames) {
        if (disk.stat(files.input) !== null) {
          await disk.sync(files.input);
          await disk.sync(files.data);
        }
        await disk.sync(files.directory);
        await disk.sync(dirname(files.directory));
      }
      // The file may have been written again meanwhile: then it is the new one that counts.
      if (fd === this.#fd) return;
    }
  }
}

/** Cuts a torn end; begins a new file where there is none to go on with. */
function prepareFile(set: JournalSetting, read: ReadRun): void {
  const { disk, files, quarantine } = set;
  if (read.journal === null) {
    quarantine.move(
      files.journal,
      `${files.label}.journal.ndjson`,
      `ended before event ${read.lastSeq} of the snapshot`,
    );
    replaceFile(disk, files.journal, '');
    return;
  }
  const { goodBytes, size } = read.journal;
  if (goodBytes === size) return;
  const torn = disk.readRange(files.journal, goodBytes, size - goodBytes);
  if (torn !== null)
    quarantine.keep(`${files.label}.torn`, torn, `torn end of ${files.journal} behind byte ${goodBytes}, cut`);
  disk.truncate(files.journal, goodBytes);
}
