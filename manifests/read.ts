// Any JSON or YAML of one document as plain data: bodies that are no manifests, such as patches.

import { AdmissionError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import { isJson } from './json-text.ts';
import { runInThread } from './off-thread.ts';
import { parseDocuments } from './parse.ts';
import { Findings, toProblems } from './problems.ts';

/** Larger texts are read in a thread of their own. */
const YAML_IN_PLACE = 16 * 1024;
const JSON_IN_PLACE = 512 * 1024;

/** Throws AdmissionError. `strictJson`: a text that looks like JSON must be JSON. */
export async function readDocument(text: string, name: string, strictJson: boolean): Promise<Json> {
  if (text.length <= YAML_IN_PLACE || (text.length <= JSON_IN_PLACE && isJson(text)))
    return readNow(text, name, strictJson);
  return (await runInThread({ body: text, name, strictJson }, name, text.length)) as Json;
}

/** The same on this thread, whatever the size. */
export function readNow(text: string, name: string, strictJson: boolean): Json {
  const findings = new Findings();
  const documents = parseDocuments(text, findings, { strictJson });
  if (findings.isEmpty && documents.length !== 1)
    findings.add([], 'Invalid', `expected one document, found ${documents.length}`);
  const [document] = documents;
  if (!findings.isEmpty || document === undefined)
    throw new AdmissionError(name, toProblems(findings.list(), undefined));
  return document.value as Json;
}
