// One order as one part of a mail tells it: findings for each field,
// before anything is made of them.

import type { Amount } from './amounts.ts';
import { conventionOf } from './numbers.ts';
import { type DayOrder, dayOrderOf } from './dates.ts';
import {
  amountOf,
  type Candidate,
  currencyLabelOf,
  dateOf,
  type Finding,
  numberCandidates,
  type Reading,
  settle,
  termsOf,
  vendorOf,
} from './fields.ts';
import { findHeader } from './heading.ts';
import type { Item } from './item.ts';
import { findItems } from './items.ts';
import { findLabels, oldLines } from './labels.ts';
import type { Origin, Source } from './sources.ts';
import { AMOUNT_LABELS, type Amounts, readAmounts } from './totals.ts';
import { type Fee, feesIn } from './fees.ts';
import type { Language } from './label-words.ts';
import { ORDER_WORDS, OTHER_DOCUMENTS, REVISION } from './words.ts';

/** What the whole mail says, for those parts that do not say it themselves. */
export interface Context {
  readonly subject: string;
  readonly language: Language;
  /** YYYY-MM-DD. */
  readonly mailDate: string | null;
  readonly text: string;
  /** A part was too long to be read to its end. */
  readonly isCut: boolean;
}

export interface Draft {
  readonly origin: Origin;
  readonly name: string;
  readonly number: Finding<string>;
  readonly vendor: Finding<string>;
  readonly orderDate: Finding<string>;
  readonly dueDate: Finding<string>;
  readonly terms: Finding<string>;
  readonly currencyLabel: string | null;
  readonly items: readonly Item[];
  /** Names of items that stand there and could not be read. */
  readonly unread: readonly string[];
  /** How many tables they stand in. */
  readonly tables: number;
  readonly amounts: Amounts;
  /** Charges that are no field of an order. */
  readonly fees: readonly Fee[];
  readonly isRevision: boolean;
  /** Null when it is an order, else why not. */
  readonly reason: string | null;
  /** It is none because it is something else. */
  readonly isOtherDocument: boolean;
}

/** One for each order that the part holds, or one that is none. */
export function draftsOf(source: Source, context: Context): Draft[] {
  const reading = readingOf(source, context);
  const { items } = reading;
  const parts = splitOrders(reading, items);
  if (parts.length < 2) return [draftOf(source, context, reading, items)];
  return parts.map((lines) => {
    const part = {
      ...reading,
      labels: reading.labels.filter(({ line }) => lines.has(line)),
      lines: only(reading.lines, lines),
    };
    return draftOf(
      source,
      context,
      part,
      items.filter(({ line }) => lines.has(line)),
    );
  });
}

interface WholeReading extends Reading {
  readonly unread: readonly string[];
  readonly items: readonly Item[];
}

function readingOf({ lines }: Source, context: Context): WholeReading {
  const text = lines.join('\n');
  const labels = findLabels(lines);
  const convention = conventionOf(text, context.language);
  const dayOrder: DayOrder = dayOrderOf(`${context.subject}\n${text}`, context.language, context.mailDate);
  const ends = new Set(
    labels
      .filter(({ label }) => (AMOUNT_LABELS as readonly string[]).includes(label))
      .filter((found) =>
        /^[\s+(•*·-]*(?:\d{1,2}(?:[.,]\d+)?\s*%\s*)?$|\t$/.test((lines[found.line] ?? '').slice(0, found.from)),
      )
      .filter((found) => amountOf(found, convention) !== null)
      .map(({ line }) => line),
  );
  const old = oldLines(lines);
  const { items, lines: tableLines, totalLines, unread } = findItems(lines, convention, (line) => ends.has(line));
  const present = items.filter(({ line }) => !old.has(line));
  return { lines, labels, convention, dayOrder, tableLines, totalLines, unread, items: present };
}

/** Of one part. */
const ORDER_LIMIT = 50;

/** Lines of each order when a part names several numbers and each has items or a total of its own. Lines before the first belong to all. */
function splitOrders(reading: Reading, items: readonly Item[]): ReadonlySet<number>[] {
  const starters = numberCandidates(reading)
    .filter(({ score, line, raw }) => score >= 2 || isHeading(reading.lines[line] ?? '', raw))
    .sort((a, b) => a.line - b.line);
  const owners = ownersOf(reading, starters);
  const amountLines = reading.labels
    .filter((found) => (found.label === 'total' || found.label === 'subtotal') && found.standing !== 'notThis')
    .filter((found) => !reading.tableLines.has(found.line) && amountOf(found, reading.convention) !== null)
    .map(({ line }) => line);
  const contents = [...items.map(({ line }) => line), ...amountLines];
  const keys = [...new Set(contents.map((line) => owners[line] ?? null))]
    .filter((key) => key !== null)
    .slice(0, ORDER_LIMIT);
  if (keys.length < 2) return [];
  const first = owners.findIndex((owner) => owner !== null && keys.includes(owner));
  return keys.map((key) => new Set(owners.flatMap((owner, line) => (owner === key || line < first ? [line] : []))));
}

function ownersOf({ lines, tableLines }: Reading, starters: readonly Candidate<string>[]): (string | null)[] {
  const owners: (string | null)[] = lines.map(() => null);
  let owner: string | null = null;
  for (const [index] of lines.entries()) {
    const starter = starters.find(({ line }) => line === index);
    if (starter !== undefined && starter.key !== owner) {
      const before = owner;
      owner = starter.key;
      // What stands right above its number belongs to it.
      for (let above = index - 1; above >= 0; above -= 1) {
        if (lines[above] === '' || owners[above] !== before || before === null || tableLines.has(above)) break;
        owners[above] = owner;
      }
    }
    owners[index] = owner;
  }
  return owners;
}

function isHeading(line: string, number: string): boolean {
  return line.length <= 60 && line.indexOf(number) <= 25;
}

function only(lines: readonly string[], kept: ReadonlySet<number>): string[] {
  return lines.map((line, index) => (kept.has(index) ? line : ''));
}

function draftOf(source: Source, context: Context, reading: WholeReading, items: readonly Item[]): Draft {
  const number = settle(numberCandidates(reading));
  const fees = feesIn(reading);
  const draft = {
    origin: source.origin,
    name: source.name,
    number,
    vendor: vendorOf(reading),
    orderDate: dateOf(reading, 'order_date'),
    dueDate: dateOf(reading, 'due_date'),
    terms: termsOf(reading),
    currencyLabel: currencyLabelOf(reading),
    items,
    unread: reading.unread,
    tables: reading.lines.filter((line) => findHeader(line) !== null).length,
    amounts: readAmounts(reading, items, fees),
    fees,
    isRevision:
      REVISION.test(headOf(reading.lines).join('\n')) || (source.origin === 'body' && REVISION.test(context.subject)),
  };
  const reason = reasonAgainst(draft, source, reading, context);
  return { ...draft, reason, isOtherDocument: reason?.startsWith(LOOKS_LIKE) === true };
}

// --- is it an order ----------------------------------------------------------------------------

const LOOKS_LIKE = 'it looks like';

function reasonAgainst(
  draft: Omit<Draft, 'reason' | 'isOtherDocument'>,
  source: Source,
  reading: Reading,
  context: Context,
): string | null {
  const subject = source.origin === 'quoted' || source.origin === 'attachment' ? '' : context.subject;
  const headings = [subject, ...headOf(source.lines).filter(isShort)].filter((line) => line !== '');
  const other = headings
    .map((heading, index) => otherDocument(heading, index === 0 && subject !== ''))
    .find((name) => name !== null);
  const isOrderText = ORDER_WORDS.test(`${subject}\n${reading.lines.join('\n')}`);
  const heading = headings.join('\n');
  if (other !== undefined && other !== null && !(other === 'a quotation' && ORDER_WORDS.test(heading)))
    return `${LOOKS_LIKE} ${other}`;
  const hasNumber = draft.number.value !== null || draft.number.doubt !== undefined;
  const hasAmount = AMOUNT_LABELS.some((label) => isFound(draft.amounts[label]));
  const isFirm = reading.labels.some(
    ({ label, rank, tie }) => label === 'po_number' && rank === 'main' && tie !== 'none',
  );
  const details = [draft.vendor, draft.orderDate, draft.dueDate, draft.terms].filter(isFound).length;
  if (draft.items.length > 0 && (hasNumber || isOrderText)) return null;
  if (hasAmount && hasNumber && (isFirm || details >= 2)) return null;
  if (hasNumber && isFirm && details >= 2) return null;
  return hasNumber ? 'it names an order, but holds neither items nor amounts of one' : 'it holds no order';
}

function isFound({ value, doubt }: Finding<unknown>): boolean {
  return value !== null || doubt !== undefined;
}

export function amountFound(amounts: Amounts): Finding<Amount>[] {
  return AMOUNT_LABELS.map((label) => amounts[label]).filter(isFound);
}

function headOf(lines: readonly string[]): string[] {
  return lines.filter((line) => line !== '').slice(0, 8);
}

/** A heading or a subject, no sentence. */
function isShort(line: string): boolean {
  return (
    line.length <= 60 &&
    line.split(/\s+/).length <= 7 &&
    !/[.!?,]$/.test(line) &&
    !/^(?:dear|hi|hello|hallo|sehr|bonjour)/i.test(line)
  );
}

/** Further on, a word is no heading: "30 days from invoice". */
const NEAR_START = 12;

/** What a heading says that it is, unless it speaks of an order first. */
function otherDocument(heading: string, isSubject: boolean): string | null {
  const order = heading.search(
    /purchase[\s-]+order(?!\s+(?:confirm|acknow))|\bp\.?o\.?\b(?=[\s#:-]*\S*\d)|\bbestellung\b|bon de commande|注文書|発注書/iu,
  );
  for (const { name, pattern } of OTHER_DOCUMENTS) {
    const at = heading.search(pattern);
    const isFollowed = /^[^:]*\b(?:to|address|an|adresse|à)\s*:/iu.test(heading);
    if (at >= 0 && (isSubject || at < NEAR_START) && !isFollowed && (order < 0 || at <= order)) return name;
  }
  return null;
}
