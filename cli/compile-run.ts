// What a run of a workflow would begin with: references looked up and compiled, as the controller does it.

import { isObject, type JsonObject } from '../kernel/json.ts';
import type { Registration } from '../kernel/task.ts';
import { API_VERSION, type Manifest } from '../manifests/model.ts';
import type { Store } from '../store/store.ts';
import { Failure } from './failure.ts';
import { textAt } from './objects.ts';

/** `name` stands for the run in messages. Throws when a Workflow or Task that it refers to is not there. */
export async function compileRun(store: Store, name: string, spec: JsonObject): Promise<Registration> {
  const { compile, taskNamesOf } = await import('../manifests/compile.ts');
  const workflowName = textAt(spec, 'workflowRef', 'name') ?? null;
  const workflow = workflowName === null ? null : await store.resources.get('Workflow', workflowName);
  if (workflowName !== null && workflow === null) {
    throw new Failure(1, `no workflow "${workflowName}"`, '`oarlock get workflows` lists them');
  }
  const definition = workflow?.spec ?? (isObject(spec['workflow']) ? spec['workflow'] : {});
  if (Object.keys(definition).length === 0) {
    const hint = `\`oarlock describe workflow ${workflowName ?? name}\` says why`;
    throw new Failure(2, `workflow "${workflowName ?? name}" cannot be read`, hint);
  }
  const tasks = new Map<string, JsonObject>();
  for (const taskName of taskNamesOf(definition, spec)) {
    const task = await store.resources.get('Task', taskName);
    if (task !== null) tasks.set(taskName, task.spec);
  }
  const manifest: Manifest = { apiVersion: API_VERSION, kind: 'WorkflowRun', metadata: { name }, spec };
  const generation = workflow?.metadata.generation ?? 0;
  return compile({ manifest, name, uid: '' }, { name: workflowName, generation, spec: definition }, (task) =>
    tasks.get(task),
  );
}
