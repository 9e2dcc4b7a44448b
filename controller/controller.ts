// The controller: makes what is there match what is wanted, again and again.
//
// A pass looks at what changed (desired objects, inboxes, timers), brings each run that is touched up to date, decides, journals, makes leases
// match, and publishes. Any wake-up (file event, timer, regular check) means only "look again", so a lost or doubled one costs time and never
// correctness. Work per pass is O(what changed).
//
// C1  one pass at a time; nothing else changes a run.
// C2  journal first, then leases, then (once recorded) publication and the removal of what was consumed.
// C3  a run that fails to journal is dropped from memory and read again from disk; no other run is disturbed.

import { consumeSignals, msUntilDue } from '../kernel/decide.ts';
import { StoreError } from '../kernel/errors.ts';
import type { RunEvent } from '../kernel/events.ts';
import { newRun } from '../kernel/apply.ts';
import { textAt } from '../kernel/json.ts';
import type { Now } from '../kernel/ports.ts';
import { nextStartable } from '../kernel/run.ts';
import { timeText } from '../kernel/status.ts';
import { type Timer, TimerHeap } from '../kernel/timers.ts';
import type { Resource } from '../manifests/model.ts';
import { loadRun } from '../store/load-run.ts';
import type { RunRef } from '../store/store.ts';
import { ActiveRun } from './active-run.ts';
import type { ControllerDeps } from './deps.ts';
import { DesiredObjects } from './desired.ts';
import { LeaseKeeper } from './leases.ts';
import { Publisher, stuckStatus } from './publisher.ts';
import { register } from './registrar.ts';
import { Signals } from './signals.ts';
import { requestsOf, restartsOf, digestSpec } from './spec.ts';
import { Wakeup } from './wakeup.ts';
import { Workers } from './workers.ts';

/** How often slots are looked at while something is claimed. */
const SLOT_CHECK_MS = 250;
/** How often everything is looked at while a run is active, and when nothing is. */
const RESYNC_MS = 1000;
const IDLE_RESYNC_MS = 5000;
/** Before a run whose journal failed is read again. */
const RELOAD_MS = 1000;

/** Runs until the signal aborts; running attempts go on without it. */
export async function runController(deps: ControllerDeps, signal: AbortSignal): Promise<void> {
  await new Controller(deps).run(signal);
}

class Controller {
  readonly #deps: ControllerDeps;
  readonly #wakeup = new Wakeup();
  readonly #workers = new Workers();
  readonly #keeper: LeaseKeeper;
  readonly #publisher: Publisher;
  readonly #signals: Signals;
  readonly #desired: DesiredObjects;

  /** By uid. */
  readonly #active = new Map<string, ActiveRun>();
  readonly #ended = new Set<string>();
  /** Wanted, but something they refer to is not there (yet). */
  readonly #stuck = new Map<string, Resource>();
  readonly #reloads = new Map<string, Resource | RunRef>();
  readonly #byName = new Map<string, RunRef>();

  readonly #dirty = new Set<ActiveRun>();
  /** Runs with ready nodes, the one that was served longest ago first. */
  readonly #rotation = new Set<ActiveRun>();
  readonly #timers = new TimerHeap<ActiveRun>((timer) => this.#dueOf.get(timer.owner) === timer);
  readonly #dueOf = new Map<ActiveRun, Timer<ActiveRun>>();
  readonly #closing = new Map<ActiveRun, Promise<void>>();
  readonly #clearing = new Set<Promise<void>>();

  readonly #dirtyInboxes = new Set<string>();
  readonly #inboxHints = new Map<string, () => void>();
  #workersHinted = true;
  #resyncedAt = Number.NEGATIVE_INFINITY;
  #slotsCheckedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    const wake = this.#wakeup.set;
    this.#keeper = new LeaseKeeper(deps, this.#workers, wake);
    this.#publisher = new Publisher(deps, (active, error) => this.#drop(active, error));
    this.#signals = new Signals(deps.store.resources);
    this.#desired = new DesiredObjects(deps.store.resources, deps.log, wake);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#deps;
    const onAbort = (): void => this.#wakeup.set();
    signal.addEventListener('abort', onAbort, { once: true });
    const unsubscribe = store.seats.onHint(() => {
      this.#workersHinted = true;
      this.#wakeup.set();
    });
    try {
      await this.#desired.start(signal);
      await this.#adoptOrphans();
      while (!signal.aborted) {
        const waitMs = await this.#pass();
        const cancel = waitMs === undefined ? null : clock.after(waitMs, this.#wakeup.set);
        await this.#wakeup.wait();
        cancel?.();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
      for (const end of this.#inboxHints.values()) end();
      await this.#leave();
    }
  }

  /** What is under way is brought to its end; attempts go on in their slots. */
  async #leave(): Promise<void> {
    await this.#desired.stop();
    await this.#keeper.drain();
    await Promise.allSettled([...this.#closing.values(), ...this.#clearing]);
    for (const active of this.#active.values()) {
      await this.#publisher.publish(active).catch(() => undefined);
      await active.close().catch(() => undefined);
    }
  }

  /** One look at everything that changed; returns ms until the next look, undefined: only when something wakes it. */
  async #pass(): Promise<number | undefined> {
    const now = this.#deps.clock.now();
    const isResync = now.time - this.#resyncedAt >= (this.#active.size > 0 ? RESYNC_MS : IDLE_RESYNC_MS);
    await this.#desired.scan(isResync);
    for (const change of this.#desired.take()) {
      if (change.kind === 'WorkflowRun') await this.#considerRun(change.object, change.isGone, now);
      else if (change.kind === 'Signal') await this.#considerSignal(change.object, change.isGone, now);
      else await this.#retryStuck(now);
    }
    await this.#reload(now);
    if (this.#workersHinted || isResync) await this.#lookAtWorkers();
    await this.#observe(isResync, now);
    for (const active of this.#timers.due(now.time)) this.#touch(active);
    if (isResync) {
      this.#resyncedAt = now.time;
      for (const active of await this.#keeper.checkMissing(now)) this.#touch(active);
      await this.#repair();
    }
    await this.#reconcile(now);
    return this.#nextLook(now);
  }

  #touch(active: ActiveRun): void {
    this.#dirty.add(active);
  }

  #nextLook(now: Now): number | undefined {
    const due = this.#timers.next();
    const waits = [
      this.#publisher.run(now.time),
      due === undefined ? undefined : Math.max(0, due - now.time),
      this.#keeper.hasStanding ? SLOT_CHECK_MS : undefined,
      this.#active.size > 0 || this.#reloads.size > 0 ? RESYNC_MS : IDLE_RESYNC_MS,
    ].filter((wait) => wait !== undefined);
    // Longer than 2^31 ms would come back at once.
    return Math.min(...waits, 2 ** 30);
  }

  // --- workers and inboxes -----------------------------------------------------------------------

  async #lookAtWorkers(): Promise<void> {
    this.#workersHinted = false;
    const { seats, leases } = this.#deps.store;
    this.#workers.update(await seats.workers());
    for (const worker of new Set([...this.#workers.names, ...(await leases.inboxes())])) {
      if (this.#inboxHints.has(worker)) continue;
      this.#dirtyInboxes.add(worker);
      const end = leases.onHint(worker, () => {
        this.#dirtyInboxes.add(worker);
        this.#wakeup.set();
      });
      this.#inboxHints.set(worker, end);
    }
  }

  async #observe(all: boolean, now: Now): Promise<void> {
    const inboxes = all ? [...this.#inboxHints.keys()] : [...this.#dirtyInboxes];
    this.#dirtyInboxes.clear();
    for (const worker of inboxes) {
      for (const active of await this.#keeper.observe(worker, now, this.#reloads.size === 0)) this.#touch(active);
    }
    for (const active of this.#keeper.collectEnded()) this.#touch(active);
    if (!this.#keeper.hasStanding || (!all && now.time - this.#slotsCheckedAt < SLOT_CHECK_MS)) return;
    this.#slotsCheckedAt = now.time;
    for (const active of await this.#keeper.checkSlots(now)) this.#touch(active);
  }

  // --- runs --------------------------------------------------------------------------------------

  /** Decides for all touched runs, places what is ready, journals, then writes leases and publishes. */
  async #reconcile(now: Now): Promise<void> {
    const touched = new Set<ActiveRun>();
    for (const active of await this.#keeper.rebalance(now)) this.#touch(active);
    for (;;) {
      const [active] = this.#dirty;
      if (active !== undefined) {
        this.#dirty.delete(active);
        touched.add(active);
        active.take(consumeSignals(active.run, this.#signals.of(active.ref.uid), now));
        active.settle(now);
        if (await this.#keeper.enforce(active, now)) this.#dirty.add(active);
        if (nextStartable(active.run) !== null) this.#rotation.add(active);
        continue;
      }
      const [ready] = this.#rotation;
      if (ready === undefined) break;
      this.#rotation.delete(ready);
      if (nextStartable(ready.run) === null) continue;
      const isPlaced = this.#keeper.place(ready, now);
      this.#rotation.add(ready);
      if (!isPlaced) break;
      touched.add(ready);
    }
    for (const active of touched) this.#journal(active);
    await this.#keeper.sendOffers();
    for (const active of touched) this.#follow(active, now);
  }

  #journal(active: ActiveRun): void {
    if (!active.hasPending) return;
    try {
      const events = active.flush();
      this.#deps.onEvents?.(active.ref, events, active.run);
    } catch (error) {
      this.#drop(active, error);
    }
  }

  /** What comes after the journal: timers, clearing, publication, the end. */
  #follow(active: ActiveRun, now: Now): void {
    if (this.#active.get(active.ref.uid) !== active) return;
    const wait = msUntilDue(active.run, now);
    const timer = wait === undefined ? undefined : { due: now.time + wait, owner: active };
    if (timer === undefined) this.#dueOf.delete(active);
    else {
      this.#dueOf.set(active, timer);
      this.#timers.add(timer);
    }
    this.#background(active, this.#keeper.clear(active));
    if (active.run.end !== null && active.run.restarts.length === 0) this.#close(active);
    else {
      if (active.lastSeq !== active.publishedSeq) this.#publisher.want(active);
      active.publishedSeq = active.lastSeq;
      this.#background(active, active.snapshot());
    }
  }

  #background(active: ActiveRun, work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#drop(active, error))
      .finally(() => this.#clearing.delete(tracked));
    this.#clearing.add(tracked);
  }

  /** The run has ended: record, snapshot, publish, forget. */
  #close(active: ActiveRun): void {
    if (this.#closing.has(active)) return;
    const closing = this.#finish(active)
      .catch((error: unknown) => this.#drop(active, error))
      .finally(() => {
        this.#closing.delete(active);
        // It went on meanwhile, by a restart, and may have ended again.
        if (this.#active.has(active.ref.uid)) this.#touch(active);
        this.#wakeup.set();
      });
    this.#closing.set(active, closing);
  }

  async #finish(active: ActiveRun): Promise<void> {
    const { ref } = active;
    const { runs, resources } = this.#deps.store;
    this.#publisher.forget(active);
    const seq = active.lastSeq;
    await active.recorded();
    await this.#publisher.settled(active);
    await active.snapshot(true);
    await this.#signals.consumed(ref.uid, (signal) => active.run.consumedSignals.has(signal));
    if (!active.isDeleted) {
      await this.#signals.unused(ref.uid, timeText(active.run.updatedAt));
      await this.#publisher.publish(active);
    }
    // A restart may have come meanwhile: then the run goes on as it is.
    if (active.lastSeq !== seq || active.run.end === null) return;
    this.#forget(active);
    this.#ended.add(ref.uid);
    await active.close();
    if (!active.isDeleted) return;
    await runs.remove(ref);
    await this.#signals.runRemoved(ref.uid);
    await resources.finishDelete(ref.name, ref.uid);
    this.#ended.delete(ref.uid);
    this.#byName.delete(ref.name);
  }

  #forget(active: ActiveRun): void {
    this.#active.delete(active.ref.uid);
    this.#dirty.delete(active);
    this.#rotation.delete(active);
    this.#dueOf.delete(active);
    this.#publisher.forget(active);
  }

  /** Its journal failed: what is in memory is worth nothing, what is on disk is true. */
  #drop(active: ActiveRun, error: unknown): void {
    if (this.#active.get(active.ref.uid) !== active) return;
    this.#deps.log.error('a run cannot be journaled; it is read again from disk', {
      run: active.ref.name,
      error: String(error),
    });
    this.#forget(active);
    this.#keeper.abandon(active);
    this.#reloads.set(active.ref.uid, active.ref);
    void active.close().catch(() => undefined);
    this.#deps.clock.after(RELOAD_MS, this.#wakeup.set);
  }

  async #reload(now: Now): Promise<void> {
    for (const [uid, what] of [...this.#reloads]) {
      const name = 'metadata' in what ? what.metadata.name : what.name;
      try {
        const object = await this.#deps.store.resources.get('WorkflowRun', name);
        this.#reloads.delete(uid);
        if (object !== null && object.metadata.uid === uid) await this.#considerRun(object, false, now);
        else await this.#removeOrphan({ name, uid }, now);
      } catch (error) {
        this.#reloads.set(uid, what);
        this.#deps.log.error('a run cannot be read; tried again', { run: name, error: String(error) });
      }
    }
  }

  async #repair(): Promise<void> {
    for (const active of this.#active.values()) {
      if (this.#closing.has(active)) continue;
      await active.repair().catch((error: unknown) => this.#drop(active, error));
    }
  }

  // --- desired objects ---------------------------------------------------------------------------

  async #considerRun(object: Resource, isGone: boolean, now: Now): Promise<void> {
    const { name, uid } = object.metadata;
    const ref: RunRef = { name, uid };
    try {
      if (isGone || object.metadata.deletionTimestamp !== undefined) return await this.#delete(ref, now);
      this.#byName.set(name, ref);
      const active = this.#active.get(uid);
      if (active !== undefined) return this.#applySpec(active, object, now);
      if (this.#ended.has(uid)) return await this.#considerEnded(ref, object, now);
      if (isOver(object)) {
        this.#ended.add(uid);
        if (restartsOf(object.spec).length > 0) await this.#considerEnded(ref, object, now);
        return;
      }
      await this.#activate(ref, object, now);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'Corrupt')
        return await this.#breakRun(object, 'JournalCorrupt', error.message, now);
      this.#deps.log.error('a run cannot be looked at; tried again', { run: name, error: String(error) });
      this.#reloads.set(uid, object);
      this.#deps.clock.after(RELOAD_MS, this.#wakeup.set);
    }
  }

  async #activate(ref: RunRef, object: Resource, now: Now): Promise<void> {
    const folded = await loadRun(this.#deps.store.runs, ref);
    if (folded?.broken !== undefined) return this.#breakRun(object, folded.broken.reason, folded.broken.message, now);
    if (folded === null || folded.run === null) return this.#start(ref, object, now);
    if (folded.run.end !== null && requestsOf(folded.run, object.spec, now).length === 0) {
      this.#ended.add(ref.uid);
      const journal = await this.#deps.store.runs.open(ref, this.#deps.seat.epoch);
      const active = new ActiveRun(ref, folded.run, journal, this.#deps.store.runs.places(ref));
      active.observedGeneration = object.metadata.generation;
      await this.#publisher.publish(active);
      return active.close();
    }
    const journal = await this.#deps.store.runs.open(ref, this.#deps.seat.epoch);
    const active = new ActiveRun(ref, folded.run, journal, this.#deps.store.runs.places(ref));
    this.#active.set(ref.uid, active);
    this.#ended.delete(ref.uid);
    this.#keeper.adopt(active);
    for (const lease of folded.run.leases.values()) this.#dirtyInboxes.add(lease.current?.worker ?? '');
    this.#dirtyInboxes.delete('');
    this.#applySpec(active, object, now);
    // What the journal says was consumed may still be there: the crash came before it was removed.
    this.#background(
      active,
      this.#signals.consumed(ref.uid, (signal) => active.run.consumedSignals.has(signal)),
    );
  }

  async #start(ref: RunRef, object: Resource, now: Now): Promise<void> {
    const { resources, runs } = this.#deps.store;
    const registered = await register(resources, object);
    if ('reason' in registered) {
      const isNew = !this.#stuck.has(ref.uid);
      this.#stuck.set(ref.uid, object);
      const journal = await runs.open(ref, this.#deps.seat.epoch);
      await journal.close();
      await runs.publish(
        ref,
        stuckStatus('Pending', registered.reason, registered.message, object.metadata.generation, now.wall),
      );
      if (isNew)
        this.#deps.log.warn('a run cannot start', {
          run: ref.name,
          reason: registered.reason,
          message: registered.message,
        });
      return;
    }
    this.#stuck.delete(ref.uid);
    const event: Extract<RunEvent, { type: 'Registered' }> = {
      at: now.wall,
      time: now.time,
      type: 'Registered',
      registration: registered.registration,
    };
    const journal = await runs.open(ref, this.#deps.seat.epoch);
    const active = new ActiveRun(ref, newRun(event), journal, runs.places(ref));
    active.takeFolded(event);
    this.#active.set(ref.uid, active);
    await this.#signals.runStarted(ref, timeText(now.wall));
    this.#applySpec(active, object, now);
  }

  #applySpec(active: ActiveRun, object: Resource, now: Now): void {
    active.observedGeneration = Math.max(active.observedGeneration, object.metadata.generation);
    active.take(requestsOf(active.run, object.spec, now));
    const pinned = active.run.registration.specDigest;
    active.specIgnored =
      pinned === undefined || pinned === digestSpec(object.spec)
        ? null
        : 'spec was changed after the start; only suspend, cancel and restart are looked at, the rest stays as it was';
    active.publishedSeq = -1;
    this.#touch(active);
  }

  /** A finished run is read again only when a restart asks for it. */
  async #considerEnded(ref: RunRef, object: Resource, now: Now): Promise<void> {
    if (restartsOf(object.spec).length === 0) return;
    await Promise.all(this.#closing.values());
    await this.#activate(ref, object, now);
  }

  async #retryStuck(now: Now): Promise<void> {
    for (const object of [...this.#stuck.values()]) await this.#considerRun(object, false, now);
  }

  async #breakRun(object: Resource, reason: string, message: string, now: Now): Promise<void> {
    const { name, uid, generation } = object.metadata;
    this.#deps.log.error('a run cannot go on', { run: name, reason, message });
    this.#ended.add(uid);
    await this.#deps.store.runs.publish({ name, uid }, stuckStatus('Failed', reason, message, generation, now.wall));
  }

  async #delete(ref: RunRef, now: Now): Promise<void> {
    this.#stuck.delete(ref.uid);
    const active = this.#active.get(ref.uid);
    if (active === undefined) return this.#removeOrphan(ref, now);
    active.isDeleted = true;
    if (!active.run.isCancelRequested) active.take([{ at: now.wall, time: now.time, type: 'CancelRequested' }]);
    this.#touch(active);
  }

  /** A place in the store that belongs to no object: what lives there is ended, then it goes. */
  async #removeOrphan(ref: RunRef, now: Now): Promise<void> {
    const { runs, resources } = this.#deps.store;
    const folded = this.#ended.has(ref.uid) ? null : await loadRun(runs, ref);
    if (folded !== null && folded.run !== null && folded.run.end === null) {
      const active = new ActiveRun(ref, folded.run, await runs.open(ref, this.#deps.seat.epoch), runs.places(ref));
      this.#active.set(ref.uid, active);
      this.#keeper.adopt(active);
      return this.#delete(ref, now);
    }
    await Promise.all(this.#closing.values());
    await runs.remove(ref);
    await this.#signals.runRemoved(ref.uid);
    await resources.finishDelete(ref.name, ref.uid).catch(() => undefined);
    this.#ended.delete(ref.uid);
    if (this.#byName.get(ref.name)?.uid === ref.uid) this.#byName.delete(ref.name);
  }

  /** At the start: runs that have a place, but no object any more. */
  async #adoptOrphans(): Promise<void> {
    const now = this.#deps.clock.now();
    const wanted = new Set<string>();
    const changes = this.#desired.take();
    for (const { kind, object } of changes) if (kind === 'WorkflowRun') wanted.add(object.metadata.uid);
    for (const ref of await this.#deps.store.runs.list()) if (!wanted.has(ref.uid)) await this.#removeOrphan(ref, now);
    for (const change of changes.filter(({ kind }) => kind === 'WorkflowRun'))
      await this.#considerRun(change.object, change.isGone, now);
    for (const change of changes.filter(({ kind }) => kind === 'Signal'))
      await this.#considerSignal(change.object, change.isGone, now);
  }

  async #considerSignal(signal: Resource, isGone: boolean, now: Now): Promise<void> {
    if (isGone) return this.#signals.remove(signal.metadata.uid);
    const run = this.#byName.get(textAt(signal.spec, 'run')) ?? null;
    const uid = await this.#signals.add(signal, run, timeText(now.wall));
    if (uid === null) return;
    const active = this.#active.get(uid);
    if (active !== undefined) this.#touch(active);
    else if (this.#ended.has(uid)) await this.#signals.unused(uid, timeText(now.wall));
  }
}

function isOver(object: Resource): boolean {
  const phase = object.status?.['phase'];
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}
