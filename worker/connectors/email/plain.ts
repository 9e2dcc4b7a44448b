// A message as a plain text file: loose headers on the first lines, several on one line too, then the body.
// Also: which encoding a file of text is in.

import type { Message } from './message.ts';

type Field = 'subject' | 'from' | 'to' | 'cc' | 'date' | 'attachments' | 'other';

/** Words that begin a header, in the languages in which mail programs print them. */
const FIELD_WORDS: Readonly<Record<Field, readonly string[]>> = {
  subject: ['Subject', 'Betreff', 'Objet', 'Asunto', 'Oggetto', '件名'],
  from: ['From', 'Von', 'De', 'Expéditeur', 'Da', '差出人', '送信者'],
  to: ['To', 'An', 'À', 'Para', 'A', '宛先'],
  cc: ['Cc', 'Kopie', 'Copie'],
  date: ['Date', 'Datum', 'Sent', 'Gesendet', 'Envoyé', 'Fecha', '日時', '送信日時', '日付'],
  attachments: [
    'Attachments',
    'Attachment',
    'Anhang',
    'Anlagen',
    'Pièces jointes',
    'Pièce jointe',
    '添付ファイル',
    '添付',
  ],
  other: ['Reply-To', 'Message-ID', 'Importance', 'Priority', 'X-Priority', 'Bcc', 'Sender', 'Return-Path'],
};

const FIELD_OF = new Map<string, Field>(
  (Object.keys(FIELD_WORDS) as Field[]).flatMap((field) =>
    FIELD_WORDS[field].map((word): [string, Field] => [word.toLowerCase(), field]),
  ),
);
const WORDS = [...FIELD_OF.keys()].sort((a, b) => b.length - a.length).join('|');
const AT_START = new RegExp(`^(${WORDS})\\s*[:：]\\s*`, 'iu');
const WITHIN = new RegExp(`\\s(${WORDS})[:：]\\s*`, 'giu');

export interface PlainMessage extends Omit<Message, 'attachments' | 'forwarded'> {
  /** As the header names them. */
  readonly attachmentNames: readonly string[];
}

export function parsePlain(content: string): PlainMessage {
  const lines = content.replace(/\r\n?/g, '\n').split('\n');
  const fields = new Map<Field, string>();
  let at = 0;
  while (at < lines.length && (lines[at] ?? '').trim() === '') at += 1;
  for (; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (!AT_START.test(line)) break;
    for (const { field, value } of splitHeaders(line)) if (!fields.has(field)) fields.set(field, value);
  }
  // A text without any header is all body.
  const text = lines.slice(at).join('\n').trim();
  return {
    subject: fields.get('subject') ?? '',
    from: fields.get('from') ?? '',
    to: listOf(fields.get('to')),
    cc: listOf(fields.get('cc')),
    date: fields.get('date') ?? null,
    messageId: null,
    text,
    textFrom: text === '' ? 'none' : 'text',
    attachmentNames: listOf(fields.get('attachments')),
  };
}

interface Header {
  readonly field: Field;
  readonly value: string;
}

/** `From: a@x To: b@y Date: ...` is three headers. A subject keeps what looks like one, unless an address follows `From:`. */
function splitHeaders(line: string): Header[] {
  const starts: { field: Field; from: number; valueFrom: number }[] = [];
  const first = AT_START.exec(line);
  if (first === null) return [];
  starts.push({ field: fieldOf(first[1]), from: 0, valueFrom: first[0].length });
  for (const match of line.matchAll(WITHIN)) {
    const valueFrom = match.index + match[0].length;
    const isAfterSubject = starts.at(-1)?.field === 'subject';
    if (match.index < first[0].length - 1) continue;
    if (isAfterSubject && !/^\s*("[^"]*"|[^@:]{0,60})?<?[^\s@]+@/.test(line.slice(valueFrom))) continue;
    starts.push({ field: fieldOf(match[1]), from: match.index, valueFrom });
  }
  return starts.map(({ field, valueFrom }, index) => ({
    field,
    value: line.slice(valueFrom, starts[index + 1]?.from ?? line.length).trim(),
  }));
}

function fieldOf(word: string | undefined): Field {
  return FIELD_OF.get((word ?? '').toLowerCase()) ?? 'other';
}

function listOf(value: string | undefined): string[] {
  return (value ?? '')
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Does it begin as messages do that went through a mail server? */
export function looksLikeMime(content: string): boolean {
  const head = content.slice(0, 16_384).split(/\r?\n\r?\n/)[0] ?? '';
  return /^(MIME-Version|Content-Type|Received|Return-Path|Message-ID|DKIM-Signature):/im.test(head);
}

/** UTF-8 or UTF-16 by its mark; else UTF-8 if it is that; else what old mail programs of Japan and of the West wrote. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  for (const encoding of ['utf-8', 'shift_jis']) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      // Any two Latin letters with accents may be a character in Shift_JIS: Japanese text holds kana.
      if (encoding === 'utf-8' || /[\u3041-\u30fe]{2}/.test(text)) return text;
    } catch {
      // Not in this one.
    }
  }
  return restoreWestern(new TextDecoder('windows-1252').decode(bytes));
}

/** What Windows-1252 has at 0x80 to 0x9f; blanks where it has nothing. */
const WESTERN = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/** Decoders of some versions of Node leave these bytes as control characters, which no mail means: the sign of the euro would be lost. */
export function restoreWestern(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, (sign) => WESTERN[sign.charCodeAt(0) - 0x80] ?? ' ');
}
