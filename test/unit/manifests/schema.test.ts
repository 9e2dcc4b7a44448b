// The JSON Schemas as documents: described, closed and bounded everywhere, and of one mind with the code.

import { createRequire } from 'node:module';
import { runInThisContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { isObject, type JsonObject } from '../../../kernel/json.ts';
import { EXECUTOR_FIELDS } from '../../../manifests/executors.ts';
import { KINDS } from '../../../manifests/model.ts';
import {
  commonSchema,
  compileDataSchema,
  printValidators,
  schemaOf,
  schemaProblem,
} from '../../../manifests/schema.ts';

interface Part {
  readonly path: string;
  readonly schema: JsonObject;
}

/** Every schema inside a schema, where a value of a manifest is described. */
function partsOf(schema: JsonObject, path: string): Part[] {
  const parts: Part[] = [{ path, schema }];
  for (const key of ['properties', '$defs']) {
    const inner = schema[key];
    if (!isObject(inner)) continue;
    for (const [name, part] of Object.entries(inner))
      if (isObject(part)) parts.push(...partsOf(part, `${path}.${name}`));
  }
  for (const key of ['items', 'additionalProperties']) {
    const part = schema[key];
    if (isObject(part)) parts.push(...partsOf(part, `${path}.${key}`));
  }
  return parts;
}

const common = commonSchema();
const roots: readonly Part[] = [
  ...KINDS.map(({ kind }) => ({ path: kind, schema: schemaOf(kind) })),
  { path: 'common', schema: common },
];
const parts = roots.flatMap(({ path, schema }) => partsOf(schema, path));

const typesOf = (schema: JsonObject): unknown[] => [schema['type'] ?? []].flat();

describe('schemas for editors', () => {
  test('there are many fields', () => {
    expect(parts.length).toBeGreaterThan(100);
  });

  test('each is a JSON Schema of 2020-12', () => {
    // References to common.json lead nowhere when a schema is looked at alone, so they are taken out.
    const alone = (schema: JsonObject): JsonObject =>
      JSON.parse(JSON.stringify(schema).replaceAll(/"\$ref":"[^"]*"/g, '"$comment":"ref"')) as JsonObject;
    expect(roots.map(({ schema }) => schemaProblem(alone(schema)))).toEqual(roots.map(() => undefined));
  });

  test('every field has a description', () => {
    const isEntry = (path: string): boolean => /\.(items|additionalProperties)$/.test(path);
    const refers = (schema: JsonObject): boolean => typeof schema['$ref'] === 'string';
    const bare = parts.filter(
      ({ path, schema }) => !isEntry(path) && !refers(schema) && typeof schema['description'] !== 'string',
    );
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  test('every text, list, number and open mapping is bounded', () => {
    const unbounded = parts.filter(({ schema }) => {
      const types = typesOf(schema);
      const has = (...keys: string[]): boolean => keys.some((key) => schema[key] !== undefined);
      if (types.includes('string') && !has('maxLength', 'const', 'enum')) return true;
      if (types.includes('array') && !has('maxItems')) return true;
      if (types.includes('integer') || (types.includes('number') && !types.includes('string')))
        return !has('maximum') || !has('minimum', 'exclusiveMinimum');
      return types.includes('object') && isObject(schema['additionalProperties']) && !has('maxProperties');
    });
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test('every mapping is closed, says what its other fields are, or holds data of the user', () => {
    const isUserData = (path: string): boolean => /\.(with|inputSchema|outputSchema|signal\.schema)$/.test(path);
    // Parts that others are made of (allOf) are closed by the whole.
    const isPart = (path: string): boolean => /^common\.(executors|oneExecutor|body)$/.test(path);
    const isState = (path: string): boolean => /\.(states|States)\.additionalProperties$/.test(path);
    const open = parts.filter(({ path, schema }) => {
      if (!typesOf(schema).includes('object') || isUserData(path) || isPart(path) || isState(path)) return false;
      return schema['additionalProperties'] === undefined && schema['unevaluatedProperties'] !== false;
    });
    expect(open.map(({ path }) => path)).toEqual([]);
  });

  test('the executors of the schema are those of the code', () => {
    const { executors, oneExecutor } = common['$defs'] as { executors: JsonObject; oneExecutor: JsonObject };
    expect(Object.keys(executors['properties'] as JsonObject)).toEqual(EXECUTOR_FIELDS);
    const choices = (oneExecutor['oneOf'] as { required: string[] }[]).flatMap(({ required }) => required);
    expect(choices).toEqual([...EXECUTOR_FIELDS, 'taskRef']);
  });
});

describe('what the build prints', () => {
  type Printed = Record<string, (value: unknown) => boolean>;
  const module: { exports: Printed } = { exports: {} };
  const run = runInThisContext(`(function (module, exports, require) {${printValidators()}\n})`) as (
    ...scope: unknown[]
  ) => void;
  run(module, module.exports, createRequire(import.meta.url));
  const workflow = (spec: unknown): unknown => ({
    apiVersion: 'oarlock.dev/v1',
    kind: 'Workflow',
    metadata: { name: 'w' },
    spec,
  });

  test.each([
    ['Workflow', workflow({ tasks: [{ id: 'a', command: 'x' }] }), true],
    ['Workflow', workflow({ tasks: [{ id: 'a', comand: 'x' }] }), false],
    ['Workflow', workflow({ tasks: [{ id: 'a', command: 'x', exec: ['y'] }] }), false],
    ['WorkflowRun', workflow({ workflowRef: { name: 'w' } }), false],
    ['step', { type: 'parallel', tasks: ['a', { id: 'b', command: 'x' }] }, true],
    ['name', '../x', false],
  ] as const)('%s of %j is %s', (name, value, isTaken) => {
    expect(module.exports[name]?.(value)).toBe(isTaken);
  });
});

describe('schemas of users', () => {
  const check = compileDataSchema({
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'integer', maximum: 3 } },
  });
  const cases: readonly { name: string; data: unknown; problem: RegExp | undefined }[] = [
    { name: 'fits', data: { n: 3, other: 1 }, problem: undefined },
    { name: 'lacks a field', data: {}, problem: /^n: required, and not there$/ },
    {
      name: 'has a field of the wrong type',
      data: { n: 'x' },
      problem: /^n: expected a whole number, found the text "x"/,
    },
    { name: 'is too great', data: { n: 4 }, problem: /^n: expected at most 3, found the number 4$/ },
    { name: 'is no object', data: null, problem: /^expected a mapping, found nothing \(null\)$/ },
    { name: 'has the field only by inheritance', data: Object.create({ n: 1 }), problem: /^n: required/ },
  ];
  test.each(cases)('data that $name', ({ data, problem }) => {
    if (problem === undefined) expect(check(data)).toBeUndefined();
    else expect(check(data)).toMatch(problem);
  });

  test.each([{ type: 'strng' }, { properties: [] }, { $ref: 'https://example.com/x.json' }, { pattern: '(' }])(
    '%j is refused',
    (schema) => {
      expect(schemaProblem(schema as JsonObject)).toBeTypeOf('string');
    },
  );

  test('a schema that refers to itself is taken', () => {
    expect(
      schemaProblem({ $defs: { t: { type: 'array', items: { $ref: '#/$defs/t' } } }, $ref: '#/$defs/t' }),
    ).toBeUndefined();
  });
});
