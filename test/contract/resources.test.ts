import { createClock } from '../../runtime/clock.ts';
import { createRandom } from '../../runtime/random.ts';
import { createMemoryResources, MemoryResourcesPlace } from '../../store/memory/resources.ts';
import { createMemoryRuns, MemoryRunsPlace } from '../../store/memory/runs.ts';
import { ResourcesPlace } from '../support/resources-place.ts';
import { BUILTIN, describeResources } from './resources-contract.ts';

describeResources('memory', async () => {
  const common = {
    place: new MemoryResourcesPlace(),
    runs: new MemoryRunsPlace(),
    clock: createClock(0),
    random: createRandom(),
    builtins: new Map([[BUILTIN.metadata.name, BUILTIN]]),
  };
  const first = createMemoryResources(common);
  const second = createMemoryResources(common);
  const runs = createMemoryRuns({ place: common.runs, recordStatus: (ref) => first.recordStatus(ref) });
  return {
    handles: [first, second],
    runs,
    dispose: async () => {
      await first.close();
      await second.close();
    },
  };
});

for (const lockless of [false, true]) {
  describeResources(lockless ? 'file, without the lock' : 'file', async () => {
    const place = new ResourcesPlace();
    const first = place.open({ builtins: [BUILTIN], lockless });
    const second = place.open({ builtins: [BUILTIN], lockless });
    return { handles: [first, second], runs: place.runs(first), dispose: () => place.dispose() };
  });
}
