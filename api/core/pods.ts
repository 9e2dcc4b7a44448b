// Runs as Pods, so that `kubectl logs RUN` works: a container a task, under every namespace alike.
//
// P1  nothing is stored: a Pod is made of a run whenever it is asked for, and changes when the run does.

import { isTerminal, type Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { Resource } from '../../manifests/model.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import type { ApiDeps } from '../deps.ts';
import { progressOf } from '../resources/table.ts';
import type { WatchView } from '../resources/watch.ts';
import { endedAt, foldedRun } from './runs.ts';

export const RUN_LABEL = 'oarlock.dev/run';
const WORKFLOW_LABEL = 'oarlock.dev/workflow';
const PROGRESS = 'oarlock.dev/progress';
const MAIN = 'kubectl.kubernetes.io/default-container';

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
      annotations: { [PROGRESS]: progressOf(run as unknown as JsonObject) },
    },
    spec: { containers: [] },
    status: podStatus(run),
  };
}

/** Ready while it goes on, as other tools expect it of a Pod. */
function podStatus(run: Resource): JsonObject {
  const phase = PHASES.get(textAt(run.status, 'phase')) ?? 'Pending';
  const startTime = textAt(run.status, 'startTime');
  const isReady = phase === 'Running';
  const since = textAt(run.status, 'completionTime') || startTime || run.metadata.creationTimestamp;
  const reason = isReady ? {} : { reason: phase === 'Pending' ? 'NotStarted' : 'PodCompleted' };
  return {
    phase,
    conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', ...reason, lastTransitionTime: since }],
    ...(startTime === '' ? {} : { startTime }),
  };
}

export async function wholePod(deps: ApiDeps, object: Resource, namespace: string): Promise<JsonObject> {
  return withContainers(podHead(object, namespace), containersOf(await foldedRun(deps.store, object)));
}

interface Containers {
  readonly names: readonly string[];
  readonly main: string | undefined;
}

function containersOf(run: Run | null): Containers {
  return run === null ? { names: ['-'], main: undefined } : { names: [...run.nodes.keys()], main: mainNode(run)?.id };
}

function withContainers(pod: JsonObject, { names, main }: Containers): JsonObject {
  const metadata = pod['metadata'] as JsonObject;
  const annotations = metadata['annotations'] as JsonObject;
  return {
    ...pod,
    metadata: { ...metadata, annotations: main === undefined ? annotations : { ...annotations, [MAIN]: main } },
    spec: { containers: names.map((name) => ({ name, image: '-' })) },
  };
}

/** For watches: containers are looked up again only when there are more of them, or the run has ended. */
export function podView(deps: ApiDeps, namespace: string): WatchView {
  const known = new Map<string, { readonly total: Json; readonly containers: Containers }>();
  return {
    kind: 'WorkflowRun',
    head: (object) => podHead(object, namespace),
    async whole(object) {
      const { uid } = object.metadata;
      const counts = object.status?.['counts'];
      const total = (isObject(counts) ? counts['total'] : undefined) ?? null;
      const seen = known.get(uid);
      const isKnown = seen !== undefined && seen.total === total && endedAt(object) === undefined;
      const containers = isKnown ? seen.containers : containersOf(await foldedRun(deps.store, object));
      if (endedAt(object) === undefined) known.set(uid, { total, containers });
      else known.delete(uid);
      return withContainers(podHead(object, namespace), containers);
    },
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
