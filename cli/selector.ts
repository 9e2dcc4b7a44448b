// Label selectors as kubectl writes them: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b, c)`, `a notin (b, c)`, joined by commas.

import type { JsonObject } from '../kernel/json.ts';
import { Failure } from './failure.ts';
import { objectAt } from './objects.ts';

export interface Requirement {
  readonly key: string;
  readonly isWanted: boolean;
  /** Absent: the key alone is asked for. */
  readonly values?: readonly string[];
}

const KEY = String.raw`([A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?)`;
const VALUE = String.raw`([A-Za-z0-9._-]*)`;
const EQUALS = new RegExp(`^${KEY}\\s*(==|=|!=)\\s*${VALUE}$`);
const SET = new RegExp(`^${KEY}\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const EXISTS = new RegExp(`^(!?)\\s*${KEY}$`);

/** Exit code 2 when it is no selector. */
export function parseSelector(text: string): Requirement[] {
  if (text.trim() === '') return [];
  // Commas inside parentheses belong to a set.
  return text.split(/,(?![^(]*\))/).map((part) => parseRequirement(part.trim()));
}

function parseRequirement(part: string): Requirement {
  const equals = EQUALS.exec(part);
  if (equals !== null) {
    return { key: equals[1] ?? '', isWanted: equals[2] !== '!=', values: [equals[3] ?? ''] };
  }
  const set = SET.exec(part);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', isWanted: set[2] === 'in', values };
  }
  const exists = EXISTS.exec(part);
  if (exists !== null) return { key: exists[2] ?? '', isWanted: exists[1] === '' };
  throw new Failure(2, `selector: expected key=value, key!=value, key, !key or key in (a, b), found "${part}"`);
}

export function matches(object: JsonObject, selector: readonly Requirement[]): boolean {
  const labels = objectAt(object, 'metadata', 'labels') ?? {};
  return selector.every(({ key, isWanted, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    const isMatch = values === undefined ? value !== undefined : typeof value === 'string' && values.includes(value);
    return isMatch === isWanted;
  });
}
