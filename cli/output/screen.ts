// A region at the bottom of a terminal that is drawn again in place, with ordinary lines printed above it.
//
// S1  a drawing is one write: up to the region's top, every line followed by clear-to-end, the rest cleared. Nothing is
//     blanked first, so nothing flickers.
// S2  no line is wider than the screen and the region is never higher than it, so the way up is always known; after a
//     resize it is counted again with the new width.
// S3  whatever happens, `close` shows the cursor again.

import type { OutputStream } from '../io.ts';
import { stripVTControlCharacters } from 'node:util';
import { displayWidth } from './text.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
// Terminals that know it show the whole drawing at once; others ignore it.
const SYNC_BEGIN = '\u001b[?2026h';
const SYNC_END = '\u001b[?2026l';

export class Screen {
  readonly #out: OutputStream;
  #shown: readonly string[] = [];
  #pending: string[] = [];
  #started = false;

  constructor(out: OutputStream) {
    this.#out = out;
  }

  /** Queues lines that will stand above the region at the next `draw` or `close`. */
  print(lines: readonly string[]): void {
    for (const line of lines) this.#pending.push(line);
  }

  draw(lines: readonly string[]): void {
    const head = this.#started ? '' : HIDE_CURSOR;
    this.#started = true;
    const above = this.#pending.map((line) => `${line}${CLEAR_LINE_END}\n`).join('');
    const region = lines.map((line) => `${line}${CLEAR_LINE_END}\n`).join('');
    this.#out.write(`${head}${SYNC_BEGIN}${this.#wayUp()}${above}${region}${CLEAR_BELOW}${SYNC_END}`);
    this.#pending = [];
    this.#shown = lines;
  }

  /** Leaves what is shown last on the screen (or `lines` instead) and gives the cursor back. */
  close(lines: readonly string[] = this.#shown): void {
    this.draw(lines);
    this.#out.write(SHOW_CURSOR);
    this.#shown = [];
  }

  #wayUp(): string {
    const columns = Math.max(1, this.#out.columns());
    let rows = 0;
    for (const line of this.#shown) {
      rows += Math.max(1, Math.ceil(displayWidth(stripVTControlCharacters(line)) / columns));
    }
    return rows === 0 ? '' : `\u001b[${rows}A\r`;
  }
}
