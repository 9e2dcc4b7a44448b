// State machines at admission: each rule in both ways of writing, and recorded definitions of others.

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../kernel/json.ts';
import { admitNow } from '../../../manifests/admit.ts';
import { intrinsicProblem } from '../../../manifests/states/calls.ts';
import { pathProblem } from '../../../manifests/states/paths.ts';
import { hasFixtures, problemsOf, readLines, workflow } from './help.ts';

const END = { z: { type: 'Success' } };
const machine = (a: JsonObject, others: JsonObject = END): JsonObject => ({ startAt: 'a', states: { a, ...others } });
const toEnd = (fields: JsonObject): JsonObject => machine({ ...fields, next: 'z' });

function firstProblem(spec: JsonObject): string | undefined {
  const [first] = problemsOf({ text: workflow(spec) });
  return first === undefined ? undefined : `${first.path}: ${first.message}`;
}

const RULE = { variable: '$.x', stringEquals: 'y', next: 'z' };

describe('what is taken', () => {
  const cases: readonly { name: string; spec: JsonObject }[] = [
    { name: 'a pass', spec: toEnd({ type: 'Pass', result: { any: [1] }, resultPath: '$.a.b' }) },
    {
      name: 'ASL in its own letters',
      spec: { StartAt: 'a', States: { a: { Type: 'Wait', Seconds: 2160000, Next: 'z' }, z: { Type: 'Succeed' } } },
    },
    { name: 'a task with a command', spec: toEnd({ type: 'Task', command: 'false', max_retries: 2 }) },
    {
      name: 'a task with one retry and one catch',
      spec: toEnd({
        type: 'Task',
        resource: 's.v',
        retry: { maxAttempts: 3, backoffMultiplier: 2 },
        catch: [{ errorType: 'E', next: 'z' }],
        timeout: 30,
      }),
    },
    {
      name: 'a choice by condition',
      spec: machine({
        type: 'Choice',
        choices: [{ condition: { variable: '$.ok', booleanEquals: true }, next: 'z' }],
        default: 'z',
      }),
    },
    {
      name: 'a choice of joined rules',
      spec: machine({ type: 'Choice', choices: [{ not: { and: [{ variable: '$.x', isNull: false }] }, next: 'z' }] }),
    },
    {
      name: 'a parallel with two branches',
      spec: toEnd({
        type: 'Parallel',
        branches: [
          { startAt: 'p', states: { p: { type: 'Pass', end: true } } },
          { startAt: 'q', states: { q: { type: 'Pass', end: true } } },
        ],
      }),
    },
    {
      name: 'a map',
      spec: toEnd({
        type: 'Map',
        itemsPath: '$.items',
        maxConcurrency: 2,
        itemProcessor: { startAt: 'p', states: { p: { type: 'Pass', end: true } } },
      }),
    },
    { name: 'a wait until an instant', spec: toEnd({ type: 'Wait', timestamp: '2030-01-01T00:00:00Z' }) },
    {
      name: 'a loop with a way out',
      spec: machine(
        { type: 'Choice', choices: [{ ...RULE, next: 'b' }], default: 'z' },
        { b: { type: 'Pass', next: 'a' }, ...END },
      ),
    },
    {
      name: 'JSONata',
      spec: {
        queryLanguage: 'JSONata',
        ...toEnd({ type: 'Wait', seconds: '{% $states.input.n %}', output: { a: '{% 1 %}' } }),
      },
    },
    {
      name: 'a state named like a field of Object',
      spec: machine({ type: 'Pass', next: 'constructor2' }, { constructor2: { type: 'Fail', error: 'E', cause: 'c' } }),
    },
  ];
  test.each(cases)('$name', ({ spec }) => {
    expect(firstProblem(spec)).toBeUndefined();
  });

  test('a state that nothing leads to is a warning', () => {
    const [admitted] = admitNow({
      name: 'x',
      text: workflow(machine({ type: 'Success' }, { lost: { type: 'Pass', next: 'a' } })),
    }).manifests;
    expect(admitted?.warnings.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'spec.states.lost: nothing leads to the state "lost"',
    ]);
  });
});

describe('what is refused', () => {
  const cases: readonly { name: string; spec: JsonObject; problem: string | RegExp }[] = [
    { name: 'no startAt', spec: { states: END }, problem: 'spec.startAt: required, and not there' },
    {
      name: 'a startAt that is no state',
      spec: { startAt: 'y', states: END },
      problem: 'spec.startAt: expected the name of a state beside it, found "y", which is none',
    },
    {
      name: 'a startAt that is a field of Object',
      spec: { startAt: 'toString', states: END },
      problem: /found "toString", which is none/,
    },
    {
      name: 'a next that is no state',
      spec: machine({ type: 'Pass', next: 'ghost' }),
      problem: 'spec.states.a.next: expected the name of a state beside it, found "ghost", which is none',
    },
    {
      name: 'no next',
      spec: machine({ type: 'Pass' }),
      problem: 'spec.states.a.next: required unless end is true, and not there',
    },
    {
      name: 'next and end',
      spec: machine({ type: 'Pass', next: 'z', end: true }),
      problem: /expected next or end: true, found both/,
    },
    {
      name: 'no state that ends',
      spec: machine({ type: 'Pass', next: 'b' }, { b: { type: 'Pass', next: 'a' } }),
      problem: /expected a state that ends/,
    },
    {
      name: 'no type',
      spec: machine({ next: 'z' }),
      problem: /spec.states.a.type: required, expected one of Pass, Task/,
    },
    {
      name: 'an unknown type',
      spec: machine({ type: 'Pas', next: 'z' }),
      problem: /found the text "Pas"; did you mean "Pass"\?/,
    },
    {
      name: 'a state that is a text',
      spec: { startAt: 'a', states: { a: 'Pass' } },
      problem: /spec.states.a: expected a mapping/,
    },
    {
      name: 'an unknown field',
      spec: toEnd({ type: 'Pass', resultPth: '$' }),
      problem: 'spec.states.a.resultPth: unknown field in a state of type Pass; did you mean "resultPath"?',
    },
    {
      name: 'one field in both letters',
      spec: machine({ type: 'Pass', next: 'z', Next: 'z' }),
      problem: /expected one of next and Next, found both/,
    },
    {
      name: 'a negative wait',
      spec: toEnd({ type: 'Wait', seconds: -5 }),
      problem: 'spec.states.a.seconds: expected a whole number, allowed minimum is 0, found -5',
    },
    {
      name: 'a wait that is a text',
      spec: toEnd({ type: 'Wait', seconds: 'soon' }),
      problem: /expected a whole number, found the text "soon"/,
    },
    {
      name: 'a wait for nothing',
      spec: toEnd({ type: 'Wait' }),
      problem: /expected exactly one of seconds, secondsPath, timestamp, timestampPath, found none/,
    },
    {
      name: 'a wait until no instant',
      spec: toEnd({ type: 'Wait', timestamp: '2030-01-01 00:00:00Z' }),
      problem: /expected an instant/,
    },
    {
      name: 'a task that does nothing',
      spec: toEnd({ type: 'Task' }),
      problem: /expected exactly one of .*resource.*, found none/,
    },
    {
      name: 'a retry for no error',
      spec: toEnd({ type: 'Task', command: 'x', retry: [{ errorEquals: [] }] }),
      problem: /retry\[0\].errorEquals: expected a list of names of errors, non-empty required/,
    },
    {
      name: 'a back-off that shrinks',
      spec: toEnd({ type: 'Task', command: 'x', retry: { backoffRate: 0.5 } }),
      problem: /retry.backoffRate: expected a number, allowed minimum is 1/,
    },
    {
      name: 'all errors beside another',
      spec: toEnd({ type: 'Task', command: 'x', retry: [{ errorEquals: ['A', 'States.ALL'] }] }),
      problem: /expected States.ALL to stand alone/,
    },
    {
      name: 'a catch that leads nowhere',
      spec: toEnd({ type: 'Task', command: 'x', catch: [{ errorEquals: ['States.ALL'], next: 'ghost' }] }),
      problem: /catch\[0\].next: .*"ghost", which is none/,
    },
    {
      name: 'a choice without rules',
      spec: machine({ type: 'Choice', choices: [], default: 'z' }),
      problem: /choices: expected a list of rules that is not empty/,
    },
    {
      name: 'a rule with two comparisons',
      spec: machine({ type: 'Choice', choices: [{ ...RULE, stringMatches: 'a*' }] }),
      problem: /expected exactly one comparison.*found stringEquals and stringMatches/,
    },
    {
      name: 'a misspelt comparison',
      spec: machine({ type: 'Choice', choices: [{ variable: '$.x', stringEqual: 'y', next: 'z' }] }),
      problem: /stringEqual: unknown field in a choice rule; did you mean "stringEquals"\?/,
    },
    {
      name: 'a comparison with the wrong type',
      spec: machine({ type: 'Choice', choices: [{ variable: '$.x', numericEquals: '1', next: 'z' }] }),
      problem: /expected a number, found the text "1"/,
    },
    {
      name: 'a rule inside with next',
      spec: machine({ type: 'Choice', choices: [{ not: RULE, next: 'z' }] }),
      problem: /only the outermost rule may have next/,
    },
    {
      name: 'a variable that is no path',
      spec: machine({ type: 'Choice', choices: [{ ...RULE, variable: 'foo' }] }),
      problem: /variable: expected a path that begins with \$, found the text "foo"/,
    },
    {
      name: 'a result put into many places',
      spec: toEnd({ type: 'Pass', resultPath: '$.a[*]' }),
      problem: /resultPath: expected a path that names one place/,
    },
    {
      name: 'a parameter that is no path',
      spec: toEnd({ type: 'Pass', parameters: { 'a.$': 'x' } }),
      problem: /parameters\["a\.\$"\]: expected a path/,
    },
    {
      name: 'a parallel without branches',
      spec: toEnd({ type: 'Parallel' }),
      problem: /spec.states.a.branches: required/,
    },
    {
      name: 'a branch that leaves its machine',
      spec: toEnd({ type: 'Parallel', branches: [{ startAt: 'p', states: { p: { type: 'Pass', next: 'z' } } }] }),
      problem: /branches\[0\].states.p.next: expected the name of a state beside it, found "z"/,
    },
    {
      name: 'a map without a machine',
      spec: toEnd({ type: 'Map' }),
      problem: /expected exactly one of itemProcessor, iterator, found none/,
    },
    {
      name: 'one name in two machines',
      spec: toEnd({ type: 'Map', iterator: { startAt: 'z', states: END } }),
      problem: /expected names of states to be different, found "z" again/,
    },
    {
      name: 'an error that is no text',
      spec: machine({ type: 'Fail', error: 404 }),
      problem: 'spec.states.a.error: expected a text, found the number 404',
    },
    {
      name: 'a rule behind the one for all errors',
      spec: toEnd({
        type: 'Task',
        command: 'true',
        catch: [
          { errorEquals: ['States.ALL'], next: 'z' },
          { errorEquals: ['E'], next: 'z' },
        ],
      }),
      problem: 'spec.states.a.catch[0]: expected the rule for States.ALL to be the last, found 1 behind it',
    },
    {
      name: 'rules of ASL that are no list',
      spec: machine({ Type: 'Task', Resource: 'r', Retry: { ErrorEquals: ['E'] }, Next: 'z' }),
      problem: /Retry: expected a list of rules, found a mapping/,
    },
    {
      name: 'an interval of ASL that is none',
      spec: machine({ Type: 'Task', Resource: 'r', Retry: [{ ErrorEquals: ['E'], IntervalSeconds: 0 }], Next: 'z' }),
      problem: /IntervalSeconds: expected a whole number, allowed minimum is 1, found 0/,
    },
    {
      name: 'a variable that nobody could use',
      spec: machine({ type: 'Fail', assign: { x: 1 } }),
      problem: /assign: unknown field in a state of type Fail/,
    },
    {
      name: 'variables that are no mapping',
      spec: toEnd({ type: 'Pass', assign: 'x' }),
      problem: 'spec.states.a.assign: expected a mapping of variables, found the text "x"',
    },
    {
      name: 'a field of a batcher that is none',
      spec: toEnd({
        type: 'Map',
        itemBatcher: { maxItemsPerBatch: 1, size: 1 },
        itemProcessor: { startAt: 'i', states: { i: { type: 'Pass', end: true } } },
      }),
      problem: /itemBatcher.size: unknown field in an ItemBatcher/,
    },
    {
      name: 'a path field under JSONata',
      spec: { queryLanguage: 'JSONata', ...toEnd({ type: 'Pass', inputPath: '$.a' }) },
      problem: /inputPath: unknown field/,
    },
  ];
  test.each(cases)('$name', ({ spec, problem }) => {
    const first = firstProblem(spec);
    if (typeof problem === 'string') expect(first).toBe(problem);
    else expect(first).toMatch(problem);
  });

  test('100,000 states of which none is right give a bounded number of problems', () => {
    const states = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`s${i}`, { type: 'Pass', next: `t${i}` }]),
    );
    expect(problemsOf({ text: workflow({ startAt: 's0', states }) }).length).toBeLessThanOrEqual(100);
  });
});

describe('paths and intrinsic functions', () => {
  test.each([
    '$',
    '$$',
    '$.a',
    '$.a.b-c',
    "$['a b'].c",
    '$["x"]',
    '$.a[0]',
    '$.a[-1]',
    '$..a',
    '$.a[*]',
    '$.*',
    '$.a[1:3]',
    '$.a[0,2]',
    "$['a','b']",
    '$.a[?(@.x == 1)].b',
    "$..b[?(@.c[0] == ')')]",
    '$.a.length()',
    '$$.Map.Item.Value',
    '$name.x',
    '$.漢',
  ])('%s is a path', (path) => {
    expect(pathProblem(path)).toBeUndefined();
  });

  test.each([
    '',
    'a',
    '$.',
    '$.[',
    '$.a[',
    '$.a[]',
    '$.a[x]',
    '$.a]',
    '$a b',
    '$..',
    "$['a",
    "$['a'",
    '$.a[?(@.x==',
    '$.a[?(@.x==)]',
    '$.a[?(@.x]',
    '$.a..',
  ])('%s is none', (path) => {
    expect(pathProblem(path)).toBeTypeOf('string');
  });

  test.each([
    "States.Format('{} {}', $.a, States.UUID())",
    'States.Array()',
    "States.Array(1, 'a\\'b', null, $.x[0])",
    'States.MathAdd($.a, -1)',
    'States.ArrayGetItem($.a[0:2], 1)',
  ])('%s is a call', (call) => {
    expect(intrinsicProblem(call)).toBeUndefined();
  });

  test.each([
    'States.Nothing()',
    'States.Format(',
    'States.Format()',
    "States.Format('a)",
    'States.MathAdd(1)',
    'States.UUID() x',
    "States.Format('a' 'b')",
    `${'States.Array('.repeat(50)}${')'.repeat(50)}`,
  ])('%s is none', (call) => {
    expect(intrinsicProblem(call)).toBeTypeOf('string');
  });

  test('long hostile texts are refused in little time', () => {
    for (const part of ['[', ' ', '[?(', '.a', "['a',", '\\', 'States.Array(', '$[', '*,']) {
      pathProblem(`$${part.repeat(9999 / part.length)}`);
      pathProblem(`$[${part.repeat(9990 / part.length)}`);
      intrinsicProblem(`States.Format(${part.repeat(9000 / part.length)}`);
    }
  });
});

interface Recorded {
  readonly id: string;
  readonly tier?: string;
  readonly expected?: 'valid' | 'invalid';
  readonly definition?: unknown;
  readonly definition_raw?: string;
  readonly expected_reject?: unknown;
}

const isTaken = ({ definition, definition_raw }: Recorded): boolean => {
  const text = definition_raw ?? (typeof definition === 'string' ? definition : JSON.stringify(definition));
  return problemsOf({ text, defaultName: 'x' }).length === 0;
};

describe.skipIf(!hasFixtures)('recorded definitions (skipped without ../shared/fixtures)', () => {
  test('of the executions recorded on AWS, exactly those that AWS refused are refused', () => {
    const wrong = readLines<Recorded>('asl/executions.jsonl')
      .filter(({ tier }) => tier !== 'validate')
      .filter(
        (recorded) => isTaken(recorded) === (recorded.tier === 'reject' || recorded.expected_reject !== undefined),
      );
    expect(wrong.map(({ id }) => id)).toEqual([]);
  });
});
