// What the fields of a state compute: paths, calls, JSONata, and where results go. Written from the specification of the Amazon States Language
// and the documentation of AWS; what AWS itself gave is in recorded.test.ts.

import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../kernel/json.ts';
import { AdmissionError } from '../../../kernel/errors.ts';
import { runMachine } from '../../support/state-machine-run.ts';

const DATA: JsonObject = {
  a: [1, 2, 3, 4, 5],
  o: { x: 1, y: [{ k: 1 }, { k: 2, z: null }] },
  s: 'text',
  n: null,
  e: [],
  books: [
    { t: 'A', p: 8, c: 'f' },
    { t: 'B', p: 12, c: 'r' },
    { t: 'C', p: 20 },
  ],
};

/** The output of a run of one state, or the type of its error, or that it was refused. */
async function resultOf(state: JsonObject, input: Json = DATA, more: JsonObject = {}): Promise<Json> {
  const definition = { StartAt: 'P', ...more, States: { P: state, Z: { Type: 'Pass', End: true } } };
  if (!JSON.stringify(state).includes('"Z"')) Reflect.deleteProperty(definition.States, 'Z');
  try {
    const { run } = await runMachine({ definition, input });
    if (run.end === null) return 'did not end';
    return run.end.phase === 'Succeeded' ? run.end.output : (run.end.error?.type ?? null);
  } catch (error) {
    if (error instanceof AdmissionError) return 'refused';
    throw error;
  }
}

async function parameter(text: string): Promise<Json> {
  const result = await resultOf({ Type: 'Pass', Parameters: { 'r.$': text }, End: true });
  return typeof result === 'object' && result !== null && !Array.isArray(result) ? (result['r'] ?? null) : result;
}

describe('a path', () => {
  const { books } = DATA as { books: Json[] };
  test.each<[string, Json]>([
    ['$.a[1:3]', [2, 3]],
    ['$.a[-2:]', [4, 5]],
    ['$.a[:2]', [1, 2]],
    ['$.a[1:2]', [2]],
    ['$.a[0,2]', [1, 3]],
    ['$.a[-1]', 5],
    ['$.a[7]', 'States.Runtime'],
    ['$.e[0]', 'States.Runtime'],
    ['$.e[*]', []],
    ['$.nope[?(@.x)]', []],
    ['$.s[*]', []],
    ['$.books[*].c[0:1]', []],
    ['$..k', [1, 2]],
    ['$..z', [null]],
    ['$..nope', []],
    ['$.o.*', [1, [{ k: 1 }, { k: 2, z: null }]]],
    ['$.o.y[*].k', [1, 2]],
    ["$.o['x']", 1],
    ["$['o']['x','s']", { x: 1 }],
    ['$.n', null],
    ['$.n.x', 'States.Runtime'],
    ['$.s.x', 'States.Runtime'],
    ['$.books[?(@.p < 10)].t', ['A']],
    ['$.books[?(@.c)].t', ['A', 'B']],
    ["$.books[?(@.t in ['A','C'])].p", [8, 20]],
    ["$.books[?(!(@.c == 'f'))].t", ['B', 'C']],
    ["$.books[?(@.c == 'f' || @.p == 20)].t", ['A', 'C']],
    ["$.books[?(@['t'] == 'A')]", [books[0] ?? null]],
    ['$.books[?(@.p > $.a[4])].t', ['A', 'B', 'C']],
    ['$.books[?(@.t == B)].p', [12]],
    ['$.books[?(@.p > 100)]', []],
    ['$.books[?(@.t =~ /A/)]', 'refused'],
    ['$.a[?(@ > 3)]', [4, 5]],
    ['$.o.y[?(@.z == null)].k', [2]],
    ["$.books[?(@.t contains 'A')].p", [8]],
    ['$.a.length()', 5],
    ['$.books[?(@.c)].length()', 2],
    ['$.a.max()', 5],
    ['$.a.avg()', 3],
    ['$.a.last()', 5],
    ['$.o.keys()', ['x', 'y']],
    ['$.a.fold()', 'refused'],
    ['$$.State.Name', 'P'],
  ])('%s gives %j', async (path, expected) => {
    expect(await parameter(path)).toEqual(expected);
  });
});

describe('a call of an intrinsic function', () => {
  test.each<[string, Json]>([
    [String.raw`States.Format('\{\} {} \'q\'', 1)`, "{} 1 'q'"],
    [String.raw`States.Format('a\nb')`, 'refused'],
    ["States.Format('{}{}{}', true, null, 1.50)", 'truenull1.5'],
    ["States.Format('{}', $.a)", '[1, 2, 3, 4, 5]'],
    ["States.Format('{}', $.o)", '{x=1, y=[{k=1}, {k=2, z=null}]}'],
    ["States.Format('{} {}', 'a')", 'States.IntrinsicFailure'],
    ["States.Format('{}', $.missing)", 'States.Runtime'],
    ["States.StringToJson('{bad')", 'States.IntrinsicFailure'],
    ['States.StringToJson($.a)', 'States.IntrinsicFailure'],
    ['States.JsonToString($.e)', '[]'],
    ['States.Array()', []],
    ['States.ArrayPartition($.a, 2)', [[1, 2], [3, 4], [5]]],
    ['States.ArrayPartition($.a, 0)', 'States.IntrinsicFailure'],
    ["States.ArrayContains($.a, '1')", false],
    ['States.ArrayRange(9, 1, -3)', [9, 6, 3]],
    ['States.ArrayRange(1, 9, 0)', 'States.IntrinsicFailure'],
    ['States.ArrayGetItem($.a, 5)', 'States.IntrinsicFailure'],
    ['States.ArrayGetItem($.a, -1)', 'States.IntrinsicFailure'],
    ['States.ArrayLength($.s)', 'States.IntrinsicFailure'],
    ['States.ArrayLength($.books[?(@.p < 15)])', 2],
    ["States.Base64Encode('héllo')", 'aMOpbGxv'],
    ["States.Base64Decode('!!')", 'States.IntrinsicFailure'],
    ["States.Hash('x', 'SHA-2')", 'States.IntrinsicFailure'],
    ['States.JsonMerge($.o, $.o, true)', 'States.IntrinsicFailure'],
    ['States.MathRandom(5, 1)', 'States.IntrinsicFailure'],
    ['States.MathAdd(1, 2.5)', 4],
    ['States.MathAdd($.s, 1)', 'States.IntrinsicFailure'],
    ["States.MathAdd('1', 1)", 'refused'],
    ['States.MathAdd(1)', 'refused'],
    ["States.StringSplit('a,b;c', ',;')", ['a', 'b', 'c']],
    ["States.StringSplit('abc', '')", ['abc']],
    ['States.Nope(1)', 'refused'],
  ])('%s gives %j', async (call, expected) => {
    expect(await parameter(call)).toEqual(expected);
  });
});

describe('a JSONata expression', () => {
  const ERROR = 'States.QueryEvaluationError';
  test.each<[string, Json]>([
    ['$partition($states.input.a, 2)', [[1, 2], [3, 4], [5]]],
    ['$partition($states.input.a, 0)', ERROR],
    ['$range(5, 1, -2)', [5, 3, 1]],
    ['$range(1, 2, 0)', ERROR],
    ['$hash("x")', ERROR],
    ['$hash("x", "nope")', ERROR],
    ['$random(7) = $random(7)', true],
    ['$length($uuid())', 36],
    [String.raw`$parse("{\"a\":[1]}")`, { a: [1] }],
    ['$parse("bad")', ERROR],
    ['$eval("1+1")', ERROR],
    ['$states.input.nope', ERROR],
    ['$nope', ERROR],
    ['null', null],
    ['1/0', ERROR],
    ['1 + "a"', ERROR],
    ['$states.input.a[$ > 2]', [3, 4, 5]],
    ['$states.input.a[$ > 4]', 5],
    ['{"k": $states.input.nope}', {}],
    ['function($x){$x}', ERROR],
    ['/ab/', ERROR],
    ['$sum', ERROR],
    ['$error("boom")', ERROR],
  ])('%s gives %j', async (text, expected) => {
    const state = { Type: 'Pass', Output: `{% ${text} %}`, End: true };
    expect(await resultOf(state, DATA, { QueryLanguage: 'JSONata' })).toEqual(expected);
  });
});

describe('a field', () => {
  const pass = (fields: JsonObject): JsonObject => ({ Type: 'Pass', ...fields, End: true });
  const input = { a: { b: 1 } };
  test.each<[string, JsonObject, Json, Json]>([
    ['InputPath null is an empty object', pass({ InputPath: null }), input, {}],
    ['OutputPath null is an empty object', pass({ OutputPath: null }), input, {}],
    ['OutputPath chooses from what InputPath chose', pass({ InputPath: '$.a', OutputPath: '$.b' }), input, 1],
    [
      'ResultPath puts into the raw input',
      pass({ InputPath: '$.a', ResultPath: '$.r' }),
      input,
      { ...input, r: { b: 1 } },
    ],
    ['ResultPath null drops the result', pass({ Result: 1, ResultPath: null }), input, input],
    ['ResultPath makes what is on the way', pass({ Result: 1, ResultPath: '$.x.y' }), input, { ...input, x: { y: 1 } }],
    ['ResultPath replaces an item', pass({ Result: 'R', ResultPath: '$.l[0]' }), { l: [1, 2] }, { l: ['R', 2] }],
    [
      'ResultPath makes no items',
      pass({ Result: 1, ResultPath: '$.l[5]' }),
      { l: [1] },
      'States.ResultPathMatchFailure',
    ],
    ['ResultPath needs an object', pass({ Result: 1, ResultPath: '$.x' }), 'text', 'States.ResultPathMatchFailure'],
    ['ResultPath cannot write into the context', pass({ Result: 1, ResultPath: '$$.x' }), input, 'refused'],
    ['Result null is null', pass({ Result: null }), input, null],
    ['InputPath must find something', pass({ InputPath: '$.zz' }), input, 'States.Runtime'],
    ['a variable has a name', pass({ Assign: { 'a-b': 1 } }), input, 'refused'],
    ['a variable is not called states', pass({ Assign: { 'states.$': '$' } }), input, 'refused'],
    ['ErrorPath must find a text', { Type: 'Fail', ErrorPath: '$.a' }, input, 'States.Runtime'],
    ['ErrorPath names the error', { Type: 'Fail', ErrorPath: '$.e' }, { e: 'Mine' }, 'Mine'],
    [
      'a Choice without a rule that holds and without a default fails',
      { Type: 'Choice', Choices: [{ Variable: '$.a.b', NumericEquals: 2, Next: 'Z' }] },
      input,
      'States.NoChoiceMatched',
    ],
    [
      'a Choice needs its variable',
      { Type: 'Choice', Choices: [{ Variable: '$.zz', NumericEquals: 2, Next: 'Z' }], Default: 'Z' },
      input,
      'States.Runtime',
    ],
    [
      'And ends with the first rule that does not hold',
      {
        Type: 'Choice',
        Choices: [
          {
            And: [
              { Variable: '$.zz', IsPresent: true },
              { Variable: '$.zz', NumericEquals: 1 },
            ],
            Next: 'Z',
          },
        ],
        Default: 'Z',
      },
      input,
      input,
    ],
  ])('%s', async (_, state, given, expected) => {
    expect(await resultOf(state, given)).toEqual(expected);
  });
});

describe('a cause', () => {
  const entered = (text: string): string =>
    `An error occurred while executing the state 'P' (entered at the event id #2). ${text}`;
  const wait = { Type: 'Wait', End: true };
  const jsonata = { QueryLanguage: 'JSONata' };
  const typed = (expression: string, field: string, expected: string, found: string): string =>
    `The JSONata expression '${expression}' specified for the field '${field}' returned an unexpected result type. Expected '${expected}', but was ${found}`;
  test.each<[string, JsonObject, Json, string]>([
    [
      'names the step that leads nowhere',
      { Type: 'Pass', InputPath: '$.a.b', End: true },
      {},
      "Invalid path '$.a.b' : Missing property in path $['a']",
    ],
    [
      'names the last step when the way to it is there',
      { Type: 'Pass', InputPath: '$.a.b', End: true },
      { a: {} },
      "Invalid path '$.a.b' : No results for path: $['a']['b']",
    ],
    [
      'shows a text as it is',
      { ...wait, SecondsPath: '$.s' },
      { s: 'x' },
      'The SecondsPath parameter cannot be parsed as a long value: $.s == x',
    ],
    [
      'says that a number was expected',
      { ...wait, ...jsonata, Seconds: '{% $states.input.s %}' },
      { s: '3' },
      typed('$states.input.s', 'Seconds', 'number', `'string' for value: "3"`),
    ],
    [
      'says that an instant is a text',
      { ...wait, ...jsonata, Timestamp: '{% 3 %}' },
      {},
      typed('3', 'Timestamp', 'string', "'number' for value: 3"),
    ],
    [
      'says which rule of a Choice it was',
      {
        Type: 'Choice',
        ...jsonata,
        Choices: [
          { Condition: '{% false %}', Next: 'Z' },
          { Condition: '{% 1 %}', Next: 'Z' },
        ],
      },
      {},
      typed('1', 'Choices[1]/Condition', 'boolean', "'number' for value: 1"),
    ],
  ])('%s', async (_, state, input, cause) => {
    const States = { P: state, ...(state['Type'] === 'Choice' ? { Z: { Type: 'Pass', End: true } } : {}) };
    const { run } = await runMachine({ definition: { StartAt: 'P', States }, input });
    expect(run.end?.error?.message).toBe(entered(cause));
  });
});

test('a batch of items is limited by number and bytes, as they are or by paths, in either way of writing', async () => {
  const processor = {
    ProcessorConfig: { Mode: 'DISTRIBUTED' },
    StartAt: 'I',
    States: { I: { Type: 'Pass', End: true } },
  };
  const map = { Type: 'Map', ItemsPath: '$.l', ItemProcessor: processor, End: true };
  const input = { l: ['é', 'b', 'c'], most: 2, bytes: 7 };
  const batches = (ItemBatcher: JsonObject): Promise<Json> => resultOf({ ...map, ItemBatcher }, input);
  expect(await batches({ MaxItemsPerBatchPath: '$.most' })).toEqual([{ Items: ['é', 'b'] }, { Items: ['c'] }]);
  expect(await batches({ MaxInputBytesPerBatchPath: '$.bytes' })).toEqual([{ Items: ['é', 'b'] }, { Items: ['c'] }]);
  expect(await batches({ MaxInputBytesPerBatch: 6 })).toEqual([{ Items: ['é'] }, { Items: ['b', 'c'] }]);
  expect(await batches({ MaxItemsPerBatchPath: '$.l' })).toBe('States.Runtime');
  expect(
    await resultOf(
      {
        type: 'Map',
        itemsPath: '$.l',
        itemBatcher: { maxItemsPerBatch: 3, batchInput: { 'm.$': '$.most' } },
        itemProcessor: processor,
        end: true,
      },
      input,
    ),
  ).toEqual([{ BatchInput: { m: 2 }, Items: ['é', 'b', 'c'] }]);
});

test('a Wait may last for years, but not for ever', async () => {
  const until = (days: number): Promise<Json> =>
    resultOf(
      { Type: 'Wait', TimestampPath: '$', End: true },
      new Date(Date.parse('2030-01-01T00:00:00Z') + days * 86_400_000).toISOString(),
    );
  expect(await until(10 * 365)).toContain('Z');
  expect(await until(24_856)).toBe('States.Runtime');
});

test('an item of a distributed Map is an execution of its own: what it was given is its input', async () => {
  const inner = { Type: 'Pass', Parameters: { 'i.$': '$$.Execution.Input', 'v.$': '$$.Map.Item.Value' }, End: true };
  const map = (mode: string): JsonObject => ({
    Type: 'Map',
    ItemSelector: { 'x.$': '$$.Map.Item.Value' },
    ItemProcessor: { ProcessorConfig: { Mode: mode }, StartAt: 'I', States: { I: inner } },
    End: true,
  });
  expect(await resultOf(map('DISTRIBUTED'), [7])).toEqual([{ i: { x: 7 }, v: 7 }]);
  expect(await resultOf(map('INLINE'), [7])).toEqual([{ i: [7], v: 7 }]);
});
