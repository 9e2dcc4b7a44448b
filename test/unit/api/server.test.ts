// Where the API listens: one port for http and https, its own authority and certificate, and the rule for addresses beyond loopback.

import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get as plainGet, type IncomingMessage } from 'node:http';
import { get as secureGet } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { authority, serverCertificate } from '../../../api/certificate.ts';
import { runApi } from '../../../api/run.ts';
import { isLoopback } from '../../../api/server.ts';
import { createClock } from '../../../runtime/clock.ts';
import { createLog } from '../../../runtime/log.ts';
import { createRandom } from '../../../runtime/random.ts';
import { openKeys, openStore } from '../../../store/open.ts';
import type { Endpoint } from '../../../store/store.ts';

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'oarlock-server-'));
  roots.push(root);
  return root;
}

const clock = createClock(0);
const random = createRandom();
const log = createLog({ write: () => undefined });

async function text(response: IncomingMessage): Promise<string> {
  let all = '';
  for await (const chunk of response) all += String(chunk);
  return all;
}

function ask(url: string, options: { ca?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('https') ? secureGet : plainGet;
    get(url, { ...options, agent: false }, (response) => void text(response).then(resolve, reject)).on('error', reject);
  });
}

async function serving<T>(
  options: { host?: string; isInsecureHttp?: boolean },
  body: (endpoint: Endpoint, root: string) => Promise<T>,
): Promise<T> {
  const root = newRoot();
  const store = await openStore(`file:${root}`);
  const keys = await openKeys(`file:${root}`);
  const stop = new AbortController();
  let served: Promise<void> = Promise.resolve();
  const endpoint = await new Promise<Endpoint>((resolve, reject) => {
    served = runApi(
      { store, keys, clock, random, log, version: '0', port: 0, onListening: resolve, ...options },
      stop.signal,
    );
    served.catch(reject);
  });
  try {
    return await body(endpoint, root);
  } finally {
    stop.abort();
    await served;
    await store.close();
  }
}

describe('one port', () => {
  test('answers http and https, and says where in endpoint.json for as long as it listens', async () => {
    await serving({}, async ({ url, tlsUrl }, root) => {
      const keys = await openKeys(`file:${root}`);
      const { cert } = await authority({ keys, clock, random });
      expect(await ask(`${url ?? ''}/healthz`)).toBe('ok');
      expect(await ask(`${tlsUrl ?? ''}/healthz`, { ca: cert })).toBe('ok');
      expect(await ask(`${(tlsUrl ?? '').replace('127.0.0.1', 'localhost')}/healthz`, { ca: cert })).toBe('ok');
      await expect(ask(`${tlsUrl ?? ''}/healthz`)).rejects.toThrow(/certificate/);
      expect(await keys.endpoint()).toMatchObject({ url, tlsUrl });
      return root;
    }).then(async (root) => expect(await (await openKeys(`file:${root}`)).endpoint()).toBeNull());
  });

  test('beyond loopback speaks https only, unless the operator says otherwise', async () => {
    await serving({ host: '0.0.0.0' }, async ({ url, tlsUrl }) => {
      expect(url).toBeNull();
      const plain = (tlsUrl ?? '').replace('https', 'http');
      expect(await ask(`${plain}/healthz`)).toBe('this port speaks https only\n');
    });
    await serving({ host: '0.0.0.0', isInsecureHttp: true }, async ({ url }) => {
      expect(await ask(`${url ?? ''}/healthz`)).toBe('ok');
    });
  });

  test.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['10.0.0.1', false],
    ['::', false],
    ['example.org', false],
  ])('%s is loopback: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});

describe('the certificate', () => {
  const day = 24 * 3600 * 1000;
  const later = (days: number) => ({ ...clock, now: () => ({ time: 0, wall: Date.now() + days * day }) });

  test('is signed by an authority of its own, for loopback and the hosts that were named', async () => {
    const keys = await openKeys(`file:${newRoot()}`);
    const made = await serverCertificate({ keys, clock, random }, ['example.org', '10.1.2.3', 'fe80::1']);
    const ca = new X509Certificate((await authority({ keys, clock, random })).cert);
    const cert = new X509Certificate(made.cert);
    expect(ca.ca).toBe(true);
    expect(cert.ca).toBe(false);
    expect(cert.verify(ca.publicKey)).toBe(true);
    expect(cert.checkIssued(ca)).toBe(true);
    for (const host of ['localhost', 'example.org']) expect(cert.checkHost(host)).toBe(host);
    for (const address of ['127.0.0.1', '10.1.2.3', '::1', 'fe80::1']) expect(cert.checkIP(address)).toBe(address);
    expect(cert.checkHost('elsewhere.org')).toBeUndefined();
  });

  test('stays the same until it is about to end, or another host is named; the authority stays', async () => {
    const keys = await openKeys(`file:${newRoot()}`);
    const first = await serverCertificate({ keys, clock, random }, []);
    const { cert: ca } = await authority({ keys, clock, random });
    expect(await serverCertificate({ keys, clock: later(200), random }, [])).toEqual(first);
    const renewed = await serverCertificate({ keys, clock: later(320), random }, []);
    expect(renewed.cert).not.toBe(first.cert);
    expect(await serverCertificate({ keys, clock: later(320), random }, ['a.b'])).not.toEqual(renewed);
    expect((await authority({ keys, clock, random })).cert).toBe(ca);
  });

  test('two that make an authority at the same time make one', async () => {
    const root = newRoot();
    const all = await Promise.all(
      Array.from(
        { length: 8 },
        async () => (await authority({ keys: await openKeys(`file:${root}`), clock, random })).cert,
      ),
    );
    expect(new Set(all).size).toBe(1);
  });

  test('what somebody spoiled is made again', async () => {
    const root = newRoot();
    const keys = await openKeys(`file:${root}`);
    await authority({ keys, clock, random });
    writeFileSync(join(root, 'keys', 'ca.json'), 'garbage');
    expect((await authority({ keys, clock, random })).cert).toContain('BEGIN CERTIFICATE');
  });
});

test('keys are for their owner alone, and others in the way are refused', async () => {
  const root = newRoot();
  const keys = await openKeys(`file:${root}`);
  await keys.create('a.json', 'x');
  expect(statSync(join(root, 'keys')).mode & 0o777).toBe(0o700);
  expect(statSync(join(root, 'keys', 'a.json')).mode & 0o777).toBe(0o600);
  expect(await keys.create('a.json', 'y')).toBe(false);
  expect(await keys.read('a.json')).toBe('x');
  await expect(keys.read('../a')).rejects.toThrow(/plain file name/);
  chmodSync(join(root, 'keys', 'a.json'), 0o644);
  await expect(keys.read('a.json')).rejects.toThrow(/found mode 0644/);
  chmodSync(join(root, 'keys'), 0o755);
  await expect(openKeys(`file:${root}`)).rejects.toThrow(/found mode 0755/);
});
