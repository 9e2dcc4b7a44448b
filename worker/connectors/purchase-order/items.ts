// The lines of an order: what, how many, at what price.
//
// Two ways that check each other: columns say which number is what, and quantity times price must be the total. Where the columns
// cannot be told apart (all on one line, as some mail programs leave a table) the arithmetic finds the items alone.
//
// L1  three numbers are an item only if they multiply; without a total, only under columns that name quantity and price.
// L2  a row whose numbers do not multiply is kept as it was written and reported, never mended.

import { MARK_SOURCE } from './amounts.ts';
import { compare, type Decimal, formatDecimal, multiply, round } from './decimal.ts';
import { cellsOf } from './normalize.ts';
import { type Convention, NUMBER_SOURCE, parseNumber } from './numbers.ts';
import { COLUMNS, type Column, UNITS } from './column-words.ts';
import { entriesOf } from './label-words.ts';

export interface Item {
  readonly sku: string | null;
  readonly description: string;
  readonly quantity: Decimal;
  readonly unit: string | null;
  readonly unitPrice: Decimal | null;
  readonly total: Decimal | null;
  /** Currencies as written. */
  readonly marks: readonly string[];
  readonly line: number;
  readonly problem?: string;
}

interface NumberAt {
  readonly value: Decimal;
  readonly mark: string;
  readonly isMoney: boolean;
  readonly unit: string | null;
  readonly from: number;
  readonly to: number;
}

interface Header {
  readonly columns: readonly Column[];
  /** What follows on the same line. */
  readonly rest: string;
}

const COLUMN_KINDS = Object.keys(COLUMNS) as Column[];
const COLUMN_SOURCE = COLUMN_KINDS.map(
  (kind) =>
    `(?<${kind}>${entriesOf(COLUMNS[kind])
      .map((word) => word.replaceAll(' ', '[ -]?'))
      .join('|')})`,
);
/** Each alone, so that the longest of them is taken. */
const COLUMN_PATTERNS = COLUMN_SOURCE.map(
  (source) =>
    new RegExp(`^\\s*${source}(?![\\p{L}\\p{N}])(?:\\s*[([](?:${MARK_SOURCE}|[^)\\]\\d]{1,14})[)\\]])?\\s*[:/]?`, 'iu'),
);
const NUMBER_TAIL = String.raw`(?:[.,][-–])?(?:\s?(?<unit>(?:${UNITS}))(?![\p{Script=Latin}\d]))?(?<cut>\s?%|[\p{Script=Latin}"'″/]|[-:.]\d)?`;
const NUMBER_HEAD = String.raw`(?<![\p{L}\d.,/_'"-])(?<sign>-)?`;
const MARK_FIRST = new RegExp(
  String.raw`${NUMBER_HEAD}(?:(?<mark>${MARK_SOURCE})\s?)?(?<number>${NUMBER_SOURCE})${NUMBER_TAIL}`,
  'giu',
);
const MARK_LAST = new RegExp(
  String.raw`${NUMBER_HEAD}(?<number>${NUMBER_SOURCE})(?:\s?(?<mark>${MARK_SOURCE}))?${NUMBER_TAIL}`,
  'giu',
);
const IS_FIRST = new RegExp(String.raw`(?:${MARK_SOURCE})(?=\d)`, 'iu');
const IS_LAST = new RegExp(String.raw`\d[,.]?[-–]?\s?(?:${MARK_SOURCE})(?!\s?\d)`, 'iu');
/** Words between the numbers of an item that are no part of its name. */
const FILLER = new RegExp(
  String.raw`^[\s\t,;:=×x*@()-]*(?:(?:${UNITS}|x|×|@|at|of|each|per|units? of|a|à|zu|je|für|for|unit price|price|total|=|von|de` +
    String.raw`|of)(?:(?=[\s\t,;:=×*@()-])|$)[\s\t,;:=×*@()-]*)+`,
  'iu',
);
const BULLET = /^[\s\t]*(?:[-–•*·◦▪]\s+|\(?\d{1,3}[.)]\s+)?/u;
const ROW_LIMIT = 5_000;

export function findHeader(line: string): Header | null {
  const columns: Column[] = [];
  let rest = line;
  for (;;) {
    const found = longestColumn(rest);
    if (found === null) break;
    // "Item", then "Description": the first of both is a number or a code.
    if (found.column === 'description' && columns[0] === 'description') columns[0] = 'index';
    columns.push(found.column);
    rest = rest.slice(found.length);
  }
  const kinds = new Set(columns);
  const isTable = kinds.has('quantity') && (kinds.has('price') || kinds.has('total')) && kinds.size >= 3;
  const isShort =
    kinds.size === 2 &&
    kinds.has('description') &&
    (kinds.has('quantity') || kinds.has('total')) &&
    cellsOf(line).length === 2;
  return isTable || isShort ? { columns, rest } : null;
}

function longestColumn(text: string): { column: Column; length: number } | null {
  let best: { column: Column; length: number } | null = null;
  for (const [index, pattern] of COLUMN_PATTERNS.entries()) {
    const column = COLUMN_KINDS[index];
    const length = pattern.exec(text)?.[0].length ?? 0;
    if (column !== undefined && length > (best?.length ?? 0)) best = { column, length };
  }
  return best;
}

export interface Table {
  readonly items: readonly Item[];
  /** Lines that are part of the table, so that nothing else is read from them. */
  readonly lines: ReadonlySet<number>;
}

/** `isEnd`: no row of a table, but what follows it (a total, another heading). */
export function findItems(lines: readonly string[], convention: Convention, isEnd: (line: number) => boolean): Table {
  const items: Item[] = [];
  const used = new Set<number>();
  let header: Header | null = null;
  let name = '';
  for (const [index, line] of lines.entries()) {
    if (items.length >= ROW_LIMIT) break;
    const own = findHeader(line);
    if (own !== null) {
      header = own;
      name = '';
      used.add(index);
    } else if (isEnd(index)) {
      header = null;
      name = '';
    }
    const text = own === null ? line : own.rest;
    if (text.trim() === '' || (own === null && isEnd(index))) continue;
    const rows = readRows(text, index, header, convention, name);
    if (rows.length > 0) {
      items.push(...rows);
      used.add(index);
      name = '';
    } else if (header !== null) {
      used.add(index);
      // A name on a line of its own belongs to the numbers of the next.
      name = numbersOf(text, convention).length === 0 ? text.replace(BULLET, '').trim() : '';
    }
  }
  return { items, lines: used };
}

function readRows(text: string, line: number, header: Header | null, convention: Convention, name: string): Item[] {
  const mapped = header === null ? null : readColumns(text, line, header.columns, convention);
  if (mapped !== null && mapped.problem === undefined) return [named(mapped, name)];
  const found = readByArithmetic(text, line, header, convention);
  if (found.length > 0) return found.map((item, index) => (index === 0 ? named(item, name) : item));
  if (mapped !== null) return [named(mapped, name)];
  if (header !== null && !header.columns.includes('total')) return readWithoutTotal(text, line, convention, name);
  return header === null ? readOffer(text, line, convention) : [];
}

function named(item: Item, name: string): Item {
  return item.description === '' && name !== '' ? { ...item, description: name } : item;
}

// --- by columns --------------------------------------------------------------------------------

function readColumns(text: string, line: number, columns: readonly Column[], convention: Convention): Item | null {
  const cells = text.split('\t');
  if (cells.length !== columns.length || cells.length < 2) return null;
  const cell = (column: Column): string => (cells[columns.indexOf(column)] ?? '').trim();
  const has = (column: Column): boolean => columns.includes(column) && cell(column) !== '';
  const quantity = has('quantity') ? onlyNumber(cell('quantity'), convention) : null;
  const price = has('price') ? onlyNumber(cell('price'), convention) : null;
  const total = has('total') ? onlyNumber(cell('total'), convention) : null;
  if (quantity === null || (price === null && total === null && (has('price') || has('total')))) return null;
  if (cell('description') === '' && cell('sku') === '' && price === null && total === null) return null;
  const item: Item = {
    sku: has('sku') ? cell('sku') : /\p{L}/u.test(cell('index')) ? cell('index') : null,
    description: cell('description') === '' && !columns.includes('description') ? cell('index') : cell('description'),
    quantity: quantity.value,
    unit: has('unit') ? cell('unit') : quantity.unit,
    unitPrice: price?.value ?? null,
    total: total?.value ?? null,
    marks: [price?.mark ?? '', total?.mark ?? ''].filter((mark) => mark !== ''),
    line,
  };
  if (price === null || total === null) return item;
  const rates = columns.includes('rate') ? numbersWithin(cell('rate'), convention) : [];
  if (multiplies(quantity, price, total, rates)) return item;
  const expected = formatDecimal(multiply(quantity.value, price.value), 2);
  return {
    ...item,
    problem: `quantity times unit price is ${expected}, the mail says ${formatDecimal(total.value, 2)}`,
  };
}

function onlyNumber(text: string, convention: Convention): NumberAt | null {
  const numbers = numbersOf(text, convention);
  return numbers.length === 1 ? (numbers[0] ?? null) : null;
}

function numbersWithin(text: string, convention: Convention): Decimal[] {
  return [...text.matchAll(new RegExp(NUMBER_SOURCE, 'g'))].flatMap(([token]) => parseNumber(token, convention) ?? []);
}

// --- by arithmetic -----------------------------------------------------------------------------

interface Triple {
  readonly quantity: NumberAt;
  readonly price: NumberAt;
  readonly total: NumberAt;
}

function readByArithmetic(text: string, line: number, header: Header | null, convention: Convention): Item[] {
  const items: Item[] = [];
  let rest = text;
  while (items.length < ROW_LIMIT) {
    const triple = nextTriple(rest, header, convention, items.length > 0 || isRunTogether(rest, convention));
    if (triple === null) break;
    items.push(itemOf(rest, triple, line, header, items.length + 1));
    rest = rest.slice(triple.total.to);
  }
  return items;
}

/** More numbers with a currency than one item has. */
function isRunTogether(text: string, convention: Convention): boolean {
  return numbersOf(text, convention).filter(({ isMoney }) => isMoney).length > 3;
}

function nextTriple(text: string, header: Header | null, convention: Convention, isFirst: boolean): Triple | null {
  const numbers = numbersOf(text, convention);
  const hasMoney = numbers.some(({ isMoney }) => isMoney);
  if (!hasMoney && header === null) return null;
  const found: Triple[] = [];
  for (let last = 2; last < numbers.length; last += 1) {
    const total = numbers[last];
    if (total === undefined || (hasMoney && !total.isMoney)) continue;
    const before = numbers.slice(Math.max(0, last - 5), last);
    const triple = bestPair(before, total, hasMoney);
    if (triple === null) continue;
    if (isFirst) return triple;
    found.push(triple);
  }
  return found.at(-1) ?? null;
}

/** The pair nearest to the total that multiplies to it. */
function bestPair(before: readonly NumberAt[], total: NumberAt, hasMoney: boolean): Triple | null {
  for (let second = before.length - 1; second >= 1; second -= 1) {
    for (let first = second - 1; first >= 0; first -= 1) {
      const a = before[first];
      const b = before[second];
      if (a === undefined || b === undefined) continue;
      for (const [quantity, price] of [
        [a, b],
        [b, a],
      ] as const) {
        const isLikely = quantity.mark === '' && (!hasMoney || price.isMoney) && quantity.value.units > 0n;
        if (isLikely && multiplies(quantity, price, total, [])) return { quantity, price, total };
      }
    }
  }
  return null;
}

function multiplies(quantity: NumberAt, price: NumberAt, total: NumberAt, rates: readonly Decimal[]): boolean {
  const product = multiply(quantity.value, price.value);
  const isEqual = (value: Decimal): boolean => compare(round(value, total.value.scale), total.value) === 0;
  if (isEqual(product)) return true;
  // A discount of so many per cent; tax on top.
  const hundred = { units: 100n, scale: 0 };
  return rates.some((rate) =>
    [-1n, 1n].some((sign) => {
      const factor = { units: hundred.units * 10n ** BigInt(rate.scale) + sign * rate.units, scale: rate.scale + 2 };
      return isEqual(multiply(product, factor));
    }),
  );
}

function itemOf(
  text: string,
  { quantity, price, total }: Triple,
  line: number,
  header: Header | null,
  position: number,
): Item {
  const ends = [quantity, price, total].sort((a, b) => a.from - b.from);
  const [first = quantity, second = price, third = total] = ends;
  const pieces = [text.slice(0, first.from), text.slice(first.to, second.from), text.slice(second.to, third.from)];
  const { name, sku } = nameOf(pieces, header, position);
  const unit = quantity.unit ?? unitBetween(pieces[1] ?? '');
  return {
    sku,
    description: name,
    quantity: quantity.value,
    unit,
    unitPrice: price.value,
    total: total.value,
    marks: [price.mark, total.mark].filter((mark) => mark !== ''),
    line,
  };
}

/** The piece with the most letters, without its number, its bullet and the words around numbers. */
function nameOf(
  pieces: readonly string[],
  header: Header | null,
  position: number,
): { name: string; sku: string | null } {
  const cleaned = pieces.map((piece, index) => cleanName(piece, index === 0));
  const letters = (text: string): number => text.replace(/[^\p{L}]/gu, '').length;
  let name = cleaned.reduce((best, piece) => (letters(piece) > letters(best) ? piece : best), '');
  const hasIndex = header === null || header.columns.includes('index') || header.columns[0] === 'description';
  const numbered = /^#?(\d{1,4})[.):]?[\s\t]+(?=\S)/.exec(name);
  if (numbered !== null && (hasIndex || Number(numbered[1]) === position)) name = name.slice(numbered[0].length);
  const cells = cellsOf(name);
  const skuAt = header?.columns.filter((column) => column !== 'index').indexOf('sku') ?? -1;
  if (skuAt < 0) return { name: cells.join(' ').trim(), sku: null };
  // Left of the description its code, right of it too when the columns say so.
  const words = cells.length > 1 ? cells : name.split(' ');
  if (words.length < 2 || skuAt > 1) return { name, sku: null };
  const sku = skuAt === 0 ? words[0] : words.at(-1);
  const others = skuAt === 0 ? words.slice(1) : words.slice(0, -1);
  return /\d|-/.test(sku ?? '')
    ? { name: others.join(' ').trim(), sku: sku ?? null }
    : { name: words.join(' '), sku: null };
}

const BULLET_SIGN = /^[\s\t]*[-–•*·◦▪]\s+/u;
const TRAILING =
  /[\s\t]*(?:[,;:=@×(–-]|\b(?:at|@|x|qty\.?|quantity|menge|anzahl|qté|à|zu|je|for|for the price of|for a total of|price|unit price|each)\b|数量|単価)+[\s\t:]*$/iu;

function cleanName(piece: string, isFirst: boolean): string {
  const text = (isFirst ? piece.replace(BULLET_SIGN, '') : piece.replace(FILLER, '')).trim();
  return text.replace(TRAILING, '').trim();
}

function unitBetween(piece: string): string | null {
  return new RegExp(`^[\\s\\t]*(${UNITS})(?![\\p{L}\\d])`, 'iu').exec(piece)?.[1] ?? null;
}

// --- without a total ---------------------------------------------------------------------------

/** Under columns of quantity and price only: the last two numbers. */
function readWithoutTotal(text: string, line: number, convention: Convention, name: string): Item[] {
  const numbers = numbersOf(text, convention);
  const [quantity, price] = numbers.slice(-2);
  if (quantity === undefined || price === undefined || !price.isMoney || quantity.isMoney) return [];
  const pieces = [text.slice(0, quantity.from), text.slice(quantity.to, price.from)];
  const { name: own, sku } = nameOf(pieces, null, 1);
  const description = own === '' ? name : own;
  if (description === '') return [];
  return [
    {
      sku,
      description,
      quantity: quantity.value,
      unit: quantity.unit,
      unitPrice: price.value,
      total: null,
      marks: [price.mark].filter((mark) => mark !== ''),
      line,
    },
  ];
}

const EACH =
  'each|per (?:unit|piece)|/ ?(?:unit|ea|pc|stk|pièce)|apiece|ea\\.?|l.unité|pro stück|das stück|(?:la )?pièce';
const OFFER = new RegExp(
  [
    String.raw`(?<quantity>${NUMBER_SOURCE})\s*(?:x|×|(?:${UNITS})(?:\s+(?:of|x|de))?)?\s+`,
    String.raw`(?<name>\p{L}[^@\t]{1,120}?)\s*,?\s*(?:@|at|à|zu je|zu|je|for)\s*`,
    String.raw`(?<before>${MARK_SOURCE})?\s?(?<price>${NUMBER_SOURCE})\s?(?<after>${MARK_SOURCE})?\s*(?:${EACH})`,
  ].join(''),
  'iu',
);

/** In prose: 200 blue pens at £0.45 each. */
function readOffer(text: string, line: number, convention: Convention): Item[] {
  const groups = OFFER.exec(text)?.groups;
  const quantity = parseNumber(groups?.['quantity'] ?? '', convention);
  const price = parseNumber(groups?.['price'] ?? '', convention);
  if (groups === undefined || quantity === null || price === null) return [];
  const mark = (groups['before'] ?? groups['after'] ?? '').trim();
  const description = (groups['name'] ?? '').replace(/^of /i, '').trim();
  return [
    {
      sku: null,
      description,
      quantity,
      unit: null,
      unitPrice: price,
      total: null,
      marks: mark === '' ? [] : [mark],
      line,
    },
  ];
}

function numbersOf(text: string, convention: Convention): NumberAt[] {
  const found: NumberAt[] = [];
  // In "10 $5" and "10 $ 5" the sign could belong to either: the rest of the text shows on which side it stands.
  const pattern = !IS_FIRST.test(text) && IS_LAST.test(text) ? MARK_LAST : MARK_FIRST;
  for (const match of text.matchAll(pattern)) {
    const groups = match.groups ?? {};
    if (groups['cut'] !== undefined && !isPerUnit(text.slice(match.index + match[0].length - groups['cut'].length)))
      continue;
    const value = parseNumber(groups['number'] ?? '', convention);
    if (value === null) continue;
    const mark = (groups['mark'] ?? '').trim();
    const to = match.index + match[0].length - (groups['cut']?.length ?? 0);
    found.push({
      value,
      mark,
      isMoney: mark !== '' || value.scale > 0,
      unit: groups['unit'] ?? null,
      from: match.index,
      to,
    });
  }
  return found;
}

/** $0.85/ea */
function isPerUnit(rest: string): boolean {
  return new RegExp(`^/ ?(?:${UNITS})(?![\\p{L}])`, 'iu').test(rest);
}
