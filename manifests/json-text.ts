// JSON documents, fast: JSON.parse does the work, one linear scan finds what it hides (keys that came twice,
// integers that lose digits), and places are computed only when a problem has to be shown.
//
// Texts that JSON.parse refuses are read as YAML, of which JSON is a part (yaml-text.ts).
// I1  every function here is linear in the text and never recurses.

import { checkPlain } from './plain.ts';
import { Findings, quote, type Locate, type Path, type Place } from './problems.ts';

export interface ParsedDocument {
  readonly value: unknown;
  readonly locate: Locate;
  /** The document's own part of the text. */
  readonly text: string;
}

/** Is it JSON, and a mapping or a list? */
export function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The document, null when the text is no JSON; findings say why a JSON document is not taken. */
export function parseJson(text: string, findings: Findings): ParsedDocument | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const scan = scanJson(text);
  if (scan.unsafeInteger !== undefined) {
    const { offset, digits } = scan.unsafeInteger;
    const message = `the integer ${digits.slice(0, 40)} cannot be held exactly, expected at most 2^53 - 1; quote it to keep it as text`;
    findings.add([], 'Invalid', message, { place: placeOf(text, offset) });
  }
  const locate: Locate = (path, atKey) => locateJson(text, path, atKey);
  const unplain = new Findings();
  // The text itself was looked at; only an escape can bring what it may not hold.
  const keys = checkPlain(value, unplain, { textsAreFine: !text.includes('\\u') });
  if (unplain.isEmpty && keys !== scan.keys) findDuplicateKeys(text, unplain);
  findings.addPlaced(unplain, locate);
  return { value, text, locate };
}

/** Says where a text stops being JSON. */
export function reportJsonSyntax(text: string, findings: Findings): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /at position (\d+)/.exec(message)?.[1];
    const offset = position === undefined ? text.length : Number(position);
    const found = offset < text.length ? quote(text.slice(offset, offset + 10)) : 'the end';
    findings.add([], 'Syntax', `expected JSON, found ${found} where it cannot stand`, { place: placeOf(text, offset) });
  }
}

interface Scan {
  readonly keys: number;
  readonly unsafeInteger: { offset: number; digits: string } | undefined;
}

/** Counts keys (colons outside of strings) and looks for integers that JSON.parse rounds. */
function scanJson(text: string): Scan {
  let keys = 0;
  let unsafeInteger: Scan['unsafeInteger'];
  for (let offset = 0; offset < text.length; offset += 1) {
    const code = text.charCodeAt(offset);
    if (code === QUOTE) offset = stringEnd(text, offset);
    else if (code === COLON) keys += 1;
    else if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) {
      const end = scalarEnd(text, offset);
      if (end - offset > 15 && unsafeInteger === undefined) {
        const digits = text.slice(offset, end);
        if (!/[.eE]/.test(digits) && !Number.isSafeInteger(Number(digits))) unsafeInteger = { offset, digits };
      }
      offset = end - 1;
    }
  }
  return { keys, unsafeInteger };
}

const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAPPING = 0x7b;
const CLOSE_MAPPING = 0x7d;

/** Offset of the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/** First offset after a number or a word. */
function scalarEnd(text: string, start: number): number {
  let end = start + 1;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code <= 0x20 || code === COMMA || code === CLOSE_LIST || code === CLOSE_MAPPING) break;
  }
  return end;
}

/** A list or mapping that is open at some point of a walk. */
interface Frame {
  readonly isList: boolean;
  index: number;
  key: string;
}

interface Visitor {
  /** `depth` is the number of open lists and mappings around the key. Returns false to end the walk. */
  key(frames: readonly Frame[], key: string, offset: number): boolean;
  value(frames: readonly Frame[], offset: number): boolean;
}

/** Goes through a text that JSON.parse has taken, in order. */
function walkJson(text: string, visitor: Visitor): void {
  const frames: Frame[] = [];
  let expectKey = false;
  for (let offset = 0; offset < text.length; offset += 1) {
    const code = text.charCodeAt(offset);
    if (code <= 0x20 || code === COLON) continue;
    const frame = frames.at(-1);
    if (code === COMMA) {
      if (frame?.isList === true) frame.index += 1;
      else expectKey = true;
    } else if (code === CLOSE_LIST || code === CLOSE_MAPPING) {
      frames.pop();
      expectKey = false;
    } else if (expectKey && frame !== undefined) {
      const end = stringEnd(text, offset);
      frame.key = String(JSON.parse(text.slice(offset, end + 1)));
      if (!visitor.key(frames, frame.key, offset)) return;
      offset = end;
      expectKey = false;
    } else {
      if (!visitor.value(frames, offset)) return;
      if (code === OPEN_LIST || code === OPEN_MAPPING) {
        expectKey = code === OPEN_MAPPING;
        frames.push({ isList: code === OPEN_LIST, index: 0, key: '' });
      } else offset = code === QUOTE ? stringEnd(text, offset) : scalarEnd(text, offset) - 1;
    }
  }
}

function findDuplicateKeys(text: string, findings: Findings): void {
  const seen: Set<string>[] = [];
  walkJson(text, {
    key(frames, key, offset) {
      const keys = seen[frames.length];
      if (keys?.has(key) === true) {
        const path = pathOf(frames);
        findings.add(path, 'Duplicate', `the field ${quote(key)} stands twice`, { place: placeOf(text, offset) });
      }
      keys?.add(key);
      return !findings.isFull;
    },
    value(frames) {
      seen.length = frames.length + 1;
      seen.push(new Set());
      return true;
    },
  });
}

function pathOf(frames: readonly Frame[]): Path {
  return frames.map((frame) => (frame.isList ? frame.index : frame.key));
}

function locateJson(text: string, path: Path, atKey: boolean): Place | undefined {
  // The deepest frame that is still on the path; what lies beside it is passed over.
  let best = 0;
  let bestDepth = -1;
  walkJson(text, {
    key(frames, _key, offset) {
      if (atKey && frames.length === path.length && isOn(frames, path)) {
        best = offset;
        bestDepth = Number.POSITIVE_INFINITY;
      }
      return bestDepth < path.length;
    },
    value(frames, offset) {
      if (frames.length > bestDepth && frames.length <= path.length && isOn(frames, path)) {
        best = offset;
        bestDepth = frames.length;
      }
      return bestDepth < path.length;
    },
  });
  return placeOf(text, best);
}

function isOn(frames: readonly Frame[], path: Path): boolean {
  for (let depth = frames.length - 1; depth >= 0; depth -= 1) {
    const frame = frames[depth];
    if (frame === undefined || path[depth] !== (frame.isList ? frame.index : frame.key)) return false;
  }
  return true;
}

/** Line and column of an offset, both from 1. */
export function placeOf(text: string, offset: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf('\n'); end >= 0 && end < offset; end = text.indexOf('\n', end + 1)) {
    line += 1;
    lineStart = end + 1;
  }
  return { line, column: offset - lineStart + 1 };
}
