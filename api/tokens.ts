// Tokens of this engine's own key: what they say, for how long, and how they are made.

import { decodeJwt, SignJWT } from 'jose';
import type { Clock, Random } from '../kernel/ports.ts';
import { type KeyRing, OWN_ALGORITHM } from './keys.ts';

export const OWN_ISSUER = 'oarlock';
export const OWN_AUDIENCE = 'oarlock';
export const OWN_TYPE = 'at+jwt';
/** A longer life is refused, also of a token with a good signature. */
export const LONGEST_LIFE_SECONDS = 30 * 24 * 3600;

export interface TokenRequest {
  readonly subject: string;
  readonly lifeSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

export async function issueToken(
  ring: KeyRing,
  clock: Clock,
  random: Random,
  request: TokenRequest,
): Promise<IssuedToken> {
  const { kid, privateKey } = await ring.signingKey();
  const issuedAt = Math.floor(clock.now().wall / 1000);
  const expiresAt = issuedAt + request.lifeSeconds;
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: OWN_ALGORITHM, kid, typ: OWN_TYPE })
    .setIssuer(OWN_ISSUER)
    .setAudience(OWN_AUDIENCE)
    .setSubject(request.subject)
    .setJti(random.hex(32))
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(privateKey);
  return { token, expiresAt };
}

/** What revoking needs to know; null when it is no token. */
export function readToken(token: string): { tokenId: string; expiresAt: number } | null {
  try {
    const { jti, exp } = decodeJwt(token);
    return jti === undefined || exp === undefined ? null : { tokenId: jti, expiresAt: exp };
  } catch {
    return null;
  }
}
