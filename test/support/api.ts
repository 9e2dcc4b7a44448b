// The API on a port of its own, over a state directory of its own, and clients for it: what the tests of api/ run against.

import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthenticator, ownTokens } from '../../api/auth.ts';
import { createApp } from '../../api/app.ts';
import { KeyRing } from '../../api/keys.ts';
import { listen, type Listening, type ServerLimits } from '../../api/server.ts';
import { issueToken } from '../../api/tokens.ts';
import type { Json, JsonObject } from '../../kernel/json.ts';
import { createLog } from '../../runtime/log.ts';
import { createRandom } from '../../runtime/random.ts';
import { openKeys, openStore } from '../../store/open.ts';
import type { Keys, Store } from '../../store/store.ts';

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Null when the body is no JSON. */
  readonly body: Json;
}

export interface Sent {
  readonly headers?: { readonly [name: string]: string };
  /** Text and bytes as they are, all else as JSON. */
  readonly body?: unknown;
  readonly type?: string;
  /** Null: none. Default: a good one. */
  readonly token?: string | null;
}

export class ApiWorld {
  readonly root: string;
  readonly store: Store;
  readonly keys: Keys;
  readonly ring: KeyRing;
  readonly server: Listening;
  readonly token: string;
  /** Lines that the API wrote to its log. */
  readonly log: string[];
  readonly #stop: AbortController;

  private constructor(
    parts: Pick<ApiWorld, 'root' | 'store' | 'keys' | 'ring' | 'server' | 'token' | 'log'>,
    stop: AbortController,
  ) {
    this.root = parts.root;
    this.store = parts.store;
    this.keys = parts.keys;
    this.ring = parts.ring;
    this.server = parts.server;
    this.token = parts.token;
    this.log = parts.log;
    this.#stop = stop;
  }

  static async start(options: { limits?: ServerLimits; isDebug?: boolean; root?: string } = {}): Promise<ApiWorld> {
    const root = options.root ?? mkdtempSync(join(tmpdir(), 'oarlock-api-'));
    const store = await openStore(`file:${root}`);
    const keys = await openKeys(`file:${root}`);
    const random = createRandom();
    const { clock } = store;
    const ring = new KeyRing({ keys, clock, random });
    const { token } = await issueToken(ring, clock, random, { subject: 'tester', lifeSeconds: 600 });
    const stop = new AbortController();
    const lines: string[] = [];
    const log = createLog({ level: 'debug', write: (line) => void lines.push(line) });
    const auth = createAuthenticator(clock, ownTokens(ring, clock));
    const isDebug = options.isDebug === true;
    const app = createApp({ store, auth, random, log, version: '0.0.0', isDebug, stop: stop.signal });
    const callback = app.callback();
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      certificate: null,
      servesPlain: true,
      handler: (req, res) => void callback(req, res),
      log,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    return new ApiWorld({ root, store, keys, ring, server, token, log: lines }, stop);
  }

  async send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    const raw = typeof sent.body === 'string' || sent.body instanceof Uint8Array;
    const body = sent.body === undefined ? undefined : raw ? (sent.body as string) : JSON.stringify(sent.body);
    const headers: { [name: string]: string } = { ...sent.headers };
    if (sent.token !== null) headers['Authorization'] ??= `Bearer ${sent.token ?? this.token}`;
    if (sent.type !== undefined) headers['Content-Type'] = sent.type;
    else if (body !== undefined && !raw) headers['Content-Type'] = 'application/json';
    if (body !== undefined) headers['Content-Length'] ??= String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const { port } = this.server;
      const sending = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ code: response.statusCode ?? 0, headers: response.headers, text, body: parse(text) });
        });
      });
      sending.on('error', reject);
      sending.end(body);
    });
  }

  get(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send('GET', path, sent);
  }

  /** A stream of JSON lines; `close` ends it. */
  async watch(path: string, headers: { readonly [name: string]: string } = {}): Promise<Watching> {
    return Watching.open(this.server.port, path, { Authorization: `Bearer ${this.token}`, ...headers });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.server.close(0);
    await this.store.close();
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.root, { recursive: true });
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

export class Watching {
  readonly events: WatchEvent[] = [];
  isEnded = false;
  readonly code: number;
  readonly #close: () => void;
  #wake: () => void = () => undefined;

  private constructor(code: number, close: () => void) {
    this.code = code;
    this.#close = close;
  }

  static open(port: number, path: string, headers: { readonly [name: string]: string }): Promise<Watching> {
    return new Promise((resolve, reject) => {
      const sending = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        const watching = new Watching(response.statusCode ?? 0, () => sending.destroy());
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) watching.events.push(JSON.parse(line) as WatchEvent);
          watching.#wake();
        });
        const end = (): void => {
          watching.isEnded = true;
          watching.#wake();
        };
        response.on('end', end);
        response.on('close', end);
        response.on('error', end);
        resolve(watching);
      });
      sending.on('error', reject);
      sending.end();
    });
  }

  /** Waits until there are so many events, or it ends. */
  async until(isDone: (events: readonly WatchEvent[]) => boolean, deadlineMs = 10_000): Promise<readonly WatchEvent[]> {
    const late = AbortSignal.timeout(deadlineMs);
    while (!isDone(this.events)) {
      if (this.isEnded) throw new Error(`the watch ended after ${JSON.stringify(this.events)}`);
      if (late.aborted) throw new Error(`expected more within ${deadlineMs} ms, found ${JSON.stringify(this.events)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.events;
  }

  count(number: number): Promise<readonly WatchEvent[]> {
    return this.until((events) => events.length >= number);
  }

  async ended(deadlineMs = 10_000): Promise<readonly WatchEvent[]> {
    const late = AbortSignal.timeout(deadlineMs);
    while (!this.isEnded) {
      if (late.aborted) throw new Error('expected the watch to end');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.events;
  }

  close(): void {
    this.#close();
  }
}

// --- objects -------------------------------------------------------------------------------------

export const WORKFLOWS = '/apis/oarlock.dev/v1/workflows';
export const RUNS = '/apis/oarlock.dev/v1/workflowruns';
export const SIGNALS = '/apis/oarlock.dev/v1/signals';

export function workflow(name: string, more: { metadata?: JsonObject; spec?: JsonObject } = {}): JsonObject {
  return {
    apiVersion: 'oarlock.dev/v1',
    kind: 'Workflow',
    metadata: { name, ...more.metadata },
    spec: { tasks: [{ id: 'A', command: 'echo A' }], ...more.spec },
  };
}

export function run(name: string, spec: JsonObject = { workflowRef: { name: 'etl' } }): JsonObject {
  return { apiVersion: 'oarlock.dev/v1', kind: 'WorkflowRun', metadata: { name }, spec };
}

/** A value inside a JSON document, by keys. */
export function at(value: Json | undefined, ...keys: (string | number)[]): Json | undefined {
  let found: Json | undefined = value;
  for (const key of keys) {
    if (Array.isArray(found)) found = found[Number(key)];
    else found = typeof found === 'object' && found !== null ? found[String(key)] : undefined;
  }
  return found;
}
