// What a run of a workflow would begin with: the Tasks that it refers to looked up, all of it compiled; nothing is created.

import type { JsonObject } from '../kernel/json.ts';
import type { Registration } from '../kernel/task.ts';
import { compile, taskNamesOf } from '../manifests/compile.ts';
import { API_VERSION, type Manifest } from '../manifests/model.ts';
import type { Resources } from './store.ts';

export interface Definition {
  /** Null: written inside the run. */
  readonly name: string | null;
  readonly generation: number;
  readonly spec: JsonObject;
}

/** `name` stands for the run in messages, `spec` is that of the run. Throws an AdmissionError when a Task is not there. */
export async function compileRun(
  resources: Pick<Resources, 'get'>,
  { name, spec }: { readonly name: string; readonly spec: JsonObject },
  definition: Definition,
): Promise<Registration> {
  const tasks = new Map<string, JsonObject>();
  for (const taskName of taskNamesOf(definition.spec, spec)) {
    const task = await resources.get('Task', taskName);
    if (task !== null) tasks.set(taskName, task.spec);
  }
  const manifest: Manifest = { apiVersion: API_VERSION, kind: 'WorkflowRun', metadata: { name }, spec };
  return compile({ manifest, name, uid: '' }, definition, (task) => tasks.get(task));
}
