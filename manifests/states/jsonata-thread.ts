// JSONata in a thread of its own: an expression that runs away holds up nobody and is ended at a deadline.
//
// J1  data without expressions never gets here.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { AskedThread, ThreadError } from '../thread.ts';
import { isJsonataText } from './choice.ts';
import { EngineError, queryError } from './state-error.ts';

const DEADLINE_MS = 2000;
const HEAP_LIMIT_MB = 512;

export interface Request {
  readonly template: Json;
  readonly field: string;
  readonly bindings: JsonObject;
  /** Makes what is random in the thread. */
  readonly seed: string;
}

export type Reply = { readonly value: Json } | { readonly type: string; readonly message: string };

/** Does the data hold an expression? */
function hasExpression(template: Json): boolean {
  if (typeof template === 'string') return isJsonataText(template);
  if (Array.isArray(template)) return template.some(hasExpression);
  return isObject(template) && Object.values(template).some(hasExpression);
}

export class JsonataThread {
  readonly #random: Random;
  readonly #thread = new AskedThread<Request, Reply>({
    script: new URL('./jsonata-worker.js', import.meta.url),
    deadlineMs: DEADLINE_MS,
    heapLimitMb: HEAP_LIMIT_MB,
  });

  constructor(random: Random) {
    this.#random = random;
  }

  readonly evaluate = async (template: Json, field: string, bindings: JsonObject): Promise<Json> => {
    if (!hasExpression(template)) return template;
    const reply = await this.#ask({ template, field, bindings, seed: this.#random.hex(32) });
    if ('type' in reply) throw new EngineError(reply.type, reply.message);
    return reply.value;
  };

  async #ask(request: Request): Promise<Reply> {
    try {
      return await this.#thread.ask(request);
    } catch (error) {
      if (error instanceof ThreadError) throw queryError(`a JSONata expression: ${error.message}`);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
