// A task whose main process dies and leaves others behind: its next attempt starts when they are gone, never beside them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Place } from '../support/oarlock.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(async () => place.close());

test('a child that outlives its task writes nothing any more when the next attempt starts', async () => {
  const command = [
    'echo "start $OARLOCK_ATTEMPT" >> ledger',
    'if [ "$OARLOCK_ATTEMPT" = 1 ]; then (while :; do echo alive >> ledger; sleep 0.02; done) & sleep 0.2; kill -9 $$; fi',
  ].join('\n');
  const tasks = [{ id: 'a', maxRetries: 1, command }];
  place.file(
    'survivor.json',
    JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 's' }, spec: { tasks } }),
  );
  const { code } = await place.oarlock('run', 'survivor.json');
  expect(code).toBe(0);
  const lines = readFileSync(join(place.directory, 'ledger'), 'utf8').trim().split('\n');
  expect(lines.slice(0, 2)).toEqual(['start 1', 'alive']);
  expect(lines.at(-1)).toBe('start 2');
});
