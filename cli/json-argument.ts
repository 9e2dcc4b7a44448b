// JSON on the command line: as it is, or @FILE (or @- for standard input).

import { resolve } from 'node:path';
import type { Json } from '../kernel/json.ts';
import { readInput } from '../store/file/input.ts';
import { Failure } from './failure.ts';
import type { Io } from './io.ts';

/** Exit code 2 when it is no JSON; `option` is what the user wrote before it. */
export async function jsonArgument(io: Io, option: string, value: string): Promise<Json> {
  const source = value.startsWith('@') ? value.slice(1) : null;
  const text = source === null ? value : await readText(io, option, source);
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(
      2,
      `${option}: expected JSON or @FILE, found no valid JSON${source === null ? '' : ` in ${source}`}: ${reason}`,
    );
  }
}

async function readText(io: Io, option: string, source: string): Promise<string> {
  const bytes = source === '-' ? await io.readStdin() : readInput(resolve(io.workingDir, source));
  if (bytes === null) throw new Failure(1, `${option}: file ${source} does not exist`);
  return new TextDecoder().decode(bytes);
}
