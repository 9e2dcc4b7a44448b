// Who a selector means, and which ids could exist that a set of selectors tells apart.
// Does not own: what is done to those it means (rule.ts).

import type { Selector } from './promise.ts';

/** What selectors look at: of a node, or of one that may come. */
export interface Named {
  readonly id: string;
  /** Task or template that it is of. */
  readonly task: string | null;
}

export type Matcher = (named: Named) => boolean;

/** A text alone is a pattern of ids. */
export function matcherOf(selector: Selector | undefined): Matcher {
  if (selector === undefined) return () => true;
  const { node, task } = namesOf(selector);
  if (node !== undefined) return ({ id }) => isLike(id, node);
  return (named) => named.task === task;
}

export function namesOf(selector: Selector): { readonly node?: string; readonly task?: string } {
  return typeof selector === 'string' ? { node: selector } : selector;
}

export function isLiteral(pattern: string): boolean {
  return !/[*?]/.test(pattern);
}

/** `*` is any text, `?` any character. At most as many steps as the product of the lengths, whatever the pattern. */
export function isLike(text: string, pattern: string): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    if (pattern[from] === '*') {
      star = from;
      mark = at;
      from += 1;
    } else if (from < pattern.length && (pattern[from] === '?' || pattern[from] === text[at])) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      mark += 1;
      at = mark;
      from = star + 1;
    } else return false;
  }
  while (pattern[from] === '*') from += 1;
  return from === pattern.length;
}

const STATES_LIMIT = 2000;

/**
 * One text for each way in which the patterns can tell texts apart: all that match the same ones are alike. Walks the patterns as one
 * automaton, breadth first, so each text is as short as can be.
 */
export function witnesses(patterns: readonly string[]): string[] {
  const letters = new Set(['~', ...patterns.join('').replaceAll(/[*?]/g, '').split('')]);
  const seen = new Set<string>();
  const found = new Map<string, string>();
  const open = [{ text: '', states: patterns.map((pattern) => closure(pattern, [0])) }];
  for (const { text, states } of open) {
    for (const letter of letters) {
      const next = states.map((state, index) => stepped(patterns[index] as string, state, letter));
      const key = next.join('|');
      if (seen.has(key) || seen.size > STATES_LIMIT) continue;
      seen.add(key);
      open.push({ text: text + letter, states: next });
      const matched = next.map((state, index) => state.includes((patterns[index] as string).length)).join();
      if (!found.has(matched)) found.set(matched, text + letter);
    }
  }
  return [...found.values()];
}

/** The text, or one that matches the same patterns, which is not taken; null when there is none of about its length. */
export function untaken(text: string, patterns: readonly string[], isTaken: (text: string) => boolean): string | null {
  if (!isTaken(text)) return text;
  if (patterns.some((pattern) => pattern === text && isLiteral(pattern))) return null;
  const isFit = (other: string): boolean =>
    !isTaken(other) && patterns.every((pattern) => isLike(other, pattern) === isLike(text, pattern));
  for (let size = 1; size <= SIZE_LIMIT; size += 1) {
    for (let at = 0; at <= text.length; at += 1) {
      const longer = `${text.slice(0, at)}${'~'.repeat(size)}${text.slice(at)}`;
      if (isFit(longer)) return longer;
      const other = `${text.slice(0, at)}${LETTERS[size] ?? ''}${text.slice(at + 1)}`;
      if (at < text.length && isFit(other)) return other;
    }
  }
  return null;
}

const SIZE_LIMIT = 60;
const LETTERS = '~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** Places in the pattern that are reached without a letter: a star may stand for nothing. */
function closure(pattern: string, places: readonly number[]): number[] {
  const all = new Set(places);
  for (const place of all) if (pattern[place] === '*') all.add(place + 1);
  return [...all].sort((left, right) => left - right);
}

function stepped(pattern: string, places: readonly number[], letter: string): number[] {
  const next = places.flatMap((place) => {
    if (pattern[place] === '*') return [place];
    return place < pattern.length && (pattern[place] === '?' || pattern[place] === letter) ? [place + 1] : [];
  });
  return closure(pattern, next);
}
