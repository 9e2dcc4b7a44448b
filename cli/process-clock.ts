// Time for verbs that need no store: within one process engine time may start anywhere.

import type { Clock } from '../kernel/ports.ts';
import { createClock } from '../runtime/clock.ts';

export function createProcessClock(): Clock {
  return createClock(0);
}
