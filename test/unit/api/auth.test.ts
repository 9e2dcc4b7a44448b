// Who gets in: every way in which a token can be wrong, and the few in which it is right.

import { generateKeyPairSync, createHmac, createPrivateKey, createPublicKey } from 'node:crypto';
import { exportJWK, SignJWT, type JWK, type KeyObject as JoseKey } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthenticator, issuerTokens, ownTokens } from '../../../api/auth.ts';
import { issueToken, LONGEST_LIFE_SECONDS, readToken } from '../../../api/tokens.ts';
import { createRandom } from '../../../runtime/random.ts';
import { ApiWorld, WORKFLOWS } from '../../support/api.ts';

let world: ApiWorld;
let kid: string;
let jwk: JWK;
beforeAll(async () => {
  world = await ApiWorld.start();
  ({ kid, jwk } = JSON.parse((await world.keys.read('token-0001.json')) ?? '') as { kid: string; jwk: JWK });
});
afterAll(() => world.dispose());

interface Claims {
  readonly [name: string]: unknown;
}

const now = (): number => Math.floor(Date.now() / 1000);

/** A token that is right but for what is given; undefined leaves a claim out. */
async function token(claims: Claims = {}, header: Claims = {}, key?: JoseKey): Promise<string> {
  const good = { iss: 'oarlock', aud: 'oarlock', sub: 'alice', jti: 'j1', iat: now(), exp: now() + 60 };
  const protectedHeader = { alg: 'EdDSA', kid, typ: 'at+jwt', ...header };
  const signing = key ?? createPrivateKey({ key: jwk as never, format: 'jwk' });
  return new SignJWT({ ...good, ...claims }).setProtectedHeader(protectedHeader).sign(signing);
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function codeFor(authorization: string | undefined): Promise<number> {
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  return (await world.get(WORKFLOWS, { token: null, headers })).code;
}

describe('a token', () => {
  test('that is right gets in, as bearer and as the password of Basic', async () => {
    expect(await codeFor(`Bearer ${await token()}`)).toBe(200);
    expect(await codeFor(`bearer ${await token()}`)).toBe(200);
    const basic = Buffer.from(`jwt:${await token()}`).toString('base64');
    expect(await codeFor(`Basic ${basic}`)).toBe(200);
  });

  const strangers = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrong: readonly { name: string; make: () => Promise<string> | string }[] = [
    { name: 'expired', make: () => token({ exp: now() - 60, iat: now() - 120 }) },
    { name: 'not yet valid', make: () => token({ nbf: now() + 600 }) },
    { name: 'without an end', make: () => token({ exp: undefined }) },
    { name: 'without a beginning', make: () => token({ iat: undefined }) },
    { name: 'without a subject', make: () => token({ sub: undefined }) },
    { name: 'without an id', make: () => token({ jti: undefined }) },
    { name: 'of a hundred years', make: () => token({ exp: now() + 100 * 365 * 24 * 3600 }) },
    { name: 'longer than the longest', make: () => token({ exp: now() + LONGEST_LIFE_SECONDS + 100 }) },
    { name: 'for another audience', make: () => token({ aud: 'other' }) },
    { name: 'for several other audiences', make: () => token({ aud: ['other', 'more'] }) },
    { name: 'for no audience', make: () => token({ aud: undefined }) },
    { name: 'of another issuer', make: () => token({ iss: 'other' }) },
    { name: 'of another type', make: () => token({}, { typ: 'JWT' }) },
    { name: 'signed with another key', make: () => token({}, {}, strangers.privateKey) },
    { name: 'of an unknown key', make: () => token({}, { kid: 'unknown' }) },
    { name: 'whose key id is a path', make: () => token({}, { kid: '../../token-0001' }) },
    { name: 'without a key id', make: () => token({}, { kid: undefined }) },
    { name: 'of another algorithm', make: () => token({}, { alg: 'RS256' }, rsa.privateKey) },
    {
      name: 'that brings its own key',
      make: async () => token({}, { jwk: await exportJWK(strangers.publicKey) }, strangers.privateKey),
    },
    {
      name: 'that says where its key is',
      make: () => token({}, { jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/x' }, strangers.privateKey),
    },
    { name: 'with a critical header that nobody knows', make: () => tampered({ crit: ['x'], x: 1 }) },
    { name: 'with alg none', make: async () => unsigned() },
    { name: 'signed by HMAC with the public key', make: () => confused() },
    { name: 'whose claims were changed', make: async () => changed(await token()) },
    { name: 'of two parts', make: async () => (await token()).split('.').slice(0, 2).join('.') },
    { name: 'of a megabyte', make: async () => `${await token()}${'x'.repeat(6_000)}` },
    { name: 'of nothing', make: () => '' },
  ];

  function unsigned(): string {
    const claims = { iss: 'oarlock', aud: 'oarlock', sub: 'eve', jti: 'j', iat: now(), exp: now() + 60 };
    return `${encode({ alg: 'none', kid, typ: 'at+jwt' })}.${encode(claims)}.x`;
  }

  /** The public key is no secret; whoever takes it for one of HMAC lets everybody in. */
  function confused(): string {
    const { d: _private, ...open } = jwk;
    const pem = createPublicKey({ key: open as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const claims = { iss: 'oarlock', aud: 'oarlock', sub: 'eve', jti: 'j', iat: now(), exp: now() + 60 };
    const body = `${encode({ alg: 'HS256', kid, typ: 'at+jwt' })}.${encode(claims)}`;
    return `${body}.${createHmac('sha256', pem).update(body).digest('base64url')}`;
  }

  async function tampered(header: Claims): Promise<string> {
    const [, claims = '', signature = ''] = (await token()).split('.');
    return `${encode({ alg: 'EdDSA', kid, typ: 'at+jwt', ...header })}.${claims}.${signature}`;
  }

  function changed(good: string): string {
    const [header = '', claims = '', signature = ''] = good.split('.');
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Claims;
    return `${header}.${encode({ ...read, sub: 'root' })}.${signature}`;
  }

  test.each(wrong)('$name does not get in', async ({ make }) => {
    expect(await codeFor(`Bearer ${await make()}`)).toBe(401);
  });

  test.each([
    { name: 'no header', header: undefined },
    { name: 'an empty header', header: '' },
    { name: 'another scheme', header: 'Digest abc' },
    { name: 'Basic without a token', header: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
  ])('$name does not get in', async ({ header }) => {
    expect(await codeFor(header)).toBe(401);
  });

  test('two headers do not get in, even if both are right', async () => {
    const good = `Bearer ${await token()}`;
    const headers = { Authorization: [good, good] as unknown as string };
    expect((await world.get(WORKFLOWS, { token: null, headers })).code).toBe(401);
  });

  test('every refusal is the same Status and says nothing about why', async () => {
    const texts = new Set<string>();
    for (const { make } of wrong.slice(0, 6)) {
      const headers = { Authorization: `Bearer ${await make()}` };
      const answer = await world.get(WORKFLOWS, { token: null, headers });
      expect(answer.body).toMatchObject({ kind: 'Status', reason: 'Unauthorized' });
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="oarlock"');
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
  });

  test('that was revoked does not get in any more', async () => {
    const { token: issued } = await issueToken(world.ring, world.store.clock, createRandom(), {
      subject: 'bob',
      lifeSeconds: 60,
    });
    const read = readToken(issued);
    await world.ring.revoke(read?.tokenId ?? '', read?.expiresAt ?? 0);
    expect(await codeFor(`Bearer ${issued}`)).toBe(401);
    expect(await codeFor(`Bearer ${await token()}`)).toBe(200);
  });

  test('stands in no line of the log', async () => {
    const secret = await token();
    await codeFor(`Bearer ${secret}`);
    await codeFor(`Bearer ${secret.slice(0, -4)}AAAA`);
    expect(world.log.length).toBeGreaterThan(0);
    expect(world.log.filter((line) => line.includes(secret.slice(0, 40)))).toEqual([]);
  });
});

test('only health, version and the pages about the API are open', async () => {
  const paths = ['/healthz', '/livez', '/readyz', '/version', '/docs', '/openapi.json'];
  for (const path of paths) expect((await world.get(path, { token: null })).code).toBe(200);
  for (const path of ['/', '/api', '/apis', '/openapi/v3', '/metrics', '/runs', '/workflows', '/nowhere']) {
    expect((await world.get(path, { token: null })).code).toBe(401);
  }
});

test('after a rotation tokens of the key before still count, those of the one before that do not', async () => {
  const other = await ApiWorld.start();
  const request = { subject: 'x', lifeSeconds: 60 };
  const issue = async () => (await issueToken(other.ring, other.store.clock, createRandom(), request)).token;
  const first = await issue();
  await other.ring.rotate();
  const second = await issue();
  expect((await other.get(WORKFLOWS, { token: first })).code).toBe(200);
  await other.ring.rotate();
  expect((await other.get(WORKFLOWS, { token: second })).code).toBe(200);
  const third = await issue();
  expect((await other.get(WORKFLOWS, { token: third })).code).toBe(200);
  // What a process found good it believes for a second; one that has not seen the token asks for its key.
  const fresh = createAuthenticator(other.store.clock, ownTokens(other.ring, other.store.clock));
  await expect(fresh.authenticate(`Bearer ${first}`)).rejects.toMatchObject({ reason: 'Unauthorized' });
  expect(await fresh.authenticate(`Bearer ${second}`)).toMatchObject({ username: 'x' });
  await other.dispose();
});

test("another issuer's tokens count by its published keys, its name and its audience", async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
  const { clock } = world.store;
  const auth = createAuthenticator(clock, issuerTokens({ jwks, issuer: 'https://issuer', audience: 'wf' }, clock));
  const make = (claims: Claims): Promise<string> =>
    new SignJWT({ iss: 'https://issuer', aud: 'wf', sub: 'carol', iat: now(), exp: now() + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(privateKey);
  expect(await auth.authenticate(`Bearer ${await make({})}`)).toMatchObject({ username: 'carol' });
  for (const claims of [{ aud: 'other' }, { iss: 'other' }, { exp: undefined }]) {
    await expect(auth.authenticate(`Bearer ${await make(claims)}`)).rejects.toMatchObject({ reason: 'Unauthorized' });
  }
});
