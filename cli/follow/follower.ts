// One run as its events tell it, folded for a view. Where the events come from (the controller in this process, or the
// journal) makes no difference to what is shown.
//
// F1  events are folded once and in order: `accept` takes the number of the last one and leaves out what it has seen.

import { newRun } from '../../kernel/apply.ts';
import type { RunEvent } from '../../kernel/events.ts';
import { step, type Transition } from '../../kernel/history.ts';
import type { Run } from '../../kernel/run.ts';
import type { RunView } from './view.ts';

export class Follower {
  readonly #view: RunView;
  #run: Run | null = null;
  #seen = 0;

  constructor(view: RunView) {
    this.#view = view;
  }

  /** Null before the run was registered. */
  get run(): Run | null {
    return this.#run;
  }

  /** Number of the last event that was folded. */
  get seen(): number {
    return this.#seen;
  }

  /** `lastSeq`: number of the last of these events. */
  accept(events: readonly RunEvent[], lastSeq = this.#seen + events.length): void {
    const fresh = events.slice(Math.max(0, events.length - (lastSeq - this.#seen)));
    if (fresh.length === 0) return;
    const changes: Transition[] = [];
    for (const event of fresh) changes.push(...this.#fold(event));
    this.#seen = lastSeq;
    if (this.#run !== null) this.#view.show(this.#run, changes);
  }

  #fold(event: RunEvent): Transition[] {
    if (this.#run !== null) return step(this.#run, event);
    if (event.type !== 'Registered') return [];
    this.#run = newRun(event);
    const { name, workflow } = event.registration;
    const of = workflow === null ? '' : ` of workflow ${workflow}`;
    const note = `${name}${of}, ${this.#run.nodes.size} task${this.#run.nodes.size === 1 ? '' : 's'}`;
    return [{ at: event.at, node: null, from: '', to: 'Running', note }];
  }
}
