// What events did to the states of tasks, for journals that keep that beside the events.
//
// Owns: the nodes that a run begins with; what a step is noted with. The steps themselves are told by the fold (Run.moves).

import type { RunEvent } from '../kernel/events.ts';
import type { Move, Run } from '../kernel/run.ts';
import type { TaskTransition } from '../store/store.ts';

export class Transitions {
  readonly #run: Run;
  #taken: TaskTransition[] = [];

  constructor(run: Run) {
    this.#run = run;
    run.moves = [];
  }

  /** The event of that number since the last `take` was folded. */
  folded(event: number, folded: RunEvent): void {
    const { moves, nodes } = this.#run;
    const first = folded.type === 'Registered' ? nodes.values() : [];
    for (const node of first) this.#push(event, folded, { node, from: null, to: 'PENDING' });
    for (const move of moves?.splice(0) ?? []) this.#push(event, folded, move);
  }

  take(): readonly TaskTransition[] {
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  #push(event: number, folded: RunEvent, { node, from, to }: Move): void {
    const { error, worker } = node;
    const isFailure = (to === 'FAILED' || to === 'RETRYING') && error !== null;
    const reason = folded.type === 'Skipped' ? folded.reason : '';
    const began = to === 'RUNNING' && worker !== null ? `worker ${worker}` : reason;
    const note = isFailure ? `${error.type}: ${error.message}` : began;
    const at = timeOf(folded, node.id, to === 'RUNNING');
    this.#taken.push({ event, node: node.id, from, to: to ?? 'WITHDRAWN', attempt: node.attempts, at, note });
  }
}

/** When it happened, as its slot saw it; else when the controller did. */
function timeOf(event: RunEvent, node: string, isStart: boolean): number {
  if ((event.type !== 'Claimed' && event.type !== 'Ended') || event.node !== node) return event.at;
  if (isStart) return event.since ?? event.at;
  return event.type === 'Ended' ? (event.until ?? event.at) : event.at;
}
