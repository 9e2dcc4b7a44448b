// The one writer of what happened to a run: its journal, its snapshot, its input.
//
// Owns numbers, epochs, and what is written before what. The file of the journal and what others do to it: journal-file.ts.
//
// W1  append is one write, O(bytes); what it returned is read back after a kill -9. One that fails leaves nothing to be read.
// W2  input and large outputs stand on the disk before the line that names them.
// W3  a snapshot holds no event that is not recorded, and is synced where the journal does not begin at event 1.
// W4  after a failed sync nothing is written any more: the owner closes and reads again from disk.

import { dirname } from 'node:path';
import { invariant, StoreError } from '../../kernel/errors.ts';
import type { RunEvent } from '../../kernel/events.ts';
import type { Json, JsonObject } from '../../kernel/json.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Journal } from '../store.ts';
import type { DataFiles } from './data.ts';
import type { Disk } from './disk.ts';
import { isOpenError, storeFault } from './fault.ts';
import { GroupSync } from './group-sync.ts';
import { JournalFile } from './journal-file.ts';
import { decodeLine, encodeLine } from './line.ts';
import type { Quarantine } from './quarantine.ts';
import { replaceFile, replaceFileSynced } from './replace.ts';
import { mendPlace, type RunFiles } from './run-files.ts';
import type { ReadRun } from './run-reader.ts';
import { encodeSnapshot } from './snapshot.ts';

const SYNC_DELAY_MS = 20;

export interface FileJournalOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly quarantine: Quarantine;
  readonly files: RunFiles;
  readonly data: DataFiles;
  readonly epoch: number;
  /** Called when the handle is done with. */
  readonly onClose: () => void;
  /** Puts status.json back when somebody changed it. */
  readonly mendStatus: () => void;
}

export class FileJournal implements Journal {
  readonly #disk: Disk;
  readonly #files: RunFiles;
  readonly #options: FileJournalOptions;
  readonly #file: JournalFile;
  readonly #sync: GroupSync;
  /** The last event that was there before this writer. */
  readonly #before: { readonly seq: number; readonly epoch: number };
  #lastSeq: number;
  /** The names of new files wait for a sync of their directories. */
  #hasNewNames = true;
  #needsSnapshot: boolean;
  /** What stands in snapshot.json, when this or an earlier writer wrote one. */
  #snapshotFile: { readonly ino: number; readonly size: number } | 'unreadable' | null;
  #isInputLost = false;
  /** Snapshots are written one after the other: they share a temporary name. */
  #writing: Promise<void> = Promise.resolve();
  #over: StoreError | null = null;

  /** `read` is what was just read, and not broken. */
  constructor(options: FileJournalOptions, read: ReadRun) {
    const { disk, files, quarantine, epoch } = options;
    this.#disk = disk;
    this.#files = files;
    this.#options = options;
    this.#before = { seq: read.lastSeq, epoch: read.lastEpoch };
    this.#lastSeq = read.lastSeq;
    this.#needsSnapshot = read.needsSnapshot;
    this.#snapshotFile = read.snapshotProblem === null ? disk.stat(files.snapshot) : 'unreadable';
    this.#sync = new GroupSync({
      clock: options.clock,
      delayMs: SYNC_DELAY_MS,
      seq: read.lastSeq,
      sync: () => this.#syncFiles(),
      refusal: (cause) => {
        const message = `${files.journal}: sync failed; what was written since the last one is in doubt`;
        return new StoreError('Unavailable', files.journal, message, { cause });
      },
    });
    const onRewritten = (): void => {
      this.#hasNewNames = true;
      this.#sync.rewritten();
    };
    this.#file = new JournalFile({ disk, quarantine, files, epoch, onRewritten }, read);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** All up to here was recorded. */
  get recordedSeq(): number {
    return this.#sync.mostSynced;
  }

  append(events: readonly RunEvent[]): number {
    this.#refuseIfOver();
    if (events.length === 0) return this.#lastSeq;
    try {
      this.#file.secure();
      const registered = events.find((event) => event.type === 'Registered');
      if (registered !== undefined) this.#writeInput(registered.registration.input);
      const { bytes, lastLine } = this.#encode(events);
      this.#file.append(bytes, this.#lastSeq + events.length, lastLine);
    } catch (error) {
      throw storeFault(error, this.#files.journal, 'append');
    }
    this.#lastSeq += events.length;
    this.#sync.written(this.#lastSeq);
    return this.#lastSeq;
  }

  recorded(seq: number): Promise<void> {
    invariant(seq <= this.#lastSeq, `event ${seq} of ${this.#files.label} was appended`);
    return this.#sync.recorded(seq);
  }

  async snapshot(data: JsonObject, seq: number): Promise<void> {
    this.#refuseIfOver();
    const text = this.#encodeSnapshot(data, seq, seq === this.#lastSeq ? this.#file.place : { end: 0, line: 0 });
    await this.#sync.recorded(seq);
    try {
      await this.#writeSnapshot(text);
    } catch (error) {
      throw storeFault(error, this.#files.snapshot, 'snapshot');
    }
  }

  async repair(data: () => JsonObject): Promise<void> {
    this.#refuseIfOver();
    try {
      if (this.#file.isLost()) await this.#beginAnew(data());
      mendPlace(this.#disk, this.#files);
      this.#mendInput();
      if (this.#snapshotFile !== null && !this.#isSnapshotThere()) await this.snapshot(data(), this.#lastSeq);
      this.#options.mendStatus();
    } catch (error) {
      throw storeFault(error, this.#files.directory, 'repair');
    }
  }

  close(): Promise<void> {
    return this.#end(new StoreError('Unavailable', this.#files.journal, `${this.#files.journal}: is closed`));
  }

  /** The run is being removed: nothing of it may come back. */
  abandon(): Promise<void> {
    return this.#end(new StoreError('NotFound', this.#files.journal, `${this.#files.journal}: the run was removed`));
  }

  async #end(reason: StoreError): Promise<void> {
    if (this.#over !== null) return;
    this.#over = reason;
    await this.#sync.finish();
    await this.#writing;
    this.#file.close();
    this.#options.onClose();
  }

  #refuseIfOver(): void {
    if (this.#over !== null) throw this.#over;
    if (this.#sync.failure !== null) throw this.#sync.failure.error;
  }

  // --- journal ------------------------------------------------------------------------------------

  #encode(events: readonly RunEvent[]): { bytes: Buffer; lastLine: number } {
    let first = this.#firstFields();
    let seq = this.#lastSeq;
    let text = '';
    let last = '';
    for (const eventText of this.#options.data.encode(events)) {
      seq += 1;
      last = encodeLine(seq, this.#options.epoch, eventText, first);
      text += last;
      first = {};
    }
    return { bytes: Buffer.from(text), lastLine: Buffer.byteLength(last) };
  }

  #firstFields(): { follows?: number; uid?: string } {
    const isFirstOfWriter = this.#lastSeq === this.#before.seq;
    const follows = isFirstOfWriter || this.#file.isEmpty ? { follows: this.#epochOf(this.#lastSeq) } : {};
    return this.#file.isEmpty ? { ...follows, uid: this.#files.ref.uid } : follows;
  }

  #epochOf(seq: number): number {
    return seq <= this.#before.seq ? this.#before.epoch : this.#options.epoch;
  }

  async #syncFiles(): Promise<void> {
    await this.#file.sync();
    if (this.#hasNewNames) this.#hasNewNames = !(await this.#syncNames());
  }

  /** Names on the way to the journal, and the input that its first line brought. False when some of it is gone just now. */
  async #syncNames(): Promise<boolean> {
    let all = true;
    for (const path of [this.#files.input, this.#files.data, this.#files.directory, dirname(this.#files.directory)]) {
      try {
        if (path !== this.#files.input || this.#disk.stat(path) !== null) await this.#disk.sync(path);
      } catch (error) {
        // What cannot be opened was deleted by hand, and is put back by repair; anything else is a failed sync (W4).
        if (!isOpenError(error)) throw error;
        all = false;
      }
    }
    return all;
  }

  /** Lines of the journal are lost: a synced snapshot takes their place, and a new file goes on behind it. */
  async #beginAnew(data: JsonObject): Promise<void> {
    const seq = this.#lastSeq;
    this.#needsSnapshot = true;
    await this.#inTurn(() => this.#replaceSnapshot(this.#encodeSnapshot(data, seq, { end: 0, line: 0 })));
    this.#file.beginAnew();
    this.#sync.settled(seq);
  }

  // --- input --------------------------------------------------------------------------------------

  #writeInput(input: Json): void {
    this.#disk.makeDirectory(this.#files.data);
    replaceFile(this.#disk, this.#files.input, JSON.stringify(input));
  }

  /** Puts the input back where somebody deleted it, as long as the journal has it. */
  #mendInput(): void {
    if (this.#isInputLost || this.#lastSeq === 0 || this.#disk.stat(this.#files.input) !== null) return;
    const line = decodeLine(this.#file.firstLine());
    const event = typeof line === 'string' ? null : this.#options.data.decode(line.event);
    if (event?.type === 'Registered') this.#writeInput(event.registration.input);
    else this.#isInputLost = true;
  }

  // --- snapshot -----------------------------------------------------------------------------------

  #encodeSnapshot(data: JsonObject, seq: number, place: { readonly end: number; readonly line: number }): string {
    const { end, line } = place;
    const packed = this.#options.data.encodeSnapshot(data);
    return encodeSnapshot({ uid: this.#files.ref.uid, seq, epoch: this.#epochOf(seq), end, line, data: packed });
  }

  #writeSnapshot(text: string): Promise<void> {
    return this.#inTurn(() => {
      this.#refuseIfOver();
      // A deposed writer must not put its history over the one that counts.
      this.#file.secure();
      return this.#replaceSnapshot(text);
    });
  }

  #inTurn(body: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(body);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  async #replaceSnapshot(text: string): Promise<void> {
    const path = this.#files.snapshot;
    if (this.#snapshotFile === 'unreadable' || this.#disk.stat(path)?.isFile === false) {
      const reason = `${path}: expected a snapshot of this run`;
      this.#options.quarantine.move(path, `${this.#files.label}.snapshot.json`, reason);
    }
    if (this.#needsSnapshot) await replaceFileSynced(this.#disk, path, text);
    else replaceFile(this.#disk, path, text);
    this.#snapshotFile = this.#disk.stat(path);
  }

  #isSnapshotThere(): boolean {
    const stat = this.#disk.stat(this.#files.snapshot);
    const known = this.#snapshotFile;
    if (stat === null || known === null || known === 'unreadable') return false;
    return stat.ino === known.ino && stat.size === known.size;
  }
}
