// Tables: the columns that people want to see of each kind, as kubectl prints them.
// Ages and durations are cells that the server computes, so two Tables of one object may differ.

import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import { valueAt } from '../selectors.ts';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer';
  /** Only with `-o wide`. */
  readonly isWide?: boolean;
  readonly description: string;
  readonly cell: (object: JsonObject, wallMs: number) => Json;
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

const NAME: Column = {
  name: 'Name',
  type: 'string',
  description: 'Name of the object.',
  cell: (object) => textOf(object, 'metadata', 'name'),
};
const AGE: Column = {
  name: 'Age',
  type: 'string',
  description: 'Time since it was created.',
  cell: (object, wallMs) => ageOf(textOf(object, 'metadata', 'creationTimestamp'), wallMs),
};
const STATUS = column('Status', 'Accepted, or what is wrong with the document that stands.', acceptanceOf);
const ACCEPTED: Column = {
  name: 'Message',
  type: 'string',
  isWide: true,
  description: 'Why the document that stands is not the one in force.',
  cell: (object) => refusalOf(object),
};

const COLUMNS: ReadonlyMap<string, readonly Column[]> = new Map([
  [
    'WorkflowRun',
    [
      NAME,
      column('Workflow', 'What it runs.', workflowOf),
      column('Phase', 'Where it stands.', phaseOf),
      column('Progress', 'Tasks that have ended, of all.', progressOf),
      column('Time', 'How long it ran, or has been running.', durationOf),
      AGE,
      wide('Workers', 'Workers that have tasks of it.', (object) => valueAt(object, ['status', 'workers']) ?? 0),
      wide(
        'Running',
        'Tasks that run right now.',
        (object) => valueAt(object, ['status', 'counts', 'RUNNING']) ?? null,
      ),
      wide(
        'Message',
        'What there is to say about it.',
        (object) => refusalOf(object) || textOf(object, 'status', 'message'),
      ),
    ],
  ],
  [
    'Workflow',
    [
      NAME,
      column('Form', 'How it is written.', formOf),
      column('Tasks', 'How many there are.', sizeOf),
      STATUS,
      AGE,
      ACCEPTED,
    ],
  ],
  ['Task', [NAME, column('Runs', 'What it does.', executorOf), STATUS, AGE, ACCEPTED]],
  [
    'Signal',
    [
      NAME,
      column('Run', 'Whom it is for.', (object) => textOf(object, 'spec', 'run')),
      column('Signal', 'What it is called.', (object) => textOf(object, 'spec', 'name')),
      STATUS,
      AGE,
      ACCEPTED,
    ],
  ],
  [
    'Worker',
    [
      NAME,
      column('State', 'Whether it takes tasks.', (object) => textOf(object, 'status', 'state')),
      column('Busy', 'Attempts that it runs.', (object) => valueAt(object, ['status', 'busy']) ?? null),
      column('Slots', 'Attempts that it can run at once.', (object) => valueAt(object, ['spec', 'slots']) ?? null),
      wide('Pid', 'Its process.', (object) => valueAt(object, ['status', 'pid']) ?? null),
    ],
  ],
  [
    'TaskLease',
    [
      NAME,
      column('Worker', 'Who has it.', (object) => textOf(object, 'spec', 'worker')),
      column('State', 'Where it stands.', (object) => textOf(object, 'status', 'state')),
      column('Run', 'Run that it belongs to.', (object) => textOf(object, 'spec', 'run')),
      column('Node', 'Node that it belongs to.', (object) => textOf(object, 'spec', 'node')),
    ],
  ],
  [
    'Event',
    [
      column('Last Seen', 'How long ago.', (object, wallMs) => ageOf(textOf(object, 'lastTimestamp'), wallMs)),
      column('Type', 'Normal or Warning.', (object) => textOf(object, 'type')),
      column('Reason', 'What happened.', (object) => textOf(object, 'reason')),
      column(
        'Object',
        'What it happened to.',
        (object) =>
          `${textOf(object, 'involvedObject', 'kind').toLowerCase()}/${textOf(object, 'involvedObject', 'name')}`,
      ),
      column('Message', 'In words.', (object) => textOf(object, 'message')),
      wide('Name', 'Name of the event.', (object) => textOf(object, 'metadata', 'name')),
    ],
  ],
  [
    'Pod',
    [
      NAME,
      column('Progress', 'Tasks that have ended, of all.', (object) =>
        textOf(object, 'metadata', 'annotations', 'oarlock.dev/progress'),
      ),
      column('Status', 'Where the run stands.', (object) => textOf(object, 'status', 'phase')),
      AGE,
    ],
  ],
]);

function column(name: string, description: string, cell: Column['cell']): Column {
  return { name, type: 'string', description, cell };
}

function wide(name: string, description: string, cell: Column['cell']): Column {
  return { ...column(name, description, cell), isWide: true };
}

/** A Table of these objects. `hasColumns`: false for every event of a watch but the first. */
export function toTable(
  kind: string,
  objects: readonly JsonObject[],
  options: { include: IncludeObject; wallMs: number; metadata: JsonObject; hasColumns: boolean; apiVersion: string },
): JsonObject {
  const columns = COLUMNS.get(kind) ?? [NAME, AGE];
  return {
    kind: 'Table',
    apiVersion: options.apiVersion,
    metadata: options.metadata,
    columnDefinitions: options.hasColumns ? columns.map(definition) : null,
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cellOf(cell(object, options.wallMs))),
      ...rowObject(object, options.include, options.apiVersion),
    })),
  };
}

function definition({ name, type, description, isWide }: Column): JsonObject {
  return { name, type, format: name === 'Name' ? 'name' : '', description, priority: isWide === true ? 1 : 0 };
}

/** kubectl prints `<none>` for null. Line breaks would break the table. */
function cellOf(value: Json): Json {
  if (typeof value !== 'string') return value;
  return value === '' ? null : value.replaceAll(/[\r\n\t]+/g, ' ');
}

function rowObject(object: JsonObject, include: IncludeObject, apiVersion: string): JsonObject {
  if (include === 'None') return {};
  if (include === 'Object') return { object };
  return { object: { kind: 'PartialObjectMetadata', apiVersion, metadata: object['metadata'] ?? {} } };
}

// --- cells ---------------------------------------------------------------------------------------

function textOf(object: JsonObject, ...keys: string[]): string {
  const value = valueAt(object, keys);
  return typeof value === 'string' ? value : '';
}

/** As kubectl itself writes times: `32s`, `5m`, `3h`, `2d`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

function ageOf(time: string, wallMs: number): string {
  const at = Date.parse(time);
  // What is there from the start was made by nobody, at no time.
  return Number.isNaN(at) ? '' : at === 0 ? 'built-in' : ageText(wallMs - at);
}

function workflowOf(object: JsonObject): string {
  return textOf(object, 'status', 'workflow') || textOf(object, 'spec', 'workflowRef', 'name') || '(inline)';
}

function phaseOf(object: JsonObject): string {
  if (textOf(object, 'metadata', 'deletionTimestamp') !== '') return 'Deleting';
  const spec = valueAt(object, ['spec']);
  // A file that never could be read: there is nothing to start.
  if (refusalOf(object) !== '' && isObject(spec) && Object.keys(spec).length === 0) return acceptanceOf(object);
  return textOf(object, 'status', 'phase') || 'Pending';
}

const ENDED = ['SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED'];

export function progressOf(object: JsonObject): string {
  const counts = valueAt(object, ['status', 'counts']);
  if (!isObject(counts)) return '';
  const ended = ENDED.reduce((sum, state) => sum + Number(counts[state] ?? 0), 0);
  return `${ended}/${Number(counts['total'] ?? 0)}`;
}

function durationOf(object: JsonObject, wallMs: number): string {
  const start = Date.parse(textOf(object, 'status', 'startTime'));
  const end = Date.parse(textOf(object, 'status', 'completionTime'));
  return Number.isNaN(start) ? '' : ageText((Number.isNaN(end) ? wallMs : end) - start);
}

function formOf(object: JsonObject): string {
  const spec = valueAt(object, ['spec']);
  return (
    ['tasks', 'states', 'States', 'steps'].find((form) => isObject(spec) && spec[form] !== undefined)?.toLowerCase() ??
    ''
  );
}

function sizeOf(object: JsonObject): string {
  const spec = valueAt(object, ['spec']);
  if (!isObject(spec)) return '';
  const { tasks, states, steps, States } = spec;
  if (Array.isArray(steps))
    return String(steps.reduce((sum: number, step) => sum + lengthOf(valueAt(step, ['tasks'])), 0));
  return String(lengthOf(tasks ?? states ?? States));
}

function lengthOf(value: Json | undefined): number {
  if (Array.isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : 0;
}

const EXECUTORS = ['command', 'exec', 'call', 'python', 'connector', 'container', 'mock', 'wait', 'signal'];
const SHOWN_CHARACTERS = 60;

function executorOf(object: JsonObject): string {
  const spec = valueAt(object, ['spec']);
  const name = EXECUTORS.find((executor) => isObject(spec) && spec[executor] !== undefined) ?? '';
  const value = valueAt(spec, [name]);
  const shown = typeof value === 'string' ? value : JSON.stringify(value ?? '');
  return name === '' ? '' : `${name}: ${shown.slice(0, SHOWN_CHARACTERS)}`;
}

/** Null for an object that nobody has looked at. */
function acceptedOf(object: JsonObject): Json {
  const conditions = valueAt(object, ['status', 'conditions']);
  return (Array.isArray(conditions) ? conditions : []).find((item) => textAt(item, 'type') === 'Accepted') ?? null;
}

function acceptanceOf(object: JsonObject): string {
  return textOf(object, 'metadata', 'deletionTimestamp') === '' ? textAt(acceptedOf(object), 'reason') : 'Deleting';
}

function refusalOf(object: JsonObject): string {
  const accepted = acceptedOf(object);
  return textAt(accepted, 'status') === 'False' ? textAt(accepted, 'message') : '';
}
