// `describe KIND NAME`: the story of an object for people: what was asked, what happened, what is wrong.
//
// Long lists are cut, with the command that prints the whole; programs use `get -o json`.

import { formLines } from '../../kernel/form.ts';
import { type Transition, transitions } from '../../kernel/history.ts';
import type { Json } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { Resource } from '../../manifests/model.ts';
import type { Store } from '../../store/store.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { AttemptTimes, changeLine, countsText, progressText } from '../follow/words.ts';
import { type ListedKind, missing, parseTargets } from '../kinds.ts';
import { listAt, objectAt, phaseOfRun, statusOf, textAt, timeAt, unreadable } from '../objects.ts';
import { statePaint } from '../output/colors.ts';
import { tableLines } from '../output/table.ts';
import { clean, count, fit, padEnd } from '../output/text.ts';
import { age, dateTime, duration } from '../output/time.ts';
import { openRun } from '../runs.ts';
import type { Session } from '../session.ts';
import { listView } from '../views.ts';

const SHOWN_NODES = 100;
const SHOWN_TRANSITIONS = 15;
const SHOWN_GHOSTS = 10;
const SHOWN_RUNS = 10;
const VALUE_WIDTH = 2_000;

export async function describe(session: Session, options: { words: readonly string[] }): Promise<ExitCode> {
  const store = await session.store();
  const blocks: string[] = [];
  for (const { kind, name } of parseTargets(options.words)) {
    if (name === null) {
      throw new Failure(2, `expected the name of a ${kind.singular}`, `\`oarlock get ${kind.plural}\` lists them`);
    }
    blocks.push((await describeOne(session, store, kind, name)).join('\n'));
  }
  session.print(blocks.join('\n\n'));
  return 0;
}

async function describeOne(session: Session, store: Store, kind: ListedKind, name: string): Promise<string[]> {
  switch (kind.kind) {
    case 'WorkflowRun':
      return describeRun(session, store, name);
    case 'Worker':
    case 'TaskLease': {
      const found = (await listView(store, kind.kind)).find((object) => textAt(object, 'metadata', 'name') === name);
      if (found === undefined) throw missing(kind, name);
      return [
        ...fields([['Name', name]]),
        ...(await dataBlock(session, 'Spec', found['spec'])),
        ...(await dataBlock(session, 'Status', found['status'])),
      ];
    }
    case 'Workflow':
    case 'Task':
    case 'Signal': {
      const object = await store.resources.get(kind.kind, name);
      if (object === null) throw missing(kind, name);
      const wall = (await session.clock()).now().wall;
      const head = fields([['Name', name], ...metadataFields(object, wall)]);
      const runs = object.kind === 'Workflow' ? await runsOf(session, store, name, wall) : [];
      return [
        ...head,
        ...(await dataBlock(session, 'Spec', object.spec)),
        ...conditionBlock(session, object, wall),
        ...runs,
      ];
    }
  }
}

// --- runs --------------------------------------------------------------------------------------

async function describeRun(session: Session, store: Store, name: string): Promise<string[]> {
  const { object, ref, run, broken } = await openRun(store, name);
  const wall = (await session.clock()).now().wall;
  const loaded = run === null ? null : await store.runs.load(ref, { ignoreSnapshot: true });
  const status = statusOf(object);
  const phase = phaseOfRun(object);
  const message = unreadable(object) === null ? (textAt(status, 'message') ?? '') : 'its file cannot be read';
  const start = timeAt(status, 'startTime');
  const end = timeAt(status, 'completionTime');
  const error = objectAt(status, 'error');
  const head = fields([
    ['Name', name],
    ['Workflow', workflowText(object, run)],
    ['Phase', `${statePaint(session.colors, phase)(phase)}${message === '' ? '' : `: ${clean(message)}`}`],
    ...metadataFields(object, wall),
    ['Started', start === undefined ? '' : dateTime(start)],
    [
      'Ended',
      end === undefined ? '' : `${dateTime(end)}${start === undefined ? '' : `, after ${duration(end - start)}`}`,
    ],
    ['Input', valueText(object.spec['input'])],
    ['Output', valueText(status['output'])],
    ['Error', error === undefined ? '' : clean(`${textAt(error, 'type') ?? ''}: ${textAt(error, 'message') ?? ''}`)],
    ['Journal', broken ?? ''],
  ]);
  return [
    ...head,
    ...conditionBlock(session, object, wall),
    ...(run === null ? [] : [...nodeBlock(session, run, wall), ...(await openBlock(session, run)), ...askedBlock(run)]),
    ...(loaded === null ? [] : transitionBlock(session, name, [...transitions(loaded.events)])),
  ];
}

function workflowText(object: Resource, run: Run | null): string {
  const named = run?.registration.workflow ?? textAt(object.spec, 'workflowRef', 'name');
  if (named === undefined) return object.spec['workflow'] === undefined ? '' : '(inline)';
  return run === null ? named : `${named} (generation ${run.registration.workflowGeneration})`;
}

/** What people are asked for. */
function askedBlock(run: Run): string[] {
  const asked = [...run.nodes.values()].flatMap((node) => {
    const { executor } = node.task;
    if (node.state !== 'WAITING' || executor.type !== 'signal') return [];
    const lines = formLines(node).map((line) => `    ${clean(line)}`);
    return [`  ${clean(node.id)}: oarlock signal ${run.name} ${clean(executor.name)}`, ...lines];
  });
  if (asked.length === 0) return [];
  return ['', 'Waits for', ...asked.slice(0, SHOWN_NODES)];
}

/** All of them when they are few; else those that need a look first. */
function nodeBlock(session: Session, run: Run, wall: number): string[] {
  const { colors } = session;
  const nodes = [...run.nodes.values()];
  const rank = (node: Node): number => ['FAILED', 'RETRYING', 'RUNNING', 'WAITING'].indexOf(node.state) >>> 0;
  const shown = nodes.length <= SHOWN_NODES ? nodes : nodes.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN_NODES);
  const isGrown = shown.some(({ createdBy }) => createdBy !== null);
  const rows = shown.map((node) => [
    node.id,
    { text: node.state, paint: statePaint(colors, node.state) },
    String(node.attempts),
    node.startedAt === null ? '' : duration((node.finishedAt ?? wall) - node.startedAt),
    node.worker ?? '',
    ...(isGrown ? [node.createdBy ?? ''] : []),
    node.error === null ? progressText(node) : `${node.error.type}: ${node.error.message}`,
  ]);
  const columns = [
    { title: 'NODE' },
    { title: 'STATE' },
    { title: 'ATTEMPTS', align: 'right' as const },
    { title: 'TIME', align: 'right' as const },
    { title: 'WORKER' },
    ...(isGrown ? [{ title: 'ADDED BY' }] : []),
    { title: 'MESSAGE' },
  ];
  const left = nodes.length - shown.length;
  return [
    '',
    `${colors.bold('Nodes')} (${count(nodes.length, 'task')}: ${countsText(run.counts)})`,
    ...indent(tableLines(columns, rows, { header: colors.dim })),
    ...(left > 0 ? [`  ... and ${left} more; \`oarlock get run ${run.name} -o json\` has them all`] : []),
  ];
}

/** What may still come, as `graph` draws it. */
async function openBlock(session: Session, run: Run): Promise<string[]> {
  if (run.end !== null) return [];
  const [{ futuresOf }, { pictureOf }, words] = await Promise.all([
    import('../../manifests/futures.ts'),
    import('../../kernel/picture/picture.ts'),
    import('../../kernel/picture/words.ts'),
  ]);
  const ghosts = pictureOf(run, futuresOf(run)).nodes.filter(
    ({ ghost, look }) => ghost !== null && look !== 'impossible',
  );
  if (ghosts.length === 0) return [];
  const rows = ghosts.slice(0, SHOWN_GHOSTS).map((ghost) => {
    const { sign, means } = words.signOf(ghost);
    const note = words.noteOf(ghost);
    return [
      `${sign} ${clean(words.nameOf(ghost))}`,
      note === '' ? means : `${means}, ${note}`,
      clean(words.originOf(ghost).replace(/^by /, '')),
    ];
  });
  const left = ghosts.length - rows.length;
  return [
    '',
    session.colors.bold('May still come'),
    ...indent(tableLines([{ title: 'TASK' }, { title: 'HOW' }, { title: 'BY' }], rows, { header: session.colors.dim })),
    ...(left > 0 ? [`  ... and ${left} more; \`oarlock graph ${run.name}\` draws them`] : []),
  ];
}

function transitionBlock(session: Session, name: string, all: readonly Transition[]): string[] {
  const times = new AttemptTimes();
  const told = all.map((change) => ({ change, took: times.see(change) }));
  const shown = told.slice(-SHOWN_TRANSITIONS);
  const width = Math.min(
    32,
    shown.reduce((most, { change }) => Math.max(most, change.node?.length ?? 0), 1),
  );
  const lines = shown.map(({ change, took }) => changeLine(change, took, width, session.colors));
  const left = all.length - shown.length;
  return [
    '',
    session.colors.bold(left > 0 ? 'Last transitions' : 'Transitions'),
    ...indent(lines),
    ...(left > 0 ? [`  \`oarlock history ${name}\` prints all ${all.length}`] : []),
  ];
}

async function runsOf(session: Session, store: Store, workflow: string, wall: number): Promise<string[]> {
  const { items } = await store.resources.list('WorkflowRun');
  const runs = items.filter((run) => textAt(run.spec, 'workflowRef', 'name') === workflow);
  if (runs.length === 0)
    return ['', `${session.colors.bold('Runs')}: none yet; \`oarlock run ${workflow}\` starts one`];
  const begun = (run: Resource): number =>
    timeAt(statusOf(run), 'startTime') ?? timeAt(run.metadata.creationTimestamp) ?? 0;
  const newest = runs.toSorted((a, b) => begun(b) - begun(a)).slice(0, SHOWN_RUNS);
  const rows = newest.map((run) => {
    const phase = phaseOfRun(run);
    return [run.metadata.name, { text: phase, paint: statePaint(session.colors, phase) }, age(wall - begun(run))];
  });
  const columns = [{ title: 'NAME' }, { title: 'PHASE' }, { title: 'AGE', align: 'right' as const }];
  return [
    '',
    `${session.colors.bold('Runs')} (${runs.length})`,
    ...indent(tableLines(columns, rows, { header: session.colors.dim })),
  ];
}

// --- parts -------------------------------------------------------------------------------------

function metadataFields(object: Resource, wall: number): [string, string][] {
  const { labels, annotations, creationTimestamp, deletionTimestamp, generation, uid } = object.metadata;
  const created = timeAt(creationTimestamp);
  const deleted = timeAt(deletionTimestamp);
  return [
    ['Uid', uid],
    ['Generation', String(generation)],
    ['Labels', pairs(labels)],
    ['Annotations', pairs(annotations)],
    [
      'Created',
      created === undefined ? '' : created === 0 ? 'built-in' : `${dateTime(created)} (${age(wall - created)} ago)`,
    ],
    ['Deleting', deleted === undefined ? '' : `since ${dateTime(deleted)}; waits until its processes have ended`],
  ];
}

function conditionBlock(session: Session, object: Resource, wall: number): string[] {
  const rows = listAt(statusOf(object), 'conditions').map((condition) => {
    const since = timeAt(condition, 'lastTransitionTime');
    const status = textAt(condition, 'status') ?? '';
    return [
      textAt(condition, 'type') ?? '',
      status,
      textAt(condition, 'reason') ?? '',
      since === undefined || since === 0 ? '' : age(wall - since),
      textAt(condition, 'message') ?? '',
    ];
  });
  if (rows.length === 0) return [];
  const columns = [
    { title: 'TYPE' },
    { title: 'STATUS' },
    { title: 'REASON' },
    { title: 'SINCE' },
    { title: 'MESSAGE' },
  ];
  const lines = tableLines(columns, rows, { header: session.colors.dim });
  return ['', session.colors.bold('Conditions'), ...indent(lines)];
}

/** Aligned; a field without a value is left out. */
function fields(pairsOf: readonly (readonly [string, string])[]): string[] {
  const shown = pairsOf.filter(([, value]) => value !== '');
  const width = Math.max(...shown.map(([name]) => name.length)) + 1;
  return shown.map(([name, value]) => `${padEnd(`${name}:`, width)}  ${value}`);
}

async function dataBlock(session: Session, title: string, value: Json | undefined): Promise<string[]> {
  if (value === undefined) return [];
  const { renderYaml } = await import('../../manifests/render.ts');
  return ['', session.colors.bold(title), ...indent(renderYaml(value).trimEnd().split('\n').map(clean))];
}

function valueText(value: Json | undefined): string {
  return value === undefined || value === null ? '' : fit(clean(JSON.stringify(value)), VALUE_WIDTH);
}

function pairs(map: { [key: string]: string } | undefined): string {
  return Object.entries(map ?? {})
    .map(([key, value]) => clean(`${key}=${value}`))
    .join(', ');
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}
