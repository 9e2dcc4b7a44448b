// Where the API listens: one port for http and https, told apart by the first byte of a connection, with limits on everything
// that a client could hold on to.
//
// L1  a connection that sends nothing, drips its headers or its body, or asks too often is ended.
// L2  beyond loopback only over TLS, unless the operator said otherwise aloud.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, BlockList, createServer as createSocketServer, isIP, type Socket } from 'node:net';
import type { Log } from '../runtime/log.ts';
import type { Certified } from './certificate.ts';

export interface ServerLimits {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly checkEveryMs: number;
  /** Nothing comes and nothing goes: a client that does not read its answer. Streams see to themselves. */
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxRequestsPerConnection: number;
}

export const LIMITS: ServerLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  checkEveryMs: 1_000,
  idleTimeoutMs: 120_000,
  maxConnections: 2_048,
  maxRequestsPerConnection: 10_000,
};

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_HEADERS = 64;
const KEEP_ALIVE_MS = 60_000;
/** The first byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Null: no TLS. */
  readonly certificate: Certified | null;
  /** Answer requests in plain http. */
  readonly servesPlain: boolean;
  readonly handler: RequestListener;
  readonly log: Log;
  readonly limits?: ServerLimits;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Takes no new connection, ends idle ones, and resolves once the others are done or `graceMs` is over. */
  close(graceMs: number): Promise<void>;
}

export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === 'localhost';
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8, 'ipv4');
  loopback.addAddress('::1', 'ipv6');
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

export async function listen(options: ListenOptions): Promise<Listening> {
  const limits = options.limits ?? LIMITS;
  const plain = options.servesPlain ? limited(createServer(httpOptions(limits), options.handler), limits) : null;
  const secure = options.certificate === null ? null : secureServer(options.certificate, options.handler, limits);
  const sockets = new Set<Socket>();
  const front = createSocketServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    sort(socket, plain, secure, limits);
  });
  front.maxConnections = limits.maxConnections;
  front.on('drop', () => options.log.warn('connection refused: too many are open', { limit: limits.maxConnections }));
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen(options.port, options.host, () => {
      front.off('error', reject);
      resolve();
    });
  });
  const { port } = front.address() as AddressInfo;
  return {
    host: options.host,
    port,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      for (const server of [plain, secure]) server?.closeIdleConnections();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
      for (const server of [plain, secure]) server?.emit('close');
    },
  };
}

/** Hands a connection to the server that speaks its protocol, once it has said anything. */
function sort(socket: Socket, plain: Server | null, secure: TlsServer | null, limits: ServerLimits): void {
  const tooLate = (): void => void socket.destroy();
  socket.setTimeout(limits.headersTimeoutMs, tooLate);
  socket.on('error', tooLate);
  // Read and put back, never paused: a TLS socket takes over what stands in the buffer only from a stream that was not stopped.
  socket.once('readable', () => {
    const chunk = socket.read() as Buffer | null;
    socket.setTimeout(0);
    socket.off('timeout', tooLate);
    socket.off('error', tooLate);
    if (chunk === null) return void socket.destroy();
    const isTls = chunk[0] === TLS_HANDSHAKE;
    const target = isTls ? secure : plain;
    if (target === null) return refuse(socket, isTls);
    socket.unshift(chunk);
    target.emit('connection', socket);
  });
}

/** The wrong protocol: said in words where the client can read them. */
function refuse(socket: Socket, isTls: boolean): void {
  socket.on('error', () => undefined);
  if (isTls) return void socket.destroy();
  const message = 'this port speaks https only\n';
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${message.length}\r\nConnection: close\r\n\r\n${message}`,
  );
}

function httpOptions(limits: ServerLimits) {
  return {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
    // CL beside TE, obsolete line folding and other ways to smuggle are refused by the parser.
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
}

function secureServer(certificate: Certified, handler: RequestListener, limits: ServerLimits): TlsServer {
  const tls = { ...certificate, minVersion: 'TLSv1.2' as const, handshakeTimeout: limits.headersTimeoutMs };
  const server = createTlsServer({ ...httpOptions(limits), ...tls }, handler);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return limited(server, limits);
}

function limited<T extends Server | TlsServer>(server: T, limits: ServerLimits): T {
  server.maxHeadersCount = MAX_HEADERS;
  server.timeout = limits.idleTimeoutMs;
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const line = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : line;
    socket.end(`HTTP/1.1 ${late}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  // It never listens itself, but this is what makes it look after its connections' timeouts.
  server.emit('listening');
  return server;
}
