// Task tokens: what a Task that waits for a callback gives away, and by which whoever answers finds it again.
//
// A token is the name of the Signal that the node waits for: RUN, a tilde, and 32 hexadecimal digits that nobody can guess. So an answer
// is a Signal {run, name: TOKEN, data}: data is the output, or {error, cause} for a failure.

import type { Random } from '../../kernel/ports.ts';

const TOKEN = /^(.+)~[0-9a-f]{32}$/s;

export function newToken(run: string, random: Random): string {
  return `${run}~${random.hex(32)}`;
}

/** The run that a token is for; null when the text is none. */
export function runOfToken(token: string): string | null {
  return TOKEN.exec(token)?.[1] ?? null;
}
