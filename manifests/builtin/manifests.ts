// The Tasks that every engine has. A Task of the same name that somebody applies takes their place.

import { API_VERSION, type Manifest } from '../model.ts';

/** The name under which `call` finds builtin/tasks.ts, wherever the package lies. */
export const BUILTIN_MODULE = 'oarlock:builtin';

/** Where BUILTIN_MODULE is found: a file URL to import. */
export function builtinModuleUrl(): string {
  return new URL(import.meta.url.endsWith('.ts') ? './tasks.ts' : './tasks.js', import.meta.url).href;
}

export const BUILTIN_TASKS: ReadonlyMap<string, Manifest> = new Map(
  ['task_a', 'task_b', 'task_c'].map((name): [string, Manifest] => [
    name,
    {
      apiVersion: API_VERSION,
      kind: 'Task',
      metadata: { name },
      spec: {
        description: `Prints "Running task ${name.slice(-1).toUpperCase()}" and returns true.`,
        call: { module: BUILTIN_MODULE, export: name },
      },
    },
  ]),
);
