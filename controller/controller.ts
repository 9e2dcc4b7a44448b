// The controller: makes what is there match what is wanted, again and again.
//
// A pass looks at what changed (desired objects, inboxes, timers), brings each run that is touched up to date, decides, journals, makes leases
// match, and publishes. Any wake-up (file event, timer, regular check) means only "look again", so a lost or doubled one costs time and never
// correctness. Work per pass is O(what changed).
//
// C1  one pass at a time; nothing else changes a run.
// C2  journal first, then leases, then (once recorded) publication and the removal of what was consumed.

import { consumeSignals, msUntilDue } from '../kernel/decide.ts';
import { textAt } from '../kernel/json.ts';
import type { Now } from '../kernel/ports.ts';
import { nextStartable } from '../kernel/run.ts';
import { timeText } from '../kernel/time.ts';
import { type Timer, TimerHeap } from '../kernel/timers.ts';
import type { Resource } from '../manifests/model.ts';
import type { ActiveRun } from './active-run.ts';
import type { ControllerDeps } from './deps.ts';
import { type DesiredChange, DesiredObjects } from './desired.ts';
import { LeaseKeeper } from './leases.ts';
import { Conversations } from './messages.ts';
import { Publisher } from './publisher.ts';
import { Numbers } from './numbers.ts';
import { RunTable } from './runs.ts';
import { Signals } from './signals.ts';
import { Wakeup } from './wakeup.ts';
import { Workers } from './workers.ts';

/** How often slots are looked at while something is claimed. */
const SLOT_CHECK_MS = 250;
/** How often everything is looked at while a run is active, and when nothing is. */
const RESYNC_MS = 1000;
const IDLE_RESYNC_MS = 5000;
/** Longer than 2^31 ms a timer would come back at once. */
const LONGEST_WAIT_MS = 2 ** 30;

/** Runs until the signal aborts; attempts that run then go on without it. */
export async function runController(deps: ControllerDeps, signal: AbortSignal): Promise<void> {
  await new Controller(deps).run(signal);
}

class Controller {
  readonly #deps: ControllerDeps;
  readonly #wakeup = new Wakeup();
  readonly #workers = new Workers();
  readonly #conversations: Conversations;
  readonly #keeper: LeaseKeeper;
  readonly #publisher: Publisher;
  readonly #signals: Signals;
  readonly #desired: DesiredObjects;
  readonly #runs: RunTable;
  readonly #numbers = new Numbers();

  readonly #dirty = new Set<ActiveRun>();
  /** Runs that had more to do than one pass may take. */
  readonly #unsettled = new Set<ActiveRun>();
  /** Runs with ready nodes, the one that was served longest ago first. */
  readonly #rotation = new Set<ActiveRun>();
  readonly #dueOf = new Map<ActiveRun, Timer<ActiveRun>>();
  readonly #timers = new TimerHeap<ActiveRun>((timer) => this.#dueOf.get(timer.owner) === timer);
  /** Work on disk that no pass waits for. */
  readonly #background = new Set<Promise<void>>();

  readonly #dirtyInboxes = new Set<string>();
  readonly #inboxHints = new Map<string, () => void>();
  #workersHinted = true;
  #resyncedAt = Number.NEGATIVE_INFINITY;
  #slotsCheckedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    const wake = this.#wakeup.set;
    this.#conversations = new Conversations(deps, (worker) => {
      this.#dirtyInboxes.add(worker);
      wake();
    });
    this.#keeper = new LeaseKeeper(deps, this.#workers, this.#conversations, wake);
    this.#publisher = new Publisher(
      deps,
      { workersOf: (active) => this.#keeper.workersOf(active), numbers: this.#numbers },
      (active, error) => this.#runs.drop(active, error),
    );
    this.#signals = new Signals(deps.store.resources, deps.clock);
    this.#desired = new DesiredObjects(deps.store.resources, deps.log, wake);
    this.#runs = new RunTable({
      controller: deps,
      keeper: this.#keeper,
      publisher: this.#publisher,
      signals: this.#signals,
      touch: (active) => this.#dirty.add(active),
      forget: (active) => {
        this.#dirty.delete(active);
        this.#rotation.delete(active);
        this.#dueOf.delete(active);
        this.#unsettled.delete(active);
      },
      wake,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#deps;
    signal.addEventListener('abort', this.#wakeup.set, { once: true });
    const unsubscribe = store.seats.onHint(() => {
      this.#workersHinted = true;
      this.#wakeup.set();
    });
    try {
      await this.#desired.start(signal);
      await this.#takeUp();
      while (!signal.aborted) {
        const waitMs = await this.#pass();
        const begun = clock.now().time;
        const cancel = clock.after(waitMs, () => {
          this.#numbers.late(clock.now().time - begun - waitMs);
          this.#wakeup.set();
        });
        await this.#wakeup.wait();
        cancel();
      }
    } finally {
      signal.removeEventListener('abort', this.#wakeup.set);
      unsubscribe();
      for (const end of this.#inboxHints.values()) end();
      await this.#desired.stop();
      // A pass that failed half-way left events that others wait for.
      for (const active of this.#runs.active) await this.#journal(active);
      await this.#keeper.drain();
      await Promise.allSettled(this.#background);
      await this.#runs.leave();
    }
  }

  /** At the start: every run that is wanted, and every place in the store that belongs to no object any more. */
  async #takeUp(): Promise<void> {
    const now = this.#deps.clock.now();
    const changes = this.#desired.take();
    const wanted = new Set(changes.map(({ object }) => object.metadata.uid));
    for (const ref of await this.#deps.store.runs.list()) {
      if (!wanted.has(ref.uid)) await this.#runs.removeOrphan(ref, now);
    }
    await this.#takeChanges(changes, now);
  }

  /** One look at everything that changed; returns ms until the next look. */
  async #pass(): Promise<number> {
    const now = this.#deps.clock.now();
    const isResync = now.time - this.#resyncedAt >= (this.#runs.size > 0 ? RESYNC_MS : IDLE_RESYNC_MS);
    await this.#desired.scan(isResync);
    await this.#takeChanges(this.#desired.take(), now);
    await this.#runs.reload(now);
    if (this.#workersHinted || isResync) await this.#lookAtWorkers();
    await this.#observe(isResync, now);
    for (const active of this.#timers.due(now.time)) this.#dirty.add(active);
    if (isResync) {
      this.#resyncedAt = now.time;
      for (const active of await this.#keeper.checkMissing(now)) this.#dirty.add(active);
    }
    await this.#reconcile(now);
    if (isResync) await this.#runs.repair();
    this.#tellNumbers(now);
    return this.#untilNextLook(now);
  }

  #tellNumbers(now: Now): void {
    const numbers = this.#numbers.toTell(now.time, () => {
      let ready = 0;
      for (const { run } of this.#runs.active) ready += run.queue.size;
      return ready;
    });
    if (numbers === null) return;
    const telling = this.#deps.store.seats
      .tellNumbers(numbers)
      .catch((error: unknown) => this.#deps.log.debug('numbers were not told', { error: String(error) }))
      .finally(() => this.#background.delete(telling));
    this.#background.add(telling);
  }

  #untilNextLook(now: Now): number {
    if (this.#unsettled.size > 0) return 0;
    const due = this.#timers.next();
    const waits = [
      this.#publisher.run(now.time),
      due === undefined ? undefined : Math.max(0, due - now.time),
      this.#keeper.hasStanding ? SLOT_CHECK_MS : undefined,
      this.#conversations.waitMs(now),
      this.#runs.size > 0 || this.#runs.isReloading ? RESYNC_MS : IDLE_RESYNC_MS,
    ].filter((wait) => wait !== undefined);
    return Math.min(...waits, LONGEST_WAIT_MS);
  }

  // --- what is wanted ----------------------------------------------------------------------------

  async #takeChanges(changes: readonly DesiredChange[], now: Now): Promise<void> {
    for (const { kind, object, isGone } of changes) {
      if (kind === 'WorkflowRun') await this.#runs.consider(object, isGone, now);
      else if (kind === 'Signal') await this.#considerSignal(object, isGone, now);
      else await this.#runs.retryStuck(now);
    }
  }

  async #considerSignal(signal: Resource, isGone: boolean, now: Now): Promise<void> {
    if (isGone) return this.#signals.remove(signal.metadata.uid);
    const uid = await this.#signals.add(signal, this.#runs.named(textAt(signal.spec, 'run')), timeText(now.wall));
    if (uid === null) return;
    const active = this.#runs.find(uid);
    if (active !== undefined) this.#dirty.add(active);
    else if (this.#runs.hasEnded(uid)) await this.#signals.unused(uid, timeText(now.wall));
  }

  // --- what is there -----------------------------------------------------------------------------

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
      for (const active of await this.#keeper.observe(worker, now, !this.#runs.isReloading)) this.#dirty.add(active);
    }
    for (const active of await this.#keeper.collectEnded(now)) this.#dirty.add(active);
    if (!this.#keeper.hasStanding || (!all && now.time - this.#slotsCheckedAt < SLOT_CHECK_MS)) return;
    this.#slotsCheckedAt = now.time;
    for (const active of await this.#keeper.checkSlots(now)) this.#dirty.add(active);
  }

  // --- what follows ------------------------------------------------------------------------------

  /** Decides for all touched runs, places what is ready, journals, then writes leases and publishes. */
  async #reconcile(now: Now): Promise<void> {
    for (const active of this.#unsettled) this.#dirty.add(active);
    this.#unsettled.clear();
    for (const active of await this.#keeper.rebalance(now)) this.#dirty.add(active);
    const touched = new Set<ActiveRun>();
    for (;;) {
      const [active] = this.#dirty;
      if (active !== undefined) {
        this.#dirty.delete(active);
        touched.add(active);
        await this.#bringUpToDate(active, now);
      } else if (!this.#placeOne(touched, now)) break;
    }
    for (const active of touched) await this.#journal(active);
    this.#keeper.sendOffers();
    await this.#conversations.tell(now);
    for (const active of touched) this.#follow(active, now);
  }

  async #bringUpToDate(active: ActiveRun, now: Now): Promise<void> {
    const again = (): void => {
      if (this.#runs.isActive(active)) this.#unsettled.add(active);
      this.#wakeup.set();
    };
    // A node that has only now begun to wait may find its Signal there already.
    do this.#takeSignals(active, now);
    while ((await active.settle(now, this.#deps.clock, again)) && this.#takeSignals(active, now));
    if (await this.#keeper.enforce(active, now)) this.#dirty.add(active);
    if (nextStartable(active.run) !== null) this.#rotation.add(active);
  }

  #takeSignals(active: ActiveRun, now: Now): boolean {
    // Of ends that are not folded yet the run knows nothing: their Signals would be taken twice.
    if (active.isBusy) return false;
    let isAny = false;
    const refuses = (node: string, signal: string): boolean => this.#signals.isRefused(node, signal);
    for (const event of consumeSignals(active.run, this.#signals.of(active.ref.uid), now, refuses)) {
      if (event.type === 'Beat') active.take([event]);
      else active.takeEnd(event);
      isAny = true;
    }
    return isAny;
  }

  /** The next ready node of the run whose turn it is; false when there is none, or no room. */
  #placeOne(touched: Set<ActiveRun>, now: Now): boolean {
    for (const active of this.#rotation) {
      this.#rotation.delete(active);
      if (nextStartable(active.run) === null) continue;
      this.#rotation.add(active);
      if (!this.#keeper.place(active, now)) return false;
      touched.add(active);
      return true;
    }
    return false;
  }

  async #journal(active: ActiveRun): Promise<void> {
    try {
      const events = await active.flush();
      if (events.length === 0) return;
      this.#numbers.journaled(events, active.run);
      this.#deps.onEvents?.(active.ref, events, active.run);
    } catch (error) {
      this.#runs.drop(active, error);
    }
  }

  /** What comes after the journal: timers, clearing, publication, the end. */
  #follow(active: ActiveRun, now: Now): void {
    if (!this.#runs.isActive(active)) return;
    this.#setTimer(active, now);
    this.#inBackground(active, this.#keeper.clear(active));
    if (active.run.end !== null && active.run.restarts.length === 0) return this.#runs.close(active);
    if (active.lastSeq !== active.publishedSeq) this.#publisher.want(active);
    active.publishedSeq = active.lastSeq;
    this.#inBackground(active, active.snapshot());
    this.#inBackground(active, this.#clearSignals(active));
  }

  /** Signals that the run has taken go as soon as the lines that say so are recorded; a run may live for long, and take many. */
  async #clearSignals(active: ActiveRun): Promise<void> {
    const { consumedSignals } = active.run;
    if (consumedSignals.size === active.signalsCleared) return;
    active.signalsCleared = consumedSignals.size;
    await active.recorded();
    await this.#signals.consumed(active.ref.uid, (signal) => consumedSignals.has(signal));
  }

  #setTimer(active: ActiveRun, now: Now): void {
    const wait = msUntilDue(active.run, now);
    if (wait === undefined) {
      this.#dueOf.delete(active);
      return;
    }
    const timer = { due: now.time + wait, owner: active };
    this.#dueOf.set(active, timer);
    this.#timers.add(timer);
  }

  #inBackground(active: ActiveRun, work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#runs.drop(active, error))
      .finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }
}
