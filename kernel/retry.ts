// Whether and when a failed or lost attempt is followed by another.
//
// Failures use up the retries that the task was given; losses of the infrastructure have a budget of
// their own, so that a bad night of the machine does not fail a healthy task.

import { hashFraction } from './hash.ts';
import type { RetryRule } from './task.ts';

/** More losses than this in one round fail the node. */
export const LOSS_LIMIT = 10;
const LOSS_DELAY_LIMIT_MS = 60_000;
const MS = 1000;

/** Index of the first rule that is for this error type; -1 when none is. */
export function matchRule(rules: readonly RetryRule[], errorType: string): number {
  return rules.findIndex(
    ({ errors, except }) =>
      errors?.includes(errorType) === true ||
      ((errors === undefined || errors.includes('*')) && except?.includes(errorType) !== true),
  );
}

/**
 * Milliseconds before retry number `retry` (from 1) under this rule. Back-off as in the Amazon States
 * Language: interval * rate^(retry-1), at most maxDelaySeconds. Without an interval there is no delay.
 */
export function retryDelayMs(rule: RetryRule, retry: number, seed: string): number {
  const interval = rule.intervalSeconds ?? 0;
  if (interval === 0) return 0;
  const grown = interval * (rule.backoffRate ?? 2) ** (retry - 1);
  const seconds = Math.min(grown, rule.maxDelaySeconds ?? Number.MAX_SAFE_INTEGER / MS);
  return seconds * MS * (rule.jitter === true ? hashFraction(seed) : 1);
}

/** The first loss is made good at once; further ones wait 1 s, 2 s, 4 s, ... */
export function lossDelayMs(losses: number): number {
  return losses <= 1 ? 0 : Math.min(MS * 2 ** (losses - 2), LOSS_DELAY_LIMIT_MS);
}
