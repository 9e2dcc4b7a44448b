// Items whose parts stand under one another.

import { type Column } from './column-words.ts';
import { longestColumn } from './heading.ts';
import type { Item } from './item.ts';
import { multiplies, type NumberAt, numbersOf, productProblem } from './item-numbers.ts';
import type { Convention } from './numbers.ts';

/** Each number behind its own word: "Qty: 4". A word that comes again begins the next item. */
export function readBlocks(lines: readonly string[], convention: Convention): Item[] {
  const items: Item[] = [];
  let record = new Map<Column, string>();
  const finish = (line: number): void => {
    const item = itemOfRecord(record, line, convention);
    if (item !== null) items.push(item);
    record = new Map();
  };
  for (const [index, line] of lines.entries()) {
    for (const part of line.split(/[,;\t]\s*(?=[^:\t,;]{2,20}:)/)) {
      const column = longestColumn(part);
      const value = column === null ? '' : part.slice(column.length);
      if (column === null || !part.slice(0, column.length).trimEnd().endsWith(':') || value.trim() === '') continue;
      if (record.has(column.column) && (record.has('quantity') || column.column !== 'description')) finish(index);
      record.set(column.column, value.trim());
    }
  }
  finish(lines.length - 1);
  return items;
}

function itemOfRecord(record: ReadonlyMap<Column, string>, line: number, convention: Convention): Item | null {
  const number = (column: Column): NumberAt | null => numbersOf(record.get(column) ?? '', convention)[0] ?? null;
  const [quantity, price, total] = [number('quantity'), number('price'), number('total')];
  const description = record.get('description') ?? record.get('index') ?? '';
  if (quantity === null || (price === null && total === null) || description === '') return null;
  const marks = [price?.mark ?? '', total?.mark ?? ''].filter((mark) => mark !== '');
  const unit = record.get('unit') ?? quantity.unit;
  const sku = record.get('sku') ?? null;
  const item = {
    sku,
    description,
    quantity: quantity.value,
    unit,
    unitPrice: price?.value ?? null,
    total: total?.value ?? null,
    marks,
    line,
  };
  if (price === null || total === null || multiplies(quantity, price, total, [])) return item;
  return { ...item, problem: productProblem(quantity, price, total) };
}
