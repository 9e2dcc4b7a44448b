// `validate -f FILE`: says what is wrong with manifests. Opens no state directory and changes nothing.

import { type DocumentOptions, readDocuments } from '../documents.ts';
import type { ExitCode } from '../failure.ts';
import { nameOf } from '../kinds.ts';
import type { Session } from '../session.ts';

export async function validate(session: Session, options: DocumentOptions): Promise<ExitCode> {
  for (const { manifest } of await readDocuments(session, options)) {
    session.print(`${nameOf(manifest.kind, manifest.metadata.name)} valid`);
  }
  return 0;
}
