// Who is asking: bearer tokens, and Basic with a token as the password (kubectl sends no bearer over plain http).
//
// Authentication only: whoever holds a token may do everything.
//
// A1  algorithm, issuer, audience, type and length of life are pinned; nothing of the token chooses how it is checked, but for its
//     key id, which is looked up among keys that are loaded.
// A2  every failure has one answer, which says nothing about why.

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Clock } from '../kernel/ports.ts';
import { type KeyRing, OWN_ALGORITHM } from './keys.ts';
import { ApiError } from './problem.ts';
import { LONGEST_LIFE_SECONDS, OWN_AUDIENCE, OWN_ISSUER, OWN_TYPE } from './tokens.ts';

const LONGEST_TOKEN = 4096;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const CLOCK_TOLERANCE_SECONDS = 5;
/** A token that was good is not checked again for so long; a revoked one may live on as long. */
const REMEMBER_MS = 1_000;
const REMEMBERED = 1_000;

export interface Identity {
  readonly username: string;
  /** `jti` of the token. */
  readonly tokenId: string;
}

export interface Authenticator {
  /** Takes the Authorization header; throws an ApiError Unauthorized. */
  authenticate(authorization: string | undefined): Promise<Identity>;
}

type Verify = (token: string) => Promise<Identity>;

/** Checks tokens with one of these; each question is answered from memory for a second. */
export function createAuthenticator(clock: Clock, verify: Verify): Authenticator {
  const known = new Map<string, { identity: Identity; until: number }>();
  return {
    async authenticate(authorization) {
      const token = tokenOf(authorization);
      if (token === null) throw unauthorized();
      const now = clock.now().time;
      const found = known.get(token);
      if (found !== undefined && now < found.until) return found.identity;
      known.delete(token);
      const identity = await verify(token).catch(() => null);
      if (identity === null) throw unauthorized();
      if (known.size >= REMEMBERED) known.clear();
      known.set(token, { identity, until: now + REMEMBER_MS });
      return identity;
    },
  };
}

export function unauthorized(): ApiError {
  return new ApiError('Unauthorized', 'a valid token is required', {
    headers: { 'WWW-Authenticate': 'Bearer realm="oarlock"' },
  });
}

function tokenOf(authorization: string | undefined): string | null {
  const match = /^(Bearer|Basic) +([^ ,]+)$/i.exec(authorization ?? '');
  const [, scheme = '', credentials = ''] = match ?? [];
  if (match === null || credentials.length > LONGEST_TOKEN * 2) return null;
  const token = scheme.toLowerCase() === 'bearer' ? credentials : passwordOf(credentials);
  return token.length <= LONGEST_TOKEN && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ? token : null;
}

function passwordOf(credentials: string): string {
  const text = Buffer.from(credentials, 'base64').toString('latin1');
  return text.slice(text.indexOf(':') + 1);
}

/** Tokens of the engine's own key. */
export function ownTokens(ring: KeyRing, clock: Clock): Verify {
  return async (token) => {
    const { kid } = decodeProtectedHeader(token);
    const key = typeof kid === 'string' && KEY_ID.test(kid) ? await ring.publicKey(kid) : null;
    if (key === null) throw unauthorized();
    const { payload } = await jwtVerify(token, key, {
      ...pinned(clock),
      algorithms: [OWN_ALGORITHM],
      issuer: OWN_ISSUER,
      audience: OWN_AUDIENCE,
      typ: OWN_TYPE,
      requiredClaims: ['exp', 'iat', 'sub', 'jti'],
    });
    const identity = identityOf(payload);
    if (await ring.isRevoked(identity.tokenId)) throw unauthorized();
    return identity;
  };
}

export interface IssuerOptions {
  /** The issuer's keys, or the address where it publishes them. */
  readonly jwks: JSONWebKeySet | URL;
  readonly issuer: string;
  readonly audience: string;
}

const ISSUER_ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256'];

/** Tokens of another issuer, checked by its published keys. */
export function issuerTokens(options: IssuerOptions, clock: Clock): Verify {
  const keys: JWTVerifyGetKey =
    options.jwks instanceof URL
      ? createRemoteJWKSet(options.jwks, { timeoutDuration: 5_000, cooldownDuration: 30_000 })
      : createLocalJWKSet(options.jwks);
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      ...pinned(clock),
      algorithms: ISSUER_ALGORITHMS,
      issuer: options.issuer,
      audience: options.audience,
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    return identityOf(payload);
  };
}

function pinned(clock: Clock): { currentDate: Date; clockTolerance: number } {
  return { currentDate: new Date(clock.now().wall), clockTolerance: CLOCK_TOLERANCE_SECONDS };
}

function identityOf({ sub = '', jti = '', exp = 0, iat = 0 }: JWTPayload): Identity {
  if (exp - iat > LONGEST_LIFE_SECONDS) throw unauthorized();
  return { username: sub, tokenId: jti };
}
