// The text of a PDF with its layout: words of one height are one line, wide gaps stay gaps. The only door to unpdf.

import { getDocumentProxy } from 'unpdf';

interface Piece {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const PAGE_LIMIT = 200;
/** Pieces closer in height than this part of the letters' are on one line. */
const SAME_LINE = 0.5;
/** Gaps in parts of the letters' height. */
const WORD_GAP = 0.12;
const COLUMN_GAP = 0.9;

export async function pdfToText(bytes: Uint8Array): Promise<string> {
  // It takes the buffer away from us, so it gets one of its own.
  const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
  try {
    const pages: string[] = [];
    for (let number = 1; number <= Math.min(document.numPages, PAGE_LIMIT); number += 1) {
      const page = await document.getPage(number);
      const { items } = await page.getTextContent();
      const pieces: Piece[] = [];
      for (const item of items) {
        if (!('str' in item) || item.str.trim() === '') continue;
        const [, , skew = 0, scale = 0, x = 0, y = 0] = item.transform as number[];
        pieces.push({ text: item.str, x, y, width: item.width, height: item.height || Math.hypot(skew, scale) });
      }
      pages.push(linesOf(pieces).map(lineText).join('\n'));
    }
    return pages.join('\n\n');
  } finally {
    await document.destroy();
  }
}

function linesOf(pieces: readonly Piece[]): Piece[][] {
  const lines: Piece[][] = [];
  for (const piece of [...pieces].sort((a, b) => b.y - a.y || a.x - b.x)) {
    const line = lines.at(-1);
    const first = line?.[0];
    if (line !== undefined && first !== undefined && first.y - piece.y < first.height * SAME_LINE) line.push(piece);
    else lines.push([piece]);
  }
  return lines;
}

function lineText(line: readonly Piece[]): string {
  let text = '';
  let end: number | null = null;
  for (const piece of [...line].sort((a, b) => a.x - b.x)) {
    const gap = end === null ? 0 : piece.x - end;
    text += gap > piece.height * COLUMN_GAP ? '\t' : gap > piece.height * WORD_GAP ? ' ' : '';
    text += piece.text.replace(/\s+/g, ' ');
    end = piece.x + piece.width;
  }
  return text.replace(/ *\t */g, '\t').trim();
}
