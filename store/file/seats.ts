// Seats on files: who is the controller, who sits on a worker's name.
//
// Owns: controller/epochs/, controller/seat.json, workers/NAME.json and the sockets whose names are made from the state directory's
// device and inode. Does not own: what a seat allows (fences, leases.ts; epochs in journals).
//
// I1  a seat is a socket that the kernel holds (kernel-lock.ts): free at its holder's death, never before.
// I2  every taking of the controller's seat has created its epoch, exclusively and synced, before anybody learns of it.
// I3  the JSON files are for people and for the check of namespaces; presence is never read from them alone.

import { basename, join } from 'node:path';
import { StoreError } from '../../kernel/errors.ts';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { ProcessIdentity, Processes } from '../../kernel/ports.ts';
import type { ControllerSeat, Seats, WorkerSeat, WorkerView } from '../store.ts';
import type { Disk } from './disk.ts';
import { storeFault } from './fault.ts';
import { KernelLock, lockName, onceFree, probe } from './kernel-lock.ts';
import type { Paths } from './paths.ts';
import { Quarantine } from './quarantine.ts';
import { removeDeadLeftovers, replaceFile } from './replace.ts';
import { WorkerHints } from './worker-hints.ts';

const EPOCH_NAME = /^\d{6,12}$/;
const FENCE_EPOCH = /^(\d{6,12})-\d+\./;
/** How often a follower looks by itself; the socket tells it at once. */
const LOOK_MS = 1_000;

interface SeatFile {
  readonly identity: ProcessIdentity;
  readonly namespaces: { readonly pid: string; readonly net: string };
}

interface WorkerFile extends SeatFile {
  readonly name: string;
  readonly slots: number;
  readonly draining: boolean;
}

interface HeldWorker extends WorkerSeat {
  readonly slots: number;
  isDraining: boolean;
  isHeld: boolean;
}

/** The socket in the file system, for other namespaces. */
interface Door {
  release(): Promise<void>;
}

export interface SeatOptions {
  /** The greatest epoch that is known from elsewhere; asked only when controller/epochs/ was emptied by hand. */
  readonly knownEpoch?: () => number;
}

export class FileSeats implements Seats {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #processes: Processes;
  readonly #options: SeatOptions;

  constructor(disk: Disk, paths: Paths, processes: Processes, options: SeatOptions = {}) {
    this.#disk = disk;
    this.#paths = paths;
    this.#processes = processes;
    this.#options = options;
  }

  // --- the controller's seat -------------------------------------------------------------------

  async takeController(): Promise<ControllerSeat | null> {
    const lock = await KernelLock.take(this.#disk, this.#paths.root, 'controller');
    if (lock === null) return null;
    try {
      this.#disk.makeDirectory(this.#paths.controller);
      if (await this.#isHeldElsewhere(this.#seatPath, this.#seatSocket)) {
        await lock.release();
        return null;
      }
      await this.#refuseForeignWorkers();
      const door = await this.#listenAt(this.#paths.controller, 'seat.sock');
      const epoch = await this.#nextEpoch();
      this.#removeLeftovers([this.#paths.controller, ...this.#inboxes()]);
      this.#replace(this.#seatPath, `${JSON.stringify({ ...this.#self(), epoch })}\n`);
      return { epoch, lost: new AbortController().signal, release: () => this.#releaseController(lock, door) };
    } catch (error) {
      await lock.release();
      throw storeFault(error, 'controller', 'taking the seat');
    }
  }

  async #releaseController(lock: KernelLock, door: Door | null): Promise<void> {
    this.#disk.unlink(this.#seatPath);
    await door?.release();
    await lock.release();
  }

  async controllerGone(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.isControllerAlive())) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          unwatch();
          resolve();
        };
        const timer = setTimeout(wake, LOOK_MS);
        const unwatch = onceFree(this.#lockName('controller'), wake);
        signal.addEventListener('abort', wake, { once: true });
        // It may have been aborted while we looked.
        if (signal.aborted) wake();
      });
    }
  }

  async isControllerAlive(): Promise<boolean> {
    if ((await probe(this.#lockName('controller'))) === 'held') return true;
    return this.#isHeldElsewhere(this.#seatPath, this.#seatSocket);
  }

  async tellNumbers(numbers: JsonObject): Promise<void> {
    this.#disk.makeDirectory(this.#paths.controller);
    replaceFile(this.#disk, this.#numbersPath, `${JSON.stringify(numbers)}\n`);
  }

  async numbers(): Promise<JsonObject | null> {
    try {
      const value: unknown = JSON.parse(this.#disk.read(this.#numbersPath)?.toString() ?? 'null');
      return isObject(value) ? value : null;
    } catch {
      // Not JSON, or no regular file.
      return null;
    }
  }

  get #numbersPath(): string {
    return join(this.#paths.controller, 'numbers.json');
  }

  async #nextEpoch(): Promise<number> {
    const directory = join(this.#paths.controller, 'epochs');
    this.#disk.makeDirectory(directory);
    for (;;) {
      const used = this.#disk.names(directory).filter((name) => EPOCH_NAME.test(name));
      const last = used.length > 0 ? Math.max(...used.map(Number)) : this.#lostEpoch();
      const epoch = last + 1;
      const name = String(epoch).padStart(6, '0');
      const content = `${JSON.stringify(this.#self())}\n`;
      if (!(await this.#disk.createNewSynced(join(directory, name), content))) continue;
      await this.#disk.sync(directory);
      for (const old of used) if (Number(old) < last) this.#disk.unlink(join(directory, old));
      return epoch;
    }
  }

  /** Somebody emptied the directory: what else knows of an epoch counts, so that no fence is ever used twice. */
  #lostEpoch(): number {
    const known = [this.#options.knownEpoch?.() ?? 0];
    const seat = this.#readJson(this.#seatPath)?.['epoch'];
    if (typeof seat === 'number' && Number.isSafeInteger(seat)) known.push(seat);
    for (const inbox of this.#inboxes()) {
      for (const name of this.#disk.names(inbox)) known.push(Number(FENCE_EPOCH.exec(name)?.[1] ?? 0));
    }
    return known.reduce((a, b) => Math.max(a, b), 0);
  }

  #inboxes(): string[] {
    const inboxes = this.#disk.names(this.#paths.leases).map((worker) => this.#paths.inbox(worker));
    return inboxes.filter((inbox) => this.#disk.stat(inbox)?.isDirectory === true);
  }

  /** Of processes that were killed in the middle of a write, here or in leases. */
  #removeLeftovers(directories: readonly string[]): void {
    for (const directory of [...directories, this.#paths.workers])
      removeDeadLeftovers(this.#disk, directory, (pid) => this.#processes.identify(pid) === null);
  }

  // --- workers' seats --------------------------------------------------------------------------

  async takeWorker(name: string, slots: number): Promise<WorkerSeat | null> {
    const lock = await KernelLock.take(this.#disk, this.#paths.root, `worker-${name}`);
    if (lock === null) return null;
    try {
      this.#disk.makeDirectory(this.#paths.workers);
      const path = this.#workerPath(name);
      if (await this.#isHeldElsewhere(path, join(this.#paths.workers, `${name}.sock`))) {
        await lock.release();
        return null;
      }
      if (await this.#isHeldElsewhere(this.#seatPath, this.#seatSocket))
        throw this.#foreign(`worker ${name}`, this.#seatPath);
      const door = await this.#listenAt(this.#paths.workers, `${name}.sock`);
      this.#writeWorker(name, slots, false);
      this.#removeLeftovers([]);
      const upkeep = setInterval(() => this.#restoreWorker(seat), LOOK_MS);
      upkeep.unref();
      const seat: HeldWorker = {
        name,
        slots,
        isDraining: false,
        isHeld: true,
        release: async () => {
          seat.isHeld = false;
          clearInterval(upkeep);
          this.#disk.unlink(path);
          await door?.release();
          await lock.release();
        },
      };
      return seat;
    } catch (error) {
      await lock.release();
      throw storeFault(error, `workers/${name}`, 'taking the seat');
    }
  }

  async setDraining(seat: WorkerSeat): Promise<void> {
    const held = seat as HeldWorker;
    if (!held.isHeld) return;
    held.isDraining = true;
    this.#writeWorker(held.name, held.slots, true);
  }

  /** Somebody removed its file: without it the controller would not know of a worker that lives. */
  #restoreWorker({ name, slots, isDraining }: HeldWorker): void {
    try {
      if (this.#disk.stat(this.#workerPath(name)) !== null) return;
      this.#disk.makeDirectory(this.#paths.workers);
      this.#writeWorker(name, slots, isDraining);
    } catch {
      // A full disk, or a file in the place of the directory: tried again at the next look.
    }
  }

  async workers(): Promise<WorkerView[]> {
    const views: WorkerView[] = [];
    for (const file of this.#workerFiles()) {
      const liveness = this.#isForeign(file) ? 'dead' : this.#processes.liveness(file.identity);
      const { name, slots, draining } = file;
      views.push({ name, slots, alive: liveness !== 'dead', draining, pid: file.identity.pid });
    }
    return views;
  }

  onHint(callback: () => void): () => void {
    const hints = new WorkerHints(
      this.#disk,
      this.#paths.workers,
      (name) => this.#lockName(`worker-${name}`),
      callback,
    );
    return () => hints.close();
  }

  #writeWorker(name: string, slots: number, draining: boolean): void {
    this.#replace(this.#workerPath(name), `${JSON.stringify({ name, slots, draining, ...this.#self() })}\n`);
  }

  #workerFiles(): WorkerFile[] {
    const files: WorkerFile[] = [];
    for (const base of this.#disk.names(this.#paths.workers).sort()) {
      if (!base.endsWith('.json') || base.startsWith('.')) continue;
      const value = this.#readJson(join(this.#paths.workers, base));
      const seat = value === null ? null : parseSeat(value);
      if (value === null || seat === null) continue;
      const { slots, draining } = value;
      if (typeof slots !== 'number' || !Number.isSafeInteger(slots) || slots < 0) continue;
      // The name is that of the file: what stands inside may be a copy.
      files.push({ ...seat, name: base.slice(0, -'.json'.length), slots, draining: draining === true });
    }
    return files;
  }

  // --- other namespaces ------------------------------------------------------------------------

  /** Abstract sockets are not seen from another network namespace, sockets in the file system are. */
  async #isHeldElsewhere(path: string, socket: string): Promise<boolean> {
    const value = this.#readJson(path);
    const seat = value === null ? null : parseSeat(value);
    if (seat === null || !this.#isForeign(seat)) return false;
    return this.#probeAt(socket);
  }

  async #refuseForeignWorkers(): Promise<void> {
    for (const file of this.#workerFiles()) {
      const path = this.#workerPath(file.name);
      if (await this.#isHeldElsewhere(path, join(this.#paths.workers, `${file.name}.sock`)))
        throw this.#foreign('controller', path);
    }
  }

  #foreign(who: string, path: string): StoreError {
    const { pid, net } = this.#processes.namespaces();
    const value = this.#readJson(path);
    const other = (value === null ? null : parseSeat(value))?.namespaces;
    return new StoreError(
      'Unavailable',
      path,
      `${who}: expected the pid and network namespace of ${path} (${other?.pid} ${other?.net}), found ${pid} ${net}; run both in one container or on the host`,
    );
  }

  #isForeign(seat: SeatFile): boolean {
    const own = this.#processes.namespaces();
    if (seat.identity.bootId !== this.#processes.bootId()) return false;
    return seat.namespaces.pid !== own.pid || seat.namespaces.net !== own.net;
  }

  /** Null when the file system holds no sockets: then namespaces cannot be told apart, and the rest works as it does. */
  async #listenAt(directory: string, name: string): Promise<Door | null> {
    const path = join(directory, name);
    const handle = this.#disk.openDirectory(directory);
    try {
      // We hold the seat: a socket that stands here is of a dead process.
      this.#disk.unlink(path);
      const lock = await KernelLock.listen(`/proc/self/fd/${handle}/${name}`);
      if (lock === null) throw new Error(`${path}: expected to listen, found another`);
      return {
        release: async () => {
          await lock.release();
          this.#disk.unlink(path);
          this.#disk.close(handle);
        },
      };
    } catch {
      this.#disk.close(handle);
      return null;
    }
  }

  /** A socket's path holds 107 bytes: a long one is reached through an open handle of its directory. */
  async #probeAt(path: string): Promise<boolean> {
    const cut = path.lastIndexOf('/');
    const handle = this.#disk.openDirectory(path.slice(0, cut));
    try {
      return (await probe(`/proc/self/fd/${handle}/${path.slice(cut + 1)}`)) === 'held';
    } finally {
      this.#disk.close(handle);
    }
  }

  /** A seat's file; what stands in its place and is none goes to quarantine. */
  #replace(path: string, text: string): void {
    new Quarantine(this.#disk, this.#paths).clearWay(path, basename(path));
    replaceFile(this.#disk, path, text);
  }

  // --- small things ----------------------------------------------------------------------------

  get #seatPath(): string {
    return join(this.#paths.controller, 'seat.json');
  }

  get #seatSocket(): string {
    return join(this.#paths.controller, 'seat.sock');
  }

  #workerPath(name: string): string {
    return join(this.#paths.workers, `${name}.json`);
  }

  #lockName(word: string): string {
    return lockName(this.#disk, this.#paths.root, word);
  }

  #self(): SeatFile {
    return { identity: this.#processes.self(), namespaces: this.#processes.namespaces() };
  }

  #readJson(path: string): JsonObject | null {
    try {
      const bytes = this.#disk.read(path, 64 * 1024);
      const value: unknown = bytes === null ? null : JSON.parse(bytes.toString());
      return isObject(value) ? value : null;
    } catch {
      return null;
    }
  }
}

function parseSeat(value: JsonObject): SeatFile | null {
  const { identity, namespaces } = value;
  if (!isObject(identity) || !isObject(namespaces)) return null;
  const { pid, startTicks, bootId } = identity;
  if (typeof pid !== 'number' || typeof startTicks !== 'number' || typeof bootId !== 'string') return null;
  return {
    identity: { pid, startTicks, bootId },
    namespaces: { pid: textOf(namespaces['pid']), net: textOf(namespaces['net']) },
  };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
