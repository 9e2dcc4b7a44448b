// Editing documents in place: the result says exactly what was asked for, and what did not change stays as it was.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../kernel/json.ts';
import { editDocument, renderDocument } from '../../../manifests/document.ts';
import type { Manifest } from '../../../manifests/model.ts';
import { parseDocuments } from '../../../manifests/parse.ts';
import { Findings } from '../../../manifests/problems.ts';

function parsed(text: string): unknown {
  const findings = new Findings();
  const documents = parseDocuments(text, findings);
  expect(findings.list()).toEqual([]);
  expect(documents.length).toBe(1);
  return documents[0]?.value;
}

const manifestOf = (spec: JsonObject, name = 'w'): Manifest => ({
  apiVersion: 'oarlock.dev/v1',
  kind: 'Workflow',
  metadata: { name },
  spec,
});

const TEXT = `# about all
apiVersion: oarlock.dev/v1
kind: Workflow
metadata: {name: w} # the name

# about the spec
spec:
  parallelism: 2 # two
  tasks:
    # the first
    - {id: a, command: echo a}

    # the second
    - id: b
      command: |
        echo b
        echo c
      dependencies: [a] # after a
`;
const A = { id: 'a', command: 'echo a' };
const B = { id: 'b', command: 'echo b\necho c\n', dependencies: ['a'] };

describe('comments and order stay', () => {
  const edit = (spec: JsonObject): string[] => editDocument(TEXT, manifestOf(spec)).split('\n');
  const without = (...lines: string[]): string[] => TEXT.split('\n').filter((line) => !lines.includes(line));

  test('nothing changed, nothing changes', () => {
    expect(edit({ parallelism: 2, tasks: [A, B] })).toEqual(TEXT.split('\n'));
  });

  test('a changed value', () => {
    expect(edit({ parallelism: 3, tasks: [A, B] })).toEqual(
      TEXT.replace('parallelism: 2 #', 'parallelism: 3 #').split('\n'),
    );
  });

  test('a new field goes to the end of its mapping', () => {
    expect(edit({ parallelism: 2, tasks: [A, B], failurePolicy: 'Continue' }).slice(-2)).toEqual([
      '  failurePolicy: Continue',
      '',
    ]);
  });

  test('a field that goes takes its comment along', () => {
    expect(edit({ tasks: [A, B] })).toEqual(without('  parallelism: 2 # two'));
  });

  test('tasks are known by their id when the list changes around them', () => {
    const text = edit({ parallelism: 2, tasks: [{ id: 'n', command: 'x' }, B, A] }).join('\n');
    expect(text).toMatch(/ {4}- id: n\n {6}command: x\n\n? {4}# the second\n {4}- id: b\n/);
    expect(text).toMatch(/# the first\n {4}- \{id: a, command: echo a\}/);
    expect(text).toContain('dependencies: [a] # after a');
  });

  test('a list that its author did not indent stays so', () => {
    const text =
      'apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata:\n  name: w\nspec:\n  tasks:\n  - id: a\n    command: x\n';
    expect(editDocument(text, manifestOf({ tasks: [{ id: 'a', command: 'y' }] }))).toBe(
      text.replace('command: x', 'command: y'),
    );
  });

  test('where an anchored value changes, its aliases keep what they said', () => {
    const head = TEXT.slice(0, TEXT.indexOf('  parallelism'));
    const body =
      '  tasks:\n  - &x {id: a, command: echo a} # one\n  - {id: b, command: y, env: &e {A: b}}\n  - {id: c, command: y, env: *e}\n';
    const text = head + body;
    const spec = {
      tasks: [A, { id: 'b', command: 'y', env: { A: 'changed' } }, { id: 'c', command: 'y', env: { A: 'b' } }],
    };
    const result = editDocument(text, manifestOf(spec));
    expect(parsed(result)).toEqual(manifestOf(spec));
    expect(result).toContain('# about the spec');
  });

  test('a JSON document stays JSON', () => {
    const result = editDocument('{"apiVersion": "x"}', manifestOf({ tasks: [A] }));
    expect(JSON.parse(result)).toEqual(manifestOf({ tasks: [A] }));
  });

  test.each(['', 'a: [', '- x\n', 'a: 1\n---\nb: 2\n', '"text"'])(
    'a text that is no manifest (%j) is written anew',
    (text) => {
      expect(parsed(editDocument(text, manifestOf({ tasks: [A] })))).toEqual(manifestOf({ tasks: [A] }));
    },
  );
});

// Keys and texts that YAML could take for something else.
const tricky = fc.constantFrom(
  '',
  ' ',
  'no',
  'null',
  '~',
  '1',
  '0x1f',
  '1e3',
  '-',
  '- a',
  'a: b',
  '#c',
  '*a',
  '&a',
  '!t',
  '%d',
  '|',
  '>',
  '"',
  "'",
  '---',
  '...',
  '{',
  ']',
  'a\nb',
  '\n',
  '\ta',
  'a ',
  '\u2028',
  '\u0085',
  '\uFEFF',
  '=',
  '<<',
  '漢🚀',
  '2026-01-01',
  '.nan',
);
const text = fc
  .oneof(tricky, fc.string({ unit: 'grapheme', maxLength: 12 }))
  .filter((value) => !/[\0\p{Surrogate}]/u.test(value));
const key = text.filter((value) => !['__proto__', 'constructor', 'prototype'].includes(value));
const number = fc
  .oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }))
  .map((value) => (value === 0 ? 0 : value));
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(text, number, fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(key, tie('json'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const spec = fc.dictionary(key, json, { maxKeys: 5, noNullPrototype: true });

describe('whatever is asked for, the text says exactly that', () => {
  test('rendering', () => {
    fc.assert(
      fc.property(spec, (value) => {
        expect(parsed(renderDocument(manifestOf(value)))).toEqual(manifestOf(value));
      }),
      { numRuns: 300 },
    );
  });

  test('editing one document into another', () => {
    fc.assert(
      fc.property(spec, spec, fc.boolean(), (from, to, isMixed) => {
        const target = isMixed ? { ...from, ...to } : to;
        const edited = editDocument(renderDocument(manifestOf(from)), manifestOf(target));
        expect(parsed(edited)).toEqual(manifestOf(target));
      }),
      { numRuns: 300 },
    );
  });

  test('editing a document with comments, anchors and flow', () => {
    fc.assert(
      fc.property(spec, (value) => {
        expect(parsed(editDocument(TEXT, manifestOf(value)))).toEqual(manifestOf(value));
      }),
      { numRuns: 200 },
    );
  });
});
