// One line of an order: what, how many, at what price.

import type { Decimal } from './decimal.ts';

export interface Item {
  readonly sku: string | null;
  readonly description: string;
  readonly quantity: Decimal;
  readonly unit: string | null;
  readonly unitPrice: Decimal | null;
  readonly total: Decimal | null;
  /** Currencies as written. */
  readonly marks: readonly string[];
  readonly line: number;
  readonly problem?: string;
}
