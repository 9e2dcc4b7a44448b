// `kubeconfig`: a configuration with which kubectl works as it is: the address, the authority inside, and a token that renews.
//
// Does not own: where the API listens, which the API itself has announced; here it is only tried.

import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../../kernel/json.ts';
import { Failure, type ExitCode } from '../failure.ts';
import type { Session } from '../session.ts';
import { lifeOf, openRing } from './token.ts';

export interface KubeconfigOptions {
  readonly subject: string | undefined;
  readonly expires: string;
  /** A token inside instead of a command that makes one. */
  readonly isEmbedded: boolean;
}

const MAIN = join(import.meta.dirname, '..', import.meta.filename.endsWith('.ts') ? 'main.ts' : 'main.js');

export async function kubeconfig(session: Session, options: KubeconfigOptions): Promise<ExitCode> {
  const [{ openKeys }, { authority }, { answers }, { createProcessClock }, { renderYaml }] = await Promise.all([
    import('../../store/open.ts'),
    import('../../api/certificate.ts'),
    import('../../api/reach.ts'),
    import('../process-clock.ts'),
    import('../../manifests/render.ts'),
  ]);
  const keys = await openKeys(session.storeUrl, session.stateDir);
  const endpoint = await keys.endpoint();
  if (endpoint?.tlsUrl == null) {
    throw new Failure(1, `no API has said where it listens in ${session.stateName}`, '`oarlock up` starts one');
  }
  if (!(await answers(endpoint.tlsUrl))) {
    const where = `nothing answers at ${endpoint.tlsUrl}, where an API for ${session.stateName} listened`;
    throw new Failure(1, where, '`oarlock up` starts one');
  }
  const clock = createProcessClock();
  const { cert } = await authority({ keys, clock, random: await session.random() });
  const subject = options.subject ?? userInfo().username;
  const name = 'oarlock';
  const user = options.isEmbedded
    ? await embedded(session, subject, options)
    : await renewing(session, subject, options);
  const config: Json = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server: endpoint.tlsUrl, 'certificate-authority-data': Buffer.from(cert).toString('base64') },
      },
    ],
    users: [{ name: subject, user }],
    contexts: [{ name, context: { cluster: name, user: subject } }],
    'current-context': name,
  };
  session.print(renderYaml(config));
  return 0;
}

async function embedded(session: Session, subject: string, { expires }: KubeconfigOptions): Promise<Json> {
  const [{ issueToken }, { createProcessClock }] = await Promise.all([
    import('../../api/tokens.ts'),
    import('../process-clock.ts'),
  ]);
  const ring = await openRing(session);
  const request = { subject, lifeSeconds: await lifeOf(expires) };
  const { token } = await issueToken(ring, createProcessClock(), await session.random(), request);
  return { token };
}

/** kubectl runs this command whenever it needs a token. */
async function renewing(session: Session, subject: string, { expires }: KubeconfigOptions): Promise<Json> {
  await lifeOf(expires);
  const words = [
    'token',
    'create',
    '-o',
    'exec',
    '--state',
    session.stateDir,
    '--subject',
    subject,
    '--expires',
    expires,
  ];
  return {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: [...process.execArgv, MAIN, ...words],
      interactiveMode: 'Never',
    },
  };
}
