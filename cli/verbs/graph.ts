// `graph RUN|WORKFLOW`: the picture of what was done, is done and may still come, now or at a moment of the past.
//
// Of a workflow it shows what a run of it would begin with, and all that could follow. Does not own: what the picture shows
// (kernel/picture/), how it is drawn (output/graph-text.ts, runtime/graphviz.ts).

import { newRun } from '../../kernel/apply.ts';
import { dotOf } from '../../kernel/picture/dot.ts';
import { folded } from '../../kernel/picture/fold.ts';
import { type Picture, pictureOf } from '../../kernel/picture/picture.ts';
import { reduced } from '../../kernel/picture/reduce.ts';
import { futuresOf } from '../../manifests/futures.ts';
import { loadRunAt } from '../../store/load-run.ts';
import type { Store } from '../../store/store.ts';
import { compileRun } from '../compile-run.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { parseTargets } from '../kinds.ts';
import { getRun, refOf } from '../objects.ts';
import { graphLines } from '../output/graph-text.ts';
import { notStarted, openStartedRun } from '../runs.ts';
import type { Session } from '../session.ts';

export interface GraphOptions {
  readonly target: string;
  readonly output: 'text' | 'dot' | 'svg' | 'json';
  /** Number of an event, or an instant; absent: now. */
  readonly at: string | undefined;
  /** Every node stands for itself; absent: as the output is best. */
  readonly isExpanded: boolean | undefined;
}

/** What a reader of a file or a pipe has. */
const PIPE_COLUMNS = 120;

export async function graph(session: Session, options: GraphOptions): Promise<ExitCode> {
  const picture = await findPicture(session, options);
  const isExpanded = options.isExpanded ?? options.output === 'json';
  const shown = isExpanded ? picture : folded(picture);
  if (options.output === 'json') session.print(JSON.stringify(shown, null, 2));
  else if (options.output === 'text') {
    const { stdout } = session.io;
    session.print(
      graphLines(reduced(shown), {
        colors: session.colors,
        columns: stdout.isTerminal ? stdout.columns() : PIPE_COLUMNS,
      }).join('\n'),
    );
  } else {
    const dot = dotOf(reduced(shown));
    session.print(options.output === 'dot' ? dot : await svgOf(dot));
  }
  return 0;
}

async function svgOf(dot: string): Promise<string> {
  const { DrawingError, Graphviz } = await import('../../runtime/graphviz.ts');
  try {
    return await new Graphviz().svg(dot);
  } catch (error) {
    if (!(error instanceof DrawingError)) throw error;
    const hint =
      error.code === 'Failed'
        ? undefined
        : 'without --expand it is smaller; `-o dot` leaves the drawing to another program';
    throw new Failure(1, error.message, hint);
  }
}

/** A run under that name, else the workflow of that name. */
async function findPicture(session: Session, { target, at }: GraphOptions): Promise<Picture> {
  if (/^\.{0,2}\/|\/.*\//.test(target)) {
    throw new Failure(2, `"${target}": expected the name of a run or a workflow, found a path`, hintOf(target));
  }
  const store = await session.store();
  const [named] = target.includes('/') ? parseTargets([target]) : [];
  const name = named?.name ?? target;
  const kind = named?.kind.kind;
  if (kind !== undefined && kind !== 'Workflow' && kind !== 'WorkflowRun') {
    throw new Failure(2, `"${target}": expected a run or a workflow`);
  }
  if (kind !== 'Workflow' && (await store.resources.get('WorkflowRun', name)) !== null) {
    const run = at === undefined ? (await openStartedRun(store, name)).run : await pastRun(store, name, at);
    return pictureOf(run, futuresOf(run));
  }
  const workflow = kind === 'WorkflowRun' ? null : await store.resources.get('Workflow', name);
  if (workflow === null) {
    throw new Failure(1, `no run or workflow "${name}"`, hintOf(target));
  }
  if (at !== undefined) throw new Failure(2, `--at: expected a run, found workflow "${name}", which has no past`);
  const registration = await compileRun(store, name, { workflowRef: { name } });
  const run = newRun({ at: 0, time: 0, type: 'Registered', registration });
  return pictureOf(run, futuresOf(run), { isWorkflow: true });
}

function hintOf(target: string): string {
  const isFile = /\.(?:ya?ml|json)$/.test(target);
  return isFile ? `\`oarlock apply -f ${target}\` makes a workflow of that file` : '`oarlock get all` lists them';
}

async function pastRun(store: Store, name: string, at: string) {
  const object = await getRun(store, name);
  const past = await loadRunAt(store.runs, refOf(object), at);
  if (past === null) throw await notStarted(store, object);
  if ('problem' in past)
    throw new Failure(2, `run "${name}": --at: ${past.problem}`, `\`oarlock history ${name}\` shows its moments`);
  return past.run;
}
