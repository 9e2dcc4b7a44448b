// `history RUN`: every transition of a run, told from its journal, each with the number of its event: what `graph --at` takes.

import { numbered } from '../../kernel/history.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { AttemptTimes, changeLine } from '../follow/words.ts';
import { getRun, refOf } from '../objects.ts';
import { displayWidth } from '../output/text.ts';
import { notStarted } from '../runs.ts';
import type { Session } from '../session.ts';

const LONGEST_ID = 32;
const BATCH_LINES = 1_000;

export async function history(session: Session, options: { run: string; isJson: boolean }): Promise<ExitCode> {
  const store = await session.store();
  const object = await getRun(store, options.run);
  const loaded = await store.runs.load(refOf(object), { ignoreSnapshot: true });
  if (loaded === null) throw await notStarted(store, object);
  if (loaded.broken !== undefined) session.say(`warning: ${loaded.broken.reason}: ${loaded.broken.message}`);
  const first = loaded.lastSeq - loaded.events.length + 1;
  const all = Array.from(numbered(loaded.events), ({ index, change }) => ({ seq: first + index, change }));
  if (options.isJson) {
    const items = all.map(({ seq, change: { at, ...rest } }) => ({ seq, time: new Date(at).toISOString(), ...rest }));
    session.print(`${JSON.stringify(items, null, 2)}`);
    return 0;
  }
  if (all.length === 0 && loaded.lastSeq > 0) {
    throw new Failure(1, `run "${options.run}": the beginning of its journal is gone, so its history cannot be told`);
  }
  let idWidth = 1;
  for (const { change } of all) idWidth = Math.max(idWidth, Math.min(LONGEST_ID, displayWidth(change.node ?? '')));
  const times = new AttemptTimes();
  const { colors } = session;
  const seqWidth = String(loaded.lastSeq).length;
  const lines = all.map(({ seq, change }) => {
    const number = colors.dim(String(seq).padStart(seqWidth));
    return `${number} ${changeLine(change, times.see(change), idWidth, colors)}`;
  });
  for (let start = 0; start < lines.length; start += BATCH_LINES) {
    session.print(lines.slice(start, start + BATCH_LINES).join('\n'));
  }
  return 0;
}
