// Reading, admitting and writing large documents in a thread of their own: the loop that serves everything else never waits for a parser,
// and a parser that meets its worst case is ended at a deadline.
//
// I1  a thread has 1 s, and 1 s more for every 500 KB, from the moment it is ready; then it is ended.
// I2  what counts is processor time of this process (thread.ts).

import { AdmissionError, type Problem } from '../kernel/errors.ts';
import type { Admission, Source } from './admit.ts';
import type { Expectations } from './canonical.ts';
import type { Asker } from './growth.ts';
import type { Manifest } from './model.ts';
import { afterWork, newThread } from './thread.ts';

const BASE_MS = 1000;
const BYTES_PER_SECOND = 500_000;
const START_LIMIT_MS = 30_000;
const HEAP_LIMIT_MB = 1536;

/** What the thread sends: that it is ready, then one answer. */
export type ThreadMessage =
  | { readonly ready: true }
  | { readonly answer: unknown }
  | { readonly problems: readonly Problem[] };

/** What it is given: a document, data or a body to look at, a manifest to write over what stands, or a message of a task. */
export type ThreadWork =
  | { readonly source: Source }
  | { readonly value: unknown; readonly expect: Expectations & { readonly name: string } }
  | { readonly body: string; readonly name: string; readonly strictJson: boolean }
  | { readonly manifest: Manifest; readonly standing: string | null }
  | { readonly line: Uint8Array; readonly asker: Asker };

export async function admitInThread(source: Source, size: number): Promise<Admission> {
  return (await runInThread({ source }, source.name, size)) as Admission;
}

/** Rejects with AdmissionError when it is refused, or takes too long. */
export async function runInThread(work: ThreadWork, name: string, size: number): Promise<unknown> {
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_LIMIT_MB };
  const worker = newThread(new URL('./admit-thread.js', import.meta.url), { workerData: work, resourceLimits });
  const limitMs = BASE_MS + Math.ceil((size / BYTES_PER_SECOND) * 1000);
  let cancel = (): void => undefined;
  try {
    return await new Promise<unknown>((resolve, reject) => {
      const refuse = (message: string) => reject(new AdmissionError(name, [{ path: '', message, reason: 'Invalid' }]));
      const timer = setTimeout(() => reject(new Error('the thread for large manifests did not start')), START_LIMIT_MS);
      cancel = () => clearTimeout(timer);
      worker.on('message', (message: ThreadMessage) => {
        if ('answer' in message) resolve(message.answer);
        else if ('problems' in message) reject(new AdmissionError(name, message.problems));
        else {
          cancel();
          cancel = afterWork(limitMs, () =>
            refuse(`expected to be read within ${limitMs} ms, took longer; split it, or write it as JSON`),
          );
        }
      });
      worker.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') reject(error);
        else refuse(`expected to be read within ${HEAP_LIMIT_MB} MB of memory, needs more`);
      });
      worker.on('exit', (code) => reject(new Error(`the thread for large manifests ended with code ${code}`)));
    });
  } finally {
    cancel();
    await worker.terminate();
  }
}
