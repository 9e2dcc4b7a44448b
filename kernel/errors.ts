// Errors that cross module boundaries. Sorted by what the caller does about them: `Conflict` and
// `Unavailable` are tried again, the rest is not; a broken invariant is a bug and ends the process,
// because what is on disk is still good.

export type StoreErrorCode =
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Corrupt'
  | 'Expired'
  | 'Unavailable'
  | 'NoSpace';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** What it is about, as `KIND/NAME` or a path inside the state directory. */
  readonly ref: string;
  constructor(code: StoreErrorCode, ref: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.ref = ref;
  }
}

/** One thing that is wrong with a manifest. */
export interface Problem {
  /** Field path as Kubernetes writes it: `spec.tasks[1].dependencies[0]`; empty for the document. */
  readonly path: string;
  /** Lower case, object first, what was expected, what was found. */
  readonly message: string;
  readonly reason:
    | 'Required'
    | 'Invalid'
    | 'NotFound'
    | 'Duplicate'
    | 'NotSupported'
    | 'Forbidden'
    | 'TypeInvalid'
    | 'Unknown'
    | 'Syntax';
  /** From 1; absent when the document came without text. */
  readonly line?: number;
  readonly column?: number;
}

export class AdmissionError extends Error {
  override readonly name = 'AdmissionError';
  readonly problems: readonly Problem[];
  /** File name or another word for where the document came from. */
  readonly source: string;
  constructor(source: string, problems: readonly Problem[]) {
    super(describeProblems(source, problems));
    this.source = source;
    this.problems = problems;
  }
}

const SHOWN_PROBLEMS = 10;

/** `FILE:LINE:COLUMN: PATH: MESSAGE`, by default a line each, cut to a readable number. */
export function describeProblems(source: string, problems: readonly Problem[], separator = '\n'): string {
  const lines = problems.slice(0, SHOWN_PROBLEMS).map((problem) => {
    const place = problem.line === undefined ? source : `${source}:${problem.line}:${problem.column ?? 1}`;
    return problem.path === '' ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
  });
  const more = problems.length - lines.length;
  return (more > 0 ? [...lines, `... and ${more} more`] : lines).join(separator);
}

/** Fails loudly when the engine itself is wrong; never for bad input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
