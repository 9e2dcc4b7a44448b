// The thread of graphviz.ts: one drawing, one answer. The only importer of the package.

import { parentPort, workerData } from 'node:worker_threads';
import { Graphviz } from '@hpcc-js/wasm-graphviz';
import type { DrawingReply } from './graphviz.ts';

function reply(message: DrawingReply): void {
  parentPort?.postMessage(message);
}

try {
  const graphviz = await Graphviz.load();
  reply({ svg: graphviz.dot(String(workerData), 'svg') });
} catch (error) {
  reply({ problem: error instanceof Error ? error.message : String(error) });
}
