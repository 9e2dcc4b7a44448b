// Runs as Pods: what tools that know nothing of runs look at.

import { expect, test } from 'vitest';
import { podHead } from '../../../api/core/pods.ts';
import type { Resource } from '../../../manifests/model.ts';

const CREATED = '2030-01-01T00:00:00Z';
const STARTED = '2030-01-01T00:00:01.000Z';
const ENDED = '2030-01-01T00:00:09.000Z';
const started = { startTime: STARTED };
const ended = { ...started, completionTime: ENDED };

test.each([
  {
    name: 'one that waits for its controller is not ready',
    status: {},
    pod: 'Pending',
    ready: ['False', 'NotStarted', CREATED],
  },
  {
    name: 'one that goes on is ready',
    status: { phase: 'Running', ...started },
    pod: 'Running',
    ready: ['True', undefined, STARTED],
  },
  {
    name: 'one that ended is not',
    status: { phase: 'Succeeded', ...ended },
    pod: 'Succeeded',
    ready: ['False', 'PodCompleted', ENDED],
  },
  {
    name: 'one that was cancelled is not',
    status: { phase: 'Cancelled', ...ended },
    pod: 'Failed',
    ready: ['False', 'PodCompleted', ENDED],
  },
])('$name', ({ status, pod, ready }) => {
  const metadata = { name: 'r', uid: 'u', resourceVersion: '1', generation: 1, creationTimestamp: CREATED };
  const run: Resource = { apiVersion: 'oarlock.dev/v1', kind: 'WorkflowRun', metadata, spec: {}, status };
  const [state, reason, since] = ready;
  expect(podHead(run, 'default')['status']).toMatchObject({
    phase: pod,
    conditions: [
      { type: 'Ready', status: state, lastTransitionTime: since, ...(reason === undefined ? {} : { reason }) },
    ],
  });
});
