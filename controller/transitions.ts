// What events did to the states of tasks, for journals that keep that beside the events.
//
// Owns: nodes that come to be; what a step is noted with. The steps themselves are told by the fold (Run.moves).

import type { RunEvent } from '../kernel/events.ts';
import type { Node } from '../kernel/node.ts';
import type { Run } from '../kernel/run.ts';
import type { TaskTransition } from '../store/store.ts';

export class Transitions {
  readonly #run: Run;
  readonly #known: Set<string>;
  #taken: TaskTransition[] = [];

  /** `isNew`: its first event is still to be told. */
  constructor(run: Run, isNew: boolean) {
    this.#run = run;
    this.#known = new Set(isNew ? [] : run.nodes.keys());
    run.moves = [];
  }

  /** The event of that number since the last `take` was folded. */
  folded(event: number, folded: RunEvent): void {
    const moves = this.#run.moves?.splice(0) ?? [];
    for (const { id } of addedBy(folded)) {
      const node = this.#run.nodes.get(id);
      if (node === undefined || this.#known.has(id)) continue;
      this.#known.add(id);
      this.#push(event, folded, node, null, 'PENDING');
    }
    for (const { node, from, to } of moves) this.#push(event, folded, node, from, to);
  }

  take(): readonly TaskTransition[] {
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  #push(
    event: number,
    { at, ...folded }: RunEvent,
    node: Node,
    from: TaskTransition['from'],
    to: TaskTransition['to'],
  ): void {
    const { error } = node;
    const isFailure = (to === 'FAILED' || to === 'RETRYING') && error !== null;
    const reason = folded.type === 'Skipped' ? folded.reason : '';
    const note = isFailure ? `${error.type}: ${error.message}` : reason;
    this.#taken.push({ event, node: node.id, from, to, attempt: node.attempts, at, note });
  }
}

function addedBy(event: RunEvent): readonly { readonly id: string }[] {
  if (event.type === 'Registered') return event.registration.change.nodes ?? [];
  if (event.type === 'GraphChanged') return event.change.nodes ?? [];
  return event.type === 'Ended' || event.type === 'InlineEnded' ? (event.effect?.change?.nodes ?? []) : [];
}
