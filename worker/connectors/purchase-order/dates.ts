// Dates as people write them. 03/04/2025 is the third of April or the fourth of March: it is read only with evidence.
//
// D1  evidence is, in this order: another date of the mail written the same way with a day above 12; the mail's own date being
//     one of both; the country, by language, currency, addresses and the way in which other dates are written.
// D2  evidence that disagrees is none. A date without a year is not completed.

import type { Language } from './label-words.ts';
import { MONTHS } from './words.ts';

export interface DateRead {
  /** YYYY-MM-DD. */
  readonly date: string | null;
  readonly raw: string;
  readonly end: number;
  readonly doubt?: string;
  readonly candidates?: readonly string[];
}

export type DayOrder = 'DMY' | 'MDY' | 'unknown';

const MONTH_OF = new Map(MONTHS.flatMap((names, index) => names.map((name): [string, number] => [name, index + 1])));
const MONTH = `(?:${[...MONTH_OF.keys()].sort((a, b) => b.length - a.length).join('|')})`;
const WEEKDAY =
  String.raw`(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun|montag|dienstag|mittwoch|donnerstag|freitag|samstag` +
  String.raw`|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)[a-z]*\.?|[MD][oi]|Mi|Do|Fr)[.,]?\s+(?:le |den |the )?`;
const ERAS: Readonly<Record<string, number>> = { 令和: 2018, R: 2018, 平成: 1988, H: 1988 };

interface Form {
  readonly pattern: RegExp;
  readonly read: (
    groups: Readonly<Record<string, string | undefined>>,
    order: DayOrder,
  ) => Omit<DateRead, 'raw' | 'end'>;
}

const YEAR = String.raw`(?<y>(?:19|20)\d{2})`;
const FORMS: readonly Form[] = [
  {
    pattern: at(String.raw`${YEAR}\s*年\s*(?<m>\d{1,2})\s*月\s*(?<d>\d{1,2})\s*日`),
    read: (g) => whole(g['y'], g['m'], g['d']),
  },
  {
    pattern: at(
      String.raw`(?<era>令和|平成|R|H)\s*(?<n>\d{1,2}|元)\s*[年.]\s*(?<m>\d{1,2})\s*[月.]\s*(?<d>\d{1,2})\s*日?`,
    ),
    read: (g) => whole(String((ERAS[g['era'] ?? ''] ?? 0) + (g['n'] === '元' ? 1 : Number(g['n']))), g['m'], g['d']),
  },
  {
    pattern: at(String.raw`${YEAR}(?<s>[-/.])(?<m>\d{1,2})\k<s>(?<d>\d{1,2})(?![\d])`),
    read: (g) => whole(g['y'], g['m'], g['d']),
  },
  {
    pattern: at(
      String.raw`(?<d>\d{1,2})(?:st|nd|rd|th|er|\.)?[\s-]*(?:of |de )?(?<name>${MONTH})\.?,?[\s-]*(?:(?:de )?(?<y>(?:19|20)\d{2}` +
        String.raw`|'?\d{2}(?![\d:])))?(?![\p{L}\d])`,
    ),
    read: (g) => named(g),
  },
  {
    pattern: at(
      String.raw`(?<name>${MONTH})\.?\s*(?<d>\d{1,2})(?:st|nd|rd|th)?(?![\d])(?:,?\s+(?<y>(?:19|20)\d{2}))?(?![\d])`,
    ),
    read: (g) => named(g),
  },
  // Dots are written where the day comes first.
  {
    pattern: at(String.raw`(?<d>\d{1,2})\.\s?(?<m>\d{1,2})\.\s?(?<y>(?:19|20)\d{2}|\d{2})(?!\d)`),
    read: (g) => whole(yearOf(g['y']), g['m'], g['d']),
  },
  {
    pattern: at(String.raw`(?<a>\d{1,2})(?<s>[/-])(?<b>\d{1,2})\k<s>(?<y>(?:19|20)\d{2}|\d{2})(?!\d)`),
    read: (g, order) => slashed(g, order),
  },
  { pattern: at(String.raw`(?<m>\d{1,2})\s*月\s*(?<d>\d{1,2})\s*日`), read: () => withoutYear() },
  { pattern: at(String.raw`(?<d>\d{1,2})\.\s?(?<m>\d{1,2})\.(?!\d)`), read: () => withoutYear() },
];

function at(source: string): RegExp {
  return new RegExp(`^(?:${WEEKDAY})?${source}`, 'iu');
}

/** The date that a text begins with. */
export function dateAt(text: string, order: DayOrder): DateRead | null {
  const skipped = /^[\s:=(]*(?:(?:on|by|the|am|den|dem|le|zum|bis)\s+)?/iu.exec(text)?.[0].length ?? 0;
  const rest = text.slice(skipped);
  for (const { pattern, read } of FORMS) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    return { ...read(match.groups ?? {}, order), raw: match[0].trim(), end: skipped + match[0].length };
  }
  return null;
}

function whole(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
): Omit<DateRead, 'raw' | 'end'> {
  const date = isoOf(Number(year), Number(month), Number(day));
  return date === null ? { date, doubt: 'there is no such day' } : { date };
}

function named(groups: Readonly<Record<string, string | undefined>>): Omit<DateRead, 'raw' | 'end'> {
  const year = groups['y'];
  const month = MONTH_OF.get((groups['name'] ?? '').toLowerCase());
  return year === undefined ? withoutYear() : whole(yearOf(year.replace("'", '')), String(month), groups['d']);
}

function withoutYear(): Omit<DateRead, 'raw' | 'end'> {
  return { date: null, doubt: 'the year is not written' };
}

function slashed(groups: Readonly<Record<string, string | undefined>>, order: DayOrder): Omit<DateRead, 'raw' | 'end'> {
  const year = Number(yearOf(groups['y']));
  const dayFirst = isoOf(year, Number(groups['b']), Number(groups['a']));
  const monthFirst = isoOf(year, Number(groups['a']), Number(groups['b']));
  if (dayFirst === null && monthFirst === null) return { date: null, doubt: 'there is no such day' };
  if (dayFirst === monthFirst || dayFirst === null || monthFirst === null) return { date: dayFirst ?? monthFirst };
  if (order === 'DMY') return { date: dayFirst };
  if (order === 'MDY') return { date: monthFirst };
  return { date: null, doubt: 'day and month could be either', candidates: [dayFirst, monthFirst] };
}

function yearOf(text: string | undefined): string {
  return text?.length === 2 ? `20${text}` : (text ?? '');
}

function isoOf(year: number, month: number, day: number): string | null {
  const made = new Date(Date.UTC(year, month - 1, day));
  const isReal = made.getUTCFullYear() === year && made.getUTCMonth() === month - 1 && made.getUTCDate() === day;
  return isReal && year > 1900 ? made.toISOString().slice(0, 10) : null;
}

const SLASHED = /(?<![\d/.-])(\d{1,2})([/-])(\d{1,2})\2((?:19|20)\d{2}|\d{2})(?![\d/-])/g;

const MONTH_FIRST_LANDS =
  /\b(?:AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY),? \d{5}(?:-\d{4})?\b|(?:\+1[ .-]?)?\(\d{3}\) ?\d{3}-\d{4}|\bU\.?S\.?A\.?\b|United States|[Ss]ales [Tt]ax/;
const DAY_FIRST_LANDS =
  /£|\bGBP\b|€|\bEUR\b|\bVAT\b|\bA?BN\b|\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b|United Kingdom|\bUK\b|Australia|New Zealand|\.co\.uk\b|\+44|\bLtd\b|\bGmbH\b|\bMwSt\b|\bTVA\b/;

/** Which of both comes first in dates with slashes. `mailDate`: YYYY-MM-DD of the mail itself. */
export function dayOrderOf(text: string, language: Language, mailDate: string | null): DayOrder {
  const written = [...text.matchAll(SLASHED)].map(([, a = '', , b = '', y = '']) => ({
    a: Number(a),
    b: Number(b),
    y,
  }));
  const seen = new Set(written.flatMap(({ a, b }) => (a > 12 && b <= 12 ? ['DMY'] : b > 12 && a <= 12 ? ['MDY'] : [])));
  if (seen.size === 1) return seen.has('DMY') ? 'DMY' : 'MDY';
  if (seen.size > 1) return 'unknown';
  const fits = new Set(
    written.flatMap(({ a, b, y }) => {
      const year = Number(yearOf(y));
      const orders: DayOrder[] = [];
      if (a !== b && isoOf(year, b, a) === mailDate && mailDate !== null) orders.push('DMY');
      if (a !== b && isoOf(year, a, b) === mailDate && mailDate !== null) orders.push('MDY');
      return orders;
    }),
  );
  if (fits.size === 1) return [...fits][0] ?? 'unknown';
  if (language === 'de' || language === 'fr') return 'DMY';
  const isMonthFirst = MONTH_FIRST_LANDS.test(text);
  const isDayFirst = DAY_FIRST_LANDS.test(text);
  if (isMonthFirst === isDayFirst) return 'unknown';
  return isMonthFirst ? 'MDY' : 'DMY';
}
