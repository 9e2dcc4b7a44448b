// Makes leases match what the runs want, and tells the runs what became of them.
//
// Owns: fences of this epoch, offers and withdrawals, the end of attempts, what is missing. Does not own: which node is next (kernel), which
// worker gets it (workers.ts), how files look (store).
//
// L1  an offer is written only after its Offered event is in the journal; a lost offer is withdrawn in the journal and offered anew.
// L2  an attempt that is being ended is decided by its ending alone: an outcome seen meanwhile is read by it.
// L3  a fence that no run knows is nobody's: what runs under it is ended, its files go.

import { resolve } from 'node:path';
import { foresee } from '../kernel/apply.ts';
import type { RunEvent } from '../kernel/events.ts';
import { desiredLeases } from '../kernel/decide.ts';
import { inputOf } from '../kernel/input.ts';
import { isSpeaking, type Node } from '../kernel/node.ts';
import { idempotencyKey, nextStartable } from '../kernel/run.ts';
import type { Now } from '../kernel/ports.ts';
import type { Outcome, StopReason } from '../kernel/task.ts';
import type { LeaseView, Offer, SettledOutcome } from '../store/store.ts';
import type { ActiveRun } from './active-run.ts';
import type { ControllerDeps } from './deps.ts';
import type { Conversations } from './messages.ts';
import type { Workers } from './workers.ts';

/** SIGTERM to SIGKILL, unless told otherwise. */
const GRACE_MS = 5000;
/** A lease without files is acted upon after it was missed so often, a second apart. */
const MISSED_LIMIT = 2;
/** An offer that was not taken for so long goes to a worker that has nothing to do. */
const PATIENCE_MS = 1000;

type EndEventOfLease = Extract<RunEvent, { type: 'Ended' }>;

interface Standing {
  readonly active: ActiveRun;
  readonly node: Node;
  readonly worker: string;
  /** Engine time at which this controller began to hold it. */
  readonly since: number;
  missed: number;
}

export class LeaseKeeper {
  readonly #deps: ControllerDeps;
  readonly #workers: Workers;
  readonly #conversations: Conversations;
  /** Calls for another pass. */
  readonly #wake: () => void;
  readonly #standing = new Map<string, Standing>();
  /** Endings under way, by fence. */
  readonly #endings = new Map<string, Promise<void>>();
  readonly #ended: { active: ActiveRun; event: RunEvent; worker: string; fence: string }[] = [];
  /** Consumed, but the files are still there until the event is recorded. */
  readonly #consumed = new Set<string>();
  /** Fences that no run knows: seen once (a look may be older than what was decided since), or being ended. */
  readonly #suspects = new Set<string>();
  readonly #strangers = new Set<string>();
  /** Fences whose attempt failed and left processes: since when they are told to go, engine ms. */
  readonly #survived = new Map<string, number>();
  readonly #offers: { worker: string; offer: Offer; active: ActiveRun }[] = [];
  #counter = 0;

  constructor(deps: ControllerDeps, workers: Workers, conversations: Conversations, wake: () => void) {
    this.#deps = deps;
    this.#conversations = conversations;
    this.#workers = workers;
    this.#wake = wake;
  }

  /** Is anything claimed, so that the life of slots matters? */
  get hasStanding(): boolean {
    return this.#standing.size > 0;
  }

  /** How many workers have attempts of this run. */
  workersOf(active: ActiveRun): number {
    const workers = new Set<string>();
    for (const standing of this.#standing.values()) if (standing.active === active) workers.add(standing.worker);
    return workers.size;
  }

  /** Takes over the leases of a run that was just read from disk. */
  adopt(active: ActiveRun): void {
    for (const [fence, node] of active.run.leases) this.#hold(active, node, fence, node.current?.worker ?? '');
  }

  /** Forgets a run whose journal failed; it is read again, and its fences are not taken for strangers meanwhile. */
  abandon(active: ActiveRun): void {
    for (const [fence, standing] of this.#standing) if (standing.active === active) this.#drop(fence);
  }

  #hold(active: ActiveRun, node: Node, fence: string, worker: string): void {
    this.#standing.set(fence, { active, node, worker, since: this.#deps.clock.now().time, missed: 0 });
    this.#workers.hold(worker, fence);
    this.#conversations.open(active, node, worker, fence);
  }

  #drop(fence: string, tookMs?: number): void {
    const standing = this.#standing.get(fence);
    if (standing === undefined) return;
    this.#standing.delete(fence);
    this.#conversations.close(fence);
    this.#workers.release(standing.worker, fence, tookMs);
  }

  // --- what is seen ------------------------------------------------------------------------------

  /** Looks at an inbox; the runs that something happened to. */
  async observe(worker: string, now: Now, mayEndStrangers: boolean): Promise<Set<ActiveRun>> {
    const touched = new Set<ActiveRun>();
    for (const view of await this.#deps.store.leases.inbox(worker)) {
      const standing = this.#standing.get(view.fence);
      if (standing !== undefined) {
        standing.missed = 0;
        const isOver = view.outcome !== null;
        const heard = await this.#conversations.hear(view.fence, now, isOver);
        if (heard.isChanged) touched.add(standing.active);
        if ((heard.isAll || !isOver) && this.#see(standing, view, now)) touched.add(standing.active);
      } else if (!this.#consumed.has(view.fence) && mayEndStrangers) {
        if (this.#suspects.delete(view.fence)) this.#endStranger(worker, view);
        else this.#suspects.add(view.fence);
      }
    }
    return touched;
  }

  #see({ active, node, worker }: Standing, view: LeaseView, now: Now): boolean {
    const attempt = node.current;
    if (attempt === null || attempt.fence !== view.fence || this.#endings.has(view.fence)) return false;
    const stamp = { at: now.wall, time: now.time, node: node.id, fence: view.fence };
    if (view.claim !== null && attempt.slot === null) this.#workers.took(worker);
    if (view.outcome !== null) {
      if (attempt.stopping !== null || this.#isSurvived(active, node, worker, view.fence, view.outcome.outcome, now))
        return false;
      this.#finish(active, worker, view.fence, endedEvent(stamp, view, view.outcome, attempt.slot === null));
      return true;
    }
    if (view.claim === null || attempt.slot !== null) return false;
    active.take([{ ...stamp, type: 'Claimed', slot: view.claim, since: now.wall }]);
    return true;
  }

  /** A failed attempt left processes behind: they are ended before the next one of the node is offered. */
  #isSurvived(active: ActiveRun, node: Node, worker: string, fence: string, outcome: Outcome, now: Now): boolean {
    if (foresee(active.run, node, outcome) !== 'Again') return false;
    const { store, graceMs = GRACE_MS } = this.#deps;
    const since = this.#survived.get(fence);
    const isOver = since !== undefined && now.time - since >= graceMs;
    const signal = since === undefined ? 'SIGTERM' : isOver ? 'SIGKILL' : null;
    if (!store.leases.endLeftBehind(worker, fence, signal)) {
      this.#survived.delete(fence);
      return false;
    }
    if (since === undefined) this.#survived.set(fence, now.time);
    return true;
  }

  #finish(active: ActiveRun, worker: string, fence: string, event: EndEventOfLease): void {
    active.takeEnd(withReport(event, active.run.nodes.get(event.node)));
    this.#drop(fence, event.since === undefined || event.until === undefined ? undefined : event.until - event.since);
    this.#spend(active, worker, fence);
  }

  #spend(active: ActiveRun, worker: string, fence: string): void {
    this.#consumed.add(fence);
    active.spend(worker, fence);
  }

  /** Clears the files of consumed outcomes whose events are recorded. */
  async clear(active: ActiveRun): Promise<void> {
    for (const fence of await active.clearSpent(this.#deps.store.leases)) this.#consumed.delete(fence);
  }

  /** Takes in what the endings under way have come to; the runs. */
  async collectEnded(now: Now): Promise<ActiveRun[]> {
    const ended = this.#ended.splice(0);
    for (const end of ended) {
      const { active, event, worker, fence } = end;
      if (!(await this.#conversations.hear(fence, now, true)).isAll) this.#ended.push(end);
      else if (event.type === 'Ended') this.#finish(active, worker, fence, event);
    }
    return ended.map(({ active }) => active);
  }

  // --- what is wanted ----------------------------------------------------------------------------

  /** Stops and withdraws what the run does not want to stand; true when the run changed by it. */
  async enforce(active: ActiveRun, now: Now): Promise<boolean> {
    let isChanged = false;
    for (const lease of desiredLeases(active.run)) {
      if (lease.want === 'Stop' && lease.reason !== null)
        this.#startEnding(active, lease.node, lease.worker, lease.fence, lease.reason);
      else if (lease.want === 'Withdraw') isChanged = (await this.withdraw(lease.fence, now)) || isChanged;
    }
    return isChanged;
  }

  /** Takes an unclaimed offer back; false when it is claimed. */
  async withdraw(fence: string, now: Now): Promise<boolean> {
    const standing = this.#standing.get(fence);
    if (standing === undefined) return false;
    const { active, node, worker } = standing;
    const unsent = this.#offers.findIndex(({ offer }) => offer.fence === fence);
    if (unsent !== -1) this.#offers.splice(unsent, 1);
    else if (!(await this.#deps.store.leases.withdraw(worker, fence))) return false;
    active.take([{ at: now.wall, time: now.time, type: 'Withdrawn', node: node.id, fence }]);
    this.#drop(fence);
    this.#spend(active, worker, fence);
    return true;
  }

  /** Offers that wait at a worker that cannot take them now, while another could: taken back. Returns the runs. */
  async rebalance(now: Now): Promise<Set<ActiveRun>> {
    const touched = new Set<ActiveRun>();
    for (const [fence, { active, node, worker, since }] of this.#standing) {
      if (node.current === null || node.current.slot !== null) continue;
      const isOverfull = this.#workers.isOverfull(worker);
      const isLate = !isOverfull && now.time - since >= PATIENCE_MS;
      if (this.#workers.isServing(worker)) {
        if (!isLate && !isOverfull) continue;
        if (!this.#workers.hasIdleSlotBesides(worker)) continue;
      }
      if (!(await this.withdraw(fence, now))) continue;
      if (isLate) this.#workers.isWaitedFor(worker);
      touched.add(active);
    }
    return touched;
  }

  /** Gives the run's next ready node to a worker with room; false when there is no such node or no room. */
  place(active: ActiveRun, now: Now): boolean {
    const node = nextStartable(active.run);
    const worker = node === null ? null : this.#workers.pick();
    if (node === null || worker === null) return false;
    this.#counter += 1;
    const fence = `${pad(this.#deps.seat.epoch, 6)}-${pad(this.#counter, 8)}`;
    const attempt = node.attempts + 1;
    active.take([{ at: now.wall, time: now.time, type: 'Offered', node: node.id, attempt, fence, worker }]);
    this.#hold(active, node, fence, worker);
    this.#offers.push({ worker, offer: this.#offerOf(active, node, fence), active });
    return true;
  }

  /**
   * Hands over the offers whose events are journaled by now; stores keep that order, so nobody waits. One that cannot be written is
   * missed, and made good by `checkMissing`.
   */
  sendOffers(): void {
    const { store, log } = this.#deps;
    for (const { worker, offer } of this.#offers.splice(0)) {
      const { run, node } = offer;
      store.leases
        .offer(worker, offer)
        .catch((error: unknown) => log.warn('cannot write an offer', { run, node, worker, error: String(error) }));
    }
  }

  #offerOf({ run, places }: ActiveRun, node: Node, fence: string): Offer {
    const { executor, env, workingDir } = node.task;
    const input = inputOf(run, node);
    return {
      fence,
      run: run.name,
      uid: run.uid,
      node: node.id,
      attempt: node.attempts,
      key: idempotencyKey(run, node),
      bootId: this.#deps.processes.bootId(),
      executor,
      ...(input === undefined ? {} : { input }),
      inputPath: places.input,
      logPath: places.log(node.id, node.attempts),
      scratch: places.scratch,
      workingDir: resolve(this.#deps.workingDir, workingDir ?? '.'),
      ...(env === undefined ? {} : { env }),
      ...(isSpeaking(node.task) ? { messages: true } : {}),
    };
  }

  // --- ends --------------------------------------------------------------------------------------

  #startEnding(active: ActiveRun, node: Node, worker: string, fence: string, reason: StopReason): void {
    if (this.#endings.has(fence)) return;
    const ending = this.#end(active, node, worker, fence, reason).catch((error: unknown) => {
      this.#deps.log.error('cannot end an attempt; tried again', {
        run: active.ref.name,
        node: node.id,
        error: String(error),
      });
    });
    this.#endings.set(
      fence,
      ending.finally(() => {
        this.#endings.delete(fence);
        this.#wake();
      }),
    );
  }

  /** Decided in the journal first, then the processes, then the outcome. */
  async #end(active: ActiveRun, node: Node, worker: string, fence: string, reason: StopReason): Promise<void> {
    const { clock, store } = this.#deps;
    await active.recorded();
    const isTaken = !(await store.leases.withdraw(worker, fence));
    const view = isTaken ? await this.#viewOf(worker, fence, node) : null;
    const settled: SettledOutcome =
      view === null ? { outcome: { result: 'Stopped', reason } } : await this.#endProcesses(worker, view, reason);
    const now = clock.now();
    const stamp = { at: now.wall, time: now.time, node: node.id, fence };
    const outcome: Outcome = reason === 'Lost' ? lostOutcome(settled) : settled.outcome;
    this.#ended.push({
      active,
      worker,
      fence,
      event: endedEvent(stamp, view, { ...settled, outcome }, node.current?.slot === null),
    });
  }

  /** The lease as it stands, or as the journal knows it when its files are gone. */
  async #viewOf(worker: string, fence: string, node: Node): Promise<LeaseView> {
    const found = (await this.#deps.store.leases.inbox(worker)).find((view) => view.fence === fence);
    return found ?? { fence, offered: false, claim: node.current?.slot ?? null, stop: null, outcome: null };
  }

  #endProcesses(worker: string, view: LeaseView, reason: StopReason): Promise<SettledOutcome> {
    const { store, graceMs = GRACE_MS } = this.#deps;
    return store.leases.end(worker, view, reason, graceMs);
  }

  #endStranger(worker: string, view: LeaseView): void {
    if (this.#strangers.has(view.fence)) return;
    this.#strangers.add(view.fence);
    const { log, store } = this.#deps;
    const end = async (): Promise<void> => {
      log.warn('a lease that no run knows is removed', { worker, fence: view.fence });
      const isTaken = view.claim !== null || !(await store.leases.withdraw(worker, view.fence));
      if (isTaken && view.outcome === null) await this.#endProcesses(worker, view, 'Stopped');
      await store.leases.clear(worker, [view.fence]);
    };
    void end()
      .catch((error: unknown) =>
        log.error('cannot remove a lease that no run knows', { worker, fence: view.fence, error: String(error) }),
      )
      .finally(() => this.#strangers.delete(view.fence));
  }

  // --- what is gone ------------------------------------------------------------------------------

  /** Slots that died without an outcome: their attempts are lost. Returns the runs. */
  async checkSlots(now: Now): Promise<Set<ActiveRun>> {
    const suspects = [...this.#standing].filter(([fence, { node }]) => {
      const slot = node.current?.slot;
      return (
        slot != null &&
        node.current?.stopping === null &&
        !this.#endings.has(fence) &&
        this.#deps.store.leases.slotLiveness(slot) === 'dead'
      );
    });
    const touched = new Set<ActiveRun>();
    for (const worker of new Set(suspects.map(([, standing]) => standing.worker))) {
      // The slot may have written its outcome just before it went.
      for (const active of await this.observe(worker, now, false)) touched.add(active);
    }
    for (const [fence, { active, node }] of suspects) {
      if (!this.#standing.has(fence) || node.current?.fence !== fence || node.current.stopping !== null) continue;
      active.take([{ at: now.wall, time: now.time, type: 'Stopping', node: node.id, fence, reason: 'Lost' }]);
      touched.add(active);
    }
    return touched;
  }

  /** Leases whose files are gone (deleted by hand, or lost with the power): put right. Once a second, after every inbox was observed. */
  async checkMissing(now: Now): Promise<Set<ActiveRun>> {
    const touched = new Set<ActiveRun>();
    for (const [fence, standing] of this.#standing) {
      standing.missed += 1;
      if (standing.missed <= MISSED_LIMIT || this.#endings.has(fence)) continue;
      const { active, node, worker } = standing;
      const slot = node.current?.slot ?? null;
      if (slot !== null) {
        await this.#deps.store.leases.restoreClaim(worker, this.#offerOf(active, node, fence), slot);
        this.#deps.log.warn('a claim file was gone; written again', { run: active.ref.name, node: node.id, fence });
      } else if (!this.#deps.store.leases.endLeftBehind(worker, fence, null)) {
        this.#deps.log.warn('an offer was gone; offered anew', { run: active.ref.name, node: node.id, fence });
        active.take([{ at: now.wall, time: now.time, type: 'Withdrawn', node: node.id, fence }]);
        this.#drop(fence);
        touched.add(active);
      }
    }
    return touched;
  }

  /** Waits for endings under way; for a controller that leaves. */
  async drain(): Promise<void> {
    await Promise.all(this.#endings.values());
  }
}

/** What it said its output is, unless it left another. */
function withReport(event: EndEventOfLease, node: Node | undefined): EndEventOfLease {
  const output = node?.current?.reported?.output;
  const { outcome } = event;
  if (output === undefined || outcome.result !== 'Success' || outcome.output !== undefined) return event;
  return { ...event, outcome: { ...outcome, output } };
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

interface EndStamp {
  readonly at: number;
  readonly time: number;
  readonly node: string;
  readonly fence: string;
}

function endedEvent(
  stamp: EndStamp,
  view: LeaseView | null,
  settled: SettledOutcome,
  isUnseen: boolean,
): EndEventOfLease {
  const { outcome, since, until } = settled;
  const ran = view !== null && (view.claim !== null || view.outcome !== null);
  return {
    ...stamp,
    type: 'Ended',
    outcome,
    ...(isUnseen && ran ? { slot: view.claim ?? 'unknown' } : {}),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

/** An outcome that stood before the loss was noticed is what it is. */
function lostOutcome({ outcome }: SettledOutcome): Outcome {
  return outcome.result === 'Stopped'
    ? { result: 'Lost', message: outcome.message ?? 'the slot that ran it died' }
    : outcome;
}
