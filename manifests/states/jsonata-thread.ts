// JSONata in a thread of its own: an expression that runs away holds up nobody and is ended at a deadline.
//
// J1  the thread starts with the first expression and is used for all that follow; one that had to be ended is replaced.
// J2  expressions are evaluated one after the other; the deadline counts from the moment at which one is begun.
// J3  data without expressions never gets here.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import { isJsonataText } from './choice.ts';
import { EngineError, queryError, StateError } from './state-error.ts';

const DEADLINE_MS = 2000;
const START_LIMIT_MS = 30_000;
const HEAP_LIMIT_MB = 512;

export interface Request {
  readonly template: Json;
  readonly field: string;
  readonly bindings: JsonObject;
  /** Makes what is random in the thread. */
  readonly seed: string;
}

export type Reply =
  | { readonly ready: true }
  | { readonly value: Json }
  | { readonly type: string; readonly message: string };

/** Does the data hold an expression? */
function hasExpression(template: Json): boolean {
  if (typeof template === 'string') return isJsonataText(template);
  if (Array.isArray(template)) return template.some(hasExpression);
  return isObject(template) && Object.values(template).some(hasExpression);
}

export class JsonataThread {
  readonly #random: Random;
  #worker: Promise<Worker> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(random: Random) {
    this.#random = random;
  }

  readonly evaluate = (template: Json, field: string, bindings: JsonObject): Promise<Json> => {
    if (!hasExpression(template)) return Promise.resolve(template);
    const request: Request = { template, field, bindings, seed: this.#random.hex(32) };
    const answer = this.#last.then(() => this.#ask(request));
    this.#last = answer.catch(() => undefined);
    return answer;
  };

  async #ask(request: Request): Promise<Json> {
    this.#worker ??= startThread();
    const worker = await this.#worker;
    try {
      const reply = await replyOf(worker, request);
      if ('value' in reply) return reply.value;
      if ('type' in reply) throw new EngineError(reply.type, reply.message);
      throw new Error('the thread for JSONata gave no answer');
    } catch (error) {
      if (error instanceof StateError && error.message !== TOO_LONG) throw error;
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const worker = await this.#worker?.catch(() => null);
    this.#worker = null;
    await worker?.terminate();
  }
}

const TOO_LONG = `a JSONata expression: expected to end within ${DEADLINE_MS} ms, took longer`;

function replyOf(worker: Worker, request: Request | null): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
    };
    const onMessage = (reply: Reply): void => {
      end();
      resolve(reply);
    };
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    const onError = (error: Error): void =>
      fail(queryError(`a JSONata expression could not be evaluated: ${error.message}`));
    const onExit = (): void => fail(queryError('a JSONata expression could not be evaluated: its thread ended'));
    const timer = setTimeout(() => fail(queryError(TOO_LONG)), request === null ? START_LIMIT_MS : DEADLINE_MS);
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    if (request !== null) worker.postMessage(request);
  });
}

/** From the sources (.ts) the thread first registers the loader that runs them. */
async function startThread(): Promise<Worker> {
  const worker = newThread({ resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB } });
  worker.unref();
  const reply = await replyOf(worker, null);
  if (!('ready' in reply)) throw new Error('the thread for JSONata did not start');
  return worker;
}

function newThread(options: { resourceLimits: { maxOldGenerationSizeMb: number } }): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./jsonata-worker.js', import.meta.url), options);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('dist/esm/api/index.mjs', tsx).href;
  const script = new URL('./jsonata-worker.ts', import.meta.url).href;
  const start = `import { register } from '${loader}'; register(); await import('${script}');`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), { ...options, execArgv: [] });
}
