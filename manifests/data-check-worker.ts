// The thread in which data is checked: says that it is ready, then answers one request after the other.

import { parentPort } from 'node:worker_threads';
import type { JsonObject } from '../kernel/json.ts';
import type { Reply, Request } from './data-checks.ts';
import { compileDataCheck } from './schema.ts';

type Check = ReturnType<typeof compileDataCheck>;

/** Schemas that were compiled, by their text; the least used are forgotten. */
class Compiled {
  readonly #limit = 200;
  /** The one that was used last stands last. */
  readonly #checks = new Map<string, Check>();

  of(schema: string): Check {
    const check = this.#checks.get(schema) ?? compileDataCheck(JSON.parse(schema) as JsonObject);
    this.#checks.delete(schema);
    this.#checks.set(schema, check);
    const [oldest] = this.#checks.keys();
    if (this.#checks.size > this.#limit && oldest !== undefined) this.#checks.delete(oldest);
    return check;
  }
}

function answer(compiled: Compiled, { schema, data }: Request): Reply {
  try {
    const problem = compiled.of(schema)(data);
    return problem === undefined ? {} : { problem: { path: problem.path, message: problem.message } };
  } catch (error) {
    // No schema, one that refers to itself without end, or data that is nested too deeply for it.
    return { problem: { path: [], message: `cannot be checked: ${String(error).slice(0, 300)}` } };
  }
}

const compiled = new Compiled();
// A first schema loads the validator, so that the deadline is for the data only.
compiled.of('{}');
parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(compiled, request)));
parentPort?.postMessage('ready');
