// The connectors `file` and `http`: what stays below a root, and what a status or a silent server means for another attempt.

import * as fs from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../../kernel/json.ts';
import type { ConnectorError } from '../../../../worker/connectors/connector.ts';
import { FileConnector } from '../../../../worker/connectors/file.ts';
import { HttpConnector } from '../../../../worker/connectors/http.ts';
import { act, contextFor } from '../../../support/action-context.ts';

async function failure(promise: Promise<unknown>): Promise<Pick<ConnectorError, 'type' | 'message' | 'lasting'>> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason as ConnectorError,
  );
  if (error === null) throw new Error('expected a failure');
  return { type: error.type, message: error.message, lasting: error.lasting };
}

describe('file', () => {
  const file = new FileConnector();
  let place: string;
  beforeAll(() => {
    place = fs.mkdtempSync(join(tmpdir(), 'oarlock-file-'));
    fs.mkdirSync(join(place, 'root'));
    fs.writeFileSync(join(place, 'outside.txt'), 'outside');
    fs.symlinkSync('..', join(place, 'root', 'up'));
    fs.symlinkSync('/nonexistent/x', join(place, 'root', 'dangling'));
  });
  afterAll(() => fs.rmSync(place, { recursive: true }));

  const perform = (action: string, input: Json): Promise<Json> => act(file, action, input, contextFor(place));

  test('what was written is read back as text, JSON or base64, and listed', async () => {
    await perform('write', { root: 'root', path: 'a/b.json', json: { n: 1 } });
    expect(await perform('read', { root: 'root', path: 'a/b.json', as: 'json' })).toMatchObject({ content: { n: 1 } });
    await perform('write', { root: 'root', path: 'a/c.bin', base64: 'AP8=' });
    expect(await perform('read', { root: 'root', path: 'a/c.bin', as: 'base64' })).toMatchObject({ content: 'AP8=' });
    const { files } = (await perform('list', { root: 'root', recursive: true })) as { files: { path: string }[] };
    expect(files.map(({ path }) => path)).toEqual(['a/b.json', 'a/c.bin']);
    expect(fs.readdirSync(join(place, 'root', 'a')), 'nothing temporary is left').toEqual(['b.json', 'c.bin']);
  });

  test.each(['../outside.txt', 'a/../../outside.txt', '/etc/hostname', 'up/outside.txt', 'dangling', 'a\0b'])(
    'a path that leads out is refused: %j',
    async (path) => {
      for (const [action, more] of [
        ['read', {}],
        ['write', { text: 'x' }],
      ] as const)
        expect(await failure(perform(action, { root: 'root', path, ...more }))).toMatchObject({ type: 'InvalidInput' });
      expect(fs.readFileSync(join(place, 'outside.txt'), 'utf8')).toBe('outside');
    },
  );

  test('what is not there, is no file, is no JSON or is too large says so', async () => {
    expect(await failure(perform('read', { path: 'no.txt' }))).toMatchObject({ type: 'FileNotFound' });
    expect(await failure(perform('read', { path: 'root' }))).toMatchObject({
      message: expect.stringContaining('expected a file'),
    });
    expect(await failure(perform('read', { path: 'outside.txt', as: 'json' }))).toMatchObject({
      message: expect.stringContaining('outside.txt: expected JSON'),
    });
    expect(await failure(perform('read', { path: 'outside.txt', maxBytes: 3 }))).toMatchObject({
      message: expect.stringMatching(/expected at most 3 bytes, found 7$/),
    });
  });
});

describe('http', () => {
  const http = new HttpConnector();
  let server: Server;
  let base: string;
  const seen: { method: string; url: string; key: string | undefined; body: string }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const key = request.headers['idempotency-key'];
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      key: typeof key === 'string' ? key : undefined,
      body,
    });
    const status = Number(/^\/status\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
    if (request.url === '/silent') return;
    response.writeHead(status, { 'content-type': request.url === '/text' ? 'text/plain' : 'application/json' });
    response.end(request.url === '/large' ? 'x'.repeat(5000) : '{"ok":true}');
  }

  const perform = (input: Json): Promise<Json> => act(http, 'request', input, contextFor('/'));

  test('JSON goes out and comes in, with a key that is the same for every attempt', async () => {
    const output = await perform({ url: `${base}/a`, json: { n: 1 }, query: { q: 'x y', n: 2 } });
    expect(output).toMatchObject({ status: 200, json: { ok: true } });
    expect(seen.at(-1)).toEqual({ method: 'POST', url: '/a?q=x+y&n=2', key: 'key-1', body: '{"n":1}' });
  });

  test('a question carries no key, and a text is a text', async () => {
    expect(await perform({ url: `${base}/text` })).toMatchObject({ text: '{"ok":true}' });
    expect(seen.at(-1)).toMatchObject({ method: 'GET', key: undefined });
  });

  test.each([
    [404, 'permanent'],
    [422, 'permanent'],
    [429, 'passing'],
    [503, 'passing'],
  ])('status %i is an error, %s', async (status, lasting) => {
    expect(await failure(perform({ url: `${base}/status/${status}` }))).toEqual({
      type: 'HttpStatus',
      lasting,
      message: `GET ${base}/status/${status}: status ${status}: {"ok":true}`,
    });
  });

  test('a status that is expected is none', async () => {
    expect(await perform({ url: `${base}/status/404`, expect: [404] })).toMatchObject({ status: 404 });
    expect(await failure(perform({ url: `${base}/a`, expect: [201] }))).toMatchObject({ type: 'HttpStatus' });
  });

  test('a server that is silent, away or talks too much', async () => {
    expect(await failure(perform({ url: `${base}/silent`, timeoutSeconds: 0.1 }))).toMatchObject({
      type: 'HttpTimeout',
      lasting: 'passing',
    });
    expect(await failure(perform({ url: 'http://127.0.0.1:1/' }))).toMatchObject({
      type: 'HttpUnreachable',
      lasting: 'passing',
    });
    expect(await failure(perform({ url: `${base}/large`, maxBytes: 100 }))).toMatchObject({ type: 'HttpTooLarge' });
  });

  test.each(['ftp://x/', 'file:///etc/passwd', 'nonsense', 'http://ada:secret@x/'])('%s is refused', async (url) => {
    const { type, message } = await failure(perform({ url }));
    expect(type).toBe('InvalidInput');
    expect(message.includes('ada:secret')).toBe(false);
  });
});
