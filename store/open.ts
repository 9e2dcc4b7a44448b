// Opens a store by the scheme of its URL: `file:./state`, `postgres://...`, `embedded-postgres`.

import { resolve } from 'node:path';
import { createProcesses } from '../runtime/processes.ts';
import { createRandom } from '../runtime/random.ts';
import type { DiskHooks } from './file/disk.ts';
import type { Keys, Store } from './store.ts';

export interface OpenOptions {
  /** Of this machine, for stores that are elsewhere. */
  readonly stateDir?: string;
  /** For tests: stops or fails any single file operation. */
  readonly hooks?: DiskHooks;
}

export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  const { scheme, rest } = /^(?<scheme>[a-z]+):(?<rest>.*)$/.exec(url)?.groups ?? {};
  if (scheme === 'file' && rest !== undefined && rest !== '') {
    const { openFileStore } = await import('./file/store.ts');
    return openFileStore(resolve(rest), { processes: createProcesses(), random: createRandom(), ...options });
  }
  if (isPostgres(url)) {
    const { openPostgresStore } = await import('./postgres/store.ts');
    const { stateDir = './state' } = options;
    return openPostgresStore(url, {
      processes: createProcesses(),
      random: createRandom(),
      stateDir: resolve(stateDir),
    });
  }
  throw new Error(`store ${JSON.stringify(url)}: expected file:DIRECTORY, postgres://... or embedded-postgres`);
}

export function isPostgres(url: string): boolean {
  return url === 'embedded-postgres' || /^postgres(ql)?:\/\//.test(url);
}

/** The keys of the store at that URL, made ready without opening the rest of it. */
export async function openKeys(url: string, stateDir = './state'): Promise<Keys> {
  if (isPostgres(url)) {
    const { openPostgresKeys } = await import('./postgres/store.ts');
    return openPostgresKeys(url, { stateDir: resolve(stateDir) });
  }
  const root = /^file:(.+)$/.exec(url)?.[1];
  if (root === undefined) throw new Error(`keys ${JSON.stringify(url)}: expected file:DIRECTORY`);
  const { openFileKeys } = await import('./file/keys.ts');
  return openFileKeys(resolve(root));
}
