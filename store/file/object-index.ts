// What one handle knows of the objects: read from meta/ when it is first asked for, and kept up with every change that is read on.
//
// X1  an entry is never older than the newest change that was read on.

import type { Kind } from '../../manifests/model.ts';
import { isHeld } from '../objects.ts';
import type { MetaFiles } from './meta.ts';
import type { FileMark, FileRecord, StoredChange } from './records.ts';

export interface Entry {
  readonly uid: string;
  readonly revision: number;
  readonly isDeleted: boolean;
  /** By finalizers. */
  readonly isHeld: boolean;
  readonly refusal: string | null;
  /** The desired file as last looked at, the time of the look included in what is remembered here only. */
  mark: FileMark | null;
  /** Null when it was let go: the whole record stands in meta/. */
  record: FileRecord | null;
  /** Engine time at which the desired file was first seen missing. */
  missingSince: number | null;
  /** A run that has ended; null when that was not looked at yet. */
  isEnded: boolean | null;
}

interface KindView {
  readonly entries: Map<string, Entry>;
  names: Set<string> | null;
  sorted: readonly string[] | null;
}

export class ObjectIndex {
  readonly #meta: MetaFiles;
  readonly #onSeen: (revision: number) => void;
  readonly #kinds = new Map<Kind, KindView>();
  /** The newest deletion: on a full disk its view may still stand. */
  #deletion: { readonly kind: Kind; readonly name: string; readonly revision: number } | null = null;
  /** Newest published status by uid. */
  readonly #statuses = new Map<string, number>();

  /** `onSeen`: called with the revision of every view that is read. */
  constructor(meta: MetaFiles, onSeen: (revision: number) => void) {
    this.#meta = meta;
    this.#onSeen = onSeen;
  }

  /** Null when there is no such object, or when nothing but its desired file is left of it. */
  entry(kind: Kind, name: string): Entry | null {
    const view = this.#view(kind);
    const known = view.entries.get(name);
    if (known !== undefined) return known;
    const meta = this.#meta.read(kind, name);
    if (meta === null || this.#isLeftOf(kind, name, meta.revision)) return null;
    this.#onSeen(meta.revision);
    const read = this.#view(kind).entries.get(name);
    if (read !== undefined) return read;
    return this.#put(kind, name, meta.record, meta.revision);
  }

  /** The whole record of an entry; null when its file in meta/ is gone meanwhile. */
  record(kind: Kind, name: string, entry: Entry): FileRecord | null {
    if (entry.record !== null) return entry.record;
    const meta = this.#meta.read(kind, name);
    if (meta === null || meta.record.uid !== entry.uid) return null;
    entry.record = meta.record;
    return meta.record;
  }

  apply(revision: number, change: StoredChange): void {
    if (change.verb === 'Void') return;
    if (change.verb === 'Status') {
      this.#statuses.set(change.uid, revision);
      const entry = this.#view(change.kind).entries.get(change.name);
      if (entry !== undefined && entry.uid === change.uid) entry.isEnded = null;
      return;
    }
    if (change.verb === 'Deleted') {
      const view = this.#view(change.kind);
      view.entries.delete(change.name);
      if (view.names?.delete(change.name) === true) view.sorted = null;
      this.#statuses.delete(change.uid);
      this.#deletion = { kind: change.kind, name: change.name, revision };
      return;
    }
    this.#put(change.kind, change.name, change.record, revision);
  }

  /** The revision to show: of the object's last change, or of the status published since. */
  shown(entry: Entry): number {
    return Math.max(entry.revision, this.#statuses.get(entry.uid) ?? 0);
  }

  statusRevision(uid: string): number {
    return this.#statuses.get(uid) ?? 0;
  }

  /** Names of all objects, sorted. */
  names(kind: Kind): readonly string[] {
    const view = this.#view(kind);
    if (view.names === null) {
      view.names = new Set(this.#meta.names(kind));
      for (const name of view.entries.keys()) view.names.add(name);
      view.sorted = null;
    }
    view.sorted ??= [...view.names].sort();
    return view.sorted;
  }

  has(kind: Kind, name: string): boolean {
    this.names(kind);
    return this.#view(kind).names?.has(name) ?? false;
  }

  /** Its file in meta/ turned out to be gone or unreadable. */
  forget(kind: Kind, name: string): void {
    const view = this.#view(kind);
    view.entries.delete(name);
    if (view.names?.delete(name) === true) view.sorted = null;
  }

  restore(kind: Kind, name: string, record: FileRecord, revision: number): Entry {
    return this.#put(kind, name, record, revision);
  }

  clear(): void {
    this.#kinds.clear();
    this.#statuses.clear();
  }

  #isLeftOf(kind: Kind, name: string, revision: number): boolean {
    const deletion = this.#deletion;
    return deletion !== null && deletion.kind === kind && deletion.name === name && revision < deletion.revision;
  }

  #put(kind: Kind, name: string, record: FileRecord, revision: number): Entry {
    const view = this.#view(kind);
    const entry: Entry = {
      uid: record.uid,
      revision,
      isDeleted: record.deleted !== null,
      isHeld: isHeld(record),
      refusal: record.refusal?.reason ?? null,
      mark: record.mark,
      record,
      missingSince: null,
      isEnded: null,
    };
    view.entries.set(name, entry);
    if (view.names !== null && !view.names.has(name)) {
      view.names.add(name);
      view.sorted = null;
    }
    return entry;
  }

  #view(kind: Kind): KindView {
    let view = this.#kinds.get(kind);
    if (view === undefined) {
      view = { entries: new Map(), names: null, sorted: null };
      this.#kinds.set(kind, view);
    }
    return view;
  }
}
