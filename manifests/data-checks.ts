// Data against the schemas that users write, in a thread of its own: a schema may hold a pattern that takes for ever (ajv leaves that to
// its author), and then only the check is ended, and says so.
//
// D1  an answer follows from schema and data alone; one that took too long is a problem of the data, never a silent yes.
// D2  schemas are compiled once, by their text, and the least used are forgotten (data-check-worker.ts).

import type { Json, JsonObject } from '../kernel/json.ts';
import { formatPath } from './problems.ts';
import type { DataProblem } from './schema.ts';
import { AskedThread, ThreadError } from './thread.ts';

const DEADLINE_MS = 1000;
const HEAP_LIMIT_MB = 512;

export interface Request {
  /** A schema as JSON. */
  readonly schema: string;
  readonly data: Json;
}

export interface Reply {
  readonly problem?: DataProblem;
}

export class DataChecks {
  readonly #texts = new WeakMap<JsonObject, string>();
  readonly #thread = new AskedThread<Request, Reply>({
    script: new URL('./data-check-worker.js', import.meta.url),
    deadlineMs: DEADLINE_MS,
    heapLimitMb: HEAP_LIMIT_MB,
  });

  /** Undefined when it fits. */
  async check(schema: JsonObject, data: Json): Promise<DataProblem | undefined> {
    const text = this.#texts.get(schema) ?? JSON.stringify(schema);
    this.#texts.set(schema, text);
    try {
      return (await this.#thread.ask({ schema: text, data })).problem;
    } catch (error) {
      if (error instanceof ThreadError) return { path: [], message: `check against its schema: ${error.message}` };
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** `input.items[3].size: expected a whole number, found the text "x"`. */
export function dataMessage(what: string, { path, message }: DataProblem): string {
  return `${formatPath([what, ...path])}: ${message}`;
}
