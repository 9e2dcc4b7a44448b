// Objects that exist on a fresh engine without anybody having made them: an object of the same name takes their place, and when that
// is deleted they are there again.

import { createHash } from 'node:crypto';
import { AdmissionError, StoreError } from '../kernel/errors.ts';
import type { Kind, Manifest, Resource } from '../manifests/model.ts';
import { freeze, newRecord, notFound, refOf, timeOf, toResource } from './objects.ts';
import type { WriteOptions } from './store.ts';

export class Builtins {
  readonly #resources = new Map<string, Resource>();
  readonly #names = new Map<Kind, string[]>();

  constructor(manifests: ReadonlyMap<string, Manifest>) {
    for (const manifest of manifests.values()) {
      const { kind, metadata } = manifest;
      const ref = refOf(kind, metadata.name);
      this.#resources.set(ref, freeze(toResource(newRecord(manifest, builtinUid(ref), timeOf(0), {}), 0, null)));
      this.#names.set(kind, [...(this.#names.get(kind) ?? []), metadata.name]);
    }
  }

  get(kind: Kind, name: string): Resource | null {
    return this.#resources.get(refOf(kind, name)) ?? null;
  }

  names(kind: Kind): readonly string[] {
    return this.#names.get(kind) ?? [];
  }

  /** Throws when there is no such object to replace, or when it is not the one expected. */
  checkReplace(kind: Kind, name: string, options: WriteOptions): void {
    const builtin = this.get(kind, name);
    if (builtin === null) throw notFound(kind, name);
    const { resourceVersion } = builtin.metadata;
    if (options.expected === undefined || options.expected === resourceVersion) return;
    const ref = refOf(kind, name);
    const message = `${ref}: resourceVersion is ${resourceVersion} (built in), expected ${options.expected}`;
    throw new StoreError('Conflict', ref, message);
  }

  /** Throws when that is what somebody asks to delete. */
  refuseDelete(kind: Kind, name: string): void {
    if (this.get(kind, name) === null) return;
    const message = 'expected an object that somebody made, found one that is built in';
    throw new AdmissionError(refOf(kind, name), [{ path: '', reason: 'Forbidden', message }]);
  }
}

/** The same in every process and for ever, in the form of a uid. */
function builtinUid(ref: string): string {
  const hex = createHash('sha256').update(`builtin ${ref}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Two sorted lists as one, without doubles. */
export function mergeNames(a: readonly string[], b: readonly string[]): readonly string[] {
  return b.length === 0 ? a : [...new Set([...a, ...b])].sort();
}

/** Index of the first name after `after` in a sorted list. */
export function firstAfter(names: readonly string[], after: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
