// What was read: an order, and what could not be read for certain.
// The form in which extract gives it and check takes it.

import type { JsonObject } from '../../../kernel/json.ts';

/** In the order in which people read them. */
export const FIELDS = [
  'po_number',
  'vendor',
  'order_date',
  'due_date',
  'payment_terms',
  'currency',
  'line_items',
  'subtotal',
  'discount',
  'tax',
  'shipping',
  'total',
] as const;
export type Field = (typeof FIELDS)[number];

/** Seldom there, so not missed. */
export const OPTIONAL_FIELDS: readonly Field[] = ['discount'];

export interface LineItem {
  readonly sku: string | null;
  readonly description: string;
  readonly quantity: number;
  readonly unit: string | null;
  readonly unit_price: string | null;
  readonly total: string | null;
}

/** Money is exact decimal text, dates are YYYY-MM-DD; what was not found or is in doubt is null. */
export interface OrderFields {
  readonly po_number: string | null;
  readonly vendor: string | null;
  readonly order_date: string | null;
  readonly due_date: string | null;
  readonly payment_terms: string | null;
  readonly currency: string | null;
  readonly line_items: readonly LineItem[];
  readonly subtotal: string | null;
  readonly discount: string | null;
  readonly tax: string | null;
  readonly shipping: string | null;
  readonly total: string | null;
}

export interface Doubt {
  readonly field: string;
  readonly reason: string;
  /** What it could be. */
  readonly candidates: readonly string[];
}

/** A sum that the order must satisfy. */
export interface SumCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: string;
  readonly found: string;
}

export interface Order {
  readonly fields: OrderFields;
  readonly missing: readonly Field[];
  readonly uncertain: readonly Doubt[];
  readonly checks: readonly SumCheck[];
  /** Charges that are no field (a fee for dangerous goods, for small orders), when there are any. */
  readonly fees?: readonly { readonly name: string; readonly amount: string }[];
  /** Where it stood: body, attachment, forwarded or quoted. */
  readonly source: string;
}

const TEXT = { type: ['string', 'null'] };
export const FIELDS_SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    ...Object.fromEntries(FIELDS.map((field) => [field, TEXT])),
    line_items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          sku: TEXT,
          description: { type: 'string' },
          quantity: { type: 'number' },
          unit: TEXT,
          unit_price: TEXT,
          total: TEXT,
        },
        required: ['description', 'quantity'],
      },
    },
  },
};

export const ORDER_SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    fields: FIELDS_SCHEMA,
    missing: { type: 'array', items: { enum: [...FIELDS] } },
    uncertain: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          field: { type: 'string' },
          reason: { type: 'string' },
          candidates: { type: 'array', items: { type: 'string' } },
        },
        required: ['field', 'reason', 'candidates'],
      },
    },
    checks: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          ok: { type: 'boolean' },
          expected: { type: 'string' },
          found: { type: 'string' },
        },
        required: ['name', 'ok', 'expected', 'found'],
      },
    },
    fees: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, amount: { type: 'string' } },
        required: ['name', 'amount'],
      },
    },
    source: { type: 'string' },
  },
  required: ['fields', 'missing', 'uncertain', 'checks'],
};
