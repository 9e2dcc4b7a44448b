// `graph RUN|WORKFLOW`: the graph as layers of text, as DOT, or as JSON.
//
// Of a workflow it shows what a run of it would begin with. No recursion: a chain of 10,000 nodes is ordinary input.

import { newRun } from '../../kernel/apply.ts';
import type { Node } from '../../kernel/node.ts';
import { graphDot, graphJson } from '../../kernel/picture.ts';
import type { Run } from '../../kernel/run.ts';
import { compileRun } from '../compile-run.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { parseTargets } from '../kinds.ts';
import { type Colors, statePaint, stateSymbol } from '../output/colors.ts';
import { clean, padEnd, displayWidth } from '../output/text.ts';
import { openStartedRun } from '../runs.ts';
import type { Session } from '../session.ts';

export async function graph(session: Session, options: { target: string; output: string }): Promise<ExitCode> {
  const run = await findRun(session, options.target);
  if (options.output === 'json') session.print(JSON.stringify(graphJson(run), null, 2));
  else if (options.output === 'dot') session.print(graphDot(run));
  else session.print(graphText(run, session.colors, session.io.stdout.isTerminal).join('\n'));
  return 0;
}

/** A run under that name, else the graph that a run of the workflow of that name would begin with. */
async function findRun(session: Session, target: string): Promise<Run> {
  const store = await session.store();
  const [named] = target.includes('/') ? parseTargets([target]) : [];
  const name = named?.name ?? target;
  const kind = named?.kind.kind;
  if (kind !== undefined && kind !== 'Workflow' && kind !== 'WorkflowRun') {
    throw new Failure(2, `"${target}": expected a run or a workflow`);
  }
  if (kind !== 'Workflow' && (await store.resources.get('WorkflowRun', name)) !== null) {
    return (await openStartedRun(store, name)).run;
  }
  const workflow = kind === 'WorkflowRun' ? null : await store.resources.get('Workflow', name);
  if (workflow === null) {
    throw new Failure(1, `no run or workflow "${name}"`, '`oarlock get all` lists them');
  }
  const registration = await compileRun(store, name, { workflowRef: { name } });
  return newRun({ at: 0, time: 0, type: 'Registered', registration });
}

const SHOWN_PREDECESSORS = 4;

/** A line a node, layer by layer: a layer holds what may start once the layers above it are done. */
export function graphText(run: Run, colors: Colors, hasSymbols: boolean): string[] {
  const layers = layersOf(run);
  const numberWidth = String(layers.length).length;
  let idWidth = 1;
  for (const id of run.nodes.keys()) idWidth = Math.max(idWidth, Math.min(40, displayWidth(clean(id))));
  return layers.flatMap((layer, index) =>
    layer.map((node, position) => {
      const number = position === 0 ? String(index + 1) : '';
      const symbol = hasSymbols ? `${stateSymbol(node.state)} ` : '';
      const paint = statePaint(colors, node.state);
      const after = predecessorsText(node);
      return `${number.padStart(numberWidth)}  ${paint(symbol)}${padEnd(clean(node.id), idWidth)}  ${paint(node.state.padEnd(9))}  ${after}`.trimEnd();
    }),
  );
}

function predecessorsText(node: Node): string {
  const ids = Array.from(node.predecessors, ({ id }) => clean(id));
  if (ids.length === 0) return '';
  const more = ids.length > SHOWN_PREDECESSORS ? ` and ${ids.length - SHOWN_PREDECESSORS} more` : '';
  return `after ${ids.slice(0, SHOWN_PREDECESSORS).join(', ')}${more}`;
}

/** By the longest way from a root; without recursion, because a chain of 10,000 is ordinary. */
export function layersOf(run: Run): Node[][] {
  const open = new Map<Node, number>();
  const layers: Node[][] = [];
  let current: Node[] = [];
  for (const node of run.nodes.values()) {
    open.set(node, node.predecessors.size);
    if (node.predecessors.size === 0) current.push(node);
  }
  while (current.length > 0) {
    layers.push(current);
    const next: Node[] = [];
    for (const node of current) {
      for (const successor of node.successors) {
        const left = (open.get(successor) ?? 0) - 1;
        open.set(successor, left);
        if (left === 0) next.push(successor);
      }
    }
    current = next;
  }
  return layers;
}
