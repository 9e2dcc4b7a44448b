// The transitions of a run, told from its journal: what `history` prints and what followers see.
//
// A Historian folds the events that it is given and says what each of them changed, so it can start at any
// point of a journal, given the run as it was there.

import { apply, newRun } from './apply.ts';
import { compensationId } from './compensation.ts';
import type { RunEvent } from './events.ts';
import { type Node, templateOfMadeUp } from './node.ts';
import type { Run } from './run.ts';
import { phaseOf } from './status.ts';
import type { EdgeSpec, StopReason } from './task.ts';

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
  for (const { change } of numbered(events)) yield change;
}

/** The same, each with the place of its event in the journal, from 0: what `graph --at` takes, less that of the first line. */
export function* numbered(
  events: Iterable<RunEvent>,
): Generator<{ readonly index: number; readonly change: Transition }> {
  let run: Run | null = null;
  let index = -1;
  for (const event of events) {
    index += 1;
    if (run === null) {
      if (event.type !== 'Registered') return;
      run = newRun(event);
      yield { index, change: begun(run, event.at) };
      continue;
    }
    for (const change of step(run, event)) yield { index, change };
  }
}

function begun(run: Run, at: number): Transition {
  const { size } = run.nodes;
  return { at, node: null, from: '', to: 'Running', note: `${size} task${size === 1 ? '' : 's'}` };
}

/** Folds one event into the run and tells what changed; an event that did not count tells nothing. O(what the event names). */
export function step(run: Run, event: RunEvent): Transition[] {
  const touched = nodesOf(run, event).map((node) => ({
    node,
    before: node.state,
    stopping: node.current?.stopping ?? null,
  }));
  const phase = phaseOf(run);
  const known = run.nodes.size;
  const isNew = newIds(run, event);
  const counts = isAboutAttempt(run, event);
  apply(run, event);
  const told = touched.flatMap(({ node, before, stopping }) => {
    if ('node' in event && node.id === event.node) return counts ? tellNode(node, before, event) : [];
    return tellOther(run, node, before, stopping, event);
  });
  for (const id of run.nodes.size > known ? isNew : []) {
    const node = run.nodes.get(id);
    if (node === undefined) continue;
    const what = templateOfMadeUp(node);
    const note = `${what === null ? '' : `${what}, `}added by ${node.createdBy ?? ''}`;
    told.push({ at: event.at, node: id, from: '', to: node.state, note });
  }
  return [...told, ...(counts ? tellGrowth(run, event) : []), ...tellRun(run, phase, event)];
}

/** Nodes that the event may change, besides those that it adds. */
function nodesOf(run: Run, event: RunEvent): Node[] {
  const ids = new Set(idsOf(event));
  return [...ids].flatMap((id) => run.nodes.get(id) ?? []);
}

function idsOf(event: RunEvent): readonly string[] {
  switch (event.type) {
    case 'RestartRequested':
    case 'RestartRefused':
      return [];
    case 'RoundOpened':
      return [...event.reset, ...event.withdrawn];
    case 'Ended':
    case 'InlineEnded':
      return [event.node, ...(event.effect?.stop ?? [])];
    default:
      return 'nodes' in event ? event.nodes : 'node' in event ? [event.node] : [];
  }
}

function newIds(run: Run, event: RunEvent): string[] {
  if (event.type === 'Compensating') return event.nodes.map(compensationId);
  const change = event.type === 'GraphChanged' ? event.change : 'effect' in event ? event.effect?.change : undefined;
  return (change?.nodes ?? []).flatMap(({ id }) => (run.nodes.has(id) ? [] : [id]));
}

/** An event about an attempt counts only under the fence that is current; the fold ignores it otherwise. */
function isAboutAttempt(run: Run, event: RunEvent): boolean {
  if ('message' in event && typeof event.message === 'object') {
    const teller = 'by' in event ? event.by : 'node' in event ? event.node : null;
    return run.leases.get(event.message.fence)?.id === teller;
  }
  return !('fence' in event) || event.type === 'Offered' || run.leases.get(event.fence)?.id === event.node;
}

/** The node that the event is about. */
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
      const isStart = event.slot !== undefined && before !== 'RUNNING';
      const started = isStart ? [line(before, 'RUNNING', startNote(node), event.since ?? event.at)] : [];
      return [...started, line(isStart ? 'RUNNING' : before, node.state, endNote(node), event.until ?? event.at)];
    }
    case 'InlineStarted':
      return before === node.state ? [] : [line(before, node.state, `attempt ${node.attempts}`)];
    case 'Stopping':
      return [line(before, node.state, `stopping: ${event.reason}`)];
    default:
      return before === node.state ? [] : [line(before, node.state, endNote(node))];
  }
}

/** One of several, or one that is stopped by what the event is about. */
function tellOther(run: Run, node: Node, before: string, stopping: StopReason | null, event: RunEvent): Transition[] {
  const line = (to: string, note: string): Transition[] => [{ at: event.at, node: node.id, from: before, to, note }];
  if (run.nodes.get(node.id) !== node) return line('WITHDRAWN', 'what had made it is run again');
  if (before !== node.state) return line(node.state, 'reason' in event ? event.reason : endNote(node));
  const isStopped = node.current?.stopping === 'Stopped' && stopping !== 'Stopped';
  return isStopped ? line(node.state, 'stopping: Stopped') : [];
}

/** What a task said about the graph, besides the nodes that came of it. */
function tellGrowth(run: Run, event: RunEvent): Transition[] {
  if (event.type !== 'GraphChanged' && event.type !== 'ChangeRefused' && event.type !== 'PromiseBroken') return [];
  const { by } = event;
  const state = by === null ? phaseOf(run) : (run.nodes.get(by)?.state ?? '');
  const line = (note: string): Transition => ({ at: event.at, node: by, from: state, to: state, note });
  if (event.type === 'ChangeRefused') return [line(`refused: ${event.reason}`)];
  if (event.type === 'PromiseBroken') return [line(`broke the promise ${event.promise}: ${event.reason}`)];
  const { edges = [], promises = [], display = [] } = event.change;
  return [
    ...edgesTold(edges).map(line),
    ...promises.map((promise) => line(`promised ${JSON.stringify(promise)}`)),
    ...display.map((look) => line(`dressed ${'node' in look ? look.node : `${look.edge.from} -> ${look.edge.to}`}`)),
  ];
}

const SHOWN_EDGES = 3;

function edgesTold(edges: readonly EdgeSpec[]): string[] {
  const texts = edges.map(({ from, to }) => `added ${from} -> ${to}`);
  return texts.length <= SHOWN_EDGES ? texts : [`${texts[0] ?? ''} and ${texts.length - 1} more edges`];
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
