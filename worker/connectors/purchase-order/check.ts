// Does an order need a person? Rules
// that give the same answer for the same input: what day it is, is input too.

import { compare, decimalOf } from './decimal.ts';
import type { Field, Order, OrderFields } from './order.ts';

export interface Rules {
  /** A total above it needs attention. Decimal text, or a number. */
  readonly amountAbove?: string | number;
  /** A due date up to so many days after `asOf`, or before it, needs attention. */
  readonly dueWithinDays?: number;
  /** YYYY-MM-DD. */
  readonly asOf?: string;
  /** A subject with one of these, in any case and as a word, needs attention. */
  readonly urgentWords?: readonly string[];
  readonly requiredFields?: readonly Field[];
  /** Sums that do not add up need attention. Default true. */
  readonly totalsMustAddUp?: boolean;
  /** What could not be read for certain needs attention. Default true. */
  readonly doubtsNeedAttention?: boolean;
}

export const DEFAULT_URGENT: readonly string[] = [
  'urgent',
  'asap',
  'rush',
  'expedite',
  'dringend',
  'eilt',
  'eilig',
  'urgente',
  'au plus vite',
  '至急',
  '緊急',
];
export const DEFAULT_REQUIRED: readonly Field[] = [
  'po_number',
  'vendor',
  'order_date',
  'due_date',
  'currency',
  'line_items',
  'total',
];

export type Checked = Pick<Order, 'fields' | 'missing' | 'uncertain' | 'checks'>;

/** Empty when nothing needs attention. In the order of the rules. */
export function reasonsFor(order: Checked, subject: string, rules: Rules, today: string): string[] {
  return [
    ...amountReasons(order.fields, rules),
    ...dueReasons(order.fields, rules, today),
    ...urgentReasons(subject, rules),
    ...missingReasons(order, rules),
    ...(rules.doubtsNeedAttention === false ? [] : doubtReasons(order)),
    ...(rules.totalsMustAddUp === false ? [] : sumReasons(order)),
  ];
}

function amountReasons({ total, currency }: OrderFields, { amountAbove }: Rules): string[] {
  if (amountAbove === undefined || total === null) return [];
  const limit = String(amountAbove);
  if (compare(decimalOf(total.replace('-', '')), decimalOf(limit)) <= 0 || total.startsWith('-')) return [];
  return [`amount ${total}${currency === null ? '' : ` ${currency}`} exceeds ${limit}`];
}

const DAY_MS = 86_400_000;

function dueReasons({ due_date: due }: OrderFields, { dueWithinDays, asOf }: Rules, today: string): string[] {
  if (dueWithinDays === undefined || due === null) return [];
  const day = asOf ?? today;
  const days = Math.round((Date.parse(due) - Date.parse(day)) / DAY_MS);
  if (days > dueWithinDays) return [];
  if (days < 0) return [`due date ${due} was before ${day}`];
  return [`due date ${due} is within ${dueWithinDays} days of ${day}`];
}

function urgentReasons(subject: string, { urgentWords = DEFAULT_URGENT }: Rules): string[] {
  const text = subject.normalize('NFKC').toLowerCase();
  const word = urgentWords.find((candidate) => holdsWord(text, candidate.toLowerCase()));
  return word === undefined ? [] : [`subject contains "${word}"`];
}

/** Words of scripts without blanks need none around them. */
function holdsWord(text: string, word: string): boolean {
  const isPartOfWord = (character: string | undefined): boolean =>
    character !== undefined && /[a-z\d\u00df-\u024f]/.test(character);
  for (let at = text.indexOf(word); at >= 0 && word !== ''; at = text.indexOf(word, at + 1))
    if (!isPartOfWord(text[at - 1]) && !isPartOfWord(text[at + word.length])) return true;
  return false;
}

function missingReasons({ missing, fields }: Checked, { requiredFields = DEFAULT_REQUIRED }: Rules): string[] {
  return requiredFields
    .filter((field) => missing.includes(field) || fields[field] === undefined)
    .map((field) => `required field is missing: ${field}`);
}

function doubtReasons({ uncertain }: Checked): string[] {
  return uncertain.map(
    ({ field, reason, candidates }) =>
      `uncertain ${field}: ${reason}${candidates.length === 0 ? '' : ` (${candidates.join('; ')})`}`,
  );
}

function sumReasons({ checks }: Checked): string[] {
  return checks
    .filter(({ ok }) => !ok)
    .map(({ name, expected, found }) => `totals do not add up: ${name}: expected ${expected}, found ${found}`);
}
