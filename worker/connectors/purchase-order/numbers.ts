// Numbers as people write them: 1,234.56 and 1.234,56 and 1 234,56 and 1'234.50.
//
// N1  a number that can be read in one way only is read in that way, whatever the rest of the mail does.
// N2  "1.250" is one thousand or one and a quarter: the other numbers of the mail decide, then its language; if they do not, it is not read.

import { type Decimal, decimalOf } from './decimal.ts';
import type { Language } from './label-words.ts';

/** What stands between whole and part. */
export type Convention = 'dot' | 'comma' | 'unknown';

/** Digits with what may stand inside of a number. Not the end of a sentence, and not a part of a word, date or version. */
export const NUMBER_SOURCE = String.raw`\d{1,3}(?:['’]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)*`;
const ISOLATED = new RegExp(String.raw`(?<![\p{L}\d.,/:#_-])(${NUMBER_SOURCE})(?![\p{L}\d/:]|[.,-]\d)`, 'gu');

export function conventionOf(text: string, language: Language): Convention {
  let dot = 0;
  let comma = 0;
  for (const [, token = ''] of text.matchAll(ISOLATED)) {
    const own = ownConvention(token);
    if (own === 'dot') dot += 1;
    if (own === 'comma') comma += 1;
  }
  if (dot > 0 && comma === 0) return 'dot';
  if (comma > 0 && dot === 0) return 'comma';
  if (dot > 0 && comma > 0) return dot > comma * 3 ? 'dot' : comma > dot * 3 ? 'comma' : 'unknown';
  return language === 'de' || language === 'fr' ? 'comma' : 'dot';
}

/** What the token itself says about the signs in it. */
function ownConvention(token: string): Convention {
  if (/['’]/.test(token)) return 'dot';
  const dots = token.split('.').length - 1;
  const commas = token.split(',').length - 1;
  if (dots > 0 && commas > 0) return token.lastIndexOf('.') > token.lastIndexOf(',') ? 'dot' : 'comma';
  if (dots > 1) return 'comma';
  if (commas > 1) return 'dot';
  const last = token.split(/[.,]/).at(-1) ?? '';
  if (dots + commas === 0 || (last.length === 3 && !/^0[.,]/.test(token))) return 'unknown';
  return dots === 1 ? 'dot' : 'comma';
}

/** Null when it is no number, or could be two. */
export function parseNumber(token: string, convention: Convention): Decimal | null {
  const text = token.replace(/(?<=\d) (?=\d{3}(?!\d))/g, '');
  if (!/^\d/.test(text)) return null;
  const own = ownConvention(text);
  const used = own === 'unknown' ? convention : own;
  if (!/[.,'’]/.test(text)) return decimalOf(text);
  if (used === 'unknown') return null;
  const point = used === 'dot' ? '.' : ',';
  const [whole = '', part, ...more] = text.split(point);
  if (more.length > 0) return null;
  const groups = whole.split(/[.,'’]/);
  const isGrouped =
    groups.slice(1).every((group) => group.length === 3 || group.length === 2) &&
    (groups.at(-1)?.length ?? 3) >= (groups.length > 1 ? 3 : 1);
  if (!isGrouped || (part !== undefined && !/^\d+$/.test(part))) return null;
  return decimalOf(`${groups.join('')}${part === undefined ? '' : `.${part}`}`);
}
