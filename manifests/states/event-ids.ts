// Numbers of events as the history of AWS would count them: they stand in the causes of errors there ("entered at the event id #4"), and
// rules of people look for them.
//
// Owns: how many events a visit makes. Exact for states that follow one another; branches count as if they had run one after the other.

import type { Node } from '../../kernel/node.ts';
import type { State } from './machine.ts';
import { type Visit, visitOf } from './visit.ts';

/** The first state of a run: only the start of the run stands before it. */
export const FIRST_EVENT = 2;

export type FindState = (name: string) => State;

/** Entering and leaving a state; each attempt of a Task is scheduled, started, and ends. */
const MOVE = 2;
const ATTEMPT = 3;

/** The number under which the state after this one is entered. */
export function eventAfter(node: Node, visit: Visit, find: FindState): number {
  const entered = visit.event ?? FIRST_EVENT;
  // Its split was entered under the same number, and counts as well.
  return entered + eventsOf(node, visit, find) + (visit.join === undefined ? 0 : MOVE);
}

/** The number under which the first state of a branch is entered. */
export function eventInside(visit: Visit, state: State): number {
  if (state.isDistributed === true) return FIRST_EVENT;
  return (visit.event ?? FIRST_EVENT) + MOVE + (state.type === 'Map' ? 1 : 0);
}

function eventsOf(node: Node, visit: Visit, find: FindState): number {
  const { type, isDistributed } = find(visit.state);
  if (visit.join !== undefined) {
    if (isDistributed === true) return 2 * MOVE;
    const around = type === 'Map' ? MOVE * visit.join.inputs.length : 0;
    return MOVE + around + eventsInside(node, find);
  }
  const attempts = visit.isCallback === true ? 1 : node.attempts - node.attemptsBefore;
  return type === 'Task' ? MOVE + ATTEMPT * attempts : MOVE;
}

/** Of all visits in the branches of a join. Depth is that of the document. */
function eventsInside(join: Node, find: FindState): number {
  let count = 0;
  for (const node of join.predecessors) {
    const visit = visitOf(node);
    if (visit?.place?.join === join.id) count += eventsOf(node, visit, find);
  }
  return count;
}
