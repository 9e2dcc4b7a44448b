// Items in the columns of a table: the heading says which number is what.
//
// L2  a row whose numbers do not multiply is kept as it was written and reported, never mended.

import type { Column } from './column-words.ts';
import { besideOf, countOf } from './dozens.ts';
import type { Item } from './item.ts';
import { nameOf } from './item-names.ts';
import { numbersOf, numbersWithin, onlyNumber } from './item-numbers.ts';
import type { Convention } from './numbers.ts';

export function readColumns(
  text: string,
  line: number,
  columns: readonly Column[],
  convention: Convention,
): Item | null {
  const cells = text.split('\t');
  if (cells.length !== columns.length || cells.length < 2) return null;
  const cell = (column: Column): string => (cells[columns.indexOf(column)] ?? '').trim();
  const has = (column: Column): boolean => columns.includes(column) && cell(column) !== '';
  const quantity = has('quantity') ? onlyNumber(cell('quantity'), convention) : null;
  const price = has('price') ? onlyNumber(cell('price'), convention) : null;
  const total = has('total') ? onlyNumber(cell('total'), convention) : null;
  if (quantity === null || (price === null && total === null && (has('price') || has('total')))) return null;
  if (cell('description') === '' && cell('sku') === '' && price === null && total === null) return null;
  const rates = columns.includes('rate') ? numbersWithin(cell('rate'), convention) : [];
  const count = { ...quantity, unit: has('unit') ? cell('unit') : quantity.unit };
  const counted = countOf(count, price, total, price === null ? '' : besideOf(price, cell('price')), rates);
  return {
    sku: has('sku') ? cell('sku') : /\p{L}/u.test(cell('index')) ? cell('index') : null,
    description: cell('description') === '' && !columns.includes('description') ? cell('index') : cell('description'),
    quantity: counted.quantity.value,
    unit: counted.quantity.unit,
    unitPrice: price?.value ?? null,
    total: total?.value ?? null,
    marks: [price?.mark ?? '', total?.mark ?? ''].filter((mark) => mark !== ''),
    line,
    ...(counted.problem === undefined ? {} : { problem: counted.problem }),
  };
}

/** Under columns of quantity and price only: the last two numbers. */
export function readWithoutTotal(text: string, line: number, convention: Convention, name: string): Item[] {
  const numbers = numbersOf(text, convention);
  const [quantity, price] = numbers.slice(-2);
  if (quantity === undefined || price === undefined || !price.isMoney || quantity.isMoney) return [];
  const pieces = [text.slice(0, quantity.from), text.slice(quantity.to, price.from)];
  const { name: own, sku } = nameOf(pieces, null, 1);
  const description = own === '' ? name : own;
  if (description === '') return [];
  const counted = countOf(quantity, price, null, besideOf(price, text));
  return [
    {
      sku,
      description,
      quantity: counted.quantity.value,
      unit: counted.quantity.unit,
      unitPrice: price.value,
      total: null,
      marks: [price.mark].filter((mark) => mark !== ''),
      line,
      ...(counted.problem === undefined ? {} : { problem: counted.problem }),
    },
  ];
}
