// Is a task fit to run? What admission checks for manifests with line and column, checked again for tasks that come while a run
// is going on: conditions and paths can be read, and data is not nested without end.

import { parseExpression } from './expression.ts';
import { type Json, isObject } from './json.ts';
import { isPath, parsePath, PathSyntaxError } from './paths.ts';
import type { TaskSpec } from './task.ts';

const DEPTH_LIMIT = 100;

/** Null when it is, else what is wrong. */
export function checkTask(task: TaskSpec): string | null {
  // Input and memo are data that nothing here walks over, and may be large.
  const { input: _input, memo: _memo, ...walked } = task;
  const tooDeep = deeperThan(walked as unknown as Json, DEPTH_LIMIT);
  if (tooDeep) return `expected at most ${DEPTH_LIMIT} levels of data`;
  return (
    syntaxProblem('when', task.when, parseExpression) ??
    leaves(task.with ?? {}).reduce<string | null>(
      (found, leaf) => found ?? (isPath(leaf) ? syntaxProblem('with', leaf, parsePath) : null),
      null,
    )
  );
}

function syntaxProblem(field: string, text: string | undefined, parse: (text: string) => unknown): string | null {
  if (text === undefined) return null;
  try {
    parse(text);
    return null;
  } catch (error) {
    if (error instanceof PathSyntaxError) return `${field}: ${error.message}`;
    throw error;
  }
}

function childrenOf(value: Json): Json[] {
  return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
}

/** Level by level, so that no depth overflows the stack. */
function deeperThan(value: Json, limit: number): boolean {
  let level: Json[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap(childrenOf);
  }
  return false;
}

function leaves(value: Json): Json[] {
  const inner = childrenOf(value);
  return inner.length === 0 ? [value] : inner.flatMap(leaves);
}
