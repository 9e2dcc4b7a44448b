// The lines of an order: what, how many, at what price.
//
// Two ways that check each other: columns say which number is what, and quantity times price must be the total. Where the columns
// cannot be told apart (all on one line, as some mail programs leave a table) the arithmetic finds the items alone.
//
// L1  three numbers are an item only if they multiply; without a total, only under columns that name quantity and price.
// L2  a row whose numbers do not multiply is kept as it was written and reported, never mended.

import { MARK_SOURCE } from './amounts.ts';
import { compare, type Decimal, formatDecimal, multiply, negate, round } from './decimal.ts';
import { cellsOf } from './normalize.ts';
import { type Convention, NUMBER_SOURCE, parseNumber } from './numbers.ts';
import { type Column, UNITS } from './column-words.ts';
import { findHeader, type Header, longestColumn } from './heading.ts';

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

const NUMBER_TAIL = String.raw`(?:[.,][-–])?(?:\s?(?<unit>(?:${UNITS}))(?![\p{Script=Latin}\d'’]))?(?<cut>\s?%|[\p{Script=Latin}"'″/]|[-:.]\d)?`;
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
/** 2 480,00 */
const BLANK_GROUPS = /(?<=(?<!\d)\d{1,3}(?: \d{3})*) (?=\d{3}(?:,\d{1,2})?(?!\d))/g;
const BULLET = /^[\s\t]*(?:[-–•*·◦▪]\s+|\(?\d{1,3}[.)]\s+)?/u;
const ROW_LIMIT = 5_000;

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
  /** The line before, when it is no row: the beginning of one, or the name of the thing. */
  let before = '';
  for (const [index, line] of lines.entries()) {
    if (items.length >= ROW_LIMIT) break;
    const own = findHeader(line);
    if (own !== null) used.add(index);
    const isOver = own === null && isEnd(index);
    header = own ?? (isOver ? null : header);
    const text = own?.rest ?? line;
    if (own !== null || isOver || text.trim() === '') before = '';
    if (isOver || text.trim() === '') continue;
    const marks = header?.marks ?? [];
    const rows = readRow(text, index, header, convention, before).map((item) =>
      item.marks.length === 0 && marks.length > 0 ? { ...item, marks } : item,
    );
    items.push(...rows);
    if (rows.length > 0 && header !== null) used.add(index);
    before = rows.length > 0 || header === null ? '' : text.replace(BULLET, '').trim();
  }
  return { items: items.length > 0 ? items : labelledItems(lines, convention), lines: used };
}

function readRow(text: string, line: number, header: Header | null, convention: Convention, before: string): Item[] {
  const hasNumbers = numbersOf(before, convention).length > 0;
  const rows = readRows(text, line, header, convention, hasNumbers ? nameIn(before, convention) : before);
  return rows.length > 0 || !hasNumbers ? rows : readByArithmetic(`${before}\t${text}`, line, header, convention);
}

/** Above numbers without a name stands the name, behind its position and code: "00010  MAT-77  CABLE TIE". */
function nameIn(text: string, convention: Convention): string {
  return numbersOf(text, convention).some(({ isMoney }) => isMoney) ? '' : (cellsOf(text).at(-1) ?? '');
}

function readRows(text: string, line: number, header: Header | null, convention: Convention, name: string): Item[] {
  const mapped = header === null ? null : readColumns(text, line, header.columns, convention);
  // A price may stand under a word that is not known, or under "Unit": three numbers that multiply say so.
  const isWhole = mapped !== null && mapped.unitPrice !== null && mapped.total !== null;
  if (mapped !== null && mapped.problem === undefined && isWhole) return [named(mapped, name)];
  const plain = readByArithmetic(text, line, header, convention);
  const isTwofold = plain.length === 0 && convention === 'comma';
  const found = isTwofold ? readByArithmetic(text.replace(BLANK_GROUPS, ''), line, header, convention) : plain;
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
  const numbers = numbersOf(convention === 'comma' ? text.replace(BLANK_GROUPS, '') : text, convention);
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
  // Yen without a sign are no money by their looks: under a header they may be some all the same.
  return tripleIn(numbers, hasMoney, isFirst) ?? (header === null ? null : tripleIn(numbers, false, isFirst));
}

function tripleIn(numbers: readonly NumberAt[], needsMoney: boolean, isFirst: boolean): Triple | null {
  let found: Triple | null = null;
  for (let last = 2; last < numbers.length; last += 1) {
    const total = numbers[last];
    if (total === undefined || (needsMoney && !total.isMoney)) continue;
    const triple = bestPair(numbers.slice(Math.max(0, last - 5), last), total, needsMoney);
    if (triple !== null && isFirst) return triple;
    found = triple ?? found;
  }
  return found;
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
        const isLikely =
          quantity.mark === '' &&
          (!hasMoney || price.isMoney) &&
          quantity.value.units !== 0n &&
          price.value.units >= 0n;
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
  const unit = quantity.unit ?? unitBetween(pieces[1] ?? '', pieces[0] ?? '');
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

/** The piece that is a name, without its number, its bullet and the words around numbers; its code apart when the columns say so. */
function nameOf(
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
  /^[\s\t]*(?:[-–•*·◦▪]\s+|(?:item|line|pos(?:ition)?\.?) ?#?\d{1,3}\s*[:=.)-]\s*|\(?\d{1,3}[.)]\s+(?=\D))/u;
const TRAILING =
  /(?:[\s\t]*(?:[,;:=@×(–-]|(?<!\p{L})(?:at|@|x|qty\.?|quantity|menge|anzahl|qté|à|zu|je|einzelpreis|stückpreis|preis|prix unitaire|for|for the price of|for a total of|price|unit price|each)(?!\p{L})|数量|単価))+[\s\t:]*$/iu;

function cleanName(piece: string, isFirst: boolean): string {
  const text = (isFirst ? piece : piece.replace(FILLER, '')).replace(BULLET_SIGN, '').trim();
  return text.replace(TRAILING, '').trim();
}

/** A known one, or the word that has a cell with the quantity. */
function unitBetween(piece: string, before: string): string | null {
  const inCell = before.endsWith('\t') ? /^ ?([\p{Ll}]{2,12}\.?)\t/u.exec(piece)?.[1] : undefined;
  if (inCell !== undefined) return inCell;
  return new RegExp(`^[\\s\\t]*(${UNITS})(?![\\p{L}\\d])`, 'iu').exec(piece)?.[1] ?? null;
}

// --- under one another -------------------------------------------------------------------------

/** Each number behind its own word: "Qty: 4". A word that comes again begins the next item. */
function labelledItems(lines: readonly string[], convention: Convention): Item[] {
  const items: Item[] = [];
  let record = new Map<Column, string>();
  const finish = (line: number): void => {
    const item = itemOfRecord(record, line, convention);
    if (item !== null) items.push(item);
    record = new Map();
  };
  for (const [index, line] of lines.entries()) {
    for (const part of line.split(/[,;\t]\s*(?=[^:\t,;]{2,20}:)/)) {
      const column = longestColumn(part);
      const value = column === null ? '' : part.slice(column.length);
      if (column === null || !part.slice(0, column.length).trimEnd().endsWith(':') || value.trim() === '') continue;
      if (record.has(column.column) && (record.has('quantity') || column.column !== 'description')) finish(index);
      record.set(column.column, value.trim());
    }
  }
  finish(lines.length - 1);
  return items;
}

function itemOfRecord(record: ReadonlyMap<Column, string>, line: number, convention: Convention): Item | null {
  const number = (column: Column): NumberAt | null => numbersOf(record.get(column) ?? '', convention)[0] ?? null;
  const [quantity, price, total] = [number('quantity'), number('price'), number('total')];
  const description = record.get('description') ?? record.get('index') ?? '';
  if (quantity === null || (price === null && total === null) || description === '') return null;
  const marks = [price?.mark ?? '', total?.mark ?? ''].filter((mark) => mark !== '');
  const unit = record.get('unit') ?? quantity.unit;
  const sku = record.get('sku') ?? null;
  const item = {
    sku,
    description,
    quantity: quantity.value,
    unit,
    unitPrice: price?.value ?? null,
    total: total?.value ?? null,
    marks,
    line,
  };
  if (price === null || total === null || multiplies(quantity, price, total, [])) return item;
  return { ...item, problem: productProblem(quantity, price, total) };
}

function productProblem(quantity: NumberAt, price: NumberAt, total: NumberAt): string {
  const expected = formatDecimal(multiply(quantity.value, price.value), 2);
  return `quantity times unit price is ${expected}, the mail says ${formatDecimal(total.value, 2)}`;
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

const EACH = String.raw`each|(?:per|/|a|pro) ?(?:${UNITS})(?![\p{L}])|apiece|ea\.?|l.unité|das stück|(?:la )?pièce`;
const OFFER = new RegExp(
  [
    String.raw`(?<![\p{L}\d.,/_'"-])(?<quantity>${NUMBER_SOURCE})\s*(?:x|×|(?:${UNITS})(?:\s+(?:of|x|de))?)?\s+`,
    String.raw`(?<name>\p{L}(?:(?![.;!?]\s+\p{Lu})[^@\t]){1,120}?)\s*,?\s*(?:@|at|à|zu je|zu|je|for)\s*`,
    String.raw`(?<before>${MARK_SOURCE})?\s?(?<price>${NUMBER_SOURCE})\s?(?<after>${MARK_SOURCE})?\s*(?:${EACH})`,
  ].join(''),
  'giu',
);

/** In prose: 200 blue pens at £0.45 each. */
function readOffer(text: string, line: number, convention: Convention): Item[] {
  return [...text.matchAll(OFFER)].flatMap(({ groups = {} }) => offerOf(groups, line, convention));
}

function offerOf(groups: Readonly<Record<string, string | undefined>>, line: number, convention: Convention): Item[] {
  const quantity = parseNumber(groups['quantity'] ?? '', convention);
  const price = parseNumber(groups['price'] ?? '', convention);
  if (quantity === null || price === null) return [];
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
    const size = parseNumber(groups['number'] ?? '', convention);
    if (size === null) continue;
    const value = groups['sign'] === undefined ? size : negate(size);
    const mark = (groups['mark'] ?? '').trim();
    const to = match.index + match[0].length - (groups['cut']?.length ?? 0);
    found.push({
      value,
      mark,
      isMoney: mark !== '' || value.scale > 0 || text[match.index - 1] === '@',
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
