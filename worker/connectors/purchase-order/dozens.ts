// How many: a quantity as it stands, or dozens as pieces where the price is for a piece.
//
// Q1  dozens are pieces only if the total or the words beside the price say so; if neither says anything, that is told, and the quantity
//     stays as it was written.

import { UNITS } from './column-words.ts';
import { type Decimal, formatDecimal, multiply } from './decimal.ts';
import { multiplies, type NumberAt } from './item-numbers.ts';

const DOZEN = String.raw`(?:dozens?|doz|dz|dutzend|dtzd|douzaines?|ダース)\.?`;
const IS_DOZEN = new RegExp(`^${DOZEN}$`, 'iu');
const PER_DOZEN = new RegExp(String.raw`^[\s(]*(?:(?:per|a|each|je|pro|par|la|the)\s|/\s?)?${DOZEN}(?!\p{L})`, 'iu');
const PER_PIECE = new RegExp(
  String.raw`^[\s(]*(?:apiece|l.unité|(?:(?:per|a|je|pro|par|la|das)\s|/\s?)?(?:${UNITS}))(?!\p{L})`,
  'iu',
);

const TWELVE: Decimal = { units: 12n, scale: 0 };

/** A number and the unit behind it. */
type Quantity = Pick<NumberAt, 'value' | 'unit'>;

/** The quantity as it stands; of dozens the number of pieces too. */
function readingsOf<T extends Quantity>(quantity: T): T[] {
  const pieces = { ...quantity, value: multiply(quantity.value, TWELVE), unit: null };
  return IS_DOZEN.test(quantity.unit ?? '') ? [quantity, pieces] : [quantity];
}

/** The quantity with which the total is right; null when there is none. */
export function countWith<T extends Quantity>(
  quantity: T,
  price: Pick<NumberAt, 'value'>,
  total: NumberAt,
  rates: readonly Decimal[] = [],
): T | null {
  return readingsOf(quantity).find((reading) => multiplies(reading, price, total, rates)) ?? null;
}

/** What the text says behind the price; a unit that leans on it is a part of the number. */
export function besideOf({ unit, to }: NumberAt, text: string): string {
  return `${unit ?? ''} ${text.slice(to)}`;
}

export interface Count {
  readonly quantity: Quantity;
  readonly problem?: string;
}

/** `beside`: "each", "per dozen". */
export function countOf(
  quantity: Quantity,
  price: Pick<NumberAt, 'value'> | null,
  total: NumberAt | null,
  beside: string,
  rates: readonly Decimal[] = [],
): Count {
  if (price === null) return { quantity };
  if (total !== null) {
    const fitting = countWith(quantity, price, total, rates);
    if (fitting !== null) return { quantity: fitting };
    const expected = formatDecimal(multiply(quantity.value, price.value), 2);
    const found = formatDecimal(total.value, 2);
    return { quantity, problem: `quantity times unit price is ${expected}, the mail says ${found}` };
  }
  const [written = quantity, pieces] = readingsOf(quantity);
  if (pieces === undefined || PER_DOZEN.test(beside)) return { quantity: written };
  if (PER_PIECE.test(beside)) return { quantity: pieces };
  const count = `${formatDecimal(written.value, 0)} ${written.unit ?? ''}`;
  return { quantity: written, problem: `${count}: the price may be for one or for twelve` };
}
