// Items that one line tells by itself: three numbers that multiply (columns that cannot be told apart, as some mail programs leave a
// table), or a sentence ("200 blue pens at £0.45 each").
//
// L1  three numbers are an item only if they multiply.

import { MARK_SOURCE } from './amounts.ts';
import { UNITS } from './column-words.ts';
import { countOf, countWith } from './dozens.ts';
import type { Header } from './heading.ts';
import type { Item } from './item.ts';
import { nameOf, unitBetween } from './item-names.ts';
import { type NumberAt, numbersOf } from './item-numbers.ts';
import { type Convention, NUMBER_SOURCE, parseNumber } from './numbers.ts';

const ROW_LIMIT = 5_000;

interface Triple {
  readonly quantity: NumberAt;
  readonly price: NumberAt;
  readonly total: NumberAt;
}

export function readByArithmetic(text: string, line: number, header: Header | null, convention: Convention): Item[] {
  const items: Item[] = [];
  let rest = text;
  while (items.length < ROW_LIMIT) {
    const triple = nextTriple(rest, header, convention, items.length > 0 || isRunTogether(rest, convention));
    if (triple === null) break;
    items.push(itemOf(rest, triple, line, header, items.length + 1));
    rest = rest.slice(triple.total.to);
  }
  return items;
}

/** More numbers with a currency than one item has. */
function isRunTogether(text: string, convention: Convention): boolean {
  return numbersOf(text, convention).filter(({ isMoney }) => isMoney).length > 3;
}

function nextTriple(text: string, header: Header | null, convention: Convention, isFirst: boolean): Triple | null {
  const numbers = numbersOf(text, convention);
  const hasMoney = numbers.some(({ isMoney }) => isMoney);
  if (!hasMoney && header === null) return null;
  // Yen without a sign are no money by their looks: under a header they may be some all the same.
  return tripleIn(numbers, hasMoney, isFirst) ?? (header === null ? null : tripleIn(numbers, false, isFirst));
}

function tripleIn(numbers: readonly NumberAt[], needsMoney: boolean, isFirst: boolean): Triple | null {
  let found: Triple | null = null;
  for (let last = 2; last < numbers.length; last += 1) {
    const total = numbers[last];
    if (total === undefined || (needsMoney && !total.isMoney)) continue;
    const triple = bestPair(numbers.slice(Math.max(0, last - 5), last), total, needsMoney);
    if (triple !== null && isFirst) return triple;
    found = triple ?? found;
  }
  return found;
}

/** The pair nearest to the total that multiplies to it. */
function bestPair(before: readonly NumberAt[], total: NumberAt, hasMoney: boolean): Triple | null {
  for (let second = before.length - 1; second >= 1; second -= 1) {
    for (let first = second - 1; first >= 0; first -= 1) {
      const a = before[first];
      const b = before[second];
      if (a === undefined || b === undefined) continue;
      for (const [quantity, price] of [
        [a, b],
        [b, a],
      ] as const) {
        const isLikely =
          quantity.mark === '' &&
          (!hasMoney || price.isMoney) &&
          quantity.value.units !== 0n &&
          price.value.units >= 0n;
        const count = isLikely ? countWith(quantity, price, total) : null;
        if (count !== null) return { quantity: count, price, total };
      }
    }
  }
  return null;
}

function itemOf(
  text: string,
  { quantity, price, total }: Triple,
  line: number,
  header: Header | null,
  position: number,
): Item {
  const ends = [quantity, price, total].sort((a, b) => a.from - b.from);
  const [first = quantity, second = price, third = total] = ends;
  const pieces = [text.slice(0, first.from), text.slice(first.to, second.from), text.slice(second.to, third.from)];
  const { name, sku } = nameOf(pieces, header, position);
  const unit = quantity.unit ?? unitBetween(pieces[1] ?? '', pieces[0] ?? '');
  return {
    sku,
    description: name,
    quantity: quantity.value,
    unit,
    unitPrice: price.value,
    total: total.value,
    marks: [price.mark, total.mark].filter((mark) => mark !== ''),
    line,
  };
}

const EACH = String.raw`each|(?:per|/|a|pro) ?(?:${UNITS})(?![\p{L}])|apiece|ea\.?|l.unité|das stück|(?:la )?pièce`;
/** A word before the price that says it is the price of one. */
const IS_EACH = String.raw`(?<!\p{L})(?:zu je|je|à raison de)\s*(?:${MARK_SOURCE})?\s?(?:${NUMBER_SOURCE})\s?(?:${MARK_SOURCE})?\s*`;
const OFFER = new RegExp(
  [
    String.raw`(?<![\p{L}\d.,/_'"-])(?<quantity>${NUMBER_SOURCE})\s*(?:x|×|(?<unit>${UNITS})(?:\s+(?:of|x|de))?)?\s+`,
    String.raw`(?<name>\p{L}(?:(?![.;!?]\s+\p{Lu})[^@\t]){1,120}?)\s*,?\s*(?:@|at|à raison de|à|zu je|zu|je|for)\s*`,
    String.raw`(?<before>${MARK_SOURCE})?\s?(?<price>${NUMBER_SOURCE})\s?(?<after>${MARK_SOURCE})?\s*(?<each>${EACH}|(?<=${IS_EACH}))`,
  ].join(''),
  'giu',
);

/** In prose: 200 blue pens at £0.45 each. */
export function readOffer(text: string, line: number, convention: Convention): Item[] {
  return [...text.matchAll(OFFER)].flatMap(({ groups = {} }) => offerOf(groups, line, convention));
}

function offerOf(groups: Readonly<Record<string, string | undefined>>, line: number, convention: Convention): Item[] {
  const quantity = parseNumber(groups['quantity'] ?? '', convention);
  const price = parseNumber(groups['price'] ?? '', convention);
  if (quantity === null || price === null) return [];
  const mark = (groups['before'] ?? groups['after'] ?? '').trim();
  const description = (groups['name'] ?? '').replace(/^of /i, '').trim();
  const counted = countOf(
    { value: quantity, unit: groups['unit'] ?? null },
    { value: price },
    null,
    groups['each'] ?? '',
  );
  return [
    {
      sku: null,
      description,
      quantity: counted.quantity.value,
      unit: counted.quantity.unit,
      unitPrice: price,
      total: null,
      marks: mark === '' ? [] : [mark],
      line,
      ...(counted.problem === undefined ? {} : { problem: counted.problem }),
    },
  ];
}
