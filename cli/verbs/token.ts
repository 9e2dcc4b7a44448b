// `token`: makes tokens of the engine's own key, takes them back, and changes the key.

import { userInfo } from 'node:os';
import type { KeyRing } from '../../api/keys.ts';
import { Failure, type ExitCode } from '../failure.ts';
import type { Session } from '../session.ts';

export interface TokenOptions {
  readonly subject: string | undefined;
  /** `30s`, `15m`, `1h`, `7d`. */
  readonly expires: string;
  readonly output: string;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 24 * 3600 };

export async function createToken(session: Session, options: TokenOptions): Promise<ExitCode> {
  const { issueToken } = await import('../../api/tokens.ts');
  const lifeSeconds = await lifeOf(options.expires);
  const subject = options.subject ?? userInfo().username;
  if (subject === '' || subject.length > 200) throw new Failure(2, '--subject: expected 1 to 200 characters');
  const ring = await openRing(session);
  const { createProcessClock } = await import('../process-clock.ts');
  const issued = await issueToken(ring, createProcessClock(), await session.random(), { subject, lifeSeconds });
  if (options.output === 'exec') session.print(JSON.stringify(execCredential(issued.token, issued.expiresAt)));
  else session.print(issued.token);
  return 0;
}

/** As kubectl reads it from a plugin. */
function execCredential(token: string, expiresAt: number): object {
  const expirationTimestamp = `${new Date(expiresAt * 1000).toISOString().slice(0, 19)}Z`;
  return {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token, expirationTimestamp },
  };
}

export async function rotateKey(session: Session): Promise<ExitCode> {
  const ring = await openRing(session);
  await ring.signingKey();
  session.print(await ring.rotate());
  session.say('new tokens are signed with this key; those of the key before go on counting until the next rotation');
  return 0;
}

export async function revokeToken(session: Session, token: string): Promise<ExitCode> {
  const { readToken } = await import('../../api/tokens.ts');
  const read = readToken(token.trim());
  if (read === null) throw new Failure(2, 'expected a token, as `oarlock token create` prints it');
  await (await openRing(session)).revoke(read.tokenId, read.expiresAt);
  session.print(read.tokenId);
  return 0;
}

export async function lifeOf(text: string): Promise<number> {
  const { LONGEST_LIFE_SECONDS } = await import('../../api/tokens.ts');
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? 0);
  if (seconds >= 1 && seconds <= LONGEST_LIFE_SECONDS) return seconds;
  throw new Failure(2, `--expires: expected a time such as 15m, 1h or 7d, at most 30d, found "${text}"`);
}

export async function openRing(session: Session): Promise<KeyRing> {
  const [{ KeyRing: Ring }, { openKeys }, { createProcessClock }] = await Promise.all([
    import('../../api/keys.ts'),
    import('../../store/open.ts'),
    import('../process-clock.ts'),
  ]);
  const keys = await openKeys(session.storeUrl, session.stateDir);
  return new Ring({ keys, clock: createProcessClock(), random: await session.random() });
}
