// `get KIND [NAME...]`: tables for people, objects for programs, and with -w whatever changes from then on.
//
// A run that is named and printed as data has the state of its nodes; lists carry summaries only.

import { StoreError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../kernel/json.ts';
import { nodeStatuses } from '../../kernel/status.ts';
import { KINDS, type Resource } from '../../manifests/model.ts';
import type { Store } from '../../store/store.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { isStoredKind, type ListedKind, missing, nameOf, parseKind, parseTargets } from '../kinds.ts';
import { refOf, textAt, timeAt } from '../objects.ts';
import { objectTable } from '../output/object-table.ts';
import { Table } from '../output/table.ts';
import { loadRun } from '../../store/load-run.ts';
import { matches, parseSelector, type Requirement } from '../selector.ts';
import type { Session } from '../session.ts';
import { listView } from '../views.ts';

export interface GetOptions {
  readonly words: readonly string[];
  readonly output: string;
  readonly isWatch: boolean;
  readonly selector: string | undefined;
}

interface Group {
  readonly kind: ListedKind;
  readonly objects: JsonObject[];
}

export async function get(session: Session, options: GetOptions): Promise<ExitCode> {
  const selector = parseSelector(options.selector ?? '');
  const isAll = options.words.length === 1 && options.words[0]?.toLowerCase() === 'all';
  const targets = isAll
    ? KINDS.map(({ plural }) => ({ kind: parseKind(plural), name: null }))
    : parseTargets(options.words);
  const isNamed = targets.some(({ name }) => name !== null);
  if (options.isWatch && (isAll || targets.length > 1 || targets[0]?.kind.isView === true)) {
    throw new Failure(2, '-w needs one kind: workflows, runs, tasks or signals');
  }
  const store = await session.store();
  const from = options.isWatch ? await store.resources.revision() : 0;
  const groups: Group[] = [];
  for (const { kind, name } of targets) {
    const found = name === null ? await list(store, kind) : [await getOne(store, kind, name, options)];
    const objects = found.filter((object) => matches(object, selector));
    const group = groups.find((candidate) => candidate.kind.kind === kind.kind);
    if (group === undefined) groups.push({ kind, objects });
    else group.objects.push(...objects);
  }
  const clock = await session.clock();
  const printer = new Printer(session, options, isNamed && targets.length === 1, () => clock.now().wall);
  await printer.printGroups(groups, isAll);
  const [target] = targets;
  if (options.isWatch && target !== undefined) await watch(session, store, target, from, selector, printer);
  return 0;
}

// --- finding -----------------------------------------------------------------------------------

const PAGE = 500;

async function list(store: Store, kind: ListedKind): Promise<JsonObject[]> {
  if (!isStoredKind(kind.kind)) return listView(store, kind.kind);
  const objects: Resource[] = [];
  for (let after = ''; ; ) {
    const page = await store.resources.list(kind.kind, { limit: PAGE, ...(after === '' ? {} : { after }) });
    objects.push(...page.items);
    if (page.remaining === 0 || page.items.length === 0) break;
    after = page.items.at(-1)?.metadata.name ?? '';
  }
  const plain = objects.map(plainObject);
  // The newest run stands last, next to the prompt.
  return kind.kind === 'WorkflowRun' ? plain.sort((left, right) => begunAt(left) - begunAt(right)) : plain;
}

function begunAt(run: JsonObject): number {
  return timeAt(run, 'status', 'startTime') ?? timeAt(run, 'metadata', 'creationTimestamp') ?? 0;
}

async function getOne(store: Store, kind: ListedKind, name: string, options: GetOptions): Promise<JsonObject> {
  if (!isStoredKind(kind.kind)) {
    const found = (await listView(store, kind.kind)).find((object) => textAt(object, 'metadata', 'name') === name);
    if (found === undefined) throw missing(kind, name);
    return found;
  }
  const object = await store.resources.get(kind.kind, name);
  if (object === null) throw missing(kind, name);
  const isData = options.output === 'json' || options.output === 'yaml';
  return object.kind === 'WorkflowRun' && isData ? withNodes(store, object) : plainObject(object);
}

/** A run as its reader wants it: with the state of every node. */
export async function withNodes(store: Store, object: Resource): Promise<JsonObject> {
  const run = (await loadRun(store.runs, refOf(object)))?.run;
  const plain = plainObject(object);
  if (run === null || run === undefined) return plain;
  return { ...plain, status: { ...object.status, nodes: nodeStatuses(run) } };
}

/** Without managedFields, which only tools read. */
export function plainObject(object: Resource): JsonObject {
  const { managedFields: _managed, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as JsonObject;
}

// --- printing ----------------------------------------------------------------------------------

class Printer {
  readonly #session: Session;
  readonly #output: string;
  readonly #isOne: boolean;
  readonly #wall: () => number;
  #table: Table | null = null;

  constructor(session: Session, options: GetOptions, isOne: boolean, wall: () => number) {
    this.#session = session;
    this.#output = options.output;
    this.#isOne = isOne;
    this.#wall = wall;
  }

  async printGroups(groups: readonly Group[], isAll: boolean): Promise<void> {
    const objects = groups.flatMap((group) => group.objects);
    if (this.#output === 'json' || this.#output === 'yaml') {
      const [first] = objects;
      const isList = !this.#isOne || first === undefined;
      return this.#printData(isList ? { apiVersion: 'v1', kind: 'List', items: objects } : first);
    }
    if (this.#output === 'name') {
      for (const { kind, objects: named } of groups) {
        for (const object of named) this.#printName(kind, object);
      }
      return;
    }
    this.#printTables(groups, isAll);
  }

  /** One object that has changed while watching. */
  async printChange(kind: ListedKind, object: JsonObject, isGone: boolean): Promise<void> {
    if (this.#output === 'json' || this.#output === 'yaml') return this.#printData(object);
    if (this.#output === 'name') return this.#printName(kind, object);
    if (isGone) return this.#session.print(`${textAt(object, 'metadata', 'name') ?? ''}  deleted`);
    const { row, columns } = objectTable(kind.kind, this.#output === 'wide', this.#session.colors);
    const cells = row(object, this.#wall());
    const isFirst = this.#table === null;
    this.#table ??= new Table(columns);
    this.#table.measure([cells]);
    if (isFirst) this.#session.print(this.#table.header(this.#session.colors.bold));
    this.#session.print(this.#table.line(cells));
  }

  async #printData(value: JsonObject): Promise<void> {
    if (this.#output === 'json') return this.#session.print(JSON.stringify(value, null, 2));
    const { renderYaml } = await import('../../manifests/render.ts');
    this.#session.print(`---\n${renderYaml(value)}`);
  }

  #printName(kind: ListedKind, object: JsonObject): void {
    this.#session.print(nameOf(kind.kind, textAt(object, 'metadata', 'name') ?? ''));
  }

  #printTables(groups: readonly Group[], isAll: boolean): void {
    const { colors, stateName } = this.#session;
    const blocks: string[] = [];
    for (const { kind, objects } of groups) {
      if (objects.length === 0) continue;
      const { columns, row } = objectTable(kind.kind, this.#output === 'wide', colors);
      const rows = objects.map((object) => row(object, this.#wall()));
      const table = new Table(columns);
      table.measure(rows);
      this.#table = table;
      const lines = [table.header(colors.bold), ...rows.map((cells) => table.line(cells))];
      blocks.push([...(isAll ? [colors.dim(`# ${kind.plural}`)] : []), ...lines].join('\n'));
    }
    if (blocks.length > 0) this.#session.print(blocks.join('\n\n'));
    else this.#session.say(`no ${groups.length === 1 ? groups[0]?.kind.plural : 'objects'} in ${stateName}`);
  }
}

// --- watching ----------------------------------------------------------------------------------

async function watch(
  session: Session,
  store: Store,
  target: { kind: ListedKind; name: string | null },
  from: number,
  selector: readonly Requirement[],
  printer: Printer,
): Promise<void> {
  const stop = new AbortController();
  const release = session.io.onInterrupt(() => stop.abort());
  try {
    for await (const change of store.resources.watch(from, stop.signal)) {
      if (change.kind !== target.kind.kind || (target.name !== null && change.name !== target.name)) continue;
      const object = plainObject(change.object);
      if (matches(object, selector)) await printer.printChange(target.kind, object, change.verb === 'Deleted');
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'Expired') {
      throw new Failure(1, 'too much has changed to go on watching', 'run the command again');
    }
    throw error;
  } finally {
    release();
  }
}
