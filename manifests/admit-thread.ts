// The thread in which large documents are read, admitted and written: says that it is ready, answers once, ends.

import { parentPort, workerData } from 'node:worker_threads';
import { AdmissionError } from '../kernel/errors.ts';
import { admitNow, admitValue } from './admit.ts';
import { editDocument, renderDocument } from './document.ts';
import { hearNow } from './growth.ts';
import type { ThreadMessage, ThreadWork } from './off-thread.ts';
import { readNow } from './read.ts';

function done(work: ThreadWork): unknown {
  if ('source' in work) return admitNow(work.source);
  if ('value' in work) return admitValue(work.value, work.expect);
  if ('body' in work) return readNow(work.body, work.name, work.strictJson);
  if ('line' in work) return hearNow(work.line, () => work.asker);
  return work.standing === null ? renderDocument(work.manifest) : editDocument(work.standing, work.manifest);
}

function answer(): ThreadMessage {
  try {
    return { answer: done(workerData as ThreadWork) };
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
