// Graphs as text, and runs from them: 'a -> b, a -> c, b & c -> d' is the diamond.
//
// A clause is a chain of groups; `x & y -> z` puts an edge from each left to each right. A name alone is a node.
// What a node is beyond that comes from `tasks`; by default it is the command `true`.

import { newRun } from '../../kernel/apply.ts';
import type { Run } from '../../kernel/run.ts';
import type { Executor, GraphChange, NodeSpec, Registration, RetryRule, TaskSpec } from '../../kernel/task.ts';

export const COMMAND: Executor = { type: 'command', command: 'true' };
/** Wall ms at which runs of tests begin; engine time begins at 0. */
export const WALL = Date.UTC(2030, 0, 1);

export type TaskTable = { readonly [id: string]: Partial<TaskSpec> };

export interface RunOptions {
  readonly tasks?: TaskTable;
  /** For nodes that `tasks` does not name. */
  readonly every?: Partial<TaskSpec>;
  readonly failurePolicy?: Registration['failurePolicy'];
  readonly parallelism?: number;
  readonly input?: Registration['input'];
  readonly templates?: Registration['templates'];
}

export function parseGraph(text: string): Map<string, Set<string>> {
  const dependencies = new Map<string, Set<string>>();
  for (const clause of text.split(',')) {
    let before: string[] = [];
    for (const part of clause.split('->')) {
      const group = part.split('&').map((name) => name.trim());
      for (const name of group) {
        if (name === '') throw new Error(`graph "${text}": expected a name in "${clause.trim()}"`);
        const known = dependencies.get(name) ?? new Set();
        dependencies.set(name, known);
        for (const from of before) known.add(from);
      }
      before = group;
    }
  }
  return dependencies;
}

export function graphChange(text: string, options: RunOptions = {}): GraphChange {
  const nodes = Array.from(parseGraph(text), ([id, dependencies]): NodeSpec => {
    const task: TaskSpec = { executor: COMMAND, ...(options.tasks?.[id] ?? options.every) };
    return { id, task, ...(dependencies.size === 0 ? {} : { dependencies: [...dependencies] }) };
  });
  return { nodes };
}

export function registration(change: GraphChange, options: RunOptions = {}): Registration {
  const { failurePolicy, parallelism, templates, input = null } = options;
  return {
    name: 'run',
    uid: '00000000-0000-4000-8000-000000000001',
    workflow: null,
    workflowGeneration: 0,
    input,
    ...(failurePolicy === undefined ? {} : { failurePolicy }),
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(templates === undefined ? {} : { templates }),
    change,
  };
}

export function runOf(text: string, options: RunOptions = {}): Run {
  const made = registration(graphChange(text, options), options);
  return newRun({ type: 'Registered', at: WALL, time: 0, registration: made });
}

export function retries(maxAttempts: number, rule: Partial<RetryRule> = {}): { retry: readonly RetryRule[] } {
  return { retry: [{ maxAttempts, ...rule }] };
}

export function nodeOf(run: Run, id: string): NonNullable<ReturnType<Run['nodes']['get']>> {
  const node = run.nodes.get(id);
  if (node === undefined) throw new Error(`run "${run.name}": no node "${id}"`);
  return node;
}

/** `a=SUCCESS b=FAILED`, in the order of the graph. */
export function states(run: Run): string {
  return Array.from(run.nodes.values(), ({ id, state }) => `${id}=${state}`).join(' ');
}
