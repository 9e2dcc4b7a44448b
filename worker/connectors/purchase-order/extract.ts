// From a mail to the orders in it: parts of the mail, labels, items, amounts, dates; then what is missing, what is in doubt, what does
// not add up.
//
// X1  nothing is guessed: a field has a value only when the mail says it, and in one way; else it is `missing` or `uncertain`.
// X2  text of the mail is data. It is compared and copied, never run, and no pattern is made from it.
// X3  the work is bounded: parts here, lines and columns (normalize.ts) and orders (draft.ts) are cut at limits.

import { type Json, textAt } from '../../../kernel/json.ts';
import { currencyOf, digitsOf } from './currency.ts';
import { dateAt } from './dates.ts';
import { type Decimal, formatDecimal } from './decimal.ts';
import { amountFound, type Context, type Draft, draftsOf } from './draft.ts';
import { type Finding, numberCandidates, numberKey } from './fields.ts';
import type { Item } from './item.ts';
import { findLabels } from './labels.ts';
import { mergeDrafts, type Merged } from './merge.ts';
import { normalizeText, TEXT_LIMIT } from './normalize.ts';
import {
  type Doubt,
  type Field,
  FIELDS,
  type LineItem,
  OPTIONAL_FIELDS,
  type Order,
  type OrderFields,
} from './order.ts';
import { listAt, type Source, sourcesOf } from './sources.ts';
import { AMOUNT_LABELS, checkSums } from './totals.ts';
import type { Language } from './label-words.ts';
import { ATTACHED, LANGUAGE_WORDS, ORDER_WORDS } from './words.ts';

const PART_LIMIT = 50;

export interface Extracted {
  readonly orders: readonly Order[];
  /** Why there is none. */
  readonly reason: string | null;
}

export function extractOrders(message: Json): Extracted {
  const sources = sourcesOf(message).slice(0, PART_LIMIT);
  const context = contextOf(message, sources);
  const drafts = sources.flatMap((source) => draftsOf(source, context));
  const ownText = sources
    .filter(({ origin }) => origin === 'body')
    .flatMap(({ lines }) => lines)
    .join('\n');
  const merged = mergeDrafts(drafts, ownText);
  if (merged.length === 0) return { orders: [], reason: reasonOf(message, drafts) };
  const subjectNumbers = numbersIn(context.subject);
  return { orders: merged.map((one) => finish(one, context, merged.length === 1 ? subjectNumbers : [])), reason: null };
}

function contextOf(message: Json, sources: readonly Source[]): Context {
  const subject = normalizeText(textAt(message, 'subject')).replaceAll('\n', ' ');
  const text = [
    subject,
    textAt(message, 'from'),
    textAt(message, 'date'),
    ...sources.flatMap(({ lines }) => lines),
  ].join('\n');
  const date = dateAt(textAt(message, 'date'), 'unknown') ?? null;
  const parts = [message, ...listAt(message, 'attachments'), ...listAt(message, 'forwarded')];
  const isCut = parts.some((part) => textAt(part, 'text').length > TEXT_LIMIT);
  return { subject, text, isCut, language: languageOf(text), mailDate: date?.date ?? null };
}

function languageOf(text: string): Language {
  const counts = (Object.keys(LANGUAGE_WORDS) as Language[]).map((language) => ({
    language,
    count: text.match(LANGUAGE_WORDS[language])?.length ?? 0,
  }));
  return counts.reduce((best, other) => (other.count > best.count ? other : best)).language;
}

function numbersIn(subject: string): string[] {
  const lines = [subject];
  const reading = {
    lines,
    labels: findLabels(lines),
    tableLines: new Set<number>(),
    totalLines: new Set<number>(),
    convention: 'dot',
    dayOrder: 'unknown',
  } as const;
  return numberCandidates(reading).map(({ value }) => value);
}

function reasonOf(message: Json, drafts: readonly Draft[]): string {
  const unread = listAt(message, 'attachments').find((attachment) => textAt(attachment, 'problem') !== '');
  if (unread !== undefined) return `attachment ${textAt(unread, 'fileName')} ${textAt(unread, 'problem')}`;
  const [first] = drafts;
  if (first === undefined) return 'the mail has no text';
  return missingAttachment(message, drafts) ?? first.reason ?? '';
}

/** A mail that only announces the order which should have come with it. */
function missingAttachment(message: Json, drafts: readonly Draft[]): string | null {
  const [first] = drafts;
  const subject = textAt(message, 'subject');
  const text = `${subject}\n${textAt(message, 'text')}`;
  const isOther = first === undefined || first.isOtherDocument;
  if (isOther || listAt(message, 'attachments').length > 0 || !ATTACHED.test(text) || !ORDER_WORDS.test(text))
    return null;
  const numbers = [...new Set([first.number.value ?? [], ...numbersIn(normalizeText(subject))].flat().map(numberKey))];
  const number = first.number.value ?? (numbers.length === 1 ? numbers[0] : undefined);
  return number === undefined
    ? 'the mail speaks of an attached order, but has no attachment'
    : `the mail names order ${number} as attached, but has no attachment`;
}

// --- from findings to fields -------------------------------------------------------------------

function finish({ draft, doubts: before }: Merged, context: Context, subjectNumbers: readonly string[]): Order {
  const uncertain: Doubt[] = [...before];
  if (context.isCut)
    uncertain.push({ field: 'order', reason: 'the mail is longer than what was read of it', candidates: [] });
  const take = (field: Field, { value, doubt, candidates = [] }: Finding<string>): string | null => {
    const isInDoubt = uncertain.some((other) => other.field === field);
    if (doubt !== undefined) uncertain.push({ field, reason: doubt, candidates });
    return isInDoubt ? null : value;
  };
  const found = amountFound(draft.amounts);
  const marks = [...found.map(({ value }) => value?.mark ?? ''), ...draft.items.flatMap((item) => item.marks)];
  const currency = currencyOf(
    draft.currencyLabel,
    marks.filter((mark) => mark !== ''),
    context.text,
    context.language,
  );
  const digits = digitsOf(currency.code);
  const money = (value: Decimal): string =>
    formatDecimal(value, Math.max(digits, currency.code === null ? value.scale : 0));
  const amounts = Object.fromEntries(
    AMOUNT_LABELS.map((label) => {
      const { value, ...why } = draft.amounts[label];
      return [label, take(label, { value: value === null ? null : money(value.value), ...why })];
    }),
  ) as Pick<OrderFields, (typeof AMOUNT_LABELS)[number]>;
  const isDoubtful = draft.amounts.total.doubt !== undefined || draft.amounts.subtotal.doubt !== undefined;
  if (isDoubtful && draft.tables > 1)
    uncertain.push({ field: 'line_items', reason: 'several tables, and several totals', candidates: [] });
  if (draft.unread.length > 0)
    uncertain.push({
      field: 'line_items',
      reason: 'an item has no quantity that can be read',
      candidates: draft.unread,
    });
  const fields: OrderFields = {
    po_number: take('po_number', numberOf(draft, subjectNumbers)),
    vendor: take('vendor', draft.vendor),
    order_date: take('order_date', draft.orderDate),
    due_date: take('due_date', draft.dueDate),
    payment_terms: take('payment_terms', draft.terms),
    currency: take('currency', {
      value: currency.code,
      ...(currency.doubt === undefined ? {} : { doubt: currency.doubt, candidates: currency.candidates ?? [] }),
    }),
    line_items: draft.items.map((item, index) => lineItem(item, index, money, uncertain)),
    ...amounts,
  };
  const fees = draft.fees.map(({ name, amount }) => ({ name, amount: money(amount.value) }));
  return {
    fields,
    missing: missingOf(fields, uncertain),
    uncertain: inOrder(uncertain),
    checks: checkSums(draft.amounts, draft.items, digits, draft.fees),
    ...(fees.length === 0 ? {} : { fees }),
    source: draft.name === '' ? draft.origin : `${draft.origin} ${draft.name}`,
  };
}

/** The subject helps where the text is silent, and must agree where it is not. */
function numberOf({ number }: Draft, subjectNumbers: readonly string[]): Finding<string> {
  const keys = new Map(subjectNumbers.map((value) => [numberKey(value), value]));
  if (number.value === null) {
    const agreed = (number.candidates ?? []).filter((candidate) => keys.has(numberKey(candidate)));
    if (number.doubt !== undefined)
      return agreed.length === 1 && keys.size === 1 ? { value: agreed[0] ?? null } : number;
    const [first] = keys.values();
    return keys.size === 1
      ? { value: first ?? null }
      : {
          value: null,
          ...(keys.size === 0 ? {} : { doubt: 'the subject names several', candidates: [...keys.values()] }),
        };
  }
  if (keys.size === 0 || keys.has(numberKey(number.value))) return number;
  return { value: null, doubt: 'subject and text name different orders', candidates: [number.value, ...keys.values()] };
}

function lineItem(item: Item, index: number, money: (value: Decimal) => string, uncertain: Doubt[]): LineItem {
  if (item.problem !== undefined)
    uncertain.push({ field: `line_items[${index}]`, reason: item.problem, candidates: [] });
  return {
    sku: item.sku,
    description: item.description,
    quantity: Number(formatDecimal(item.quantity, 0)),
    unit: item.unit,
    unit_price: item.unitPrice === null ? null : money(item.unitPrice),
    total: item.total === null ? null : money(item.total),
  };
}

/** As the fields stand; what is no field comes first. */
function inOrder(doubts: readonly Doubt[]): Doubt[] {
  const place = ({ field }: Doubt): number => FIELDS.findIndex((name) => field.startsWith(name));
  return [...doubts].sort((a, b) => place(a) - place(b));
}

function missingOf(fields: OrderFields, uncertain: readonly Doubt[]): Field[] {
  return FIELDS.filter((field) => {
    const value = fields[field];
    const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
    return isEmpty && !OPTIONAL_FIELDS.includes(field) && !uncertain.some((doubt) => doubt.field === field);
  });
}
