// How a task that runs in a JavaScript host fails: with a type for `catch` and `retry`, and a message for people.

export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly type: string;
  /** Another attempt would fail the same way. */
  readonly isPermanent: boolean;
  constructor(type: string, message: string, options: { cause?: unknown; isPermanent?: boolean } = {}) {
    super(message, options);
    this.type = type;
    this.isPermanent = options.isPermanent === true;
  }

  /** The name of a thrown error is its type; a plain Error, and what is no Error at all, is TaskFailed. */
  static of(error: unknown): TaskFailure {
    if (error instanceof TaskFailure) return error;
    if (!isError(error))
      return new TaskFailure('TaskFailed', typeof error === 'string' ? error : `threw ${describe(error)}`);
    const type = error.name === '' || error.name === 'Error' ? 'TaskFailed' : error.name;
    return new TaskFailure(type, error.message === '' ? error.name : error.message, { cause: error });
  }
}

/** An Error of another realm is one too. */
function isError(value: unknown): value is Error {
  return (
    value instanceof Error ||
    (typeof value === 'object' &&
      value !== null &&
      'name' in value &&
      'message' in value &&
      typeof value.name === 'string' &&
      typeof value.message === 'string')
  );
}

function describe(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
