// `signal RUN NAME`: makes a Signal object, which the controller hands to the node that waits for it.

import { API_VERSION } from '../../manifests/model.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { jsonArgument } from '../json-argument.ts';
import { getRun, hasEnded } from '../objects.ts';
import type { Session } from '../session.ts';
import { alreadyEnded, sayWhenAlone } from './steer.ts';

const NAME_LIMIT = 200;

export async function signal(
  session: Session,
  options: { run: string; name: string; data: string | undefined },
): Promise<ExitCode> {
  if (options.name === '' || options.name.length > NAME_LIMIT) {
    throw new Failure(2, `signal name: expected 1 to ${NAME_LIMIT} characters, found ${options.name.length}`);
  }
  const data = options.data === undefined ? undefined : await jsonArgument(session.io, '--data', options.data);
  const store = await session.store();
  const run = await getRun(store, options.run);
  if (hasEnded(run)) throw alreadyEnded(run);
  const name = await objectName(session, options.run, options.name);
  const spec = { run: options.run, name: options.name, ...(data === undefined ? {} : { data }) };
  await store.resources.create({ apiVersion: API_VERSION, kind: 'Signal', metadata: { name }, spec });
  session.print(`signal/${name} created`);
  await sayWhenAlone(session, store);
  return 0;
}

/** RUN-NAME-xxxxx, within what names may be. */
async function objectName(session: Session, run: string, signalName: string): Promise<string> {
  const word = signalName.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60);
  return `${run.slice(0, 120)}-${word}-${await session.randomHex(5)}`;
}
