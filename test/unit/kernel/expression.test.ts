// The language of `when`, as a table: what holds over one run's data, and what is refused where.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { holds, isSame, parseExpression, pathsOf } from '../../../kernel/expression.ts';
import type { Json } from '../../../kernel/json.ts';
import { parsePath, PathSyntaxError, resolvePath } from '../../../kernel/paths.ts';

const DATA: Json = {
  input: {
    n: 3,
    zero: 0,
    text: 'abc',
    empty: '',
    list: [1, 'two', null],
    none: null,
    yes: true,
    no: false,
    o: { a: 1 },
  },
  tasks: { 'align.bam': { output: { count: 7 } }, B: { state: 'SUCCESS' } },
};

function evaluate(text: string): boolean {
  return holds(parseExpression(text), (path) => resolvePath(DATA, path));
}

const TRUE: readonly (readonly [string, string])[] = [
  ['a number equals itself', '$.input.n == 3'],
  ['numbers are equal by value', '$.input.n == 3.0 && 1e2 == 100 && -1 < 0'],
  ['a missing path is null', '$.input.nowhere.at.all == null'],
  ['a member of a string is missing', '$.input.text.length == null'],
  ['what is inherited is missing', '$.input.constructor == null && $.input.__proto__ == null'],
  ['a missing index is null', '$.input.list[9] == null && $.input.list[0] == 1'],
  ['an index into what is no list looks for a member', '$.input.o[0] == null'],
  ['quoted names reach ids with dots', `$.tasks['align.bam'].output.count > 6`],
  ['double quotes do, too', '$.tasks["align.bam"].output.count >= 7'],
  ['texts are ordered', '$.input.text < "abd" && $.input.text <= "abc" && "b" > "a" && "b" >= "b"'],
  ['unlike types are not equal', '!($.input.n == "3") && $.input.n != "3" && 0 != false && null != false'],
  ['unlike types are in no order', '!(1 < "2") && !("1" < 2) && !(null < 1) && !(1 >= null) && !(true > false)'],
  ['lists and objects are equal by value', '$.input.list == [1, "two", null] && $.input.o == {"a": 1} && {} == { }'],
  ['a list holds a member', '"two" in $.input.list && null in $.input.list && 3 in [1, 2, 3]'],
  ['a list does not hold what is alike', '!("1" in $.input.list) && !(4 in [])'],
  ['a text holds a text', '"b" in $.input.text && !(1 in $.input.text)'],
  ['nothing is in a number', '!(1 in 1) && !("a" in null)'],
  ['and binds tighter than or', 'true || false && false'],
  ['or the other way round in brackets', '!((true || false) && false)'],
  ['not binds tighter than a comparison', '!$.input.no == true'],
  ['not twice', '!!$.input.yes && !!!$.input.no'],
  ['a comparison binds tighter than and', '1 == 1 && 2 == 2'],
  ['empty values are not true', '!$.input.zero && !$.input.empty && !$.input.none && !$.input.no && !$.input.nowhere'],
  ['everything else is', '$.input.n && $.input.text && $.input.list && $.input.o && $.input.yes && []'],
  ['spaces do not matter', '  $.input.n==3&&( true )\n'],
  ['escapes in texts are those of JSON', '"a\\u0062c" == $.input.text && "\\"" != "\'"'],
  ['words end where they end', '$.tasks.B.state in ["SUCCESS"]'],
];

test.each(TRUE)('%s: %s', (_name, text) => expect(evaluate(text)).toBe(true));

const REFUSED: readonly (readonly [string, string, number])[] = [
  ['nothing', '', 0],
  ['an operator without a right side', '$.a ==', 6],
  ['two operands side by side', '$.a $.b', 4],
  ['comparisons in a row', '1 < 2 < 3', 6],
  ['an open bracket', '(true', 5],
  ['a bracket too many', 'true)', 4],
  ['single =', '$.a = 1', 4],
  ['single &', 'true & false', 5],
  ['an unknown word', 'truely', 0],
  ['text in single quotes', "'a' == 'a'", 0],
  ['text without its end', '$.a == "x', 7],
  ['an escape that JSON does not know', '$.a == "\\x"', 7],
  ['a number with a leading zero', '1 == 01', 5],
  ['a list with a comma too many', '[1,]', 3],
  ['a list without a comma', '[1 2]', 3],
  ['an object without quotes', '{a: 1}', 1],
  ['an object without a colon', '{"a" 1}', 5],
  ['a path that ends in a dot', '$.a. == 1', 4],
  ['a wildcard', '$.a[*]', 4],
  ['a negative index', '$.a[-1]', 4],
  ['a name without its quote', "$.a['b]", 7],
  ['a call', 'f(1)', 0],
];

test.each(REFUSED)('refuses %s: %s', (_name, text, offset) => {
  const error = problemOf(text);
  expect(error.message).toMatch(/expected|unexpected/);
  expect(error.offset).toBe(offset);
});

function problemOf(text: string): PathSyntaxError {
  try {
    parseExpression(text);
  } catch (error) {
    if (error instanceof PathSyntaxError) return error;
    throw error;
  }
  throw new Error(`expected "${text}" to be refused`);
}

describe('limits', () => {
  test('64 levels are read, more are refused without harm, of each kind of nesting', () => {
    for (const [open, close] of [
      ['(', ')'],
      ['!', ''],
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nested = (levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
      expect(() => parseExpression(nested(60))).not.toThrow();
      expect(problemOf(nested(70)).message).toContain('at most 64 levels');
      expect(problemOf(nested(100_000)).message).toContain('at most 64 levels');
    }
  });

  test('500 operators are read, more are refused', () => {
    const chain = (size: number): string => Array.from({ length: size + 1 }, () => 'true').join(' && ');
    expect(evaluate(chain(500))).toBe(true);
    expect(problemOf(chain(501)).message).toContain('at most 500 operators');
    expect(problemOf(chain(100_000)).message).toContain('at most 500 operators');
  });

  test('a long text or list is read', () => {
    expect(evaluate(`"a" in "${'b'.repeat(200_000)}a"`)).toBe(true);
    expect(evaluate(`7 in [${Array.from({ length: 20_000 }, (_, index) => index).join(',')}]`)).toBe(true);
  });
});

test('the paths of an expression are those it looks at', () => {
  expect(pathsOf(parseExpression('!$.a.b || $.c[0] in $.d && "$.e" == 1'))).toEqual([['a', 'b'], ['c', 0], ['d']]);
});

describe('for all data', () => {
  test('a JSON literal is itself', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const normal = JSON.parse(JSON.stringify(value)) as Json;
        const text = JSON.stringify(normal);
        expect(holds(parseExpression(`$ == ${text}`), () => normal)).toBe(true);
      }),
    );
  });

  test('sameness does not look at the order of members and is that of JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (left, right) => {
        const [one, other] = [left, right].map((value) => JSON.parse(JSON.stringify(value)) as Json) as [Json, Json];
        expect(isSame(one, one)).toBe(true);
        expect(isSame(one, other)).toBe(sorted(one) === sorted(other));
      }),
    );
  });

  test('any text is read or refused with an offset inside it', () => {
    const pieces = fc.constantFrom(
      '$',
      '.a',
      '[0]',
      "['x",
      '"',
      '(',
      ')',
      '!',
      '==',
      'in',
      '&&',
      '||',
      '1',
      '-',
      'true',
      ' ',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '😀',
      '\\',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(pieces).map((list) => list.join('')),
        ),
        (text) => {
          try {
            evaluate(text);
          } catch (error) {
            if (!(error instanceof PathSyntaxError)) throw error;
            expect(error.offset).toBeGreaterThanOrEqual(0);
            expect(error.offset).toBeLessThanOrEqual(text.length + 1);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

function sorted(value: Json): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}

describe('paths', () => {
  const cases: readonly (readonly [string, readonly (string | number)[]])[] = [
    ['$', []],
    ['$.input.items[0]', ['input', 'items', 0]],
    [`$.tasks['align.bam'].output`, ['tasks', 'align.bam', 'output']],
    [`$['it\\'s']["a]b"]`, ["it's", 'a]b']],
    ['$.größe.a-b.a_1.$x', ['größe', 'a-b', 'a_1', '$x']],
    ['$.1', ['1']],
  ];
  test.each(cases)('%s', (text, path) => expect(parsePath(text)).toEqual(path));

  const bad: readonly (readonly [string, number])[] = [
    ['', 0],
    ['a', 0],
    ['$a', 1],
    ['$.', 2],
    ['$..a', 2],
    ['$.a b', 3],
    ['$[', 2],
    ['$[]', 2],
    ['$[1', 2],
    ['$[1234567890]', 2],
    [`$['a'`, 4],
  ];
  test.each(bad)('refuses %j', (text, offset) => {
    expect(() => parsePath(text)).toThrow(expect.objectContaining({ offset }) as Error);
  });
});
