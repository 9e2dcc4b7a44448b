// A whole store in memory: every handle to one place is a process of its own to the engine.
//
// Nothing outlives the process that holds the place. It is the reference that the contract suite holds the other stores against, and what
// controllers are tested on.

import type { Clock, Processes, Random } from '../../kernel/ports.ts';
import { BUILTIN_TASKS } from '../../manifests/builtin/manifests.ts';
import type { Store } from '../store.ts';
import { createMemoryLeases, MemoryLeasesPlace } from './leases.ts';
import { createMemoryResources, MemoryResourcesPlace } from './resources.ts';
import { createMemoryRuns, MemoryRunsPlace } from './runs.ts';
import { createMemorySeats, MemorySeatsPlace } from './seats.ts';

export class MemoryPlace {
  readonly resources = new MemoryResourcesPlace();
  readonly runs = new MemoryRunsPlace();
  readonly leases = new MemoryLeasesPlace();
  readonly seats = new MemorySeatsPlace();
}

export interface MemoryStoreOptions {
  readonly place: MemoryPlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: Processes;
}

export function openMemoryStore({ place, clock, random, processes }: MemoryStoreOptions): Store {
  const resources = createMemoryResources({
    place: place.resources,
    runs: place.runs,
    clock,
    random,
    builtins: BUILTIN_TASKS,
  });
  const leases = createMemoryLeases(place.leases, processes);
  return {
    resources,
    runs: createMemoryRuns({
      place: place.runs,
      recordStatus: (ref) => resources.recordStatus(ref),
    }),
    leases,
    seats: createMemorySeats(place.seats, processes),
    clock,
    leasesAt: () => leases,
    close: () => resources.close(),
  };
}
