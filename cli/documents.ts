// Manifests that the user names: files, directories or standard input, read and admitted.
//
// I1  all or nothing: when one document of one file is wrong, every problem of every file is told and nothing is changed.

import { join, relative, resolve } from 'node:path';
import { AdmissionError } from '../kernel/errors.ts';
import type { Admission, Source } from '../manifests/admit.ts';
import type { Manifest } from '../manifests/model.ts';
import { inputKind, listManifests, readInput } from '../store/file/input.ts';
import { Failure } from './failure.ts';
import type { Session } from './session.ts';

export interface DocumentOptions {
  /** Files, directories, or `-`. */
  readonly files: readonly string[];
  readonly isRecursive: boolean;
  /** For a document that has no name of its own. */
  readonly name: string | undefined;
}

export interface NamedDocument {
  readonly manifest: Manifest;
  /** As its author wrote it, when it says the same as the manifest. */
  readonly text?: string;
}

/** Throws a Failure with exit code 2 that holds every problem. */
export async function readDocuments(session: Session, options: DocumentOptions): Promise<NamedDocument[]> {
  const sources = await readSources(session, options);
  const { admit } = await import('../manifests/admit.ts');
  const documents: NamedDocument[] = [];
  const problems: string[] = [];
  for (const source of sources) {
    const admission = await admit(source).catch((error: unknown) => {
      if (!(error instanceof AdmissionError)) throw error;
      problems.push(error.message);
      return null;
    });
    if (admission === null) continue;
    warn(session, source, admission);
    for (const { manifest, text } of admission.manifests) {
      documents.push(text === undefined ? { manifest } : { manifest, text });
    }
  }
  if (problems.length > 0) throw new Invalid(problems.join('\n'));
  if (documents.length === 0) throw new Failure(2, `${options.files.join(', ')}: expected a manifest, found none`);
  return documents;
}

/** What AdmissionError says of one source, of several. */
class Invalid extends AdmissionError {
  constructor(text: string) {
    super('', []);
    this.message = text;
  }
}

function warn(session: Session, source: Source, admission: Admission): void {
  for (const { warnings } of admission.manifests) {
    for (const { line, column, path, message } of warnings) {
      const place = line === undefined ? source.name : `${source.name}:${line}:${column ?? 1}`;
      session.say(`${place}: warning: ${path === '' ? '' : `${path}: `}${message}`);
    }
  }
}

async function readSources(session: Session, options: DocumentOptions): Promise<Source[]> {
  const { io } = session;
  const { nameOfFile } = await import('../manifests/names.ts');
  const sources: Source[] = [];
  for (const file of options.files) {
    if (file === '-') {
      const defaultName = options.name ?? `manifest-${await session.randomHex(5)}`;
      sources.push({ name: '-', bytes: await io.readStdin(), defaultName });
      continue;
    }
    for (const path of pathsOf(io.workingDir, file, options.isRecursive)) {
      const bytes = readInput(resolve(io.workingDir, path));
      if (bytes === null) throw missingFile(path);
      sources.push({ name: path, bytes, defaultName: options.name ?? nameOfFile(path) });
    }
  }
  return sources;
}

/** As the user would write them, so that messages can be clicked. */
function pathsOf(workingDir: string, file: string, isRecursive: boolean): string[] {
  const absolute = resolve(workingDir, file);
  switch (inputKind(absolute)) {
    case 'missing':
      throw missingFile(file);
    case 'file':
      return [file];
    case 'directory': {
      const found = listManifests(absolute, isRecursive);
      if (found.length === 0) {
        throw new Failure(
          2,
          `${file}: expected .yaml, .yml or .json files, found none`,
          isRecursive ? undefined : 'with -R directories inside it are searched, too',
        );
      }
      return found.map((path) => join(file, relative(absolute, path)));
    }
  }
}

export function missingFile(file: string): Failure {
  return new Failure(1, `file ${file} does not exist`);
}
