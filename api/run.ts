// The API as a running service: keys and certificate made ready, the application listening, the endpoint told.
//
// R1  beyond loopback only over TLS, unless the operator says otherwise aloud.
// R2  it keeps nothing: several may run side by side on one store, and any of them may die at any time.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import type { Clock, Random } from '../kernel/ports.ts';
import { admitNow } from '../manifests/admit.ts';
import type { Log } from '../runtime/log.ts';
import type { Endpoint, Keys, Store } from '../store/store.ts';
import { createApp } from './app.ts';
import { createAuthenticator, issuerTokens, ownTokens } from './auth.ts';
import { type Certified, serverCertificate } from './certificate.ts';
import { KeyRing } from './keys.ts';
import { isLoopback, listen, type Listening } from './server.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Another port when that one is taken. */
  readonly isPortOptional?: boolean;
  /** Plain http beyond loopback. */
  readonly isInsecureHttp?: boolean;
  /** A certificate of the operator's; default: one of the engine's own authority. */
  readonly certificate?: Certified;
  /** Tokens of an issuer, besides the engine's own. */
  readonly issuer?: { readonly jwks: JSONWebKeySet | URL; readonly issuer: string; readonly audience: string };
  readonly isDebug?: boolean;
  readonly onListening: (endpoint: Endpoint) => void;
}

const GRACE_MS = 5_000;
const ANNOUNCE_MS = 2_000;

/** Serves until the signal is aborted. Rejects when it cannot listen. */
export async function runApi(options: ApiOptions, stop: AbortSignal): Promise<void> {
  const { keys, clock, random, log } = options;
  const host = options.host ?? '127.0.0.1';
  const ring = new KeyRing({ keys, clock, random });
  await ring.signingKey();
  const servesPlain = isLoopback(host) || options.isInsecureHttp === true;
  const certificate = options.certificate ?? (await serverCertificate({ keys, clock, random }, namesOf(host)));
  const own = ownTokens(ring, clock);
  const foreign = options.issuer === undefined ? null : issuerTokens(options.issuer, clock);
  const app = createApp({
    store: options.store,
    auth: createAuthenticator(clock, async (token) =>
      own(token).catch((error: unknown) => foreign?.(token) ?? Promise.reject(error)),
    ),
    random,
    log,
    version: options.version,
    isDebug: options.isDebug === true,
    stop,
  });
  const server = await listenSomewhere(options, host, { certificate, servesPlain, handler: handlerOf(app.callback()) });
  const endpoint = endpointOf(server, servesPlain);
  const before = await keys.endpoint();
  await keys.setEndpoint(endpoint);
  options.onListening(endpoint);
  setImmediate(warmUp);
  await keepAnnounced(options, endpoint, stop);
  await keys.clearEndpoint(process.pid);
  // Another one that answered before this one came, and still does, is found again.
  if (before !== null && isAlive(before.pid) && (await keys.endpoint()) === null) await keys.setEndpoint(before);
  await server.close(GRACE_MS);
}

/** Until the end: of several processes one may be killed that was announced last, or somebody removes the announcement. */
async function keepAnnounced({ keys, clock, log }: ApiOptions, own: Endpoint, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await pause(clock, ANNOUNCE_MS, stop);
    try {
      const now = stop.aborted ? own : await keys.endpoint();
      if (now === null || (now.pid !== own.pid && !isAlive(now.pid))) await keys.setEndpoint(own);
    } catch (error) {
      log.warn('where the API listens could not be looked at', { error: String(error) });
    }
  }
}

function pause(clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      stop.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    stop.addEventListener('abort', done, { once: true });
    if (stop.aborted) done();
  });
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && pid !== process.pid && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Loads what the first manifest would otherwise wait for: the parser and the compiled schemas. */
function warmUp(): void {
  const text =
    'apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata: {name: warm}\nspec: {tasks: [{id: A, command: "true"}]}\n';
  admitNow({ name: 'warm', text });
}

/** Koa answers every failure itself; its promise says nothing more. */
function handlerOf(callback: (request: IncomingMessage, response: ServerResponse) => Promise<void>): RequestListener {
  return (request, response) => void callback(request, response);
}

/** Where any port will do, that of the process before is tried first: clients that know it find this one, too. */
async function listenSomewhere(
  options: ApiOptions,
  host: string,
  server: Pick<Parameters<typeof listen>[0], 'certificate' | 'servesPlain' | 'handler'>,
): Promise<Listening> {
  const { log, keys } = options;
  const isFree = options.port === 0 || options.isPortOptional === true;
  const before = isFree ? portOf(await keys.endpoint()) : null;
  const port = before ?? options.port;
  try {
    return await listen({ ...server, host, port, log });
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!isTaken || !isFree) throw error;
    if (before === null) log.warn('the port is taken; another one is used', { port });
    return listen({ ...server, host, port: 0, log });
  }
}

function portOf(endpoint: Endpoint | null): number | null {
  const url = endpoint?.tlsUrl ?? endpoint?.url ?? null;
  const port = url === null || !URL.canParse(url) ? 0 : Number(new URL(url).port);
  return port > 0 ? port : null;
}

/** Names for the certificate besides loopback; an address that means "all" is none. */
function namesOf(host: string): string[] {
  return host === '0.0.0.0' || host === '::' ? [] : [host];
}

function endpointOf({ host, port }: Listening, servesPlain: boolean): Endpoint {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const shown = reachable.includes(':') ? `[${reachable}]` : reachable;
  return { url: servesPlain ? `http://${shown}:${port}` : null, tlsUrl: `https://${shown}:${port}`, pid: process.pid };
}
