// Bad and odd manifests through `validate` and `apply`: the right exit code, the place, the words that a person needs, and
// nothing changed by what is refused.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../../store/open.ts';
import { cli } from '../../support/cli.ts';

interface Case {
  readonly file: string;
  readonly expected: 'reject' | 'accept' | 'either';
  readonly reason?: string;
  readonly names?: string | readonly string[];
}

const FIXTURES = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'fixtures', 'dirty');
const isHere = existsSync(join(FIXTURES, 'MANIFEST.jsonl'));
if (!isHere) process.stderr.write('skipped: ../shared/fixtures/dirty is not there\n');

const cases = isHere
  ? readFileSync(join(FIXTURES, 'MANIFEST.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Case)
  : [];

function bytesOf(file: string): Uint8Array {
  const path = [join(FIXTURES, file), join(FIXTURES, 'workflow', file)].find(existsSync) ?? file;
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  const filled = text.replaceAll('__APIVERSION__', 'oarlock.dev/v1').replaceAll('__KIND__', 'Workflow');
  return Buffer.from(filled, 'latin1');
}

describe.skipIf(!isHere)('a manifest from elsewhere', () => {
  let directory = '';
  const oarlock = (...args: string[]) => cli(args, { workingDir: directory, openStore: (url) => openStore(url) });

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'oarlock-dirty-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each(cases)('$file: $expected', async ({ file, expected, names = [] }) => {
    // The name of the file says how it is read.
    const name = basename(file).replace(/\.gz$/, '');
    writeFileSync(join(directory, name), bytesOf(file));
    const before = (await oarlock('get', 'workflows', '-o', 'name')).stdout;
    for (const verb of ['validate', 'apply']) {
      const { exitCode, stdout, stderr } = await oarlock(verb, '-f', name);
      expect(stderr.length).toBeLessThan(20_000);
      if (expected === 'accept' || (expected === 'either' && exitCode === 0)) {
        expect({ exitCode, stdout }).toMatchObject({
          exitCode: 0,
          stdout: expect.stringMatching(/ (valid|created)\n$/),
        });
        continue;
      }
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr.startsWith(`${name}:`)).toBe(true);
      for (const word of [names].flat()) expect(stderr).toContain(word);
      expect((await oarlock('get', 'workflows', '-o', 'name')).stdout).toBe(before);
    }
    await oarlock('delete', '-f', name);
  });
});
