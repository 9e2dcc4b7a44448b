// A controller on the memory store, and a worker that does what a test tells it: no processes, no files.

import type { Json, JsonObject } from '../../kernel/json.ts';
import type { Processes } from '../../kernel/ports.ts';
import type { Outcome } from '../../kernel/task.ts';
import { runController } from '../../controller/controller.ts';
import { API_VERSION } from '../../manifests/model.ts';
import { createClock } from '../../runtime/clock.ts';
import { createLog } from '../../runtime/log.ts';
import { createProcesses } from '../../runtime/processes.ts';
import { createRandom } from '../../runtime/random.ts';
import { formatSlot } from '../../runtime/slot-token.ts';
import { loadRun } from '../../store/load-run.ts';
import { MemoryPlace, openMemoryStore } from '../../store/memory/store.ts';
import type { Offer, Store } from '../../store/store.ts';
import { nodeStatuses } from '../../kernel/status.ts';

const DEADLINE_MS = 5000;

/** What a task comes to; undefined leaves it running. */
export type Play = (offer: Offer) => Outcome | undefined;

export class MemoryEngine {
  readonly place = new MemoryPlace();
  readonly processes: Processes = createProcesses();
  readonly clock = createClock(0);
  readonly store: Store = this.#open();
  /** Everything that was claimed, in order, as `NODE.ATTEMPT`. */
  readonly claimed: string[] = [];
  readonly logged: string[] = [];
  #stop = new AbortController();
  #controller: Promise<void> = Promise.resolve();

  #open(): Store {
    return openMemoryStore({ place: this.place, clock: this.clock, random: createRandom(), processes: this.processes });
  }

  /** A new controller on the same place, as after a restart. */
  async startController(): Promise<void> {
    this.#stop = new AbortController();
    const store = this.#open();
    const seat = await store.seats.takeController();
    if (seat === null) throw new Error('expected a free seat');
    const log = createLog({ write: (line) => void this.logged.push(line) });
    const { clock, processes } = this;
    const deps = { store, seat, clock, random: createRandom(), processes, log, workingDir: '/', graceMs: 50 };
    const serve = async (): Promise<void> => {
      try {
        await runController(deps, this.#stop.signal);
      } finally {
        await seat.release();
      }
    };
    this.#controller = serve();
  }

  async stopController(): Promise<void> {
    this.#stop.abort();
    await this.#controller;
  }

  /** A worker that claims whatever it is offered; its slot is this process, so it lives. */
  async startWorker(name: string, slots: number, play: Play): Promise<() => Promise<void>> {
    const { leases, seats } = this.#open();
    const seat = await seats.takeWorker(name, slots);
    if (seat === null) throw new Error('expected a free seat');
    const slot = formatSlot('s', this.processes.self());
    const look = async (): Promise<void> => {
      for (const offer of await leases.offers(name)) {
        if (!(await leases.claim(name, offer.fence, slot))) continue;
        this.claimed.push(`${offer.node}.${offer.attempt}`);
        const outcome = play(offer);
        if (outcome !== undefined) await leases.settle(name, offer.fence, { outcome });
      }
    };
    const end = leases.onHint(name, () => void look());
    await look();
    return async () => {
      end();
      await seat.release();
    };
  }

  async run(name: string, workflow: JsonObject, spec: JsonObject = {}): Promise<void> {
    const manifest = {
      apiVersion: API_VERSION,
      kind: 'WorkflowRun',
      metadata: { name },
      spec: { workflow, ...spec },
    } as const;
    await this.store.resources.create(manifest);
  }

  async edit(name: string, spec: JsonObject): Promise<void> {
    const object = await this.store.resources.get('WorkflowRun', name);
    if (object === null) throw new Error(`run "${name}": expected it`);
    const { labels, annotations } = object.metadata;
    const metadata = {
      name,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    await this.store.resources.update({ ...object, metadata, spec: { ...object.spec, ...spec } });
  }

  async status(name: string): Promise<JsonObject> {
    return (await this.store.resources.get('WorkflowRun', name))?.status ?? {};
  }

  async states(name: string): Promise<{ [node: string]: Json }> {
    const object = await this.store.resources.get('WorkflowRun', name);
    const folded = await loadRun(this.store.runs, { name, uid: object?.metadata.uid ?? '' });
    const nodes = folded?.run === null || folded === null ? {} : nodeStatuses(folded.run);
    return Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, (node as JsonObject)['state'] ?? null]));
  }

  async until(what: string, holds: () => Promise<boolean> | boolean, deadlineMs = DEADLINE_MS): Promise<void> {
    const deadline = this.clock.now().time + deadlineMs;
    while (!(await holds())) {
      if (this.clock.now().time > deadline) throw new Error(`expected: ${what}\n${this.logged.join('')}`);
      await new Promise<void>((resolve) => void this.clock.after(5, resolve));
    }
  }

  phaseIs(name: string, phase: string, deadlineMs = DEADLINE_MS): Promise<void> {
    const what = `run "${name}" is ${phase}`;
    return this.until(what, async () => (await this.status(name))['phase'] === phase, deadlineMs);
  }
}
