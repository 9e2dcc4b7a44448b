// What may be asked of an object beyond what its manifest says: rules that need the state of the engine.

import { AdmissionError } from '../../kernel/errors.ts';
import { textAt } from '../../kernel/json.ts';
import { API_GROUP, type Manifest, type Resource } from '../../manifests/model.ts';
import { formatPath } from '../../manifests/problems.ts';
import { signalProblem } from '../../manifests/signal-form.ts';
import type { Store } from '../../store/store.ts';
import { foldedRun } from '../core/runs.ts';
import { ApiError, notFound } from '../problem.ts';

const UNREADABLE = new Set(['InvalidManifest', 'NameMismatch']);
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

/** What somebody wrote by hand is not written over as long as nobody but its author can read it. */
export function checkReadable(before: Resource): void {
  const conditions = before.status?.['conditions'];
  const refused = (Array.isArray(conditions) ? conditions : []).find(
    (condition) => textAt(condition, 'type') === 'Accepted' && UNREADABLE.has(textAt(condition, 'reason')),
  );
  if (refused === undefined) return;
  const found = `${textAt(refused, 'reason')}: ${textAt(refused, 'message')}`;
  const message = `its file was edited by hand and cannot be read (${found}); put it right, or delete the object first`;
  throw new AdmissionError('file', [{ path: 'spec', reason: 'Forbidden', message }]);
}

/** What has ended cannot be cancelled any more. */
export function checkUpdate(before: Resource, manifest: Manifest): void {
  checkReadable(before);
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
