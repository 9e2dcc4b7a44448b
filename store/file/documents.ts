// Documents as the store on files needs them: admission and editing of manifests/, bound to files that hold one object each.

import { admit } from '../../manifests/admit.ts';
import { writeDocument } from '../../manifests/document.ts';
import type { Kind, Manifest } from '../../manifests/model.ts';

/** Where a document stands, and the object that it is expected to be. */
export interface DocumentPlace {
  /** For messages. */
  readonly source: string;
  readonly kind: Kind;
  /** For a document that names nothing. */
  readonly name: string;
}

export interface ReadDocument {
  readonly manifest: Manifest;
  /** The document is the manifest as it stands, not one that the engine completed. */
  readonly isVerbatim: boolean;
}

export interface Documents {
  /** Throws AdmissionError. */
  read(content: string | Uint8Array, place: DocumentPlace): Promise<ReadDocument>;
  /** The standing text with as few changes as make it say what the manifest says; without one, a new text. */
  write(manifest: Manifest, standing: string | null): Promise<string>;
}

export function createDocuments(): Documents {
  return {
    async read(content, { source, kind, name }) {
      const from = typeof content === 'string' ? { text: content } : { bytes: content };
      const { manifests } = await admit({ name: source, kind, defaultName: name, single: true, ...from });
      const only = manifests[0];
      if (only === undefined) throw new Error(`${source}: expected one manifest of an admitted document, found none`);
      return { manifest: only.manifest, isVerbatim: only.text !== undefined };
    },
    write: writeDocument,
  };
}
