// What may be asked of an object beyond what its manifest says: rules that need the state of the engine.

import { textAt } from '../../kernel/json.ts';
import { API_GROUP, type Manifest, type Resource } from '../../manifests/model.ts';
import type { Store } from '../../store/store.ts';
import { ApiError, notFound } from '../problem.ts';

const ENDED = new Set(['Succeeded', 'Failed', 'Cancelled']);

export function hasEnded(run: Resource): boolean {
  return ENDED.has(textAt(run.status, 'phase'));
}

/** A Signal is for a run that is there. */
export async function checkCreate(store: Store, manifest: Manifest): Promise<void> {
  if (manifest.kind !== 'Signal') return;
  const run = textAt(manifest.spec, 'run');
  if ((await store.resources.get('WorkflowRun', run)) === null) throw notFound('workflowruns', API_GROUP, run);
}

/** What has ended cannot be cancelled any more. */
export function checkUpdate(before: Resource, manifest: Manifest): void {
  if (manifest.kind !== 'WorkflowRun' || manifest.spec['cancel'] !== true || before.spec['cancel'] === true) return;
  if (hasEnded(before)) throw alreadyEnded(before);
}

export function alreadyEnded(run: Resource): ApiError {
  const { name } = run.metadata;
  const phase = textAt(run.status, 'phase');
  return new ApiError('Conflict', `workflowruns.${API_GROUP} ${JSON.stringify(name)}: already ended, ${phase}`, {
    details: { name, group: API_GROUP, kind: 'workflowruns' },
  });
}
