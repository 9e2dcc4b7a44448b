// From a WorkflowRun that somebody wants to the registration of its run.
//
// Looks up what the run refers to, compiles it (manifests/compile.ts), and says plainly why a run cannot start yet: then it stays Pending and is
// tried again when a Workflow or Task changes.

import { AdmissionError, describeProblems } from '../kernel/errors.ts';
import { isObject, type JsonObject, textAt } from '../kernel/json.ts';
import type { Registration } from '../kernel/task.ts';
import { compile } from '../manifests/compile.ts';
import type { Manifest, Resource } from '../manifests/model.ts';
import type { Resources } from '../store/store.ts';
import { digestSpec } from './spec.ts';

export type Registered =
  | { readonly registration: Registration }
  | { readonly reason: string; readonly message: string };

export async function register(resources: Resources, object: Resource): Promise<Registered> {
  const workflow = await findWorkflow(resources, object.spec);
  if ('reason' in workflow) return workflow;
  const { items } = await resources.list('Task');
  const tasks = new Map(items.map((task) => [task.metadata.name, task.spec]));
  const { name, uid } = object.metadata;
  const manifest: Manifest = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { name },
    spec: object.spec,
  };
  try {
    const registration = compile({ manifest, name, uid }, workflow, (task) => tasks.get(task));
    return { registration: { ...registration, specDigest: digestSpec(object.spec) } };
  } catch (error) {
    if (error instanceof AdmissionError)
      return { reason: 'InvalidWorkflow', message: describeProblems(error.source, error.problems, '; ') };
    throw error;
  }
}

type Found = { readonly name: string | null; readonly generation: number; readonly spec: JsonObject };

async function findWorkflow(
  resources: Resources,
  spec: JsonObject,
): Promise<Found | { reason: string; message: string }> {
  if (isObject(spec['workflow'])) return { name: null, generation: 0, spec: spec['workflow'] };
  const name = textAt(spec['workflowRef'], 'name');
  const workflow = await resources.get('Workflow', name);
  if (workflow === null) return { reason: 'WorkflowNotFound', message: `there is no workflow "${name}"` };
  if (Object.keys(workflow.spec).length === 0)
    return { reason: 'InvalidWorkflow', message: `workflow "${name}" cannot be read; see its conditions` };
  return { name, generation: workflow.metadata.generation, spec: workflow.spec };
}
