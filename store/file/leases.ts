// Task leases on plain files.
//
// Owns: FENCE.offer, .claim.SLOT, .withdrawn, .stop, .input, .output, .messages, .answers and .outcome inside leases/WORKER/.
// Does not own: when to offer or stop (the kernel), how an attempt runs (worker/), who sits where (seats.ts).
//
// I1  an offer leaves by one rename, to a claim or to withdrawn: one taker per fence, for ever.
// I2  an outcome comes into being once: by exclusive create (slots) or by link of a complete file (settle).
// I3  nothing is synced, so nothing of another boot counts but the claim, which names a slot that is dead then.
// I4  files are only hints to look again; names say what stands, contents are read once and remembered.

import { join } from 'node:path';
import { StoreError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Liveness, Processes } from '../../kernel/ports.ts';
import type { StopReason } from '../../kernel/task.ts';
import { createClock, wallMs } from '../../runtime/clock.ts';
import { endAttempt, taskMark } from '../../runtime/ending.ts';
import { bootPrefix, parseSlot } from '../../runtime/slot-token.ts';
import type { LeasePlaces, Leases, LeaseView, Offer, SettledOutcome, Standing } from '../store.ts';
import { type Disk, isCode } from './disk.ts';
import { storeFault } from './fault.ts';
import { isOffer, parseLeaseName, sealDocument, unsealDocument } from './lease-files.ts';
import { watchInbox } from './lease-hints.ts';
import { OutcomeFiles } from './outcome-files.ts';
import type { Paths } from './paths.ts';
import { Quarantine } from './quarantine.ts';

/** A file that is not whole may be on its way for so long; after it, it is garbage. */
const HALF_WRITTEN_MS = 1_000;
/** An outcome that stays torn for so long under a living slot was spoiled by hand: slots write it at once. */
const SPOILED_MS = 10_000;
/** Files kept for later offers, in each inbox. */
const SPARE_LIMIT = 64;
const SPARE_NAME = /^\.spare-[0-9]+-[0-9]+$/;
const STOP_REASONS: readonly StopReason[] = ['Timeout', 'Cancelled', 'Restarted', 'Stopped', 'Lost'];

/** What stands under one fence, by names. */
interface Entry {
  readonly fence: string;
  readonly names: string[];
  offered: boolean;
  taken: boolean;
  slot: string | null;
  hasStop: boolean;
  hasOutcome: boolean;
}

/** What this handle has read of an inbox; forgotten with the files. */
interface Memory {
  /** Fences of the last look. */
  seen: Set<string>;
  readonly offers: Map<string, Offer>;
  readonly outcomes: Map<string, SettledOutcome>;
  readonly stops: Map<string, StopReason>;
  /** Claims as they were last read: their size, and the outcome that stands at their end. */
  readonly claims: Map<string, { readonly size: number; readonly said: SettledOutcome | null }>;
  /** Paths of files that may be written anew; null: not looked for yet. */
  spares: string[] | null;
}

export class FileLeases implements Leases {
  readonly #disk: Disk;
  readonly #paths: Paths;
  readonly #processes: Processes;
  readonly #quarantine: Quarantine;
  readonly #outcomes: OutcomeFiles;
  readonly #boot: string;
  readonly #memory = new Map<string, Memory>();

  constructor(disk: Disk, paths: Paths, processes: Processes) {
    this.#disk = disk;
    this.#paths = paths;
    this.#processes = processes;
    this.#quarantine = new Quarantine(disk, paths);
    this.#boot = bootPrefix(processes.bootId());
    this.#outcomes = new OutcomeFiles(disk, this.#quarantine, this.#boot);
  }

  // --- the controller's side -------------------------------------------------------------------

  async offer(worker: string, offer: Offer): Promise<void> {
    const path = this.#path(worker, offer.fence, 'offer');
    const text = sealDocument(offer as unknown as JsonObject);
    const isNew = this.#inInbox(worker, 'offer', () => this.#writeOffer(worker, path, text));
    if (!isNew)
      throw new StoreError(
        'AlreadyExists',
        path,
        `lease ${offer.fence}: expected a fence that was never used, found its offer`,
      );
    this.#remember(worker).offers.set(offer.fence, offer);
  }

  /**
   * In a file that was a claim before, when there is one: then nothing is made and nothing removed. It gets its name by rename, never by
   * link: of a file with two names one would be written over by a later offer, were we to die between link and unlink.
   */
  #writeOffer(worker: string, path: string, text: string): boolean {
    if (this.#disk.stat(path) !== null) return false;
    const spare = this.#spares(worker).pop();
    if (spare === undefined || !this.#disk.overwrite(spare, text)) return this.#disk.createNew(path, text);
    return this.#disk.rename(spare, path) || this.#disk.createNew(path, text);
  }

  /** Files of this inbox that may be written anew; at first those that an earlier controller left. */
  #spares(worker: string): string[] {
    const memory = this.#remember(worker);
    memory.spares ??= this.#disk
      .names(this.#paths.inbox(worker))
      .filter((name) => SPARE_NAME.test(name))
      .map((name) => join(this.#paths.inbox(worker), name));
    return memory.spares;
  }

  async withdraw(worker: string, fence: string): Promise<boolean> {
    return this.#inInbox(worker, 'withdraw', () =>
      this.#disk.rename(this.#path(worker, fence, 'offer'), this.#path(worker, fence, 'withdrawn')),
    );
  }

  async stop(worker: string, fence: string, reason: StopReason): Promise<void> {
    const path = this.#path(worker, fence, 'stop');
    const isNew = this.#inInbox(worker, 'stop', () =>
      this.#disk.createNew(path, sealDocument({ fence, boot: this.#boot, reason })),
    );
    if (isNew) this.#remember(worker).stops.set(fence, reason);
  }

  async settle(worker: string, fence: string, settled: SettledOutcome): Promise<SettledOutcome> {
    const entry = this.#list(worker).find((candidate) => candidate.fence === fence);
    const said = entry === undefined || entry.hasOutcome ? null : this.#saidInClaim(worker, entry);
    if (said !== null) return said;
    const slot = entry?.slot ?? null;
    const isOver = slot === null || this.slotLiveness(slot) === 'dead';
    const stands = await this.#inInboxAsync(worker, 'settle', () =>
      this.#outcomes.settle(this.places(worker, fence), fence, settled, isOver),
    );
    this.#remember(worker).outcomes.set(fence, stands);
    return stands;
  }

  async restoreClaim(worker: string, offer: Offer, slot: string): Promise<void> {
    const path = join(this.#paths.inbox(worker), `${offer.fence}.claim.${slot}`);
    this.#inInbox(worker, 'restore claim', () =>
      this.#disk.createNew(path, sealDocument(offer as unknown as JsonObject)),
    );
  }

  async inbox(worker: string): Promise<LeaseView[]> {
    const views = this.#view(worker);
    for (const { claim, fence, outcome } of views) {
      if (claim !== null && outcome === null && this.#isSpoiled(worker, fence, claim))
        await this.#settleSpoiled(worker, fence);
    }
    return views;
  }

  /** In one go, so that nothing of this process changes the inbox between its names and its files. */
  #view(worker: string): LeaseView[] {
    const memory = this.#remember(worker);
    let entries = this.#list(worker);
    // A large directory is not read in one go: a file that was renamed meanwhile may stand in neither part. So absence is looked at twice.
    if (entries.length < memory.seen.size || !isSuperset(entries, memory.seen)) entries = this.#list(worker);
    const views: LeaseView[] = [];
    const fences = new Set<string>();
    memory.seen = fences;
    for (const entry of entries) {
      fences.add(entry.fence);
      // A controller that knows nothing yet looks at the content too: after a reboot, old offers may have come back.
      if (entry.offered && this.#offerOf(worker, entry.fence) === null) continue;
      const outcome = entry.hasOutcome ? this.#outcomeOf(worker, entry) : this.#saidInClaim(worker, entry);
      const stop = entry.hasStop ? this.#stopOf(worker, entry.fence) : null;
      if (!entry.offered && entry.slot === null && outcome === null && stop === null && !entry.taken) continue;
      views.push({ fence: entry.fence, offered: entry.offered, claim: entry.slot, stop, outcome });
    }
    for (const map of [memory.offers, memory.outcomes, memory.stops, memory.claims]) {
      if (map.size > fences.size) for (const fence of map.keys()) if (!fences.has(fence)) map.delete(fence);
    }
    return views;
  }

  async inboxes(): Promise<string[]> {
    return this.#disk
      .names(this.#paths.leases)
      .filter((name) => /^[A-Za-z0-9]/.test(name) && this.#disk.stat(this.#paths.inbox(name))?.isDirectory);
  }

  slotLiveness(slot: string): Liveness {
    const identity = parseSlot(slot);
    return identity === null ? 'dead' : this.#processes.liveness(identity);
  }

  end(worker: string, lease: LeaseView, reason: StopReason, graceMs: number): Promise<SettledOutcome> {
    const tools = { leases: this, processes: this.#processes, clock: createClock(0), graceMs };
    return endAttempt(tools, worker, lease, reason);
  }

  endLeftBehind(worker: string, fence: string, signal: 'SIGTERM' | 'SIGKILL' | null): boolean {
    const left = this.#processes.membersOf(taskMark(this.places(worker, fence)), null);
    if (signal !== null) for (const process of left) this.#processes.signal(process, signal);
    return left.length > 0;
  }

  async clear(worker: string, fences: readonly string[]): Promise<void> {
    const memory = this.#remember(worker);
    const gone = new Set(fences);
    for (const entry of this.#list(worker)) {
      if (!gone.has(entry.fence)) continue;
      // What tells the outcome goes last: should we die half-way, what is left still says that the attempt is over.
      const names = entry.names.sort((a, b) => rankOf(a) - rankOf(b));
      for (const name of names) this.#discard(worker, name);
    }
    for (const fence of fences) {
      memory.seen.delete(fence);
      memory.offers.delete(fence);
      memory.outcomes.delete(fence);
      memory.stops.delete(fence);
      memory.claims.delete(fence);
    }
  }

  async readMessages(worker: string, fence: string, from: number, limit: number): Promise<Uint8Array> {
    return this.#inInbox(
      worker,
      'read messages',
      () => this.#disk.readRange(this.#path(worker, fence, 'messages'), from, limit) ?? new Uint8Array(),
    );
  }

  async answer(worker: string, fence: string, bytes: Uint8Array): Promise<number | null> {
    return this.#inInbox(worker, 'answer', () => this.#disk.writePipe(this.#path(worker, fence, 'answers'), bytes));
  }

  /** A claim is kept for the next offer, up to a limit; everything else goes. */
  #discard(worker: string, name: string): void {
    const path = join(this.#paths.inbox(worker), name);
    const spares = this.#spares(worker);
    if (!name.includes('.claim.') || spares.length >= SPARE_LIMIT) {
      this.#disk.unlink(path);
      return;
    }
    const spare = join(this.#paths.inbox(worker), `.spare-${name.slice(0, name.indexOf('.'))}`);
    if (this.#disk.rename(path, spare)) spares.push(spare);
  }

  // --- the worker's side -----------------------------------------------------------------------

  async offers(worker: string): Promise<Offer[]> {
    const offers: Offer[] = [];
    for (const entry of this.#list(worker)) {
      const offer = entry.offered ? this.#offerOf(worker, entry.fence) : null;
      if (offer !== null) offers.push(offer);
    }
    return offers;
  }

  async standing(worker: string): Promise<Standing> {
    const offered: string[] = [];
    const claimed: { fence: string; slot: string }[] = [];
    const ended: string[] = [];
    for (const entry of this.#list(worker)) {
      const { fence, slot } = entry;
      if (entry.hasOutcome || this.#saidInClaim(worker, entry) !== null) ended.push(fence);
      else if (slot !== null) claimed.push({ fence, slot });
      else if (entry.offered) offered.push(fence);
    }
    return { offered, claimed, ended };
  }

  places(worker: string, fence: string, slot?: string): LeasePlaces {
    return {
      input: this.#path(worker, fence, 'input'),
      output: this.#path(worker, fence, 'output'),
      outcome: this.#path(worker, fence, slot === undefined ? 'outcome' : `claim.${slot}`),
      stop: this.#path(worker, fence, 'stop'),
      messages: this.#path(worker, fence, 'messages'),
      answers: this.#path(worker, fence, 'answers'),
    };
  }

  async claim(worker: string, fence: string, slot: string): Promise<boolean> {
    const inbox = this.#paths.inbox(worker);
    return this.#inInbox(worker, 'claim', () =>
      this.#disk.rename(join(inbox, `${fence}.offer`), join(inbox, `${fence}.claim.${slot}`)),
    );
  }

  onHint(worker: string, callback: () => void): () => void {
    return watchInbox(this.#disk, this.#paths.inbox(worker), callback);
  }

  // --- reading ---------------------------------------------------------------------------------

  #path(worker: string, fence: string, kind: string): string {
    return join(this.#paths.inbox(worker), `${fence}.${kind}`);
  }

  #remember(worker: string): Memory {
    const known = this.#memory.get(worker);
    if (known !== undefined) return known;
    const memory: Memory = {
      seen: new Set(),
      offers: new Map(),
      outcomes: new Map(),
      stops: new Map(),
      claims: new Map(),
      spares: null,
    };
    this.#memory.set(worker, memory);
    return memory;
  }

  /** Oldest fence first. Names that are not of the protocol go to quarantine. */
  #list(worker: string): Entry[] {
    const entries = new Map<string, Entry>();
    for (const name of this.#disk.names(this.#paths.inbox(worker))) {
      if (name.startsWith('.')) continue;
      const parsed = parseLeaseName(name);
      if (parsed === null) {
        this.#setAside(
          worker,
          name,
          'expected the name of a lease file: FENCE.offer, FENCE.claim.SLOT, FENCE.outcome ...',
        );
        continue;
      }
      let entry = entries.get(parsed.fence);
      if (entry === undefined) {
        entry = {
          fence: parsed.fence,
          names: [],
          offered: false,
          taken: false,
          slot: null,
          hasStop: false,
          hasOutcome: false,
        };
        entries.set(parsed.fence, entry);
      }
      entry.names.push(name);
      if (parsed.kind === 'offer') entry.offered = true;
      else if (parsed.kind === 'claim') entry.slot = parsed.slot;
      else if (parsed.kind === 'stop') entry.hasStop = true;
      else if (parsed.kind === 'outcome') entry.hasOutcome = true;
      if (parsed.kind === 'claim' || parsed.kind === 'withdrawn' || parsed.kind === 'outcome') entry.taken = true;
    }
    const sorted = [...entries.values()].sort(
      (a, b) => a.fence.length - b.fence.length || (a.fence < b.fence ? -1 : 1),
    );
    // A taken fence stays taken, also when somebody puts a copy of its offer back (I1).
    for (const entry of sorted) if (entry.taken) entry.offered = false;
    return sorted;
  }

  #offerOf(worker: string, fence: string): Offer | null {
    const known = this.#remember(worker).offers.get(fence);
    if (known !== undefined) return known;
    const path = this.#path(worker, fence, 'offer');
    const value = this.#readDocument(worker, path);
    if (value === null) return null;
    if (!isOffer(value, fence)) {
      this.#setAside(
        worker,
        `${fence}.offer`,
        `expected an offer of fence ${fence} with run, node, attempt and executor`,
      );
      return null;
    }
    if (value.bootId !== this.#processes.bootId()) {
      this.#disk.unlink(path);
      return null;
    }
    this.#remember(worker).offers.set(fence, value);
    return value;
  }

  #stopOf(worker: string, fence: string): StopReason | null {
    const known = this.#remember(worker).stops.get(fence);
    if (known !== undefined) return known;
    const value = this.#readDocument(worker, this.#path(worker, fence, 'stop'));
    const reason = STOP_REASONS.find((candidate) => candidate === value?.['reason']);
    if (value === null || reason === undefined || value['boot'] !== this.#boot) return null;
    this.#remember(worker).stops.set(fence, reason);
    return reason;
  }

  /** What the slot appended to its claim; null while it runs. A claim that did not grow is not read again. */
  #saidInClaim(worker: string, entry: Entry): SettledOutcome | null {
    if (entry.slot === null) return null;
    const { claims } = this.#remember(worker);
    const path = this.#path(worker, entry.fence, `claim.${entry.slot}`);
    const stat = this.#disk.stat(path);
    if (stat !== null && !stat.isFile) {
      // Its slot cannot write there: once this is gone it makes the file anew.
      this.#setAside(worker, `${entry.fence}.claim.${entry.slot}`, 'expected a claim, found no regular file');
      return null;
    }
    const size = stat?.size ?? 0;
    const known = claims.get(entry.fence);
    if (known !== undefined && known.size === size) return known.said;
    const said = this.#outcomes.readClaim(path, this.places(worker, entry.fence), entry.fence);
    claims.set(entry.fence, { size, said });
    return said;
  }

  #outcomeOf(worker: string, entry: Entry): SettledOutcome | null {
    const memory = this.#remember(worker);
    const known = memory.outcomes.get(entry.fence);
    if (known !== undefined) return known;
    const places = this.places(worker, entry.fence);
    const found = this.#outcomes.read(places, entry.fence);
    if (found === 'of another boot') this.#disk.unlink(places.outcome);
    if (found === null || found === 'torn' || found === 'of another boot') return null;
    memory.outcomes.set(entry.fence, found);
    return found;
  }

  /** Torn for so long under a living slot: that slot is past it, and somebody spoiled the file. */
  #isSpoiled(worker: string, fence: string, slot: string): boolean {
    const { outcome } = this.places(worker, fence);
    if (this.#ageMs(outcome) < SPOILED_MS || this.slotLiveness(slot) !== 'alive') return false;
    return this.#outcomes.read(this.places(worker, fence), fence) === 'torn';
  }

  async #settleSpoiled(worker: string, fence: string): Promise<void> {
    const lost: SettledOutcome = { outcome: { result: 'Lost', message: 'its outcome file was spoiled' } };
    await this.#outcomes.settle(this.places(worker, fence), fence, lost, true);
  }

  /** Null when there is none or it is not whole; what stays so goes to quarantine. */
  #readDocument(worker: string, path: string): JsonObject | null {
    let problem: string;
    try {
      const bytes = this.#disk.read(path);
      if (bytes === null) return null;
      const value = unsealDocument(bytes);
      if (value !== null) return value;
      problem = 'expected a line of JSON with its checksum, found something else';
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (this.#ageMs(path) >= HALF_WRITTEN_MS) this.#setAside(worker, path.slice(path.lastIndexOf('/') + 1), problem);
    return null;
  }

  #ageMs(path: string): number {
    const stat = this.#disk.stat(path);
    // A file from the future is as old as can be: the wall clock was set back since.
    return stat === null ? 0 : Math.abs(wallMs() - stat.mtimeMs);
  }

  #setAside(worker: string, name: string, reason: string): void {
    this.#quarantine.move(
      join(this.#paths.inbox(worker), name),
      `leases.${worker}.${name}`,
      `leases/${worker}/${name}: ${reason}`,
    );
  }

  /** Runs an operation on an inbox that may have no directory yet, or no longer. */
  #inInbox<T>(worker: string, doing: string, body: () => T): T {
    try {
      try {
        return body();
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error;
        this.#disk.makeDirectory(this.#paths.inbox(worker));
        return body();
      }
    } catch (error) {
      throw storeFault(error, `leases/${worker}`, doing);
    }
  }

  async #inInboxAsync<T>(worker: string, doing: string, body: () => Promise<T>): Promise<T> {
    try {
      this.#disk.makeDirectory(this.#paths.inbox(worker));
      return await body();
    } catch (error) {
      throw storeFault(error, `leases/${worker}`, doing);
    }
  }
}

function isSuperset(entries: readonly Entry[], fences: ReadonlySet<string>): boolean {
  const present = new Set(entries.map(({ fence }) => fence));
  for (const fence of fences) if (!present.has(fence)) return false;
  return true;
}

/** In this order the files of a fence go. */
function rankOf(name: string): number {
  if (name.endsWith('.outcome')) return 2;
  return name.includes('.claim.') ? 1 : 0;
}
