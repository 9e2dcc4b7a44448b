// The heading of a table of items: which column says what, and in which currency.

import { MARK_SOURCE } from './amounts.ts';
import { COLUMNS, type Column } from './column-words.ts';
import { entriesOf } from './label-words.ts';
import { cellsOf } from './normalize.ts';

export interface Header {
  readonly columns: readonly Column[];
  /** Currencies that it names: those of the rows that name none. */
  readonly marks: readonly string[];
  /** What follows on the same line. */
  readonly rest: string;
}

const COLUMN_KINDS = Object.keys(COLUMNS) as Exclude<Column, 'other'>[];
/** A cell of a heading that we do not know. */
const OTHER_COLUMN = /^\t[^\t\d:]{1,30}(?=\t|$)/;
const COLUMN_SOURCE = COLUMN_KINDS.map(
  (kind) =>
    `(?<${kind}>${entriesOf(COLUMNS[kind])
      .map((word) => word.replaceAll(' ', '[ _-]?'))
      .join('|')})`,
);
/** Each alone, so that the longest of them is taken. */
const COLUMN_PATTERNS = COLUMN_SOURCE.map(
  (source) =>
    new RegExp(
      `^\\s*${source}(?![\\p{L}\\p{N}])(?:\\s*[([](?:${MARK_SOURCE}|[^)\\]\\d]{1,14})[)\\]]|\\s(?:${MARK_SOURCE})(?=\\t|$))?(?:\\s*[:/])?`,
      'iu',
    ),
);
const MARKS = new RegExp(`(?:${MARK_SOURCE})`, 'giu');
export function findHeader(line: string): Header | null {
  const columns: Column[] = [];
  let rest = line;
  for (;;) {
    const found = longestColumn(rest) ?? otherColumn(rest);
    if (found === null) break;
    // "Item", then "Description": the first of both is a number or a code.
    const earlier = found.column === 'description' ? columns.indexOf('description') : -1;
    if (earlier >= 0) columns[earlier] = earlier === 0 ? 'index' : 'sku';
    columns.push(found.column);
    rest = rest.slice(found.length);
  }
  const kinds = new Set(columns);
  const isTable = kinds.has('quantity') && (kinds.has('price') || kinds.has('total')) && kinds.size >= 3;
  const isShort =
    kinds.size === 2 &&
    kinds.has('description') &&
    (kinds.has('quantity') || kinds.has('total')) &&
    cellsOf(line).length === 2 &&
    rest.trim() === '';
  if (!isTable && !isShort) return null;
  return { columns, marks: line.slice(0, line.length - rest.length).match(MARKS) ?? [], rest };
}

export function longestColumn(text: string): { column: Column; length: number } | null {
  let best: { column: Column; length: number } | null = null;
  for (const [index, pattern] of COLUMN_PATTERNS.entries()) {
    const column = COLUMN_KINDS[index];
    const length = pattern.exec(text)?.[0].length ?? 0;
    if (column !== undefined && length > (best?.length ?? 0)) best = { column, length };
  }
  return best;
}

function otherColumn(text: string): { column: Column; length: number } | null {
  const length = OTHER_COLUMN.exec(text)?.[0].length ?? 0;
  return length === 0 ? null : { column: 'other', length };
}
