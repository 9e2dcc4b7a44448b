// Which parts of a mail make one order, and what the parts may lend one another.
//
// M1  what the sender wrote now counts before attachments, those before what came inside, and all before what is quoted.
// M2  of two states of one order the one that calls itself revised counts; numbers of one state never complete the other.
// M3  two parts that name different orders are two orders, unless one of them is only quoted.

import type { Draft } from './draft.ts';
import { type Finding, numberKey } from './fields.ts';
import type { Doubt } from './order.ts';
import type { Origin } from './sources.ts';
import { checkSums } from './totals.ts';

export interface Merged {
  readonly draft: Draft;
  readonly doubts: readonly Doubt[];
}

const CHANGES =
  /\b(?:change|changes|instead|increase|reduce|cancel(?:led)?|add|remove|on hold|statt|ändern|erhöhen|stornier\w*|modifier|annuler|augmenter|réduire)\b|変更|キャンセル|取消/iu;

export function mergeDrafts(drafts: readonly Draft[], ownText: string): Merged[] {
  const orders = drafts.filter(({ reason }) => reason === null);
  const chosen = chooseOrders(orders);
  const spares = drafts.filter((draft) => !chosen.includes(draft));
  return chosen.map((base) => {
    const doubts: Doubt[] = [];
    let draft = base;
    for (const spare of spares) {
      if (chosen.length > 1 && !isSame(draft, spare)) continue;
      if (isOther(draft, spare)) continue;
      draft = complete(draft, spare, doubts);
    }
    const isOlder = base.origin === 'quoted' || base.origin === 'forwarded';
    if (isOlder && CHANGES.test(ownText))
      doubts.push({
        field: 'order',
        reason: `the text above the ${base.origin} order speaks of a change`,
        candidates: [],
      });
    return { draft, doubts };
  });
}

function chooseOrders(orders: readonly Draft[]): Draft[] {
  const chosen: Draft[] = [];
  const fresh: readonly Origin[] = ['body', 'attachment'];
  const isFresh = orders.some(({ origin }) => fresh.includes(origin));
  const first = orders[0];
  const group = orders.filter(({ origin }) => (isFresh ? fresh.includes(origin) : origin === first?.origin));
  for (const draft of group) {
    const twin = chosen.findIndex((other) => isSame(other, draft) || keyOf(draft) === null || keyOf(other) === null);
    const other = chosen[twin];
    if (other === undefined) chosen.push(draft);
    else if (draft.isRevision && !other.isRevision && other.origin !== 'body') chosen[twin] = draft;
    if (!isFresh && first?.origin === 'quoted') break;
  }
  return chosen;
}

function keyOf({ number }: Draft): string | null {
  return number.value === null ? null : numberKey(number.value);
}

function isSame(a: Draft, b: Draft): boolean {
  return keyOf(a) !== null && keyOf(a) === keyOf(b);
}

function isOther(a: Draft, b: Draft): boolean {
  return keyOf(a) !== null && keyOf(b) !== null && keyOf(a) !== keyOf(b);
}

/** Fields that the order itself does not tell are taken from the spare part. */
function complete(base: Draft, spare: Draft, doubts: Doubt[]): Draft {
  const isFresh = spare.origin === 'body' || spare.origin === 'attachment';
  const pick = (field: string, own: Finding<string>, other: Finding<string>): Finding<string> => {
    if (own.value === null && own.doubt === undefined) return other;
    const differs = own.value !== null && other.value !== null && plain(own.value) !== plain(other.value);
    // An older state may differ; two parts of one mail may not.
    if (differs && isFresh && !base.isRevision)
      doubts.push({
        field,
        reason: 'parts of the mail say different things',
        candidates: [own.value ?? '', other.value ?? ''],
      });
    return own;
  };
  const hasNumbers =
    base.items.length > 0 ||
    Object.values(base.amounts).some(({ value, doubt }) => value !== null || doubt !== undefined);
  // A mail with the sum, and a file with the items: they are of one state when they add up.
  const takesItems =
    base.items.length === 0 &&
    isFresh &&
    spare.items.length > 0 &&
    checkSums(base.amounts, spare.items, 2, base.fees).some(({ ok }) => ok);
  return {
    ...base,
    number: pick('po_number', base.number, spare.number),
    vendor: pick('vendor', base.vendor, spare.vendor),
    orderDate: pick('order_date', base.orderDate, spare.orderDate),
    dueDate: pick('due_date', base.dueDate, spare.dueDate),
    terms: pick('payment_terms', base.terms, spare.terms),
    currencyLabel: base.currencyLabel ?? (isFresh ? spare.currencyLabel : null),
    ...(takesItems ? { items: spare.items, unread: spare.unread, tables: spare.tables } : {}),
    ...(hasNumbers ? {} : { items: spare.items, unread: spare.unread, amounts: spare.amounts, fees: spare.fees }),
  };
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
