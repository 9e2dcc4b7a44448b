// The kinds of nodes that a run's promises can tell apart: one representative stands for all that are alike.
//
// Owns: which (task, id) to try when asking what may come. Does not own: whether they may (table.ts).

import type { Run } from '../run.ts';
import type { TaskSpec } from '../task.ts';
import type { PromiseSpec, Selector } from './promise.ts';
import { isLike, isLiteral, type Named, namesOf, witnesses } from './selector.ts';
import type { Table } from './table.ts';

export interface Kind extends Named {
  /** What a change would say; a definition of its own where there is no template. Unless a template says otherwise, it can speak. */
  readonly task: string | null;
  readonly spec: TaskSpec | string;
  /** No second node can have an id that fits. */
  readonly isSingle: boolean;
  /** The same for those that are alike. */
  readonly key: string;
}

/** Speaks the message protocol, as anything that is defined while the run goes on may. */
const SPEAKER = { executor: { type: 'python', code: '' } } as const;

export function kindsOf(run: Run, table: Table): Kind[] {
  const templates = Object.keys(run.registration.templates ?? {});
  const selectors = table.rules.flatMap(({ spec }) => selectorsOf(spec).map(namesOf));
  const names = table.rules.flatMap(({ form }) => form?.nodeNames ?? []);
  const patterns = distinct([...selectors.flatMap(({ node }) => node ?? []), ...names]);
  const tasks = distinct([...selectors.flatMap(({ task }) => task ?? []), ...names]).filter(
    (task) => !templates.includes(task),
  );
  return witnesses(patterns, (id) => run.nodes.has(id)).flatMap((id) => {
    const isSingle = patterns.some((pattern) => isLiteral(pattern) && pattern === id);
    const idClass = patterns.map((pattern) => (isLike(id, pattern) ? '1' : '0')).join('');
    const kind = (task: string | null, spec: TaskSpec | string): Kind => ({
      id,
      task,
      spec,
      isSingle,
      key: `${idClass}${task ?? ''}`,
    });
    return [
      kind(null, SPEAKER),
      ...tasks.map((task) => kind(task, { ...SPEAKER, task })),
      ...templates.map((task) => kind(task, task)),
    ];
  });
}

/** Selectors that tell nodes apart: of those that may be added, of ends of edges, and of creators. */
function selectorsOf({ by, only, noEdges }: PromiseSpec): Selector[] {
  const ends = [...(only?.edges ?? []), noEdges ?? {}];
  return [by, ...(only?.nodes ?? []), ...ends.flatMap(({ from, to }) => [from, to])].filter((one) => one !== undefined);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
