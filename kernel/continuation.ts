// How a graph goes on by itself: what a state machine makes of a node that ended.
//
// The shell asks before it journals the end of an attempt; the answer stands in the same line, so that a replay never asks again. The
// kernel knows nothing of what a continuation thinks.

import type { RunEvent } from './events.ts';
import type { Run } from './run.ts';
import type { Registration } from './task.ts';

export type EndEvent = Extract<RunEvent, { type: 'Ended' | 'InlineEnded' }>;

export interface Continuation {
  /** The registration with what its first nodes need to know; before it is journaled. */
  begin(registration: Registration, at: number): Promise<Registration>;
  /** The event with its effect, and with the outcome that counts. The run is not changed; events are completed one by one, in order. */
  complete(run: Run, event: EndEvent): Promise<EndEvent>;
}
