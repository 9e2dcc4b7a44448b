// The parts of a mail in which an order may stand, the ones that count first in front: what the sender wrote now, attachments, messages
// that came inside, what is quoted or forwarded below.

import { isObject, type Json, textAt } from '../../../kernel/json.ts';
import { withTables } from './delimited.ts';
import { normalizeText } from './normalize.ts';
import { withSpelling } from './spelling.ts';

export type Origin = 'body' | 'attachment' | 'forwarded' | 'quoted';

export interface Source {
  readonly origin: Origin;
  /** For people: which attachment, which forward. */
  readonly name: string;
  readonly lines: readonly string[];
}

/** A line with which quoted or forwarded mail begins. */
const FORWARD_CUT =
  /^-{2,}\s*(?:forwarded message|weitergeleitete nachricht|message transf[ée]r[ée]|転送(?:された)?メッセージ)\s*-*|^begin forwarded message|^anfang der weitergeleiteten|^début du message (?:transféré|réexpédié)|^-+\s*forwarded by/iu;
const QUOTE_CUT =
  /^-{2,}\s*(?:original message|ursprüngliche nachricht|originalnachricht|message d.origine|message original|元のメッセージ|original appointment)\s*-*/iu;
const WROTE_CUT =
  /^(?:on\s.{5,200}\swrote|am\s.{5,200}\sschrieb.{0,80}|le\s.{5,200}\sa écrit|.{5,100}(?:のメール|が書きました|さんは書きました))\s*:\s*$/iu;
const CUT: readonly (readonly [RegExp, Origin])[] = [
  [FORWARD_CUT, 'forwarded'],
  [QUOTE_CUT, 'quoted'],
  [WROTE_CUT, 'quoted'],
];
const HEADER_FROM = /^(?:from|von|de|expéditeur|差出人)\s*:/iu;
const HEADER_MORE =
  /^(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|送信日時|日時|宛先|件名|cc)\s*:/iu;
/** Below it comes a name, a phone number, a legal notice. */
const SIGNATURE = /^-- ?$/;

export function sourcesOf(message: Json): Source[] {
  const sources: Source[] = [];
  collect(message, 'body', '', sources);
  const rank: readonly Origin[] = ['body', 'attachment', 'forwarded', 'quoted'];
  return sources
    .filter(({ lines }) => lines.some((line) => line !== ''))
    .sort((a, b) => rank.indexOf(a.origin) - rank.indexOf(b.origin));
}

function collect(message: Json, origin: Origin, name: string, sources: Source[]): void {
  if (!isObject(message)) return;
  const subject = textAt(message, 'subject');
  const parts = splitQuotes(normalizeText(textAt(message, 'text')));
  const isForward = /^\s*(?:fwd?|wg|tr|i|転送)\s*[:：]/iu.test(subject);
  for (const [index, part] of parts.entries()) {
    const own = index === 0 ? origin : part.origin === 'quoted' && isForward ? 'forwarded' : part.origin;
    sources.push({ origin: own, name, lines: readable(part.lines) });
  }
  for (const attachment of listAt(message, 'attachments')) {
    const text = textAt(attachment, 'text');
    const fileName = textAt(attachment, 'fileName');
    const lines = normalizeText(text).split('\n');
    if (text !== '') sources.push({ origin: 'attachment', name: fileName, lines: readable(lines) });
  }
  for (const inner of listAt(message, 'forwarded')) collect(inner, 'forwarded', textAt(inner, 'subject'), sources);
}

function readable(lines: readonly string[]): string[] {
  return withSpelling(withTables(lines));
}

export function listAt(object: Json | undefined, name: string): Json[] {
  const value = isObject(object) ? object[name] : undefined;
  return Array.isArray(value) ? value : [];
}

interface Part {
  readonly origin: Origin;
  readonly lines: string[];
  /** It is quoted by a sign before each line, so it ends where the sign does. */
  readonly isMarked: boolean;
}

function splitQuotes(text: string): Part[] {
  const body: Part = { origin: 'body', lines: [], isMarked: false };
  const parts = [body];
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const unquoted = line.replace(/^(?:>\s?)+/, '');
    const isMarked = unquoted !== line;
    const cut = cutOf(unquoted, lines.slice(index + 1, index + 4));
    const current = parts.at(-1) ?? body;
    if (cut !== null) parts.push({ origin: cut, lines: [unquoted], isMarked: isMarkedNext(lines, index) });
    else if (isMarked && current === body) parts.push({ origin: 'quoted', lines: [unquoted], isMarked: true });
    // Whoever answers below the quote goes on here.
    else if (!isMarked && current.isMarked && unquoted !== '') body.lines.push(unquoted);
    else current.lines.push(SIGNATURE.test(unquoted) ? '' : unquoted);
  }
  return parts;
}

function isMarkedNext(lines: readonly string[], index: number): boolean {
  return lines.slice(index, index + 4).some((line) => line.startsWith('>'));
}

function cutOf(line: string, next: readonly string[]): Origin | null {
  const cut = CUT.find(([pattern]) => pattern.test(line));
  if (cut !== undefined) return cut[1];
  const isHeader = HEADER_FROM.test(line) && next.some((other) => HEADER_MORE.test(other.replace(/^(?:>\s?)+/, '')));
  return isHeader ? 'quoted' : null;
}
