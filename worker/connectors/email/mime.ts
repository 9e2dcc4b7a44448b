// A message in MIME (.eml): encodings, alternatives, attachments, and messages inside the message. The only door to postal-mime.

import PostalMime, { type Address, type Email } from 'postal-mime';
import { htmlToText } from './html-text.ts';
import type { Attachment, Message } from './message.ts';
import { pdfToText } from './pdf-text.ts';
import { decodeText, restoreWestern } from './plain.ts';

const DEPTH_LIMIT = 10;
/** Of text taken from one attachment. */
const TEXT_LIMIT = 1024 * 1024;

export async function parseMime(bytes: Uint8Array, depth = 0): Promise<Message> {
  const email = await PostalMime.parse(bytes, { forceRfc822Attachments: true, attachmentEncoding: 'arraybuffer' });
  const attachments: Attachment[] = [];
  const forwarded: Message[] = [];
  for (const part of email.attachments) {
    const content = typeof part.content === 'string' ? Buffer.from(part.content) : new Uint8Array(part.content);
    if (part.mimeType === 'message/rfc822' && depth < DEPTH_LIMIT) forwarded.push(await parseMime(content, depth + 1));
    else attachments.push(await readAttachment(part.filename ?? '', part.mimeType, content));
  }
  return {
    subject: restoreWestern(email.subject ?? ''),
    from: addressText(email.from),
    to: addressList(email.to),
    cc: addressList(email.cc),
    date: dateHeader(email),
    messageId: email.messageId ?? null,
    ...bodyOf(email),
    attachments,
    forwarded,
  };
}

/** The text, and of what it is; a text part that says nothing gives way to the HTML. */
function bodyOf(email: Email): Pick<Message, 'text' | 'textFrom'> {
  const text = restoreWestern(email.text ?? '');
  const html = restoreWestern(email.html ?? '');
  const fromHtml = html.trim() === '' ? '' : htmlToText(html);
  if (text.trim() === '' && fromHtml.trim() === '') return { text: '', textFrom: 'none' };
  // "This mail needs an HTML viewer" is no order.
  const isShorter = text.trim().length * 4 < fromHtml.trim().length && fromHtml.trim().length > 200;
  const isStub = isShorter || (!/\d/.test(text) && /\d/.test(fromHtml));
  return text.trim() === '' || isStub ? { text: fromHtml, textFrom: 'html' } : { text, textFrom: 'text' };
}

export async function readAttachment(fileName: string, contentType: string, bytes: Uint8Array): Promise<Attachment> {
  const seen = { fileName, contentType, sizeBytes: bytes.length };
  try {
    const text = await attachmentText(fileName, contentType, bytes);
    return text === null ? seen : { ...seen, text: text.slice(0, TEXT_LIMIT) };
  } catch (error) {
    return { ...seen, problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function attachmentText(fileName: string, contentType: string, bytes: Uint8Array): Promise<string | null> {
  if (
    contentType === 'application/pdf' ||
    /\.pdf$/i.test(fileName) ||
    Buffer.from(bytes.subarray(0, 5)).toString() === '%PDF-'
  )
    return pdfToText(bytes);
  if (contentType === 'text/html') return htmlToText(decodeText(bytes));
  return contentType.startsWith('text/') || /\.(txt|csv)$/i.test(fileName) ? decodeText(bytes) : null;
}

function addressText(address: Address | undefined): string {
  if (address === undefined) return '';
  const mail = address.address ?? '';
  const name = restoreWestern(address.name);
  return name === '' || name === mail ? mail : mail === '' ? name : `${name} <${mail}>`;
}

function addressList(addresses: readonly Address[] | undefined): string[] {
  return (addresses ?? []).map(addressText).filter((text) => text !== '');
}

function dateHeader({ headers }: Email): string | null {
  return headers.find(({ key }) => key === 'date')?.value ?? null;
}
