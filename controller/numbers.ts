// What the controller counts about itself, for whoever watches the engine: how long tasks wait and take, how long it takes until what was
// journaled is recorded, how late its own timers come, and how many nodes are ready.
//
// N1  counting is O(1) an event (O(predecessors) for the first attempt of a node), and nothing is read for it.
// N2  it tells them at most once a second, and only when there is something new: an idle controller says nothing.

import type { RunEvent } from '../kernel/events.ts';
import type { JsonObject } from '../kernel/json.ts';
import type { Node } from '../kernel/node.ts';
import type { Run } from '../kernel/run.ts';

const TELL_INTERVAL_MS = 1000;
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 7200];

class Histogram {
  readonly #counts = SECONDS.map(() => 0);
  #count = 0;
  #sum = 0;

  observe(seconds: number): void {
    this.#count += 1;
    this.#sum += seconds;
    const bucket = SECONDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  toJson(): JsonObject {
    return { bounds: SECONDS, counts: this.#counts, count: this.#count, sum: this.#sum };
  }
}

export class Numbers {
  readonly #waits = new Histogram();
  readonly #attempts = new Histogram();
  readonly #syncs = new Histogram();
  readonly #lateness = new Histogram();
  /** Wall ms at which claimed attempts began, by fence. */
  readonly #begun = new Map<string, number>();
  #events = 0;
  #isNew = true;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Events that were journaled, and the run as it is after them. */
  journaled(events: readonly RunEvent[], run: Run): void {
    this.#events += events.length;
    this.#isNew = true;
    for (const event of events) {
      if (event.type === 'Claimed') this.#begun.set(event.fence, event.since);
      else if (event.type === 'Ended') {
        const begun = event.since ?? this.#begun.get(event.fence);
        this.#begun.delete(event.fence);
        if (begun === undefined) continue;
        this.#attempts.observe(Math.max(0, (event.until ?? event.at) - begun) / 1000);
        const node = run.nodes.get(event.node);
        if (node !== undefined && node.attempts === 1)
          this.#waits.observe(Math.max(0, begun - readyAt(run, node)) / 1000);
      }
    }
  }

  /** From an append until it was recorded. */
  recorded(ms: number): void {
    this.#syncs.observe(ms / 1000);
    this.#isNew = true;
  }

  /** A timer came so long after it was due. */
  late(ms: number): void {
    this.#lateness.observe(Math.max(0, ms) / 1000);
  }

  /** What to tell now; null: nothing new, or too soon. `ready`: nodes that wait for room. */
  toTell(time: number, ready: () => number): JsonObject | null {
    if (!this.#isNew || time - this.#toldAt < TELL_INTERVAL_MS) return null;
    this.#isNew = false;
    this.#toldAt = time;
    return {
      events: this.#events,
      ready: ready(),
      waits: this.#waits.toJson(),
      attempts: this.#attempts.toJson(),
      syncs: this.#syncs.toJson(),
      lateness: this.#lateness.toJson(),
    };
  }
}

/** The end of the last predecessor that it waited for. */
function readyAt(run: Run, node: Node): number {
  let at = run.startedAt;
  for (const { finishedAt } of node.predecessors) at = Math.max(at, finishedAt ?? 0);
  return at;
}
