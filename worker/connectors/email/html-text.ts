// HTML as text: a line for each row of a table, its cells apart by a tab; what is struck out or hidden is not there. The only door to html-to-text.

import { convert } from 'html-to-text';

const ROW = { format: 'block', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } };
const SKIPPED = ['img', 'del', 's', 'strike', 'script', 'style', 'head', 'title', '[hidden]'].concat(
  ['display:none', 'display: none', 'visibility:hidden', 'line-through'].map((style) => `[style*="${style}"]`),
);
/** Deeper nesting and longer documents are cut, not refused: they are no mail that a person wrote. */
const LIMITS = { maxInputLength: 4 * 1024 * 1024, maxDepth: 200, maxChildNodes: 20_000 };

/** So many cells in a row are a table of data; fewer may be what keeps the parts of a page side by side. */
const TABLE = 3;
/** A name and what stands beneath it are one cell; more lines are a text. */
const CELL_LINES = 4;
const BEGIN = '\ue000';
const END = '\ue001';
const CELL = /\ue000([^\ue000\ue001]*)\ue001/g;

export function htmlToText(html: string): string {
  return convert(html, {
    wordwrap: false,
    limits: LIMITS,
    formatters: {
      cell: (element, walk, builder) => {
        const row = element.parent?.children ?? [];
        const isOfTable = row.filter(({ name }) => name === 'td' || name === 'th').length >= TABLE;
        if (isOfTable) builder.addLiteral(BEGIN);
        walk(element.children, builder);
        builder.addLiteral(isOfTable ? `${END}\t` : '\t');
      },
    },
    selectors: [
      { selector: '*', format: 'inline' },
      { selector: 'a', options: { ignoreHref: true } },
      { selector: 'table', ...ROW },
      { selector: 'tr', ...ROW },
      { selector: 'td', format: 'cell' },
      { selector: 'th', format: 'cell' },
      { selector: 'hr', format: 'block' },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
      ...SKIPPED.map((selector) => ({ selector, format: 'skip' })),
    ],
  })
    .replace(CELL, (_, cell: string) =>
      cell.split('\n').length > CELL_LINES ? cell : cell.trim().replace(/\s*\n\s*/g, ' '),
    )
    .replace(/[\ue000\ue001]/g, '')
    .replace(/[ \u00a0]*\t[ \u00a0]*/g, '\t')
    .replace(/\t+$/gm, '');
}
