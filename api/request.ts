// What a request brings: its query and its body, read within limits, each with an error that says what was expected.
//
// Q1  a body is counted in raw bytes before anything looks at it; compressed ones are refused.
// Q2  a query parameter that nobody knows is refused: a misspelt selector must not mean "all".

import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { ApiError, badRequest, tryAgain } from './problem.ts';

export const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
/** Bodies that are being read at the same time, all together. */
const BODIES_LIMIT_BYTES = 64 * 1024 * 1024;

export type MediaType = 'json' | 'yaml' | 'merge-patch' | 'json-patch' | 'apply-patch' | 'protobuf';

const MEDIA_TYPES: ReadonlyMap<string, MediaType> = new Map([
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/x-yaml', 'yaml'],
  ['text/yaml', 'yaml'],
  ['text/x-yaml', 'yaml'],
  ['application/merge-patch+json', 'merge-patch'],
  ['application/strategic-merge-patch+json', 'merge-patch'],
  ['application/json-patch+json', 'json-patch'],
  ['application/apply-patch+yaml', 'apply-patch'],
  ['application/vnd.kubernetes.protobuf', 'protobuf'],
]);

export interface Body {
  /** Null when the client did not say. */
  readonly type: MediaType | null;
  readonly bytes: Buffer;
}

/** Counts what is being read, over all requests of one app. */
export class BodyReader {
  #open = 0;

  async read(ctx: Context, allowed: readonly MediaType[], limitBytes = BODY_LIMIT_BYTES): Promise<Body> {
    const type = mediaTypeOf(ctx, allowed);
    const encoding = ctx.get('Content-Encoding').toLowerCase();
    if (encoding !== '' && encoding !== 'identity') {
      throw new ApiError('UnsupportedMediaType', `Content-Encoding: expected none, found ${JSON.stringify(encoding)}`);
    }
    if (Number(ctx.get('Content-Length') || 0) > limitBytes) throw tooLarge(limitBytes);
    return { type, bytes: await this.#collect(ctx.req, limitBytes) };
  }

  #collect(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    return new Promise<Buffer>((resolve, reject) => {
      // The answer still has to go out on this connection, so the request is left alone, not destroyed.
      const refuse = (error: ApiError): void => {
        request.off('data', take);
        request.resume();
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        size += chunk.length;
        this.#open += chunk.length;
        chunks.push(chunk);
        if (size > limitBytes) refuse(tooLarge(limitBytes));
        else if (this.#open > BODIES_LIMIT_BYTES) {
          refuse(tryAgain('TooManyRequests', 'too many large requests at once'));
        }
      };
      request.on('data', take);
      request.once('end', () => resolve(Buffer.concat(chunks)));
      // The client went away, or the server ended a request that took too long: nobody reads the answer.
      const cutOff = (): void => reject(badRequest('body: ended before it was complete'));
      request.once('error', cutOff);
      request.once('close', cutOff);
    }).finally(() => {
      this.#open -= size;
    });
  }
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `body: expected at most ${limitBytes} bytes, found more`, {
    headers: { Connection: 'close' },
  });
}

function mediaTypeOf(ctx: Context, allowed: readonly MediaType[]): MediaType | null {
  const header = ctx.get('Content-Type');
  if (header === '') return null;
  const [name = '', ...parameters] = header.toLowerCase().split(';');
  const type = MEDIA_TYPES.get(name.trim());
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)/.exec(parameter)?.[1]).find(Boolean);
  const isUtf8 = charset === undefined || charset === 'utf-8' || charset === 'utf8';
  if (type !== undefined && allowed.includes(type) && isUtf8) return type;
  const names = [...MEDIA_TYPES].filter(([, candidate]) => allowed.includes(candidate)).map(([known]) => known);
  throw new ApiError(
    'UnsupportedMediaType',
    `Content-Type: expected ${names.join(', ')}, found ${JSON.stringify(header)}`,
  );
}

// --- query ---------------------------------------------------------------------------------------

/** What every client of Kubernetes may add to anything. */
const ANYWHERE = ['timeout', 'pretty'];

/** The query as a map; throws for a parameter that is not known, or stands twice. */
export function queryOf(ctx: Context, known: readonly string[]): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(ctx.querystring)) {
    if (!known.includes(name) && !ANYWHERE.includes(name)) {
      throw badRequest(`query parameter ${JSON.stringify(name)}: expected one of ${known.join(', ')}`);
    }
    if (query.has(name)) throw badRequest(`query parameter ${JSON.stringify(name)}: expected once, found twice`);
    query.set(name, value);
  }
  return query;
}

export function wholeNumber(query: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(`query parameter ${JSON.stringify(name)}: expected a whole number, found ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export function flag(query: ReadonlyMap<string, string>, name: string): boolean {
  const text = query.get(name);
  if (text === undefined || text === 'false' || text === '0') return false;
  if (text === '' || text === 'true' || text === '1') return true;
  throw badRequest(`query parameter ${JSON.stringify(name)}: expected true or false, found ${JSON.stringify(text)}`);
}
