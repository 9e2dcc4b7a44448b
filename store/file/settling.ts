// Bringing in what people did to desired files: one object after the other, until what stands is what is recorded.
//
// S1  a file that was written a moment ago may be half of it, and one that is missing has an editor at work: both are looked at again.
// S2  however busy somebody is with a file, looking at it ends: at last it is taken as it is.

import { StoreError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/ports.ts';
import type { Kind } from '../../manifests/model.ts';
import { isReleased, timeOf } from '../objects.ts';
import type { Documents } from './documents.ts';
import { recordOfFile } from './hand-edits.ts';
import type { ObjectFiles, Plan } from './object-files.ts';
import type { Entry } from './object-index.ts';

/** A file that is younger may be half written. */
const YOUNG_MS = 30;
/** A file that is missing for less has an editor at work. */
export const ABSENCE_MS = 300;
/** Looks at a file that somebody keeps writing, before it is taken as it is. */
const LOOKS = 4;

/** What came out of looking at a desired file: settled, or to be looked at again later. */
type Settled = 'settled' | 'young' | 'missing';

export class Settling {
  readonly #objects: ObjectFiles;
  readonly #documents: Documents;
  readonly #clock: Clock;

  constructor(objects: ObjectFiles, clock: Clock) {
    this.#objects = objects;
    this.#documents = objects.documents;
    this.#clock = clock;
  }

  /** Brings in what was done by hand to these, waiting for files that are just being written; on a full disk another time. */
  async settle(kind: Kind, names: readonly string[], waitForAbsence: boolean): Promise<void> {
    let left = [...names];
    for (let look = 1; left.length > 0; look += 1) {
      const young: string[] = [];
      const missing: string[] = [];
      for (const name of left) {
        const settled = await this.#objects
          .exclusive(() => this.settleNow(kind, name, look >= LOOKS))
          .catch(unlessFull);
        if (settled === 'young') young.push(name);
        else if (settled === 'missing' && waitForAbsence && look < LOOKS) missing.push(name);
      }
      left = [...young, ...missing];
      if (left.length > 0) await this.#wait(missing.length > 0 ? ABSENCE_MS : YOUNG_MS);
    }
  }

  /** The same for one, now; only inside `exclusive`. `isForced`: take a file that is being written as it is. */
  async settleNow(kind: Kind, name: string, isForced = true): Promise<Settled> {
    for (let look = 1; look <= LOOKS; look += 1) {
      this.#objects.log.refresh();
      const files = this.#objects.desired.filesOf(kind, name);
      const entry = await this.#entryOf(kind, name, files);
      if ((entry === null && files.length === 0) || this.#objects.isQuiet(kind, name, files)) return 'settled';
      const standing = entry?.mark ?? null;
      const isGone = entry !== null && (standing === null || !files.includes(standing.file));
      if (isGone && !this.#isGoneForGood(entry)) return 'missing';
      const file = isGone || standing === null ? files[0] : standing.file;
      const plan =
        file === undefined
          ? entry !== null && this.#planRemoval(kind, name, entry)
          : await this.#planEdit(kind, name, entry, file, files, isForced);
      if (plan === 'young') return 'young';
      if (plan === 'same') return 'settled';
      if (plan === 'again' || plan === false) continue;
      // The last look counts whatever happens to the file meanwhile: the next one sees the difference.
      await this.#objects.commit(look < LOOKS ? plan : { ...plan, standing: null });
    }
    return 'settled';
  }

  #isGoneForGood(entry: Entry): boolean {
    const { time } = this.#clock.now();
    entry.missingSince ??= time;
    return time - entry.missingSince >= ABSENCE_MS;
  }

  async #planEdit(
    kind: Kind,
    name: string,
    entry: Entry | null,
    file: string,
    files: readonly string[],
    isForced: boolean,
  ): Promise<Plan | 'young' | 'same' | 'again'> {
    const look = this.#objects.desired.look(kind, file);
    if (look === null) return 'again';
    const isSame = look.mark.digest === entry?.mark?.digest && look.mark.file === entry.mark.file;
    const isDuplicate = files.length > 1;
    if (
      isSame &&
      entry !== null &&
      (entry.refusal === null ? !isDuplicate : isDuplicate || entry.refusal !== 'Duplicate')
    ) {
      entry.mark = look.mark;
      entry.missingSince = null;
      return 'same';
    }
    const { wall } = this.#clock.now();
    const ageMs = wall - look.mark.mtimeMs;
    if (!isSame && !isForced && ageMs >= 0 && ageMs < YOUNG_MS) return 'young';
    const previous = entry === null ? null : this.#objects.index.record(kind, name, entry);
    if (entry !== null && previous === null) return 'again';
    const record = await recordOfFile(this.#documents, {
      kind,
      name,
      source: this.#objects.source(kind, file),
      look,
      others: files.filter((other) => other !== file),
      previous,
      uid: this.#objects.uidFor(kind, name),
      time: timeOf(wall),
    });
    // Somebody took the last finalizer off in the file.
    if (entry !== null && isReleased(record)) return this.#objects.planDelete(record, entry.revision, look.mark);
    return {
      verb: entry === null ? 'Added' : 'Modified',
      kind,
      name,
      uid: record.uid,
      basedOn: entry?.revision ?? 0,
      standing: look.mark,
      document: null,
      removes: null,
      record: () => record,
    };
  }

  #planRemoval(kind: Kind, name: string, entry: Entry): Plan | false {
    const record = this.#objects.index.record(kind, name, entry);
    return record === null ? false : this.#objects.planDelete(record, entry.revision, null);
  }

  /** The entry, found again from changes/ when somebody removed its file in meta/. */
  async #entryOf(kind: Kind, name: string, files: readonly string[]): Promise<Entry | null> {
    const entry = this.#objects.index.entry(kind, name);
    if (entry !== null && (entry.record !== null || this.#objects.index.record(kind, name, entry) !== null))
      return entry;
    if (entry === null && files.length === 0) return null;
    return this.#objects.restore(kind, name);
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(delayMs, resolve);
    });
  }
}

/** On a full disk nothing can be recorded; the next look tries again. */
function unlessFull(error: unknown): Settled {
  if (error instanceof StoreError && error.code === 'NoSpace') return 'settled';
  throw error;
}
