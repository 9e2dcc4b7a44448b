// Text or bytes to plain data: the one way in for manifests, whether from a file, the command line or the API.
//
// Owns: the encoding, the size, and the choice between JSON (fast) and YAML. JSON is looked at by json-text.ts,
// YAML by yaml-text.ts; what the data means is admission (admit.ts).
//
// I1  nothing here throws for any input: what is wrong is a finding with a place.

import { parseJson, placeOf, reportJsonSyntax, type ParsedDocument } from './json-text.ts';
import { textProblem } from './plain.ts';
import type { Findings } from './problems.ts';
import { parseYaml } from './yaml-text.ts';

export const TEXT_LIMIT_BYTES = 64 * 1024 * 1024;

export interface ParseOptions {
  /** A text that looks like JSON must be JSON, and not YAML in brackets. */
  readonly strictJson?: boolean;
}

/** The documents of a text. None when there are findings. */
export function parseDocuments(text: string, findings: Findings, options: ParseOptions = {}): ParsedDocument[] {
  const problem = text.length > TEXT_LIMIT_BYTES ? tooLarge(text.length) : textProblem(text);
  if (problem !== undefined) {
    findings.add([], 'Invalid', problem, { place: placeOf(text, Math.max(0, text.search(/\0|\p{Surrogate}/u))) });
    return [];
  }
  const json = /^\s*[{[]/.test(text) ? parseJson(text, findings) : null;
  if (json === null && options.strictJson === true) reportJsonSyntax(text, findings);
  const documents = json !== null ? [json] : findings.isEmpty ? parseYaml(text, findings) : [];
  if (documents.length === 0 && findings.isEmpty)
    findings.add([], 'Required', 'expected a manifest, found an empty document');
  return findings.isEmpty ? documents : [];
}

/** UTF-8 to text, a byte order mark left out; null with a finding when it is not UTF-8. */
export function decodeBytes(bytes: Uint8Array, findings: Findings): string | null {
  if (bytes.length > TEXT_LIMIT_BYTES) {
    findings.add([], 'Invalid', tooLarge(bytes.length));
    return null;
  }
  const marks = [bytes[0], bytes[1]];
  if ((marks[0] === 0xfe && marks[1] === 0xff) || (marks[0] === 0xff && marks[1] === 0xfe)) {
    findings.add([], 'Invalid', 'expected text in UTF-8, found UTF-16', { place: { line: 1, column: 1 } });
    return null;
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    const text = decoder.decode(bytes);
    const nul = text.indexOf('\0');
    if (nul < 0) return text;
    findings.add([], 'Invalid', 'expected text in UTF-8, found a NUL byte (is it UTF-16, or no text at all?)', {
      place: placeOf(text, nul),
    });
  } catch {
    findings.add([], 'Invalid', 'expected text in UTF-8, found bytes that are not', { place: badUtf8(bytes) });
  }
  return null;
}

function tooLarge(size: number): string {
  return `expected at most ${TEXT_LIMIT_BYTES} bytes, found ${size}`;
}

/** The first line that does not decode; a line feed is never part of another character. */
function badUtf8(bytes: Uint8Array): { line: number; column: number } {
  const strict = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed < 0 ? bytes.length : feed;
    try {
      strict.decode(bytes.subarray(start, end));
    } catch {
      const loose = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end));
      return { line, column: loose.indexOf('\uFFFD') + 1 };
    }
    start = end + 1;
  }
  return { line, column: 1 };
}
