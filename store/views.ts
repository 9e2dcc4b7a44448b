// Workers and TaskLeases as objects: read-only views of what is going on, made from seats, inboxes and active runs.

import { type JsonObject, textAt } from '../kernel/json.ts';
import { API_VERSION, type Resource } from '../manifests/model.ts';
import { loadRun } from './load-run.ts';
import type { LeaseView, Store } from './store.ts';

export async function listWorkers(store: Store): Promise<JsonObject[]> {
  const workers = await store.seats.workers();
  const objects = await Promise.all(
    workers.map(async ({ name, slots, alive, draining, pid }) => {
      const inbox = await store.leases.inbox(name);
      const busy = inbox.filter(({ claim, outcome }) => claim !== null && outcome === null).length;
      const state = alive ? (draining ? 'draining' : 'ready') : 'dead';
      return view('Worker', name, { slots }, { state, busy, pid });
    }),
  );
  return objects.sort(byName);
}

export async function listLeases(store: Store): Promise<JsonObject[]> {
  const owners = await ownersOfFences(store);
  const objects: JsonObject[] = [];
  for (const worker of await store.leases.inboxes()) {
    for (const lease of await store.leases.inbox(worker)) {
      const owner = owners.get(lease.fence) ?? {};
      objects.push(view('TaskLease', lease.fence, { worker, ...owner }, { state: stateOf(lease), slot: lease.claim }));
    }
  }
  return objects.sort(byName);
}

/** Which run, node and attempt a fence belongs to; what no active run knows is left over and has none. */
async function ownersOfFences(store: Store): Promise<Map<string, JsonObject>> {
  const owners = new Map<string, JsonObject>();
  const { items } = await store.resources.list('WorkflowRun');
  for (const object of items) {
    if (hasEnded(object)) continue;
    const { name, uid } = object.metadata;
    const run = (await loadRun(store.runs, { name, uid }))?.run;
    for (const [fence, node] of run?.leases ?? []) {
      owners.set(fence, { run: object.metadata.name, node: node.id, attempt: node.attempts });
    }
  }
  return owners;
}

function stateOf({ offered, claim, stop, outcome }: LeaseView): string {
  if (outcome !== null) return 'ended';
  if (stop !== null) return 'stopping';
  if (claim !== null) return 'running';
  return offered ? 'offered' : 'withdrawn';
}

function view(kind: 'Worker' | 'TaskLease', name: string, spec: JsonObject, status: JsonObject): JsonObject {
  return { apiVersion: API_VERSION, kind, metadata: { name }, spec, status };
}

function byName(left: JsonObject, right: JsonObject): number {
  return JSON.stringify(left['metadata']) < JSON.stringify(right['metadata']) ? -1 : 1;
}

const ENDED = new Set(['Succeeded', 'Failed', 'Cancelled']);

function hasEnded(run: Resource): boolean {
  return ENDED.has(textAt(run.status, 'phase'));
}
