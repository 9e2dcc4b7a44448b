// The JavaScript client of Kubernetes against a real engine: informer, watch, patches, logs, events.

import {
  CoreV1Api,
  CustomObjectsApi,
  type Informer,
  KubeConfig,
  type KubernetesObject,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JsonObject } from '../../kernel/json.ts';
import { at } from '../support/api.ts';
import { Place, until } from '../support/oarlock.ts';

const OURS = { group: 'oarlock.dev', version: 'v1', plural: 'workflows' };
const RUNS = { ...OURS, plural: 'workflowruns' };
const place = new Place();
const config = new KubeConfig();

beforeAll(async () => {
  const engine = place.start('up', '--workers', '1', '--port', '0');
  await until(
    () => existsSync(join(place.directory, 'state', 'endpoint.json')),
    () => `state/endpoint.json; the engine said ${engine.stderr}`,
  );
  const { stdout } = await place.oarlock('kubeconfig', '--embed-token');
  config.loadFromString(stdout);
});
afterAll(() => place.close());

function workflow(name: string, command = 'echo hello'): JsonObject {
  return {
    apiVersion: 'oarlock.dev/v1',
    kind: 'Workflow',
    metadata: { name },
    spec: { tasks: [{ id: 'A', command }] },
  };
}

test('create, list, get, replace, patch in three ways, delete', async () => {
  const api = config.makeApiClient(CustomObjectsApi);
  await api.createClusterCustomObject({ ...OURS, body: workflow('n1') });
  const list = (await api.listClusterCustomObject(OURS)) as JsonObject;
  expect(at(list, 'items', 0, 'metadata', 'name')).toBe('n1');
  const live = (await api.getClusterCustomObject({ ...OURS, name: 'n1' })) as JsonObject;
  const spec = { ...(live['spec'] as JsonObject), parallelism: 2 };
  await api.replaceClusterCustomObject({ ...OURS, name: 'n1', body: { ...live, spec } });
  const body = [{ op: 'replace', path: '/spec/parallelism', value: 3 }];
  await api.patchClusterCustomObject({ ...OURS, name: 'n1', body });
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  await api.patchClusterCustomObject({ ...OURS, name: 'n1', body: { metadata: { labels: { a: 'b' } } } }, merge);
  const apply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);
  const applied = { apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 'n1', annotations: { x: 'y' } } };
  await api.patchClusterCustomObject({ ...OURS, name: 'n1', body: applied, fieldManager: 'tool', force: true }, apply);
  const after = (await api.getClusterCustomObject({ ...OURS, name: 'n1' })) as JsonObject;
  expect(after).toMatchObject({ spec: { parallelism: 3 }, metadata: { labels: { a: 'b' }, annotations: { x: 'y' } } });
  await api.deleteClusterCustomObject({ ...OURS, name: 'n1' });
  await expect(api.getClusterCustomObject({ ...OURS, name: 'n1' })).rejects.toMatchObject({ code: 404 });
});

test('an informer sees what is there and what changes, without gaps', async () => {
  const api = config.makeApiClient(CustomObjectsApi);
  await api.createClusterCustomObject({ ...OURS, body: workflow('i1') });
  const told: string[] = [];
  const list = async () => (await api.listClusterCustomObject(OURS)) as never;
  const informer: Informer<KubernetesObject> = makeInformer(config, '/apis/oarlock.dev/v1/workflows', list);
  for (const event of ['add', 'update', 'delete'] as const) {
    informer.on(event, (object: KubernetesObject) => void told.push(`${event} ${object.metadata?.name ?? ''}`));
  }
  await informer.start();
  await api.createClusterCustomObject({ ...OURS, body: workflow('i2') });
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  await api.patchClusterCustomObject({ ...OURS, name: 'i2', body: { metadata: { labels: { a: 'b' } } } }, merge);
  await api.deleteClusterCustomObject({ ...OURS, name: 'i2' });
  await until(
    () => told.includes('delete i2'),
    () => `delete i2 in ${told.join(', ')}`,
  );
  await informer.stop();
  expect(told).toEqual(['add i1', 'add i2', 'update i2', 'delete i2']);
});

test('a run: watch to its end, then its log and its events', async () => {
  const api = config.makeApiClient(CustomObjectsApi);
  await api.createClusterCustomObject({ ...OURS, body: workflow('w1') });
  const phases: string[] = [];
  const watching = await new Watch(config).watch(
    '/apis/oarlock.dev/v1/workflowruns',
    { fieldSelector: 'metadata.name=r1' },
    (_type, object: JsonObject) => void phases.push(JSON.stringify(at(object, 'status', 'phase') ?? '')),
    () => undefined,
  );
  const body = {
    apiVersion: 'oarlock.dev/v1',
    kind: 'WorkflowRun',
    metadata: { name: 'r1' },
    spec: { workflowRef: { name: 'w1' } },
  };
  await api.createClusterCustomObject({ ...RUNS, body });
  await until(
    () => phases.includes('"Succeeded"'),
    () => `Succeeded in ${phases.join(', ')}`,
  );
  watching.abort();
  const core = config.makeApiClient(CoreV1Api);
  expect(await core.readNamespacedPodLog({ name: 'r1', namespace: 'default', container: 'A' })).toBe('hello\n');
  const events = await core.listNamespacedEvent({ namespace: 'default', fieldSelector: 'involvedObject.name=r1' });
  expect(events.items.map(({ reason }) => reason)).toContain('Succeeded');
});
