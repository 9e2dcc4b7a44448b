// Finds labels in lines: "PO Number:", "Bestellnummer", "注文番号", and where the value of each begins and ends.
//
// B1  of labels that begin at one place the longest counts: "Order Date" is no "Date", "Tax ID" no "Tax".
// B2  a value ends where the next label with a sign behind it begins, at a tab, or at the end of its line.

import { entriesOf, type Label, LABELS, type LabelWords } from './label-words.ts';
import { NOT_THIS, NOW } from './words.ts';

/** What stands between label and value. `none`: the value's own form must show that it is one. */
export type Tie = 'colon' | 'column' | 'nextLine' | 'none';

export interface Labelled {
  readonly label: Label;
  readonly rank: LabelWords['rank'];
  readonly tie: Tie;
  /** What follows, to the end of the line. */
  readonly rest: string;
  /** What follows, to the next label. */
  readonly span: string;
  /** What follows, to the next label or tab. */
  readonly value: string;
  readonly line: number;
  /** In its line. */
  readonly from: number;
  /** It speaks of the state that counts now, or of another order or state. */
  readonly standing: 'now' | 'plain' | 'notThis';
}

interface Found {
  readonly label: Label;
  readonly rank: LabelWords['rank'];
  readonly from: number;
  readonly to: number;
}

const PATTERNS = LABELS.map(({ label, rank, words }) => {
  const sources = Object.values(words)
    .flatMap(entriesOf)
    .map((word) => word.replaceAll(' ', '[ _-]?'));
  const latin = sources.filter((source) => !/[\u3041-\u30ff\u4e00-\u9fff]/.test(source));
  const japanese = sources.filter((source) => /[\u3041-\u30ff\u4e00-\u9fff]/.test(source));
  const parts = [
    ...(latin.length === 0 ? [] : [`(?<![\\p{L}\\p{N}])(?:${latin.join('|')})(?![\\p{L}]|(?<=[\\p{L}])\\p{N})`]),
    ...(japanese.length === 0 ? [] : [`(?<!(?![前後新旧])[\\u4e00-\\u9fff])(?:${japanese.join('|')})`]),
  ];
  return { label, rank, pattern: new RegExp(parts.join('|'), 'giu') };
});

/** Headings of an older and of the present state of an order, for what stands below them. */
const OLD_PART =
  /^\W*(?:(?:first|initial) (?:version|draft|revision)|erste (?:version|fassung)|première version|original|previous|prior|old|former|superseded|initial|before|cancelled|vorherige|bisherige|alte|ursprüngliche|ancien(?:ne)?|précédente?|initiale?|旧|変更前|訂正前|前回)[^:@]{0,40}[:：]?\W*$/iu;
const NEW_PART =
  /^\W*(?:revised|new|updated|amended|corrected|current|after|neue?|geänderte|aktualisierte|korrigierte|nouve(?:au|lle)|révisée?|modifiée?|corrigée?|新|変更後|訂正後|改訂後?)[^:@]{0,40}[:：]?\W*$/iu;

/** A heading that numbers a state: "=== Rev 2 ===", "Version B". */
const NUMBERED = /^\W*(?:rev(?:ision)?|version)\.?\s*#?(\d{1,3}|[A-Z])(?:\W+(?:\([^)]*\)|[^:]{0,30}))?\W*$/iu;
const ENDED =
  /\b(?:do not use|ignore this|nicht verwenden|ne pas utiliser|superseded|obsolete|void|replaced|withdrawn|ungültig|ersetzt|annulée?|remplacée?)\b/iu;
const HEADING_LENGTH = 60;

/** Lines below a heading such as "Original order", or one that numbers an older state than another does. */
export function oldLines(lines: readonly string[]): ReadonlySet<number> {
  const states = lines.map((line) => (line.length > HEADING_LENGTH ? null : (NUMBERED.exec(line)?.[1] ?? null)));
  const newest = newestState(states.filter((state) => state !== null));
  const old = new Set<number>();
  let isOld = false;
  for (const [index, line] of lines.entries()) {
    const state = states[index] ?? null;
    if (state !== null) isOld = state !== newest || ENDED.test(line);
    else if (OLD_PART.test(line) || isEndedHeading(line)) isOld = true;
    else if (NEW_PART.test(line)) isOld = false;
    if (isOld) old.add(index);
  }
  return old;
}

function isEndedHeading(line: string): boolean {
  return line.length <= HEADING_LENGTH && line.split(/\s+/).length <= 6 && !/[:.]/.test(line) && ENDED.test(line);
}

function newestState(states: readonly string[]): string | undefined {
  return [...states].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1)).at(-1);
}

export function findLabels(lines: readonly string[]): Labelled[] {
  const old = oldLines(lines);
  return lines.flatMap((line, index) =>
    labelsOf(line, index, lines).map((found) => (old.has(index) ? { ...found, standing: 'notThis' as const } : found)),
  );
}

function labelsOf(line: string, index: number, lines: readonly string[]): Labelled[] {
  const found = longest(line);
  return found.map(({ label, rank, from, to }, position) => {
    const rest = line.slice(to);
    const before = line.slice(0, from);
    const nextAt = found.slice(position + 1).find((next) => isFirm(line.slice(next.to)))?.from ?? line.length;
    const { tie, skip } = tieOf(rest);
    // A row of headings: what belongs to each stands below it.
    const isHeading = tie === 'column' && found[position + 1]?.from === to + skip;
    const place = { label, rank, line: index, from, standing: standingOf(before) };
    if (tie !== 'nextLine' && !isHeading) {
      const span = line.slice(to + skip, Math.max(nextAt, to + skip));
      if (span.trim() !== '') return { ...place, tie, rest: rest.slice(skip), span, value: valueOf(span) };
    }
    const below = isHeading || nextAt === line.length ? cellBelow(lines, index, from) : '';
    return { ...place, tie: 'nextLine', rest: below, span: below, value: below };
  });
}

/** The longest at each place, and none that lies within another. */
function longest(line: string): Found[] {
  const all: Found[] = [];
  for (const { label, rank, pattern } of PATTERNS)
    for (const match of line.matchAll(pattern))
      all.push({ label, rank, from: match.index, to: match.index + match[0].length });
  all.sort((a, b) => a.from - b.from || b.to - a.to || rankOf(a) - rankOf(b));
  const kept: Found[] = [];
  for (const found of all) if (found.from >= (kept.at(-1)?.to ?? 0)) kept.push(found);
  return kept;
}

function rankOf({ rank }: Found): number {
  return rank === 'main' ? 0 : 1;
}

const COLON = /^\s*(?:\([^)]{0,40}\)\s*)?(?:[:=]|is[: ]|is$)\s*/iu;

function tieOf(rest: string): { tie: Tie; skip: number } {
  const colon = COLON.exec(rest);
  if (colon !== null) return { tie: 'colon', skip: colon[0].length };
  const column = /^\s*(?:\([^)]{0,40}\))?\t+/.exec(rest);
  if (column !== null) return { tie: 'column', skip: column[0].length };
  return rest.trim() === '' ? { tie: 'nextLine', skip: rest.length } : { tie: 'none', skip: 0 };
}

function isFirm(rest: string): boolean {
  return /^\s*(?:\([^)]{0,40}\)\s*)?[:=#]/.test(rest);
}

function valueOf(text: string): string {
  const [first = ''] = text.split('\t').filter((cell) => cell.trim() !== '');
  return first.trim();
}

/** The cell in the same column of the next line that is not empty, when the label's line is made of labels only. */
function cellBelow(lines: readonly string[], index: number, from: number): string {
  const column = (lines[index] ?? '').slice(0, from).split('\t').length - 1;
  for (let next = index + 1; next <= index + 2 && next < lines.length; next += 1) {
    const cells = (lines[next] ?? '').split('\t');
    if (cells.join('').trim() === '') continue;
    return (cells[column] ?? '').trim();
  }
  return '';
}

function standingOf(before: string): Labelled['standing'] {
  const clause = before.split(/\t|[.;!?]\s/).at(-1) ?? '';
  if (NOT_THIS.test(clause)) return 'notThis';
  return NOW.test(clause) ? 'now' : 'plain';
}
