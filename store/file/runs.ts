// Runs on plain files: runs/NAME.UID8/ for each. What happened stands in the journal (journal.ts writes, run-reader.ts reads);
// here is the rest: which runs there are, their published status, their logs, and their end.
//
// U1  a run's directory comes into being and goes by one rename; the full uid stands in run.json inside.
// U2  status.json is a view: replaced whole, not synced, null when it cannot be read. Beside the status it says how many events
//     were recorded (`recorded`), so that an emptied journal is not taken for one that has not begun.
// U3  one writer a run: a run that is open here is not opened a second time.

import { join } from 'node:path';
import { invariant, StoreError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Journal, LoadedRun, RunPlaces, RunRef, Runs } from '../store.ts';
import { DataFiles } from './data.ts';
import type { Disk, FileStat } from './disk.ts';
import { storeFault } from './fault.ts';
import { FileJournal } from './journal.ts';
import { HEAD_LENGTH, headOf } from './line.ts';
import { encodeId, type Paths } from './paths.ts';
import { Quarantine } from './quarantine.ts';
import { removeLeftovers, replaceFile } from './replace.ts';
import {
  isBeingMade,
  isUidOf,
  clearPlace,
  makePlace,
  nameOfDirectory,
  parseIdentity,
  removePlace,
  removeTrash,
  RunFiles,
} from './run-files.ts';
import { readRun, type ReadRun } from './run-reader.ts';
import { readStatus, recordedSeq, statusText } from './status.ts';

const IDENTITY_LIMIT_BYTES = 64 * 1024;
/** So many directories are looked at before others get their turn. */
const LIST_STEP = 500;
const LOG_READ_LIMIT_BYTES = 16 * 1024 * 1024;
/** A reader that meets a writer at work reads again, so often at most. */
const READ_TRIES = 3;

export interface FileRunsOptions {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly clock: Clock;
  /**
   * Gives a published status its revision and, with it, its place: `text` of that revision becomes status.json. Returns the revision; 0: it has
   * none and nothing was written.
   */
  readonly recordStatus: (ref: RunRef, status: JsonObject, text: (revision: number) => string) => Promise<number>;
}

export function createFileRuns(options: FileRunsOptions): FileRuns {
  return new FileRuns(options);
}

interface Published {
  readonly text: string;
  readonly stat: FileStat | null;
}

interface OpenRun {
  readonly journal: FileJournal;
  published: Published | null;
}

export class FileRuns implements Runs {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #clock: Clock;
  readonly #quarantine: Quarantine;
  readonly #recordStatus: FileRunsOptions['recordStatus'];
  /** By directory. */
  readonly #open = new Map<string, OpenRun>();
  /** What a directory's name stands for never changes. */
  #known = new Map<string, RunRef>();

  constructor(options: FileRunsOptions) {
    this.#disk = options.disk;
    this.#paths = options.paths;
    this.#clock = options.clock;
    this.#recordStatus = options.recordStatus;
    this.#quarantine = new Quarantine(options.disk, options.paths);
  }

  async list(): Promise<RunRef[]> {
    const known = new Map<string, RunRef>();
    let looked = 0;
    for (const name of this.#disk.names(this.#paths.runs)) {
      let ref = this.#known.get(name) ?? null;
      if (ref === null) {
        if (isBeingMade(name) || removeTrash(this.#disk, this.#paths.runs, name)) continue;
        looked += 1;
        if (looked % LIST_STEP === 0) await new Promise((resolve) => setImmediate(resolve));
        ref = this.#identify(name);
      }
      if (ref !== null) known.set(name, ref);
    }
    this.#known = known;
    return [...known.values()];
  }

  async load(ref: RunRef, options?: { ignoreSnapshot?: boolean }): Promise<LoadedRun | null> {
    const files = new RunFiles(this.#paths, ref);
    if (this.#disk.stat(files.directory)?.isDirectory !== true) return null;
    const read = this.#read(files, options?.ignoreSnapshot ?? false);
    const data = this.#dataFiles(files);
    return {
      snapshot: read.snapshot === null ? null : data.decodeSnapshot(read.snapshot.data),
      snapshotSeq: read.snapshot?.seq ?? 0,
      events: read.lines.map((line) => data.decode(line.event)),
      lastSeq: read.lastSeq,
      ...(read.broken === null ? {} : { broken: read.broken }),
    };
  }

  async open(ref: RunRef, epoch: number): Promise<Journal> {
    invariant(Number.isSafeInteger(epoch) && epoch > 0, `epoch ${epoch} is a positive number`);
    const files = new RunFiles(this.#paths, ref);
    invariant(!this.#open.has(files.directory), `journal of ${files.label} is open once`);
    return this.#guard(files, 'open', () => {
      this.#makePlace(files);
      const read = this.#read(files, false);
      if (read.broken !== null) throw new StoreError('Corrupt', files.label, read.broken.message);
      if (read.lastEpoch > epoch) {
        throw new StoreError(
          'Expired',
          files.label,
          `${files.journal}: epoch ${epoch} is over, found epoch ${read.lastEpoch}`,
        );
      }
      for (const directory of [files.directory, files.data])
        removeLeftovers(this.#disk, directory, this.#disk.names(directory));
      const journal = new FileJournal(
        {
          disk: this.#disk,
          clock: this.#clock,
          quarantine: this.#quarantine,
          files,
          data: this.#dataFiles(files),
          onClose: () => this.#open.delete(files.directory),
          mendStatus: () => this.#mendStatus(files),
          epoch,
        },
        read,
      );
      this.#open.set(files.directory, { journal, published: null });
      return journal;
    });
  }

  async publish(ref: RunRef, status: JsonObject): Promise<void> {
    const files = new RunFiles(this.#paths, ref);
    const seq = this.#guard(files, 'publish', () => {
      this.#makePlace(files);
      return this.#open.get(files.directory)?.journal.recordedSeq ?? recordedSeq(readStatus(this.#disk, files));
    });
    const textOf = (revision: number): string => statusText(ref, status, seq, revision);
    const revision = await this.#recordStatus(ref, status, textOf);
    this.#guard(files, 'publish', () => {
      const text = textOf(revision);
      const stat = revision > 0 ? this.#disk.stat(files.status) : this.#writeStatus(files, text);
      const open = this.#open.get(files.directory);
      if (open !== undefined) open.published = { text, stat };
    });
  }

  async status(ref: RunRef): Promise<JsonObject | null> {
    const found = readStatus(this.#disk, new RunFiles(this.#paths, ref));
    if (found === null) return null;
    const { recorded: _recorded, ...status } = found;
    return status;
  }

  async remove(ref: RunRef): Promise<void> {
    const files = new RunFiles(this.#paths, ref);
    await this.#open.get(files.directory)?.journal.abandon();
    this.#known.delete(files.label);
    this.#guard(files, 'remove', () => removePlace(this.#disk, files));
  }

  async logAttempts(ref: RunRef, node: string): Promise<number[]> {
    const files = new RunFiles(this.#paths, ref);
    const prefix = `${encodeId(node)}.`;
    const attempts: number[] = [];
    for (const name of this.#disk.names(files.logs)) {
      if (!name.startsWith(prefix)) continue;
      const attempt = /^([1-9]\d{0,8})\.log$/.exec(name.slice(prefix.length))?.[1];
      if (attempt !== undefined) attempts.push(Number(attempt));
    }
    return attempts.sort((one, other) => one - other);
  }

  async readLog(ref: RunRef, node: string, attempt: number, offset: number, limit: number): Promise<Uint8Array> {
    const files = new RunFiles(this.#paths, ref);
    const length = Math.max(0, Math.min(limit, LOG_READ_LIMIT_BYTES));
    return this.#guard(files, 'readLog', () => {
      const bytes = this.#disk.readRange(files.log(node, attempt), Math.max(0, offset), length);
      return bytes ?? new Uint8Array();
    });
  }

  async appendLog(ref: RunRef, node: string, attempt: number, bytes: Uint8Array): Promise<void> {
    const files = new RunFiles(this.#paths, ref);
    const path = files.log(node, attempt);
    this.#guard(files, 'appendLog', () => {
      if (this.#disk.stat(files.logs) === null) this.#disk.makeDirectory(files.logs);
      const handle = this.#disk.openAppend(path);
      try {
        this.#disk.append(handle, path, bytes);
      } finally {
        this.#disk.close(handle);
      }
    });
  }

  places(ref: RunRef): RunPlaces {
    const files = new RunFiles(this.#paths, ref);
    return { scratch: files.scratch, input: files.input, log: (node, attempt) => files.log(node, attempt) };
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => open.journal.close()));
  }

  #guard<T>(files: RunFiles, doing: string, body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw storeFault(error, files.directory, doing);
    }
  }

  #makePlace(files: RunFiles): void {
    clearPlace(this.#disk, this.#quarantine, files);
    if (this.#disk.stat(files.directory) === null) makePlace(this.#disk, files);
  }

  #dataFiles(files: RunFiles): DataFiles {
    return new DataFiles(this.#disk, files.data, (name, reason) =>
      this.#quarantine.keepOnce(`${files.label}.data.${name}`, null, reason),
    );
  }

  /** Reads, and keeps evidence of what was bad. A writer at work may be met half-way: then it is read again. */
  #read(files: RunFiles, ignoreSnapshot: boolean): ReadRun {
    for (let tries = 1; ; tries += 1) {
      const before = this.#stamp(files);
      const read = readRun(this.#disk, files, ignoreSnapshot);
      const isBad = read.broken !== null || read.snapshotProblem !== null;
      if (isBad && tries < READ_TRIES && this.#stamp(files) !== before) continue;
      if (read.broken?.reason === 'JournalCorrupt') {
        this.#keepEvidence(files.journal, `${files.label}.journal.ndjson`, read.broken.message);
      }
      if (read.snapshotProblem !== null) {
        const reason = `${files.snapshot}: ${read.snapshotProblem}`;
        this.#keepEvidence(files.snapshot, `${files.label}.snapshot.json`, reason);
      }
      return read;
    }
  }

  #keepEvidence(path: string, label: string, reason: string): void {
    const stat = this.#disk.stat(path);
    const content = stat?.isFile === true ? () => this.#disk.readRange(path, 0, stat.size) : null;
    this.#quarantine.keepOnce(label, content, reason);
  }

  #stamp(files: RunFiles): string {
    const stats = [files.journal, files.snapshot].map((path) => this.#disk.stat(path));
    return stats.map((stat) => (stat === null ? '-' : `${stat.ino}:${stat.size}:${stat.mtimeMs}`)).join(' ');
  }

  /** Whose directory is it? Null, with a note in quarantine, when nothing in it tells. */
  #identify(directory: string): RunRef | null {
    const name = nameOfDirectory(directory);
    if (name === null) return this.#refuseDirectory(directory, 'expected a directory called NAME.UID8');
    const path = join(this.#paths.runs, directory);
    const uid =
      this.#uidFrom(join(path, 'run.json'), parseIdentity) ?? this.#uidOfJournal(join(path, 'journal.ndjson'));
    if (uid === null || !isUidOf(uid, directory)) {
      return this.#refuseDirectory(directory, 'expected run.json or journal.ndjson with the uid of the run');
    }
    return { name, uid };
  }

  #uidFrom(path: string, parse: (bytes: Buffer) => string | null): string | null {
    try {
      const bytes = this.#disk.read(path, IDENTITY_LIMIT_BYTES);
      return bytes === null ? null : parse(bytes);
    } catch {
      // Not a regular file, or no directory around it: it tells nothing.
      return null;
    }
  }

  #uidOfJournal(path: string): string | null {
    try {
      const head = this.#disk.readRange(path, 0, HEAD_LENGTH);
      return head === null ? null : (headOf(head)?.uid ?? null);
    } catch {
      return null;
    }
  }

  #refuseDirectory(name: string, reason: string): null {
    this.#quarantine.keepOnce(`runs.${encodeId(name)}`, null, `runs/${name}: ${reason}; left where it is`);
    return null;
  }

  #writeStatus(files: RunFiles, text: string): FileStat | null {
    const stat = this.#disk.stat(files.status);
    if (stat?.isDirectory === true) {
      this.#quarantine.move(
        files.status,
        `${files.label}.status.json`,
        'a directory stood in the place of status.json',
      );
    }
    replaceFile(this.#disk, files.status, text);
    return this.#disk.stat(files.status);
  }

  #mendStatus(files: RunFiles): void {
    const open = this.#open.get(files.directory);
    if (open === undefined || open.published === null) return;
    const { text, stat } = open.published;
    const now = this.#disk.stat(files.status);
    if (now !== null && now.ino === stat?.ino && now.size === stat.size) return;
    open.published = { text, stat: this.#writeStatus(files, text) };
  }
}
