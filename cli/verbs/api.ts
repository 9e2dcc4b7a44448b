// `api`: one process that serves the API for the state directory. Reads the files that its options name; what it
// serves is the business of api/.

import { resolve } from 'node:path';
import type { ApiOptions } from '../../api/run.ts';
import { createLog } from '../../runtime/log.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { untilStopped } from '../lifeline.ts';
import type { Session } from '../session.ts';

export interface ApiVerbOptions {
  /** Undefined: the usual one, or any free one when that is taken. */
  readonly port: number | undefined;
  readonly host: string | undefined;
  readonly isInsecureHttp: boolean;
  readonly jwks: string | undefined;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly hasLifeline: boolean;
  readonly version: string;
}

export const USUAL_PORT = 8080;

export async function api(session: Session, options: ApiVerbOptions): Promise<ExitCode> {
  const { env } = session.io;
  const stop = untilStopped(session.io, options.hasLifeline);
  const [issuer, certificate] = [await issuerOf(session, options), await certificateOf(session, options)];
  const [{ runApi }, { isLoopback }, { openKeys }] = await Promise.all([
    import('../../api/run.ts'),
    import('../../api/server.ts'),
    import('../../store/open.ts'),
  ]);
  if (options.isInsecureHttp && isLoopback(options.host ?? '127.0.0.1')) {
    session.say('--insecure-http changes nothing: on loopback plain http is served anyway');
  }
  const level = env['OARLOCK_LOG_LEVEL'] === 'debug' ? 'debug' : 'info';
  const log = createLog({ format: env['OARLOCK_LOG'] === 'json' ? 'json' : 'plain', level }, { part: 'api' });
  try {
    await runApi(
      {
        store: await session.store(),
        keys: await openKeys(session.storeUrl, session.stateDir),
        clock: await session.clock(),
        random: await session.random(),
        log,
        version: options.version,
        port: options.port ?? USUAL_PORT,
        isPortOptional: options.port === undefined,
        isInsecureHttp: options.isInsecureHttp,
        isDebug: env['DEBUG'] === 'true',
        onListening: ({ url, tlsUrl }) => {
          // Under `up` it is one voice among sentences.
          if (!options.hasLifeline) log.info('the API answers', { url: url ?? undefined, tlsUrl: tlsUrl ?? undefined });
          else session.say(`the API answers on ${[url, tlsUrl].filter((shown) => shown !== null).join(' and ')}`);
        },
        ...(options.host === undefined ? {} : { host: options.host }),
        ...issuer,
        ...certificate,
      },
      stop,
    );
  } catch (error) {
    throw listenFailure(error, options) ?? error;
  }
  if (!options.hasLifeline) log.info('the API has ended');
  return 0;
}

function listenFailure(error: unknown, { port, host }: ApiVerbOptions): Failure | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const place = `${host ?? '127.0.0.1'}:${port ?? USUAL_PORT}`;
  if (code === 'EADDRINUSE') return new Failure(1, `${place} is taken`, 'give another --port; 0 is any free one');
  if (code === 'EACCES') return new Failure(1, `${place} may not be used by this user`, 'give a --port above 1023');
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new Failure(1, `${place} is no address of this machine`);
  return null;
}

/** Tokens of another issuer: its keys from an address or a file, and what its tokens must say. */
async function issuerOf(session: Session, options: ApiVerbOptions): Promise<Pick<ApiOptions, 'issuer'>> {
  const { jwks, issuer, audience } = options;
  if (jwks === undefined && issuer === undefined && audience === undefined) return {};
  if (jwks === undefined || issuer === undefined || audience === undefined) {
    throw new Failure(2, '--jwks, --issuer and --audience: expected all of them or none');
  }
  if (/^https?:\/\//.test(jwks)) return { issuer: { jwks: new URL(jwks), issuer, audience } };
  const text = await readText(session, jwks);
  try {
    const keys = JSON.parse(text) as { keys: [] };
    if (!Array.isArray(keys.keys)) throw new Error('no list of keys');
    return { issuer: { jwks: keys, issuer, audience } };
  } catch {
    throw new Failure(2, `${jwks}: expected a JSON Web Key Set: {"keys": [...]}`);
  }
}

async function certificateOf(session: Session, options: ApiVerbOptions): Promise<Pick<ApiOptions, 'certificate'>> {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined) throw new Failure(2, '--tls-cert and --tls-key: expected both');
  return { certificate: { cert: await readText(session, tlsCert), key: await readText(session, tlsKey) } };
}

async function readText(session: Session, path: string): Promise<string> {
  const { readInput } = await import('../../store/file/input.ts');
  const bytes = readInput(resolve(session.io.workingDir, path));
  if (bytes === null) throw new Failure(1, `file ${path} does not exist`);
  return new TextDecoder().decode(bytes);
}
