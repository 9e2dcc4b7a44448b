// `file`: read, write and list files below a root (the working directory unless the input names another).
// Does not own: how a file is written whole and what lies below a root (files.ts).

import { resolve } from 'node:path';
import type { Json } from '../../kernel/json.ts';
import { type Action, type ActionContext, action, Connector, invalidInput } from './connector.ts';
import { below, listFiles, readBytes, writeAtomically } from './files.ts';

const PATHS = {
  path: { type: 'string', minLength: 1, maxLength: 4096, description: 'Relative to the root.' },
  root: { type: 'string', minLength: 1, maxLength: 4096, description: 'Default: the working directory of the task.' },
} as const;

const READ_LIMIT_BYTES = 16 * 1024 * 1024;
const LIST_LIMIT = 10_000;

interface Place {
  readonly path: string;
  readonly root?: string;
}

interface Write extends Place {
  readonly text?: string;
  readonly base64?: string;
  readonly json?: Json;
}

export class FileConnector extends Connector {
  override readonly actions: Readonly<Record<string, Action>> = {
    read: action<Place & { readonly as?: 'text' | 'json' | 'base64'; readonly maxBytes?: number }>({
      description: 'The content of a file as text, JSON or base64.',
      input: {
        type: 'object',
        properties: {
          ...PATHS,
          as: { enum: ['text', 'json', 'base64'], default: 'text' },
          maxBytes: { type: 'integer', minimum: 0, maximum: READ_LIMIT_BYTES },
        },
        required: ['path'],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { path: { type: 'string' }, sizeBytes: { type: 'integer' }, content: {} },
        required: ['path', 'sizeBytes', 'content'],
      },
      async run({ as = 'text', maxBytes = READ_LIMIT_BYTES, ...place }, context) {
        const bytes = await readBytes(await resolvePlace(place, context), maxBytes);
        const content = as === 'base64' ? bytes.toString('base64') : parse(bytes, as, place.path);
        return { path: place.path, sizeBytes: bytes.length, content };
      },
    }),

    write: action<Write>({
      description: 'Replaces a file as a whole, or makes it; nobody sees half of it.',
      input: {
        type: 'object',
        properties: { ...PATHS, text: { type: 'string' }, base64: { type: 'string' }, json: {} },
        required: ['path'],
        oneOf: [{ required: ['text'] }, { required: ['base64'] }, { required: ['json'] }],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { path: { type: 'string' }, sizeBytes: { type: 'integer' } },
        required: ['path', 'sizeBytes'],
      },
      async run(input, context) {
        const bytes = bytesOf(input);
        await writeAtomically(await resolvePlace(input, context), bytes);
        return { path: input.path, sizeBytes: bytes.length };
      },
    }),

    list: action<Partial<Place> & { readonly recursive?: boolean }>({
      description: 'The regular files of a directory, sorted by path.',
      input: {
        type: 'object',
        properties: { ...PATHS, recursive: { type: 'boolean', default: false } },
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: {
          files: {
            type: 'array',
            items: {
              type: 'object',
              properties: {
                path: { type: 'string' },
                sizeBytes: { type: 'integer' },
                modifiedTime: { type: 'string' },
              },
            },
          },
        },
        required: ['files'],
      },
      async run({ path = '.', root, recursive = false }, context) {
        const directory = await resolvePlace(root === undefined ? { path } : { path, root }, context);
        const files = await listFiles(directory, recursive, LIST_LIMIT);
        return {
          files: files.map((file) => ({
            path: file.path,
            sizeBytes: file.sizeBytes,
            modifiedTime: file.modifiedAt.toISOString(),
          })),
        };
      },
    }),
  };
}

function resolvePlace({ path, root }: Place, context: ActionContext): Promise<string> {
  return below(resolve(context.workingDir, root ?? '.'), path);
}

function parse(bytes: Buffer, as: 'text' | 'json', path: string): Json {
  const text = bytes.toString();
  if (as === 'text') return text;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw invalidInput(`${path}: expected JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function bytesOf({ text, base64, json }: Write): Buffer {
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return Buffer.from(`${JSON.stringify(json, null, 2)}\n`);
}
