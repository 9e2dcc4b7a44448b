// Every run that the controller knows of, from the object that somebody wants to the value that is kept up to date.
//
// Owns: which runs are active, ended, stuck or to be read again; start, deletion, what is broken. Does not own: what an active run does next
// (controller.ts), its leases (leases.ts).
//
// T1  a run is active from the moment it is registered (or read from disk) until its end is recorded and published.
// T2  a run that fails to journal is dropped and read again from disk; no other run is disturbed.
// T3  everything here may be asked any number of times: it looks at what is, not at what changed.

import { newRun } from '../kernel/apply.ts';
import type { RunEvent } from '../kernel/events.ts';
import { textAt } from '../kernel/json.ts';
import type { Now } from '../kernel/ports.ts';
import type { Run } from '../kernel/run.ts';
import { timeText } from '../kernel/time.ts';
import { DataChecks } from '../manifests/data-checks.ts';
import type { Resource } from '../manifests/model.ts';
import { loadRun } from '../store/load-run.ts';
import type { RunRef } from '../store/store.ts';
import { ActiveRun } from './active-run.ts';
import { Continuations } from './continuations.ts';
import type { ControllerDeps } from './deps.ts';
import { Ends } from './ends.ts';
import type { LeaseKeeper } from './leases.ts';
import { type Publisher, stuckStatus } from './publisher.ts';
import { register } from './registrar.ts';
import type { Signals } from './signals.ts';
import { digestSpec, requestsOf, restartsOf } from './spec.ts';

/** Before a run that could not be read or journaled is read again. */
const RELOAD_MS = 1000;

export interface RunTableDeps {
  readonly controller: ControllerDeps;
  readonly keeper: LeaseKeeper;
  readonly publisher: Publisher;
  readonly signals: Signals;
  /** Looks at the run in this or the next pass. */
  readonly touch: (active: ActiveRun) => void;
  /** Takes the run out of all queues. */
  readonly forget: (active: ActiveRun) => void;
  readonly wake: () => void;
}

export class RunTable {
  readonly #deps: RunTableDeps;
  readonly #continuations: Continuations;
  readonly #checks = new DataChecks();
  /** By uid. */
  readonly #active = new Map<string, ActiveRun>();
  readonly #ended = new Set<string>();
  /** Wanted, but something that they refer to is not there (yet). */
  readonly #stuck = new Map<string, Resource>();
  /** Could not be read or journaled: tried again when due, told once for each reason. */
  readonly #reloads = new Map<string, { readonly ref: RunRef; readonly due: number; readonly reason: string }>();
  readonly #byName = new Map<string, RunRef>();
  /** Ends under way: recording, last publication. */
  readonly #closing = new Map<ActiveRun, Promise<void>>();

  constructor(deps: RunTableDeps) {
    this.#deps = deps;
    this.#continuations = new Continuations(deps.controller.random);
  }

  get active(): Iterable<ActiveRun> {
    return this.#active.values();
  }

  get size(): number {
    return this.#active.size;
  }

  get isReloading(): boolean {
    return this.#reloads.size > 0;
  }

  isActive(active: ActiveRun): boolean {
    return this.#active.get(active.ref.uid) === active;
  }

  find(uid: string): ActiveRun | undefined {
    return this.#active.get(uid);
  }

  hasEnded(uid: string): boolean {
    return this.#ended.has(uid);
  }

  named(name: string): RunRef | null {
    return this.#byName.get(name) ?? null;
  }

  // --- what is wanted ----------------------------------------------------------------------------

  /** Brings what we hold of a run in line with its object. */
  async consider(object: Resource, isGone: boolean, now: Now): Promise<void> {
    const { name, uid } = object.metadata;
    const ref: RunRef = { name, uid };
    try {
      if (isGone || object.metadata.deletionTimestamp !== undefined) return await this.#delete(ref, now);
      // A file that was never readable: the store says so in its conditions, and there is nothing to start.
      if (Object.keys(object.spec).length === 0) return;
      this.#byName.set(name, ref);
      const active = this.#active.get(uid);
      if (active !== undefined) return this.#applySpec(active, object, now);
      // A finished run is read again only when a restart asks for it.
      if ((this.#ended.has(uid) || isOver(object)) && restartsOf(object.spec).length === 0) {
        this.#ended.add(uid);
        return;
      }
      await this.#activate(ref, object, now);
    } catch (error) {
      this.#readAgain(ref, 'a run cannot be looked at; tried again', error);
    }
  }

  async #activate(ref: RunRef, object: Resource, now: Now): Promise<void> {
    const { runs } = this.#deps.controller.store;
    await Promise.all(this.#closing.values());
    const folded = await loadRun(runs, ref);
    if (folded?.broken !== undefined) return this.#break(object, folded.broken.reason, folded.broken.message, now);
    if (folded === null || folded.run === null) return this.#start(ref, object, now);
    if (folded.run.end !== null && requestsOf(folded.run, object.spec, now).length === 0) {
      return this.#publishEnded(ref, folded.run, object);
    }
    const active = await this.#open(ref, folded.run);
    this.#deps.keeper.adopt(active);
    this.#applySpec(active, object, now);
    // What the journal says was consumed may still be there: the crash came before it was removed.
    await this.#deps.signals.consumed(ref.uid, (signal) => active.run.consumedSignals.has(signal));
  }

  async #open(ref: RunRef, run: Run): Promise<ActiveRun> {
    const { store, seat } = this.#deps.controller;
    const active = new ActiveRun(
      ref,
      run,
      await store.runs.open(ref, seat.epoch),
      store.runs.places(ref),
      new Ends(this.#deps.controller, this.#checks, await this.#continuations.of(run.registration), (...refused) =>
        this.#deps.signals.refuse(...refused),
      ),
    );
    this.#active.set(ref.uid, active);
    this.#ended.delete(ref.uid);
    return active;
  }

  /** It ended, but its status was never published, or is gone. */
  async #publishEnded(ref: RunRef, run: Run, object: Resource): Promise<void> {
    const active = await this.#open(ref, run);
    active.observedGeneration = object.metadata.generation;
    this.#deps.touch(active);
  }

  async #start(ref: RunRef, object: Resource, now: Now): Promise<void> {
    const { store, seat, log } = this.#deps.controller;
    const registered = await register(store.resources, object);
    if ('reason' in registered) {
      if (!this.#stuck.has(ref.uid))
        log.warn('a run cannot start', { run: ref.name, reason: registered.reason, message: registered.message });
      this.#stuck.set(ref.uid, object);
      const place = await store.runs.open(ref, seat.epoch);
      await place.close();
      const status = stuckStatus(
        'Pending',
        registered.reason,
        registered.message,
        object.metadata.generation,
        now.wall,
      );
      return store.runs.publish(ref, status);
    }
    this.#stuck.delete(ref.uid);
    const { registration } = registered;
    const continuation = await this.#continuations.of(registration);
    const event: Extract<RunEvent, { type: 'Registered' }> = {
      at: now.wall,
      time: now.time,
      type: 'Registered',
      registration: (await continuation?.begin(registration, now.wall)) ?? registration,
    };
    const active = await this.#open(ref, newRun(event));
    active.takeFolded(event);
    await this.#deps.signals.runStarted(ref, timeText(now.wall));
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
    this.#deps.touch(active);
  }

  /** A Workflow or a Task changed: what was missing may be there. */
  async retryStuck(now: Now): Promise<void> {
    for (const object of this.#stuck.values()) await this.consider(object, false, now);
  }

  async #break(object: Resource, reason: string, message: string, now: Now): Promise<void> {
    const { name, uid, generation } = object.metadata;
    this.#deps.controller.log.error('a run cannot go on', { run: name, reason, message });
    this.#ended.add(uid);
    await this.#deps.controller.store.runs.publish(
      { name, uid },
      stuckStatus('Failed', reason, message, generation, now.wall),
    );
  }

  // --- the end -----------------------------------------------------------------------------------

  /** The run has ended: record, snapshot, publish, forget. */
  close(active: ActiveRun): void {
    if (this.#closing.has(active)) return;
    const closing = this.#finish(active)
      .catch((error: unknown) => this.drop(active, error))
      .finally(() => {
        this.#closing.delete(active);
        // It went on meanwhile, by a restart, and may have ended again.
        if (this.isActive(active)) this.#deps.touch(active);
        this.#deps.wake();
      });
    this.#closing.set(active, closing);
  }

  async #finish(active: ActiveRun): Promise<void> {
    const { ref } = active;
    const { publisher, signals } = this.#deps;
    const seq = active.lastSeq;
    await active.recorded();
    await publisher.settled(active);
    await active.snapshot(true);
    await signals.consumed(ref.uid, (signal) => active.run.consumedSignals.has(signal));
    if (!active.isDeleted) await signals.unused(ref.uid, timeText(active.run.updatedAt));
    // Of a deleted run, too: finalizers may keep it in sight for long.
    await publisher.publish(active);
    if (active.lastSeq !== seq || active.run.end === null) return;
    this.#forget(active);
    this.#ended.add(ref.uid);
    await active.close();
    if (active.isDeleted) await this.#remove(ref);
  }

  async #remove(ref: RunRef): Promise<void> {
    await this.#deps.signals.runRemoved(ref.uid);
    await this.#deps.controller.store.resources.finishDelete(ref.name, ref.uid);
    this.#ended.delete(ref.uid);
    if (this.#byName.get(ref.name)?.uid === ref.uid) this.#byName.delete(ref.name);
  }

  async #delete(ref: RunRef, now: Now): Promise<void> {
    this.#stuck.delete(ref.uid);
    const active = this.#active.get(ref.uid);
    if (active === undefined) return this.removeOrphan(ref, now);
    active.isDeleted = true;
    if (!active.run.isCancelRequested) active.take([{ at: now.wall, time: now.time, type: 'CancelRequested' }]);
    this.#deps.touch(active);
  }

  /** A place in the store that belongs to no object: what lives there is ended, then it goes. */
  async removeOrphan(ref: RunRef, now: Now): Promise<void> {
    await Promise.all(this.#closing.values());
    const folded = this.#ended.has(ref.uid) ? null : await loadRun(this.#deps.controller.store.runs, ref);
    if (folded === null || folded.run === null || folded.run.end !== null) return this.#remove(ref);
    this.#deps.keeper.adopt(await this.#open(ref, folded.run));
    return this.#delete(ref, now);
  }

  #forget(active: ActiveRun): void {
    this.#active.delete(active.ref.uid);
    this.#deps.forget(active);
    this.#deps.publisher.forget(active);
  }

  // --- what failed -------------------------------------------------------------------------------

  /** Its journal failed: what is in memory is worth nothing, what is on disk is true. */
  drop(active: ActiveRun, error: unknown): void {
    if (!this.isActive(active)) return;
    this.#forget(active);
    this.#deps.keeper.abandon(active);
    void active.close().catch(() => undefined);
    this.#readAgain(active.ref, 'a run cannot be journaled; it is read again from disk', error);
  }

  #readAgain(ref: RunRef, message: string, error: unknown): void {
    const { log, clock } = this.#deps.controller;
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#reloads.get(ref.uid)?.reason !== reason) log.error(message, { run: ref.name, error: reason });
    this.#reloads.set(ref.uid, { ref, due: clock.now().time + RELOAD_MS, reason });
  }

  /** Reads again what failed a while ago. */
  async reload(now: Now): Promise<void> {
    for (const [uid, failed] of new Map(this.#reloads)) {
      if (failed.due > now.time) continue;
      const { ref } = failed;
      try {
        const object = await this.#deps.controller.store.resources.get('WorkflowRun', ref.name);
        if (object !== null && object.metadata.uid === uid) await this.consider(object, false, now);
        else await this.removeOrphan(ref, now);
        // Still the same entry: it did not fail again.
        if (this.#reloads.get(uid) === failed) this.#reloads.delete(uid);
      } catch (error) {
        this.#readAgain(ref, 'a run cannot be read; tried again', error);
      }
    }
  }

  /** Puts files of active runs back that somebody deleted. */
  async repair(): Promise<void> {
    for (const active of this.#active.values()) {
      if (this.#closing.has(active)) continue;
      await active.repair().catch((error: unknown) => this.drop(active, error));
    }
  }

  /** For a controller that leaves: ends under way are brought to their end, the rest is published as it is. */
  async leave(): Promise<void> {
    await Promise.allSettled(this.#closing.values());
    for (const active of this.#active.values()) {
      await this.#deps.publisher.publish(active).catch(() => undefined);
      await active.close().catch(() => undefined);
    }
    await this.#continuations.close();
    await this.#checks.close();
  }
}

function isOver(object: Resource): boolean {
  return ['Succeeded', 'Failed', 'Cancelled'].includes(textAt(object.status, 'phase'));
}
