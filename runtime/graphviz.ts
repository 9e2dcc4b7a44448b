// Graphviz as WebAssembly: from DOT to SVG, in a thread of its own that is ended at a deadline.
//
// Z1  nothing of it is loaded before somebody asks for a picture.
// Z2  the loop that serves everything else never waits for a layout, and a layout that runs away ends with its thread.
// Z3  so many threads at once and no more; who comes later waits for its turn.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const DEADLINE_MS = 15_000;
const SIZE_LIMIT_BYTES = 4 * 1024 * 1024;
const HEAP_LIMIT_MB = 256;
const THREADS = 2;
const WAITING_LIMIT = 50;

export class DrawingError extends Error {
  /** TooLarge and TooSlow: the picture asks for too much. Busy: others do. */
  readonly code: 'TooLarge' | 'TooSlow' | 'Busy' | 'Failed';

  constructor(code: DrawingError['code'], message: string) {
    super(message);
    this.name = 'DrawingError';
    this.code = code;
  }
}

export interface DrawingLimits {
  readonly deadlineMs?: number;
}

/** What the thread sends. */
export type DrawingReply = { readonly svg: string } | { readonly problem: string };

/** One for all that a process draws. */
export class Graphviz {
  readonly #deadlineMs: number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor({ deadlineMs = DEADLINE_MS }: DrawingLimits = {}) {
    this.#deadlineMs = deadlineMs;
  }

  /** Throws a DrawingError. */
  async svg(dot: string): Promise<string> {
    const bytes = Buffer.byteLength(dot);
    if (bytes > SIZE_LIMIT_BYTES)
      throw new DrawingError(
        'TooLarge',
        `the picture: expected at most ${SIZE_LIMIT_BYTES} bytes of DOT, found ${bytes}`,
      );
    await this.#turn();
    try {
      return await draw(dot, this.#deadlineMs);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy -= 1;
      else next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#busy < THREADS) {
      this.#busy += 1;
      return;
    }
    if (this.#waiting.length >= WAITING_LIMIT)
      throw new DrawingError('Busy', `${WAITING_LIMIT} pictures wait to be drawn already`);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

async function draw(dot: string, deadlineMs: number): Promise<string> {
  const worker = startThread(dot);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      const fail = (code: DrawingError['code'], message: string): void => reject(new DrawingError(code, message));
      timer = setTimeout(
        () => fail('TooSlow', `the picture: expected to be drawn within ${deadlineMs} ms, took longer`),
        deadlineMs,
      );
      worker.on('message', (reply: DrawingReply) => {
        if ('svg' in reply) resolve(reply.svg);
        else fail('Failed', `the picture cannot be drawn: ${reply.problem}`);
      });
      worker.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
          fail('TooLarge', `the picture needs more than ${HEAP_LIMIT_MB} MB to be drawn`);
        else fail('Failed', `the picture cannot be drawn: ${error.message}`);
      });
      worker.on('exit', (code) => fail('Failed', `the picture cannot be drawn: its thread ended with code ${code}`));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** From the sources (.ts) the thread first registers the loader that runs them. */
function startThread(dot: string): Worker {
  const options = { workerData: dot, resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB } };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./graphviz-thread.js', import.meta.url), options);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('dist/esm/api/index.mjs', tsx).href;
  const script = new URL('./graphviz-thread.ts', import.meta.url).href;
  const start = `import { register } from '${loader}'; register(); await import('${script}');`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), { ...options, execArgv: [] });
}
