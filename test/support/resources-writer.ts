// One of many writers to a state directory, in a thread of its own: makes objects and steps a counter that all share, and reports the
// revisions that it was given. Started by test/unit/store/resources-watch.test.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { StoreError } from '../../kernel/errors.ts';
import type { Manifest } from '../../manifests/model.ts';
import { createClock } from '../../runtime/clock.ts';
import { createRandom } from '../../runtime/random.ts';
import { Disk } from '../../store/file/disk.ts';
import { Paths } from '../../store/file/paths.ts';
import { createFileResources } from '../../store/file/resources.ts';

const { root, thread, steps } = workerData as { root: string; thread: number; steps: number };
const resources = createFileResources({
  disk: new Disk(),
  paths: new Paths(root),
  clock: createClock(0),
  random: createRandom(),
  lockless: true,
});

async function step(): Promise<number> {
  for (;;) {
    const current = await resources.get('Workflow', 'count');
    if (current === null) throw new Error('the counter is gone');
    const count = Number((current.spec['tasks'] as { command: string }[])[0]?.command) + 1;
    const manifest: Manifest = {
      apiVersion: 'oarlock.dev/v1',
      kind: 'Workflow',
      metadata: { name: 'count' },
      spec: { tasks: [{ id: 'A', command: String(count) }] },
    };
    try {
      const { metadata } = await resources.update(manifest, { expected: current.metadata.resourceVersion });
      return Number(metadata.resourceVersion);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'Conflict') throw error;
    }
  }
}

const revisions: number[] = [];
for (let n = 0; n < steps; n += 1) {
  const metadata = { name: `t${thread}-${n}` };
  const made = await resources.create({
    apiVersion: 'oarlock.dev/v1',
    kind: 'Task',
    metadata,
    spec: { command: 'true' },
  });
  revisions.push(Number(made.metadata.resourceVersion), await step());
}
await resources.close();
parentPort?.postMessage(revisions);
