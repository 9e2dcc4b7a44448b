// The API's own certificate authority and the certificate that it serves: made at first start, the second renewed before it ends.
//
// Made by hand (der.ts) because the libraries that can do it bring some twenty packages for these few bytes; node:crypto signs and, in the
// tests, judges.
//
// C1  the authority's key signs certificates for this engine's own addresses and nothing else.
// C2  of two processes that make one at the same time, both use the one that was first.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { isObject, type Json, textAt } from '../kernel/json.ts';
import type { Clock, Random } from '../kernel/ports.ts';
import type { Keys } from '../store/store.ts';
import { bits, boolean, explicit, implicit, integer, objectId, octets, sequence, setOf, text, utcTime } from './der.ts';

const DAY_MS = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 365;
const RENEW_BEFORE_DAYS = 60;
/** Clocks of clients may be behind. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_FILE = 'ca.json';
const SERVER_FILE = 'server.json';
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const KEY_CERT_SIGN = Buffer.from([0x06]);
const DIGITAL_SIGNATURE = Buffer.from([0x80]);

/** PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly keys: Keys;
  readonly clock: Clock;
  readonly random: Random;
}

/** The authority's certificate, PEM; made when there is none. */
export async function authority(options: CertificateOptions): Promise<Certified> {
  const standing = await options.keys.read(AUTHORITY_FILE);
  const found = parse(standing);
  if (found !== null) return found;
  // Somebody spoiled the file; clients that knew its authority must be told of the new one in any case.
  if (standing !== null) await options.keys.remove(AUTHORITY_FILE);
  const wall = options.clock.now().wall;
  const keys = newKeys();
  const name = `oarlock ${options.random.hex(8)}`;
  const cert = certificate({
    serial: options.random.hex(32),
    issuer: name,
    subject: name,
    from: wall - BACKDATED_MS,
    until: wall + AUTHORITY_DAYS * DAY_MS,
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    extensions: [
      extension('2.5.29.19', sequence(boolean(true)), true),
      extension('2.5.29.15', bits(KEY_CERT_SIGN, 1), true),
    ],
  });
  const made = { cert, key: pem(keys.privateKey) };
  if (await options.keys.create(AUTHORITY_FILE, `${JSON.stringify(made)}\n`)) {
    // For `curl --cacert`: the certificate alone, which is no secret.
    await options.keys.replace('ca.pem', cert);
    return made;
  }
  return authority(options);
}

/** What the server shows to clients of these hosts besides loopback. */
export async function serverCertificate(options: CertificateOptions, hosts: readonly string[]): Promise<Certified> {
  const ca = await authority(options);
  const wanted = [...new Set([...LOCAL_HOSTS, ...hosts])];
  const found = parse(await options.keys.read(SERVER_FILE));
  if (found !== null && isGood(found, ca, wanted, options.clock.now().wall)) return found;
  const made = issue(options, ca, wanted);
  await options.keys.replace(SERVER_FILE, `${JSON.stringify(made)}\n`);
  return made;
}

function isGood({ cert }: Certified, ca: Certified, hosts: readonly string[], wall: number): boolean {
  try {
    const x509 = new X509Certificate(cert);
    const daysLeft = (Date.parse(x509.validTo) - wall) / DAY_MS;
    const isOurs = x509.verify(new X509Certificate(ca.cert).publicKey);
    return isOurs && daysLeft > RENEW_BEFORE_DAYS && hosts.every((host) => isFor(x509, host));
  } catch {
    return false;
  }
}

function isFor(x509: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? x509.checkHost(host) : x509.checkIP(host)) !== undefined;
}

function issue(options: CertificateOptions, ca: Certified, hosts: readonly string[]): Certified {
  const wall = options.clock.now().wall;
  const keys = newKeys();
  const cert = certificate({
    serial: options.random.hex(32),
    issuer: /CN=(.*)/.exec(new X509Certificate(ca.cert).subject)?.[1] ?? '',
    subject: 'oarlock api',
    from: wall - BACKDATED_MS,
    until: wall + SERVER_DAYS * DAY_MS,
    publicKey: keys.publicKey,
    signer: createPrivateKey(ca.key),
    extensions: [
      extension('2.5.29.19', sequence(), true),
      extension('2.5.29.15', bits(DIGITAL_SIGNATURE, 7), true),
      extension('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.1')), false),
      extension('2.5.29.17', sequence(...hosts.map(alternativeName)), false),
    ],
  });
  return { cert, key: pem(keys.privateKey) };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

interface CertificateParts {
  /** Hexadecimal. */
  readonly serial: string;
  /** Common names. */
  readonly issuer: string;
  readonly subject: string;
  readonly from: number;
  readonly until: number;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
}

function certificate(parts: CertificateParts): string {
  const version3 = explicit(0, integer(Buffer.from([2])));
  const body = sequence(
    version3,
    integer(Buffer.from(`7f${parts.serial.slice(2)}`, 'hex')),
    ECDSA_SHA256,
    commonName(parts.issuer),
    sequence(utcTime(parts.from), utcTime(parts.until)),
    commonName(parts.subject),
    createPublicKey(parts.publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...parts.extensions)),
  );
  const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, parts.signer)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function commonName(name: string): Buffer {
  return sequence(setOf(sequence(objectId('2.5.4.3'), text(name))));
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  return isCritical ? sequence(objectId(id), boolean(true), octets(value)) : sequence(objectId(id), octets(value));
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 0 ? implicit(2, Buffer.from(host)) : implicit(7, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
  const before = groups(head);
  const after = groups(tail ?? '');
  return Buffer.from([...before, ...Buffer.alloc(16 - before.length - after.length), ...after]);
}

function parse(content: string | null): Certified | null {
  try {
    const value = JSON.parse(content ?? '') as Json;
    const cert = isObject(value) ? textAt(value, 'cert') : '';
    const key = textAt(value, 'key');
    return cert === '' || key === '' ? null : { cert, key };
  } catch {
    return null;
  }
}
