// The API's own certificate authority and the certificate that it serves: made at first start, the second renewed before it ends.
//
// node-forge writes them, node:crypto makes the keys and judges what stands: it is the only library for this that is one package.
//
// C1  the authority's key signs certificates for this engine's own addresses and nothing else.
// C2  of two processes that make one at the same time, both use the one that was first.

import { generateKeyPair, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { isObject, type Json, textAt } from '../kernel/json.ts';
import type { Clock, Random } from '../kernel/ports.ts';
import type { Keys } from '../store/store.ts';

const DAY_MS = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 365;
const RENEW_BEFORE_DAYS = 60;
/** Clocks of clients may be behind. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_FILE = 'ca.json';
const SERVER_FILE = 'server.json';
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

const DNS_NAME = 2;
const IP_ADDRESS = 7;

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
  const key = await newKey();
  const name = `oarlock ${options.random.hex(8)}`;
  const cert = certificate({
    serial: options.random.hex(32),
    issuer: name,
    subject: name,
    from: wall - BACKDATED_MS,
    until: wall + AUTHORITY_DAYS * DAY_MS,
    key,
    signer: key,
    extensions: [
      { name: 'basicConstraints', critical: true, cA: true },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    ],
  });
  const made = { cert, key };
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
  const made = await issue(options, ca, wanted);
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

async function issue(options: CertificateOptions, ca: Certified, hosts: readonly string[]): Promise<Certified> {
  const wall = options.clock.now().wall;
  const key = await newKey();
  const cert = certificate({
    serial: options.random.hex(32),
    issuer: /CN=(.*)/.exec(new X509Certificate(ca.cert).subject)?.[1] ?? '',
    subject: 'oarlock api',
    from: wall - BACKDATED_MS,
    until: wall + SERVER_DAYS * DAY_MS,
    key,
    signer: ca.key,
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: hosts.map(alternativeName) },
    ],
  });
  return { cert, key };
}

/** PEM. RSA, for forge signs with nothing else that clients take everywhere. */
async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

interface CertificateParts {
  /** Hexadecimal. */
  readonly serial: string;
  /** Common names. */
  readonly issuer: string;
  readonly subject: string;
  readonly from: number;
  readonly until: number;
  /** Private keys, PEM. */
  readonly key: string;
  readonly signer: string;
  readonly extensions: readonly object[];
}

function certificate(parts: CertificateParts): string {
  const made = forge.pki.createCertificate();
  const { n, e } = forge.pki.privateKeyFromPem(parts.key);
  made.publicKey = forge.pki.setRsaPublicKey(n, e);
  // Positive, and as long as it is random.
  made.serialNumber = `7f${parts.serial.slice(2)}`;
  made.validity.notBefore = new Date(parts.from);
  made.validity.notAfter = new Date(parts.until);
  made.setIssuer([{ name: 'commonName', value: parts.issuer }]);
  made.setSubject([{ name: 'commonName', value: parts.subject }]);
  made.setExtensions([...parts.extensions]);
  made.sign(forge.pki.privateKeyFromPem(parts.signer), forge.md.sha256.create());
  return forge.pki.certificateToPem(made).replaceAll('\r\n', '\n');
}

function alternativeName(host: string): object {
  return isIP(host) === 0 ? { type: DNS_NAME, value: host } : { type: IP_ADDRESS, ip: host };
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
