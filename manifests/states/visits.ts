// The visits of a run: what a state sees when it is entered or ends, and the node that a visit becomes.
//
// Owns: ids of visits, what stands around them. Does not own: which state comes next (continuation.ts, branches.ts), what its node does
// (enter.ts).
//
// V1  an id is the name of the state, behind it #2, #3, ... for further visits, before it the place: `fanout/0/validate`.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { EdgeSpec, NodeSpec, Registration } from '../../kernel/task.ts';
import { contextOf } from './context.ts';
import { enter } from './enter.ts';
import type { Around, Ports } from './language.ts';
import type { Machine, State } from './machine.ts';
import { TOKEN } from './normalize.ts';
import { runtimeError } from './state-error.ts';
import { newToken } from './token.ts';
import { itemOf, type Join, type Place, type Visit, visitOf } from './visit.ts';

/** An arrival at a state, from a node that ended. */
export interface Step {
  readonly name: string;
  readonly input: Json;
  readonly variables: JsonObject;
  readonly place: Place | undefined;
  readonly at: number;
  readonly event: number;
  readonly retries?: readonly number[];
  readonly delaySeconds?: number;
}

/** A node that ended, with all that is known of its visit. */
export interface Ended {
  readonly run: Run;
  readonly node: Node;
  readonly visit: Visit;
  readonly state: State;
  readonly around: Around;
  readonly at: number;
}

/** Nodes and edges that a visit adds. */
export interface Added {
  readonly nodes: NodeSpec[];
  readonly edges: EdgeSpec[];
}

/** The node behind the one that ended, and before the join of its branch. */
export function after({ node }: Ended, place: Place | undefined, spec: NodeSpec): Added {
  const edges = place === undefined ? [] : [{ from: spec.id, to: place.join }];
  return { nodes: [{ ...spec, dependencies: [node.id] }], edges };
}

export class Visits {
  readonly machine: Machine;
  readonly #registration: Registration;
  readonly #ports: Ports;
  /** Visits so far, by where they are; so that the hundred thousandth costs what the first did. */
  readonly #counts = new Map<string, number>();

  constructor(machine: Machine, registration: Registration, ports: Ports) {
    this.machine = machine;
    this.#registration = registration;
    this.#ports = ports;
  }

  readonly state = (name: string): State => {
    const state = Object.hasOwn(this.machine.states, name) ? this.machine.states[name] : undefined;
    if (state === undefined) throw runtimeError(`there is no state "${name}"`);
    return state;
  };

  around(run: Run | null, state: State, visit: Visit, raw: Json, tried = 0): Around {
    const retries = (visit.retries ?? []).reduce((sum, count) => sum + count, tried);
    const hasRetries = state.type === 'Task' || state.type === 'Parallel' || state.type === 'Map';
    return {
      state,
      raw,
      visitAt: visit.at,
      context: contextOf(this.#registration, run, visit, this.state, hasRetries ? retries : undefined),
      variables: visit.variables ?? {},
      ports: this.#ports,
    };
  }

  /** `beginning`: the join of the place, when it is not in the graph yet. */
  async arrive(run: Run | null, step: Step, beginning?: Join): Promise<NodeSpec> {
    const { name, input, variables, place, at, event, retries, delaySeconds } = step;
    const state = this.state(name);
    const visit: Visit = {
      state: name,
      at,
      ...(this.machine.isAsl ? { event } : {}),
      ...(Object.keys(variables).length === 0 ? {} : { variables }),
      ...(place === undefined ? {} : { place }),
      ...(retries === undefined ? {} : { retries }),
      ...(state.signal === TOKEN ? { token: newToken(this.#registration.name, this.#ports.random) } : {}),
    };
    const around = this.around(run, state, visit, input);
    const context =
      beginning === undefined || place === undefined
        ? around.context
        : withItem(around.context, this.machine, beginning, place, run);
    return enter(this.machine, {
      id: this.#newId(run, place, name, beginning),
      name,
      visit,
      around: { ...around, context },
      ...(delaySeconds === undefined ? {} : { delaySeconds }),
    });
  }

  #newId(run: Run | null, place: Place | undefined, name: string, beginning: Join | undefined): string {
    const join = place === undefined ? undefined : (beginning ?? visitOf(run?.nodes.get(place.join))?.join);
    const base = join === undefined || place === undefined ? name : `${join.split}/${place.index}/${name}`;
    let count = this.#counts.get(base) ?? 1;
    const id = (): string => (count === 1 ? base : `${base}#${count}`);
    while (run?.nodes.has(id()) === true) count += 1;
    this.#counts.set(base, count);
    return id();
  }
}

/** What the first state of a branch sees, whose join is not in the graph yet. */
function withItem(context: JsonObject, machine: Machine, join: Join, place: Place, run: Run | null): JsonObject {
  const owner = visitOf(run?.nodes.get(join.split));
  const state = owner === null ? undefined : machine.states[owner.state];
  if (state?.type !== 'Map') return context;
  const { Execution: execution } = context;
  const own = state.isDistributed === true && isObject(execution);
  return {
    ...context,
    ...(own ? { Execution: { ...execution, Input: join.inputs[place.index] ?? null } } : {}),
    Map: itemOf(join, place.index),
  };
}
