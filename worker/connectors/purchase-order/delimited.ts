// Tables that were pasted as comma- or semicolon-separated values, as lines with tabs like all other tables.
//
// D1  only below a line that reads as the heading of a table, and only as long as each line has its number of cells.

import { findHeader } from './heading.ts';

const DELIMITERS = [',', ';'] as const;

export function withTables(lines: readonly string[]): string[] {
  let delimiter: string | null = null;
  let width = 0;
  return lines.map((line) => {
    const own = DELIMITERS.find((one) => isHeading(line, one));
    if (own !== undefined) {
      delimiter = own;
      width = splitCells(line, own).length;
      return splitCells(line, own).join('\t').replaceAll('_', ' ');
    }
    if (delimiter === null || line === '') return line;
    const cells = splitCells(line, delimiter);
    if (cells.length === width) return cells.join('\t');
    delimiter = null;
    return line;
  });
}

function isHeading(line: string, delimiter: string): boolean {
  if (!line.includes(delimiter) || line.includes('\t') || /\d/.test(line)) return false;
  const cells = splitCells(line, delimiter);
  const header = cells.length < 3 ? null : findHeader(cells.join('\t').replaceAll('_', ' '));
  return header !== null && header.columns.length === cells.length;
}

/** A cell in double quotes may hold the delimiter, and a quote written twice. */
function splitCells(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const sign = line[at] ?? '';
    if (isQuoted && sign === '"' && line[at + 1] === '"') {
      cell += sign;
      at += 1;
    } else if (sign === '"' && (isQuoted || cell.trim() === '')) isQuoted = !isQuoted;
    else if (sign === delimiter && !isQuoted) {
      cells.push(cell.trim());
      cell = '';
    } else cell += sign;
  }
  return [...cells, cell.trim()];
}
