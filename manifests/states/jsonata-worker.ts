// The thread in which JSONata is evaluated: says that it is ready, then answers one request after the other.

import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { Random } from '../../kernel/ports.ts';
import { evaluateTemplate } from './jsonata.ts';
import type { Reply, Request } from './jsonata-thread.ts';
import { StateError } from './state-error.ts';

/** Chance that follows from the seed that came with the request. */
function chanceOf(seed: string): Random {
  let count = 0;
  const next = (): string => {
    count += 1;
    return createHash('sha256').update(`${seed}/${count}`).digest('hex');
  };
  return {
    hex: (digits) => next().slice(0, digits),
    uuid: () => {
      const digits = next();
      const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16);
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
    },
  };
}

async function answer({ template, field, bindings, seed }: Request): Promise<Reply> {
  try {
    return { value: await evaluateTemplate(template, field, bindings, chanceOf(seed)) };
  } catch (error) {
    if (error instanceof StateError) return { type: error.type, message: error.message };
    throw error;
  }
}

parentPort?.on('message', (request: Request) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});
parentPort?.postMessage('ready');
