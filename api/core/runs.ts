// Runs as the views of the core group need them: found, recent, and folded.

import { setImmediate } from 'node:timers/promises';
import { textAt } from '../../kernel/json.ts';
import type { Run } from '../../kernel/run.ts';
import type { Resource } from '../../manifests/model.ts';
import { isObjectName } from '../../manifests/names.ts';
import { loadRun } from '../../store/load-run.ts';
import type { Store } from '../../store/store.ts';

const PAGE = 500;

export async function findRun(store: Store, name: string): Promise<Resource | null> {
  return isObjectName(name) ? store.resources.get('WorkflowRun', name) : null;
}

/** Null while it has not begun, and when what happened cannot be read. */
export async function foldedRun(store: Store, object: Resource): Promise<Run | null> {
  const { name, uid } = object.metadata;
  return (await loadRun(store.runs, { name, uid }))?.run ?? null;
}

/** All runs after that name, in the order of their names. */
export async function* allRuns(store: Store, from = ''): AsyncGenerator<Resource> {
  for (let after = from; ; ) {
    const page = await store.resources.list('WorkflowRun', { limit: PAGE, ...(after === '' ? {} : { after }) });
    yield* page.items;
    after = page.items.at(-1)?.metadata.name ?? '';
    if (page.remaining === 0 || after === '') return;
    await setImmediate();
  }
}

/** Wall ms at which it ended; undefined while it is active. */
export function endedAt(run: Resource): number | undefined {
  const time = Date.parse(textAt(run.status, 'completionTime'));
  return Number.isNaN(time) ? undefined : time;
}
