// Text to plain data: what is read, what is refused, where and in which words, and that hostile input is cheap.

import { describe, expect, test } from 'vitest';
import { decodeBytes, parseDocuments } from '../../../manifests/parse.ts';
import { Findings } from '../../../manifests/problems.ts';

interface Read {
  readonly values: readonly unknown[];
  readonly problems: readonly string[];
}

function read(input: string | Uint8Array, strictJson = false): Read {
  const findings = new Findings();
  const text = typeof input === 'string' ? input : decodeBytes(input, findings);
  const documents = text === null ? [] : parseDocuments(text, findings, { strictJson });
  const problems = findings.list().map(({ place, message }) => `${place?.line}:${place?.column} ${message}`);
  return { values: documents.map(({ value }) => value), problems };
}

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

describe('what is read', () => {
  const cases: readonly { name: string; text: string; values: readonly unknown[] }[] = [
    { name: 'a plain mapping', text: 'a: 1\nb: [x, y]\n', values: [{ a: 1, b: ['x', 'y'] }] },
    { name: 'no, yes and on are texts', text: 'a: [no, yes, on, off]', values: [{ a: ['no', 'yes', 'on', 'off'] }] },
    { name: 'a date is a text', text: 'a: 2026-01-02', values: [{ a: '2026-01-02' }] },
    { name: 'a number as a key is a text', text: '60: a', values: [{ '60': 'a' }] },
    {
      name: 'octal with 0o, and a leading zero as a decimal number',
      text: 'a: [0o17, 017]',
      values: [{ a: [15, 17] }],
    },
    { name: 'a large number that is not an integer', text: '{"a": 6.022e23}', values: [{ a: 6.022e23 }] },
    { name: 'the largest safe integer', text: '{"a": 9007199254740991}', values: [{ a: 9007199254740991 }] },
    { name: 'minus zero in YAML is zero', text: 'a: -0', values: [{ a: 0 }] },
    { name: 'a byte order mark', text: '\uFEFFa: 1', values: [{ a: 1 }] },
    { name: 'a byte order mark before JSON', text: '\uFEFF{"a": 1}', values: [{ a: 1 }] },
    { name: 'carriage returns', text: 'a: 1\r\nb: 2\r\n', values: [{ a: 1, b: 2 }] },
    { name: 'document markers', text: '---\na: 1\n...\n', values: [{ a: 1 }] },
    {
      name: 'several documents, empty ones left out',
      text: '---\na: 1\n---\n---\n# none\n---\nb: 2\n',
      values: [{ a: 1 }, { b: 2 }],
    },
    { name: 'an honest anchor', text: 'a: &x {k: [1]}\nb: *x\n', values: [{ a: { k: [1] }, b: { k: [1] } }] },
    {
      name: 'an anchor that is defined again',
      text: 'a: &x 1\nb: *x\nc: &x 2\nd: *x',
      values: [{ a: 1, b: 1, c: 2, d: 2 }],
    },
    { name: 'YAML version 1.2 said aloud', text: '%YAML 1.2\n---\na: 1\n', values: [{ a: 1 }] },
    {
      name: 'JSON with escapes and brackets in texts',
      text: '{"a": "[{\\"\\\\", "b:c": ":"}',
      values: [{ a: '[{"\\', 'b:c': ':' }],
    },
    { name: 'braces that are YAML and no JSON', text: "{a: 'x'}", values: [{ a: 'x' }] },
    {
      name: 'a key that looks like a field of Object',
      text: 'toString: 1\nhasOwnProperty: 2',
      values: [{ toString: 1, hasOwnProperty: 2 }],
    },
  ];
  test.each(cases)('$name', ({ text, values }) => {
    expect(read(text)).toEqual({ values, problems: [] });
  });

  test('an alias gives a copy of its own', () => {
    const [value] = read('a: &x {k: [1]}\nb: *x\n').values as [{ a: object; b: object }];
    expect(value.a).not.toBe(value.b);
  });
});

describe('what is refused', () => {
  const big = '9007199254740993';
  const cases: readonly { name: string; text: string; problem: RegExp }[] = [
    { name: 'nothing', text: '', problem: /expected a manifest, found an empty document/ },
    { name: 'only comments', text: '# a\n---\n# b\n', problem: /empty document/ },
    { name: 'a tab as indentation', text: 'a:\n\tb: 1\n', problem: /^2:1 tabs are not allowed/ },
    { name: 'a key twice in YAML', text: 'a: 1\nb: 2\na: 3\n', problem: /^3:1 the field "a" stands twice/ },
    {
      name: 'a key twice in JSON',
      text: '{"a": 1,\n "b": {"c": 1, "c": 2}}',
      problem: /^2:16 the field "c" stands twice/,
    },
    {
      name: 'a key twice in JSON, once escaped',
      text: '{"ab": 1, "\\u0061b": 2}',
      problem: /^1:11 the field "ab" stands twice/,
    },
    {
      name: '__proto__ in YAML',
      text: 'a:\n  __proto__: {b: 1}\n',
      problem: /^2:3 the name "__proto__" is not allowed/,
    },
    { name: '__proto__ in JSON', text: '{"a": {"__proto__": 1}}', problem: /^1:8 the name "__proto__" is not allowed/ },
    { name: 'constructor', text: 'constructor: {prototype: {x: 1}}', problem: /the name "constructor" is not allowed/ },
    {
      name: 'an integer that loses digits in YAML',
      text: `a: ${big}`,
      problem: /^1:4 the integer 9007199254740993 cannot be held/,
    },
    {
      name: 'an integer that loses digits in JSON',
      text: `{"a":\n ${big}}`,
      problem: /^2:2 the integer 9007199254740993 cannot be held/,
    },
    {
      name: 'a hexadecimal integer that loses digits',
      text: 'a: 0xfffffffffffffff',
      problem: /cannot be held exactly/,
    },
    { name: 'not a number', text: 'a: .nan', problem: /^1:4 expected a finite number, found .nan/ },
    { name: 'infinity', text: 'a: [-.inf]', problem: /^1:5 expected a finite number/ },
    { name: 'a JSON number beyond the largest', text: '{"a": 1e999}', problem: /^1:7 expected a finite number/ },
    {
      name: 'a list that holds itself',
      text: 'a: &x\n- *x\n',
      problem: /^2:3 the alias \*x stands inside its own anchor/,
    },
    { name: 'an alias without an anchor', text: 'a: *x\n', problem: /unresolved alias|no anchor/i },
    { name: 'an unknown tag', text: 'a: !thing 1\n', problem: /^1:4 unresolved tag: !thing/ },
    { name: 'binary data', text: 'a: !!binary aGVsbG8=\n', problem: /the tag .*binary is not supported/ },
    { name: 'a set', text: 'a: !!set {x, y}\n', problem: /the tag .*set is not supported/ },
    { name: 'YAML 1.1', text: '%YAML 1.1\n---\na: no\n', problem: /expected YAML version 1\.2, found 1\.1/ },
    { name: 'an unknown YAML version', text: '%YAML 3.0\n---\na: 1\n', problem: /unsupported YAML version 3\.0/ },
    { name: 'a mapping as a key', text: '{[a]: 1}', problem: /keys must be strings|plain text as the name/ },
    { name: 'a NUL in JSON', text: '{"a": "x\\u0000"}', problem: /^1:7 expected text, found a NUL/ },
    { name: 'a NUL in a key', text: '{"a\\u0000": 1}', problem: /^1:2 expected text, found a NUL/ },
    { name: 'a NUL in YAML', text: 'a: "\\0"', problem: /^1:4 expected text, found a NUL/ },
    { name: 'half a surrogate pair', text: '{"a": "\\ud800"}', problem: /^1:7 expected Unicode text/ },
    { name: 'an unclosed quote', text: 'a: "x\n', problem: /missing closing "quote/i },
  ];
  test.each(cases)('$name', ({ text, problem }) => {
    const { values, problems } = read(text);
    expect(problems[0]).toMatch(problem);
    expect(values).toEqual([]);
  });

  test('a file that says .json is not read as YAML', () => {
    expect(read("{\n 'a': 1}", true).problems).toEqual(['2:2 expected JSON, found "\'a\': 1}" where it cannot stand']);
    expect(read('{"a": 1,', true).problems).toEqual(['1:9 expected JSON, found the end where it cannot stand']);
  });
});

describe('bytes', () => {
  const cases: readonly { name: string; bytes: Uint8Array; problem: RegExp }[] = [
    {
      name: 'UTF-16 with a mark, little endian',
      bytes: bytes([0xff, 0xfe, 0x61, 0]),
      problem: /^1:1 expected text in UTF-8, found UTF-16/,
    },
    { name: 'UTF-16 with a mark, big endian', bytes: bytes([0xfe, 0xff, 0, 0x61]), problem: /found UTF-16/ },
    { name: 'UTF-16 without a mark', bytes: bytes([0, 0x61, 0, 0x3a]), problem: /^1:1 .*NUL byte/ },
    {
      name: 'an overlong form',
      bytes: bytes('a: 1\nb: ', [0xc0, 0xaf]),
      problem: /^2:4 expected text in UTF-8, found bytes that are not/,
    },
    { name: 'a surrogate as bytes', bytes: bytes('é: ', [0xed, 0xa0, 0x80]), problem: /^1:4 .*bytes that are not/ },
    { name: 'a character cut off at the end', bytes: bytes('a: ', [0xe6, 0xbc]), problem: /^1:4 .*bytes that are not/ },
  ];
  test.each(cases)('$name is refused', ({ bytes: input, problem }) => {
    expect(read(input).problems[0]).toMatch(problem);
  });

  test('UTF-8 with a mark is read', () => {
    expect(read(bytes([0xef, 0xbb, 0xbf], 'a: ü漢🚀'))).toEqual({ values: [{ a: 'ü漢🚀' }], problems: [] });
  });

  test('more than the limit is refused unread', () => {
    expect(read(new Uint8Array(64 * 1024 * 1024 + 1)).problems[0]).toMatch(/expected at most 67108864 bytes/);
  });
});

describe('hostile input is refused in little time', () => {
  const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);
  const bomb = Array.from({ length: 9 }, (_, level) =>
    level === 0 ? 'a0: &a0 [x,x,x,x,x,x,x,x,x]' : `a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}]`,
  ).join('\n');
  const cases: readonly { name: string; text: string; problem: RegExp }[] = [
    { name: '20,000 flow lists', text: `a: ${deep('[', ']', 20_000)}`, problem: /at most 64 levels/ },
    {
      name: '1,000 block levels',
      text: Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      problem: /at most 64 levels/,
    },
    { name: '100,000 JSON lists', text: deep('[', ']', 100_000), problem: /at most 64 levels/ },
    {
      name: '100,000 JSON mappings',
      text: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
      problem: /at most 64 levels/,
    },
    { name: '16 KB of quotes, an error in every line', text: '"\n'.repeat(8192), problem: /./ },
    { name: '16 KB of braces in disorder', text: `a: ${'[}'.repeat(8192)}`, problem: /./ },
    { name: '16 KB of block scalars without an end', text: `a: ${'|\n'.repeat(8192)}`, problem: /./ },
    { name: 'lists that are never closed', text: '['.repeat(50_000), problem: /at most 64 levels/ },
    { name: 'a billion laughs', text: bomb, problem: /aliases blow the document up/ },
    {
      name: 'anchors nested to any depth',
      text: `a: &x0 [1]\n${Array.from({ length: 80 }, (_, i) => `b${i}: &x${i + 1} [*x${i}]`).join('\n')}`,
      problem: /at most 64 levels/,
    },
    {
      name: '60 KB of one large value by 99 aliases',
      text: `a: &x "${'y'.repeat(60_000)}"\nb: [${'*x,'.repeat(99)}]`,
      problem: /aliases blow/,
    },
  ];
  test.each(cases)('$name', ({ text, problem }) => {
    expect(read(text).problems[0]).toMatch(problem);
  });

  test('5,000 keys in one mapping cost no more than their number', () => {
    const text = Array.from({ length: 5000 }, (_, i) => `key${i}: ${i}`).join('\n');
    expect(read(text).problems).toEqual([]);
  });

  test('a JSON text with 100,000 bad texts names a bounded number', () => {
    const text = JSON.stringify(Array.from({ length: 100_000 }, () => '\0'));
    expect(read(text).problems.length).toBeLessThanOrEqual(100);
  });
});
