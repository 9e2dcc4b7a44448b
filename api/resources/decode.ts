// From the body of a request to data, and from data to an admitted manifest, with field validation as the client asked for it.
//
// D1  a body is admitted by the one function that files go through; here are only the ways around unknown fields that kubectl knows.

import { AdmissionError, type Problem } from '../../kernel/errors.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import { type Admitted, admit, admitData } from '../../manifests/admit.ts';
import type { Kind } from '../../manifests/model.ts';
import { decodeBytes } from '../../manifests/parse.ts';
import { Findings, toProblems } from '../../manifests/problems.ts';
import { readDocument } from '../../manifests/read.ts';
import { badRequest, unknownField } from '../problem.ts';
import type { Body } from '../request.ts';

export const SOURCE = 'request body';
/** Rounds of taking unknown fields off; each takes many. */
const PRUNING_ROUNDS = 100;

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface Decoded extends Admitted {
  /** For the Warning header. */
  readonly notes: readonly string[];
}

export interface Expected {
  readonly kind: Kind;
  readonly defaultName?: string | undefined;
  readonly validation: FieldValidation;
}

export function validationOf(query: ReadonlyMap<string, string>): FieldValidation {
  const text = query.get('fieldValidation') ?? '';
  // Without a word from the client an unknown field is an error: there is nobody to read a warning.
  if (text === '' || text === 'Strict') return 'Strict';
  if (text === 'Warn' || text === 'Ignore') return text;
  throw badRequest(`query parameter "fieldValidation": expected Strict, Warn or Ignore, found ${JSON.stringify(text)}`);
}

/** A whole manifest. Large ones are parsed and checked in a thread of their own. */
export async function decodeManifest(body: Body, expected: Expected): Promise<Decoded> {
  const { kind, defaultName } = expected;
  try {
    const { manifests } = await admit({ name: SOURCE, bytes: body.bytes, kind, defaultName, single: true });
    const admitted = manifests[0];
    if (admitted === undefined) throw badRequest('body: expected a manifest, found none');
    return { ...admitted, notes: notesOf(admitted.warnings) };
  } catch (error) {
    if (expected.validation === 'Strict' || !isAboutUnknown(error)) throw error;
    return prune(await decodeData(body), expected);
  }
}

/** Data that is there already, such as the result of a patch. */
export async function decodeValue(value: Json, expected: Expected): Promise<Decoded> {
  const { kind, defaultName } = expected;
  try {
    const admitted = await admitData(value, { name: SOURCE, kind, defaultName });
    return { ...admitted, notes: notesOf(admitted.warnings) };
  } catch (error) {
    if (expected.validation === 'Strict' || !isAboutUnknown(error)) throw error;
    return prune(value, expected);
  }
}

/** Any JSON or YAML of one document. */
export async function decodeData(body: Body): Promise<Json> {
  const findings = new Findings();
  const text = decodeBytes(body.bytes, findings);
  if (text === null) throw new AdmissionError(SOURCE, toProblems(findings.list(), undefined));
  if (text.trim() === '') throw badRequest('body: expected JSON or YAML, found nothing');
  const isJson = body.type !== null && body.type !== 'yaml' && body.type !== 'apply-patch';
  return readDocument(text, SOURCE, isJson);
}

function isAboutUnknown(error: unknown): error is AdmissionError {
  return error instanceof AdmissionError && error.problems.some(({ reason }) => reason === 'Unknown');
}

function notesOf(warnings: readonly Problem[]): string[] {
  return warnings.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
}

/** Takes off what nobody knows, as the client asked, and says so unless it asked for silence. */
async function prune(value: Json, expected: Expected): Promise<Decoded> {
  const { kind, defaultName, validation } = expected;
  const pruned = structuredClone(value);
  const notes: string[] = [];
  for (let round = 0; ; round += 1) {
    try {
      const admitted = await admitData(pruned, { name: SOURCE, kind, defaultName });
      return { ...admitted, notes: [...notesOf(admitted.warnings), ...(validation === 'Warn' ? notes : [])] };
    } catch (error) {
      if (!isAboutUnknown(error) || round === PRUNING_ROUNDS) throw error;
      const unknown = error.problems.filter(({ reason }) => reason === 'Unknown');
      const removed = unknown.filter(({ path }) => removeAt(pruned, path));
      if (removed.length === 0) throw error;
      notes.push(...removed.map(unknownField));
    }
  }
}

/** Paths as problems have them: `spec.tasks[1].nmae`, `spec["odd key"]`. */
function removeAt(value: Json, path: string): boolean {
  const keys = [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(([, index, quoted, plain]) =>
    index !== undefined ? Number(index) : quoted !== undefined ? String(JSON.parse(quoted)) : (plain ?? ''),
  );
  const last = keys.pop();
  let at: Json | undefined = value;
  for (const key of keys) {
    if (Array.isArray(at) && typeof key === 'number') at = at[key];
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  if (last === undefined || !isObject(at) || !Object.hasOwn(at, last)) return false;
  delete (at as JsonObject)[last];
  return true;
}

const SMALL_BYTES = 64 * 1024;

/** The name in a manifest that was refused, for the words of the refusal. */
export async function writtenName(body: Body): Promise<string | undefined> {
  if (body.bytes.length > SMALL_BYTES) return undefined;
  try {
    const value = await decodeData(body);
    if (!isObject(value)) return undefined;
    return textAt(value['metadata'], 'name') || textAt(value, 'id') || textAt(value, 'name') || undefined;
  } catch {
    return undefined;
  }
}
