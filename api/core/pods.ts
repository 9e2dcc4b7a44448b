// Runs as Pods, so that `kubectl logs RUN` works: a container a task, under every namespace alike.
//
// P1  nothing is stored: a Pod is made of a run whenever it is asked for.

import type { JsonObject } from '../../kernel/json.ts';
import { isTerminal, type Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { Resource } from '../../manifests/model.ts';
import { textAt } from '../../kernel/json.ts';
import type { ApiDeps } from '../deps.ts';
import { foldedRun } from './runs.ts';

export const RUN_LABEL = 'oarlock.dev/run';
const WORKFLOW_LABEL = 'oarlock.dev/workflow';

const PHASES: ReadonlyMap<string, string> = new Map([
  ['Succeeded', 'Succeeded'],
  ['Failed', 'Failed'],
  ['Cancelled', 'Failed'],
  ['Running', 'Running'],
  ['Suspended', 'Running'],
  ['Compensating', 'Running'],
]);

/** What selectors see: without containers, which need the run's journal. */
export function podHead(run: Resource, namespace: string): JsonObject {
  const { name, uid, resourceVersion, creationTimestamp, labels } = run.metadata;
  const workflow = textAt(run.status, 'workflow');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      labels: { ...labels, [RUN_LABEL]: name, ...(workflow === '' ? {} : { [WORKFLOW_LABEL]: workflow }) },
    },
    spec: { containers: [] },
    status: { phase: PHASES.get(textAt(run.status, 'phase')) ?? 'Pending' },
  };
}

export async function wholePod(deps: ApiDeps, object: Resource, namespace: string): Promise<JsonObject> {
  const pod = podHead(object, namespace);
  const run = await foldedRun(deps.store, object);
  const main = run === null ? undefined : mainNode(run);
  const names = run === null ? ['-'] : [...run.nodes.keys()];
  const annotations = main === undefined ? {} : { 'kubectl.kubernetes.io/default-container': main.id };
  return {
    ...pod,
    metadata: { ...(pod['metadata'] as JsonObject), annotations },
    spec: { containers: names.map((name) => ({ name, image: '-' })) },
  };
}

/** The task that somebody who names none wants to read: what runs, else what failed, else what ran last. */
export function mainNode(run: Run): Node | undefined {
  let best: Node | undefined;
  for (const node of run.nodes.values()) if (best === undefined || rank(node) > rank(best)) best = node;
  return best;
}

function rank(node: Node): number {
  const started = node.startedAt ?? 0;
  if (node.state === 'FAILED') return 2e15 + started;
  return !isTerminal(node.state) && node.attempts > 0 ? 4e15 + started : started;
}
