// From a desired file, as a person left it, to the object that it makes.
//
// H1  whatever is in the file, the answer is a record: the new version, or the last good one with the reason why the file does not count.
// H2  the file itself is never written.

import { AdmissionError, describeProblems } from '../../kernel/errors.ts';
import type { Kind, Manifest } from '../../manifests/model.ts';
import { freeze, isSameJson, isSameManifest, type Refusal } from '../objects.ts';
import { type Look, unreadableReason } from './desired.ts';
import type { Documents } from './documents.ts';
import type { FileRecord } from './records.ts';

interface Reading {
  readonly manifest: Manifest | null;
  readonly refusal: Omit<Refusal, 'since'> | null;
}

export interface HandEdit {
  readonly kind: Kind;
  readonly name: string;
  /** How the file is called in messages: its path under the state directory. */
  readonly source: string;
  readonly look: Look;
  /** Other files for the same name. */
  readonly others: readonly string[];
  readonly previous: FileRecord | null;
  /** For an object that is new. */
  readonly uid: string;
  readonly time: string;
}

export async function recordOfFile(documents: Documents, edit: HandEdit): Promise<FileRecord> {
  const { previous, time } = edit;
  const reading = await read(documents, edit);
  const manifest = reading.manifest ?? previous?.manifest ?? null;
  const refusal = withSince(reading.refusal ?? duplicate(edit), previous?.refusal ?? null, time);
  const base = previous ?? {
    kind: edit.kind,
    name: edit.name,
    uid: edit.uid,
    generation: 1,
    created: time,
    deleted: null,
    managedFields: null,
    accepted: time,
    reported: [],
  };
  const isSpecChanged = previous !== null && !isSameJson(previous.manifest?.spec, manifest?.spec);
  return freeze({
    ...base,
    generation: base.generation + (isSpecChanged ? 1 : 0),
    // Who edits the file by hand owns nothing that `apply` would have to give back.
    manifest: previous !== null && isSameManifest(previous.manifest, manifest) ? previous.manifest : manifest,
    accepted: previous !== null && previous.refusal === null ? previous.accepted : time,
    refusal,
    mark: edit.look.mark,
  });
}

async function read(documents: Documents, { kind, name, source, look }: HandEdit): Promise<Reading> {
  const reason = unreadableReason(look.mark);
  if (look.bytes === null) {
    return {
      manifest: null,
      refusal: { reason: 'InvalidManifest', message: `${source}: ${reason ?? 'expected a regular file'}` },
    };
  }
  try {
    const { manifest } = await documents.read(look.bytes, { source, kind, name });
    if (manifest.metadata.name !== name) {
      const found = manifest.metadata.name;
      const place = `${source}${placeOfName(look.bytes, found)}`;
      const message = `${place}: metadata.name: expected "${name}", the name of the file, found "${found}"`;
      return { manifest: null, refusal: { reason: 'NameMismatch', message } };
    }
    return { manifest, refusal: null };
  } catch (error) {
    if (!(error instanceof AdmissionError)) throw error;
    return {
      manifest: null,
      refusal: { reason: 'InvalidManifest', message: describeProblems(source, error.problems, '; ') },
    };
  }
}

/** `:LINE:COLUMN` of the name in the text, as well as it can be found; empty when it cannot. */
function placeOfName(bytes: Buffer, name: string): string {
  const text = bytes.toString();
  const quoted = name.replaceAll(/[^\w-]/g, (character) => `\\${character}`);
  const found = new RegExp(`\\b(?:name|id)["']?[ \\t]*:[ \\t]*["']?(?=${quoted}(?![\\w.-]))`).exec(text);
  if (found === null) return '';
  const before = text.slice(0, found.index + found[0].length);
  return `:${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`;
}

function duplicate({ others, source, look }: HandEdit): Omit<Refusal, 'since'> | null {
  if (others.length === 0) return null;
  const directory = source.slice(0, -look.mark.file.length);
  const files = others.map((file) => `${directory}${file}`).join(', ');
  return {
    reason: 'Duplicate',
    message: `${files}: expected one file for the name, ${source} stands already and counts`,
  };
}

function withSince(refusal: Omit<Refusal, 'since'> | null, before: Refusal | null, time: string): Refusal | null {
  if (refusal === null) return null;
  const isSame = before !== null && before.reason === refusal.reason && before.message === refusal.message;
  return isSame ? before : { ...refusal, since: time };
}
