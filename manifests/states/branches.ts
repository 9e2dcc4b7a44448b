// Branches of a Parallel and items of a Map: how they begin, what comes when one ends or fails, and how they come together in their join.
//
// Owns: the graph of branches. Does not own: counting them (frames.ts), the items of a Map (map.ts), the states in them (continuation.ts).

import type { Effect } from '../../kernel/events.ts';
import type { Json, JsonObject } from '../../kernel/json.ts';
import type { EdgeSpec, NodeSpec } from '../../kernel/task.ts';
import { eventInside } from './event-ids.ts';
import { beginNext, Frames, gather, isTooMany, living } from './frames.ts';
import { argumentsOf, type Around } from './language.ts';
import { itemsFor } from './map.ts';
import { StateError } from './state-error.ts';
import { type Join, type Place, type Visit, visitOf } from './visit.ts';
import { type Added, after, type Ended, type Step, type Visits } from './visits.ts';

export class Branches {
  readonly #visits: Visits;
  readonly #frames = new Frames();

  constructor(visits: Visits) {
    this.#visits = visits;
  }

  /** What was counted may not have come to pass. */
  forget(): void {
    this.#frames.forget();
  }

  async split(ended: Ended): Promise<Effect> {
    const { node, visit, state, around } = ended;
    const id = `${node.id}/join`;
    const shape =
      state.type === 'Map' ? await itemsFor(around) : await parallelShape(around, state.branches?.length ?? 0);
    const join: Join = { split: node.id, ...shape };
    const begun = await this.#begin(ended, { id, join, variables: around.variables, count: join.lanes });
    const { raw } = around;
    const memo: Visit = { ...visit, raw, join };
    const spec: NodeSpec = {
      id,
      task: {
        task: visit.state,
        executor: { type: 'inline', name: 'Join' },
        trigger: 'AllDone',
        input: null,
        memo: memo as unknown as JsonObject,
      },
      dependencies: [node.id],
    };
    const outer = visit.place === undefined ? [] : [{ from: id, to: visit.place.join }];
    return { change: { nodes: [spec, ...begun.nodes], edges: [...outer, ...begun.edges] }, output: null };
  }

  /** Begins the first branches of a join that is just being made. */
  async #begin(
    ended: Ended,
    { id, join, variables, count }: { id: string; join: Join; variables: JsonObject; count: number },
  ): Promise<Added> {
    const nodes: NodeSpec[] = [];
    const edges: EdgeSpec[] = [];
    for (let index = 0; index < Math.min(count, join.inputs.length); index += 1) {
      const place = { join: id, index };
      const spec = await this.#visits.arrive(ended.run, this.#step(ended, join, place, variables), join);
      nodes.push({ ...spec, dependencies: [ended.node.id] });
      edges.push({ from: spec.id, to: id });
    }
    return { nodes, edges };
  }

  #step({ at, visit, run }: Ended, join: Join, place: Place, variables: JsonObject): Step {
    const owner = visitOf(run.nodes.get(join.split)) ?? visit;
    const branches = this.#visits.state(owner.state).branches ?? [];
    const name = branches[branches.length === 1 ? 0 : place.index] ?? '';
    const event = eventInside(owner, this.#visits.state(owner.state));
    return { name, input: join.inputs[place.index] ?? null, variables, place, at, event };
  }

  /** The next branch that may begin, now that one has ended. */
  async next(ended: Ended, { join: id }: Place): Promise<Added | null> {
    const { run } = ended;
    const join = run.nodes.get(id);
    const owner = visitOf(join);
    if (join === undefined || owner?.join === undefined) return null;
    const index = beginNext(this.#frames.of(run, join), owner.join.inputs.length);
    if (index === null) return null;
    const place = { join: id, index };
    const spec = await this.#visits.arrive(run, this.#step(ended, owner.join, place, owner.variables ?? {}));
    return after(ended, place, spec);
  }

  /** The outputs of all branches in order; throws what ended them. */
  outputs({ node, state }: Ended): Json[] {
    const gathered = gather(node, (visit) => this.#isEnd(visit));
    if ('outputs' in gathered) return gathered.outputs;
    if (state.isDistributed !== true) throw new StateError(gathered.failed.type, gathered.failed.message);
    throw new StateError(
      'States.ExceedToleratedFailureThreshold',
      'The specified tolerated failure threshold was exceeded',
    );
  }

  /** Does a visit that ended well end its branch? The first half of a state in two halves does not. */
  #isEnd(visit: Visit): boolean {
    const state = this.#visits.state(visit.state);
    if (state.end !== true || visit.isPause === true) return false;
    if (state.type === 'Parallel' || state.type === 'Map') return visit.join !== undefined;
    return state.signal === undefined || visit.isCallback === true;
  }

  /** A branch failed for good: it ends the others, unless the join can do without it. */
  async failed(ended: Ended, place: Place): Promise<Effect> {
    const { run, node } = ended;
    const join = run.nodes.get(place.join);
    const own = visitOf(join)?.join;
    if (join === undefined || own === undefined) return {};
    const frame = this.#frames.of(run, join);
    frame.failed += 1;
    if (isTooMany(own, frame.failed)) return { handled: true, stop: living(join).filter((id) => id !== node.id) };
    const change = await this.next(ended, place);
    return change === null ? { handled: true } : { handled: true, change };
  }
}

async function parallelShape(around: Around, count: number): Promise<Omit<Join, 'split'>> {
  const input = await argumentsOf(around);
  return { inputs: Array.from({ length: count }, () => input), lanes: count };
}
