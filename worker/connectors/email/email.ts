// `email`: reads a message from a file (.txt with loose headers, .eml, or a bare .pdf), and treats a folder as an inbox.
// Does not own: what the parts of a message are made of (plain.ts, mime.ts, html-text.ts, pdf-text.ts).

import { basename, dirname, join, resolve } from 'node:path';
import type { Json } from '../../../kernel/json.ts';
import { type Action, action, Connector, ConnectorError } from '../connector.ts';
import { isFile, listNames, moveInto, readBytes } from '../files.ts';
import { MESSAGE_SCHEMA, type Message } from './message.ts';
import { parseMime, readAttachment } from './mime.ts';
import { decodeText, looksLikeMime, parsePlain } from './plain.ts';

const LIMIT_BYTES = 32 * 1024 * 1024;
const MAIL = /\.(txt|eml|pdf)$/i;
const DONE = 'done';

interface Path {
  readonly path: string;
}

const PATH = { type: 'string', minLength: 1, maxLength: 4096, description: 'Relative to the working directory.' };

export class EmailConnector extends Connector {
  override readonly actions: Readonly<Record<string, Action>> = {
    read: action<Path & { readonly attachments?: readonly string[] }>({
      description: 'Reads one message with its attachments; the text of PDF attachments is extracted.',
      input: {
        type: 'object',
        properties: {
          path: PATH,
          attachments: {
            type: 'array',
            items: PATH,
            maxItems: 100,
            description: 'Files that belong to a .txt message.',
          },
        },
        required: ['path'],
        additionalProperties: false,
      },
      output: MESSAGE_SCHEMA,
      async run({ path, attachments = [] }, context) {
        const file = resolve(context.workingDir, path);
        const own = attachments.map((name) => resolve(context.workingDir, name));
        const message = await readMessage(file, own);
        context.log(`${path}: "${message.subject}", ${message.text.length} characters of text,`, {
          attachments: message.attachments.map(({ fileName }) => fileName),
        });
        return message as unknown as Json;
      },
    }),

    list: action<{ readonly folder: string }>({
      description: 'Messages that wait in a folder, sorted by name.',
      input: { type: 'object', properties: { folder: PATH }, required: ['folder'], additionalProperties: false },
      output: {
        type: 'object',
        properties: { paths: { type: 'array', items: { type: 'string' } } },
        required: ['paths'],
      },
      async run({ folder }, context) {
        const directory = resolve(context.workingDir, folder);
        const paths: string[] = [];
        for (const name of await listNames(directory))
          if (MAIL.test(name) && !name.startsWith('.') && (await isFile(join(directory, name))))
            paths.push(join(folder, name));
        return { paths };
      },
    }),

    markDone: action<Path>({
      description: 'Moves a message into done/ beside it; fine when it is there already.',
      input: { type: 'object', properties: { path: PATH }, required: ['path'], additionalProperties: false },
      output: {
        type: 'object',
        properties: { path: { type: 'string' }, moved: { type: 'boolean' } },
        required: ['path', 'moved'],
      },
      async run({ path }, context) {
        const file = resolve(context.workingDir, path);
        const done = join(dirname(file), DONE);
        const moved = await moveInto(file, done);
        if (!moved && !(await isFile(join(done, basename(file)))))
          throw new ConnectorError(
            'FileNotFound',
            `${path}: no such message, neither here nor in ${DONE}/`,
            'permanent',
          );
        return { path: join(dirname(path), DONE, basename(path)), moved };
      },
    }),
  };
}

async function readMessage(path: string, attachmentPaths: readonly string[]): Promise<Message> {
  const bytes = await readBytes(path, LIMIT_BYTES);
  if (bytes.subarray(0, 5).toString('latin1') === '%PDF-') return pdfMessage(path, bytes);
  const content = decodeText(bytes);
  if (/\.eml$/i.test(path) || looksLikeMime(content)) return parseMime(bytes);
  const { attachmentNames, ...message } = parsePlain(content);
  const beside: string[] = [];
  for (const name of attachmentNames) {
    // A header may name what is beside the message, and nothing else of this machine.
    const place = join(dirname(path), basename(name));
    if (await isFile(place)) beside.push(place);
  }
  const attachments = await Promise.all([...beside, ...attachmentPaths].map(readFileAttachment));
  return { ...message, attachments, forwarded: [] };
}

async function readFileAttachment(path: string): Promise<Message['attachments'][number]> {
  return readAttachment(basename(path), contentTypeOf(path), await readBytes(path, LIMIT_BYTES));
}

async function pdfMessage(path: string, bytes: Uint8Array): Promise<Message> {
  const document = await readAttachment(basename(path), 'application/pdf', bytes);
  if (document.problem !== undefined)
    throw new ConnectorError('PdfUnreadable', `${basename(path)}: ${document.problem}`, 'permanent');
  return {
    subject: '',
    from: '',
    to: [],
    cc: [],
    date: null,
    messageId: null,
    text: document.text ?? '',
    textFrom: 'pdf',
    attachments: [],
    forwarded: [],
  };
}

function contentTypeOf(path: string): string {
  if (/\.pdf$/i.test(path)) return 'application/pdf';
  if (/\.html?$/i.test(path)) return 'text/html';
  return /\.(txt|csv)$/i.test(path) ? 'text/plain' : 'application/octet-stream';
}
