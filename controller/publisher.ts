// Publishes what became of runs: at most once in 100 ms while a run is active, and at its end.
//
// Only what is recorded is published: whoever sees it may rely on it.

import type { JsonObject } from '../kernel/json.ts';
import { summarize } from '../kernel/status.ts';
import { timeText } from '../kernel/time.ts';
import type { ActiveRun } from './active-run.ts';
import type { ControllerDeps } from './deps.ts';
import type { Numbers } from './numbers.ts';

/** Between two publications of one run. */
export const PUBLISH_INTERVAL_MS = 100;

/** The status of a run at this moment, with the conditions that only the controller knows. */
export function statusOf(active: ActiveRun, workers: number): JsonObject {
  const summary = summarize(active.run, active.observedGeneration);
  const status = active.run.end === null ? { ...summary, workers } : summary;
  if (active.specIgnored === null || !Array.isArray(status['conditions'])) return status;
  const condition = {
    type: 'SpecIgnored',
    status: 'True',
    reason: 'RunHasStarted',
    message: active.specIgnored,
    lastTransitionTime: timeText(active.run.updatedAt),
  };
  return { ...status, conditions: [...status['conditions'], condition] };
}

/** The status of a run that cannot start (yet), or cannot go on. */
export function stuckStatus(
  phase: 'Pending' | 'Failed',
  reason: string,
  message: string,
  generation: number,
  wallMs: number,
): JsonObject {
  const time = timeText(wallMs);
  const isEnded = phase === 'Failed';
  return {
    observedGeneration: generation,
    phase,
    message,
    ...(isEnded ? { completionTime: time, error: { type: reason, message } } : {}),
    conditions: [
      { type: 'Succeeded', status: isEnded ? 'False' : 'Unknown', reason, message, lastTransitionTime: time },
      { type: 'Complete', status: isEnded ? 'True' : 'False', reason, message, lastTransitionTime: time },
    ],
    output: null,
    counts: { total: 0 },
  };
}

export interface PublisherNeeds {
  /** How many workers have attempts of the run. */
  readonly workersOf: (active: ActiveRun) => number;
  readonly numbers: Numbers;
}

export class Publisher {
  readonly #deps: ControllerDeps;
  readonly #needs: PublisherNeeds;
  readonly #onError: (active: ActiveRun, error: unknown) => void;
  readonly #waiting = new Set<ActiveRun>();
  readonly #underWay = new Map<ActiveRun, Promise<void>>();

  constructor(deps: ControllerDeps, needs: PublisherNeeds, onError: (active: ActiveRun, error: unknown) => void) {
    this.#deps = deps;
    this.#needs = needs;
    this.#onError = onError;
  }

  /** Something changed: publish when the interval allows. */
  want(active: ActiveRun): void {
    this.#waiting.add(active);
  }

  forget(active: ActiveRun): void {
    this.#waiting.delete(active);
  }

  /** Starts the publications that may start; returns ms until the next may, undefined when none waits. */
  run(time: number): number | undefined {
    let next: number | undefined;
    for (const active of this.#waiting) {
      const wait = active.publishedAt === undefined ? 0 : active.publishedAt + PUBLISH_INTERVAL_MS - time;
      if (wait <= 0 && !this.#underWay.has(active)) {
        this.#waiting.delete(active);
        active.publishedAt = time;
        this.#start(active);
      } else next = Math.min(next ?? wait, Math.max(1, wait));
    }
    return next;
  }

  #start(active: ActiveRun): void {
    const publication = this.publish(active)
      .catch((error: unknown) => this.#onError(active, error))
      .finally(() => this.#underWay.delete(active));
    this.#underWay.set(active, publication);
  }

  /** Publishes what is recorded of the run at this moment. */
  async publish(active: ActiveRun): Promise<void> {
    const status = statusOf(active, this.#needs.workersOf(active));
    const { clock } = this.#deps;
    const begun = clock.now().time;
    await active.recorded();
    this.#needs.numbers.recorded(clock.now().time - begun);
    await this.#deps.store.runs.publish(active.ref, status);
  }

  /** The last publication that was started for this run is through. */
  async settled(active: ActiveRun): Promise<void> {
    await this.#underWay.get(active);
  }
}
