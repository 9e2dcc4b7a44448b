// Threads for work whose length a user decides: the loop that serves everything else never waits for it, and what meets its worst case
// is ended at a deadline.
//
// Owns: how a thread starts and ends, and what a deadline counts. Does not own: what is computed (the scripts).
//
// T1  a thread starts with the first request and is used for all that follow; one that had to be ended is replaced.
// T2  requests are answered one after the other; the deadline counts from the moment at which one is begun.
// T3  what counts is processor time of this process: a busy machine must not make honest data bad. Ten times as much of the clock is
//     the end in any case.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

const START_LIMIT_MS = 30_000;
const CLOCK_FACTOR = 10;

/** The thread gave no answer: the request was too much for it. */
export class ThreadError extends Error {
  override readonly name = 'ThreadError';
}

export interface ThreadUse {
  /** Of the script, as it is called once it is built. */
  readonly script: URL;
  readonly deadlineMs: number;
  readonly heapLimitMb: number;
}

export class AskedThread<Request, Reply> {
  readonly #use: ThreadUse;
  #worker: Promise<Worker> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(use: ThreadUse) {
    this.#use = use;
  }

  /** Rejects with ThreadError when there is no answer. */
  ask(request: Request): Promise<Reply> {
    const answer = this.#last.then(() => this.#askNow(request));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #askNow(request: Request): Promise<Reply> {
    try {
      this.#worker ??= this.#start();
      const worker = await this.#worker;
      return (await messageOf(worker, this.#use.deadlineMs, () => worker.postMessage(request))) as Reply;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Its first message says that it is ready. */
  async #start(): Promise<Worker> {
    const { script, heapLimitMb } = this.#use;
    const worker = newThread(script, { resourceLimits: { maxOldGenerationSizeMb: heapLimitMb } });
    worker.unref();
    try {
      await messageOf(worker, START_LIMIT_MS);
    } catch (error) {
      // No fault of the request.
      throw new Error(`the thread of ${script.pathname} cannot start`, { cause: error });
    }
    return worker;
  }

  async close(): Promise<void> {
    const worker = await this.#worker?.catch(() => null);
    this.#worker = null;
    await worker?.terminate();
  }
}

function messageOf(worker: Worker, deadlineMs: number, send = (): void => undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      cancel();
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
    };
    const onMessage = (message: unknown): void => {
      end();
      resolve(message);
    };
    const fail = (message: string): void => {
      end();
      reject(new ThreadError(message));
    };
    const onError = (error: Error): void => fail(error.message);
    const onExit = (): void => fail('its thread ended');
    const cancel = afterWork(deadlineMs, () => fail(`expected to end within ${deadlineMs} ms, took longer`));
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    send();
  });
}

/** From the sources (.ts) a thread first registers the loader that runs them. */
export function newThread(script: URL, options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(script, options);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('dist/esm/api/index.mjs', tsx).href;
  const source = script.href.replace(/\.js$/, '.ts');
  const start = `import { register } from '${loader}'; register(); await import('${source}');`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), { ...options, execArgv: [] });
}

/** Calls back once this process has worked for so long (T3), unless cancelled before by what is returned. */
export function afterWork(limitMs: number, callback: () => void): () => void {
  const startedAt = performance.now();
  const used = process.cpuUsage();
  const look = (): void => {
    const { user, system } = process.cpuUsage(used);
    const worked = limitMs - (user + system) / 1000;
    const leftMs = Math.min(worked, CLOCK_FACTOR * limitMs - (performance.now() - startedAt));
    if (leftMs <= 0) callback();
    else timer = setTimeout(look, Math.ceil(leftMs));
  };
  let timer = setTimeout(look, limitMs);
  return () => clearTimeout(timer);
}
