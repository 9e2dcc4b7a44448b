// A store on the other side of an API, for verbs that are given --server: the same contract, so the verbs do not know.
//
// S1  nobody serves through it: seats and offers are for processes on the state directory.

import { isObject, type JsonObject, textAt } from '../../kernel/json.ts';
import { API_GROUP } from '../../manifests/model.ts';
import type { LeaseView, Store, WorkerView } from '../../store/store.ts';
import { createProcessClock } from '../process-clock.ts';
import { Client, type Server } from './http.ts';
import { RemoteResources } from './resources.ts';
import { notHere, RemoteRuns } from './runs.ts';

export function openRemoteStore(server: Server): Store {
  const client = new Client(server);
  const resources = new RemoteResources(client);
  const refuse = (): Promise<never> => Promise.reject(notHere());
  const nothing = (): (() => void) => () => undefined;
  return {
    resources,
    runs: new RemoteRuns(client, resources),
    clock: createProcessClock(),
    leasesAt: () => {
      throw notHere();
    },
    close: () => Promise.resolve(),
    leases: {
      inboxes: async () => [...new Set((await leases(client)).map((lease) => textAt(lease['spec'], 'worker')))],
      inbox: async (worker) =>
        (await leases(client)).filter((lease) => textAt(lease['spec'], 'worker') === worker).map(toLeaseView),
      onHint: nothing,
      offer: refuse,
      withdraw: refuse,
      stop: refuse,
      settle: refuse,
      restoreClaim: refuse,
      end: refuse,
      endLeftBehind: () => false,
      clear: refuse,
      readMessages: refuse,
      answer: refuse,
      offers: refuse,
      standing: refuse,
      claim: refuse,
      slotLiveness: () => 'unknown',
      places: () => {
        throw notHere();
      },
    },
    seats: {
      takeController: () => Promise.resolve(null),
      controllerGone: (signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
      isControllerAlive: async () => textAt(await client.json('GET', '/readyz/controller'), 'controller') === 'alive',
      tellNumbers: refuse,
      numbers: async () => null,
      workers: async () => (await views(client, 'workers')).map(toWorkerView),
      takeWorker: refuse,
      setDraining: refuse,
      onHint: nothing,
    },
  };
}

async function views(client: Client, plural: string): Promise<JsonObject[]> {
  const { items } = await client.json('GET', `/apis/${API_GROUP}/v1/${plural}`);
  return Array.isArray(items) ? items.filter(isObject) : [];
}

function leases(client: Client): Promise<JsonObject[]> {
  return views(client, 'taskleases');
}

function toLeaseView({ metadata, status }: JsonObject): LeaseView {
  const state = textAt(status, 'state');
  const ended = { outcome: { result: 'Success' } as const };
  return {
    fence: textAt(metadata, 'name'),
    offered: state === 'offered',
    claim: textAt(status, 'slot') || null,
    stop: state === 'stopping' ? 'Stopped' : null,
    outcome: state === 'ended' ? ended : null,
  };
}

function toWorkerView({ metadata, spec, status }: JsonObject): WorkerView {
  const state = textAt(status, 'state');
  return {
    name: textAt(metadata, 'name'),
    slots: isObject(spec) ? Number(spec['slots'] ?? 0) : 0,
    alive: state !== 'dead',
    draining: state === 'draining',
    pid: isObject(status) ? Number(status['pid'] ?? 0) : 0,
  };
}
