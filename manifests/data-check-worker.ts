// The thread in which data is checked: says that it is ready, then answers one request after the other.

import { parentPort } from 'node:worker_threads';
import type { JsonObject } from '../kernel/json.ts';
import type { Reply, Request } from './data-checks.ts';
import { compileDataCheck } from './schema.ts';

const KEPT = 200;
const checks = new Map<string, ReturnType<typeof compileDataCheck>>();

/** The one that was used last stands last. */
function checkFor(schema: string): ReturnType<typeof compileDataCheck> {
  const check = checks.get(schema) ?? compileDataCheck(JSON.parse(schema) as JsonObject);
  checks.delete(schema);
  checks.set(schema, check);
  const [oldest] = checks.keys();
  if (checks.size > KEPT && oldest !== undefined) checks.delete(oldest);
  return check;
}

function answer({ schema, data }: Request): Reply {
  try {
    const problem = checkFor(schema)(data);
    return problem === undefined ? {} : { problem: { path: problem.path, message: problem.message } };
  } catch (error) {
    // No schema, one that refers to itself without end, or data that is nested too deeply for it.
    return { problem: { path: [], message: `cannot be checked: ${String(error).slice(0, 300)}` } };
  }
}

// Compiling a first schema loads the validator, so that the deadline is for the data only.
checkFor('{}');
parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(request)));
parentPort?.postMessage('ready');
