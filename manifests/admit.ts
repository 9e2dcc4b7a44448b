// Admission: the one way by which a document becomes a manifest, for files, the command line and the API alike.
//
// Text -> plain data (parse.ts) -> canonical form (canonical.ts) -> shape (schema.ts) -> meaning (the front ends).
// Large documents are admitted in a thread of their own, under a deadline (off-thread.ts).
//
// A1  a document is taken whole or refused whole, and so is a file of many documents.
// A2  the answer for a document does not depend on which door it came through.
// A3  every problem names its field; with text, the line and column, too.

import { AdmissionError, type Problem } from '../kernel/errors.ts';
import { isObject, type JsonObject } from '../kernel/json.ts';
import { type Canonical, canonicalize, type Expectations } from './canonical.ts';
import { editDocument, envelopDocument } from './document.ts';
import { isJson, type ParsedDocument } from './json-text.ts';
import type { Kind, Manifest } from './model.ts';
import { admitInThread, runInThread } from './off-thread.ts';
import { decodeBytes, parseDocuments } from './parse.ts';
import { checkPlain, weightOf } from './plain.ts';
import { Findings, quote, toProblems } from './problems.ts';
import { checkShape } from './schema.ts';
import { checkStates } from './states/lint.ts';
import { checkGrowth, hasGrowth, templatesOf } from './promises.ts';
import { checkSteps, expandSteps } from './steps.ts';
import { checkTaskBody, checkTasks } from './tasks.ts';

export interface Source extends Expectations {
  /** Where it came from, for messages: a file name, `-`, `request body`. */
  readonly name: string;
  readonly text?: string;
  readonly bytes?: Uint8Array;
  /** Refuse a text of several documents: a file under state/ holds one. */
  readonly single?: boolean;
}

export interface Admitted {
  readonly manifest: Manifest;
  /** A document that says exactly this, with the author's comments and order; absent when that would cost too much. */
  readonly text?: string;
  readonly warnings: readonly Problem[];
  /** metadata as the document has it, with what the manifest leaves out (resourceVersion, generateName): what a client asks of a write. */
  readonly asked: JsonObject;
}

export interface Admission {
  readonly manifests: readonly Admitted[];
}

/**
 * Larger texts leave the thread that serves everything else. YAML takes a millisecond a kilobyte, and ten times that when it is meant
 * badly; JSON, once JSON.parse has taken it, a tenth of it.
 */
const YAML_IN_PLACE = 16 * 1024;
const JSON_IN_PLACE = 512 * 1024;
/** Data that was read already: what is left costs half. */
const VALUE_IN_PLACE = 256 * 1024;
/** Editing costs three times as much as reading. */
const EDIT_LIMIT = 64 * 1024;

/** Throws AdmissionError with every problem that was found. */
export async function admit(source: Source): Promise<Admission> {
  const size = source.text?.length ?? source.bytes?.length ?? 0;
  const isSmall = size <= YAML_IN_PLACE || (size <= JSON_IN_PLACE && isCheapJson(source));
  return isSmall ? admitNow(source) : admitInThread(source, size);
}

/** Schemas that users write are compiled to know that they are some: half a millisecond each. */
function isCheapJson({ text, bytes }: Source): boolean {
  const json = text ?? new TextDecoder().decode(bytes);
  return !json.includes('putSchema"') && isJson(json);
}

/** The same on this thread, whatever the size. */
export function admitNow(source: Source): Admission {
  const findings = new Findings();
  const text = source.text ?? decodeBytes(source.bytes ?? new Uint8Array(), findings);
  const documents = text === null ? [] : parseDocuments(text, findings, { strictJson: source.name.endsWith('.json') });
  const second = documents[1];
  if (source.single === true && second !== undefined) {
    const message = `expected one document, found ${documents.length}`;
    findings.add([], 'Invalid', message, placeOfDocument(second));
  }
  if (!findings.isEmpty) throw new AdmissionError(source.name, toProblems(findings.list(), undefined));
  return admitDocuments(documents, source);
}

/** The author's words, with as little changed as it takes to say the manifest. Large ones are rendered anew by the store. */
function textFor(canonical: Canonical, manifest: Manifest, text: string): string | undefined {
  if (canonical.isVerbatim) return text;
  if (text.length > EDIT_LIMIT) return undefined;
  if (!canonical.isBare) return editDocument(text, manifest);
  return /^\s*\{/.test(text) ? undefined : envelopDocument(text, manifest);
}

function placeOfDocument(document: ParsedDocument): { place?: { line: number; column: number } } {
  const place = document.locate([], false);
  return place === undefined ? {} : { place };
}

function admitDocuments(documents: readonly ParsedDocument[], source: Source): Admission {
  const problems: Problem[] = [];
  const manifests: Admitted[] = [];
  const seen = new Set<string>();
  for (const document of documents) {
    const checked = check(document.value, source, document.locate, seen);
    problems.push(...checked.problems);
    if (checked.canonical === undefined) continue;
    const { canonical, warnings } = checked;
    const manifest = canonical.manifest as unknown as Manifest;
    const text = textFor(canonical, manifest, document.text);
    const admitted = { manifest, warnings, asked: askedOf(document.value) };
    manifests.push(text === undefined ? admitted : { ...admitted, text });
  }
  if (problems.length > 0) throw new AdmissionError(source.name, problems);
  return { manifests };
}

/** Admits data that is there already, such as the result of a patch. Throws AdmissionError. */
export function admitValue(value: unknown, source: Expectations & { readonly name: string }): Admitted {
  const findings = new Findings();
  checkPlain(value, findings);
  if (!findings.isEmpty) throw new AdmissionError(source.name, toProblems(findings.list(), undefined));
  const checked = check(value, source, undefined, new Set());
  if (checked.canonical === undefined) throw new AdmissionError(source.name, checked.problems);
  const manifest = checked.canonical.manifest as unknown as Manifest;
  return { manifest, warnings: checked.warnings, asked: askedOf(value) };
}

/** The same, in a thread of its own when there is much of it. */
export async function admitData(value: unknown, source: Expectations & { readonly name: string }): Promise<Admitted> {
  const size = weightOf(value);
  if (size < VALUE_IN_PLACE) return admitValue(value, source);
  return (await runInThread({ value, expect: source }, source.name, size)) as Admitted;
}

function askedOf(value: unknown): JsonObject {
  const metadata = isObject(value) ? value['metadata'] : undefined;
  return isObject(metadata) ? metadata : {};
}

interface Checked {
  /** Set when there are no problems. */
  readonly canonical?: Canonical;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

function check(
  value: unknown,
  expect: Expectations,
  locate: ParsedDocument['locate'] | undefined,
  seen: Set<string>,
): Checked {
  const findings = new Findings();
  const warnings = new Findings();
  const canonical = canonicalize(value, expect, findings);
  if (canonical !== null) {
    checkShape(canonical.kind, canonical.manifest, findings);
    if (findings.isEmpty) checkMeaning(canonical.kind, canonical.manifest, findings, warnings);
    if (findings.isEmpty) checkSecond(canonical, seen, findings);
  }
  const problems = toProblems(findings.list(), locate, canonical?.asWritten);
  const result = { problems, warnings: toProblems(warnings.list(), locate, canonical?.asWritten) };
  return canonical === null || !findings.isEmpty ? result : { ...result, canonical };
}

/** Two documents of one file must not speak of the same object. */
function checkSecond(canonical: Canonical, seen: Set<string>, findings: Findings): void {
  const { name } = canonical.manifest['metadata'] as { name: string };
  const key = `${canonical.kind}/${name}`;
  if (seen.has(key)) {
    findings.add(
      ['metadata', 'name'],
      'Duplicate',
      `expected one document for ${canonical.kind} ${quote(name)}, found another`,
    );
  }
  seen.add(key);
}

function checkMeaning(kind: Kind, manifest: JsonObject, findings: Findings, warnings: Findings): void {
  const spec = manifest['spec'] as JsonObject;
  switch (kind) {
    case 'Workflow':
      checkWorkflowSpec(spec, ['spec'], findings, warnings);
      return;
    case 'WorkflowRun':
      if (isObject(spec['workflow'])) checkWorkflowSpec(spec['workflow'], ['spec', 'workflow'], findings, warnings);
      return;
    case 'Task':
      checkTaskBody(spec, ['spec'], null, findings);
      return;
    case 'Signal':
      return;
  }
}

function checkWorkflowSpec(spec: JsonObject, path: (string | number)[], findings: Findings, warnings: Findings): void {
  const { tasks, steps } = spec as { tasks?: JsonObject[]; steps?: JsonObject[] };
  if (tasks !== undefined) checkTasks(tasks, [...path, 'tasks'], templatesOf(spec), findings, warnings);
  else if (steps !== undefined) checkSteps(steps, [...path, 'steps'], findings);
  else checkStates(spec, path, findings, warnings);
  if (!findings.isEmpty || !hasGrowth(spec)) return;
  const nodes = tasks ?? (steps === undefined ? null : expandSteps(steps, []).map(({ task }) => task));
  checkGrowth(spec, path, nodes, findings, warnings);
}
