// Requests to an API: one JSON answer, or lines that go on; and what its errors are on this side.
//
// H1  an error is the same for a verb whether it came from the store on disk or through the API.

import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import { AdmissionError, type Problem, StoreError, type StoreErrorCode } from '../../kernel/errors.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import { Failure } from '../failure.ts';

export interface Server {
  readonly url: URL;
  readonly token: string;
  /** PEM of the authority, for https. */
  readonly authority: string | undefined;
}

export interface Call {
  readonly body?: string;
  readonly type?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Buffer;
}

const TIMEOUT_MS = 30_000;

export class Client {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** The JSON of a good answer; throws what the Status of any other says. */
  async json(method: string, path: string, call: Call = {}): Promise<JsonObject> {
    const { bytes } = await this.bytes(method, path, call);
    const value = JSON.parse(bytes.toString()) as Json;
    return isObject(value) ? value : {};
  }

  async bytes(method: string, path: string, call: Call = {}): Promise<Reply> {
    const response = await this.#open(method, path, call);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(Buffer.from(chunk as Buffer));
    const code = response.statusCode ?? 0;
    const bytes = Buffer.concat(chunks);
    if (code < 200 || code > 299) throw errorOf(code, bytes.toString(), this.#server.url);
    return { code, headers: response.headers, bytes };
  }

  /** JSON values, one a line, until the stream ends or the signal is aborted. */
  async *lines(path: string, signal: AbortSignal): AsyncGenerator<JsonObject> {
    if (signal.aborted) return;
    const response = await this.#open('GET', path, { signal });
    let rest = '';
    try {
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as JsonObject;
      }
    } catch (error) {
      if (!signal.aborted) throw this.#unreachable(error);
    }
  }

  #open(method: string, path: string, { body, type, headers, signal }: Call): Promise<IncomingMessage> {
    const { url, token, authority } = this.#server;
    const target = new URL(url.pathname.replace(/\/$/, '') + path, url);
    const sent = {
      Authorization: `Bearer ${token}`,
      Accept: 'application/json, */*',
      'User-Agent': 'oarlock',
      ...(body === undefined
        ? {}
        : { 'Content-Type': type ?? 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      ...headers,
    };
    const options = { method, headers: sent, ...(signal === undefined ? {} : { signal }) };
    return new Promise((resolve, reject) => {
      const request =
        target.protocol === 'https:'
          ? secureRequest(target, { ...options, ...(authority === undefined ? {} : { ca: authority }) }, resolve)
          : plainRequest(target, options, resolve);
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
      request.on('response', () => clearTimeout(timer));
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(this.#unreachable(error));
      });
      request.end(body);
    });
  }

  #unreachable(error: unknown): Failure {
    const message = error instanceof Error ? error.message || String(error.name) : String(error);
    const isUntrusted = /certificate|self.signed/i.test(message);
    const hint = isUntrusted ? 'name its authority with --ca; `state/keys/ca.pem` on the server is it' : undefined;
    return new Failure(1, `cannot reach ${this.#server.url.origin}: ${message}`, hint);
  }
}

// --- errors --------------------------------------------------------------------------------------

const STORE_CODES: ReadonlyMap<string, StoreErrorCode> = new Map([
  ['NotFound', 'NotFound'],
  ['AlreadyExists', 'AlreadyExists'],
  ['Conflict', 'Conflict'],
  ['Expired', 'Expired'],
  ['ServiceUnavailable', 'Unavailable'],
  ['TooManyRequests', 'Unavailable'],
  ['InsufficientStorage', 'NoSpace'],
]);

const REASONS: ReadonlyMap<string, Problem['reason']> = new Map([
  ['FieldValueRequired', 'Required'],
  ['FieldValueNotFound', 'NotFound'],
  ['FieldValueDuplicate', 'Duplicate'],
  ['FieldValueNotSupported', 'NotSupported'],
  ['FieldValueForbidden', 'Forbidden'],
  ['FieldValueTypeInvalid', 'TypeInvalid'],
]);

export function errorOf(code: number, text: string, url: URL): Error {
  const status = parse(text);
  const reason = textAt(status, 'reason');
  const message = textAt(status, 'message') || `${url.origin} answered ${code}`;
  if (code === 401)
    return new Failure(1, `${url.origin} does not accept the token`, '`oarlock token create` makes one');
  const details = isObject(status) ? status['details'] : undefined;
  const ref = `${textAt(details, 'kind')}/${textAt(details, 'name')}`;
  if (reason === 'Invalid' || reason === 'BadRequest') return new AdmissionError(ref, problemsOf(details, message));
  const storeCode = STORE_CODES.get(reason);
  return storeCode === undefined ? new Failure(1, message) : new StoreError(storeCode, ref, message);
}

function problemsOf(details: Json | undefined, message: string): Problem[] {
  const causes = isObject(details) ? details['causes'] : undefined;
  if (!Array.isArray(causes) || causes.length === 0) return [{ path: '', message, reason: 'Invalid' }];
  return causes.map((cause) => ({
    path: textAt(cause, 'field'),
    message: textAt(cause, 'message'),
    reason: REASONS.get(textAt(cause, 'reason')) ?? 'Invalid',
  }));
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
