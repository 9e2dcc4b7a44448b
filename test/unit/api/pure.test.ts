// The pure parts of the API: patches, owners of fields, selectors, Tables, protobuf, media types.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readEnvelope } from '../../../api/identity/protobuf.ts';
import { afterUpdate, applyFields } from '../../../api/resources/managed-fields.ts';
import { jsonPatch, mergePatch } from '../../../api/resources/patch.ts';
import { ageText, toTable } from '../../../api/resources/table.ts';
import { parseSelector } from '../../../api/selectors.ts';
import { AdmissionError } from '../../../kernel/errors.ts';
import { isObject, type Json, type JsonObject } from '../../../kernel/json.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd');
const { json } = fc.letrec<{ json: Json; object: JsonObject }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(1, 'x', true, null),
    fc.array(tie('json'), { maxLength: 3 }),
    tie('object'),
  ) as fc.Arbitrary<Json>,
  object: fc.dictionary(key, tie('json') as fc.Arbitrary<Json>, {
    maxKeys: 4,
    noNullPrototype: true,
  }) as fc.Arbitrary<JsonObject>,
}));
const object = fc.dictionary(key, json, { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;

function withoutNulls(value: Json): Json {
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
}

describe('merge patch', () => {
  test.each<[Json, Json, Json]>([
    // The examples of RFC 7386, appendix A.
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j gives %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  test('by what an object is (without nulls) leads to it from nothing, and twice is once', () => {
    fc.assert(
      fc.property(object, json, (wanted, from) => {
        expect(mergePatch({}, withoutNulls(wanted))).toEqual(withoutNulls(wanted));
        const once = mergePatch(from, wanted);
        expect(mergePatch(once, wanted)).toEqual(once);
      }),
    );
  });
});

describe('JSON patch', () => {
  test.each<[string, Json, Json, Json]>([
    ['adds to an object', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['adds into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['adds to the end of a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: 7 }], 7],
    [
      'reads ~0 and ~1',
      { 'a/b': 1, '~c': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'remove', path: '/~0c' },
      ],
      {},
    ],
    ['moves', { a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
    [
      'copies',
      { a: [1] },
      [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'add', path: '/b/-', value: 2 },
      ],
      { a: [1], b: [1, 2] },
    ],
    ['replaces in a list', { a: [1, 2] }, [{ op: 'replace', path: '/a/0', value: 9 }], { a: [9, 2] }],
  ])('%s', (_name, target, patch, result) => {
    const before = structuredClone(target);
    expect(jsonPatch(target, patch)).toEqual(result);
    expect(target).toEqual(before);
  });

  test.each<[string, Json]>([
    ['no list', { op: 'add' }],
    ['no path', [{ op: 'remove' }]],
    ['a path without a slash', [{ op: 'remove', path: 'a' }]],
    ['a missing parent', [{ op: 'add', path: '/x/y', value: 1 }]],
    ['a missing source', [{ op: 'copy', from: '/x', path: '/y' }]],
    ['an index with a leading zero', [{ op: 'remove', path: '/list/00' }]],
    ['an index behind the end', [{ op: 'add', path: '/list/9', value: 1 }]],
    ['a move into itself', [{ op: 'move', from: '/a', path: '/a/b' }]],
    ['no value', [{ op: 'add', path: '/z' }]],
    ['a failed test', [{ op: 'test', path: '/a', value: 2 }]],
  ])('refuses %s', (_name, patch) => {
    expect(() => jsonPatch({ a: { c: 1 }, list: [1] }, patch)).toThrow(AdmissionError);
  });

  test('any operations either give a document or are refused', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', '0', '-', '__proto__', '~1'), { maxLength: 3 })
      .map((keys) => keys.map((k) => `/${k}`).join(''));
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
      path,
      from: path,
      value: json,
    });
    fc.assert(
      fc.property(object, fc.array(operation, { maxLength: 4 }), (target, patch) => {
        try {
          jsonPatch(target, patch as Json);
        } catch (error) {
          expect(error).toBeInstanceOf(AdmissionError);
        }
        expect(({} as { a?: unknown }).a).toBeUndefined();
      }),
    );
  });
});

describe('owners of fields', () => {
  const base = { metadata: { name: 'x' } };
  const T = '2026-01-01T00:00:00Z';
  const of = (managed: Json[], manager: string): Json | undefined =>
    (managed.find((entry) => isObject(entry) && entry['manager'] === manager) as JsonObject | undefined)?.['fieldsV1'];

  test('who creates owns every leaf, lists as one, and nothing of the engine', () => {
    const body = {
      apiVersion: 'v',
      kind: 'K',
      metadata: { name: 'x', uid: 'u', labels: { a: '1' } },
      spec: { list: [{ b: 1 }], deep: { c: 2 } },
    };
    expect(of(afterUpdate(null, body, [], 'me', T), 'me')).toEqual({
      'f:metadata': { 'f:labels': { 'f:a': {} } },
      'f:spec': { 'f:list': {}, 'f:deep': { 'f:c': {} } },
    });
  });

  test('a change takes its leaf from others; what does not change stays theirs', () => {
    const before = { ...base, spec: { a: 1, b: 1 } };
    const owned = afterUpdate(null, before, [], 'first', T);
    const after = afterUpdate(before, { ...base, spec: { a: 2, b: 1 } }, owned, 'second', T);
    expect(of(after, 'first')).toEqual({ 'f:spec': { 'f:b': {} } });
    expect(of(after, 'second')).toEqual({ 'f:spec': { 'f:a': {} } });
  });

  test('a write that changes nothing changes no owners, not even their time', () => {
    const before = { ...base, spec: { a: 1 } };
    const owned = afterUpdate(null, before, [], 'first', T);
    expect(afterUpdate(before, before, owned, 'second', '2027-01-01T00:00:00Z')).toBe(owned);
    const applied = applyFields(before, before, [], 'm', { force: false, time: T });
    const again = applyFields(before, before, applied.managedFields, 'm', {
      force: false,
      time: '2027-01-01T00:00:00Z',
    });
    expect(again.managedFields).toBe(applied.managedFields);
  });

  test('an apply conflicts with what another owns otherwise, unless it is forced', () => {
    const live = { ...base, spec: { a: 1, b: 1 } };
    const owned = afterUpdate(null, live, [], 'editor', T);
    const wanted = { ...base, spec: { a: 2, b: 1 } };
    const refused = applyFields(live, wanted, owned, 'm', { force: false, time: T });
    expect(refused.conflicts).toEqual([{ manager: 'editor', isApply: false, field: '.spec.a' }]);
    const forced = applyFields(live, wanted, owned, 'm', { force: true, time: T });
    expect(forced).toMatchObject({ conflicts: [], object: wanted });
    expect(of(forced.managedFields, 'editor')).toEqual({ 'f:spec': { 'f:b': {} } });
  });

  test('an apply removes what it owned and leaves out, but not what others own, too', () => {
    const first = applyFields(base, { ...base, spec: { a: 1, b: 1 } }, [], 'm', { force: false, time: T });
    const shared = applyFields(first.object, { ...base, spec: { b: 1 } }, first.managedFields, 'n', {
      force: false,
      time: T,
    });
    const second = applyFields(shared.object, { ...base, spec: {} }, shared.managedFields, 'm', {
      force: false,
      time: T,
    });
    expect(second.object).toMatchObject({ spec: { b: 1 } });
    expect(Object.keys(second.object['spec'] as JsonObject)).toEqual(['b']);
  });

  test('applying the same twice changes nothing, whatever it is', () => {
    fc.assert(
      fc.property(object, object, (spec, other) => {
        const live = applyFields(base, { ...base, spec: other }, [], 'n', { force: true, time: T });
        const once = applyFields(live.object, { ...base, spec }, live.managedFields, 'm', { force: true, time: T });
        const twice = applyFields(once.object, { ...base, spec }, once.managedFields, 'm', {
          force: true,
          time: 'later',
        });
        expect(twice.object).toEqual(once.object);
        expect(twice.managedFields).toEqual(once.managedFields);
      }),
    );
  });
});

describe('selectors', () => {
  const named = (labels: JsonObject): JsonObject => ({ metadata: { name: 'x', labels } });
  test.each([
    { labels: 'a=1', yes: [{ a: '1' }], no: [{ a: '2' }, {}] },
    { labels: 'a==1,b', yes: [{ a: '1', b: '' }], no: [{ a: '1' }] },
    { labels: 'a!=1', yes: [{ a: '2' }, {}], no: [{ a: '1' }] },
    { labels: 'a in (1, 2)', yes: [{ a: '1' }, { a: '2' }], no: [{ a: '3' }, {}] },
    { labels: 'a notin (1,2)', yes: [{ a: '3' }, {}], no: [{ a: '1' }] },
    { labels: '!a', yes: [{}], no: [{ a: '' }] },
    { labels: 'x.y/z=v', yes: [{ 'x.y/z': 'v' }], no: [{}] },
    { labels: 'toString', yes: [{ toString: 'x' }], no: [{}] },
    { labels: 'a in (1,2),b!=3', yes: [{ a: '2', b: '4' }], no: [{ a: '2', b: '3' }] },
  ])('$labels', ({ labels, yes, no }) => {
    const selector = parseSelector(labels, '', []);
    expect(yes.map((each) => selector.matches(named(each as JsonObject)))).toEqual(yes.map(() => true));
    expect(no.map((each) => selector.matches(named(each as JsonObject)))).toEqual(no.map(() => false));
  });

  test('fields: a field that is not there is an empty one', () => {
    const event = { metadata: { name: 'e' }, involvedObject: { name: 'r', kind: 'WorkflowRun' } };
    const fields = 'involvedObject.name=r,involvedObject.namespace=,involvedObject.kind!=Pod';
    const known = ['involvedObject.name', 'involvedObject.namespace', 'involvedObject.kind'];
    expect(parseSelector('', fields, known).matches(event)).toBe(true);
    expect(parseSelector('', 'metadata.name=e', []).name).toBe('e');
  });

  test.each(['a b', '=x', 'a in 1', 'a in (1', ',,=', 'a=b=c', 'é=1'])('%j is refused', (labels) => {
    expect(() => parseSelector(labels, '', [])).toThrow(/unable to parse/);
  });
});

test.each([
  [0, '0s'],
  [119_000, '119s'],
  [150_000, '2m30s'],
  [600_000, '10m'],
  [3 * 3_600_000, '3h'],
  [49 * 3_600_000, '2d'],
  [-5_000, '0s'],
])('an age of %d ms is written %s', (ms, text) => {
  expect(ageText(ms)).toBe(text);
});

test('cells hold no line breaks and no control of the terminal comes from a name of a kind nobody knows', () => {
  const options = { include: 'None', wallMs: 0, metadata: {}, hasColumns: true, apiVersion: 'meta.k8s.io/v1' } as const;
  const run = { metadata: { name: 'r' }, status: { message: 'one\ntwo' } };
  expect(JSON.stringify(toTable('WorkflowRun', [run], options))).toContain('one two');
  expect(toTable('Unknown', [run], options)).toMatchObject({ rows: [{ cells: ['r', null] }] });
});

test('any bytes are read as protobuf or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, hasMagic) => {
      const read = readEnvelope(Buffer.concat([Buffer.from(hasMagic ? 'k8s\0' : ''), bytes]));
      expect(read === null || typeof read.kind === 'string').toBe(true);
    }),
  );
});

test('a JSON patch that doubles what is there is refused before it fills the memory', () => {
  const double = { op: 'copy', from: '/spec', path: '/spec/more' };
  const patch = Array.from({ length: 60 }, (_, index) => ({ ...double, path: `/spec/more${index}` }));
  expect(() => jsonPatch({ spec: { a: 1 } }, patch)).toThrow(/expected at most 500000 values to be copied/);
});
