// One manifest made true in the store: what `apply` and `run FILE` do.

import { StoreError } from '../kernel/errors.ts';
import type { Resource } from '../manifests/model.ts';
import { isSameManifest } from '../store/objects.ts';
import type { Store } from '../store/store.ts';
import type { NamedDocument } from './documents.ts';
import { checkReadable, manifestOf } from './objects.ts';

export type Applied = 'created' | 'configured' | 'unchanged';

export interface AppliedObject {
  readonly object: Resource;
  readonly result: Applied;
}

const TRIES = 20;

export async function applyManifest(store: Store, { manifest, text }: NamedDocument): Promise<AppliedObject> {
  const options = text === undefined ? {} : { text };
  for (let tries = 1; ; tries += 1) {
    const current = await store.resources.get(manifest.kind, manifest.metadata.name);
    try {
      if (current === null) return { object: await store.resources.create(manifest, options), result: 'created' };
      checkReadable(current);
      const { uid, resourceVersion } = current.metadata;
      const object = await store.resources.update(manifest, { ...options, uid, expected: resourceVersion });
      // A document that says the same in other words is kept as it was written now, and changes nothing.
      const isSame = isSameManifest(manifestOf(current), manifestOf(object));
      return { object, result: isSame ? 'unchanged' : 'configured' };
    } catch (error) {
      // Somebody else made, changed or deleted it in between: look again.
      if (!isLostRace(error) || tries === TRIES) throw error;
    }
  }
}

function isLostRace(error: unknown): boolean {
  return error instanceof StoreError && ['AlreadyExists', 'Conflict', 'NotFound'].includes(error.code);
}
