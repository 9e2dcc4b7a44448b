// The name of an item among the numbers of its row: without bullets, positions and the words that lead to a number.

import { UNITS } from './column-words.ts';
import type { Header } from './heading.ts';
import { cellsOf } from './normalize.ts';

/** Words between the numbers of an item that are no part of its name. */
const FILLER = new RegExp(
  String.raw`^[\s\t,;:=×x*@()-]*(?:(?:${UNITS}|x|×|@|at|of|each|per|units? of|a|à|zu|je|für|for|unit price|price|total|=|von|de` +
    String.raw`|of)(?:(?=[\s\t,;:=×*@()-])|$)[\s\t,;:=×*@()-]*)+`,
  'iu',
);

/** The piece that is a name, without its number, its bullet and the words around numbers; its code apart when the columns say so. */
export function nameOf(
  pieces: readonly string[],
  header: Header | null,
  position: number,
): { name: string; sku: string | null } {
  const cleaned = pieces.map((piece, index) => cleanName(piece, index === 0));
  const isName = (text: string): boolean => /\p{L}{2}|[\u3041-\u9fff]/u.test(text);
  // In a table the name stands first; in a sentence behind the quantity.
  const isUnit = /^ ?[\p{Ll}]{2,12}\.?\t/u.test(pieces[1] ?? '') && (pieces[0] ?? '').endsWith('\t');
  const order = header === null && !isUnit ? [1, 0, 2] : [0, 1, 2];
  const found = order.map((index) => cleaned[index] ?? '').find(isName) ?? cleaned.find((text) => text !== '') ?? '';
  const columns = header?.columns.slice(0, header.columns.indexOf('description') + 1) ?? [];
  const cells = cellsOf(found);
  if (columns.length > 1 && cells.length === columns.length)
    return { name: cells.at(-1) ?? '', sku: cells[columns.indexOf('sku')] ?? null };
  const name = withoutNumber(found, header, position);
  const hasSku = columns.filter((column) => column !== 'index')[0] === 'sku';
  const [, code = '', rest = ''] = /^(\S*[\d-]\S*)[\s\t]+(\S.*)$/.exec(name) ?? [];
  return hasSku && code !== ''
    ? { name: cellsOf(rest).join(' '), sku: code }
    : { name: cellsOf(name).join(' '), sku: null };
}

/** Of "1 Custom labels" the name. A number that does not count the items belongs to the name, unless a column is for it. */
function withoutNumber(name: string, header: Header | null, position: number): string {
  const numbered = /^#?(\d{1,5})[.):]?[\s\t]+(?=\S)/.exec(name);
  if (numbered === null) return name;
  const hasIndex = header?.columns[0] === 'index';
  return hasIndex || Number(numbered[1]) === position ? name.slice(numbered[0].length) : name;
}

const BULLET_SIGN =
  /^[\s\t]*(?:[-–•*·◦▪]\s+|(?:item|line|pos(?:ition|\.)?|product|artikel|produkt|article|ligne|poste|produit) ?#?\d{1,3}\s*[:=.)-]\s*|\(?(?:\d{1,3}[.)]|[a-h]\))\s+(?=\D))/iu;
const TRAILING =
  /(?:[\s\t]*(?:[,;:=@×(–-]|(?<!\p{L})(?:at|@|x|qty\.?|quantity|menge|anzahl|qté|à|zu|je|einzelpreis|stückpreis|preis|prix unitaire|for|for the price of|for a total of|price|unit price|each)(?!\p{L})|数量|単価))+[\s\t:]*$/iu;

function cleanName(piece: string, isFirst: boolean): string {
  const text = (isFirst ? piece : piece.replace(FILLER, '')).replace(BULLET_SIGN, '').trim();
  return text.replace(TRAILING, '').trim();
}

/** A known one, or the word that has a cell with the quantity. */
export function unitBetween(piece: string, before: string): string | null {
  const inCell = before.endsWith('\t') ? /^ ?([\p{Ll}]{2,12}\.?)\t/u.exec(piece)?.[1] : undefined;
  if (inCell !== undefined) return inCell;
  return new RegExp(`^[\\s\\t]*(${UNITS})(?![\\p{L}\\d])`, 'iu').exec(piece)?.[1] ?? null;
}

/** A line without the bullet or number that makes it one of a list. */
export function withoutBullet(line: string): { text: string; isBulleted: boolean } {
  const text = line.replace(BULLET_SIGN, '').trim();
  return { text, isBulleted: text !== line.trim() };
}
