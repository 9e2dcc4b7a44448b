// The thread in which large documents are admitted: says that it is ready, answers once, ends.

import { parentPort, workerData } from 'node:worker_threads';
import { AdmissionError } from '../kernel/errors.ts';
import { admitNow } from './admit.ts';
import { hearNow } from './growth.ts';
import type { ThreadMessage, ThreadWork } from './off-thread.ts';

function answer(): ThreadMessage {
  try {
    const work = workerData as ThreadWork;
    return { answer: 'source' in work ? admitNow(work.source) : hearNow(work.line, () => work.asker) };
  } catch (error) {
    if (error instanceof AdmissionError) return { problems: error.problems };
    throw error;
  }
}

// A first small document loads the parser and the validators, so that the deadline is for the real one only.
admitNow({ name: 'warm-up', text: 'steps:\n- {type: parallel, tasks: [a]}\n', defaultName: 'warm-up' });

const ready: ThreadMessage = { ready: true };
parentPort?.postMessage(ready);
parentPort?.postMessage(answer());
