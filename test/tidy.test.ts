// The repository against its own style: every file through every check of test/support/tidy.ts.
// A problem is printed with file and line; the rule behind it stands beside the check.

import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  deadFiles,
  doorProblems,
  folderOf,
  headProblems,
  layerProblems,
  linkProblems,
  nameProblems,
  sizeProblems,
  SOURCE_FOLDERS,
  type SourceFile,
  wordProblems,
} from './support/tidy.ts';

const root = join(import.meta.dirname, '..');
const NOT_OURS = new Set([
  'node_modules',
  'dist',
  '.git',
  'coverage',
  'state',
  'results',
  'package-lock.json',
  'LICENSE',
]);

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path) : entry.isFile() ? [path] : [];
  });
}

const paths = filesUnder('.');
const read = (path: string): SourceFile => ({ path, text: readFileSync(join(root, path), 'utf8') });
const TEXT = /(\.(ts|js|mjs|py|sh|json|ya?ml|md|txt|toml)|^Dockerfile|^\.ci\/run|^\.[a-z]+rc(\.json)?)$/;
const texts = paths.filter((path) => TEXT.test(path)).map(read);
const code = texts.filter(({ path }) => path.endsWith('.ts'));
const product = code.filter(({ path }) => SOURCE_FOLDERS.includes(folderOf(path)));
const tests = code.filter(({ path }) => path.startsWith('test/'));

test('there is something to look at', () => {
  expect(product.length).toBeGreaterThan(10);
  expect(tests.length).toBeGreaterThan(2);
});

describe('imports', () => {
  test('a layer imports only the layers below it, and files and processes have their doors', () => {
    expect(product.flatMap(layerProblems)).toEqual([]);
  });

  test('each npm package has one door and is listed in package.json', () => {
    const manifest = JSON.parse(read('package.json').text) as { dependencies: Record<string, string> };
    expect(doorProblems(product, Object.keys(manifest.dependencies))).toEqual([]);
  });

  test('every source file is used by the product itself', () => {
    const isEntry = (path: string): boolean =>
      /(^|\/)main\.ts$/.test(path) ||
      ['cli/demo/order.ts', 'cli/demo/purchase-order.ts', 'kernel/futures.ts', 'store/postgres/embedded.ts'].includes(
        path,
      );
    expect(deadFiles(product, isEntry)).toEqual([]);
  });
});

describe('files', () => {
  test('lines and files have a readable length', () => {
    expect(code.flatMap(sizeProblems)).toEqual([]);
  });

  test('half of the source files have at most 200 lines', () => {
    const lengths = product.map(({ text }) => text.split('\n').length).sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(200);
  });

  test('each source file opens by saying what it is for', () => {
    expect(product.flatMap(headProblems)).toEqual([]);
  });

  test('code files are named in kebab-case', () => {
    expect(code.flatMap(({ path }) => nameProblems(path))).toEqual([]);
  });

  test('no words that do not belong here', () => {
    expect(texts.flatMap(wordProblems)).toEqual([]);
  });

  test('links between documents lead somewhere', () => {
    const documents = texts.filter(({ path }) => path.endsWith('.md'));
    expect(documents.flatMap((file) => linkProblems(file, (path) => existsSync(join(root, path))))).toEqual([]);
  });
});

describe('examples', () => {
  test('every example that users copy is named in a test', () => {
    const named = tests.map(({ text }) => text).join('\n');
    const examples = paths.filter((path) => path.startsWith('manifests/examples/'));
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.filter((path) => !named.includes(posix.basename(path)))).toEqual([]);
  });
});
