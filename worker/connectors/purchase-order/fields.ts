// Candidates for each field of one order, and which of them counts: the one that
// is labelled best, unless two of the best differ.

import { type Amount, amountAt } from './amounts.ts';
import { type DateRead, dateAt, type DayOrder } from './dates.ts';
import { formatDecimal } from './decimal.ts';
import type { Labelled } from './labels.ts';
import type { Convention } from './numbers.ts';
import type { Label } from './label-words.ts';
import { isWhole, totalsInProse } from './prose-totals.ts';
import { NOT_THIS, NOW } from './words.ts';

export interface Candidate<T> {
  readonly value: T;
  /** For comparing: two of one key say the same. */
  readonly key: string;
  readonly raw: string;
  readonly score: number;
  readonly line: number;
}

/** What is known of a field: a value, or why there is none. */
export interface Finding<T> {
  readonly value: T | null;
  readonly doubt?: string;
  readonly candidates?: readonly string[];
}

export interface Reading {
  readonly lines: readonly string[];
  readonly labels: readonly Labelled[];
  /** Lines of the table of items, where labels are words of products. */
  readonly tableLines: ReadonlySet<number>;
  /** Lines that tell the total of an item by a word that may be the order's. */
  readonly totalLines: ReadonlySet<number>;
  readonly convention: Convention;
  readonly dayOrder: DayOrder;
}

/** From what a value was to what it is now. */
const CHANGE =
  /^(?=.{0,80}?(?:→|->|=>|⇒|\bnow\b|\bchanged to\b|\brevised to\b|\binstead of\b))(?:[^→]{0,60}?(?:→|->|=>|⇒|\bnow\b(?: is)?:?|\bchanged to\b|\brevised to\b)\s*)/iu;

export function present(text: string): string {
  return text.replace(CHANGE, '');
}

export function settle<T>(candidates: readonly Candidate<T>[]): Finding<T> {
  const best = Math.max(...candidates.map(({ score }) => score));
  const leaders = candidates.filter(({ score }) => score === best);
  const keys = new Map(leaders.map((candidate) => [candidate.key, candidate]));
  const [first, ...others] = keys.values();
  if (first === undefined) return { value: null };
  if (others.length === 0) return { value: first.value };
  return { value: null, doubt: 'the mail says different things', candidates: [...keys.values()].map(({ raw }) => raw) };
}

function scoreOf({ rank, standing }: Labelled): number {
  return (rank === 'main' ? 2 : 1) + (standing === 'now' ? 4 : 0);
}

function labelled(reading: Reading, label: Label): Labelled[] {
  return reading.labels.filter((found) => found.label === label && found.standing !== 'notThis');
}

// --- numbers of orders -------------------------------------------------------------------------

const NUMBER_VALUE =
  /^[\s:#=–-]*(?:(?:n[°ºo]\.?|nr\.?|no\.?|number|is)[\s:#]+)?(?:is\s+)?["'「]?(?<value>(?=[\p{L}\d_/.-]*\d)[\p{L}\d](?:[\p{L}\d_/.-]*[\p{L}\d])?)/iu;
const BARE =
  /(?<![\p{L}\p{N}#-])(?<value>P\.?O\.?[-_]?\d[\p{L}\d_/-]*[\p{L}\d]|PO[-_][\p{L}\d]+[-_/][\p{L}\d_/-]*\d[\p{L}\d]*)/giu;

export function numberCandidates(reading: Reading): Candidate<string>[] {
  const found: Candidate<string>[] = [];
  for (const label of labelled(reading, 'po_number')) {
    const value = NUMBER_VALUE.exec(label.rest)?.groups?.['value'];
    const isDate = dateAt(label.rest, 'DMY') !== null;
    // After a bare "order" or "PO" a word in the next sentence is none.
    if (value === undefined || isDate || (label.tie === 'none' && /^\s*[-–]\d/.test(label.rest))) continue;
    if (label.rank === 'other' && label.tie === 'nextLine') continue;
    found.push({ value, key: numberKey(value), raw: value, score: scoreOf(label), line: label.line });
  }
  for (const [index, line] of reading.lines.entries()) {
    for (const match of line.matchAll(BARE)) {
      const before =
        line
          .slice(0, match.index)
          .split(/[.;!?]\s/)
          .at(-1) ?? '';
      if (NOT_THIS.test(before) || /\b(?:code|coupon|voucher)[\s:]*$/i.test(before)) continue;
      const value = match.groups?.['value'] ?? '';
      found.push({ value, key: numberKey(value), raw: value, score: NOW.test(before) ? 5 : 1, line: index });
    }
  }
  return found;
}

/** PO-17 and 17 are one order. */
export function numberKey(value: string): string {
  return value
    .toUpperCase()
    .replace(/^P\.?O\.?[-_#\s]*(?=.*\d)/, '')
    .replace(/^0+(?=\d)/, '');
}

// --- texts -------------------------------------------------------------------------------------

const COMPANY_TO = /^(?:発注先|注文先)?\s*(?<name>\S.{0,60}?)\s*御中/u;

export function vendorOf(reading: Reading): Finding<string> {
  const candidates = textCandidates(reading, 'vendor').filter(({ value }) => !/@|^\d+$/.test(value));
  for (const [index, line] of reading.lines.entries()) {
    const name = COMPANY_TO.exec(line)?.groups?.['name'];
    if (name !== undefined && !/[:：]/.test(name))
      candidates.push({ value: name, key: keyOf(name), raw: name, score: 1, line: index });
  }
  return settle(candidates);
}

const TERMS_IN_PROSE =
  /(?:\d{1,2}(?:[.,]\d)?\s?%?\s?\/\s?\d{1,3},?\s+)?\bnet \d{1,3}(?: days)?\b|\bdue (?:up)?on receipt\b|\bcash on delivery\b|\b\d{1,3} days (?:net|end of month|eom)\b|\b(?:zahlbar )?(?:innerhalb (?:von )?)?\d{1,3} tagen? (?:rein )?netto\b|\bnetto \d{1,3} tage\b|\b\d{1,3} jours (?:fin de mois|nets?|date de facture)\b|月末締め?、?翌々?月末(?:日)?(?:現金)?(?:払い?|振込)/giu;

export function termsOf(reading: Reading): Finding<string> {
  const candidates = textCandidates(reading, 'terms');
  for (const [index, line] of reading.lines.entries()) {
    for (const match of line.matchAll(TERMS_IN_PROSE)) {
      const before =
        line
          .slice(0, match.index)
          .split(/[.;!?]\s/)
          .at(-1) ?? '';
      if (/\b(?:previous|last|old|usual|prior|former|credit|instead of|not)\b/i.test(before)) continue;
      candidates.push({ value: match[0], key: keyOf(match[0]), raw: match[0], score: 0, line: index });
    }
  }
  return settle(candidates);
}

function textCandidates(reading: Reading, label: Label): Candidate<string>[] {
  return labelled(reading, label).flatMap((found) => {
    const isFirm =
      found.tie === 'colon' || found.tie === 'column' || (found.tie === 'nextLine' && isAlone(reading, found));
    const value = cleanText(found.value);
    if (!isFirm || value === '' || !/[\p{L}\d]/u.test(value) || reading.tableLines.has(found.line)) return [];
    return [{ value, key: keyOf(value), raw: value, score: scoreOf(found), line: found.line }];
  });
}

/** The label has its cell for itself. */
function isAlone({ lines, labels }: Reading, { line, from }: Labelled): boolean {
  const text = lines[line] ?? '';
  const inLine = labels.filter((other) => other.line === line);
  return (
    (from === 0 || text[from - 1] === '\t') &&
    inLine.every((other) => other.tie === 'nextLine' || other.tie === 'column')
  );
}

function cleanText(text: string): string {
  return text.replace(/^[\s:=–-]+|[\s,;]+$/g, '').slice(0, 300);
}

function keyOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

export function currencyLabelOf(reading: Reading): string | null {
  const found = settle(textCandidates(reading, 'currency'));
  return found.value;
}

// --- dates -------------------------------------------------------------------------------------

export function dateOf(reading: Reading, label: 'order_date' | 'due_date'): Finding<string> {
  const candidates: Candidate<DateRead>[] = [];
  // "Delivery: 11 April" is a date, "Delivery: $6.95" none.
  const named =
    label === 'due_date' ? labelled(reading, 'shipping').map((found) => ({ ...found, rank: 'other' as const })) : [];
  const besides = label === 'order_date' ? labelled(reading, 'po_number').flatMap(besideNumber) : [];
  for (const found of [...labelled(reading, label), ...named, ...besides]) {
    const read = dateAt(present(found.rest), reading.dayOrder);
    if (read === null) continue;
    candidates.push({
      value: read,
      key: read.date ?? read.raw,
      raw: read.raw,
      score: scoreOf(found),
      line: found.line,
    });
  }
  const { value: read, ...why } = settle(candidates);
  if (read === null) return { value: null, ...why };
  if (read.date !== null) return { value: read.date };
  return {
    value: null,
    doubt: `"${read.raw}": ${read.doubt ?? 'not clear'}`,
    candidates: read.candidates ?? [read.raw],
  };
}

/** "Order no. 17 of 3 May", "Bestell-Nr. 17 vom 03.05.2025": its date stands behind the number. */
function besideNumber(found: Labelled): Labelled[] {
  const number = NUMBER_VALUE.exec(found.rest)?.[0];
  const rest = number === undefined ? '' : found.rest.slice(number.length);
  const tie = /^\s*[,(]?\s*(?:vom|of|from|du|en date du)\s+(?=\d|\p{L}{3,9}\.? \d)/iu.exec(rest)?.[0];
  return tie === undefined ? [] : [{ ...found, rest: rest.slice(tie.length) }];
}

// --- amounts -----------------------------------------------------------------------------------

export type AmountLabel = 'subtotal' | 'discount' | 'tax' | 'shipping' | 'total';

export function amountCandidates(reading: Reading, label: AmountLabel): Candidate<Amount>[] {
  const said = label === 'total' ? totalsInProse(reading) : [];
  const labels = labelled(reading, label).flatMap((found) => {
    if (reading.tableLines.has(found.line)) return [];
    const amount = amountOf(found, reading.convention);
    if (amount === null) return [];
    const behind = found.rest.slice(found.rest.indexOf(amount.raw) + amount.raw.length);
    if (label === 'total' && found.tie === 'none' && !isWhole(reading.lines[found.line] ?? '', found.from, behind))
      return [];
    const key = formatDecimal(amount.value, 0);
    return [{ value: amount, key, raw: amount.raw, score: scoreOf(found), line: found.line }];
  });
  return [...labels, ...said];
}

/** The amount that belongs to a label, if the label is one of an amount here and not a word in a sentence. */
export function amountOf({ span, tie, rest }: Labelled, convention: Convention): Amount | null {
  if (/^\s*(?:of|for|on|pour|für|von)\s/iu.test(rest) && tie !== 'none') return null;
  const said =
    /^\s*(?:is|are|of|comes to|amounts to|will be|would be|beträgt|est de|s'élève à|は)\s+/iu.exec(span)?.[0] ?? '';
  const text = present(span.slice(said.length));
  const first = amountAt(text, convention);
  const isFirm = tie === 'colon' || tie === 'column' || tie === 'nextLine';
  // "Total   23,000   $17,300.00": a count stands before the money.
  const later = isFirm && text.includes('\t') ? text.split('\t').map((cell) => amountAt(cell, convention)) : [];
  const money = later.filter((amount) => amount?.isMoney === true);
  const chosen =
    first !== null && !first.isMoney && money.length > 0 ? (money.at(-1) ?? first) : (first ?? money.at(-1) ?? null);
  return chosen !== null && (isFirm || chosen.isMoney) ? chosen : null;
}

/** An amount that stands there and cannot be read in one way only. */
export function unreadable(reading: Reading, label: AmountLabel): string | null {
  for (const found of labelled(reading, label)) {
    if (reading.tableLines.has(found.line) || amountOf(found, reading.convention) !== null) continue;
    if (reading.convention !== 'unknown' || found.tie === 'none') continue;
    const asDot = amountOf(found, 'dot');
    if (asDot !== null) return asDot.raw;
  }
  return null;
}
