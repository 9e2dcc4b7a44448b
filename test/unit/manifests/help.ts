// Helpers of the manifest tests: what a source says when it is refused, and the shared fixtures when they are there.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AdmissionError, type Problem } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import { admitNow, type Source } from '../../../manifests/admit.ts';
import type { Manifest } from '../../../manifests/model.ts';

export const FIXTURES = join(import.meta.dirname, '../../../../shared/fixtures');
export const hasFixtures = existsSync(FIXTURES);

/** Problems of a source that must be refused. */
export function problemsOf(source: Omit<Source, 'name'> & { name?: string }): readonly Problem[] {
  try {
    admitNow({ name: 'doc.yaml', ...source });
  } catch (error) {
    if (error instanceof AdmissionError) return error.problems;
    throw error;
  }
  return [];
}

/** `LINE:COLUMN PATH: MESSAGE` of each problem. */
export function wordsOf(problems: readonly Problem[]): string[] {
  return problems.map(({ path, message, line, column }) => `${line}:${column} ${path}: ${message}`);
}

export function admitted(text: string, defaultName = 'test'): Manifest {
  const [first] = admitNow({ name: 'doc.yaml', text, defaultName }).manifests;
  if (first === undefined) throw new Error('expected a manifest');
  return first.manifest;
}

/** A Workflow with this spec, as JSON. */
export function workflow(spec: JsonObject): string {
  return JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 'w' }, spec });
}

export interface DirtyCase {
  readonly file: string;
  readonly expected: 'accept' | 'reject' | 'either';
  readonly reason: string;
  readonly names?: readonly string[];
}

export function readLines<T>(file: string): T[] {
  if (!hasFixtures) return [];
  const lines = readFileSync(join(FIXTURES, file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}

/** The bytes of a dirty fixture with our version and kind in place of the marks, in whatever encoding it is. */
export function readDirty(file: string): Uint8Array {
  const stored = readFileSync(join(FIXTURES, 'dirty', file));
  let text = (file.endsWith('.gz') ? gunzipSync(stored) : stored).toString('latin1');
  const wide = (word: string): string => word.replaceAll(/./g, '\0$&');
  for (const [mark, word] of [['__APIVERSION__', 'oarlock.dev/v1'] as const, ['__KIND__', 'Workflow'] as const]) {
    text = text.replaceAll(mark, word).replaceAll(wide(mark), wide(word));
  }
  return Buffer.from(text, 'latin1');
}
