// A total that only a sentence tells: "that makes $4,120 all in", "das macht zusammen 1.820,00 EUR", "soit 810 € au total".
//
// S1  only money counts, and only what the sentence calls the whole: no price of one, no sum before tax, no budget and nothing of the past.

import { type Amount, amountAt, MARK_SOURCE } from './amounts.ts';
import { formatDecimal } from './decimal.ts';
import type { Candidate, Reading } from './fields.ts';
import { oldLines } from './labels.ts';
import { NUMBER_SOURCE } from './numbers.ts';

const BEFORE =
  /(?<!\p{L})(?:(?:that|this|it|which|everything|all|(?:whole|entire) (?:lot|thing|order)|order|lot|bill)(?: all| together| altogether| then)? (?:makes|comes to|adds up to|amounts to|totals|brings (?:it|us) to|comes out at)(?: a total of| in all)?|(?:for|to|at|with|is|of) a (?:grand )?total of|altogether|all told|in all|(?:das|dies|alles)(?: zusammen)? (?:macht|ergibt|kommt auf|sind|beläuft sich auf)(?: (?:dann|zusammen|insgesamt|in summe|also|eine summe von))*|macht (?:zusammen|insgesamt)|(?:für|zu|von|auf|in summe|zusammen|alles) insgesamt|insgesamt|(?:zum|zu einem) gesamtpreis von|(?:pour|soit|à) un (?:montant )?total de|(?:ce qui fait|cela fait|ça fait|soit)(?: (?:au total|en tout))?)\s*:?\s*/giu;
const AFTER = new RegExp(
  String.raw`(?<![\p{L}\d.,])(?<amount>(?:(?:${MARK_SOURCE})\s?)?(?:${NUMBER_SOURCE})(?:\s?(?:${MARK_SOURCE}))?)` +
    String.raw`\s*,?\s*(?:(?:is|are|ist|sind)\s)?` +
    String.raw`(?:all[ -]in(?!\p{L})|in total|in all(?!\p{L})|altogether|all together|all told|insgesamt` +
    String.raw`|alles zusammen|in summe|au total|total(?=[.,;!]|$)|en tout(?!\p{L})|tout compris)`,
  'giu',
);
/** Behind the amount: it is not the whole, or the price of one. */
const NOT_WHOLE =
  /^\s*,?\s*(?:each|apiece|ea\.?(?!\p{L})|(?:per|a|an|pro|je|par)\s\p{L}|l['’]\p{L}|\/|(?:before|excl\p{L}*\.?|ex(?:\.|(?!\p{L}))|without|plus|zzgl\.?|ohne|exkl\.?|netto|net\b|h\.?t\.?(?!\p{L})|hors|\+)|in all the|en plus|off\b|less\b|more\b|discount|rabatt|remise)/iu;
const OTHER =
  /\b(?:budget|credit|limit|spent|saved?|savings?|saving|last|previous|years?|months?|quarter|up to|at most|about|around|roughly|approx\p{L}*|estimated?|ungefähr|etwa|ca\.|circa|maximal|höchstens|bis zu|letzte\p{L}*|vorige\p{L}*|environ|maximum|dernière?|jusqu)/iu;

export function totalsInProse(reading: Reading): Candidate<Amount>[] {
  const old = oldLines(reading.lines);
  return reading.lines.flatMap((line, index) =>
    old.has(index) || reading.tableLines.has(index)
      ? []
      : sentencesOf(line).flatMap((sentence) => totalsIn(sentence, index, reading)),
  );
}

/** Is an amount that a sentence calls a total the whole? `from`: where the word stands, `rest`: what follows the amount. */
export function isWhole(line: string, from: number, rest: string): boolean {
  const start =
    line
      .slice(0, from)
      .split(/(?<=[.!?])\s+(?=\p{Lu})|\t/u)
      .at(-1) ?? '';
  return !OTHER.test(start) && !NOT_WHOLE.test(rest);
}

/** A point between digits ends none. */
function sentencesOf(line: string): string[] {
  return line.split(/(?<=[.!?])\s+(?=\p{Lu})|\t/u);
}

function totalsIn(sentence: string, line: number, { convention }: Reading): Candidate<Amount>[] {
  if (OTHER.test(sentence)) return [];
  const texts = [
    ...[...sentence.matchAll(BEFORE)].map((match) => sentence.slice(match.index + match[0].length)),
    ...[...sentence.matchAll(AFTER)].map((match) => sentence.slice(match.index)),
  ];
  return texts.flatMap((text) => {
    const amount = amountAt(text, convention);
    if (amount?.mark === undefined || amount.mark === '' || NOT_WHOLE.test(text.slice(amount.end))) return [];
    return [{ value: amount, key: formatDecimal(amount.value, 0), raw: amount.raw, score: 1, line }];
  });
}
