// What is wrong with a manifest, while it is being found out: a bounded list with field paths, and the words
// for values and paths in messages. Places (line and column) are looked up only for problems that are shown.
//
// I1  at most LIMIT problems are kept, whatever the input holds.
// I2  no message holds more than a few dozen characters of the input.

import type { Problem } from '../kernel/errors.ts';

/** Keys and indexes from the top of the document. */
export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Finding {
  readonly path: Path;
  readonly reason: Problem['reason'];
  readonly message: string;
  /** Point at the field's name rather than at its value. */
  readonly atKey?: boolean;
  /** Known already, for problems that are found while the text is read. */
  readonly place?: Place;
}

/** Where a value (or, with `atKey`, its name) stands; the nearest thing around it when it is missing. */
export type Locate = (path: Path, atKey: boolean) => Place | undefined;

const LIMIT = 100;
/** Looking one place up may go through the whole text. */
const PLACED = 20;
const SHOWN_CHARACTERS = 60;

export class Findings {
  readonly #list: Finding[] = [];

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** Nothing more is kept: a caller in a long loop may stop. */
  get isFull(): boolean {
    return this.#list.length >= LIMIT;
  }

  add(path: Path, reason: Problem['reason'], message: string, extra: { atKey?: boolean; place?: Place } = {}): void {
    if (!this.isFull) this.#list.push({ path, reason, message, ...extra });
  }

  /** Takes over what was found elsewhere, with places for as many as are worth it. */
  addPlaced(others: Findings, locate: Locate): void {
    for (const [index, finding] of others.list().entries()) {
      const place = finding.place ?? (index < PLACED ? locate(finding.path, finding.atKey === true) : undefined);
      this.add(finding.path, finding.reason, finding.message, place === undefined ? {} : { place });
    }
  }

  list(): readonly Finding[] {
    return this.#list;
  }
}

/** Findings as problems with a place each. `rewrite` turns canonical paths into those of the document as written. */
export function toProblems(
  findings: readonly Finding[],
  locate: Locate | undefined,
  rewrite: (path: Path) => Path = (path) => path,
): Problem[] {
  const problems = findings.map((finding, index): Problem => {
    const path = rewrite(finding.path);
    const place = finding.place ?? (index < PLACED ? locate?.(path, finding.atKey === true) : undefined);
    const problem = { path: formatPath(path), message: finding.message, reason: finding.reason };
    return place === undefined ? problem : { ...problem, ...place };
  });
  // As they stand in the document; those without a place keep theirs behind them.
  const line = (problem: Problem): number => problem.line ?? Number.MAX_SAFE_INTEGER;
  return problems.sort((one, other) => line(one) - line(other) || (one.column ?? 0) - (other.column ?? 0));
}

const PLAIN_KEY = /^[A-Za-z_$][\w$-]{0,99}$/;

/** `spec.tasks[1].dependencies[0]`; keys that are no plain words stand in brackets and quotes. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!PLAIN_KEY.test(part)) text += `[${quote(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** A text in quotes, control characters escaped, cut to a readable length. */
export function quote(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? text.slice(0, SHOWN_CHARACTERS) : text;
  const quoted = JSON.stringify(cut);
  return cut === text ? quoted : `${quoted}... (${text.length} characters)`;
}

/** What was found, in a few words. */
export function show(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'string') return value === '' ? 'an empty text' : `the text ${quote(value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}

/** `; did you mean "x"?` when one of the known words is close, else nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  if (word.length > 64) return '';
  let best: string | undefined;
  // The shorter a word, the more words are close to it by chance.
  let bestDistance = word.length <= 2 ? 1 : word.length <= 4 ? 2 : 3;
  for (const candidate of known) {
    const distance = sameLetters(word, candidate) ? 0 : editDistance(word, candidate, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? '' : `; did you mean ${quote(best)}?`;
}

function sameLetters(a: string, b: string): boolean {
  const plain = (text: string) => text.replaceAll(/[_-]/g, '').toLowerCase();
  return plain(a) === plain(b);
}

/** Letters to insert, delete, replace or swap with the next one; `limit` when it is at least that. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : limit;
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return Math.min(last[b.length] ?? limit, limit);
}
