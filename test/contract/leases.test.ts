import { createProcesses } from '../../runtime/processes.ts';
import { createMemoryLeases, MemoryLeasesPlace } from '../../store/memory/leases.ts';
import { SlotPlace } from '../support/slot-place.ts';
import { describeLeases } from './leases-contract.ts';

describeLeases('memory', async () => {
  const place = new MemoryLeasesPlace();
  const processes = createProcesses();
  const open = () => createMemoryLeases(place, processes);
  return { handles: [open(), open()], bootId: processes.bootId(), dispose: async () => undefined };
});

describeLeases('file', async () => {
  const place = new SlotPlace();
  return {
    handles: [place.leases(), place.leases()],
    bootId: place.processes.bootId(),
    dispose: async () => place.dispose(),
  };
});
