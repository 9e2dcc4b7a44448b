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

  #push(event: number, { at, ...folded }: RunEvent, { node, from, to }: Move): void {
    const { error } = node;
    const isFailure = (to === 'FAILED' || to === 'RETRYING') && error !== null;
    const reason = folded.type === 'Skipped' ? folded.reason : '';
    const note = isFailure ? `${error.type}: ${error.message}` : reason;
    this.#taken.push({ event, node: node.id, from, to: to ?? 'WITHDRAWN', attempt: node.attempts, at, note });
  }
}
