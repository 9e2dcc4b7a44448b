// A run: its graph, where every node stands, and the few indexes that make each decision cheap.
//
// A Run is built by folding events (apply.ts) and read by decisions (decide.ts). It is one value that is
// changed in place, because copying 100,000 nodes for each event is no option; whoever holds it owns it.
//
// R1  everything here follows from the events alone: two folds of the same journal are equal.
// R2  `queue`, `inlineReady`, `mockReady`, `toCheck` and `toSkip` hold nodes that are ready (or never will be) and not yet dealt with;
//     a node is in at most one of them.
// R3  `leases` holds exactly the nodes whose current attempt has a fence.

import type { PlannedEnd, RunEvent, RunPhaseEnd } from './events.ts';
import type { Json } from './json.ts';
import { type Node, NODE_STATES, type NodeState } from './node.ts';
import { Dress } from './dress.ts';
import { NodeQueue } from './node-queue.ts';
import { Order } from './order.ts';
import { Table } from './promises/table.ts';
import type { GraphChange, Registration, TaskError } from './task.ts';
import { TimerHeap } from './timers.ts';

export interface Restart {
  readonly node: string;
  readonly nonce: string;
}

/** A change that came after registration, kept for snapshots and for undoing it. */
export interface Growth {
  readonly by: string;
  readonly change: GraphChange;
}

export interface RunEnd {
  readonly phase: RunPhaseEnd;
  readonly reason: string;
  readonly message: string;
  readonly at: number;
  readonly error: TaskError | null;
  readonly output: Json;
}

export interface BrokenPromise {
  readonly promise: string;
  readonly by: string | null;
  readonly reason: string;
  /** Wall ms. */
  readonly at: number;
}

export function brokenMessage({ promise, by, reason }: BrokenPromise): string {
  const change = by === null ? reason : `a change of task "${by}" was refused: ${reason}`;
  return `promise ${promise} broken: ${change}`;
}

/** A node came from one state to another; null: it came to be, or is no more. */
export interface Move {
  readonly node: Node;
  readonly from: NodeState | null;
  readonly to: NodeState | null;
}

export class Run {
  readonly registration: Registration;
  readonly nodes = new Map<string, Node>();
  growth: Growth[] = [];
  /** Derived, as all below that is not a state. */
  readonly order = new Order();
  promises = new Table();
  dress = new Dress();

  /** Wall ms of the registration. */
  readonly startedAt: number;
  /** Wall ms of the newest event. */
  updatedAt: number;
  /** Engine ms of the newest event: time in a run never goes back. */
  time: number;

  end: RunEnd | null = null;
  isSuspended = false;
  /** Wall ms of the last change of `isSuspended`. */
  suspendedAt: number | null = null;
  isCancelRequested = false;
  /** A failure that nobody handled has come, and the policy is FailFast. */
  isFailing = false;
  /** The first promise that was broken: the run stops what it does and ends Failed. */
  brokenPromise: BrokenPromise | null = null;
  /** The first unhandled failure of the round, for the run's own error. */
  firstFailure: Node | null = null;
  /** The node whose output is the run's, when a continuation said so. */
  result: Node | null = null;
  /** Set while, and after, what the run did is undone: how it ends then. */
  undoing: PlannedEnd | null = null;
  /** Nodes that came to an end so far. */
  endings = 0;
  readonly restarts: Restart[] = [];
  /** Nonces that were asked for, with what became of them: null is done or under way, a text says why it was refused. */
  readonly nonces = new Map<string, string | null>();
  rounds = 0;
  /** Signals (uid) that a node of this run has taken: a file that is still there is not taken twice. */
  readonly consumedSignals = new Set<string>();

  /** Steps of nodes from state to state since somebody took them; null: nobody asks. */
  moves: Move[] | null = null;

  /** How many nodes are in each state. */
  readonly counts: { [state in NodeState]: number };
  /** Attempts that use up parallelism: offered, running, and mocks under way. */
  active = 0;

  /** Ready for a worker, in the order in which they became ready. */
  readonly queue = new NodeQueue();
  /** Ready for the controller itself, at no cost: `wait` and `signal`. */
  readonly inlineReady = new NodeQueue();
  /** Ready for the controller itself, within `parallelism`: `mock`. */
  readonly mockReady = new NodeQueue();
  /** Ready, but their input is to be checked against their schema first. */
  readonly toCheck = new NodeQueue();
  /** Nodes that can never run. */
  readonly toSkip = new NodeQueue();
  /** Nodes whose readiness the event under way may have changed: judged when all of it is folded, so empty between events. */
  readonly unjudged: Node[] = [];
  readonly leases = new Map<string, Node>();
  /** Nodes that wait for a signal, oldest first, by its name. */
  readonly signalWaits = new Map<string, NodeQueue>();
  /** Timers on engine time, and on wall time. */
  readonly timers: TimerHeap<Node>;
  readonly wallTimers: TimerHeap<Node>;

  constructor(registration: Registration, at: number, time: number) {
    this.registration = registration;
    this.startedAt = at;
    this.updatedAt = at;
    this.time = time;
    this.counts = Object.fromEntries(NODE_STATES.map((state) => [state, 0])) as { [state in NodeState]: number };
    this.timers = new TimerHeap((timer) => timer.owner.timer === timer && !timer.owner.isTimerWall);
    this.wallTimers = new TimerHeap((timer) => timer.owner.timer === timer && timer.owner.isTimerWall);
  }

  get name(): string {
    return this.registration.name;
  }
  get uid(): string {
    return this.registration.uid;
  }
  get parallelism(): number {
    return this.registration.parallelism ?? Number.POSITIVE_INFINITY;
  }
  get isFailFast(): boolean {
    return (this.registration.failurePolicy ?? 'FailFast') === 'FailFast';
  }

  /** Nothing may start or go on; once what was done is being undone, it may. */
  get isCancelling(): boolean {
    return this.isCancelRequested && this.undoing === null;
  }

  /** Nodes that have not come to their end. */
  get unfinished(): number {
    const { counts } = this;
    return counts.PENDING + counts.RUNNING + counts.RETRYING + counts.WAITING;
  }

  /** Will anything new begin, now or once it is resumed? */
  get isOpenEnded(): boolean {
    return this.end === null && !this.isCancelRequested && !this.isFailing;
  }

  /** May anything new begin, room permitting? */
  get isOpen(): boolean {
    return (
      this.end === null && !this.isSuspended && !this.isCancelling && !this.isFailing && this.restarts.length === 0
    );
  }

  /** May another attempt start now? */
  get mayStart(): boolean {
    return this.isOpen && this.active < this.parallelism;
  }
}

/** The next node that a worker could be given; the caller journals Offered, or leaves it. */
export function nextStartable(run: Run): Node | null {
  return run.mayStart ? run.queue.first : null;
}

/** OARLOCK_IDEMPOTENCY_KEY: the same for every attempt of a node until it is restarted. */
export function idempotencyKey(run: Run, node: Node): string {
  return `${run.uid}/${node.id}/${node.round}`;
}

export type { RunEvent };
