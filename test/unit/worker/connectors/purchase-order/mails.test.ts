// Mails of many kinds, each beside what is to be read from it (test/fixtures/purchase-orders). A row of an item is [description,
// quantity, unit price, total]. Where the expectation does not speak of doubts there must be none, and every sum must be right.

import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../../../kernel/json.ts';
import { EmailConnector } from '../../../../../worker/connectors/email/email.ts';
import { extractOrders } from '../../../../../worker/connectors/purchase-order/extract.ts';
import type { Order } from '../../../../../worker/connectors/purchase-order/order.ts';
import { act, contextFor } from '../../../../support/action-context.ts';

const MAILS = join(import.meta.dirname, '../../../../fixtures/purchase-orders');
const email = new EmailConnector();

const names = fs.readdirSync(MAILS).filter((name) => !name.endsWith('.json'));

function view({ fields, missing, uncertain, checks, fees = [] }: Order, wanted: JsonObject): JsonObject {
  const items = fields.line_items.map((item): Json => [item.description, item.quantity, item.unit_price, item.total]);
  const own: Readonly<Record<string, Json>> = {
    ...(fields as unknown as JsonObject),
    line_items: items,
    missing: [...missing],
    fees: fees.map(({ name, amount }): Json => [name, amount]),
    uncertain: uncertain.map(({ field }) => field),
    failedChecks: checks.filter(({ ok }) => !ok).map(({ name }) => name),
  };
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, own[key] ?? null]));
}

test('there are enough of them', () => {
  expect(names.length).toBeGreaterThanOrEqual(40);
});

test.each(names)('%s', async (name) => {
  const { orders: wanted, reason: wantedReason } = JSON.parse(
    fs.readFileSync(join(MAILS, `${basename(name).replace(/\.\w+$/, '')}.json`), 'utf8'),
  ) as { orders: JsonObject[]; reason?: string };
  const { orders, reason } = extractOrders(await act(email, 'read', { path: name }, contextFor(MAILS)));
  const whole = wanted.map((order) => ({ uncertain: [], failedChecks: [], fees: [], ...order }));
  expect(orders.map((order, index) => view(order, whole[index] ?? {}))).toEqual(whole);
  expect(orders.length === 0 ? reason : null, 'a mail without an order says why').toEqual(
    orders.length === 0 ? (wantedReason ?? expect.stringMatching(/./)) : null,
  );
});
