// Admission of large documents in a thread of its own: the loop that serves everything else never waits for a parser,
// and a parser that meets its worst case is ended at a deadline.
//
// I1  a thread has 1 s, and 1 s more for every 500 KB, from the moment it is ready; then it is ended.
// I2  what counts is processor time of this process: a busy machine must not make an honest document a bad one. Ten times
//     as much of the clock is the end in any case.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AdmissionError, type Problem } from '../kernel/errors.ts';
import type { Admission, Source } from './admit.ts';

const BASE_MS = 1000;
const BYTES_PER_SECOND = 500_000;
const CLOCK_FACTOR = 10;
const START_LIMIT_MS = 30_000;
const HEAP_LIMIT_MB = 1536;

/** What the thread sends: that it is ready, then one answer. */
export type ThreadMessage =
  | { readonly ready: true }
  | { readonly admission: Admission }
  | { readonly problems: readonly Problem[] };

export async function admitInThread(source: Source, size: number): Promise<Admission> {
  const worker = startThread(source);
  const limitMs = BASE_MS + Math.ceil((size / BYTES_PER_SECOND) * 1000);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Admission>((resolve, reject) => {
      const refuse = (message: string) =>
        reject(new AdmissionError(source.name, [{ path: '', message, reason: 'Invalid' }]));
      timer = setTimeout(() => reject(new Error('the thread for large manifests did not start')), START_LIMIT_MS);
      worker.on('message', (message: ThreadMessage) => {
        if ('admission' in message) resolve(message.admission);
        else if ('problems' in message) reject(new AdmissionError(source.name, message.problems));
        else {
          clearTimeout(timer);
          const spent = startMeter();
          const look = () => {
            const { clockMs, processorMs } = spent();
            const leftMs = Math.min(limitMs - processorMs, CLOCK_FACTOR * limitMs - clockMs);
            if (leftMs > 0) timer = setTimeout(look, Math.ceil(leftMs));
            else refuse(`expected to be read within ${limitMs} ms, took longer; split it, or write it as JSON`);
          };
          timer = setTimeout(look, limitMs);
        }
      });
      worker.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') reject(error);
        else refuse(`expected to be read within ${HEAP_LIMIT_MB} MB of memory, needs more`);
      });
      worker.on('exit', (code) => reject(new Error(`the thread for large manifests ended with code ${code}`)));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Time since the call, in milliseconds: by the clock, and as the processor worked for this process. */
function startMeter(): () => { clockMs: number; processorMs: number } {
  const startedAt = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { clockMs: performance.now() - startedAt, processorMs: (user + system) / 1000 };
  };
}

/** From the sources (.ts) the thread first registers the loader that runs them. */
function startThread(source: Source): Worker {
  const options = { workerData: source, resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB } };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./admit-thread.js', import.meta.url), options);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('dist/esm/api/index.mjs', tsx).href;
  const script = new URL('./admit-thread.ts', import.meta.url).href;
  const start = `import { register } from '${loader}'; register(); await import('${script}');`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), { ...options, execArgv: [] });
}
