// The rules that say whether an order needs a person, and what is written when it does.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../../kernel/json.ts';
import { compileDataSchema } from '../../../../../manifests/schema.ts';
import { type Checked, reasonsFor, type Rules } from '../../../../../worker/connectors/purchase-order/check.ts';
import { PurchaseOrderConnector } from '../../../../../worker/connectors/purchase-order/purchase-order.ts';
import { act, contextFor } from '../../../../support/action-context.ts';

const ORDER: Checked = {
  fields: {
    po_number: 'PO-1',
    vendor: 'V',
    order_date: '2025-06-01',
    due_date: '2025-06-25',
    payment_terms: 'Net 30',
    currency: 'USD',
    line_items: [{ sku: null, description: 'Bolt', quantity: 1, unit: null, unit_price: '100.00', total: '100.00' }],
    subtotal: '100.00',
    discount: null,
    tax: null,
    shipping: null,
    total: '100.00',
  },
  missing: ['tax', 'shipping'],
  uncertain: [],
  checks: [{ name: 'subtotal + charges = total', ok: true, expected: '100.00', found: '100.00' }],
};
const TODAY = '2025-06-11';

interface Case {
  readonly name: string;
  readonly rules?: Rules;
  readonly subject?: string;
  readonly order?: Partial<Checked>;
  readonly reasons: readonly string[];
}

const fieldsWith = (more: Partial<Checked['fields']>): Partial<Checked> => ({ fields: { ...ORDER.fields, ...more } });

const cases: readonly Case[] = [
  { name: 'a quiet order needs nobody', reasons: [] },
  { name: 'an amount at the threshold needs nobody', rules: { amountAbove: '100' }, reasons: [] },
  {
    name: 'an amount a cent above it does',
    rules: { amountAbove: 99.99 },
    reasons: ['amount 100.00 USD exceeds 99.99'],
  },
  {
    name: 'amounts are compared exactly, however long',
    rules: { amountAbove: '900719925474099.30' },
    order: fieldsWith({ total: '900719925474099.31' }),
    reasons: ['amount 900719925474099.31 USD exceeds 900719925474099.30'],
  },
  { name: 'a due date a day too far needs nobody', rules: { dueWithinDays: 13 }, reasons: [] },
  {
    name: 'the last day counts',
    rules: { dueWithinDays: 14 },
    reasons: ['due date 2025-06-25 is within 14 days of 2025-06-11'],
  },
  {
    name: 'days are counted from the day that is given',
    rules: { dueWithinDays: 14, asOf: '2025-06-10' },
    reasons: [],
  },
  {
    name: 'a due date that is over',
    rules: { dueWithinDays: 0, asOf: '2025-07-01' },
    reasons: ['due date 2025-06-25 was before 2025-07-01'],
  },
  { name: 'urgent in any case', subject: 'URGENT: order', reasons: ['subject contains "urgent"'] },
  { name: 'a word that holds it is another word', subject: 'Insurgents and resurgent prices', reasons: [] },
  { name: 'Japanese words need no blanks', subject: '【至急】注文書', reasons: ['subject contains "至急"'] },
  {
    name: 'words of the user count instead',
    subject: 'URGENT fire',
    rules: { urgentWords: ['fire'] },
    reasons: ['subject contains "fire"'],
  },
  {
    name: 'required fields that are missing',
    order: { ...fieldsWith({ vendor: null }), missing: ['vendor', 'tax'] },
    reasons: ['required field is missing: vendor'],
  },
  {
    name: 'what is required is configurable',
    rules: { requiredFields: ['tax'] },
    reasons: ['required field is missing: tax'],
  },
  {
    name: 'doubts',
    order: { uncertain: [{ field: 'due_date', reason: 'day and month could be either', candidates: ['a', 'b'] }] },
    reasons: ['uncertain due_date: day and month could be either (a; b)'],
  },
  {
    name: 'sums that do not add up',
    order: { checks: [{ name: 'line_items = subtotal', ok: false, expected: '90.00', found: '100.00' }] },
    reasons: ['totals do not add up: line_items = subtotal: expected 90.00, found 100.00'],
  },
  {
    name: 'doubts and sums may be let pass',
    rules: { doubtsNeedAttention: false, totalsMustAddUp: false },
    order: {
      uncertain: [{ field: 'x', reason: 'y', candidates: [] }],
      checks: [{ name: 'n', ok: false, expected: '1', found: '2' }],
    },
    reasons: [],
  },
];

test.each(cases)('$name', ({ rules = {}, subject = 'Order', order = {}, reasons }) => {
  expect(reasonsFor({ ...ORDER, ...order }, subject, rules, TODAY)).toEqual(reasons);
});

const connector = new PurchaseOrderConnector();
const TWO = `PO Number: A-1\nVendor: V\nOrder Date: 2025-06-01\nDue Date: 2025-06-25\nCurrency: EUR
Qty  Item   Price   Total\n2    Bolt   5.00    10.00\nTotal: 10.00

PO Number: A-2\nVendor: V\nOrder Date: 2025-06-01\nDue Date: 2025-06-25\nCurrency: EUR
Qty  Item   Price   Total\n3    Nut    5.00    15.00\nTotal: 15.00`;

async function through(text: string, rules: JsonObject, path: string): Promise<{ check: JsonObject; paths: unknown }> {
  const place = contextFor(path);
  const extracted = await act(connector, 'extract', { text, subject: 'order' }, place);
  const outputProblem = compileDataSchema(connector.actions['extract']?.output ?? {})(extracted);
  expect(outputProblem).toBeUndefined();
  const check = (await act(connector, 'check', { extracted, rules }, place)) as JsonObject;
  const alert = await act(connector, 'alert', { check, path: 'po_alert.json', timestamp: 'T' }, place);
  return { check, paths: (alert as JsonObject)['paths'] };
}

test('an alert has the agreed form; an order that needs nobody has none; of two orders each is told', async () => {
  const place = fs.mkdtempSync(join(tmpdir(), 'oarlock-alert-'));
  const read = (name: string): unknown => JSON.parse(fs.readFileSync(join(place, name), 'utf8'));
  try {
    expect((await through(TWO, {}, place)).paths).toEqual([]);
    expect((await through(TWO, { amountAbove: 12 }, place)).paths).toEqual(['po_alert.json']);
    expect(read('po_alert.json')).toEqual({
      po_number: 'A-2',
      reasons: ['amount 15.00 EUR exceeds 12'],
      fields: expect.objectContaining({ po_number: 'A-2', total: '15.00' }),
      timestamp: 'T',
    });
    const { check, paths } = await through(TWO, { amountAbove: 1 }, place);
    expect(check['reasons']).toEqual(['A-1: amount 10.00 EUR exceeds 1', 'A-2: amount 15.00 EUR exceeds 1']);
    expect(paths).toEqual(['po_alert.json', 'po_alert.2.json']);
    expect(read('po_alert.2.json')).toMatchObject({ po_number: 'A-2' });
  } finally {
    fs.rmSync(place, { recursive: true });
  }
});

test('a mail without an order needs a person, and says so', async () => {
  const place = fs.mkdtempSync(join(tmpdir(), 'oarlock-alert-'));
  try {
    const { check } = await through('See you at lunch.', {}, place);
    expect(check).toMatchObject({
      attention: true,
      po_number: null,
      reasons: ['no purchase order found: it holds no order'],
    });
  } finally {
    fs.rmSync(place, { recursive: true });
  }
});
