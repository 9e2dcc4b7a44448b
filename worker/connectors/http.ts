// `http`: one request, and what came back. A status that was not expected is an error; whether another attempt can help goes by the
// status. What changes something carries the node's key as Idempotency-Key, the same for every attempt.

import type { Json } from '../../kernel/json.ts';
import { type Action, type ActionContext, action, Connector, ConnectorError, invalidInput } from './connector.ts';

interface Request {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly json?: Json;
  readonly body?: string;
  readonly timeoutSeconds?: number;
  readonly maxBytes?: number;
  readonly expect?: readonly number[];
}

const LIMIT_BYTES = 16 * 1024 * 1024;
const DEFAULT_LIMIT_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_SECONDS = 30;
const MS = 1000;
/** How much of an unwelcome answer the error shows. */
const SHOWN = 300;
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
/** Besides 5xx: too early, too many, too slow. */
const PASSING_STATUS: readonly number[] = [408, 425, 429];

export class HttpConnector extends Connector {
  override readonly actions: Readonly<Record<string, Action>> = {
    request: action<Request>({
      description: 'Sends one HTTP request.',
      input: {
        type: 'object',
        properties: {
          url: { type: 'string', maxLength: 65_536 },
          method: { enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
          headers: { type: 'object', additionalProperties: { type: 'string' } },
          query: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
          json: { description: 'Sent as JSON.' },
          body: { type: 'string', description: 'Sent as it is.' },
          timeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 3600, default: DEFAULT_TIMEOUT_SECONDS },
          maxBytes: { type: 'integer', minimum: 0, maximum: LIMIT_BYTES, default: DEFAULT_LIMIT_BYTES },
          expect: {
            type: 'array',
            items: { type: 'integer', minimum: 100, maximum: 599 },
            description: 'Statuses that are no error. Default: 200 to 299.',
          },
        },
        required: ['url'],
        not: { required: ['json', 'body'] },
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: {
          status: { type: 'integer' },
          headers: { type: 'object' },
          json: { description: 'The body, when it is JSON by its content type.' },
          text: { type: 'string', description: 'The body, when it is not.' },
        },
        required: ['status', 'headers'],
      },
      run: send,
    }),
  };
}

async function send(request: Request, context: ActionContext): Promise<Json> {
  const url = urlOf(request);
  const method = request.method ?? (request.json === undefined && request.body === undefined ? 'GET' : 'POST');
  const seconds = request.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const timeout = AbortSignal.timeout(seconds * MS);
  const label = `${method} ${url.origin}${url.pathname}`;
  try {
    const response = await fetch(url, {
      method,
      headers: headersOf(request, method, context.key),
      body: request.json === undefined ? (request.body ?? null) : JSON.stringify(request.json),
      signal: AbortSignal.any([timeout, context.signal]),
    });
    const bytes = await readBody(response, request.maxBytes ?? DEFAULT_LIMIT_BYTES, label);
    context.log(`${label}: ${response.status}, ${bytes.length} bytes`);
    const isExpected = request.expect === undefined ? response.ok : request.expect.includes(response.status);
    if (!isExpected) throw statusError(label, response.status, bytes);
    return { status: response.status, headers: Object.fromEntries(response.headers), ...contentOf(response, bytes) };
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    if (timeout.aborted) throw new ConnectorError('HttpTimeout', `${label}: no full answer within ${seconds} s`);
    if (context.signal.aborted) throw error;
    throw unreachable(label, error);
  }
}

function urlOf({ url: text, query }: Request): URL {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text))
    throw invalidInput(`url: expected http://... or https://..., found "${text.slice(0, SHOWN)}"`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    throw invalidInput('url: expected no user and password; put them into an Authorization header');
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value));
  return url;
}

function headersOf(request: Request, method: string, key: string): Headers {
  try {
    const headers = new Headers({ ...request.headers });
    if (request.json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
    if (!SAFE_METHODS.includes(method) && !headers.has('idempotency-key')) headers.set('idempotency-key', key);
    return headers;
  } catch (error) {
    throw invalidInput(`headers: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readBody(response: Response, limit: number, label: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > limit)
      throw new ConnectorError('HttpTooLarge', `${label}: expected at most ${limit} bytes in the answer`, 'permanent');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function contentOf(response: Response, bytes: Buffer): { json: Json } | { text: string } {
  const text = bytes.toString();
  if (!/\bjson\b/i.test(response.headers.get('content-type') ?? '') || text === '') return { text };
  try {
    return { json: JSON.parse(text) as Json };
  } catch {
    return { text };
  }
}

function statusError(label: string, status: number, bytes: Buffer): ConnectorError {
  const shown = bytes.toString().replace(/\s+/g, ' ').trim().slice(0, SHOWN);
  const lasting = status >= 500 || PASSING_STATUS.includes(status) ? 'passing' : 'permanent';
  return new ConnectorError('HttpStatus', `${label}: status ${status}${shown === '' ? '' : `: ${shown}`}`, lasting);
}

function unreachable(label: string, error: unknown): ConnectorError {
  // fetch hides what happened (ECONNREFUSED, a bad certificate) in the cause.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const text = cause instanceof Error && cause.message !== '' ? cause.message : code;
  return new ConnectorError('HttpUnreachable', `${label}: ${text}`, 'passing', { cause: error });
}
