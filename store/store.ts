// THE CONTRACT: all that the engine asks of the place where it keeps things.
//
// Three narrow parts: `resources` (what people want), `runs` (what happened: journals, snapshots,
// published status, logs) and `leases` with `seats` (who does what right now). Controller, worker, API and CLI know only
// this file; store/open.ts picks an implementation by scheme. test/contract holds every promise against all of them, with
// two handles to one place.
//
// P1  what a resolved write returned survives kill -9 and, where the disk honours fsync, power loss.
// P2  create of a name that is there fails with AlreadyExists; update and delete with an `expected` revision that is not the current one fail
//     with Conflict; of N writers who expect the same revision exactly one wins.
// P3  revisions grow by one per recorded change of the whole store; watch(from) yields every change of desired objects after `from`, in order,
//     once; published status may be merged to the newest; older than the oldest kept revision: Expired.
// P4  a name that is deleted and made again has a new uid and meets nothing of the old one.
// P5  journal lines are read back in the order and with the numbers of their append, whole or not at all; lines of an epoch older than one
//     already read are not read back.
// P6  a fence is taken by one claim or one withdrawal, for ever; of all that ask, exactly one is told that it won.
// P7  a fence has at most one outcome; whoever settles it gets the one that stands.
// P8  one process at a time holds the controller's seat, and one the seat of a worker's name; a seat is free as soon as its holder is dead, and
//     never while it lives, stopped or not. Every taking of the controller's seat has a greater epoch. Where holders are on several machines and
//     cannot be seen: free once its holder has been silent for its lease, and by then nothing that it did can be written or goes on.

import type { Json, JsonObject } from '../kernel/json.ts';
import type { RunEvent } from '../kernel/events.ts';
import type { NodeState } from '../kernel/node.ts';
import type { EnvValue, Executor, Outcome, StopReason } from '../kernel/task.ts';
import type { Clock, Liveness } from '../kernel/ports.ts';
import type { Condition, Kind, Manifest, Resource } from '../manifests/model.ts';

export interface Store {
  readonly resources: Resources;
  readonly runs: Runs;
  readonly leases: Leases;
  readonly seats: Seats;
  /** Engine time is common to all processes that share the store. */
  readonly clock: Clock;
  /** The leases of a worker as it sees them on its own host: there it claims, and its slots find and leave their files. */
  leasesAt(seat: WorkerSeat): Leases;
  close(): Promise<void>;
}

// --- resources ---------------------------------------------------------------------------------

export interface WriteOptions {
  /** Fail with Conflict unless the object's current resourceVersion is this. */
  readonly expected?: string;
  /** Fail with Conflict unless the object's uid is this. */
  readonly uid?: string;
  /**
   * The document as its author wrote it. Kept to the letter (comments, order) when it says the same as the manifest; otherwise the document
   * that stands is edited in place, or a new one is rendered.
   */
  readonly text?: string;
  /** Replaces what is kept as metadata.managedFields. */
  readonly managedFields?: readonly Json[];
  /** Check everything and return what would stand, but store nothing. */
  readonly dryRun?: boolean;
}

export interface Change {
  readonly revision: number;
  readonly verb: 'Added' | 'Modified' | 'Deleted' | 'Status';
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string;
  /** State after the change (before it, for Deleted), with its new resourceVersion. */
  readonly object: Resource;
}

export interface Resources {
  /** The newest revision. */
  revision(): Promise<number>;
  /** With status (of a run: the published summary, without nodes). Null when there is none. */
  get(kind: Kind, name: string): Promise<Resource | null>;
  /** Sorted by name. `after` and `limit` page; `revision` is one to watch from without a gap. */
  list(
    kind: Kind,
    page?: { after?: string; limit?: number },
  ): Promise<{ items: Resource[]; revision: number; remaining: number }>;
  create(manifest: Manifest, options?: WriteOptions): Promise<Resource>;
  /** A write that changes nothing takes no revision. */
  update(manifest: Manifest, options?: WriteOptions): Promise<Resource>;
  /**
   * The object as it was. One that has finalizers stays, with deletionTimestamp, until an update (or an edit of its file) takes off the last
   * of them; a run that is active stays until `finishDelete`.
   */
  delete(kind: Kind, name: string, options?: WriteOptions): Promise<Resource>;
  /** The controller says: nothing of this deleted run lives any more. Forgets it, its files included, unless finalizers hold it. */
  finishDelete(name: string, uid: string): Promise<void>;
  /**
   * Conditions that the controller found out about an object without a journal of its own (a Signal nobody waits for): shown in its
   * status, by type. Takes a revision only when something changed; does nothing when the object is gone or has another uid.
   */
  report(kind: Kind, name: string, uid: string, conditions: readonly Condition[]): Promise<void>;
  /**
   * Every change after `from`, for as long as `signal` is not aborted. Throws StoreError Expired when `from` is too old.
   */
  watch(from: number, signal: AbortSignal): AsyncIterable<Change>;
  /**
   * Looks at all desired objects for edits and deletions made behind the store's back (an editor, rm) and records them as changes.
   * The controller calls it on hints and regularly. Objects that cannot be read keep their last good version and get the condition
   * Accepted=False, reason InvalidManifest | NameMismatch | Duplicate, with file, line and column.
   */
  scan(scope?: { kinds?: readonly Kind[] }): Promise<void>;
  /** A hint that `scan` may find something. Returns the end of the subscription. */
  onHint(callback: (kind: Kind) => void): () => void;
}

// --- runs --------------------------------------------------------------------------------------

export interface RunRef {
  readonly name: string;
  readonly uid: string;
}

export interface LoadedRun {
  /** What `Journal.snapshot` was given last, null when there is none that can be read. */
  readonly snapshot: JsonObject | null;
  /** Number of the last event inside the snapshot; 0 without one. */
  readonly snapshotSeq: number;
  /** Events after the snapshot, in order. */
  readonly events: readonly RunEvent[];
  /** Number of the last event; the next append gets the one after it. */
  readonly lastSeq: number;
  /** Set when the run cannot go on: JournalLost (nothing readable is left) or JournalCorrupt (a bad line in the middle: file, line). */
  readonly broken?: { readonly reason: 'JournalLost' | 'JournalCorrupt'; readonly message: string };
}

export interface Runs {
  /** Every run that has a place, finished ones included. */
  list(): Promise<RunRef[]>;
  /** Null when the run has no place (never started, or removed). `fromSeq` 0 reads the journal from its first line, past the snapshot. */
  load(ref: RunRef, options?: { ignoreSnapshot?: boolean }): Promise<LoadedRun | null>;
  /** Opens for append, under the epoch of the caller's seat; makes the place when there is none; cuts a torn last line. */
  open(ref: RunRef, epoch: number): Promise<Journal>;
  /** Publishes the summary (no nodes): a Status change with a revision. `ended` runs are never published again but after a restart. */
  publish(ref: RunRef, status: JsonObject): Promise<void>;
  status(ref: RunRef): Promise<JsonObject | null>;
  /** Removes all that happened. */
  remove(ref: RunRef): Promise<void>;
  /** Attempts of a node that have a log, oldest first. */
  logAttempts(ref: RunRef, node: string): Promise<number[]>;
  /** Bytes from `offset`, at most `limit`; empty at the end. */
  readLog(ref: RunRef, node: string, attempt: number, offset: number, limit: number): Promise<Uint8Array>;
  /** Adds to a log, behind what the task itself wrote there. */
  appendLog(ref: RunRef, node: string, attempt: number, bytes: Uint8Array): Promise<void>;
  /** Where a local worker writes the log, finds the scratch directory and the run's input. */
  places(ref: RunRef): RunPlaces;
}

export interface RunPlaces {
  readonly scratch: string;
  /** A JSON file with the run's input; written once, by `open`'s first append of Registered. */
  readonly input: string;
  log(node: string, attempt: number): string;
}

/** A task came from one state to another, by the event of that number in its append (from 0). */
export interface TaskTransition {
  readonly event: number;
  readonly node: string;
  /** Null: it came to be. */
  readonly from: NodeState | null;
  /** WITHDRAWN: it is no more, because what had made it runs again. */
  readonly to: NodeState | 'WITHDRAWN';
  readonly attempt: number;
  /** Wall ms. */
  readonly at: number;
  /** What went wrong, or nothing. */
  readonly note: string;
}

export interface Journal {
  /** It wants to be told what each event did to the states of tasks, to keep that beside the events. */
  readonly keepsTransitions?: true;
  readonly lastSeq: number;
  /**
   * Hands the events over; returns the number of the last. On files they are read back after a kill -9 from here on, not yet after power
   * loss; on a database once they are recorded, and what it refuses is told there and by the next append. What is handed over later
   * (leases) is never seen before them.
   * All of them or, when it throws, none: NoSpace; Conflict when the journal was cut behind its writer (`repair`, then append again);
   * Expired when a newer epoch writes; Unavailable after a failed sync or `close` (open again); NotFound when the run was removed.
   */
  append(events: readonly RunEvent[], transitions?: readonly TaskTransition[]): number;
  /** Resolves once the event of that number is recorded (synced). Shared: one sync serves all that wait. Rejects once and for all after a failed sync. */
  recorded(seq: number): Promise<void>;
  /** A view that makes loading cheap; may be lost. Holds the events up to `seq` and none after it; waits until that one is recorded. */
  snapshot(data: JsonObject, seq: number): Promise<void>;
  /** Puts files that somebody deleted back, as far as that can be. `data` is what a snapshot at `lastSeq` holds. */
  repair(data: () => JsonObject): Promise<void>;
  close(): Promise<void>;
}

// --- leases ------------------------------------------------------------------------------------

/** An attempt, as it is offered to a worker. Complete: the worker looks nothing else up. */
export interface Offer {
  /** Epoch and counter, fixed width, never used twice; sorts by age. */
  readonly fence: string;
  readonly run: string;
  readonly uid: string;
  readonly node: string;
  readonly attempt: number;
  /** OARLOCK_IDEMPOTENCY_KEY. */
  readonly key: string;
  readonly bootId: string;
  readonly executor: Executor;
  /** Absent: the run's input, in the file `inputPath`. */
  readonly input?: Json;
  readonly inputPath: string;
  readonly logPath: string;
  readonly scratch: string;
  readonly workingDir: string;
  readonly env?: { readonly [name: string]: EnvValue };
  /** It speaks: its standard output and input are `messages` and `answers` of its lease. */
  readonly messages?: true;
}

/** How an attempt ended and when, in wall ms as the slot saw it. */
export interface SettledOutcome {
  readonly outcome: Outcome;
  readonly since?: number;
  readonly until?: number;
}

/** What stands in an inbox under one fence. */
export interface LeaseView {
  readonly fence: string;
  /** Offered and not yet taken. */
  readonly offered: boolean;
  /** Slot that claimed it: `PID-STARTTICKS-BOOT8`, with a letter for its kind in front (runtime/slot-token.ts). */
  readonly claim: string | null;
  readonly stop: StopReason | null;
  readonly outcome: SettledOutcome | null;
}

/** Fences of an inbox, oldest first; each stands in one of the lists, withdrawn ones in none. */
export interface Standing {
  readonly offered: readonly string[];
  /** Claimed and without an outcome. */
  readonly claimed: readonly { readonly fence: string; readonly slot: string }[];
  /** With an outcome. */
  readonly ended: readonly string[];
}

export interface LeasePlaces {
  readonly input: string;
  readonly output: string;
  /** Of a slot: its claim, to which it appends one line when the attempt has ended. Without one: the file of a decision by the engine. */
  readonly outcome: string;
  readonly stop: string;
  /** Standard output of a task that speaks, and the FIFO that is its standard input (docs/protocols/messages.md). */
  readonly messages: string;
  readonly answers: string;
}

export interface Leases {
  // The controller's side.
  offer(worker: string, offer: Offer): Promise<void>;
  /** True: taken back, nobody will ever claim it. False: it is claimed (or gone). */
  withdraw(worker: string, fence: string): Promise<boolean>;
  stop(worker: string, fence: string, reason: StopReason): Promise<void>;
  /** Creates the outcome exclusively, or returns the one that stands. A torn one of a dead slot is set aside first. */
  settle(worker: string, fence: string, outcome: SettledOutcome): Promise<SettledOutcome>;
  /** Puts a claim file back that somebody deleted while its slot lives. */
  restoreClaim(worker: string, offer: Offer, slot: string): Promise<void>;
  /** All fences that stand in an inbox, oldest first; garbage is moved to quarantine and not listed. */
  inbox(worker: string): Promise<LeaseView[]>;
  /** Workers that have an inbox, living or not. */
  inboxes(): Promise<string[]>;
  /** Is the slot of a claim alive? */
  slotLiveness(slot: string): Liveness;
  /**
   * Ends an attempt on the host that runs it, in the one order (runtime/ending.ts); resolves when nothing of it lives and its outcome
   * stands. `graceMs`: from SIGTERM to SIGKILL. May be called again after a crash at any point.
   */
  end(worker: string, lease: LeaseView, reason: StopReason, graceMs: number): Promise<SettledOutcome>;
  /** Processes of an attempt, wherever they went: tells those that live to go (or kills them). True while there are any. */
  endLeftBehind(worker: string, fence: string, signal: 'SIGTERM' | 'SIGKILL' | null): boolean;
  /** Removes what stands under these fences. Only after the line that consumed them is recorded. */
  clear(worker: string, fences: readonly string[]): Promise<void>;
  /** What the task has said from that byte on, at most `limit` bytes of it; empty at the end, or when it said nothing. */
  readMessages(worker: string, fence: string, from: number, limit: number): Promise<Uint8Array>;
  /** Hands bytes to the task and never waits: how many it took now (0: it must read first). Null: nobody reads. */
  answer(worker: string, fence: string, bytes: Uint8Array): Promise<number | null>;
  // The worker's side.
  /** Offers that stand, oldest first. */
  offers(worker: string): Promise<Offer[]>;
  /** What stands in an inbox, by names alone: cheap enough to ask after every hint. */
  standing(worker: string): Promise<Standing>;
  /** Where a slot of this host finds and leaves the files of an attempt. */
  places(worker: string, fence: string, slot?: string): LeasePlaces;
  /** True: it is ours, run it. False: withdrawn or taken. */
  claim(worker: string, fence: string, slot: string): Promise<boolean>;
  /** A hint that something changed in an inbox. Returns the end of the subscription. */
  onHint(worker: string, callback: () => void): () => void;
}

// --- seats -------------------------------------------------------------------------------------

export interface ControllerSeat {
  readonly epoch: number;
  /** Aborted when the seat is lost while its holder lives (its database is gone): nothing can be written under this epoch any more. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface WorkerSeat {
  readonly name: string;
  /** Aborted when another process has the name now: nothing is taken any more under it. */
  readonly lost?: AbortSignal;
  release(): Promise<void>;
}

export interface WorkerView {
  readonly name: string;
  readonly slots: number;
  /** Its process lives (stopped counts as living). */
  readonly alive: boolean;
  /** It asked for no more work (SIGTERM). */
  readonly draining: boolean;
  readonly pid: number;
}

export interface Seats {
  /** Null when another process holds it. */
  takeController(): Promise<ControllerSeat | null>;
  /** Resolves as soon as the controller's seat may be free, or the signal aborts. */
  controllerGone(signal: AbortSignal): Promise<void>;
  isControllerAlive(): Promise<boolean>;
  /** What the controller counts about itself takes the place of what it told before. A view: not synced, may be lost. */
  tellNumbers(numbers: JsonObject): Promise<void>;
  /** What a controller told last; null when none has, or it cannot be read. */
  numbers(): Promise<JsonObject | null>;
  /** Null when a live process holds that name. Refuses (StoreError Unavailable) another pid or network namespace than the controller's. */
  takeWorker(name: string, slots: number): Promise<WorkerSeat | null>;
  setDraining(seat: WorkerSeat): Promise<void>;
  workers(): Promise<WorkerView[]>;
  /** A hint that workers came or went. */
  onHint(callback: () => void): () => void;
}

// --- keys and endpoint -------------------------------------------------------------------------

/** Small secret documents of the API: what signs tokens and serves TLS. Opened apart from the rest (openKeys), for those who need no more. */
export interface Keys {
  names(): Promise<string[]>;
  /** Null when there is none. */
  read(name: string): Promise<string | null>;
  /** Exclusive: false when the name is taken. Readers see the whole text or none; it survives power loss once this resolves. */
  create(name: string, text: string): Promise<boolean>;
  /** Creates it or takes the place of what stands, under the same promises. */
  replace(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Where the API of this place listens; null when none has said so. */
  endpoint(): Promise<Endpoint | null>;
  setEndpoint(endpoint: Endpoint): Promise<void>;
  /** Forgets the endpoint if it is still that process's. */
  clearEndpoint(pid: number): Promise<void>;
}

export interface Endpoint {
  /** Plain http; null when it is served over TLS only. */
  readonly url: string | null;
  /** https; null when it is served without TLS. */
  readonly tlsUrl: string | null;
  readonly pid: number;
}
