// The amounts of an order, which must add up: where the mail offers several
// for one field, only the set that adds up is taken.

import type { Amount } from './amounts.ts';
import { add, compare, type Decimal, formatDecimal, multiply, negate, round } from './decimal.ts';
import {
  type AmountLabel,
  amountCandidates,
  type Candidate,
  type Finding,
  type Reading,
  settle,
  unreadable,
} from './fields.ts';
import type { Fee } from './fees.ts';
import type { Item } from './item.ts';
import type { SumCheck } from './order.ts';

export type Amounts = Readonly<Record<AmountLabel, Finding<Amount>>>;

export const AMOUNT_LABELS: readonly AmountLabel[] = ['subtotal', 'discount', 'tax', 'shipping', 'total'];

export function readAmounts(reading: Reading, items: readonly Item[], fees: readonly Fee[]): Amounts {
  const candidates = candidatesOf(reading, items);
  const found = Object.fromEntries(
    AMOUNT_LABELS.map((label) => {
      const settled = settle(candidates.get(label) ?? []);
      const raw = settled.value === null && settled.doubt === undefined ? unreadable(reading, label) : null;
      return [
        label,
        raw === null ? settled : { value: null, doubt: `"${raw}" can be read in two ways`, candidates: [raw] },
      ];
    }),
  ) as Record<AmountLabel, Finding<Amount>>;
  const doubtful = AMOUNT_LABELS.filter(
    (label) => found[label].doubt !== undefined && (candidates.get(label)?.length ?? 0) > 1,
  );
  for (const label of doubtful) {
    const chosen = fitting(label, candidates.get(label) ?? [], found, items, fees);
    if (chosen !== null) found[label] = { value: chosen };
  }
  const taxes = sumOfTaxes(candidates.get('tax') ?? []);
  const isRight = (amounts: Amounts): boolean =>
    checkSums(amounts, items, 2, fees).some(({ name, ok }) => ok && name.includes(' total'));
  if (taxes !== null && !isRight(found) && isRight({ ...found, tax: { value: taxes } })) found.tax = { value: taxes };
  return found;
}

/** The total of an item is none of the order; that of the only item is both, when the mail tells no other amount. */
function candidatesOf(reading: Reading, items: readonly Item[]): ReadonlyMap<AmountLabel, Candidate<Amount>[]> {
  const all = new Map(AMOUNT_LABELS.map((label) => [label, amountCandidates(reading, label)]));
  const own = new Map(
    [...all].map(([label, found]) => [label, found.filter(({ line }) => !reading.totalLines.has(line))]),
  );
  return items.length === 1 && [...own.values()].every((found) => found.length === 0) ? all : own;
}

/** Of several taxes, a line each ("GST", "QST"); it counts where the total says that they are added. */
function sumOfTaxes(candidates: readonly Candidate<Amount>[]): Amount | null {
  const lines = new Map(candidates.map((candidate) => [candidate.line, candidate.value]));
  const [first, ...more] = lines.values();
  if (first === undefined || more.length === 0) return null;
  return more.reduce((sum, { value }) => ({ ...sum, value: add(sum.value, value) }), first);
}

/** The one candidate with which the order adds up. */
function fitting(
  label: AmountLabel,
  candidates: readonly Candidate<Amount>[],
  found: Amounts,
  items: readonly Item[],
  fees: readonly Fee[],
): Amount | null {
  const keys = new Map(candidates.map((candidate) => [candidate.key, candidate.value]));
  const good = [...keys.values()].filter((value) => {
    const checks = checkSums({ ...found, [label]: { value } }, items, 2, fees);
    return checks.length > 0 && checks.every(({ ok }) => ok) && checks.some(({ name }) => name.includes(label));
  });
  return good.length === 1 ? (good[0] ?? null) : null;
}

/** Sums that the order must satisfy, as far as it has the numbers. */
export function checkSums(amounts: Amounts, items: readonly Item[], digits: number, fees: readonly Fee[]): SumCheck[] {
  const checks: SumCheck[] = [];
  const { subtotal, discount, tax, shipping, total } = amounts;
  const itemSum = sumOfItems(items);
  const reduction = discount.value === null ? zero : negate(absolute(discount.value.value));
  const freights = shipping.value === null ? [] : [shipping.value.value];
  const allFees = fees.reduce((sum, { amount }) => add(sum, amount.value), zero);
  if (itemSum !== null && subtotal.value !== null) {
    const stated = subtotal.value.value;
    // It may be after the discount, and may hold the freight, or the fees.
    const possible = [itemSum, add(itemSum, reduction), ...[...freights, allFees].map((one) => add(itemSum, one))];
    const fits = possible.find((sum) => compare(sum, stated) === 0);
    checks.push(check('line_items = subtotal', fits ?? itemSum, stated, digits));
  }
  const base = subtotal.value?.value ?? itemSum;
  if (base !== null && total.value !== null) {
    const charges = [tax, shipping].reduce((sum, { value }) => (value === null ? sum : add(sum, value.value)), base);
    const left = subtotal.value === null ? 'line_items' : 'subtotal';
    // A subtotal may be before or after the discount, and tax may be in the prices already.
    const possible = [add(charges, reduction), charges];
    const holdsFreight =
      itemSum !== null && subtotal.value !== null && freights.some((one) => compare(add(itemSum, one), base) === 0);
    if (holdsFreight) possible.push(...possible.flatMap((sum) => freights.map((one) => add(sum, negate(one)))));
    if (tax.value !== null) possible.push(...possible.map((sum) => add(sum, negate(tax.value?.value ?? zero))));
    const isTotal = (sum: Decimal): boolean => compare(sum, total.value?.value ?? zero) === 0;
    const plain = possible.find(isTotal);
    // What fees come to is in the total, unless it is right without them.
    const withFees = possible.map((sum) => add(sum, allFees));
    const name =
      plain !== undefined || fees.length === 0 ? `${left} + charges = total` : `${left} + charges + fees = total`;
    checks.push(check(name, plain ?? withFees.find(isTotal) ?? withFees[0] ?? zero, total.value.value, digits));
  }
  return checks;
}

const zero: Decimal = { units: 0n, scale: 0 };

function check(name: string, expected: Decimal, found: Decimal, digits: number): SumCheck {
  const ok = compare(round(expected, Math.max(digits, found.scale)), found) === 0;
  return { name, ok, expected: formatDecimal(expected, digits), found: formatDecimal(found, digits) };
}

function absolute(value: Decimal): Decimal {
  return value.units < 0n ? negate(value) : value;
}

/** Null when there are none. */
export function sumOfItems(items: readonly Item[]): Decimal | null {
  if (items.length === 0) return null;
  let sum = zero;
  for (const { quantity, unitPrice, total } of items) {
    if (total === null && unitPrice === null) return null;
    sum = add(sum, total ?? multiply(quantity, unitPrice ?? zero));
  }
  return sum;
}
