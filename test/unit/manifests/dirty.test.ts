// The dirty fixtures through admission: verdict, words, and bounds of time and memory.

import { describe, expect, test } from 'vitest';
import { AdmissionError } from '../../../kernel/errors.ts';
import { admit } from '../../../manifests/admit.ts';
import { type DirtyCase, hasFixtures, readDirty, readLines } from './help.ts';

const cases = readLines<DirtyCase>('dirty/MANIFEST.jsonl');

describe.skipIf(!hasFixtures)('dirty fixtures (skipped without ../shared/fixtures)', () => {
  test.each(cases)('$file: $expected ($reason)', async ({ file, expected, names }) => {
    const bytes = readDirty(file);
    const name = file.replace(/\.gz$/, '');
    let message: string | undefined;
    try {
      await admit({ name, bytes });
    } catch (error) {
      // Anything else is a crash.
      expect(error).toBeInstanceOf(AdmissionError);
      message = (error as AdmissionError).message;
    }
    if (expected !== 'either') expect(message === undefined ? 'accept' : 'reject').toBe(expected);
    if (message === undefined) return;
    expect(message).toMatch(new RegExp(`^${name.replaceAll('.', '\\.')}:\\d+:\\d+: `));
    expect(message.length).toBeLessThan(4000);
    for (const word of names ?? []) expect(message).toContain(word);
    expect(({} as { max_retries?: unknown }).max_retries).toBeUndefined();
  });
});
