// What all verbs have in common on the command line: how one is declared, and the values that options take.

import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../failure.ts';
import type { Session } from '../session.ts';

export type Options = { readonly [name: string]: unknown };

/** Ties a command to what it does. */
export type Act = (
  command: Command,
  body: (session: Session, options: Options, words: string[]) => Promise<ExitCode>,
) => void;

/** `summary` stands in the list of verbs; `description` on the verb's own page. */
export function verb(
  root: Command,
  name: string,
  [summary, description]: readonly [summary: string, description: string],
  ...shown: [line: string, comment: string][]
): Command {
  return root
    .command(name)
    .summary(summary)
    .description(description)
    .addHelpText('after', examples(...shown));
}

export function examples(...shown: [line: string, comment: string][]): string {
  const width = Math.max(...shown.map(([line]) => line.length));
  return `\nExamples:\n${shown.map(([line, comment]) => `  $ ${line.padEnd(width)}  # ${comment}\n`).join('')}`;
}

// --- values ------------------------------------------------------------------------------------

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

export function collect(value: string, previous: unknown): string[] {
  return [...texts(previous), value];
}

export function whole(least: number, most: number): (value: string) => number {
  return (value) => {
    const parsed = Number(value);
    if (!/^\d+$/.test(value) || parsed < least || parsed > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return parsed;
  };
}
