// Which text a write puts into the desired file: the author's own when it says the same, else the one that stands with the least
// edits, else a new one.
//
// T1  what is written reads back as the manifest.

import { AdmissionError } from '../../kernel/errors.ts';
import type { Manifest } from '../../manifests/model.ts';
import { isSameManifest } from '../objects.ts';
import type { Documents } from './documents.ts';

/** Reading a larger text once more takes too long; who gives it has just admitted it. */
const TRUSTED_LENGTH = 64 * 1024;

export class DocumentWriter {
  readonly #documents: Documents;

  constructor(documents: Documents) {
    this.#documents = documents;
  }

  /** `standing`: the text in place, if any; `isSaid`: it says what the manifest says. */
  async text(manifest: Manifest, given: string | undefined, standing: string | null, isSaid: boolean): Promise<string> {
    if (given !== undefined && (await this.#says(given, manifest))) return given;
    return standing !== null && isSaid ? standing : this.#documents.write(manifest, standing);
  }

  async #says(text: string, manifest: Manifest): Promise<boolean> {
    if (text.length > TRUSTED_LENGTH) return true;
    const place = { source: 'document', kind: manifest.kind, name: manifest.metadata.name };
    try {
      const read = await this.#documents.read(text, place);
      return read.isVerbatim && isSameManifest(read.manifest, manifest);
    } catch (error) {
      if (error instanceof AdmissionError) return false;
      throw error;
    }
  }
}
