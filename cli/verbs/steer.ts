// `suspend`, `resume`, `cancel` and `restart`: edits of a run's spec, as anybody could make them in its file.

import type { JsonObject } from '../../kernel/json.ts';
import type { Resource } from '../../manifests/model.ts';
import type { Store } from '../../store/store.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { editSpec, getRun, hasEnded, listAt, phaseOfRun } from '../objects.ts';
import { noNode, openStartedRun } from '../runs.ts';
import type { Session } from '../session.ts';

type Verb = 'suspend' | 'resume' | 'cancel';

const DONE: Readonly<Record<Verb, string>> = { suspend: 'suspended', resume: 'resumed', cancel: 'being cancelled' };

export async function steer(session: Session, verb: Verb, names: readonly string[]): Promise<ExitCode> {
  const store = await session.store();
  for (const name of names) {
    const result = await steerRun(store, verb, name);
    session.print(`workflowrun/${name} ${result === 'edited' ? DONE[verb] : 'unchanged'}`);
  }
  await sayWhenAlone(session, store);
  return 0;
}

export function steerRun(store: Store, verb: Verb, name: string): Promise<'edited' | 'unchanged'> {
  return editSpec(
    store,
    () => getRun(store, name),
    (run) => {
      if (hasEnded(run)) throw alreadyEnded(run);
      return edited(verb, run.spec);
    },
  );
}

/** Null when the spec says it already. */
function edited(verb: Verb, spec: JsonObject): JsonObject | null {
  if (verb === 'cancel') return spec['cancel'] === true ? null : { ...spec, cancel: true };
  if (verb === 'suspend') return spec['suspend'] === true ? null : { ...spec, suspend: true };
  if (spec['suspend'] !== true) return null;
  const { suspend: _suspend, ...rest } = spec;
  return rest;
}

export async function restart(session: Session, options: { run: string; node: string }): Promise<ExitCode> {
  const store = await session.store();
  const { run } = await openStartedRun(store, options.run);
  if (!run.nodes.has(options.node)) throw noNode(run, options.node);
  if (run.undoing !== null)
    throw new Failure(1, `run "${options.run}" was undone and cannot be restarted`, 'start a new run instead');
  const nonce = await session.randomHex(8);
  await editSpec(
    store,
    () => getRun(store, options.run),
    (object) => {
      if (object.spec['cancel'] === true) {
        throw new Failure(1, `run "${options.run}" was cancelled and cannot be restarted`, 'start a new run instead');
      }
      return { ...object.spec, restart: [...listAt(object.spec, 'restart'), { node: options.node, nonce }] };
    },
  );
  session.print(`workflowrun/${options.run} restarted from ${options.node}`);
  await sayWhenAlone(session, store);
  return 0;
}

export function alreadyEnded(run: Resource): Failure {
  return new Failure(1, `run "${run.metadata.name}" has already ended: ${phaseOfRun(run)}`);
}

export async function sayWhenAlone(session: Session, store: Store): Promise<void> {
  if (await store.seats.isControllerAlive()) return;
  session.say(`note: nothing serves ${session.stateName} now; \`oarlock up\` makes it happen`);
}
