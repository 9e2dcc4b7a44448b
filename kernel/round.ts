// A new round: what a restart resets begins anew, what its members had made is gone.
//
// Owns: what RoundOpened does to a run. Does not own: which nodes that are (graph.ts, restartSet).

import { recount } from './change.ts';
import type { RunEvent } from './events.ts';
import { dressOf } from './dress.ts';
import { tableOf } from './promises/table.ts';
import { releaseAttempt, setState, setTimer, unqueue } from './moves.ts';
import { FRESH, type Node } from './node.ts';
import { judgeAnew } from './ready.ts';
import type { Growth, Run } from './run.ts';
import type { GraphChange } from './task.ts';

export function openRound(run: Run, event: Extract<RunEvent, { type: 'RoundOpened' }>): void {
  const asked = run.restarts.findIndex((restart) => restart.nonce === event.nonce);
  if (asked === -1) return;
  run.restarts.splice(asked, 1);
  run.rounds += 1;
  run.end = null;
  run.isFailing = false;
  run.brokenPromise = null;
  run.firstFailure = null;
  const reset = event.reset.flatMap((id) => run.nodes.get(id) ?? []);
  const withdrawn = new Set(event.withdrawn);
  const undone = withdrawGrowth(run, new Set([...event.reset, ...event.withdrawn]), withdrawn);
  for (const id of withdrawn) withdrawNode(run, id);
  for (const node of reset) resetNode(run, node);
  for (const node of [...reset, ...withdrawEdges(run, undone)]) {
    recount(node);
    judgeAnew(run, node);
  }
  run.promises = tableOf(run);
  run.dress = dressOf([run.registration.change, ...run.growth.map(({ change }) => change)]);
}

function resetNode(run: Run, node: Node): void {
  releaseAttempt(run, node);
  if (run.result === node) run.result = null;
  setTimer(run, node, null);
  setState(run, node, 'PENDING');
  Object.assign(node, { ...FRESH, attemptsBefore: node.attempts, retriesUsed: [], round: node.round + 1 });
}

/** The changes that members sent are undone, the ones of others lose what is withdrawn. Returns the former. */
function withdrawGrowth(run: Run, members: ReadonlySet<string>, withdrawn: ReadonlySet<string>): Growth[] {
  const undone = run.growth.filter(({ by }) => members.has(by));
  if (undone.length === 0) return undone;
  run.growth = run.growth
    .filter(({ by }) => !members.has(by))
    .map(({ by, change }) => ({ by, change: without(change, withdrawn) }));
  return undone;
}

function without(change: GraphChange, ids: ReadonlySet<string>): GraphChange {
  return {
    ...change,
    nodes: (change.nodes ?? []).filter((node) => !ids.has(node.id)),
    edges: (change.edges ?? []).filter(({ from, to }) => !ids.has(from) && !ids.has(to)),
  };
}

function withdrawNode(run: Run, id: string): void {
  const node = run.nodes.get(id);
  if (node === undefined) return;
  releaseAttempt(run, node);
  if (run.result === node) run.result = null;
  unqueue(run, node);
  setTimer(run, node, null);
  run.counts[node.state] -= 1;
  run.moves?.push({ node, from: node.state, to: null });
  run.nodes.delete(id);
  run.order.remove(node);
  for (const predecessor of node.predecessors) predecessor.successors.delete(node);
  for (const successor of node.successors) successor.predecessors.delete(node);
}

/** Edges between nodes that stay go, too, unless somebody else also asked for them. Returns the nodes that lost one. */
function withdrawEdges(run: Run, undone: readonly Growth[]): Set<Node> {
  const edges = undone.flatMap(({ change }) => change.edges ?? []);
  const touched = new Set<Node>();
  if (edges.length === 0) return touched;
  const targets = new Set(edges.map(({ to }) => to));
  const kept = new Map(Array.from(targets, (to) => [to, new Set<string>()]));
  for (const change of [run.registration.change, ...run.growth.map((growth) => growth.change)]) {
    for (const { id, dependencies } of change.nodes ?? [])
      for (const from of dependencies ?? []) kept.get(id)?.add(from);
    for (const { from, to } of change.edges ?? []) kept.get(to)?.add(from);
  }
  for (const { from, to } of edges) {
    const [before, after] = [run.nodes.get(from), run.nodes.get(to)];
    if (before === undefined || after === undefined || kept.get(to)?.has(from) === true) continue;
    before.successors.delete(after);
    after.predecessors.delete(before);
    touched.add(after);
  }
  return touched;
}
