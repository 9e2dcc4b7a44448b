// Turns what the operating system answers into what callers of the store can act on.

import { StoreError } from '../../kernel/errors.ts';

/** A StoreError for an error of the operating system; any other error as it is. */
export function storeFault(error: unknown, ref: string, doing: string): unknown {
  const code = systemCode(error);
  if (code === null || !(error instanceof Error)) return error;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new StoreError(full ? 'NoSpace' : 'Unavailable', ref, `${ref}: ${doing} failed: ${error.message}`, {
    cause: error,
  });
}

/** The file could not even be opened: it is gone, or something else stands in its place. */
export function isOpenError(error: unknown): boolean {
  return systemCode(error) !== null && error instanceof Error && 'syscall' in error && error.syscall === 'open';
}

/** ENOENT, EIO and the like; null for errors that did not come from the operating system. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
