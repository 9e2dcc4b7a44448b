// The worker: takes offers from its inbox and gives them to its slots.
//
// Owns: claiming, how many attempts run at once, replacing slots, draining. Does not own: what follows from an outcome (the controller),
// ending an attempt (runtime/ending.ts), how a slot runs one (slot.ts).
//
// W1  a slot gets an attempt only after the claim that names it was won.
// W2  hints shorten the wait and nothing more: each second the inbox is looked at whatever happened.
// W3  claims of slots that outlived an earlier worker of this name count as used.
// W4  a slot whose attempt was stopped takes no other: a signal that was meant for the old one must not meet the new.
// W5  when this process dies nothing else does: slots finish on the end of their stdin.

import type { Clock, Processes } from '../kernel/ports.ts';
import type { TaskError } from '../kernel/task.ts';
import type { Log } from '../runtime/log.ts';
import { Disk } from '../store/file/disk.ts';
import type { Leases, Offer, Seats, Standing, WorkerSeat } from '../store/store.ts';
import { slotKindOf } from './executors.ts';
import type { ConnectorPlaces } from './host-message.ts';
import { baseEnvironment, type Job, prepareJob } from './job.ts';
import { Slot, type SlotSettings } from './slot.ts';
import { Sweep, type Sweepable, ticksNow } from './sweep.ts';

export interface WorkerOptions {
  readonly store: { readonly leases: Leases; readonly seats: Seats };
  readonly seat: WorkerSeat;
  /** Attempts at once. */
  readonly slots: number;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly log: Log;
  /** What `fromEnv` reads and the base environment is taken from. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly connectors: ConnectorPlaces;
  readonly disk?: Disk;
  /** What a task may say in one attempt. Default 1 GiB. */
  readonly speechLimitBytes?: number;
}

const SCAN_MS = 1_000;

/** Room for one attempt: a process of each kind, started when first needed. */
interface Desk {
  readonly number: number;
  shell: Slot | null;
  host: Slot | null;
  running: Running | null;
}

interface Running {
  readonly job: Job;
  readonly slot: Slot;
  readonly attempt: Sweepable;
  /** The last scan found its slot without anything to do. */
  isDoubtful: boolean;
  /** The last scan found nothing under its fence. */
  isMissed: boolean;
}

/** Runs until the signal is aborted and all that had begun has ended. Releases the seat. */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const worker = new Worker(options);
  await worker.run(signal);
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #leases: Leases;
  readonly #name: string;
  readonly #disk: Disk;
  readonly #env: NodeJS.ProcessEnv;
  readonly #settings: SlotSettings;
  readonly #sweep: Sweep;
  readonly #desks: Desk[];
  #forgotten: ReadonlySet<string> = new Set();
  #isDraining = false;
  #isPumping = false;
  #isDue = false;
  #isScanDue = false;
  #onIdle: (() => void) | null = null;

  constructor(options: WorkerOptions) {
    const { store, seat, slots, processes, log, clock } = options;
    this.#options = options;
    this.#leases = store.leases;
    this.#name = seat.name;
    this.#disk = options.disk ?? new Disk();
    this.#env = options.env ?? process.env;
    const anyFile = store.leases.places(seat.name, '').outcome;
    this.#settings = {
      processes,
      inbox: anyFile.slice(0, anyFile.lastIndexOf('/')),
      env: baseEnvironment(this.#env),
      onDone: () => this.#nudge(),
    };
    const { speechLimitBytes } = options;
    this.#sweep = new Sweep({
      disk: this.#disk,
      processes,
      clock,
      log,
      ...(speechLimitBytes === undefined ? {} : { speechLimitBytes }),
    });
    this.#desks = Array.from({ length: slots }, (_, number) => ({ number, shell: null, host: null, running: null }));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, seat, store } = this.#options;
    const unwatch = this.#leases.onHint(this.#name, () => this.#nudge());
    let cancelScan = (): void => {};
    const scan = (): void => {
      cancelScan = clock.after(SCAN_MS, scan);
      this.#isScanDue = true;
      this.#nudge();
    };
    scan();
    this.#warm();
    try {
      await aborted(signal);
      this.#isDraining = true;
      await store.seats.setDraining(seat);
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        this.#nudge();
      });
    } finally {
      cancelScan();
      unwatch();
    }
    const slots = this.#desks.flatMap(({ shell, host }) => [shell, host].filter((slot) => slot !== null));
    for (const slot of slots) slot.close();
    await Promise.all(slots.map((slot) => slot.exited));
    await this.#sweep.finish();
    await seat.release();
  }

  /** The first shell, before there is work for it. */
  #warm(): void {
    const desk = this.#desks[0];
    if (desk === undefined) return;
    try {
      this.#slotOf(desk, 'shell');
    } catch (error) {
      this.#complain('starting a slot', error);
    }
  }

  /** Look at the inbox soon. Calls that come meanwhile are one. */
  #nudge(): void {
    this.#isDue = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      try {
        await this.#look();
      } catch (error) {
        // A full disk, a directory without permission: what stands in the inbox keeps, and the next look finds it.
        this.#complain('reading the inbox', error);
      }
    }
    this.#isPumping = false;
    if (this.#onIdle !== null && this.#desks.every(({ running }) => running === null)) this.#onIdle();
  }

  async #look(): Promise<void> {
    const standing = await this.#leases.standing(this.#name);
    const isScan = this.#isScanDue;
    this.#isScanDue = false;
    await this.#free(standing, isScan);
    if (!this.#isDraining && standing.offered.length > 0) await this.#fill(standing);
  }

  // --- freeing ---------------------------------------------------------------------------------

  async #free(standing: Standing, isScan: boolean): Promise<void> {
    const ended = new Set(standing.ended);
    const claimed = new Map(standing.claimed.map(({ fence, slot }) => [fence, slot]));
    for (const desk of this.#desks) {
      const { running } = desk;
      if (running === null) continue;
      const { offer, places } = running.job;
      if (ended.has(offer.fence)) {
        if (running.slot.isEnding(offer.fence)) continue;
        this.#leave(desk, running);
        if (this.#disk.stat(places.stop) !== null) this.#retire(desk, running.slot);
      } else if (running.slot.isOver) {
        // Its claim stays and names a dead slot: the controller ends what is left of the attempt.
        this.#leave(desk, running);
      } else if (!claimed.has(offer.fence)) {
        // Nothing stands under the fence: the controller was faster than we and took it all away, or somebody removed the claim.
        if (!running.slot.isRunning(offer.fence)) this.#leave(desk, running);
        else if (isScan) await this.#restore(running);
      } else if (isScan) {
        await this.#check(desk, running);
      }
    }
    if (isScan) await this.#settleForgotten(claimed);
  }

  #leave(desk: Desk, running: Running): void {
    desk.running = null;
    this.#sweep.ended(running.attempt);
  }

  /** Missed in two scans: a host may have written its outcome, that is cleared since, and not have told us yet. */
  async #restore(running: Running): Promise<void> {
    if (running.isMissed) await this.#leases.restoreClaim(this.#name, running.job.offer, running.slot.token);
    running.isMissed = !running.isMissed;
  }

  /** A slot that seems to have nothing to do in two scans, and left no outcome: the file was removed before we saw it. */
  async #check(desk: Desk, running: Running): Promise<void> {
    const { fence } = running.job.offer;
    running.isMissed = false;
    if (running.slot.isRunning(fence)) running.isDoubtful = false;
    else if (!running.isDoubtful) running.isDoubtful = true;
    else {
      this.#leave(desk, running);
      await this.#settleLost(fence);
    }
  }

  /**
   * A claim of a slot of ours that runs something else or nothing: its outcome was there and is gone. Said only of what two scans found:
   * a list of names that was read while the controller cleared may hold the claim and not the outcome.
   */
  async #settleForgotten(claimed: ReadonlyMap<string, string>): Promise<void> {
    const running = new Set(this.#desks.map((desk) => desk.running?.job.offer.fence));
    const own = new Set(this.#desks.flatMap(({ shell, host }) => [shell?.token, host?.token]));
    const forgotten = [...claimed]
      .filter(([fence, slot]) => !running.has(fence) && own.has(slot))
      .map(([fence]) => fence);
    const before = this.#forgotten;
    this.#forgotten = new Set(forgotten);
    for (const fence of forgotten) if (before.has(fence)) await this.#settleLost(fence);
  }

  async #settleLost(fence: string): Promise<void> {
    this.#options.log.warn('an outcome file was removed', { worker: this.#name, fence });
    await this.#leases.settle(this.#name, fence, {
      outcome: { result: 'Lost', message: 'its outcome file was removed' },
    });
  }

  #retire(desk: Desk, slot: Slot): void {
    slot.close();
    if (desk.shell === slot) desk.shell = null;
    if (desk.host === slot) desk.host = null;
  }

  // --- filling ---------------------------------------------------------------------------------

  async #fill(standing: Standing): Promise<void> {
    const own = new Set(this.#desks.map(({ running }) => running?.job.offer.fence));
    const outlived = standing.claimed.filter(
      ({ fence, slot }) => !own.has(fence) && this.#leases.slotLiveness(slot) !== 'dead',
    );
    const free = this.#desks.filter(({ running }) => running === null);
    let room = free.length - outlived.length;
    if (room <= 0) return;
    for (const offer of await this.#leases.offers(this.#name)) {
      const desk = free[0];
      if (desk === undefined || room <= 0) return;
      if (!(await this.#take(desk, offer))) continue;
      free.shift();
      room -= 1;
    }
  }

  /** True when the desk is taken now. */
  async #take(desk: Desk, offer: Offer): Promise<boolean> {
    const slot = this.#slotOf(desk, slotKindOf(offer));
    if (!(await this.#leases.claim(this.#name, offer.fence, slot.token))) return false;
    const job = this.#prepare(offer, slot.token);
    if ('type' in job) {
      await this.#leases.settle(this.#name, offer.fence, { outcome: { result: 'Failure', error: job } });
      return false;
    }
    const { messages, output } = job.places;
    const speech = offer.messages === true ? { speech: { messages, output } } : {};
    const attempt = { logPath: offer.logPath, slot: slot.identity, ticks: ticksNow(), ...speech };
    desk.running = { job, slot, attempt, isDoubtful: false, isMissed: false };
    this.#sweep.started(attempt);
    slot.run(job);
    return true;
  }

  #prepare(offer: Offer, slot: string): Job | TaskError {
    try {
      return prepareJob(offer, this.#leases.places(this.#name, offer.fence, slot), this.#disk, this.#env);
    } catch (error) {
      return {
        type: 'TaskFailed',
        message: `the attempt could not be prepared: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
  }

  #slotOf(desk: Desk, kind: 'shell' | 'host'): Slot {
    const known = desk[kind];
    if (known !== null && !known.isOver) return known;
    const slot = kind === 'shell' ? Slot.shell(this.#settings) : Slot.host(this.#settings, this.#options.connectors);
    desk[kind] = slot;
    void slot.exited.then(() => {
      if (desk[kind] === slot) desk[kind] = null;
      if (desk.running?.slot !== slot) return;
      this.#options.log.warn('a slot died', {
        worker: this.#name,
        slot: slot.token,
        fence: desk.running.job.offer.fence,
      });
      this.#nudge();
    });
    return slot;
  }

  #complain(doing: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#options.log.error(`${doing} failed`, { worker: this.#name, error: message });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
