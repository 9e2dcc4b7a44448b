// What the journal of a run holds: one event a line, in order. State is the fold of these (run.ts).
//
// Every event carries `at` (wall time, Unix ms: for people only) and `time` (engine time, ms: what
// timeouts and back-off are counted on; see ports.ts). Node ids stand as they are.

import type { Json } from './json.ts';
import type { GraphChange, Outcome, Registration, StopReason, TaskError } from './task.ts';

export interface Stamp {
  readonly at: number;
  readonly time: number;
}

export type RunPhaseEnd = 'Succeeded' | 'Failed' | 'Cancelled';

/** What a continuation made of an outcome; journaled in the same line and never computed again. */
export interface Effect {
  readonly change?: GraphChange;
  /** The change was not made, because it would have broken this promise: the run ends Failed. */
  readonly broken?: { readonly promise: string; readonly reason: string };
  /** The failure is dealt with: it counts as a success for triggers and failure policy. */
  readonly handled?: boolean;
  /** Nodes to stop, such as the siblings of a failed branch. */
  readonly stop?: readonly string[];
  readonly output?: Json;
  /** What the attempt that comes next is given, where that is something else. */
  readonly input?: Json;
  /** The run ends with this node, and its output is the run's. */
  readonly isResult?: true;
}

/** How a run will end once what it did is undone. */
export interface PlannedEnd {
  readonly phase: RunPhaseEnd;
  readonly reason: string;
  readonly message: string;
  readonly error?: TaskError;
}

/** Which message of a task an event answers to. */
export interface MessageStamp {
  readonly fence: string;
  /** Bytes of the attempt's messages up to and with this one: where the next reader begins. */
  readonly offset: number;
  /** The request's own id; absent: a notification, which is not answered. */
  readonly id?: string | number;
  /** Ids that were made up for the attempt up to and with this message: where the next one goes on. */
  readonly named?: number;
}

export type RunEvent = Stamp &
  (
    | { readonly type: 'Registered'; readonly registration: Registration }
    /** An attempt exists from here on (the node has started); its offer stands under `fence`. */
    | {
        readonly type: 'Offered';
        readonly node: string;
        readonly attempt: number;
        readonly fence: string;
        readonly worker: string;
      }
    /** The offer was taken back before anyone claimed it; the same attempt is offered anew. */
    | { readonly type: 'Withdrawn'; readonly node: string; readonly fence: string }
    /** Seen claimed; left out when claim and outcome are seen at once. `since`: wall ms. */
    | {
        readonly type: 'Claimed';
        readonly node: string;
        readonly fence: string;
        readonly slot: string;
        readonly since: number;
      }
    /** The decision to end an attempt; processes are signalled after it is synced. */
    | { readonly type: 'Stopping'; readonly node: string; readonly fence: string; readonly reason: StopReason }
    /**
     * An attempt under a lease ended. `slot` and `since` stand when no Claimed event came before;
     * `until` is the wall time at which it ended, as the slot saw it.
     */
    | {
        readonly type: 'Ended';
        readonly node: string;
        readonly fence: string;
        readonly outcome: Outcome;
        readonly slot?: string;
        readonly since?: number;
        readonly until?: number;
        readonly effect?: Effect;
      }
    /** An attempt that the controller runs itself began: `due` is engine time, `dueWall` wall time. */
    | {
        readonly type: 'InlineStarted';
        readonly node: string;
        readonly attempt: number;
        readonly due?: number;
        readonly dueWall?: number;
      }
    /** It ended; an `inline` one began with it. `signal`: uid of the Signal that it consumed. */
    | {
        readonly type: 'InlineEnded';
        readonly node: string;
        readonly outcome: Outcome;
        readonly signal?: string;
        readonly effect?: Effect;
      }
    /** Their inputs are what their schemas ask for. One that is not ends its node: InlineEnded, before an attempt begins. */
    | { readonly type: 'InputChecked'; readonly nodes: readonly string[] }
    /** The back-off of these nodes is over. */
    /** A Signal said that whoever is to answer is still at work. */
    | { readonly type: 'Beat'; readonly node: string; readonly signal: string }
    | { readonly type: 'RetryDue'; readonly nodes: readonly string[] }
    | { readonly type: 'Skipped'; readonly nodes: readonly string[]; readonly reason: string }
    /** Nodes that had not run, or were waiting, and never will, because the run was cancelled. */
    | { readonly type: 'NodesCancelled'; readonly nodes: readonly string[] }
    /** Nodes between two attempts whose retries were given up; they keep their last error. */
    | { readonly type: 'RetriesGivenUp'; readonly nodes: readonly string[] }
    | { readonly type: 'Suspended' }
    | { readonly type: 'Resumed' }
    | { readonly type: 'CancelRequested' }
    | { readonly type: 'RestartRequested'; readonly node: string; readonly nonce: string }
    | { readonly type: 'RestartRefused'; readonly node: string; readonly nonce: string; readonly message: string }
    /** A new round: `reset` start anew, `withdrawn` (made by members of the set) are gone with their edges. */
    | {
        readonly type: 'RoundOpened';
        readonly nonce: string;
        readonly node: string;
        readonly reset: readonly string[];
        readonly withdrawn: readonly string[];
      }
    /**
     * The run is over but for undoing: `nodes` succeeded and are compensated in this order, one after the other; then the run ends as
     * `end` says.
     */
    | { readonly type: 'Compensating'; readonly nodes: readonly string[]; readonly end: PlannedEnd }
    | {
        readonly type: 'GraphChanged';
        readonly by: string;
        readonly change: GraphChange;
        readonly message?: MessageStamp;
      }
    /** What a task asked for was not done. `code`: of JSON-RPC, when it was no sound request for a change. */
    | {
        readonly type: 'ChangeRefused';
        readonly by: string;
        readonly reason: string;
        readonly message: MessageStamp;
        readonly code?: number;
      }
    /** A task said something that changes no graph; `output` is its output unless it leaves another. `asks`: it wants to be told. */
    | {
        readonly type: 'Reported';
        readonly node: string;
        readonly message: MessageStamp;
        readonly output?: Json;
        readonly progress?: Json;
        readonly asks?: 'input';
      }
    /**
     * A change that would have broken a promise was not made, or a bound cannot be reached any more: the run ends Failed. `promise`: as
     * it was written. `by`: node whose change it was; null: nobody's, a bound that is out of reach.
     */
    | {
        readonly type: 'PromiseBroken';
        readonly promise: string;
        readonly by: string | null;
        readonly reason: string;
        readonly message?: MessageStamp;
      }
    | {
        readonly type: 'RunEnded';
        readonly phase: RunPhaseEnd;
        readonly reason: string;
        readonly message: string;
        readonly error?: TaskError;
        readonly output?: Json;
      }
  );

export type RunEventType = RunEvent['type'];
