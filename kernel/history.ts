// The transitions of a run, told from its journal: what `history` prints and what followers see.
//
// A Historian folds the events that it is given and says what each of them changed, so it can start at any
// point of a journal, given the run as it was there.

import { apply, newRun } from './apply.ts';
import type { RunEvent } from './events.ts';
import type { Node } from './node.ts';
import type { Run } from './run.ts';
import { phaseOf } from './status.ts';

export interface Transition {
  /** Wall ms. */
  readonly at: number;
  /** Null: of the run itself. */
  readonly node: string | null;
  readonly from: string;
  readonly to: string;
  readonly note: string;
}

/** All transitions of a journal read from its first line. */
export function* transitions(events: Iterable<RunEvent>): Generator<Transition> {
  let run: Run | null = null;
  for (const event of events) {
    if (run === null) {
      if (event.type !== 'Registered') return;
      run = newRun(event);
      yield {
        at: event.at,
        node: null,
        from: '',
        to: 'Running',
        note: `${run.nodes.size} task${run.nodes.size === 1 ? '' : 's'}`,
      };
    } else yield* step(run, event);
  }
}

/** Folds one event into the run and tells what changed. */
export function step(run: Run, event: RunEvent): Transition[] {
  const touched = nodesOf(run, event);
  const before = touched.map((node) => node.state);
  const phase = phaseOf(run);
  const known = new Set(event.type === 'GraphChanged' || 'effect' in event ? run.nodes.keys() : []);
  apply(run, event);
  const told = touched.flatMap((node, index) => tellNode(node, before[index] ?? '', event));
  for (const id of known.size > 0 ? run.nodes.keys() : []) {
    if (!known.has(id))
      told.push({
        at: event.at,
        node: id,
        from: '',
        to: 'PENDING',
        note: `added by ${run.nodes.get(id)?.createdBy ?? ''}`,
      });
  }
  return [...told, ...tellRun(run, phase, event)];
}

function nodesOf(run: Run, event: RunEvent): Node[] {
  const ids =
    'nodes' in event
      ? event.nodes
      : event.type === 'RoundOpened'
        ? event.reset
        : 'node' in event && event.type !== 'RestartRequested'
          ? [event.node]
          : [];
  return ids.flatMap((id) => run.nodes.get(id) ?? []);
}

function tellNode(node: Node, before: string, event: RunEvent): Transition[] {
  const line = (from: string, to: string, note: string, at = event.at): Transition => ({
    at,
    node: node.id,
    from,
    to,
    note,
  });
  switch (event.type) {
    case 'Claimed':
      return before === node.state ? [] : [line(before, 'RUNNING', startNote(node), event.since)];
    case 'Ended': {
      const started =
        event.slot === undefined || before === 'RUNNING'
          ? []
          : [line(before, 'RUNNING', startNote(node), event.since ?? event.at)];
      return [...started, line('RUNNING', node.state, endNote(node), event.until ?? event.at)];
    }
    case 'InlineStarted':
      return [line(before, node.state, `attempt ${node.attempts}`)];
    case 'Stopping':
      return [line(before, node.state, `stopping: ${event.reason}`)];
    default:
      return before === node.state ? [] : [line(before, node.state, 'reason' in event ? event.reason : endNote(node))];
  }
}

function startNote(node: Node): string {
  return `attempt ${node.attempts}, worker ${node.worker ?? ''}`;
}

function endNote(node: Node): string {
  if (node.error === null) return '';
  return `${node.error.type}: ${node.error.message}`;
}

function tellRun(run: Run, before: string, event: RunEvent): Transition[] {
  const after = phaseOf(run);
  const line = (to: string, note: string): Transition[] => [{ at: event.at, node: null, from: before, to, note }];
  switch (event.type) {
    case 'CancelRequested':
      return line(after, 'cancel requested');
    case 'RestartRequested':
      return line(after, `restart of "${event.node}" requested`);
    case 'RestartRefused':
      return line(after, `restart of "${event.node}" refused: ${event.message}`);
    case 'RoundOpened':
      return line(after, `restarted from "${event.node}"`);
    default:
      return after === before ? [] : line(after, run.end?.message ?? '');
  }
}
