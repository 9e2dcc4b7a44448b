// Plays controller, workers, people and time for one run, in memory: what the world may do to a kernel.
//
// Owns: fences, the journal of what happened, the order of moves. Every choice comes from the caller, so a run can be replayed
// and shrunk. Does not own: what must hold (kernel-oracle.ts); `watch` is called around every event.

import { apply, newRun } from '../../kernel/apply.ts';
import { checkChange } from '../../kernel/change.ts';
import { consumeSignals, decide, desiredLeases, msUntilDue } from '../../kernel/decide.ts';
import type { Effect, RunEvent, Stamp } from '../../kernel/events.ts';
import type { Node } from '../../kernel/node.ts';
import { nextStartable, type Run } from '../../kernel/run.ts';
import type { GraphChange, Outcome, Registration } from '../../kernel/task.ts';
import { WALL } from './graph-text.ts';

export type Bare<Event extends RunEvent = RunEvent> = Event extends RunEvent ? Omit<Event, keyof Stamp> : never;

/** A whole number from 0 to below `below`. */
export type Choose = (below: number) => number;

/** Called before an event is folded; what it returns is called after. */
export type Watch = (run: Run, event: RunEvent) => (() => void) | undefined;

export const SUCCESS: Outcome = { result: 'Success', output: { ok: true } };
export const LOST: Outcome = { result: 'Lost', message: 'its slot is gone' };

export function failure(type = 'TaskFailed', message = 'exit code 1'): Outcome {
  return { result: 'Failure', error: { type, message }, exitCode: 1 };
}

function idOf(node: Node | string): string {
  return typeof node === 'string' ? node : node.id;
}

export class Driver {
  readonly run: Run;
  readonly journal: RunEvent[] = [];
  time = 0;
  wall = WALL;
  #fences = 0;
  #signals = 0;
  readonly #watch: Watch;

  constructor(registration: Registration, watch: Watch = () => undefined) {
    const event = { type: 'Registered', at: WALL, time: 0, registration } as const;
    this.journal.push(event);
    this.run = newRun(event);
    this.#watch = watch;
  }

  take(...events: readonly Bare[]): this {
    for (const bare of events) this.#fold({ ...bare, at: this.wall, time: this.time });
    return this;
  }

  #fold(event: RunEvent): void {
    const after = this.#watch(this.run, event);
    apply(this.run, event);
    this.journal.push(event);
    after?.();
  }

  get now(): { time: number; wall: number } {
    return { time: this.time, wall: this.wall };
  }

  advance(ms: number, wallMs = ms): this {
    this.time += ms;
    this.wall += wallMs;
    return this.settle();
  }

  /** Advances to what is due next; false when nothing is. */
  advanceToDue(): boolean {
    const wait = msUntilDue(this.run, this.now);
    if (wait !== undefined) this.advance(wait);
    return wait !== undefined;
  }

  settle(): this {
    const limit = 20 * this.run.nodes.size + 1000;
    for (let rounds = 0; ; rounds += 1) {
      const events = decide(this.run, this.now);
      if (events.length === 0) return this;
      if (rounds > limit) throw new Error(`decide does not come to rest: ${JSON.stringify(events).slice(0, 300)}`);
      for (const event of events) this.#fold(event);
    }
  }

  /** Offers the next ready node; null when there is none. */
  offer(worker = 'w1'): Node | null {
    const node = nextStartable(this.run);
    if (node === null) return null;
    this.#fences += 1;
    const fence = `000001-${String(this.#fences).padStart(8, '0')}`;
    this.take({ type: 'Offered', node: node.id, attempt: node.attempts + 1, fence, worker });
    return node;
  }

  fenceOf(node: Node | string): string {
    const found = typeof node === 'string' ? this.run.nodes.get(node) : node;
    const fence = found?.current?.fence;
    if (fence == null) throw new Error(`node "${idOf(node)}": no lease`);
    return fence;
  }

  claim(node: Node | string, slot = 's1'): this {
    const id = idOf(node);
    return this.take({ type: 'Claimed', node: id, fence: this.fenceOf(node), slot, since: this.wall });
  }

  withdraw(node: Node | string): this {
    const id = idOf(node);
    return this.take({ type: 'Withdrawn', node: id, fence: this.fenceOf(node) });
  }

  /** Ends the attempt under way, claimed or not, and settles. */
  end(node: Node | string, outcome: Outcome = SUCCESS, effect?: Effect): this {
    const found = typeof node === 'string' ? this.run.nodes.get(node) : node;
    const unseen = found?.current?.slot === null ? { slot: 's1', since: this.wall, until: this.wall } : {};
    const id = found?.id ?? '';
    const more = effect === undefined ? {} : { effect };
    return this.take({ type: 'Ended', node: id, fence: this.fenceOf(node), outcome, ...unseen, ...more }).settle();
  }

  /** Offers and ends all that is ready, once; true when there was something. */
  work(outcomeOf: (node: Node) => Outcome = () => SUCCESS): boolean {
    const nodes: Node[] = [];
    for (let node = this.offer(); node !== null; node = this.offer()) nodes.push(node);
    for (const node of nodes) this.end(node, outcomeOf(node));
    return nodes.length > 0;
  }

  /** Looks at inputs as long as there are such: `{not: {}}` takes none, every other schema takes all. */
  checkInputs(): boolean {
    const { toCheck, isOpen } = this.run;
    const [node] = toCheck;
    if (node === undefined || !isOpen) return false;
    if (node.task.inputSchema?.['not'] === undefined) this.take({ type: 'InputChecked', nodes: [node.id] });
    else this.take({ type: 'InlineEnded', node: node.id, outcome: failure('InputInvalid') });
    this.settle().checkInputs();
    return true;
  }

  signal(name: string, data: unknown = null): this {
    this.#signals += 1;
    const signal = { uid: `signal-${this.#signals}`, name, data: data as null };
    for (const event of consumeSignals(this.run, [signal], this.now)) this.#fold(event);
    return this.settle();
  }

  grow(by: string, change: GraphChange): string | null {
    const problem = checkChange(this.run, change, by)?.message ?? null;
    this.take({ type: 'GraphChanged', by, change }).settle();
    return problem;
  }

  /** Makes leases as the run wants them: unwanted offers go, attempts that are to end end. */
  enforce(): this {
    for (const lease of desiredLeases(this.run)) {
      if (lease.node.current?.fence !== lease.fence) continue;
      if (lease.want === 'Withdraw') this.withdraw(lease.node).settle();
      if (lease.want === 'Stop')
        this.end(lease.node, lease.reason === 'Lost' ? LOST : { result: 'Stopped', reason: lease.reason ?? 'Stopped' });
    }
    return this;
  }

  /** Plays fairly until the run has ended: every attempt ends, every signal comes, time goes on. */
  finish(outcomeOf: (node: Node) => Outcome = () => SUCCESS): this {
    this.settle();
    if (this.run.isSuspended) this.take({ type: 'Resumed' }).settle();
    const limit = 100 * this.run.nodes.size + 1000;
    for (let rounds = 0; this.run.end === null || this.run.restarts.length > 0; rounds += 1) {
      if (rounds > limit) throw new Error('the run does not end');
      this.enforce();
      let isBusy = this.run.leases.size > 0;
      for (const node of Array.from(this.run.leases.values()))
        if (node.current !== null) this.end(node, outcomeOf(node));
      if (this.work(outcomeOf)) isBusy = true;
      if (this.checkInputs()) isBusy = true;
      if (isBusy || this.run.end !== null) continue;
      const names = [...this.run.signalWaits].flatMap(([name, waits]) => (waits.size === 0 ? [] : [name]));
      for (const name of names) this.signal(name);
      if (names.length === 0 && !this.advanceToDue())
        throw new Error(`the run is stuck: ${JSON.stringify(this.run.counts)}`);
    }
    return this;
  }
}
