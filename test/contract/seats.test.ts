import type { Processes } from '../../kernel/ports.ts';
import { createProcesses } from '../../runtime/processes.ts';
import { Disk } from '../../store/file/disk.ts';
import { FileSeats } from '../../store/file/seats.ts';
import { createMemorySeats, MemorySeatsPlace } from '../../store/memory/seats.ts';
import { SlotPlace } from '../support/slot-place.ts';
import { describeSeats } from './seats-contract.ts';

function elsewhere(): Processes {
  return { ...createProcesses(), namespaces: () => ({ pid: 'pid:[1]', net: 'net:[1]' }) };
}

describeSeats('memory', async () => {
  const place = new MemorySeatsPlace();
  const open = () => createMemorySeats(place, createProcesses());
  return { handles: [open(), open()], foreign: createMemorySeats(place, elsewhere()), dispose: async () => undefined };
});

describeSeats('file', async () => {
  const place = new SlotPlace();
  return {
    handles: [place.seats(), place.seats()],
    foreign: new FileSeats(new Disk(), place.paths, elsewhere()),
    dispose: async () => place.dispose(),
  };
});
