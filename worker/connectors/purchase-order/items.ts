// The items of an order, line after line: which reader a line is for, and what the lines around it lend it.
//
// Ways that check each other: columns say which number is what (table-items.ts), and quantity times price must be the total. Where the
// columns cannot be told apart the arithmetic finds the items alone (inline-items.ts); without a heading they may stand in blocks under one
// another (block-items.ts).

import { readBlocks } from './block-items.ts';
import { findHeader, type Header } from './heading.ts';
import { readByArithmetic, readOffer } from './inline-items.ts';
import type { Item } from './item.ts';
import { BLANK_GROUPS, numbersOf } from './item-numbers.ts';
import { cellsOf } from './normalize.ts';
import type { Convention } from './numbers.ts';
import { readColumns, readWithoutTotal } from './table-items.ts';

const BULLET = /^[\s\t]*(?:[-–•*·◦▪]\s+|\(?\d{1,3}[.)]\s+)?/u;

const ROW_LIMIT = 5_000;

export interface Table {
  readonly items: readonly Item[];
  /** Lines that are part of the table, so that nothing else is read from them. */
  readonly lines: ReadonlySet<number>;
  /** Lines that tell the total of an item by a word that may be the order's. */
  readonly totalLines: ReadonlySet<number>;
  /** Names of items that could not be read. */
  readonly unread: readonly string[];
}

const NO_TABLE: Table = { items: [], lines: new Set(), totalLines: new Set(), unread: [] };

/** `isEnd`: no row of a table, but what follows it (a total, another heading). */
export function findItems(lines: readonly string[], convention: Convention, isEnd: (line: number) => boolean): Table {
  const items: Item[] = [];
  const used = new Set<number>();
  let header: Header | null = null;
  /** The line before, when it is no row: the beginning of one, or the name of the thing. */
  let before = '';
  for (const [index, line] of lines.entries()) {
    if (items.length >= ROW_LIMIT) break;
    const own = findHeader(line);
    if (own !== null) used.add(index);
    const isOver = own === null && isEnd(index);
    header = own ?? (isOver ? null : header);
    const text = own?.rest ?? line;
    if (own !== null || isOver || text.trim() === '') before = '';
    if (isOver || text.trim() === '') continue;
    const marks = header?.marks ?? [];
    const rows = readRow(text, index, header, convention, before).map((item) =>
      item.marks.length === 0 && marks.length > 0 ? { ...item, marks } : item,
    );
    items.push(...rows);
    if (rows.length > 0 && header !== null) used.add(index);
    before = rows.length > 0 || header === null ? '' : text.replace(BULLET, '').trim();
  }
  return used.size > 0 && items.length > 0
    ? { ...NO_TABLE, items, lines: used }
    : withBlocks(lines, convention, isEnd, items, used);
}

/** Without a heading items may stand in blocks. A line of a block is no row; a block of one line gives way to rows. */
function withBlocks(
  lines: readonly string[],
  convention: Convention,
  isEnd: (line: number) => boolean,
  rows: readonly Item[],
  used: ReadonlySet<number>,
): Table {
  const blocks = readBlocks(lines, convention, isEnd);
  const isOneLine = blocks.lines.size + blocks.totalLines.size <= blocks.items.length;
  if (rows.length > 0 && (blocks.items.length === 0 || isOneLine)) return { ...NO_TABLE, items: rows, lines: used };
  const others = rows.filter(({ line }) => !blocks.lines.has(line) && !blocks.totalLines.has(line));
  const items = [...blocks.items, ...others].sort((a, b) => a.line - b.line);
  return { ...blocks, items, lines: new Set([...used, ...blocks.lines]) };
}

function readRow(text: string, line: number, header: Header | null, convention: Convention, before: string): Item[] {
  const hasNumbers = numbersOf(before, convention).length > 0;
  const rows = readRows(text, line, header, convention, hasNumbers ? nameIn(before, convention) : before);
  return rows.length > 0 || !hasNumbers ? rows : readByArithmetic(`${before}\t${text}`, line, header, convention);
}

/** Above numbers without a name stands the name, behind its position and code: "00010  MAT-77  CABLE TIE". */
function nameIn(text: string, convention: Convention): string {
  return numbersOf(text, convention).some(({ isMoney }) => isMoney) ? '' : (cellsOf(text).at(-1) ?? '');
}

function readRows(text: string, line: number, header: Header | null, convention: Convention, name: string): Item[] {
  const mapped = header === null ? null : readColumns(text, line, header.columns, convention);
  // A price may stand under a word that is not known, or under "Unit": three numbers that multiply say so.
  const isWhole = mapped !== null && mapped.unitPrice !== null && mapped.total !== null;
  if (mapped !== null && mapped.problem === undefined && isWhole) return [named(mapped, name)];
  const plain = readByArithmetic(text, line, header, convention);
  const isTwofold = plain.length === 0 && convention === 'comma';
  const found = isTwofold ? readByArithmetic(text.replace(BLANK_GROUPS, ''), line, header, convention) : plain;
  if (found.length > 0) return found.map((item, index) => (index === 0 ? named(item, name) : item));
  if (mapped !== null) return [named(mapped, name)];
  if (header !== null && !header.columns.includes('total')) return readWithoutTotal(text, line, convention, name);
  return header === null ? readOffer(text, line, convention) : [];
}

function named(item: Item, name: string): Item {
  return item.description === '' && name !== '' ? { ...item, description: name } : item;
}
