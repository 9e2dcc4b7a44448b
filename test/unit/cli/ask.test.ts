// Forms on a terminal: the questions, what counts as an answer, and what is asked again.

import { afterAll, describe, expect, test } from 'vitest';
import { askFor } from '../../../cli/ask.ts';
import type { Json, JsonObject } from '../../../kernel/json.ts';
import { DataChecks } from '../../../manifests/data-checks.ts';

const checks = new DataChecks();
afterAll(() => checks.close());

const FORM: JsonObject = {
  type: 'object',
  required: ['ok', 'amount'],
  properties: {
    ok: { type: 'boolean', title: 'Shall it be sent?' },
    amount: { type: 'integer', minimum: 1 },
    by: { type: 'string', default: 'Ada' },
    how: { enum: ['post', 'pigeon', 'plane'] },
    tags: { type: 'array', items: { type: 'string' } },
  },
};

/** The questions, and what came of them, when these are the answers. */
async function asked(schema: JsonObject, answers: readonly (string | null)[]): Promise<{ said: string[]; data: Json }> {
  const said: string[] = [];
  const rest = [...answers];
  const prompt = (question: string): Promise<string | null> => {
    said.push(question);
    const answer = rest.shift();
    if (answer === undefined) throw new Error(`no answer to ${question}`);
    return Promise.resolve(answer);
  };
  return { data: await askFor(schema, prompt, checks), said };
}

describe('a form', () => {
  test('is asked field by field', async () => {
    const { data, said } = await asked(FORM, ['y', '3', '', 'pi', 'red, green ,']);
    expect(data).toEqual({ ok: true, amount: 3, by: 'Ada', how: 'pigeon', tags: ['red', 'green'] });
    expect(said).toEqual([
      'Shall it be sent?\n  ok (yes or no): ',
      'amount (a whole number): ',
      'by (a text; default Ada): ',
      'how (post, pigeon, plane; optional): ',
      'tags (texts, with commas between them; optional): ',
    ]);
  });

  test('optional fields may be left out', async () => {
    expect((await asked(FORM, ['no', '1', 'Bob', '', ''])).data).toEqual({ ok: false, amount: 1, by: 'Bob' });
  });

  test('what does not fit is told, and asked again', async () => {
    const { data, said } = await asked(FORM, ['perhaps', '', 'yes', 'many', '0', '2', '', 'p', 'post', '']);
    expect(data).toEqual({ ok: true, amount: 2, by: 'Ada', how: 'post' });
    expect(said.flatMap((question) => /^ {2}(.*)\n/.exec(question)?.[1] ?? [])).toEqual([
      'expected yes or no, found "perhaps"',
      'an answer is required',
      'expected a number, found "many"',
      'amount: expected at least 1, found the number 0',
      'expected one of post, pigeon, plane, found "p"',
    ]);
  });

  test('broken off, it is no answer', async () => {
    expect((await asked(FORM, ['y', null])).data).toBeNull();
  });

  test('a schema without fields is one question', async () => {
    expect((await asked({ type: 'string', title: 'Why?' }, ['so'])).data).toBe('so');
    expect((await asked({}, ['{', '{"a": 1}'])).data).toEqual({ a: 1 });
  });
});
