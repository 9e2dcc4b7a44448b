// The sample order of the seed, letter for letter: every field and all three items come out exactly.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeText, parsePlain } from '../../../../../worker/connectors/email/plain.ts';
import { extractOrders } from '../../../../../worker/connectors/purchase-order/extract.ts';

const SAMPLE = join(import.meta.dirname, '../../../../../manifests/examples/purchase-order/sample_po_email.txt');

test('the headers of the sample are told apart, though three of them share a line', () => {
  const { subject, from, to, date } = parsePlain(decodeText(fs.readFileSync(SAMPLE)));
  expect({ subject, from, to, date }).toEqual({
    subject: 'URGENT: Purchase Order #PO-2025-0472 — Glass Bottle Labels (Expedited)',
    from: 'maria.chen@acmeprocurement.com',
    to: ['orders@yourmfg.com'],
    date: 'Wed, 18 Jun 2025 09:14:33 -0500',
  });
});

test('the sample is read whole', () => {
  const { attachmentNames: _, ...message } = parsePlain(decodeText(fs.readFileSync(SAMPLE)));
  const { orders } = extractOrders({ ...message, attachments: [], forwarded: [] } as never);
  const item = { sku: null, unit: null };
  expect(orders).toEqual([
    {
      fields: {
        po_number: 'PO-2025-0472',
        vendor: 'Precision Label Co.',
        order_date: '2025-06-18',
        due_date: '2025-06-25',
        payment_terms: 'Net 30',
        currency: 'USD',
        line_items: [
          { ...item, description: 'Custom Wraparound Labels', quantity: 10_000, unit_price: '0.85', total: '8500.00' },
          {
            ...item,
            description: 'Shrink Sleeve Labels (12oz)',
            quantity: 5_000,
            unit_price: '1.20',
            total: '6000.00',
          },
          { ...item, description: 'Tamper-Evident Neck Bands', quantity: 8_000, unit_price: '0.35', total: '2800.00' },
        ],
        subtotal: '17300.00',
        discount: null,
        tax: '1600.25',
        shipping: '450.00',
        total: '19350.25',
      },
      missing: [],
      uncertain: [],
      checks: [
        { name: 'line_items = subtotal', ok: true, expected: '17300.00', found: '17300.00' },
        { name: 'subtotal + charges = total', ok: true, expected: '19350.25', found: '19350.25' },
      ],
      source: 'body',
    },
  ]);
});

// A mail that was made to keep us busy ends soon: the patterns look back and forth within a line, and lines are cut.
test.each([
  '$1.00 ',
  'a\t',
  'PO-',
  'Total: ',
  'Qty ',
  '*a ',
  '1',
  '(',
  '注文番号',
  '2 a 3.00 5.00 ',
  'now ',
  '5% ',
  "1'000",
  '01/02/2025 ',
])('a line of nothing but %j is done with in a moment', (part) => {
  const line = part.repeat(20_000 / part.length);
  extractOrders({ subject: line, text: `Purchase Order\nPO Number: 1\n${line}\nTotal: $5` });
});

test('a mail that is longer than what is read of it says so', () => {
  const { orders } = extractOrders({ text: `PO Number: 1\nVendor: V\nTotal: EUR 5.00\n${'word '.repeat(60_000)}` });
  expect(orders[0]?.uncertain).toContainEqual({
    field: 'order',
    reason: 'the mail is longer than what was read of it',
    candidates: [],
  });
});
