// Checks that several parts of a state machine share: names of states, numbers, and fields that exclude each other.

import type { Json } from '../../kernel/json.ts';
import { didYouMean, type Findings, type Path, quote, show } from '../problems.ts';
import { isJsonataText } from './choice.ts';
import type { Fields } from './fields.ts';

export type Names = ReadonlyMap<string, number>;

/** Adds a finding unless `value` names a state; returns it when it does. */
export function checkTarget(value: Json, path: Path, names: Names, findings: Findings): string[] {
  if (typeof value === 'string' && names.has(value)) return [value];
  const hint = typeof value === 'string' && names.size <= 1000 ? didYouMean(value, names.keys()) : '';
  const found = typeof value === 'string' ? `${quote(value)}, which is none` : show(value);
  findings.add(path, 'NotFound', `expected the name of a state beside it, found ${found}${hint}`);
  return [];
}

/** At most one of the fields, or exactly one. */
export function checkOneOf(state: Fields, names: readonly string[], findings: Findings, isRequired: boolean): void {
  const found = names.filter((name) => state.has(name)).map((name) => state.written(name));
  if (found.length > 1) {
    const allowed = found.map((name) => JSON.stringify(name)).join(', ');
    findings.add(state.path, 'Invalid', `may have only one of [${allowed}], found ${found.join(' and ')}`);
  } else if (found.length === 0 && isRequired) {
    const shown = names.map((name) => state.written(name)).join(', ');
    findings.add(state.path, 'Invalid', `expected exactly one of ${shown}, found none`);
  }
}

export function checkNumber(
  fields: Fields,
  name: string,
  least: number,
  most: number,
  context: { readonly isJsonata: boolean; readonly findings: Findings },
  kind: 'whole' | 'any' = 'whole',
): void {
  const field = fields.get(name);
  if (field === undefined || (context.isJsonata && isJsonataText(field.value))) return;
  const { value, path } = field;
  const noun = kind === 'whole' ? 'a whole number' : 'a number';
  if (typeof value !== 'number' || (kind === 'whole' && !Number.isInteger(value))) {
    context.findings.add(path, 'TypeInvalid', `expected ${noun}, found ${show(value)}`);
  } else if (value < least || value > most) {
    const limit = value < least ? `allowed minimum is ${least}` : `allowed maximum is ${most}`;
    context.findings.add(path, 'Invalid', `expected ${noun}, ${limit}, found ${value}`);
  }
}
