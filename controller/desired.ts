// Desired objects as a stream of changes: hand edits are found and recorded, then everything comes out of one watch.
//
// The controller takes what has come at the start of each pass. When the watch falls too far behind (Expired) the whole list is
// read again: level, not edge.

import { StoreError } from '../kernel/errors.ts';
import type { Kind, Resource } from '../manifests/model.ts';
import type { Log } from '../runtime/log.ts';
import type { Resources } from '../store/store.ts';

export interface DesiredChange {
  readonly kind: Kind;
  readonly object: Resource;
  readonly isGone: boolean;
}

const KINDS: readonly Kind[] = ['Workflow', 'Task', 'WorkflowRun', 'Signal'];

export class DesiredObjects {
  readonly #resources: Resources;
  readonly #log: Log;
  readonly #wake: () => void;
  #changes: DesiredChange[] = [];
  readonly #hinted = new Set<Kind>();
  #unsubscribe: () => void = () => undefined;
  /** Resolves once the first list is in. */
  #watching: Promise<void> = Promise.resolve();

  constructor(resources: Resources, log: Log, wake: () => void) {
    this.#resources = resources;
    this.#log = log;
    this.#wake = wake;
  }

  /** Lists runs and signals, and follows every change from there until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    this.#unsubscribe = this.#resources.onHint((kind) => {
      this.#hinted.add(kind);
      this.#wake();
    });
    await this.#resources.scan();
    const revision = await this.#list();
    this.#watching = this.#follow(revision, signal);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await this.#watching;
  }

  async #list(): Promise<number> {
    const revision = await this.#resources.revision();
    for (const kind of ['WorkflowRun', 'Signal'] as const) {
      for (const object of (await this.#resources.list(kind)).items)
        this.#changes.push({ kind, object, isGone: false });
    }
    return revision;
  }

  async #follow(from: number, signal: AbortSignal): Promise<void> {
    let revision = from;
    while (!signal.aborted) {
      try {
        for await (const change of this.#resources.watch(revision, signal)) {
          revision = change.revision;
          if (change.verb === 'Status') continue;
          this.#changes.push({ kind: change.kind, object: change.object, isGone: change.verb === 'Deleted' });
          this.#wake();
        }
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'Expired') throw error;
        this.#log.warn('the watch fell behind; all objects are listed again');
        revision = await this.#list();
        this.#wake();
      }
    }
  }

  /** Finds what was edited by hand: kinds that were hinted at, or all. */
  async scan(all: boolean): Promise<void> {
    if (!all && this.#hinted.size === 0) return;
    const kinds = all ? KINDS : [...this.#hinted];
    this.#hinted.clear();
    await this.#resources.scan({ kinds });
  }

  take(): DesiredChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }
}
