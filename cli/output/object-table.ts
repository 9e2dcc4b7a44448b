// The columns that people want to see of each kind, and how each cell is made from an object.
//
// Owns no reading and no printing: an object goes in as plain data (a Resource, or a view of views.ts), cells come out.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Kind } from '../../manifests/model.ts';
import type { View } from '../kinds.ts';
import { listAt, numberAt, objectAt, textAt, timeAt } from '../objects.ts';
import { type Colors, statePaint } from './colors.ts';
import type { Cell, Column, Row } from './table.ts';
import { age, duration } from './time.ts';

export interface ObjectTable {
  readonly columns: readonly Column[];
  /** `object` as a Resource or a view; `wallMs` is now. */
  readonly row: (object: JsonObject, wallMs: number) => Row;
}

interface Field {
  readonly title: string;
  readonly align?: 'right';
  /** Only in the wide table. */
  readonly isWide?: boolean;
  readonly value: (object: JsonObject, wallMs: number) => string | Cell;
}

export function objectTable(kind: Kind | View, isWide: boolean, colors: Colors): ObjectTable {
  const fields = fieldsOf(kind, colors).filter((field) => isWide || field.isWide !== true);
  return {
    columns: fields.map(({ title, align }) => (align === undefined ? { title } : { title, align })),
    row: (object, wallMs) => fields.map((field) => field.value(object, wallMs)),
  };
}

const NAME: Field = { title: 'NAME', value: (object) => textAt(object, 'metadata', 'name') ?? '' };

const AGE: Field = {
  title: 'AGE',
  align: 'right',
  value: (object, wallMs) => {
    const created = timeAt(object, 'metadata', 'creationTimestamp');
    // What is there from the start was made by nobody, at no time.
    return created === undefined ? '' : created === 0 ? 'built-in' : age(wallMs - created);
  },
};

function fieldsOf(kind: Kind | View, colors: Colors): readonly Field[] {
  const state = (text: string): Cell => ({ text, paint: statePaint(colors, text) });
  const status: Field = {
    title: 'STATUS',
    value: (object) => ({
      text: acceptanceOf(object),
      paint: statePaint(colors, textAt(acceptedOf(object), 'status') ?? ''),
    }),
  };
  switch (kind) {
    case 'WorkflowRun':
      return [
        NAME,
        { title: 'WORKFLOW', value: workflowOf },
        { title: 'PHASE', value: (object) => state(shownPhase(object)) },
        { title: 'PROGRESS', align: 'right', value: progressOf },
        { title: 'TIME', align: 'right', value: timeOf },
        AGE,
        {
          title: 'WORKERS',
          align: 'right',
          isWide: true,
          value: (object) => `${numberAt(object, 'status', 'workers') ?? 0}`,
        },
        {
          title: 'RUNNING',
          align: 'right',
          isWide: true,
          value: (object) => `${numberAt(object, 'status', 'counts', 'RUNNING') ?? ''}`,
        },
        {
          title: 'MESSAGE',
          isWide: true,
          value: (object) => refusalOf(object) || (textAt(object, 'status', 'message') ?? ''),
        },
      ];
    case 'Workflow':
      return [
        NAME,
        { title: 'FORM', value: formOf },
        { title: 'TASKS', align: 'right', value: sizeOf },
        status,
        AGE,
        { title: 'GENERATION', align: 'right', isWide: true, value: generationOf },
        { title: 'MESSAGE', isWide: true, value: refusalOf },
      ];
    case 'Task':
      return [
        NAME,
        { title: 'RUNS', value: executorOf },
        status,
        AGE,
        { title: 'MESSAGE', isWide: true, value: refusalOf },
      ];
    case 'Signal':
      return [
        NAME,
        { title: 'RUN', value: (object) => textAt(object, 'spec', 'run') ?? '' },
        { title: 'SIGNAL', value: (object) => textAt(object, 'spec', 'name') ?? '' },
        status,
        AGE,
        { title: 'MESSAGE', isWide: true, value: refusalOf },
      ];
    case 'Worker':
      return [
        NAME,
        { title: 'STATE', value: (object) => state(textAt(object, 'status', 'state') ?? '') },
        { title: 'BUSY', align: 'right', value: (object) => `${numberAt(object, 'status', 'busy') ?? 0}` },
        { title: 'SLOTS', align: 'right', value: (object) => `${numberAt(object, 'spec', 'slots') ?? 0}` },
        { title: 'PID', align: 'right', value: (object) => `${numberAt(object, 'status', 'pid') ?? ''}` },
      ];
    case 'TaskLease':
      return [
        NAME,
        { title: 'WORKER', value: (object) => textAt(object, 'spec', 'worker') ?? '' },
        { title: 'STATE', value: (object) => textAt(object, 'status', 'state') ?? '' },
        { title: 'RUN', value: (object) => textAt(object, 'spec', 'run') ?? '' },
        { title: 'NODE', value: (object) => textAt(object, 'spec', 'node') ?? '' },
        { title: 'SLOT', isWide: true, value: (object) => textAt(object, 'status', 'slot') ?? '' },
      ];
  }
}

function shownPhase(object: JsonObject): string {
  if (textAt(object, 'metadata', 'deletionTimestamp') !== undefined) return 'Deleting';
  const isEmpty = Object.keys(objectAt(object, 'spec') ?? {}).length === 0;
  // A file that never could be read: there is nothing to start.
  if (isEmpty && refusalOf(object) !== '') return acceptanceOf(object);
  return textAt(object, 'status', 'phase') ?? 'Pending';
}

function workflowOf(object: JsonObject): string {
  const isInline = objectAt(object, 'spec', 'workflow') !== undefined;
  const named = textAt(object, 'status', 'workflow') ?? textAt(object, 'spec', 'workflowRef', 'name');
  return named ?? (isInline ? '(inline)' : '');
}

function progressOf(object: JsonObject): string {
  const counts = objectAt(object, 'status', 'counts');
  const total = numberAt(counts, 'total');
  if (total === undefined) return '';
  const ended = ['SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED'].reduce(
    (sum, key) => sum + (numberAt(counts, key) ?? 0),
    0,
  );
  return `${ended}/${total}`;
}

function timeOf(object: JsonObject, wallMs: number): string {
  const start = timeAt(object, 'status', 'startTime');
  if (start === undefined) return '';
  return duration((timeAt(object, 'status', 'completionTime') ?? wallMs) - start);
}

function formOf(object: JsonObject): string {
  const spec = objectAt(object, 'spec') ?? {};
  return ['tasks', 'states', 'steps'].find((form) => spec[form] !== undefined) ?? '';
}

function sizeOf(object: JsonObject): string {
  const spec = objectAt(object, 'spec') ?? {};
  const steps = spec['steps'];
  const items = Array.isArray(steps)
    ? steps.flatMap((step) => (isObject(step) && Array.isArray(step['tasks']) ? step['tasks'] : []))
    : (spec['tasks'] ?? spec['states']);
  if (Array.isArray(items)) return String(items.length);
  return isObject(items) ? String(Object.keys(items).length) : '';
}

function generationOf(object: JsonObject): string {
  return String(numberAt(object, 'metadata', 'generation') ?? '');
}

const EXECUTORS = ['command', 'exec', 'call', 'python', 'connector', 'container', 'mock', 'wait', 'signal'];

function executorOf(object: JsonObject): string {
  const spec = objectAt(object, 'spec') ?? {};
  const name = EXECUTORS.find((executor) => spec[executor] !== undefined);
  if (name === undefined) return '';
  const value = spec[name];
  return typeof value === 'string' ? `${name}: ${value}` : `${name}: ${JSON.stringify(value)}`;
}

function acceptedOf(object: JsonObject): Json | undefined {
  return listAt(object, 'status', 'conditions').find((item) => textAt(item, 'type') === 'Accepted');
}

/** `Accepted`, or what is wrong in a word. */
function acceptanceOf(object: JsonObject): string {
  if (textAt(object, 'metadata', 'deletionTimestamp') !== undefined) return 'Deleting';
  return textAt(acceptedOf(object), 'reason') ?? '';
}

/** Why the document that stands is not the one in force. */
function refusalOf(object: JsonObject): string {
  const accepted = acceptedOf(object);
  if (textAt(accepted, 'status') !== 'False') return '';
  return textAt(accepted, 'message') ?? '';
}
