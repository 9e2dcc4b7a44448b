// `delete KIND NAME`, `delete KIND/NAME`, `delete -f FILE`.

import { StoreError } from '../../kernel/errors.ts';
import type { Kind } from '../../manifests/model.ts';
import { readDocuments } from '../documents.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { isStoredKind, missing, nameOf, parseKind, parseTargets } from '../kinds.ts';
import type { Session } from '../session.ts';

export interface DeleteOptions {
  readonly targets: readonly string[];
  readonly files: readonly string[];
  readonly isRecursive: boolean;
  readonly ignoreMissing: boolean;
}

export async function deleteObjects(session: Session, options: DeleteOptions): Promise<ExitCode> {
  const targets = await targetsOf(session, options);
  const store = await session.store();
  const notThere: Failure[] = [];
  for (const { kind, name } of targets) {
    try {
      const { finalizers = [] } = (await store.resources.delete(kind, name)).metadata;
      if (finalizers.length === 0) session.print(`${nameOf(kind, name)} deleted`);
      else session.print(`${nameOf(kind, name)} goes when its finalizers are taken off: ${finalizers.join(', ')}`);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'NotFound') throw error;
      if (!options.ignoreMissing) notThere.push(missing(parseKind(kind), name));
    }
  }
  // The others are gone all the same; the last message is told by the caller.
  for (const failure of notThere.slice(0, -1)) session.say(`error: ${failure.message}`);
  const last = notThere.at(-1);
  if (last !== undefined) throw last;
  return 0;
}

async function targetsOf(session: Session, options: DeleteOptions): Promise<{ kind: Kind; name: string }[]> {
  if (options.files.length > 0) {
    if (options.targets.length > 0) throw new Failure(2, 'expected names or -f, found both');
    const documents = await readDocuments(session, { ...options, name: undefined });
    return documents.map(({ manifest }) => ({ kind: manifest.kind, name: manifest.metadata.name }));
  }
  return parseTargets(options.targets).map(({ kind, name }) => {
    if (!isStoredKind(kind.kind)) throw new Failure(2, `${kind.plural} are views and cannot be deleted`);
    if (name === null)
      throw new Failure(2, `expected the name of a ${kind.singular}`, `\`oarlock get ${kind.plural}\` lists them`);
    return { kind: kind.kind, name };
  });
}
