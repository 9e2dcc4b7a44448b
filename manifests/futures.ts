// All that can still happen to a run: what its tasks may add, the rest of its state machine, and what would be undone.

import { compensationFutures } from '../kernel/compensation.ts';
import { futures } from '../kernel/futures.ts';
import type { Futures } from '../kernel/ghost.ts';
import type { Run } from '../kernel/run.ts';
import { machineFutures } from './states/futures.ts';

export function futuresOf(run: Run): Futures {
  const parts = [futures(run), machineFutures(run), compensationFutures(run)];
  return {
    ghosts: parts.flatMap(({ ghosts }) => ghosts),
    edges: parts.flatMap(({ edges }) => edges),
    between: parts.flatMap(({ between }) => between ?? []),
  };
}
