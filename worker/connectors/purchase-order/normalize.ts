// Text of any mail as lines that the later stages can rely on: one form of each character, cells of tables apart by tabs.

/** Thousands that are set apart by a blank that does not break are one number. */
const NUMBER_BLANK = /(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))/g;
/** Words of forms that are set wide, with a wide blank between their two letters. */
const WIDE =
  /(?<![^\s\u3000|])(納|金|合|小|単|数|品|備|住|件|総|税)\u3000+(期|額|計|価|量|名|番|考|所)(?![\u4e00-\u9fff])/g;
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u00ad]/g;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** What is longer is cut: orders are not, and the patterns that read them look back and forth within a line. */
export const TEXT_LIMIT = 100_000;
const COLUMN_LIMIT = 3_000;

export function normalizeText(text: string): string {
  return text
    .slice(0, TEXT_LIMIT)
    .split(/\r\n?|\n/)
    .map((line) => normalizeLine(normalizeLetters(line.slice(0, COLUMN_LIMIT))))
    .join('\n');
}

function normalizeLetters(line: string): string {
  return (
    line
      .replace(INVISIBLE, '')
      .replace(CONTROL, '')
      .replace(NUMBER_BLANK, '')
      .replace(WIDE, '$1$2')
      // A wide blank parts columns; the form below would make it a narrow one.
      .replaceAll('\u3000', '\t')
      .normalize('NFKC')
      .slice(0, COLUMN_LIMIT)
  );
}

function normalizeLine(line: string): string {
  return (
    line
      .replace(/[\u00a0\u202f\u2009]/g, ' ')
      // Bold as mail programs write it in plain text.
      .replace(/(^|[\s|(])\*{1,2}(?=\S)([^*\n]*?\S)\*{1,2}(?=$|[\s|):,.])/g, '$1$2')
      .replace(/[|\u2500-\u257f¦]+/g, '\t')
      // Rules and dot leaders.
      .replace(/^[\s\t+=_~-]{3,}$/, '')
      .replace(/(?:\.\s?){4,}|…+|[-_=]{4,}/g, '\t')
      // What is aligned by blanks is in columns.
      .replace(/ {2,}/g, '\t')
      .replace(/ ?\t[ \t]*/g, '\t')
      .replace(/^\t+|\t+$/g, '')
      .trim()
  );
}

/** Cells of a line; empty ones are gone. */
export function cellsOf(line: string): string[] {
  return line.split('\t').filter((cell) => cell !== '');
}
