// Which currency an order is in: a code or word says it,
// a sign only together with the country that the mail speaks of.

import type { Language } from './label-words.ts';

/** Digits after the point; two when not named here. */
const DIGITS: Readonly<Record<string, number>> = { JPY: 0, KRW: 0 };

const CERTAIN: readonly (readonly [RegExp, string])[] = [
  [/^(?:US ?\$|\$ ?US|USD)$/i, 'USD'],
  [/^(?:CA ?\$|C\$|CAD)$/i, 'CAD'],
  [/^(?:AU ?\$|A\$|AUD)$/i, 'AUD'],
  [/^(?:NZ ?\$|NZD)$/i, 'NZD'],
  [/^(?:HK ?\$|HKD)$/i, 'HKD'],
  [/^(?:S\$|SGD)$/i, 'SGD'],
  [/^(?:MX ?\$|MXN)$/i, 'MXN'],
  [/^(?:€|EUR|euros?)$/i, 'EUR'],
  [/^(?:£|GBP)$/i, 'GBP'],
  [/^(?:円|JPY|yen)$/i, 'JPY'],
  [/^(?:元|CNY|RMB)$/i, 'CNY'],
  [/^(?:CHF|SFr\.?|Fr\.)$/i, 'CHF'],
  [/^(?:₹|Rs\.?)$/i, 'INR'],
  [/^R\$$/i, 'BRL'],
  [/^₩$/, 'KRW'],
  [/^zł$/i, 'PLN'],
  [/^Kč$/i, 'CZK'],
  [/^(?:SEK|NOK|DKK|PLN|INR|BRL|ZAR|CZK|HUF|THB|KRW|ILS|AED|SAR|TWD|MYR|IDR|UAH)$/i, ''],
];

const USA = /\b[A-Z]{2},? \d{5}(?:-\d{4})?\b|\bU\.?S\.?A\.?\b|United States|[Ss]ales [Tt]ax/;
/** What Americans write and others do too: counts when nothing else speaks. */
const LIKE_USA =
  /(?:\+1[ .-]?)?\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4}\b|-0[4-8]00\b|\b[EPCM][SD]T\b|\b(?:January|February|March|April|June|July|August|September|October|November|December) \d{1,2}(?:st|nd|rd|th)?, \d{4}/;

/** Signs that several countries use, and what in a mail speaks for which. The first is the usual one. */
const BY_COUNTRY: Readonly<Record<string, readonly (readonly [string, RegExp])[]>> = {
  $: [
    ['USD', USA],
    ['CAD', /\bCanada\b|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b|\bHST\b|\bPST\b|\.ca\b/],
    ['AUD', /\bAustralia\b|\bABN\b|\b(?:NSW|VIC|QLD|TAS) \d{4}\b|\.com\.au\b/],
    ['NZD', /New Zealand|\.co\.nz\b/],
    ['SGD', /Singapore|\.com\.sg\b/],
    ['HKD', /Hong Kong|\.com\.hk\b/],
    ['MXN', /M[ée]xico\b|\.com\.mx\b/],
  ],
  '¥': [
    ['JPY', /[\u3041-\u30ff]|Japan|Tokyo|Osaka|\.co\.jp\b|\+81/],
    ['CNY', /China\b|Shanghai|Shenzhen|Beijing|\.cn\b|\+86/],
  ],
  kr: [
    ['SEK', /Sweden|Sverige|\.se\b|\+46/],
    ['NOK', /Norway|Norge|\.no\b|\+47/],
    ['DKK', /Denmark|Danmark|\.dk\b|\+45/],
  ],
};

export interface Currency {
  readonly code: string | null;
  /** Why it is not certain. */
  readonly doubt?: string;
  readonly candidates?: readonly string[];
}

/** `marks`: what stands beside the amounts of the order. `context`: the whole mail. */
export function currencyOf(
  label: string | null,
  marks: readonly string[],
  context: string,
  language: Language,
): Currency {
  const named = label === null ? null : codeOf(/\b[A-Z]{3}\b/i.exec(label)?.[0] ?? label.trim());
  if (named !== null) return { code: named };
  const codes = new Set(marks.map(codeOf).filter((code) => code !== null));
  if (codes.size > 1) {
    const candidates = [...codes];
    return { code: null, doubt: `the amounts are in ${candidates.join(' and ')}`, candidates };
  }
  const [certain] = codes;
  if (certain !== undefined) return { code: certain };
  const sign = marks
    .find((mark) => mark !== '')
    ?.replace(/\.$/, '')
    .replace(/^dollars?$/i, '$')
    .toLowerCase();
  return sign === undefined ? { code: null } : bySign(sign, context, language);
}

function bySign(sign: string, context: string, language: Language): Currency {
  const countries = BY_COUNTRY[sign];
  if (countries === undefined) return { code: null, doubt: `"${sign}" is not known` };
  const found = countries.filter(([, evidence]) => evidence.test(context)).map(([code]) => code);
  if (found.length === 1) return { code: found[0] ?? null };
  if (found.length === 0 && sign === '$' && LIKE_USA.test(context)) return { code: 'USD' };
  if (sign === '¥' && language === 'ja') return { code: 'JPY' };
  if (found.length > 1)
    return { code: null, doubt: `"${sign}" is used in several countries that the mail names`, candidates: found };
  const candidates = countries.map(([code]) => code);
  return { code: null, doubt: `"${sign}" is used in several countries, and the mail names none`, candidates };
}

function codeOf(mark: string): string | null {
  const row = CERTAIN.find(([pattern]) => pattern.test(mark.trim()));
  if (row === undefined) return null;
  return row[1] === '' ? mark.trim().toUpperCase() : row[1];
}

export function digitsOf(currency: string | null): number {
  return currency === null ? 0 : (DIGITS[currency] ?? 2);
}
