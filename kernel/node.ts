// A node of a run's graph, with all that is known about it at this moment.
//
// Nodes are changed only by the fold of events (run.ts); everybody else reads.
//
// N1  `open`, `succeeded`, `failed` count predecessors: not ended, ended well (or with a handled failure), FAILED. They make
//     readiness a look at three numbers, never a scan.
// N2  `current` is set from the journaled start of an attempt to its end; its fence is the only one that counts.
// N3  a state of TERMINAL changes only when a new round opens.

import type { Json } from './json.ts';
import type { Rank } from './order.ts';
import type { StopReason, TaskError, TaskSpec } from './task.ts';
import type { Timer } from './timers.ts';

export const NODE_STATES = [
  'PENDING',
  'RUNNING',
  'RETRYING',
  'WAITING',
  'SUCCESS',
  'FAILED',
  'SKIPPED',
  'CANCELLED',
] as const;
export type NodeState = (typeof NODE_STATES)[number];

export function isTerminal(state: NodeState): boolean {
  return state === 'SUCCESS' || state === 'FAILED' || state === 'SKIPPED' || state === 'CANCELLED';
}

/** An attempt under way. Under a lease it has fence and worker; run by the controller itself it has neither. */
export interface Attempt {
  readonly fence: string | null;
  readonly worker: string | null;
  slot: string | null;
  stopping: StopReason | null;
  /** Engine ms at which it has taken too long, and at which it has been silent for too long. */
  limit?: number;
  silent?: number;
  /** Bytes of its messages that were consumed. */
  heard?: number;
  /** Ids that were made up for its nodes. */
  named?: number;
  /** What its requests were answered, in order: said again by a new controller, which cannot know what was read. */
  answers?: Answer[];
  /** What it said its output is, and how far it is. */
  reported?: { output?: Json; progress?: Json };
}

/** Of a request of a task. */
export interface Answer {
  readonly id: string | number;
  /** Why it was refused; absent: it was done. */
  readonly problem?: string;
  /** The promise that would have been broken. */
  readonly promise?: string;
  /** Of JSON-RPC: it was no sound request. */
  readonly code?: number;
  /** Of a change: ids of its nodes, those that were made up too. */
  readonly nodes?: readonly string[];
  readonly asks?: 'input';
}

/**
 * Why a node was skipped, given up or dropped. `RunFailing` ones come back when what failed is restarted; `Stopped`: a
 * continuation said so before it ran.
 */
export type EndedBecause = 'When' | 'Trigger' | 'RunFailing' | 'Stopped' | null;

/** May it say something while it runs, and so change the graph? */
export function isSpeaking(task: TaskSpec): boolean {
  return task.messages === true || task.executor.type === 'python';
}

/** The template of a node whose id was made up, and so says nothing of what it does; null of others. */
export function templateOfMadeUp({ id, createdBy, task }: Pick<Node, 'id' | 'createdBy' | 'task'>): string | null {
  const isMadeUp =
    createdBy !== null && id.startsWith(`${createdBy}/`) && /^[\d.]+$/.test(id.slice(createdBy.length + 1));
  return isMadeUp ? (task.task ?? null) : null;
}

/** What a node is when a round begins, the first or one that a restart opened; beside its state, its attempts and its rounds. */
export const FRESH = {
  losses: 0,
  input: undefined,
  isInputChecked: false,
  startedAt: null,
  finishedAt: null,
  worker: null,
  output: null,
  error: null,
  isHandled: false,
  endedBecause: null,
  endedAs: 0,
} as const satisfies Partial<Node>;

export class Node {
  readonly id: string;
  readonly task: TaskSpec;
  /** Node whose attempt or continuation added it; null for registration. */
  readonly createdBy: string | null;
  readonly predecessors = new Set<Node>();
  readonly successors = new Set<Node>();

  state: NodeState = 'PENDING';
  open = 0;
  succeeded = 0;
  failed = 0;

  /** Number of the newest attempt, counted over all rounds, so that no log is ever written twice. */
  attempts = 0;
  /** `attempts` when the current round opened. */
  attemptsBefore = 0;
  /** Retries used in this round, a counter for each rule. */
  retriesUsed: number[] = [];
  losses = 0;
  current: Attempt | null = null;
  /** What the attempts from here on are given, where that is not what the task says. */
  input: Json | undefined = undefined;
  /** The input was found to be what its schema asks for; holds for the attempt that comes next. */
  isInputChecked = false;
  /** Times the node was reset; part of the idempotency key. */
  round = 0;

  timer: Timer<Node> | null = null;
  /** The timer counts on wall time (`until`), not on engine time. */
  isTimerWall = false;

  /** Wall ms. */
  startedAt: number | null = null;
  finishedAt: number | null = null;
  worker: string | null = null;
  output: Json = null;
  error: TaskError | null = null;
  /** FAILED, but dealt with: counts as a success for those that follow. */
  isHandled = false;
  endedBecause: EndedBecause = null;
  /** Its place among all nodes that ended, from 1; 0 before. */
  endedAs = 0;
  /** Its place in the order of the graph; null before it has one. */
  rank: Rank | null = null;

  constructor(id: string, task: TaskSpec, createdBy: string | null) {
    this.id = id;
    this.task = task;
    this.createdBy = createdBy;
  }

  get isTerminal(): boolean {
    return isTerminal(this.state);
  }

  /** Nothing can come before it any more. */
  get hasStarted(): boolean {
    return this.state !== 'PENDING' || this.current !== null;
  }

  /** Run by the controller itself, without a worker. */
  get isInline(): boolean {
    const type = this.task.executor.type;
    return type === 'wait' || type === 'signal' || type === 'mock' || this.isInstant;
  }

  /** Begins and ends in one event. */
  get isInstant(): boolean {
    return this.task.executor.type === 'inline';
  }

  /** Plays a task that runs: counts for parallelism, though no worker is needed. */
  get isMock(): boolean {
    return this.task.executor.type === 'mock';
  }
}
