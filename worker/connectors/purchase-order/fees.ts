// Charges that are no field of an order: "Hazmat fee $25", "Mindermengenzuschlag: 10,00 €". The sums must know of them.
//
// F1  a fee is a line or a sentence of its own: a name that ends in a word for fees, and an amount of money.
// F2  what a label of ours names (shipping, tax) is that field and no fee.

import { type Amount, amountAt, MARK_SOURCE } from './amounts.ts';
import type { Reading } from './fields.ts';

export interface Fee {
  /** As written. */
  readonly name: string;
  readonly amount: Amount;
}

const NAME =
  String.raw`(?:[\p{L}\d/&'’.-]+ ){0,4}?(?:[\p{L}-]*(?:fees?|surcharges?|charges?|zuschl[äa]ge?|geb[üu]hr(?:en)?|pauschale)|handling` +
  String.raw`|frais(?: [\p{L}.'’-]+){1,4}|suppl[ée]ment(?: [\p{L}.'’-]+){0,3}|forfait(?: [\p{L}.'’-]+){1,3}|手数料)`;
const FEE = new RegExp(
  String.raw`^(?:(?:plus|zzgl\.?|\+)\s+)?(?<name>${NAME})\s*(?:\([^)\d]{0,40}\)\s*)?` +
    String.raw`(?:[:=\t]\s*|(?<=\s)(?=[^\p{L}]|${MARK_SOURCE}))(?<rest>\S.*)$`,
  'iu',
);
const BULLET = /^[\s\t]*(?:[-–•*·]\s+)?/u;
const FEE_LIMIT = 20;

export function feesIn(reading: Reading): Fee[] {
  return reading.lines
    .flatMap((line, index) =>
      reading.tableLines.has(index) ? [] : sentencesOf(line).map((part) => ({ ...part, index })),
    )
    .flatMap(({ text, from, index }) => feeOf(text, index, from, reading) ?? [])
    .slice(0, FEE_LIMIT);
}

function sentencesOf(line: string): { text: string; from: number }[] {
  let from = 0;
  return line.split(/(?<=[.;!?]\s)/).map((text) => {
    const at = from;
    from += text.length;
    return { text, from: at };
  });
}

function feeOf(text: string, line: number, from: number, { labels, convention }: Reading): Fee | null {
  const match = FEE.exec(text.replace(BULLET, ''));
  const { name = '', rest = '' } = match?.groups ?? {};
  if (match === null) return null;
  const isOurs = labels.some(
    (found) =>
      found.line === line &&
      found.from >= from &&
      found.from < from + text.length &&
      (found.label !== 'stop' || found.standing === 'notThis'),
  );
  if (isOurs) return null;
  const amount = amountAt(rest, convention);
  const isAlone = amount !== null && /^[\s\t.;)]*$/.test(rest.slice(amount.end));
  return amount?.isMoney === true && isAlone ? { name: name.trim(), amount } : null;
}
