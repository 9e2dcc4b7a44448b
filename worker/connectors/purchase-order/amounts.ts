// Amounts of money in a text, with what was written as their currency.

import type { Decimal } from './decimal.ts';
import { negate } from './decimal.ts';
import { type Convention, NUMBER_SOURCE, parseNumber } from './numbers.ts';

export interface Amount {
  readonly value: Decimal;
  /** As written: "$", "EUR", "円"; empty when nothing was. */
  readonly mark: string;
  /** It has a currency or decimals, so it is no count and no year. */
  readonly isMoney: boolean;
  readonly raw: string;
  /** Where it ends in the text. */
  readonly end: number;
}

export const MARK_SOURCE =
  String.raw`US ?\$|CA ?\$|C\$|AU ?\$|A\$|NZ ?\$|HK ?\$|S\$|MX ?\$|R\$|\$ ?US|\$|€|£|¥|₹|₩|円|元|\b(?:USD|CAD|AUD|NZD|HKD|SGD|MXN|EUR|GBP` +
  String.raw`|JPY|CNY|RMB|CHF|SEK|NOK|DKK|PLN|INR|BRL|ZAR|CZK|HUF|THB|KRW|ILS|AED|SAR|TWD|MYR|IDR|UAH|zł|Kč|Rs\.?` +
  String.raw`|euros?|dollars?|yen|SFr\.?|Fr\.|kr\.?)(?![\p{L}])`;

/** A rate or a word between a label and its amount: (9.25%), @ 20 %, inkl. 19 % MwSt. */
const BETWEEN =
  /^(?:\s*[A-Z]{3}(?= ?\())?(?:\s*(?:\(?\s*(?:@|at|of|à|zu|inkl\.?|incl?\.?|zzgl\.?|plus)?\s*\d{1,3}(?:[.,]\d{1,3})?\s*%[^)\d\t]{0,20}\)?|\([^)\d]{1,40}\)))*\s*[:=]?\s*/iu;
const AMOUNT = new RegExp(
  String.raw`^\s*(?<open>\()?(?<sign>[-−–+])?\s*(?<before>${MARK_SOURCE})?\s*(?<sign2>[-−])?\s*(?<number>(?:\d{1,3}(?: \d{3})+` +
    String.raw`(?:[.,]\d{1,2})?|${NUMBER_SOURCE}))(?<dash>[.,][-–—]+)?(?<close>\))?(?:\s*(?<after>(?:${MARK_SOURCE})(?!\s?\d)))?`,
  'iu',
);

/** The amount that a text begins with, after rates and such. Null when it begins with something else. */
export function amountAt(text: string, convention: Convention): Amount | null {
  const skipped = BETWEEN.exec(text)?.[0].length ?? 0;
  const match = AMOUNT.exec(text.slice(skipped));
  const groups = match?.groups;
  if (match === null || groups === undefined) return null;
  const end = skipped + match[0].length;
  const rest = text.slice(end);
  const isCut = groups['after'] === undefined && /^(?:[\p{L}\d/%]|\s*%|[-:]\d)/u.test(rest);
  // "Total: 95 items" counts something.
  const isCount = groups['before'] === undefined && /^\s*\d+\s*$/.test(match[0]) && /^\s*\p{L}/u.test(rest);
  if (isCut || (isCount && groups['after'] === undefined)) return null;
  const number = groups['number'] ?? '';
  const value = parseNumber(number, convention);
  if (value === null) return null;
  // "Total AUD (incl. GST)": the code says more than the sign beside the amount.
  const code = /^\s*([A-Z]{3}) ?\(/.exec(text.slice(0, skipped))?.[1];
  const mark = (code ?? groups['before'] ?? groups['after'] ?? '').trim();
  const isNegative =
    groups['sign'] === '-' ||
    groups['sign'] === '−' ||
    groups['sign'] === '–' ||
    groups['sign2'] !== undefined ||
    (groups['open'] !== undefined && groups['close'] !== undefined && /^\s*\(/.test(match[0]) && mark !== '');
  return {
    value: isNegative ? negate(value) : value,
    mark,
    isMoney: mark !== '' || value.scale > 0 || groups['dash'] !== undefined,
    raw: match[0].trim(),
    end,
  };
}
