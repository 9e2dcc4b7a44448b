// What may be asked of an object beyond what its manifest says: rules that need the state of the engine.

import { AdmissionError } from '../../kernel/errors.ts';
import { textAt } from '../../kernel/json.ts';
import { API_GROUP, type Manifest, type Resource } from '../../manifests/model.ts';
import { formatPath } from '../../manifests/problems.ts';
import { signalProblem } from '../../manifests/signal-form.ts';
import type { Store } from '../../store/store.ts';
import { foldedRun } from '../core/runs.ts';
import { ApiError, notFound } from '../problem.ts';

const ENDED = new Set(['Succeeded', 'Failed', 'Cancelled']);

export function hasEnded(run: Resource): boolean {
  return ENDED.has(textAt(run.status, 'phase'));
}

/** A Signal is for a run that is there, and says what a node of it asks for. */
export async function checkCreate(store: Store, manifest: Manifest): Promise<void> {
  if (manifest.kind !== 'Signal') return;
  const name = textAt(manifest.spec, 'run');
  const object = await store.resources.get('WorkflowRun', name);
  if (object === null) throw notFound('workflowruns', API_GROUP, name);
  const run = hasEnded(object) ? null : await foldedRun(store, object);
  const problem =
    run === null ? undefined : await signalProblem(run, textAt(manifest.spec, 'name'), manifest.spec['data'] ?? null);
  if (problem === undefined) return;
  const path = formatPath(['spec', 'data', ...problem.path]);
  throw new AdmissionError('signal', [{ path, message: problem.message, reason: 'Invalid' }]);
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
