// `purchaseOrder`: reads orders out of a mail, says which need a person, and writes that down.
//
// What it gives is documented in docs/purchase-orders.md. Money is exact decimal text.

import { resolve } from 'node:path';
import { isObject, type Json, type JsonObject } from '../../../kernel/json.ts';
import { type Action, action, Connector } from '../connector.ts';
import { MESSAGE_SCHEMA } from '../email/message.ts';
import { writeAtomically } from '../files.ts';
import { type Checked, DEFAULT_REQUIRED, reasonsFor, type Rules } from './check.ts';
import { extractOrders } from './extract.ts';
import { FIELDS, FIELDS_SCHEMA, type Order, ORDER_SCHEMA } from './order.ts';

const TEXT_OR_NULL = { type: ['string', 'null'] };
const REASONS = { type: 'array', items: { type: 'string' } };
const DECIMAL = String.raw`^\d{1,18}(\.\d{1,6})?$`;
const DAY = { type: 'string', pattern: String.raw`^\d{4}-\d{2}-\d{2}$` };

const EXTRACTED: JsonObject = {
  type: 'object',
  properties: {
    ...(ORDER_SCHEMA['properties'] as JsonObject),
    subject: { type: 'string' },
    count: { type: 'integer' },
    po_number: TEXT_OR_NULL,
    reason: TEXT_OR_NULL,
    orders: { type: 'array', items: ORDER_SCHEMA },
    rowCount: { type: 'integer', description: 'Orders with a number: those can be stored.' },
    rows: { type: 'array', items: FIELDS_SCHEMA },
  },
  required: ['count', 'orders', 'fields', 'missing', 'uncertain', 'checks'],
};

const RULES: JsonObject = {
  type: 'object',
  properties: {
    amountAbove: {
      anyOf: [
        { type: 'number', minimum: 0, maximum: 1e15 },
        { type: 'string', pattern: DECIMAL },
      ],
    },
    dueWithinDays: { type: 'integer', minimum: 0, maximum: 36_500 },
    asOf: { ...DAY, description: 'Days are counted from here. Default: today, UTC.' },
    urgentWords: { type: 'array', items: { type: 'string', minLength: 1 }, maxItems: 1000 },
    requiredFields: { type: 'array', items: { enum: [...FIELDS] }, default: [...DEFAULT_REQUIRED] },
    totalsMustAddUp: { type: 'boolean', default: true },
    doubtsNeedAttention: { type: 'boolean', default: true },
  },
  additionalProperties: false,
};

const FLAGGED: JsonObject = {
  type: 'object',
  properties: {
    po_number: TEXT_OR_NULL,
    attention: { type: 'boolean' },
    reasons: REASONS,
    fields: { type: 'object' },
  },
  required: ['po_number', 'attention', 'reasons', 'fields'],
};

interface Extraction extends Checked {
  readonly count: number;
  readonly subject?: string;
  readonly reason?: string | null;
  readonly orders: readonly Order[];
}

interface Flagged {
  readonly po_number: string | null;
  readonly attention: boolean;
  readonly reasons: readonly string[];
  readonly fields: JsonObject;
}

export class PurchaseOrderConnector extends Connector {
  override readonly actions: Readonly<Record<string, Action>> = {
    extract: action<{ readonly message?: JsonObject; readonly text?: string; readonly subject?: string }>({
      description: 'Finds the purchase orders in a message; what is not certain is listed, never guessed.',
      input: {
        type: 'object',
        properties: {
          message: { ...MESSAGE_SCHEMA, required: ['text'], description: 'What email.read gives.' },
          text: { type: 'string', description: 'Instead of a message: its text alone.' },
          subject: { type: 'string' },
        },
        oneOf: [{ required: ['message'] }, { required: ['text'] }],
        additionalProperties: false,
      },
      output: EXTRACTED,
      async run({ message, text, subject }, context) {
        const mail: JsonObject = message ?? { text: text ?? '', subject: subject ?? '' };
        const extracted = describe(mail);
        const words = extracted.orders.map(({ fields }) => fields.po_number ?? 'one without a number').join(', ');
        context.log(
          extracted.count === 0 ? `no order: ${extracted.reason ?? ''}` : `${extracted.count} found: ${words}`,
        );
        for (const { missing, uncertain } of extracted.orders) {
          if (missing.length > 0) context.log(`  missing: ${missing.join(', ')}`);
          for (const { field, reason } of uncertain) context.log(`  uncertain ${field}: ${reason}`);
        }
        return extracted as unknown as Json;
      },
    }),

    check: action<{ readonly extracted: Extraction; readonly rules?: Rules }>({
      description: 'Which orders need attention, and why; the same input gives the same answer.',
      input: {
        type: 'object',
        properties: { extracted: EXTRACTED, rules: RULES },
        required: ['extracted'],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { ...(FLAGGED['properties'] as JsonObject), orders: { type: 'array', items: FLAGGED } },
        required: ['attention', 'reasons', 'orders'],
      },
      async run({ extracted, rules = {} }, context) {
        const today = new Date().toISOString().slice(0, 10);
        const orders = extracted.orders.map((order) => flag(order, extracted.subject ?? '', rules, today));
        const [first = noOrder(extracted)] = orders;
        const attention = first.attention || orders.some((order) => order.attention);
        const reasons = orders.length > 1 ? orders.flatMap(prefixed) : first.reasons;
        context.log(attention ? `needs attention: ${reasons.join('; ')}` : 'needs no attention');
        return { ...first, attention, reasons, orders } as unknown as Json;
      },
    }),

    alert: action<{
      readonly check: { readonly orders: readonly Flagged[] } & Partial<Flagged>;
      readonly path: string;
      readonly timestamp?: string;
    }>({
      description:
        'Writes {po_number, reasons, fields, timestamp} for an order that needs attention; nothing for one that does not.',
      input: {
        type: 'object',
        properties: {
          check: { type: 'object', required: ['orders'], properties: { orders: { type: 'array', items: FLAGGED } } },
          path: {
            type: 'string',
            minLength: 1,
            maxLength: 4096,
            description: 'Of a second order PATH.2.json, and so on.',
          },
          timestamp: { type: 'string', description: 'Default: now.' },
        },
        required: ['check', 'path'],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { paths: { type: 'array', items: { type: 'string' } } },
        required: ['paths'],
      },
      async run({ check, path, timestamp }, context) {
        const { orders, ...whole } = check;
        const all = orders.length === 0 && isFlagged(whole) ? [whole] : orders;
        const flagged = all.filter(({ attention }) => attention);
        const paths: string[] = [];
        for (const [index, { po_number, reasons, fields }] of flagged.entries()) {
          const place = index === 0 ? path : path.replace(/(\.json)?$/, `.${index + 1}.json`);
          const alert = { po_number, reasons, fields, timestamp: timestamp ?? new Date().toISOString() };
          await writeAtomically(resolve(context.workingDir, place), `${JSON.stringify(alert, null, 2)}\n`);
          paths.push(place);
        }
        context.log(paths.length === 0 ? 'nothing to write' : `wrote ${paths.join(', ')}`);
        return { paths };
      },
    }),
  };
}

/** One order is told at the top too; of several only what they have in common: that there are several. */
function describe(mail: JsonObject): Extraction {
  const { orders, reason } = extractOrders(mail);
  const [only] = orders;
  const numbers = orders.map(({ fields }) => fields.po_number ?? '?');
  const rows = orders.map(({ fields }) => fields).filter(({ po_number }) => po_number !== null);
  const subject = typeof mail['subject'] === 'string' ? mail['subject'] : '';
  const whole = { subject, count: orders.length, reason, orders, rows, rowCount: rows.length };
  if (only !== undefined && orders.length === 1)
    return { ...whole, ...only, po_number: only.fields.po_number } as Extraction;
  const doubt = { field: 'po_number', reason: `the mail holds ${orders.length} orders`, candidates: numbers };
  return {
    ...whole,
    po_number: null,
    fields: {} as Order['fields'],
    missing: orders.length === 0 ? [...FIELDS].filter((field) => field !== 'discount') : [],
    uncertain: orders.length === 0 ? [] : [doubt],
    checks: [],
  } as Extraction;
}

function flag(order: Order, subject: string, rules: Rules, today: string): Flagged {
  const reasons = reasonsFor(order, subject, rules, today);
  return {
    po_number: order.fields.po_number,
    attention: reasons.length > 0,
    reasons,
    fields: order.fields as unknown as JsonObject,
  };
}

function noOrder({ reason }: Extraction): Flagged {
  return {
    po_number: null,
    attention: true,
    reasons: [`no purchase order found: ${reason ?? 'the mail holds none'}`],
    fields: {},
  };
}

function prefixed({ po_number, reasons }: Flagged): string[] {
  return reasons.map((reason) => `${po_number ?? 'order without a number'}: ${reason}`);
}

function isFlagged(value: Partial<Flagged>): value is Flagged {
  return typeof value.attention === 'boolean' && Array.isArray(value.reasons) && isObject(value.fields);
}
