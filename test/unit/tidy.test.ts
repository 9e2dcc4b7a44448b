// What the style checks of test/support/tidy.ts must find, planted, and what they must let pass.

import { describe, expect, test } from 'vitest';
import {
  deadFiles,
  doorProblems,
  headProblems,
  importsOf,
  layerProblems,
  linkProblems,
  nameProblems,
  SIZE_LIMITS,
  sizeProblems,
  wordProblems,
} from '../support/tidy.ts';

test('imports are seen in all their forms, with their line', () => {
  const text = [
    "import type { A } from './a.ts';",
    'import {',
    '  b,',
    "} from './b.ts';",
    "import './c.ts';",
    "const d = await import('./d.ts');",
    "export { e } from './e.ts';",
  ].join('\n');
  expect(importsOf(text)).toEqual([
    { specifier: './a.ts', line: 1 },
    { specifier: './b.ts', line: 4 },
    { specifier: './c.ts', line: 5 },
    { specifier: './d.ts', line: 6 },
    { specifier: './e.ts', line: 7 },
  ]);
});

describe('layers', () => {
  interface Row {
    readonly name: string;
    readonly path: string;
    readonly specifier: string;
    readonly found: RegExp | null;
  }
  const rows: readonly Row[] = [
    { name: 'the kernel may import the kernel', path: 'kernel/promises/a.ts', specifier: '../b.ts', found: null },
    {
      name: 'the kernel may not import the store',
      path: 'kernel/promises/a.ts',
      specifier: '../../store/store.ts',
      found: /kernel\/ imports store/,
    },
    {
      name: 'the kernel may not import Node',
      path: 'kernel/a.ts',
      specifier: 'node:path',
      found: /nothing but kernel/,
    },
    {
      name: 'the kernel may not import a package',
      path: 'kernel/a.ts',
      specifier: 'yaml',
      found: /nothing but kernel/,
    },
    {
      name: 'manifests may not import the runtime',
      path: 'manifests/a.ts',
      specifier: '../runtime/log.ts',
      found: /manifests\/ imports runtime/,
    },
    {
      name: 'the store may import manifests',
      path: 'store/file/a.ts',
      specifier: '../../manifests/model.ts',
      found: null,
    },
    {
      name: 'the store may not import the controller',
      path: 'store/a.ts',
      specifier: '../controller/a.ts',
      found: /store\/ imports controller/,
    },
    {
      name: 'the controller may not import the worker',
      path: 'controller/a.ts',
      specifier: '../worker/a.ts',
      found: /controller\/ imports worker/,
    },
    {
      name: 'the worker may not import the controller',
      path: 'worker/a.ts',
      specifier: '../controller/a.ts',
      found: /worker\/ imports controller/,
    },
    {
      name: 'the API may not import the worker',
      path: 'api/a.ts',
      specifier: '../worker/a.ts',
      found: /api\/ imports worker/,
    },
    {
      name: 'the controller knows the contract of the store',
      path: 'controller/a.ts',
      specifier: '../store/store.ts',
      found: null,
    },
    {
      name: 'the controller knows no implementation',
      path: 'controller/a.ts',
      specifier: '../store/file/leases.ts',
      found: /expected only store\/store\.ts/,
    },
    {
      name: 'a composition root opens the store',
      path: 'controller/main.ts',
      specifier: '../store/open.ts',
      found: null,
    },
    {
      name: 'the command line composes everything',
      path: 'cli/up.ts',
      specifier: '../controller/main.ts',
      found: null,
    },
    {
      name: 'the command line does not know the tests',
      path: 'cli/up.ts',
      specifier: '../test/support/a.ts',
      found: /cli\/ imports test/,
    },
    { name: 'the store touches files', path: 'store/file/disk.ts', specifier: 'node:fs', found: null },
    {
      name: 'the controller does not touch files',
      path: 'controller/a.ts',
      specifier: 'node:fs',
      found: /outside store\/file/,
    },
    {
      name: 'the command line does not touch files',
      path: 'cli/a.ts',
      specifier: 'node:fs/promises',
      found: /outside store\/file/,
    },
    { name: 'the worker starts processes', path: 'worker/slot.ts', specifier: 'node:child_process', found: null },
    {
      name: 'the store starts none',
      path: 'store/file/a.ts',
      specifier: 'node:child_process',
      found: /outside worker/,
    },
    { name: 'a relative import has its extension', path: 'store/a.ts', specifier: './b', found: /no \.ts extension/ },
  ];
  test.each(rows)('$name', ({ path, specifier, found }) => {
    const problems = layerProblems({ path, text: `import { x } from '${specifier}';\n` });
    if (found === null) expect(problems).toEqual([]);
    else expect(problems.join('\n')).toMatch(found);
  });
});

describe('doors', () => {
  const file = (path: string, specifier: string) => ({ path, text: `import { x } from '${specifier}';\n` });

  test('two files of one folder, or of one below it, are one door', () => {
    expect(doorProblems([file('api/server.ts', 'koa'), file('api/faces/b.ts', 'koa')], ['koa'])).toEqual([]);
    expect(
      doorProblems([file('store/file/a.ts', 'chokidar'), file('store/file/b.ts', 'chokidar')], ['chokidar']),
    ).toEqual([]);
  });

  test('two folders are two doors', () => {
    expect(doorProblems([file('api/a/a.ts', 'koa'), file('api/ab/b.ts', 'koa')], ['koa'])).toHaveLength(1);
    expect(doorProblems([file('store/a.ts', 'yaml'), file('cli/b.ts', 'yaml')], ['yaml'])).toEqual([
      'yaml: expected one door, found cli, store',
    ]);
  });

  test('a path into a package, scoped or not, is that package', () => {
    const found = doorProblems([file('a/a.ts', '@scope/pack/deep'), file('a/b.ts', 'ajv/dist/2020.js')], []);
    expect(found).toEqual([
      'a/a.ts:1: @scope/pack is not among the dependencies of package.json',
      'a/b.ts:1: ajv is not among the dependencies of package.json',
    ]);
  });

  test('modules of Node and computed names are no packages', () => {
    expect(doorProblems([file('a/a.ts', 'node:path'), file('a/b.ts', '${script}')], [])).toEqual([]);
  });

  test('a file that nobody imports or starts is dead', () => {
    const files = [
      { path: 'cli/main.ts', text: "import { a } from './a.ts';\nconst host = new URL('./host.ts', base);\n" },
      { path: 'cli/a.ts', text: '' },
      { path: 'cli/host.ts', text: '' },
      { path: 'cli/dead.ts', text: '' },
    ];
    expect(deadFiles(files, (path) => path === 'cli/main.ts')).toEqual(['cli/dead.ts']);
  });
});

describe('sizes, heads and names', () => {
  test('a file at the limit passes, one line more does not', () => {
    const lines = (count: number): string => Array.from({ length: count }, () => 'x').join('\n');
    expect(sizeProblems({ path: 'kernel/a.ts', text: lines(SIZE_LIMITS.sourceLines) })).toEqual([]);
    expect(sizeProblems({ path: 'kernel/a.ts', text: lines(SIZE_LIMITS.sourceLines + 1) })).toHaveLength(1);
    expect(sizeProblems({ path: 'test/a.ts', text: lines(SIZE_LIMITS.sourceLines + 1) })).toEqual([]);
  });

  test('a long line is found; what cannot be broken passes', () => {
    const long = 'x'.repeat(SIZE_LIMITS.lineColumns + 1);
    expect(sizeProblems({ path: 'kernel/a.ts', text: `short\n${long}` })).toEqual([
      `kernel/a.ts:2: 161 columns, expected at most 160`,
    ]);
    expect(sizeProblems({ path: 'kernel/a.ts', text: `// http://${long}` })).toEqual([]);
    expect(sizeProblems({ path: 'kernel/a.ts', text: `const WORDS = /^(${long})$/i;` })).toEqual([]);
  });

  test('a small file opens with a line of comment, after #! too, a longer one with two', () => {
    const longer = 'code\n'.repeat(SIZE_LIMITS.smallFileLines);
    expect(headProblems({ path: 'cli/main.ts', text: '#!/usr/bin/env node\n// a\ncode\n' })).toEqual([]);
    expect(headProblems({ path: 'cli/a.ts', text: `// a\n// b\n${longer}` })).toEqual([]);
    expect(headProblems({ path: 'cli/a.ts', text: `// a\n${longer}` })).toHaveLength(1);
    expect(headProblems({ path: 'cli/a.ts', text: 'code\n' })).toHaveLength(1);
    expect(headProblems({ path: 'cli/a.ts', text: '' })).toHaveLength(1);
  });

  test('kebab-case', () => {
    expect(
      ['kernel/a.ts', 'test/unit/state-machine.adversarial.test.ts', '.oxlintrc.json'.slice(1)].flatMap(nameProblems),
    ).toEqual([]);
    expect(['kernel/aB.ts', 'kernel/a_b.ts', 'kernel/A.ts'].flatMap(nameProblems)).toHaveLength(3);
  });
});

describe('words', () => {
  const found: readonly (readonly [string, string])[] = [
    ['kernel/a.ts', '// TODO: later'],
    ['docs/a.md', 'see /home/somebody/notes'],
    ['package.json', '"x": "https://registry.example.com/x"'],
    ['docs/a.md', 'written with ChatGPT'],
    ['kernel/a.ts', 'export enum A {'],
    ['kernel/a.ts', '// @ts-ignore'],
    ['test/unit/a.test.ts', '// oxlint-disable-next-line no-console'],
    ['store/a.ts', 'let count = 0;'],
    ['store/a.ts', 'export const cache = new Map<string, number>();'],
    ['test/unit/a.test.ts', "test.only('a', () => {});"],
    ['test/unit/a.test.ts', "describe.skip('a', () => {});"],
    ['test/unit/a.test.ts', "test.todo('a');"],
    ['test/unit/a.test.ts', "vi.mock('x');"],
    ['test/e2e/a.test.ts', 'await new Promise((r) => setTimeout(r, 100));'],
  ];
  test.each(found)('%s: %s is found', (path, text) => {
    expect(wordProblems({ path, text })).toHaveLength(1);
  });

  const passed: readonly (readonly [string, string])[] = [
    ['kernel/a.ts', '  let count = 0;'],
    ['kernel/a.ts', 'export const names = new Map([["a", 1]]);'],
    ['test/unit/a.test.ts', "describe.skipIf(missing)('a', () => {});"],
    ['test/support/until.ts', 'setTimeout(poll, 5);'],
    ['kernel/a.ts', '// any answer will do; enumerate them'],
    ['test/unit/a.test.ts', '// oxlint-disable-next-line no-console -- the child prints on purpose'],
    ['docs/a.md', 'state/workflows/NAME.yaml and docs/work/notes'],
  ];
  test.each(passed)('%s: %s passes', (path, text) => {
    expect(wordProblems({ path, text })).toEqual([]);
  });
});

test('links that lead nowhere are found; addresses and anchors pass', () => {
  const text = '[a](docs/a.md#part) [b](https://example.com) [c](#here)\n[d](docs/gone.md)\n';
  expect(linkProblems({ path: 'README.md', text }, (path) => path === 'docs/a.md')).toEqual([
    'README.md:2: link to docs/gone.md, found no such file',
  ]);
});
