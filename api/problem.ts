// Errors as the clients of the API read them: Status objects, as in the Kubernetes API.
//
// Owns: every HTTP code and reason, in one table. Nothing else in the engine knows them.
//
// E1  whatever is thrown becomes a Status; what nobody expected says an id that stands in the log, and never a stack.

import { AdmissionError, type Problem, StoreError, type StoreErrorCode } from '../kernel/errors.ts';
import type { JsonObject } from '../kernel/json.ts';
import { API_GROUP, type Kind, KINDS } from '../manifests/model.ts';

export type Reason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestTimeout'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'InsufficientStorage';

const CODES: Readonly<Record<Reason, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestTimeout: 408,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  InsufficientStorage: 507,
};

const STORE_REASONS: Readonly<Record<StoreErrorCode, Reason>> = {
  NotFound: 'NotFound',
  AlreadyExists: 'AlreadyExists',
  Conflict: 'Conflict',
  Corrupt: 'InternalError',
  Expired: 'Expired',
  Unavailable: 'ServiceUnavailable',
  NoSpace: 'InsufficientStorage',
};

const CAUSES: Readonly<Record<Problem['reason'], string>> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  NotFound: 'FieldValueNotFound',
  Duplicate: 'FieldValueDuplicate',
  NotSupported: 'FieldValueNotSupported',
  Forbidden: 'FieldValueForbidden',
  TypeInvalid: 'FieldValueTypeInvalid',
  Unknown: 'FieldValueForbidden',
  Syntax: 'FieldValueInvalid',
};

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface Details {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

export interface ApiErrorOptions {
  readonly details?: Details;
  readonly headers?: { readonly [name: string]: string };
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: Reason;
  readonly details: Details;
  readonly headers: { readonly [name: string]: string };
  constructor(reason: Reason, message: string, options: ApiErrorOptions = {}) {
    super(message);
    this.reason = reason;
    this.details = options.details ?? {};
    this.headers = options.headers ?? {};
  }
  get code(): number {
    return CODES[this.reason];
  }
}

/** What an error is about, for its message and details. */
export interface Subject {
  readonly kind: Kind;
  readonly name: string;
}

export function badRequest(message: string): ApiError {
  return new ApiError('BadRequest', message);
}

export function noSuchPath(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource');
}

export function methodNotAllowed(methods: readonly string[]): ApiError {
  const allowed = [...methods].sort().join(', ');
  return new ApiError(
    'MethodNotAllowed',
    `the server does not allow this method on the requested resource; it allows ${allowed}`,
    {
      headers: { Allow: allowed },
    },
  );
}

export function notFound(plural: string, group: string, name: string): ApiError {
  const shown = group === '' ? plural : `${plural}.${group}`;
  return new ApiError('NotFound', `${shown} ${JSON.stringify(name)} not found`, {
    details: { name, ...(group === '' ? {} : { group }), kind: plural },
  });
}

export function tryAgain(reason: 'TooManyRequests' | 'ServiceUnavailable', message: string, seconds = 1): ApiError {
  return new ApiError(reason, message, {
    details: { retryAfterSeconds: seconds },
    headers: { 'Retry-After': String(seconds) },
  });
}

/** Any error as one that has a code. `report` is told of those that nobody expected, and returns the id that the client reads. */
export function toApiError(error: unknown, subject: Subject | null, report: (error: unknown) => string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof AdmissionError) return fromProblems(error, subject);
  if (error instanceof StoreError) return fromStore(error, report);
  return new ApiError('InternalError', `Internal error occurred: ${report(error)}`);
}

function pluralOf(kind: Kind): string {
  return KINDS.find((info) => info.kind === kind)?.plural ?? kind;
}

function fromStore(error: StoreError, report: (error: unknown) => string): ApiError {
  const reason = STORE_REASONS[error.code];
  const [kind = '', name] = error.ref.split('/');
  const isObject = name !== undefined && KINDS.some((info) => info.kind === kind);
  const plural = isObject ? pluralOf(kind as Kind) : '';
  const details = isObject ? { details: { name, group: API_GROUP, kind: plural } } : {};
  const subject = `${plural}.${API_GROUP} ${JSON.stringify(name ?? '')}`;
  switch (error.code) {
    case 'NotFound':
      return isObject ? notFound(plural, API_GROUP, name) : new ApiError(reason, error.message);
    case 'AlreadyExists':
      return new ApiError(reason, isObject ? `${subject} already exists` : error.message, details);
    case 'Conflict':
      return new ApiError(reason, isObject ? conflictMessage(subject, error.message) : error.message, details);
    case 'Expired':
      return new ApiError(reason, `too old resource version: ${error.message}`);
    case 'Unavailable':
      return tryAgain('ServiceUnavailable', error.message);
    case 'NoSpace':
      return new ApiError(reason, error.message);
    case 'Corrupt':
      return new ApiError(reason, `Internal error occurred: ${report(error)}`);
  }
}

function conflictMessage(subject: string, found: string): string {
  const advice = 'please apply your changes to the latest version and try again';
  return `Operation cannot be fulfilled on ${subject}: the object has been modified; ${advice} (${found})`;
}

// --- what admission found ------------------------------------------------------------------------

function fromProblems(error: AdmissionError, subject: Subject | null): ApiError {
  const { problems } = error;
  if (problems.length > 0 && problems.every(({ reason }) => reason === 'Unknown')) {
    return badRequest(`strict decoding error: ${problems.map(unknownField).join(', ')}`);
  }
  // Not an object of this kind at all: there is nothing whose fields could be named.
  const isNoObject = problems.every(({ reason, path }) => reason === 'Syntax' || path === '' || path === 'kind');
  if (subject === null || (isNoObject && !problems.some(({ reason }) => reason === 'Forbidden'))) {
    return badRequest(problems.map(inOneLine).join('; ') || error.message);
  }
  const causes = problems.map(
    (problem): Cause => ({ reason: CAUSES[problem.reason], message: placed(problem), field: problem.path }),
  );
  const found = causes.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const told = found.length === 1 ? found[0] : `[${found.join(', ')}]`;
  return new ApiError('Invalid', `${subject.kind}.${API_GROUP} ${JSON.stringify(subject.name)} is invalid: ${told}`, {
    details: { name: subject.name, group: API_GROUP, kind: subject.kind, causes },
  });
}

export function unknownField({ path, message }: Problem): string {
  const hint = /; did you mean .*/.exec(message)?.[0] ?? '';
  return `unknown field ${JSON.stringify(path)}${hint}`;
}

function inOneLine(problem: Problem): string {
  return problem.path === '' ? placed(problem) : `${problem.path}: ${placed(problem)}`;
}

function placed({ message, line, column }: Problem): string {
  return line === undefined ? message : `${message} (line ${line}, column ${column ?? 1})`;
}

// --- the body ------------------------------------------------------------------------------------

export function toStatus(error: ApiError): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: error.message,
    reason: error.reason,
    details: error.details as JsonObject,
    code: error.code,
  };
}
