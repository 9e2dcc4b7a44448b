// The door of proper-lockfile: an advisory lock that keeps writers who met once from meeting again and again.
//
// Nothing is safe because of it (two processes can hold it, see hazards L1 to L5): that is why it is taken only after a lost race, why
// losing it changes nothing, and why not getting it is no error.

import { createRequire } from 'node:module';
import type * as ProperLockfile from 'proper-lockfile';

const STALE_MS = 2000;
const RETRIES = { retries: 5, minTimeout: 5, maxTimeout: 50, factor: 2 };

/** Runs `body`, alone if it can be had. */
export async function crowdless<T>(path: string, body: () => Promise<T>): Promise<T> {
  // Loaded on the first lost race: most processes never need it.
  const lockfile = createRequire(import.meta.url)('proper-lockfile') as typeof ProperLockfile;
  let release: (() => Promise<void>) | null = null;
  try {
    release = await lockfile.lock(path, {
      lockfilePath: `${path}.lock`,
      realpath: false,
      stale: STALE_MS,
      retries: RETRIES,
      // Somebody thinks that we are gone. The default throws out of a timer and would end the process.
      onCompromised: () => {},
    });
  } catch {
    release = null;
  }
  try {
    return await body();
  } finally {
    await release?.().catch(() => {});
  }
}
