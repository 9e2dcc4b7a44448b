// The kinds of nodes that a run's promises can tell apart: one representative stands for all that are alike.
//
// Owns: which (task, id) to try when asking what may come. Does not own: whether they may (table.ts).

import type { Run } from '../run.ts';
import type { TaskSpec } from '../task.ts';
import type { PromiseSpec, Selector } from './promise.ts';
import { isLiteral, type Named, namesOf, untaken, witnesses } from './selector.ts';

import type { Rule } from './rule.ts';
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

/** All kinds, with ids that are free. */
export function kindsOf(run: Run, table: Table): Kind[] {
  const templates = Object.keys(run.registration.templates ?? {});
  const { patterns, tasks, texts } = classesOf(table);
  const kinds = new Map<string, Kind>();
  for (const text of texts) {
    const id = untaken(text, patterns, (one) => run.nodes.has(one));
    if (id === null) continue;
    const isSingle = patterns.includes(id) && isLiteral(id);
    const add = (task: string | null, spec: TaskSpec | string): void => {
      const parts = [task ?? '', isSingle ? id : '', ...table.rules.map((rule) => rule.kindOf({ id, task }))];
      const key = JSON.stringify(parts);
      if (!kinds.has(key)) kinds.set(key, { id, task, spec, isSingle, key });
    };
    add(null, SPEAKER);
    for (const task of tasks) if (!templates.includes(task)) add(task, { ...SPEAKER, task });
    for (const task of templates) add(task, task);
  }
  return [...kinds.values()];
}

/** The same kinds, with ids that are free now. */
export function renewed(kinds: readonly Kind[], run: Run): Kind[] {
  const patterns = run.promises.classes?.patterns ?? [];
  return kinds.flatMap((kind) => {
    const id = untaken(kind.id, patterns, (one) => run.nodes.has(one));
    return id === null ? [] : [id === kind.id ? kind : { ...kind, id }];
  });
}

/** What the promises name: patterns of ids with a text for each way to match them, and tasks. Found once for a set of promises. */
export interface Classes {
  readonly last: Rule | undefined;
  readonly patterns: readonly string[];
  readonly tasks: readonly string[];
  readonly texts: readonly string[];
}

function classesOf(table: Table): Classes {
  const last = table.rules.at(-1);
  if (table.classes !== null && table.classes.last === last) return table.classes;
  const selectors = table.rules.flatMap(({ spec }) => selectorsOf(spec).map(namesOf));
  const names = table.rules.flatMap(({ form }) => form?.nodeNames ?? []);
  const patterns = distinct([...selectors.flatMap(({ node }) => node ?? []), ...names]);
  const tasks = distinct([...selectors.flatMap(({ task }) => task ?? []), ...names]);
  table.classes = { last, patterns, tasks, texts: witnesses(patterns) };
  return table.classes;
}

/** Selectors that tell nodes apart: of those that may be added, of ends of edges, and of creators. */
function selectorsOf({ by, only, noEdges }: PromiseSpec): Selector[] {
  const ends = [...(only?.edges ?? []), noEdges ?? {}];
  return [by, ...(only?.nodes ?? []), ...ends.flatMap(({ from, to }) => [from, to])].filter((one) => one !== undefined);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
