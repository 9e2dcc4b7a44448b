// What a worker's process does for the database on its host: takes offers into the spool, and says what became of them.
//
// Owns: the exchange with the database, the worker's lease there, stops. Does not own: running anything (worker/), what of a log is
// new (shipping.ts), the end of attempts when nobody answers (fuse.ts).
//
// H1  a round is one transaction: what ended with all that it wrote, then what is new to run. Only then files go from the spool.
// H2  nothing is taken after the lease is over, and the lease is counted from before the round that renewed it.
// H3  attempts of an earlier worker of this name on this host go on: their outcomes are said when they come.
// H4  what the database thinks runs here and does not is lost, and what runs here that the database has given up is ended.

import { uptime } from 'node:os';
import type { Processes } from '../../kernel/ports.ts';
import type { StopReason } from '../../kernel/task.ts';
import { wallMs } from '../../runtime/clock.ts';
import type { Leases, LeaseView, Offer, SettledOutcome } from '../store.ts';
import type { Database, Row, Session } from './database.ts';
import { Fuse } from './fuse.ts';
import { Shipping, type Statement } from './shipping.ts';
import type { WorkerPlace } from './spool.ts';
import { STANDS_AS_OFFER, TELL, textOf } from './statements.ts';

const BEAT_MS = 1_000;
/** While something runs, what it writes is looked at so often. */
const SHIP_MS = 250;
const AGAIN_MS = 250;
/** What was taken is told when it has not ended by then: of a tiny attempt the end says it all, and saves the controller a look. */
const TELL_MS = 50;
/** Attempts shorter than this on average are tiny: then more are taken than slots are free, as many as the controller offers. */
const TINY_MS = 50;
const TINY_DEPTH = 4;
const AVERAGE_WEIGHT = 0.1;
const CLEAN_ROUNDS = 30;
const LOST: SettledOutcome = { outcome: { result: 'Lost', message: 'its machine was cut off' } };

export interface HostOptions {
  readonly database: Database;
  readonly place: WorkerPlace;
  readonly processes: Processes;
  readonly name: string;
  readonly incarnation: string;
  readonly slots: number;
}

export class Host {
  readonly leases: Leases;
  /** Another process has the name. */
  readonly lost: AbortSignal;
  readonly #lost = new AbortController();
  readonly #options: HostOptions;
  readonly #place: WorkerPlace;
  readonly #fuse: Fuse;
  readonly #shipping: Shipping;
  /** Attempts of this host that the database counts as running, by fence. */
  readonly #offers = new Map<string, Offer>();
  /** Outcomes that are not what the slot said: of attempts that were ended. */
  readonly #decided = new Map<string, SettledOutcome>();
  readonly #endings = new Map<string, Promise<void>>();
  /** Fences of failed attempts that left processes: since when they are told to go. */
  readonly #survived = new Map<string, number>();
  #leaseMs = 10_000;
  /** Seconds since boot. */
  #deadline = 0;
  #session: Session | null = null;
  #averageMs = Number.POSITIVE_INFINITY;
  #beats = 0;
  #beatAt = Number.NEGATIVE_INFINITY;
  /** Since when something is taken that nobody was told of. */
  #takenAt: number | null = null;
  #isHinted = true;
  #isStirred = false;
  #isStopped = false;
  #wake: () => void = () => undefined;
  #ends: (() => void)[] = [];
  #rounds: Promise<void> = Promise.resolve();

  constructor(options: HostOptions) {
    const { place } = options;
    this.#options = options;
    this.#place = place;
    this.leases = place.leases;
    this.lost = this.#lost.signal;
    this.#fuse = new Fuse(place.spool.disk, place.inbox);
    this.#shipping = new Shipping(place);
  }

  get incarnation(): string {
    return this.#options.incarnation;
  }

  /** Resolves once the database and the spool agree. */
  async start(): Promise<void> {
    const { database, name } = this.#options;
    this.#deadline = this.#fuse.lastDeadline() ?? 0;
    const hint = (): void => {
      this.#isHinted = true;
      this.#stir();
    };
    this.#ends = [database.onHint(`leases ${name}`, hint), this.#place.leases.onHint(name, () => this.#stir())];
    await this.#agree();
    this.#rounds = this.#run();
  }

  /** Says what is left to say. Attempts that still run go on without this process. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { name } = this.#options;
    for (const { fence, offered } of await this.leases.inbox(name)) {
      if (!offered || !(await this.leases.withdraw(name, fence))) continue;
      this.#decided.set(fence, { outcome: { result: 'Lost', message: 'its worker left before it began' } });
    }
    this.#stir();
    await this.#rounds;
    for (const end of this.#ends) end();
    await this.#session?.end();
  }

  /** Nothing of this worker runs here any more, and all is said. */
  async isThrough(): Promise<boolean> {
    return (await this.leases.inbox(this.#options.name)).length === 0;
  }

  /** The name is free, or will be when the fuse has burnt down. */
  async leave(): Promise<void> {
    if (await this.isThrough()) this.#fuse.put();
    await this.#place.release();
  }

  async #run(): Promise<void> {
    for (;;) {
      const isLast = this.#isStopped;
      try {
        const isMore = await this.#round();
        if (isLast && !isMore) return;
        if (!isMore) await this.#pause(this.#takenAt !== null ? TELL_MS : this.#offers.size > 0 ? SHIP_MS : BEAT_MS);
      } catch {
        // The database is away: what runs goes on until the lease is over, and what it came to is kept.
        void this.#session?.end();
        this.#session = null;
        // What runs under a name that is lost is ended by the fuse.
        if (isLast || this.lost.aborted) return;
        await this.#pause(AGAIN_MS);
        await this.#agree().catch(() => undefined);
      }
    }
  }

  /** Something happened: look again, at once or after the round that is under way. */
  #stir(): void {
    this.#isStirred = true;
    this.#wake();
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#isStirred) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // --- a round -----------------------------------------------------------------------------------

  /** True when there is more to do at once. */
  async #round(): Promise<boolean> {
    const now = performance.now();
    const isHinted = this.#isHinted;
    this.#isHinted = false;
    this.#isStirred = false;
    const views = await this.leases.inbox(this.#options.name);
    const ended = this.#endedOf(views);
    const written = this.#offers.size === 0 ? [] : this.#shipping.more(this.#offers, new Set(ended.keys()));
    const isBeat = now - this.#beatAt >= BEAT_MS;
    const mustTell = this.#takenAt !== null && now - this.#takenAt >= TELL_MS;
    if (!isHinted && !isBeat && !mustTell && ended.size === 0 && written.length === 0) return false;
    this.#beatAt = isBeat ? now : this.#beatAt;
    const rows = await this.#exchange(views, ended, written, mustTell);
    if (mustTell || this.#offers.size === ended.size) this.#takenAt = null;
    await this.#forget(ended);
    this.#shipping.shipped();
    if (isBeat && this.#beats++ % CLEAN_ROUNDS === 0) await this.#cleanRuns();
    if (isBeat) this.#endDead(views);
    const taken = rows.offers.length;
    if (taken > 0) this.#takenAt ??= now;
    await this.#takeIn(rows.offers);
    this.#answer(rows.answers);
    for (const { fence, stop, grace_ms } of rows.stops) this.#end(textOf(fence), stop as StopReason, Number(grace_ms));
    return taken > 0 || this.#isHinted;
  }

  async #exchange(
    views: readonly LeaseView[],
    ended: ReadonlyMap<string, SettledOutcome>,
    written: readonly Statement[],
    mustTell: boolean,
  ): Promise<{ offers: Row[]; stops: Row[]; answers: Row[] }> {
    const { name, incarnation } = this.#options;
    const from = uptime();
    const free = this.#isStopped ? 0 : this.#roomBeside(views, ended);
    const statements: Statement[] = [
      {
        text: `UPDATE workers SET seen = clock_timestamp() FROM engine WHERE name = $1 AND incarnation = $2 RETURNING lease_ms`,
        values: [name, incarnation],
      },
      {
        text: `UPDATE leases SET claim = $2 || '/' || $3 WHERE fence IN (
            SELECT fence FROM leases WHERE worker = $2 AND ${STANDS_AS_OFFER}
              AND EXISTS (SELECT FROM workers WHERE name = $2 AND incarnation = $4 AND NOT is_draining)
            ORDER BY length(fence), fence LIMIT $1 FOR UPDATE SKIP LOCKED)
          RETURNING fence, offer::text AS offer`,
        values: [free, name, incarnation.slice(0, 8), incarnation],
      },
      {
        text: 'SELECT fence, stop, grace_ms FROM leases WHERE worker = $1 AND claim IS NOT NULL AND stop IS NOT NULL AND outcome IS NULL',
        values: [name],
      },
      { text: 'DELETE FROM answers WHERE worker = $1 RETURNING number, fence, bytes', values: [name] },
      ...written,
      ...(ended.size === 0 ? [] : outcomesOf(ended)),
      ...(mustTell || ended.size > 0 || written.length > 0 ? [{ text: TELL, values: [[`said ${name}`]] }] : []),
    ];
    const [worker = [], offers = [], stops = [], answers = []] = await this.#together(statements);
    if (worker[0] === undefined) {
      this.#lost.abort();
      throw new Error(`worker ${name}: another process has this name now`);
    }
    this.#leaseMs = Number(worker[0]['lease_ms']);
    this.#deadline = from + this.#leaseMs / 1_000;
    this.#fuse.renew(this.#deadline);
    return { offers, stops, answers };
  }

  async #together(statements: readonly Statement[]): Promise<Row[][]> {
    this.#session ??= await this.#options.database.session(() => {
      this.#session = null;
    });
    const session = this.#session;
    // A link that is cut says nothing: half a lease is long enough to know.
    const timer = setTimeout(() => session.abandon(), this.#leaseMs / 2);
    try {
      return await session.together(statements);
    } finally {
      clearTimeout(timer);
    }
  }

  #roomBeside(views: readonly LeaseView[], ended: ReadonlyMap<string, SettledOutcome>): number {
    const { slots } = this.#options;
    const depth = this.#averageMs < TINY_MS ? slots * TINY_DEPTH : slots;
    const used = views.filter(({ fence, outcome }) => outcome === null && !ended.has(fence)).length;
    return Math.max(0, depth - used);
  }

  // --- what ended --------------------------------------------------------------------------------

  /** Outcomes to say now: nothing of their attempts lives. */
  #endedOf(views: readonly LeaseView[]): Map<string, SettledOutcome> {
    const ended = new Map<string, SettledOutcome>();
    for (const { fence, outcome, stop } of views) {
      if (this.#endings.has(fence)) continue;
      if (outcome !== null && stop !== null && !this.#decided.has(fence)) {
        // Its ending was begun by an earlier process, or failed.
        this.#end(fence, stop, 0);
        continue;
      }
      const settled = this.#decided.get(fence) ?? outcome;
      if (settled === null || this.#hasSurvivors(fence, settled)) continue;
      ended.set(fence, settled);
    }
    for (const [fence, settled] of this.#decided) if (!this.#endings.has(fence)) ended.set(fence, settled);
    return ended;
  }

  /** A failed attempt is over when all that it left is gone: the next one may be offered anywhere then. */
  #hasSurvivors(fence: string, { outcome }: SettledOutcome): boolean {
    if (outcome.result !== 'Failure') return false;
    const since = this.#survived.get(fence);
    const age = since === undefined ? 0 : performance.now() - since;
    const signal = since === undefined ? 'SIGTERM' : age > this.#leaseMs / 2 ? 'SIGKILL' : null;
    const isLeft = this.leases.endLeftBehind(this.#options.name, fence, signal);
    if (!isLeft) this.#survived.delete(fence);
    else if (since === undefined) this.#survived.set(fence, performance.now());
    return isLeft;
  }

  /** H1. */
  async #forget(ended: ReadonlyMap<string, SettledOutcome>): Promise<void> {
    if (ended.size === 0) return;
    await this.leases.clear(this.#options.name, [...ended.keys()]);
    for (const [fence, { since, until }] of ended) {
      const offer = this.#offers.get(fence);
      if (offer !== undefined) this.#shipping.forget(offer);
      this.#offers.delete(fence);
      this.#decided.delete(fence);
      if (since === undefined || until === undefined) continue;
      const before = Number.isFinite(this.#averageMs) ? this.#averageMs : until - since;
      this.#averageMs = before + (until - since - before) * AVERAGE_WEIGHT;
    }
  }

  #end(fence: string, reason: StopReason, graceMs: number): void {
    if (this.#endings.has(fence) || this.#decided.has(fence)) return;
    const end = async (): Promise<void> => {
      const view = (await this.leases.inbox(this.#options.name)).find((one) => one.fence === fence);
      // What ended before it was told to is what it is.
      if (view !== undefined && view.outcome !== null && view.stop === null) return;
      const standing = view ?? { fence, offered: false, claim: null, stop: null, outcome: null };
      const settled = await this.leases.end(this.#options.name, standing, reason, graceMs);
      // One that was killed because it is lost has not failed.
      const isKilled = reason === 'Lost' && settled.outcome.result === 'Failure';
      this.#decided.set(fence, isKilled ? LOST : settled);
    };
    const ending = end()
      .catch(() => undefined)
      .finally(() => {
        this.#endings.delete(fence);
        this.#stir();
      });
    this.#endings.set(fence, ending);
  }

  /** Attempts whose slot died without a word. */
  #endDead(views: readonly LeaseView[]): void {
    for (const { fence, claim, outcome } of views) {
      if (outcome === null && claim !== null && this.leases.slotLiveness(claim) === 'dead') this.#end(fence, 'Lost', 0);
    }
  }

  // --- what is new -------------------------------------------------------------------------------

  async #takeIn(rows: readonly Row[]): Promise<void> {
    // H2: too late for these. The next agreement says that they are lost.
    if (rows.length > 0 && uptime() >= this.#deadline) throw new Error('the lease was over when the offers came');
    for (const row of rows) {
      const offer = this.#place.localOffer(JSON.parse(textOf(row['offer'])) as Offer);
      if (offer.input === undefined) await this.#shipping.bringInput(offer, this.#options.database);
      this.#offers.set(offer.fence, offer);
      await this.leases.offer(this.#options.name, offer);
    }
  }

  #answer(rows: readonly Row[]): void {
    for (const { fence, bytes } of [...rows].sort((a, b) => Number(a['number']) - Number(b['number'])))
      this.#shipping.answer(textOf(fence), bytes as Buffer);
    void this.#shipping.handOver(this.leases, this.#options.name);
  }

  // --- agreement ---------------------------------------------------------------------------------

  /** H4. After every gap: nothing is under way between the two then. */
  async #agree(): Promise<void> {
    const { database, name, incarnation } = this.#options;
    const wasOver = uptime() >= this.#deadline;
    const cutAt = wallMs() - (uptime() - this.#deadline) * 1_000;
    await Promise.all(this.#endings.values());
    const claimed = await database.read(
      `SELECT fence, offer::text AS offer FROM leases WHERE worker = $1 AND claim IS NOT NULL AND outcome IS NULL
        AND EXISTS (SELECT FROM workers WHERE name = $1 AND incarnation = $2)`,
      [name, incarnation],
    );
    const views = new Map((await this.leases.inbox(name)).map((view) => [view.fence, view]));
    for (const row of claimed) {
      const fence = textOf(row['fence']);
      if (row['offer'] !== null)
        this.#offers.set(fence, this.#place.localOffer(JSON.parse(textOf(row['offer'])) as Offer));
      if (!views.has(fence)) this.#decided.set(fence, { outcome: { result: 'Lost', message: 'its files are gone' } });
    }
    for (const fence of new Set(this.#offers.keys()))
      if (!views.has(fence) && !this.#decided.has(fence)) this.#offers.delete(fence);
    const known = new Set(claimed.map(({ fence }) => textOf(fence)));
    for (const view of views.values()) {
      const { fence, outcome } = view;
      const isCut = wasOver && outcome?.outcome.result === 'Failure' && (outcome.until ?? 0) >= cutAt;
      if (known.has(fence) && isCut) this.#decided.set(fence, LOST);
      else if (outcome === null && (wasOver || !known.has(fence))) this.#end(fence, 'Lost', 0);
    }
    await Promise.all(this.#endings.values());
    await this.#shipping.resume(this.#offers, database);
    this.#isHinted = true;
  }

  async #cleanRuns(): Promise<void> {
    const { spool } = this.#place;
    const here = spool.runs();
    const busy = new Set(Array.from(this.#offers.values(), ({ uid }) => uid));
    if (here.length === 0) return;
    const rows = await this.#options.database.read('SELECT uid FROM runs WHERE uid = ANY($1) AND NOT is_ended', [here]);
    const alive = new Set(rows.map(({ uid }) => textOf(uid)));
    for (const uid of here) if (!alive.has(uid) && !busy.has(uid)) spool.disk.removeTree(spool.run(uid));
  }
}

function outcomesOf(ended: ReadonlyMap<string, SettledOutcome>): Statement[] {
  return [
    {
      text: `UPDATE leases SET outcome = one.outcome::json FROM unnest($1::text[], $2::text[]) AS one (fence, outcome)
        WHERE leases.fence = one.fence AND leases.outcome IS NULL`,
      values: [[...ended.keys()], Array.from(ended.values(), (settled) => JSON.stringify(settled))],
    },
  ];
}
