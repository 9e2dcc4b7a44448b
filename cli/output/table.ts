// Tables: aligned columns, two spaces between them, no lines. Widths come from what is shown, so a table needs all its
// rows; a stream of rows (`get -w`) keeps the widths of its first rows.

import type { Paint } from './colors.ts';
import { clean, displayWidth, fit, padEnd, padStart } from './text.ts';

export interface Cell {
  readonly text: string;
  readonly paint?: Paint;
}

export interface Column {
  readonly title: string;
  /** Numbers read better at the right. */
  readonly align?: 'left' | 'right';
}

export type Row = readonly (string | Cell)[];

const GAP = '  ';

export class Table {
  readonly #columns: readonly Column[];
  readonly #widths: number[];
  readonly #limit: number;

  /** `limit`: columns of the screen; the last cell of a row is cut there. Absent: nothing is cut. */
  constructor(columns: readonly Column[], limit = Number.POSITIVE_INFINITY) {
    this.#columns = columns;
    this.#widths = columns.map((column) => displayWidth(column.title));
    this.#limit = limit;
  }

  /** Makes the columns wide enough for these rows. */
  measure(rows: readonly Row[]): void {
    for (const row of rows) {
      row.forEach((cell, index) => {
        const width = displayWidth(clean(textOf(cell)));
        if (width > (this.#widths[index] ?? 0)) this.#widths[index] = width;
      });
    }
  }

  header(paint: Paint = (text) => text): string {
    return paint(this.#line(this.#columns.map((column) => column.title)));
  }

  line(row: Row): string {
    return this.#line(row);
  }

  #line(row: Row): string {
    let used = 0;
    const parts: string[] = [];
    row.forEach((cell, index) => {
      const isLast = index === row.length - 1;
      const width = this.#widths[index] ?? 0;
      const text = clean(textOf(cell));
      const right = this.#columns[index]?.align === 'right';
      const room = Math.max(0, this.#limit - used);
      const padded = right ? padStart(text, width) : isLast ? text : padEnd(text, width);
      parts.push(painted(fit(padded, room), cell));
      used += width + GAP.length;
    });
    return parts.join(GAP).trimEnd();
  }
}

/** A whole table, one string a line. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly Row[],
  options: { limit?: number; header?: Paint } = {},
): string[] {
  const table = new Table(columns, options.limit);
  table.measure(rows);
  return [table.header(options.header), ...rows.map((row) => table.line(row))];
}

function textOf(cell: string | Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

// Trailing blanks stay outside the paint, so that a painted cell in the middle keeps its column and nothing else.
function painted(text: string, cell: string | Cell): string {
  return typeof cell === 'string' || cell.paint === undefined ? text : cell.paint(text);
}
