// `apply -f FILE|DIR|-`: creates objects, or changes them to what their manifests say.

import { applyManifest } from '../apply-manifest.ts';
import { type DocumentOptions, readDocuments } from '../documents.ts';
import type { ExitCode } from '../failure.ts';
import { nameOf } from '../kinds.ts';
import type { Session } from '../session.ts';

export async function apply(session: Session, options: DocumentOptions): Promise<ExitCode> {
  const documents = await readDocuments(session, options);
  const store = await session.store();
  for (const document of documents) {
    const { object, result } = await applyManifest(store, document);
    session.print(`${nameOf(object.kind, object.metadata.name)} ${result}`);
  }
  return 0;
}
