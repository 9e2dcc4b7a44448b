// Branches of a Parallel and items of a Map while they run: which comes next, which failed, what they came to.
//
// Everything here follows from the graph; numbers are kept beside it only so that an item that ends costs the same among ten and
// among ten thousand.

import type { Json } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { TaskError } from '../../kernel/task.ts';
import { type Join, type Visit, visitOf } from './visit.ts';

export interface Frame {
  /** Branches that were begun. After a restart it may be any of them. */
  readonly begun: Set<number>;
  /** No branch before this one is still to be begun. */
  next: number;
  failed: number;
}

/** The next branch to begin, which from here on counts as begun. */
export function beginNext(frame: Frame, total: number): number | null {
  while (frame.begun.has(frame.next)) frame.next += 1;
  if (frame.next >= total) return null;
  frame.begun.add(frame.next);
  return frame.next;
}

export class Frames {
  #rounds = 0;
  readonly #byJoin = new Map<string, Frame>();

  /** The frame as it stands before the event under way is folded. */
  of(run: Run, join: Node): Frame {
    if (this.#rounds !== run.rounds) this.forget();
    this.#rounds = run.rounds;
    const known = this.#byJoin.get(join.id) ?? count(join);
    this.#byJoin.set(join.id, known);
    return known;
  }

  /** What was counted may not have come to pass. */
  forget(): void {
    this.#byJoin.clear();
  }
}

function count(join: Node): Frame {
  const frame: Frame = { begun: new Set(), next: 0, failed: 0 };
  for (const node of join.predecessors) {
    const place = visitOf(node)?.place;
    if (place?.join !== join.id) continue;
    frame.begun.add(place.index);
    if (isBranchFailure(node, join)) frame.failed += 1;
  }
  return frame;
}

/** It failed, and nothing of its branch came after it: no catch, no retry. */
function isBranchFailure(node: Node, join: Node): boolean {
  if (node.state !== 'FAILED') return false;
  const index = visitOf(node)?.place?.index;
  for (const next of node.successors) {
    const place = visitOf(next)?.place;
    if (next.createdBy === node.id && place?.join === join.id && place.index === index) return false;
  }
  return true;
}

export function isTooMany(join: Join, failed: number): boolean {
  const { toleratedCount: count, toleratedPercentage: percentage, inputs } = join;
  if (failed === 0) return false;
  if (count === undefined && percentage === undefined) return true;
  return (
    (count !== undefined && failed > count) || (percentage !== undefined && (failed / inputs.length) * 100 > percentage)
  );
}

/** Nodes of the branches that have not ended, those of branches inside them included. */
export function living(join: Node): string[] {
  const found: string[] = [];
  const open = [join];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const node of next.predecessors) {
      const visit = visitOf(node);
      if (node.isTerminal || visit?.place?.join !== next.id) continue;
      found.push(node.id);
      if (visit.join !== undefined) open.push(node);
    }
  }
  return found;
}

/** What the branches came to: the outputs in order, or the failure that ended them. */
export function gather(join: Node, isEnd: (visit: Visit) => boolean): { outputs: Json[] } | { failed: TaskError } {
  const outputs = new Map<number, Json>();
  const failures: Node[] = [];
  for (const node of join.predecessors) {
    const visit = visitOf(node);
    if (visit === null || visit.place?.join !== join.id) continue;
    if (isBranchFailure(node, join)) failures.push(node);
    if (node.state === 'SUCCESS' && isEnd(visit)) outputs.set(visit.place.index, node.output);
  }
  const own = visitOf(join)?.join;
  if (own !== undefined && isTooMany(own, failures.length)) {
    const first = failures.reduce((left, right) => ((right.finishedAt ?? 0) < (left.finishedAt ?? 0) ? right : left));
    return { failed: first.error ?? { type: '', message: '' } };
  }
  return { outputs: [...outputs].sort(([left], [right]) => left - right).map(([, output]) => output) };
}
