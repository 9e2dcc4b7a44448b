// `signal RUN NAME`: makes a Signal object, which the controller hands to the node that waits for it. What the node asks for is asked of
// whoever sits at the terminal, and nothing is made of data that it would not take.

import { formsOf } from '../../kernel/form.ts';
import type { Json } from '../../kernel/json.ts';
import type { Run } from '../../kernel/run.ts';
import { API_VERSION } from '../../manifests/model.ts';
import { askFor } from '../ask.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { jsonArgument } from '../json-argument.ts';
import { hasEnded } from '../objects.ts';
import { openRun } from '../runs.ts';
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
  const given = options.data === undefined ? undefined : await jsonArgument(session.io, '--data', options.data);
  const store = await session.store();
  const { object, run } = await openRun(store, options.run);
  if (hasEnded(object)) throw alreadyEnded(object);
  const data = given ?? (run === null ? undefined : await askedFor(session, run, options.name));
  if (run !== null) await checkData(run, options.name, data);
  const name = await objectName(session, options.run, options.name);
  const spec = { run: options.run, name: options.name, ...(data === undefined ? {} : { data }) };
  await store.resources.create({ apiVersion: API_VERSION, kind: 'Signal', metadata: { name }, spec });
  session.print(`signal/${name} created`);
  await sayWhenAlone(session, store);
  return 0;
}

/** What somebody at a terminal answers; undefined when nothing is asked for, or nobody is there. */
async function askedFor(session: Session, run: Run, name: string): Promise<Json | undefined> {
  const [form] = formsOf(run, name);
  const { prompt } = session.io;
  if (form === undefined || prompt === null) return undefined;
  const { DataChecks } = await import('../../manifests/data-checks.ts');
  const checks = new DataChecks();
  try {
    const data = await askFor(form, prompt, checks);
    if (data === null) throw new Failure(1, 'nothing was sent');
    return data;
  } finally {
    await checks.close();
  }
}

async function checkData(run: Run, name: string, data: Json | undefined): Promise<void> {
  if (formsOf(run, name).length === 0) return;
  const { signalProblem } = await import('../../manifests/signal-form.ts');
  const { dataMessage } = await import('../../manifests/data-checks.ts');
  const problem = await signalProblem(run, name, data ?? null);
  if (problem === undefined) return;
  const hint = `\`oarlock describe run ${run.name}\` says what is asked for; without --data it is asked at the terminal`;
  throw new Failure(2, dataMessage('data', problem), hint);
}

/** RUN-NAME-xxxxx, within what names may be. */
async function objectName(session: Session, run: string, signalName: string): Promise<string> {
  const word = signalName.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60);
  return `${run.slice(0, 120)}-${word}-${await session.randomHex(5)}`;
}
