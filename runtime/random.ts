// The Random port on the kernel's generator. Used for uids and temporary names only: no decision of the engine depends on chance.

import { randomBytes, randomUUID } from 'node:crypto';
import type { Random } from '../kernel/ports.ts';

export function createRandom(): Random {
  return {
    hex: (digits) =>
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
    uuid: () => randomUUID(),
  };
}
