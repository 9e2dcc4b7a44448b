// `why RUN NODE`: what a node waits for, in order, or how it ended.

import { why } from '../../kernel/why.ts';
import type { Store } from '../../store/store.ts';
import type { ExitCode } from '../failure.ts';
import { clean } from '../output/text.ts';
import { noNode, openStartedRun } from '../runs.ts';
import type { Session } from '../session.ts';

export async function whyNode(session: Session, options: { run: string; node: string }): Promise<ExitCode> {
  const store = await session.store();
  const { run } = await openStartedRun(store, options.run);
  const clock = await session.clock();
  const lines = why(run, options.node, clock.now());
  const node = run.nodes.get(options.node);
  if (lines === null || node === undefined) throw noNode(run, options.node);
  const [answer = '', ...reasons] = lines;
  const all = node.isTerminal || run.end !== null ? reasons : [...reasons, ...(await servingReasons(store))];
  session.print([session.colors.bold(clean(answer)), ...all.map((reason) => `  ${clean(reason)}`)].join('\n'));
  return 0;
}

/** What the run itself cannot know: whether anybody is there to work on it. */
async function servingReasons(store: Store): Promise<string[]> {
  if (!(await store.seats.isControllerAlive())) return ['no controller is running; `oarlock up` starts one'];
  const workers = await store.seats.workers();
  return workers.some(({ alive, draining }) => alive && !draining)
    ? []
    : ['no worker is running; `oarlock worker` starts one'];
}
