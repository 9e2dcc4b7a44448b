// A terminal for tests: understands what the live table sends and nothing else, and shows what a person would see.

import type { OutputStream } from '../../cli/io.ts';

export class FakeTerminal implements OutputStream {
  readonly isTerminal = true;
  /** Every row that was ever written, scrolled-off ones first. */
  lines: string[] = [''];
  writes = 0;
  isCursorShown = true;
  #columns: number;
  #rows: number;
  #row = 0;
  #column = 0;

  constructor(columns = 80, rows = 24) {
    this.#columns = columns;
    this.#rows = rows;
  }

  columns = (): number => this.#columns;
  rows = (): number => this.#rows;

  write(data: string | Uint8Array): void {
    this.writes += 1;
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
    for (const part of text.match(/\u001b\[[?\d;]*[A-Za-z]|[\s\S]/gu) ?? []) this.#take(part);
  }

  /** What is seen, without blank rows at the end. */
  get text(): string {
    return this.lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  #take(part: string): void {
    if (part === '\n') this.#moveTo(this.#row + 1, 0);
    else if (part === '\r') this.#column = 0;
    else if (part.length === 1 || !part.startsWith('\u001b')) this.#put(part);
    else if (part === '\u001b[K') this.lines[this.#row] = this.#current.slice(0, this.#column);
    else if (part === '\u001b[J') {
      this.lines[this.#row] = this.#current.slice(0, this.#column);
      this.lines.length = this.#row + 1;
    } else if (part.endsWith('A')) {
      // The cursor stops at the top of the screen: what has scrolled off cannot be reached.
      const top = Math.max(0, this.lines.length - this.#rows);
      this.#row = Math.max(top, this.#row - Number(part.slice(2, -1)));
    } else if (part === '\u001b[?25l') this.isCursorShown = false;
    else if (part === '\u001b[?25h') this.isCursorShown = true;
    else if (!/^\u001b\[(\?2026[hl]|[\d;]*m)$/.test(part)) throw new Error(`unknown sequence ${JSON.stringify(part)}`);
  }

  #put(char: string): void {
    if (this.#column >= this.#columns) this.#moveTo(this.#row + 1, 0);
    const line = this.#current.padEnd(this.#column);
    this.lines[this.#row] = line.slice(0, this.#column) + char + line.slice(this.#column + 1);
    this.#column += 1;
  }

  #moveTo(row: number, column: number): void {
    this.#row = row;
    this.#column = column;
    while (this.lines.length <= row) this.lines.push('');
  }

  get #current(): string {
    return this.lines[this.#row] ?? '';
  }
}
