// The numbers of a row of items: each with its currency, the unit behind it and its place, and whether three of them multiply.
// Which of them is the quantity and which the price, is for those who read rows.

import { MARK_SOURCE } from './amounts.ts';
import { UNITS } from './column-words.ts';
import { compare, type Decimal, multiply, negate, round } from './decimal.ts';
import { type Convention, NUMBER_SOURCE, parseNumber } from './numbers.ts';

export interface NumberAt {
  readonly value: Decimal;
  readonly mark: string;
  readonly isMoney: boolean;
  readonly unit: string | null;
  readonly from: number;
  readonly to: number;
}

const NUMBER_TAIL = String.raw`(?:[.,][-–])?(?:\s?(?<unit>(?:${UNITS}))(?![\p{Script=Latin}\d'’]))?(?<cut>\s?%|[\p{Script=Latin}"'″/]|[-:.]\d)?`;
const NUMBER_HEAD = String.raw`(?<![\p{L}\d.,/_'"-])(?<sign>-)?`;
const MARK_FIRST = new RegExp(
  String.raw`${NUMBER_HEAD}(?:(?<mark>${MARK_SOURCE})\s?)?(?<number>${NUMBER_SOURCE})${NUMBER_TAIL}`,
  'giu',
);
const MARK_LAST = new RegExp(
  String.raw`${NUMBER_HEAD}(?<number>${NUMBER_SOURCE})(?:\s?(?<mark>${MARK_SOURCE}))?${NUMBER_TAIL}`,
  'giu',
);
const IS_FIRST = new RegExp(String.raw`(?:${MARK_SOURCE})(?=\d)`, 'iu');
const IS_LAST = new RegExp(String.raw`\d[,.]?[-–]?\s?(?:${MARK_SOURCE})(?!\s?\d)`, 'iu');

/** 2 480,00 */
export const BLANK_GROUPS = /(?<=(?<!\d)\d{1,3}(?: \d{3})*) (?=\d{3}(?:,\d{1,2})?(?!\d))/g;

/** Words between a quantity, its price and its total. A point may be of a word or behind it, so only what is short is tried. */
const LINK_LENGTH = 30;
const LINK = new RegExp(
  String.raw`^[\s\t,;=×x*@()/.-]*(?:(?:${UNITS}|at|each|per|apiece|a|à|zu|je|pro|par|l.unité|for|total)(?![\p{L}\d])[\s\t,:;=×*@()/.-]*)*$`,
  'iu',
);

export function numbersOf(text: string, convention: Convention): NumberAt[] {
  const found: NumberAt[] = [];
  // In "10 $5" and "10 $ 5" the sign could belong to either: the rest of the text shows on which side it stands.
  const pattern = !IS_FIRST.test(text) && IS_LAST.test(text) ? MARK_LAST : MARK_FIRST;
  for (const match of text.matchAll(pattern)) {
    const groups = match.groups ?? {};
    if (groups['cut'] !== undefined && !isPerUnit(text.slice(match.index + match[0].length - groups['cut'].length)))
      continue;
    const size = parseNumber(groups['number'] ?? '', convention);
    if (size === null) continue;
    const value = groups['sign'] === undefined ? size : negate(size);
    const mark = (groups['mark'] ?? '').trim();
    const to = match.index + match[0].length - (groups['cut']?.length ?? 0);
    found.push({
      value,
      mark,
      isMoney: mark !== '' || value.scale > 0 || text[match.index - 1] === '@',
      unit: groups['unit'] ?? null,
      from: match.index,
      to,
    });
  }
  return found;
}

/** $0.85/ea */
function isPerUnit(rest: string): boolean {
  return new RegExp(`^/ ?(?:${UNITS})(?![\\p{L}])`, 'iu').test(rest);
}

export function onlyNumber(text: string, convention: Convention): NumberAt | null {
  const numbers = numbersOf(convention === 'comma' ? text.replace(BLANK_GROUPS, '') : text, convention);
  return numbers.length === 1 ? (numbers[0] ?? null) : null;
}

export function numbersWithin(text: string, convention: Convention): Decimal[] {
  return [...text.matchAll(new RegExp(NUMBER_SOURCE, 'g'))].flatMap(([token]) => parseNumber(token, convention) ?? []);
}

export function multiplies(
  quantity: Pick<NumberAt, 'value'>,
  price: Pick<NumberAt, 'value'>,
  total: Pick<NumberAt, 'value'>,
  rates: readonly Decimal[],
): boolean {
  const product = multiply(quantity.value, price.value);
  const isEqual = (value: Decimal): boolean => compare(round(value, total.value.scale), total.value) === 0;
  if (isEqual(product)) return true;
  // A discount of so many per cent; tax on top.
  const hundred = { units: 100n, scale: 0 };
  return rates.some((rate) =>
    [-1n, 1n].some((sign) => {
      const factor = { units: hundred.units * 10n ** BigInt(rate.scale) + sign * rate.units, scale: rate.scale + 2 };
      return isEqual(multiply(product, factor));
    }),
  );
}

/** Nothing but a quantity, a price and perhaps their product: "60 x £4.20 = £252.00". */
export function isPriced(text: string, convention: Convention): boolean {
  const numbers = numbersOf(text, convention);
  const [quantity, ...money] = numbers;
  if (quantity === undefined || quantity.isMoney || money.length < 1 || money.length > 2) return false;
  if (money.some(({ isMoney }) => !isMoney)) return false;
  const between = numbers.map(({ to }, index) => text.slice(to, numbers[index + 1]?.from));
  return quantity.from === 0 && between.every((piece) => piece.length <= LINK_LENGTH && LINK.test(piece));
}
