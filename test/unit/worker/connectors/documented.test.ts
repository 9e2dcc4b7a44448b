// The connector that docs/connectors.md shows is the one that runs here.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startWorker } from '../../../support/running-worker.ts';

test('the example of the documentation runs as it says, and is about 30 lines', async () => {
  const document = fs.readFileSync(join(import.meta.dirname, '../../../../docs/connectors.md'), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(document)?.[1] ?? '';
  expect(code.split('\n').length).toBeLessThanOrEqual(32);
  const worker = await startWorker(1);
  try {
    fs.mkdirSync(join(worker.place.root, 'connectors'));
    fs.writeFileSync(join(worker.place.root, 'connectors', 'rates.mjs'), code);
    const convert = (from: string): ReturnType<typeof worker.perform> =>
      worker.perform({ type: 'connector', action: 'rates.convert' }, { input: { amount: 108, from, to: 'EUR' } });
    const { outcome, log } = await convert('USD');
    expect({ outcome, log }).toEqual({
      outcome: { result: 'Success', exitCode: 0, output: { amount: 100 } },
      log: '108 USD is 100 EUR\n',
    });
    expect((await convert('XYZ')).outcome).toMatchObject({
      error: { type: 'UnknownCurrency', message: 'no rate for XYZ', permanent: true },
    });
  } finally {
    await worker.end();
  }
});
