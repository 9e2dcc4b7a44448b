// changes/stage: files on their way into place.
//
// A writer stages UNIQ.doc (the document), UNIQ.meta (the view of the object) or UNIQ.status (a published status), and UNIQ.json (the change),
// links the change to its number (changes.ts), and moves the others into place. Whoever reads the change does the same, so it does not matter who dies.
//
// G1  a staged file exists once and moves by rename: a writer that was stopped and wakes can never put an old version over a newer one.
// G2  what has to go is moved here first and looked at; when it is not what was meant, it is put back.
// G3  a hand edit that came after the change was linked stays; it is recorded on top of it.

import { join } from 'node:path';
import type { Kind } from '../../manifests/model.ts';
import type { DesiredFiles } from './desired.ts';
import { digestOf, isSameStat, unreadableReason } from './desired.ts';
import type { Disk } from './disk.ts';
import { storeFault, systemCode } from './fault.ts';
import { metaFile, type MetaFiles } from './meta.ts';
import type { Paths } from './paths.ts';
import type { Quarantine } from './quarantine.ts';
import {
  encodeChange,
  encodeMeta,
  type FileMark,
  type ObjectChange,
  type StatusChange,
  type StoredChange,
} from './records.ts';
import { removePlace, RunFiles } from './run-files.ts';

/** A document gets a time a little before now, so that any write by hand, even in the same tick, changes it. */
const BACKDATE_MS = 100;
/** A staged file of that age has no writer any more. */
const LEFTOVER_MS = 10 * 60_000;

/** A change that waits for its number. */
export interface Staged {
  readonly change: ObjectChange;
  /** The complete change, ready to be linked. */
  readonly file: string;
}

export class Stage {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #desired: DesiredFiles;
  readonly #meta: MetaFiles;
  readonly #quarantine: Quarantine;
  readonly #uniq: () => string;
  readonly #directory: string;

  constructor(options: {
    disk: Disk;
    paths: Paths;
    desired: DesiredFiles;
    meta: MetaFiles;
    quarantine: Quarantine;
    uniq: () => string;
  }) {
    this.#disk = options.disk;
    this.#paths = options.paths;
    this.#desired = options.desired;
    this.#meta = options.meta;
    this.#quarantine = options.quarantine;
    this.#uniq = options.uniq;
    this.#directory = join(options.paths.changes, 'stage');
  }

  /** Writes and syncs all that does not depend on the number. `document` null: none goes into place. */
  async prepare(
    ref: string,
    document: { readonly text: string; readonly file: string } | null,
    wallMs: number,
    build: (stage: string, mark: FileMark | null) => ObjectChange,
  ): Promise<Staged> {
    const uniq = this.#uniq();
    const file = join(this.#directory, `${uniq}.json`);
    const documentFile = join(this.#directory, `${uniq}.doc`);
    try {
      let mark: FileMark | null = null;
      if (document !== null) {
        this.#create(documentFile, document.text);
        this.#disk.setModified(documentFile, Math.max(0, Math.floor(wallMs) - BACKDATE_MS));
        const stat = this.#disk.stat(documentFile);
        if (stat === null) throw new Error(`${documentFile}: expected the file just written, found none`);
        const digest = digestOf(document.text);
        mark = { file: document.file, ino: stat.ino, size: stat.size, mtimeMs: stat.mtimeMs, digest };
      }
      const change = build(uniq, mark);
      this.#create(file, encodeChange(change));
      const synced = document === null ? [file] : [file, documentFile];
      await Promise.all(synced.map((path) => this.#sync(path)));
      return { change, file };
    } catch (error) {
      this.#disk.unlink(file);
      this.#disk.unlink(documentFile);
      throw storeFault(error, ref, 'writing');
    }
  }

  /** The view as it will be under that number. */
  writeMeta(staged: Staged, revision: number): void {
    const path = this.#metaOf(staged.change);
    this.#disk.unlink(path);
    if (staged.change.verb === 'Deleted') return;
    this.#create(path, encodeMeta({ revision, record: staged.change.record }));
  }

  discard(staged: Staged): void {
    this.#disk.unlink(staged.file);
    this.#disk.unlink(this.#documentOf(staged.change));
    this.#disk.unlink(this.#metaOf(staged.change));
  }

  /** Moves into place what a change left here; does nothing when that was done. */
  finish(revision: number, change: StoredChange): void {
    if (change.verb === 'Void') return;
    try {
      if (change.verb === 'Status') return this.#placeStatus(change);
      if (change.removes !== null) this.#removeDocument(revision, change.kind, change.removes);
      this.#placeDocument(change);
      if (change.verb === 'Deleted') {
        if (change.kind === 'WorkflowRun') removePlace(this.#disk, new RunFiles(this.#paths, change));
        this.removeMeta(revision, change.kind, change.name);
      } else {
        this.#place(
          this.#metaOf(change),
          this.#meta.path(change.kind, change.name),
          metaFile(change.kind, change.name),
        );
      }
    } catch (error) {
      throw storeFault(error, `${change.kind}/${change.name}`, `finishing revision ${revision}`);
    }
  }

  /** The status as it will be published under a number, which stands inside. */
  writeStatus(stage: string, text: string): void {
    const path = this.#statusOf(stage);
    this.#disk.unlink(path);
    this.#create(path, text);
  }

  discardStatus(stage: string): void {
    this.#disk.unlink(this.#statusOf(stage));
  }

  /** Into the run's directory, and only if that is there: a run that was removed does not come back. */
  #placeStatus(change: StatusChange): void {
    if (change.stage === null) return;
    const staged = this.#statusOf(change.stage);
    const files = new RunFiles(this.#paths, change);
    if (this.#disk.stat(files.directory)?.isDirectory !== true) return void this.#disk.unlink(staged);
    try {
      this.#disk.rename(staged, files.status);
    } catch (error) {
      if (this.#disk.stat(files.status)?.isDirectory !== true) throw error;
      this.#quarantine.move(
        files.status,
        `${files.label}.status.json`,
        'a directory stood in the place of status.json',
      );
      this.#disk.rename(staged, files.status);
    }
  }

  #placeDocument(change: ObjectChange): void {
    const staged = this.#documentOf(change);
    const mark = change.record.mark;
    if (mark === null || this.#disk.stat(staged) === null) return;
    const found = this.#desired.look(change.kind, mark.file);
    if (found !== null && found.mark.digest !== change.replaces && found.mark.digest !== mark.digest) {
      this.#disk.unlink(staged);
      return;
    }
    this.#place(staged, this.#desired.path(change.kind, mark.file), `${change.kind}.${mark.file}`);
  }

  /** Renames over whatever stands there. */
  #place(from: string, to: string, label: string): void {
    try {
      if (this.#disk.rename(from, to)) return;
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EISDIR' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      this.#quarantine.move(to, label, 'expected a file, found a directory');
      this.#disk.rename(from, to);
      return;
    }
    // Gone because another finished it, or because the directory that it goes to was removed.
    if (this.#disk.stat(from) === null) return;
    this.#disk.makeDirectory(join(to, '..'));
    this.#disk.rename(from, to);
  }

  #removeDocument(revision: number, kind: Kind, mark: FileMark): void {
    const path = this.#desired.path(kind, mark.file);
    if (!this.#desired.looksLike(kind, mark)) return;
    if (unreadableReason(mark) !== null) {
      this.#quarantine.move(path, `${kind}.${mark.file}`, `its object was deleted; ${mark.digest}`);
      return;
    }
    const moved = join(this.#directory, `${revision}.${this.#uniq()}.deleted`);
    if (this.#disk.rename(path, moved)) this.#settleRemoved(moved, path, mark);
  }

  /**
   * Drops what was moved here to be deleted, or puts it back when it is something else: the same text may stand there by now for the
   * next object of the name, so it has to be the very file.
   */
  #settleRemoved(moved: string, path: string, mark: FileMark): void {
    const found = this.#disk.stat(moved);
    if (found === null) return;
    if (!isSameStat(found, mark)) this.#putBack(moved, path);
    this.#disk.unlink(moved);
  }

  /** Drops the view when it is not of a later object. */
  removeMeta(revision: number, kind: Kind, name: string): void {
    const path = this.#meta.path(kind, name);
    const moved = join(this.#directory, `${revision}.${this.#uniq()}.gone`);
    if (!this.#disk.rename(path, moved)) return;
    const found = this.#meta.tryParse(moved, kind, name);
    if (found !== null && found.revision > revision) this.#putBack(moved, path);
    this.#disk.unlink(moved);
  }

  /** Puts the document of a change back on its way, when it is lost here and in its place. */
  restage(change: ObjectChange, text: string): void {
    const path = this.#documentOf(change);
    if (this.#disk.stat(path) !== null && digestOf(this.#disk.read(path) ?? '') === digestOf(text)) return;
    this.#disk.unlink(path);
    this.#create(path, text);
    this.#disk.syncNow(path);
  }

  /** Puts a view in place that is missing or older than `revision`, and never over a newer one. */
  restoreMeta(revision: number, change: ObjectChange): void {
    this.removeMeta(revision - 1, change.kind, change.name);
    const temporary = join(this.#directory, `${this.#uniq()}.restored`);
    this.#create(temporary, encodeMeta({ revision, record: change.record }));
    this.#putBack(temporary, this.#meta.path(change.kind, change.name));
    this.#disk.unlink(temporary);
  }

  /** When something newer stands there already, that stays. */
  #putBack(moved: string, path: string): void {
    try {
      this.#disk.link(moved, path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      if (this.#disk.stat(moved) === null) return;
      this.#disk.makeDirectory(join(path, '..'));
      this.#disk.link(moved, path);
    }
  }

  /**
   * Clears what dead writers left. Call after a refresh, `refresh` again is called in between: a change is taken away from a sleeping
   * writer first, so that it can link nothing whose document is gone.
   */
  tidy(wallMs: number, refresh: () => void, changeAt: (revision: number) => StoredChange | null): void {
    const names = this.#disk.names(this.#directory);
    for (const name of names) {
      if (name.endsWith('.deleted')) this.#settleLeftover(name, changeAt);
    }
    const old = names.filter((name) => this.#isOld(name, wallMs));
    if (old.length === 0) return;
    for (const name of old) if (name.endsWith('.json')) this.#disk.unlink(join(this.#directory, name));
    refresh();
    for (const name of old) {
      const path = join(this.#directory, name);
      if (this.#disk.stat(path)?.isDirectory === true) this.#disk.removeTree(path);
      else this.#disk.unlink(path);
    }
  }

  #settleLeftover(name: string, changeAt: (revision: number) => StoredChange | null): void {
    const change = changeAt(Number.parseInt(name, 10));
    if (change === null || change.verb === 'Void' || change.verb === 'Status' || change.removes === null) return;
    const path = this.#desired.path(change.kind, change.removes.file);
    this.#settleRemoved(join(this.#directory, name), path, change.removes);
  }

  /** The later of the two times: a document has its own set back, and a clock may have been wrong. */
  #isOld(name: string, wallMs: number): boolean {
    const stat = this.#disk.stat(join(this.#directory, name));
    return stat !== null && wallMs - Math.max(stat.mtimeMs, stat.ctimeMs) > LEFTOVER_MS;
  }

  #documentOf(change: ObjectChange): string {
    return join(this.#directory, `${change.stage ?? 'none'}.doc`);
  }

  #metaOf(change: ObjectChange): string {
    return join(this.#directory, `${change.stage ?? 'none'}.meta`);
  }

  #statusOf(stage: string): string {
    return join(this.#directory, `${stage}.status`);
  }

  #create(path: string, text: string): void {
    try {
      this.#disk.createNew(path, text);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      this.#disk.makeDirectory(this.#directory);
      this.#disk.createNew(path, text);
    }
  }

  async #sync(path: string): Promise<void> {
    await this.#disk.sync(path);
  }
}
