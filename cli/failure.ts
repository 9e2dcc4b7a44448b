// How a verb ends when it cannot do what was asked, and what people read then. Exit codes are a contract: 1 the run
// failed or the thing does not exist, 2 wrong usage or an invalid manifest.

import { AdmissionError, StoreError } from '../kernel/errors.ts';

export type ExitCode = 0 | 1 | 2 | 130;

/** Ends the verb with a message for people; `hint` says what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;
  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

export interface Explained {
  readonly exitCode: ExitCode;
  readonly text: string;
}

/** Any error as an exit code and the text for stderr. */
export function explain(error: unknown): Explained {
  if (error instanceof Failure) {
    const hint = error.hint === undefined ? '' : `\n${error.hint}`;
    return { exitCode: error.exitCode, text: `error: ${error.message}${hint}\n` };
  }
  // FILE:LINE:COLUMN stands first, as editors and other tools expect it.
  if (error instanceof AdmissionError) return { exitCode: 2, text: `${error.message}\n` };
  if (error instanceof StoreError) return { exitCode: 1, text: `error: ${error.message}\n` };
  // What the system refused is no fault of the engine: a full disk, a file without permission.
  if (isSystemError(error)) return { exitCode: 1, text: `error: ${error.message}\n` };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: 1, text: `error: oarlock itself failed; please report this\n${detail}\n` };
}

/** Thrown by Node for what the operating system refused. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
