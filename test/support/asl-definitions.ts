// The definitions of shared/fixtures/asl that linters of others are tested with: which are valid, and what must be said of the others.

import { AdmissionError } from '../../kernel/errors.ts';
import { admitNow } from '../../manifests/admit.ts';

export interface Definition {
  readonly id: string;
  readonly expected: 'valid' | 'invalid';
  readonly must_mention?: readonly string[];
  readonly definition?: unknown;
}

/** Null when it is judged here as there, and the words come. */
export function tryDefinition({ expected, definition, must_mention: words = [] }: Definition): string | null {
  const said = problemsIn(JSON.stringify(definition));
  if (expected === 'valid') return said === '' ? null : `refused: ${said}`;
  if (said === '') return 'was not refused';
  const missing = words.filter((word) => !said.includes(word));
  return missing.length === 0 ? null : `expected ${missing.join(', ')} in: ${said}`;
}

function problemsIn(text: string): string {
  try {
    admitNow({ name: 'definition', text, defaultName: 'x' });
    return '';
  } catch (error) {
    if (error instanceof AdmissionError) return error.message;
    throw error;
  }
}
