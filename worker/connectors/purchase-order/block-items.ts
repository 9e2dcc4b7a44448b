// Items whose parts stand under one another: "1) Steel bracket", then "Qty 24 at $395", then "Line total $9,480.00".
//
// K1  a part is known by the word before it ("Qty", "Einzelpreis", "Montant :"), or as a whole line of quantity times price.
// K2  the name is what its own word or a bullet introduces, else the line right above the parts.
// K3  "Total" and "Amount" may speak of the whole order: they are a block's own only where a total by that word is a quantity times its price.
// K4  a block with a name and a price, of which the quantity cannot be read, is told as unread.

import type { Column } from './column-words.ts';
import { besideOf, countOf, countWith } from './dozens.ts';
import { longestColumn } from './heading.ts';
import type { Item } from './item.ts';
import { withoutBullet } from './item-names.ts';
import { BLANK_GROUPS, isPriced, type NumberAt, numbersOf, numbersWithin } from './item-numbers.ts';
import type { Convention } from './numbers.ts';

export interface Blocks {
  readonly items: readonly Item[];
  /** Lines of each item that say nothing but of it. */
  readonly lines: ReadonlySet<number>;
  /** Lines that tell the total of an item by a word that may be the order's. */
  readonly totalLines: ReadonlySet<number>;
  /** Names of what could not be read. */
  readonly unread: readonly string[];
}

interface Part {
  readonly column: Column;
  /** The word that introduces it, in small letters. */
  readonly word: string;
  readonly value: string;
}

interface Block {
  readonly name: string;
  readonly lines: number[];
  readonly parts: Map<Column, Part>;
  /** Where its total stands, when the word for it may be the order's. */
  totalLine: number | null;
}

export function readBlocks(lines: readonly string[], convention: Convention, isEnd: (line: number) => boolean): Blocks {
  const read = findBlocks(lines, convention, isEnd).map((block) => numbersIn(block, convention));
  const words = new Set(
    read
      .filter(({ count, price, total }) => count !== null && price !== null && total !== null)
      .filter(({ count, price, total }) => countWith(count as NumberAt, price as NumberAt, total as NumberAt) !== null)
      .map(({ block }) => block.parts.get('total')?.word),
  );
  const settled = read.map((one) => {
    const isOrders = one.block.totalLine !== null && !words.has(one.block.parts.get('total')?.word);
    if (!isOrders) return one;
    const { totalLine } = one.block;
    const kept = one.block.lines.filter((line) => line !== totalLine);
    return { ...one, total: null, block: { ...one.block, lines: kept, totalLine: null } };
  });
  const items = settled.flatMap((one) => itemOf(one, convention) ?? []);
  const whole = settled.filter((one) => itemOf(one, convention) !== null);
  const totalLines = new Set(whole.flatMap(({ block }) => block.totalLine ?? []));
  const own = whole.flatMap(({ block }) => block.lines.filter((line) => !totalLines.has(line)));
  const unread = settled
    .filter((one) => one.count === null && one.price !== null && (one.total !== null || items.length > 0))
    .map(({ block }) => nameOf(block).name)
    .filter((name) => name !== '');
  return { items, lines: new Set(own), totalLines, unread };
}

// --- which lines belong together ---------------------------------------------------------------

function findBlocks(lines: readonly string[], convention: Convention, isEnd: (line: number) => boolean): Block[] {
  const blocks: Block[] = [];
  let block: Block | null = null;
  /** The line right above, when it can be a name. */
  let above = '';
  const open = (name: string, at: readonly number[]): Block => {
    const opened: Block = { name, lines: [...at], parts: new Map(), totalLine: null };
    blocks.push(opened);
    return opened;
  };
  for (const [index, line] of lines.entries()) {
    const { text, isBulleted } = withoutBullet(line);
    const { name, parts } = partsOf(text, convention);
    const isTotal = parts.length === 1 && parts[0]?.column === 'total';
    if (isEnd(index) && !(isTotal && name === '' && isOpenFor(block, lines, index))) {
      block = null;
      above = '';
      continue;
    }
    if (isBulleted && name !== '') block = open(name, [index]);
    else if (parts.length > 0 && (block === null || beginsNext(block, parts, above)))
      block = open(name === '' ? above : name, above === '' ? [index] : [index - 1, index]);
    else if (parts.length > 0) block?.lines.push(index);
    for (const part of parts) block?.parts.set(part.column, part);
    if (block !== null && isTotal && isEnd(index)) block.totalLine = index;
    above = parts.length === 0 && isName(line) ? text : '';
  }
  return blocks.filter(({ parts }) => parts.size > 0);
}

/** A total right below other parts of the block, which has none yet. */
function isOpenFor(block: Block | null, lines: readonly string[], index: number): boolean {
  return block !== null && !block.parts.has('total') && block.parts.size > 0 && lines[index - 1] !== '';
}

function beginsNext({ parts: known }: Block, parts: readonly Part[], above: string): boolean {
  if (parts.some(({ column }) => known.has(column))) return true;
  const isComplete = known.has('quantity') && (known.has('price') || known.has('total'));
  const isStart = parts.some(({ column }) => column === 'description' || column === 'sku' || column === 'quantity');
  return isComplete && isStart && (above !== '' || parts.some(({ column }) => column === 'description'));
}

/** Short, no sentence, no greeting, and no other label. */
function isName(line: string): boolean {
  return line.length <= 120 && /\p{L}{2}|[\u3041-\u9fff]/u.test(line) && !/[:.!?,;]$|:\s|^\(/.test(line);
}

/** A comma, a tab, a dash or a bracket before a word may begin another part, or belong to a name. */
const BETWEEN = /([,;\t]\s*|\s[–·•/-]\s|\s\()(?=\p{L}|#)/u;

function partsOf(text: string, convention: Convention): { name: string; parts: Part[] } {
  if (isPriced(text, convention)) return { name: '', parts: [{ column: 'quantity', word: '', value: text }] };
  const pieces = text.split(BETWEEN);
  const parts: Part[] = [];
  let name = pieces[0] ?? '';
  for (let at = 0; at < pieces.length; at += 2) {
    const piece = pieces[at] ?? '';
    const part = partOf(piece, convention);
    const last = parts.at(-1);
    if (part !== null) {
      parts.push(part);
      if (at === 0) name = '';
    } else if (at > 0 && last === undefined) name += `${pieces[at - 1] ?? ''}${piece}`;
    else if (last?.column === 'description')
      parts[parts.length - 1] = { ...last, value: `${last.value}${pieces[at - 1] ?? ''}${piece}` };
  }
  return { name: name.trim(), parts };
}

function partOf(piece: string, convention: Convention): Part | null {
  const found = longestColumn(piece);
  if (found === null) return null;
  const head = piece.slice(0, found.length).trimEnd();
  const value = piece
    .slice(found.length)
    .replace(found.column === 'sku' ? /\)\s*$/ : /\s+$/, '')
    .trim();
  const isNumber = found.column === 'quantity' || found.column === 'price' || found.column === 'total';
  const isTied = head.endsWith(':') || (isNumber && numbersOf(value, convention)[0]?.from === 0);
  const isCode = found.column === 'sku' && CODE.test(value);
  const word = head.replace(/[\s:]+$/, '').toLowerCase();
  return value !== '' && (isTied || isCode) ? { column: found.column, word, value } : null;
}

/** One word with a digit. */
const CODE = /^#?(?=\S*\d)[\p{L}\d][\p{L}\d._/-]*$/u;

// --- what a block says -------------------------------------------------------------------------

interface Numbers {
  readonly block: Block;
  readonly count: NumberAt | null;
  readonly price: NumberAt | null;
  readonly total: NumberAt | null;
  /** What stands behind the price. */
  readonly beside: string;
}

function numbersIn(block: Block, convention: Convention): Numbers {
  const textOf = (column: Column): string => {
    const value = block.parts.get(column)?.value ?? '';
    return convention === 'comma' ? value.replace(BLANK_GROUPS, '') : value;
  };
  // "24 at $395" tells the price with the quantity.
  const [first, ...more] = numbersOf(textOf('quantity'), convention);
  const isCount = first !== undefined && !first.isMoney && more.length <= 2 && more.every(({ isMoney }) => isMoney);
  const priceText = block.parts.has('price') ? textOf('price') : textOf('quantity');
  const price = block.parts.has('price') ? numbersOf(priceText, convention)[0] : isCount ? more[0] : undefined;
  const total = block.parts.has('total') ? numbersOf(textOf('total'), convention)[0] : isCount ? more[1] : undefined;
  return {
    block,
    count: isCount ? { ...first, unit: block.parts.get('unit')?.value ?? first.unit } : null,
    price: price ?? null,
    total: total ?? null,
    beside: price === undefined ? '' : besideOf(price, priceText),
  };
}

function nameOf({ name, parts }: Block): { name: string; sku: string | null } {
  const text = parts.get('description')?.value ?? (name === '' ? (parts.get('index')?.value ?? '') : name);
  return { name: text, sku: parts.get('sku')?.value.replace(/^#/, '') ?? null };
}

function itemOf({ block, count, price, total, beside }: Numbers, convention: Convention): Item | null {
  const { name, sku } = nameOf(block);
  if (count === null || name === '' || (price === null && total === null)) return null;
  const rates = numbersWithin(block.parts.get('rate')?.value ?? '', convention);
  const { quantity, problem } = countOf(count, price, total, beside, rates);
  return {
    sku,
    description: name,
    quantity: quantity.value,
    unit: quantity.unit,
    unitPrice: price?.value ?? null,
    total: total?.value ?? null,
    marks: [price?.mark ?? '', total?.mark ?? ''].filter((mark) => mark !== ''),
    line: block.lines[0] ?? 0,
    ...(problem === undefined ? {} : { problem }),
  };
}
