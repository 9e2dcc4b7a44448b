// The keys that sign tokens: made at first use, kept by the store, newest signs, the two newest count.
//
// Owns: which keys are active, and which tokens were revoked. Does not own: what a token says (tokens.ts), where files stand
// (store).
//
// K1  a key is looked up by the exact text of its id among those that are loaded; an id is never part of a path.
// K2  what other processes did (rotation, revocation) is seen within RELOAD_MS.

import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import { isObject, type Json, textAt } from '../kernel/json.ts';
import type { Clock, Random } from '../kernel/ports.ts';
import type { Keys } from '../store/store.ts';

export const OWN_ALGORITHM = 'EdDSA';
/** Old tokens go on counting through one rotation. */
const ACTIVE = 2;
const RELOAD_MS = 1_000;
const KEY_NAME = /^token-(\d{4})\.json$/;
const REVOKED_NAME = /^revoked-([A-Za-z0-9_-]{1,64})\.json$/;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export interface KeyRingOptions {
  readonly keys: Keys;
  readonly clock: Clock;
  readonly random: Random;
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #byFile = new Map<string, { kid: string; publicKey: CryptoKey; jwk: JWK }>();
  #revoked = new Set<string>();
  #active: readonly string[] = [];
  #loadedAt = Number.NEGATIVE_INFINITY;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** The public key of that id when it is active, else null. */
  async publicKey(kid: string): Promise<CryptoKey | null> {
    await this.#refresh();
    for (const file of this.#active) {
      const key = this.#byFile.get(file);
      if (key?.kid === kid) return key.publicKey;
    }
    return null;
  }

  async isRevoked(tokenId: string): Promise<boolean> {
    await this.#refresh();
    return this.#revoked.has(tokenId);
  }

  /** The newest key; made when there is none. */
  async signingKey(): Promise<SigningKey> {
    await this.#load();
    if (this.#active.length === 0) await this.#make(1);
    const newest = this.#byFile.get(this.#active[0] ?? '');
    if (newest === undefined) throw new Error('keys: expected a key that signs tokens, found none that can be read');
    return { kid: newest.kid, privateKey: (await importJWK(newest.jwk, OWN_ALGORITHM)) as CryptoKey };
  }

  /** From now on a new key signs; the one before goes on counting, older ones do not. Returns its id. */
  async rotate(): Promise<string> {
    await this.#load();
    await this.#make(numberOf(this.#active[0]) + 1);
    for (const name of await this.#options.keys.names()) {
      if (KEY_NAME.test(name) && !this.#active.includes(name)) await this.#options.keys.remove(name);
    }
    return (await this.signingKey()).kid;
  }

  async revoke(tokenId: string, expiresAt: number): Promise<void> {
    await this.#options.keys.create(`revoked-${tokenId}.json`, `${JSON.stringify({ expiresAt })}\n`);
    await this.#load();
  }

  async #make(number: number): Promise<void> {
    const { privateKey } = await generateKeyPair(OWN_ALGORITHM, { crv: 'Ed25519', extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = this.#options.random.hex(16);
    const name = `token-${String(number).padStart(4, '0')}.json`;
    // Another process may have made that number in the same instant; then its key is the one.
    await this.#options.keys.create(name, `${JSON.stringify({ kid, alg: OWN_ALGORITHM, jwk })}\n`);
    await this.#load();
  }

  async #refresh(): Promise<void> {
    if (this.#options.clock.now().time - this.#loadedAt >= RELOAD_MS) await this.#load();
  }

  async #load(): Promise<void> {
    const { keys, clock } = this.#options;
    this.#loadedAt = clock.now().time;
    const names = await keys.names();
    const files = names.filter((name) => KEY_NAME.test(name)).sort();
    this.#active = files.slice(-ACTIVE).reverse();
    this.#revoked = new Set(names.flatMap((name) => REVOKED_NAME.exec(name)?.[1] ?? []));
    for (const file of this.#byFile.keys()) if (!this.#active.includes(file)) this.#byFile.delete(file);
    for (const file of this.#active) {
      if (this.#byFile.has(file)) continue;
      const key = await parseKey(await keys.read(file));
      if (key !== null) this.#byFile.set(file, key);
    }
  }
}

function numberOf(name: string | undefined): number {
  return Number(KEY_NAME.exec(name ?? '')?.[1] ?? 0);
}

/** Null for a file that somebody spoiled: its tokens count no more, all else goes on. */
async function parseKey(text: string | null): Promise<{ kid: string; publicKey: CryptoKey; jwk: JWK } | null> {
  try {
    const value = JSON.parse(text ?? '') as Json;
    const jwk = isObject(value) ? (value['jwk'] as unknown as JWK) : undefined;
    const kid = textAt(value, 'kid');
    if (jwk === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(kid)) return null;
    const { d: _private, ...open } = jwk;
    return { kid, jwk, publicKey: (await importJWK(open, OWN_ALGORITHM)) as CryptoKey };
  } catch {
    return null;
  }
}
