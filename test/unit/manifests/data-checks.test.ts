// Data against schemas of users: the words of a refusal, and schemas that are meant badly.

import { afterAll, describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../kernel/json.ts';
import { DataChecks, dataMessage } from '../../../manifests/data-checks.ts';

const checks = new DataChecks();
afterAll(() => checks.close());

async function said(schema: JsonObject, data: Json): Promise<string | undefined> {
  const problem = await checks.check(schema, data);
  return problem === undefined ? undefined : dataMessage('input', problem);
}

const item = { type: 'object', required: ['size'], properties: { size: { type: 'integer' } } };
const rows: readonly { name: string; schema: JsonObject; data: Json; problem: string | undefined }[] = [
  { name: 'fits', schema: item, data: { size: 1 }, problem: undefined },
  { name: 'lacks a field', schema: item, data: {}, problem: 'input.size: required, and not there' },
  {
    name: 'an item of a list',
    schema: { properties: { items: { type: 'array', items: item } } },
    data: { items: [{ size: 1 }, { size: 'x' }] },
    problem: 'input.items[1].size: expected a whole number, found the text "x"',
  },
  { name: 'the whole', schema: { type: 'string' }, data: [], problem: 'input: expected a text, found an empty list' },
  { name: 'never', schema: { not: {} }, data: 1, problem: 'input: expected must NOT be valid, found the number 1' },
  {
    name: 'a schema that refers to itself without end',
    schema: { $ref: '#' },
    data: 1,
    problem: 'input: cannot be checked: RangeError: Maximum call stack size exceeded',
  },
];

describe('data', () => {
  test.each(rows)('$name', async ({ schema, data, problem }) => {
    expect(await said(schema, data)).toBe(problem);
  });

  test('a pattern that takes for ever is ended, and the next check is answered', { timeout: 30_000 }, async () => {
    const slow = said({ type: 'string', pattern: '^(a+)+$' }, `${'a'.repeat(40)}!`);
    const next = said(item, { size: 1 });
    expect(await slow).toBe('input: check against its schema: expected to end within 1000 ms, took longer');
    expect(await next).toBeUndefined();
  });
});
