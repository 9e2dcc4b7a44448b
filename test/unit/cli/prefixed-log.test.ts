// The text of several logs in one stream.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PrefixedLog } from '../../../cli/verbs/logs.ts';

test('lines of a log carry the name of their node, however the bytes arrive', () => {
  const text = 'first\nzweite größer\n\nlast without end';
  const bytes = new TextEncoder().encode(text);
  const expected = text
    .split('\n')
    .map((line) => `node | ${line}\n`)
    .join('');
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const log = new PrefixedLog('node');
      let shown = '';
      let from = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        shown += log.take(bytes.subarray(from, cut), false);
        from = cut;
      }
      shown += log.take(new Uint8Array(0), true);
      expect(shown).toBe(expected);
      expect(log.offset).toBe(bytes.length);
    }),
  );
});
