// What of a stack is shown to the author of a function.

import { expect, test } from 'vitest';
import { shownStack } from '../../../worker/shown-stack.ts';

const OWN = 'file:///app/dist/worker/';

function shown(...lines: string[]): string {
  const error = new Error('x');
  error.stack = lines.join('\n');
  return shownStack(error, OWN);
}

test('our frames below theirs are left out, and the number of the module', () => {
  const told = shown(
    'Error: no items',
    '    at check (file:///srv/flows/services.mjs?v=17.25:14:39)',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    `    at runFunction (${OWN}host-call.js:43:23)`,
    `    at Host.run (${OWN}host.js:38:13)`,
  );
  expect(told).toBe('Error: no items\n    at check (file:///srv/flows/services.mjs:14:39)');
});

test('an error of our own keeps all of its stack, and one without frames its message', () => {
  const own = ['Error: odd', `    at run (${OWN}host.js:1:1)`, '    at x (file:///srv/flows/a.mjs:1:1)'];
  expect(shown(...own)).toBe(own.join('\n'));
  expect(shown('Error: bare')).toBe('Error: bare');
  expect(shownStack(Object.assign(new Error('none'), { stack: undefined }), OWN)).toBe('none');
});
