// What a run of a workflow would begin with, or a failure that says what is missing.

import { isObject, type JsonObject } from '../kernel/json.ts';
import type { Registration } from '../kernel/task.ts';
import type { Store } from '../store/store.ts';
import { Failure } from './failure.ts';
import { textAt } from './objects.ts';

/** `name` stands for the run in messages. Throws when a Workflow or Task that it refers to is not there. */
export async function compileRun(store: Store, name: string, spec: JsonObject): Promise<Registration> {
  const { compileRun: compile } = await import('../store/compile-run.ts');
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
  const generation = workflow?.metadata.generation ?? 0;
  return compile(store.resources, { name, spec }, { name: workflowName, generation, spec: definition });
}
