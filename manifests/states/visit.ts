// A visit of a state: what the continuation keeps with the node (TaskSpec.memo), and where it finds it again.
//
// V1  all of it is in the journal as part of the node; nothing else is remembered, so a controller that comes back knows as much.

import type { Json, JsonObject } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { TaskError } from '../../kernel/task.ts';
import type { State } from './machine.ts';

/** The branch or item that a node is part of. */
export interface Place {
  /** Id of the node in which all branches come together. */
  readonly join: string;
  readonly index: number;
}

export interface Visit {
  readonly state: string;
  /** Wall ms at which the state was entered. */
  readonly at: number;
  /** What AWS would count its entering as (event-ids.ts); not there in our own letters. */
  readonly event?: number;
  /** The input of the state, where the node's own input is another. */
  readonly raw?: Json;
  readonly variables?: JsonObject;
  readonly place?: Place;
  /** It could not be entered: the node ends with this at once. */
  readonly failure?: TaskError;
  /** Retries used by earlier visits of a Parallel, a Map or a Task with a callback, which begin anew as a visit: a counter for each rule. */
  readonly retries?: readonly number[];
  /** Only the pause before such a visit of a Task. */
  readonly isPause?: true;
  readonly token?: string;
  /** The second half of a Task: its function has ended, now its Signal is waited for. */
  readonly isCallback?: true;
  readonly join?: Join;
}

/** What a Parallel or Map knows of its branches. */
export interface Join {
  /** Id of the node that began them. */
  readonly split: string;
  /** The input of each branch. */
  readonly inputs: readonly Json[];
  /** Of a Map: the items, where the inputs are made from them. */
  readonly items?: readonly Json[];
  readonly lanes: number;
  readonly toleratedCount?: number;
  readonly toleratedPercentage?: number;
}

export function visitOf(node: Node | undefined): Visit | null {
  const memo = node?.task.memo;
  return memo === undefined ? null : (memo as unknown as Visit);
}

/** The input of the state as it came in. */
export function rawInput(node: Node, visit: Visit): Json {
  return visit.raw !== undefined ? visit.raw : (node.task.input ?? null);
}

/** The item of the innermost Map around the place. */
export function itemAround(
  run: Run | null,
  place: Place | undefined,
  find: (state: string) => State,
): JsonObject | null {
  return findAround(run, place, ({ state }, join, index) =>
    find(state).type === 'Map' ? itemOf(join, index) : undefined,
  );
}

/** An item of a distributed Map is an execution of its own on AWS: this is its input. */
export function inputAround(run: Run | null, place: Place | undefined, find: (state: string) => State): Json | null {
  return findAround(run, place, ({ state }, join, index) =>
    find(state).isDistributed === true ? join.inputs[index] : undefined,
  );
}

/** From the innermost branch outwards. */
function findAround<T>(
  run: Run | null,
  place: Place | undefined,
  see: (visit: Visit, join: Join, index: number) => T | undefined,
): T | null {
  for (let around = place; around !== undefined && run !== null; ) {
    const visit = visitOf(run.nodes.get(around.join));
    if (visit === null || visit.join === undefined) return null;
    const found = see(visit, visit.join, around.index);
    if (found !== undefined) return found;
    around = visit.place;
  }
  return null;
}

export function itemOf(join: Pick<Join, 'inputs' | 'items'>, index: number): JsonObject {
  return { Item: { Index: index, Value: (join.items ?? join.inputs)[index] ?? null } };
}
