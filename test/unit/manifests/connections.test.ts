// Connected tasks with declared inputs and outputs: what can never fit is refused with its place, all else is left to the run.

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../kernel/json.ts';
import { AdmissionError } from '../../../kernel/errors.ts';
import { compile } from '../../../manifests/compile.ts';
import { admitted, problemsOf, workflow, wordsOf } from './help.ts';

const OUTPUT: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    either: { anyOf: [{ type: 'string' }, { type: 'boolean' }] },
    list: { type: 'array', items: { $ref: '#/$defs/item' } },
    free: {},
    never: false,
  },
  $defs: { item: { type: 'object', properties: { size: { const: 7 } }, additionalProperties: false } },
};

interface Row {
  readonly name: string;
  readonly with: JsonObject;
  readonly asked: JsonObject;
  /** `PATH: MESSAGE`; absent: it may fit. */
  readonly problem?: string;
}

const property = (schema: JsonObject): JsonObject => ({ properties: { x: schema } });
const at = (place: string): JsonObject => ({ x: `$.tasks.A.output${place}` });

const rows: readonly Row[] = [
  { name: 'the same type', with: at('.text'), asked: property({ type: 'string' }) },
  { name: 'a number for a whole one', with: at('.list[0].size'), asked: property({ type: 'integer' }) },
  {
    name: 'another type',
    with: at('.text'),
    asked: property({ type: 'integer' }),
    problem: 'x: expected a number (inputSchema), found a text (outputSchema of "A")',
  },
  { name: 'another type, where null will do', with: at('.text'), asked: property({ type: ['integer', 'null'] }) },
  { name: 'one of two types', with: at('.either'), asked: property({ type: 'string' }) },
  {
    name: 'none of two types',
    with: at('.either'),
    asked: property({ anyOf: [{ type: 'number' }, { type: 'array' }] }),
    problem: 'x: expected a number or a list (inputSchema), found true or false or a text (outputSchema of "A")',
  },
  { name: 'anything', with: at('.free.deep[3]'), asked: property({ type: 'string' }) },
  {
    name: 'a place that is ruled out',
    with: at('.txt'),
    asked: {},
    problem: 'x: expected a place in the output of "A", found "$.tasks.A.output.txt", which its outputSchema rules out',
  },
  {
    name: 'a place within a text',
    with: at('.text.size'),
    asked: {},
    problem:
      'x: expected a place in the output of "A", found "$.tasks.A.output.text.size", which its outputSchema rules out',
  },
  {
    name: 'a place behind a reference',
    with: at('.list[0].weight'),
    asked: {},
    problem:
      'x: expected a place in the output of "A", found "$.tasks.A.output.list[0].weight", which its outputSchema rules out',
  },
  {
    name: 'a place that is never',
    with: at('.never'),
    asked: {},
    problem:
      'x: expected a place in the output of "A", found "$.tasks.A.output.never", which its outputSchema rules out',
  },
  {
    name: 'deep in a literal',
    with: { x: [{ y: '$.tasks.A.output.count' }] },
    asked: property({ items: { properties: { y: { allOf: [{ type: 'string' }] } } } }),
    problem: 'x[0].y: expected a text (inputSchema), found a number (outputSchema of "A")',
  },
  { name: 'a literal', with: { x: 3 }, asked: property({ type: 'number', minimum: 5 }) },
  {
    name: 'a literal of another type',
    with: { x: 'three' },
    asked: property({ type: 'number' }),
    problem: 'x: expected a number (inputSchema), found the text "three"',
  },
  {
    name: 'a literal that is not among those asked for',
    with: { x: 'c' },
    asked: property({ enum: ['a', 'b'] }),
    problem: 'x: expected "a" or "b" (inputSchema), found the text "c"',
  },
  {
    name: 'a field that is missing',
    with: { x: 1 },
    asked: { required: ['x', 'y'] },
    problem: 'y: required by inputSchema, and not there',
  },
  {
    name: 'a field too many',
    with: { x: 1, z: 2 },
    asked: { properties: { x: {} }, additionalProperties: false },
    problem: 'z: inputSchema takes no such field',
  },
  {
    name: 'a field by a pattern',
    with: { z: 2 },
    asked: { patternProperties: { '^z': {} }, additionalProperties: false },
  },
  { name: 'the state of a task', with: { x: '$.tasks.A.state' }, asked: property({ type: 'number' }) },
  { name: 'a schema that refers to itself', with: { x: { x: { x: 1 } } }, asked: { properties: { x: { $ref: '#' } } } },
  {
    name: 'a task that says nothing of its output',
    with: { x: '$.tasks.Z.output.any' },
    asked: property({ type: 'number' }),
  },
  { name: 'the input of the run', with: { x: '$.input.any' }, asked: property({ type: 'number' }) },
];

function specOf({ with: given, asked }: Row): JsonObject {
  return {
    tasks: [
      { id: 'A', command: 'a', outputSchema: OUTPUT },
      { id: 'Z', command: 'z' },
      { id: 'B', command: 'b', dependencies: ['A', 'Z'], with: given, inputSchema: asked },
    ],
  };
}

describe('what a task is given and what it takes', () => {
  test.each(rows)('$name', (row) => {
    const problems = problemsOf({ text: workflow(specOf(row)) }).map(({ path, message }) => `${path}: ${message}`);
    expect(problems).toEqual(row.problem === undefined ? [] : [`spec.tasks[2].with.${row.problem}`]);
  });

  test('the place is a line and a column', () => {
    const text = `tasks:
- id: A
  command: a
  outputSchema: {type: object, properties: {y: {type: string}}}
- id: B
  command: b
  dependencies: [A]
  inputSchema: {properties: {x: {type: integer}}}
  with:
    x: $.tasks.A.output.y
`;
    expect(wordsOf(problemsOf({ text, defaultName: 'w' }))).toEqual([
      '10:8 tasks[1].with.x: expected a number (inputSchema), found a text (outputSchema of "A")',
    ]);
  });

  test('steps are looked at, too', () => {
    const tasks = [
      { id: 'A', command: 'a', outputSchema: OUTPUT },
      { id: 'B', command: 'b', with: at('.text'), inputSchema: property({ type: 'integer' }) },
    ];
    const problems = problemsOf({ text: workflow({ steps: [{ type: 'sequential', tasks }] }) });
    expect(problems.map(({ path }) => path)).toEqual(['spec.steps[0].tasks[1].with.x']);
  });

  test('Tasks that are referred to say when a run starts what they take and give', () => {
    const spec = {
      tasks: [
        { id: 'A', taskRef: 'make' },
        { id: 'B', taskRef: 'take', dependencies: ['A'], with: at('.text') },
      ],
    };
    expect(problemsOf({ text: workflow(spec) })).toEqual([]);
    const known = new Map<string, JsonObject>([
      ['make', { command: 'a', outputSchema: OUTPUT }],
      ['take', { command: 'b', inputSchema: property({ type: 'integer' }) }],
    ]);
    const manifest = admitted(workflow(spec));
    const compiled = (): unknown =>
      compile({ manifest, name: 'r', uid: 'u' }, { name: 'w', generation: 1, spec }, (name) => known.get(name));
    expect(compiled).toThrow(AdmissionError);
    expect(compiled).toThrow('Workflow/w: spec.tasks[1].with.x: expected a number (inputSchema), found a text');
  });
});
