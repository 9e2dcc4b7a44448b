// The purchase-order demo as a user starts it, and its workflow (manifests/examples/purchase-order) on other mails. The mail that it reads,
// sample_po_email.txt, is held against every field in test/unit/worker/connectors/purchase-order.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

test('the demo ends as it should: stored once, failed with the database away, all runs listed', async () => {
  const demo = spawn(process.execPath, [join(ROOT, 'dist', 'cli', 'demo', 'purchase-order.js')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  demo.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const code = await new Promise((resolve) => demo.once('close', resolve));
  expect({ code, end: text.trimEnd().split('\n').at(-1) }, text).toEqual({
    code: 0,
    end: 'Demo: all as it should be.',
  });
  expect(text).toContain('purchase_orders holds 1 row(s)');
  expect(text).toMatch(/write_alert +RUNNING +→ SUCCESS\n/);
  expect(text.match(/Final status: \w+/g)).toEqual([
    'Final status: COMPLETED',
    'Final status: COMPLETED',
    'Final status: FAILED',
  ]);
  expect(text).toMatch(/create_table +RUNNING → RETRYING .*DatabaseUnreachable: database orders at 127\.0\.0\.1:1/);
});

// The files of the example, for the check that each is tested: workflow.yaml, stored.yaml, transitions.yaml, input.json.
