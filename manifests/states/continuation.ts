// The continuation of a state machine: from a node that ended to what comes next (kernel/continuation.ts).
//
// Owns: which state follows, what becomes of a failure, how branches begin and come together. Does not own: data (language.ts), the nodes
// of visits (enter.ts), counting branches (frames.ts).
//
// M1  the answer follows from the machine, the graph and the outcome; only chance (UUIDs, tokens) comes from outside, and is journaled.
// M2  a failure inside a branch is dealt with (`handled`): it ends the branch, and what comes of that is for the join to say.
// M3  a node that was stopped, or whose run is being cancelled, leads nowhere.

import { foresee } from '../../kernel/apply.ts';
import { checkChange } from '../../kernel/change.ts';
import type { Continuation, EndEvent } from '../../kernel/continuation.ts';
import type { Effect } from '../../kernel/events.ts';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import { wasSilent } from '../../kernel/limits.ts';
import { matchRule, retryDelayMs } from '../../kernel/retry.ts';
import type { Run } from '../../kernel/run.ts';
import type { EdgeSpec, NodeSpec, Outcome, Registration, TaskError } from '../../kernel/task.ts';
import { contextOf } from './context.ts';
import { callbackOf, enter, nextInput } from './enter.ts';
import { eventAfter, eventInside, FIRST_EVENT } from './event-ids.ts';
import { beginNext, Frames, gather, isTooMany, living } from './frames.ts';
import {
  argumentsOf,
  type Around,
  choose,
  failureOf,
  type Left,
  leaveCaught,
  leaveChoice,
  leavePass,
  leavePlain,
  leaveWork,
  type Ports,
} from './language.ts';
import type { Machine, State } from './machine.ts';
import { itemsFor } from './map.ts';
import { TOKEN } from './normalize.ts';
import { EngineError, errorOf, runtimeError, StateError, takes } from './state-error.ts';
import { newToken } from './token.ts';
import { type Join, type Place, rawInput, type Visit, visitOf } from './visit.ts';

export function continuationOf(registration: Registration, ports: Ports): Continuation | null {
  const machine = registration.continuation as unknown as Machine | undefined;
  return machine === undefined ? null : new StatesContinuation(machine, registration, ports);
}

/** As AWS says it. */
const NO_CHOICE = 'Failed to transition out of the state. The state does not point to a next state.';

/** The node whose end is that of the time that the run may take. */
const LIMIT = '(time limit)';

/** An arrival at a state, from a node that ended. */
interface Step {
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
interface Ended {
  readonly run: Run;
  readonly node: Node;
  readonly visit: Visit;
  readonly state: State;
  readonly around: Around;
  readonly at: number;
}

class StatesContinuation implements Continuation {
  readonly #machine: Machine;
  readonly #registration: Registration;
  readonly #ports: Ports;
  readonly #frames = new Frames();
  /** Visits so far, by where they are; so that the hundred thousandth costs what the first did. */
  readonly #visits = new Map<string, number>();

  constructor(machine: Machine, registration: Registration, ports: Ports) {
    this.#machine = machine;
    this.#registration = registration;
    this.#ports = ports;
  }

  async begin(registration: Registration, at: number): Promise<Registration> {
    const { startAt } = this.#machine;
    const first = await this.#arrive(null, {
      name: startAt,
      input: registration.input,
      variables: {},
      place: undefined,
      at,
      event: FIRST_EVENT,
    });
    const { timeoutSeconds: seconds } = this.#machine;
    const limit: NodeSpec[] =
      seconds === undefined
        ? []
        : [{ id: LIMIT, task: { executor: { type: 'wait', seconds }, input: null, memo: { isLimit: true } } }];
    return { ...registration, change: { ...registration.change, nodes: [first, ...limit] } };
  }

  async complete(run: Run, event: EndEvent): Promise<EndEvent> {
    const node = run.nodes.get(event.node);
    const visit = visitOf(node);
    if (node === undefined || visit === null || node.isTerminal) return event;
    if (event.type === 'Ended' && node.current?.fence !== event.fence) return event;
    if ('isLimit' in visit) return this.#overdue(run, event);
    if (node.current?.stopping === 'Stopped' || run.isCancelling) return event;
    const { outcome, effect } = await this.#end(run, node, visit, this.#named(event.outcome, node), event.at);
    return effect === undefined ? { ...event, outcome } : { ...event, outcome, effect };
  }

  /** The run as a whole has taken too long. */
  #overdue(run: Run, event: EndEvent): EndEvent {
    const message = `the run did not end within ${this.#machine.timeoutSeconds ?? 0} s`;
    const stop = Array.from(run.nodes.values()).flatMap((node) =>
      node.isTerminal || node.id === LIMIT ? [] : [node.id],
    );
    const error = { type: this.#machine.isAsl ? 'States.Timeout' : 'Timeout', message };
    return { ...event, outcome: { result: 'Failure', error }, effect: { stop } };
  }

  /** Errors of the engine by the names of the language. */
  #named(outcome: Outcome, node: Node): Outcome {
    if (outcome.result !== 'Stopped' || outcome.reason !== 'Timeout' || !this.#machine.isAsl) return outcome;
    const type = node.current !== null && wasSilent(node.current) ? 'States.HeartbeatTimeout' : 'States.Timeout';
    return { result: 'Failure', error: { type, message: '' } };
  }

  async #end(
    run: Run,
    node: Node,
    visit: Visit,
    given: Outcome,
    at: number,
  ): Promise<{ outcome: Outcome; effect?: Effect }> {
    const state = this.#state(visit.state);
    const ended: Ended = {
      run,
      node,
      visit,
      state,
      at,
      around: this.#around(run, state, visit, rawInput(node, visit), sumOf(node.retriesUsed)),
    };
    let outcome = given;
    if (given.result === 'Success') {
      try {
        return { outcome, effect: this.#checked(run, node, await this.#succeed(ended, given.output ?? null)) };
      } catch (error) {
        this.#frames.forget();
        outcome = { result: 'Failure', error: errorOf(error, visit.state, visit.event) };
      }
    }
    const error = foresee(run, node, outcome);
    const isLost = outcome.result === 'Lost' || (outcome.result === 'Stopped' && outcome.reason === 'Lost');
    if (error === 'Again' && state.type === 'Task' && !isLost) return { outcome, ...(await this.#anew(ended)) };
    if (typeof error === 'string') return { outcome };
    return this.#fail(ended, outcome, error);
  }

  /** What the next attempt is given. When that cannot be found out, it is what this one was given. */
  async #anew({ run, node, visit, state }: Ended): Promise<{ effect?: Effect }> {
    const tried = sumOf(node.retriesUsed) + 1;
    try {
      const input = await nextInput(this.#around(run, state, visit, rawInput(node, visit), tried));
      return input === undefined ? {} : { effect: { input } };
    } catch {
      return {};
    }
  }

  /** A change that the kernel would refuse must not get lost; one that would break a promise ends the run. */
  #checked(run: Run, by: Node, effect: Effect): Effect {
    const refusal = effect.change === undefined ? null : checkChange(run, effect.change, by.id);
    if (refusal === null) return effect;
    const { message, promise } = refusal;
    if (promise !== undefined) return { broken: { promise, reason: message } };
    throw runtimeError(`what follows cannot be added to the graph: ${message}`);
  }

  readonly #find = (name: string): State => this.#state(name);

  #state(name: string): State {
    const state = Object.hasOwn(this.#machine.states, name) ? this.#machine.states[name] : undefined;
    if (state === undefined) throw runtimeError(`there is no state "${name}"`);
    return state;
  }

  #around(run: Run | null, state: State, visit: Visit, raw: Json, tried = 0): Around {
    const retries = (visit.retries ?? []).reduce((sum, count) => sum + count, tried);
    const hasRetries = state.type === 'Task' || state.type === 'Parallel' || state.type === 'Map';
    const isMap = (name: string): boolean => this.#state(name).type === 'Map';
    return {
      state,
      raw,
      visitAt: visit.at,
      context: contextOf(this.#registration, run, visit, isMap, hasRetries ? retries : undefined),
      variables: visit.variables ?? {},
      ports: this.#ports,
    };
  }

  // --- success -----------------------------------------------------------------------------------

  async #succeed(ended: Ended, result: Json): Promise<Effect> {
    const { visit, state, around } = ended;
    if (visit.failure !== undefined) throw new StateError(visit.failure.type, visit.failure.message);
    if (visit.join !== undefined) return this.#gathered(ended);
    if (visit.isPause === true) return this.#resume(ended);
    switch (state.type) {
      case 'Choice': {
        const choice = await choose(around);
        const next = choice?.next ?? state.default;
        if (next === undefined) throw new EngineError('States.NoChoiceMatched', NO_CHOICE);
        return this.#move(ended, await leaveChoice(around, choice), next);
      }
      case 'Fail': {
        const { type, message } = await failureOf(around);
        throw new StateError(type, message);
      }
      case 'Parallel':
      case 'Map':
        return this.#split(ended);
      case 'Task':
        return this.#worked(ended, result);
      case 'Pass':
        return this.#move(ended, await leavePass(around), state.next);
      case 'Wait':
      case 'Succeed':
        return this.#move(ended, await leavePlain(around), state.next);
    }
  }

  /** The visit for which the pause was. */
  async #resume(ended: Ended): Promise<Effect> {
    const { run, visit, around, at } = ended;
    const { state: name, place, retries = [], event = FIRST_EVENT } = visit;
    const step = { name, input: around.raw, variables: around.variables, place, at, event, retries };
    return { change: this.#after(ended, place, await this.#arrive(run, step)), output: null };
  }

  async #worked(ended: Ended, result: Json): Promise<Effect> {
    const { node, visit, state, around } = ended;
    if (state.signal !== undefined && visit.isCallback !== true) {
      const retries = (state.retry ?? []).map((_, index) => usedBy(node, visit, index));
      const arrival = { id: '', name: visit.state, visit: { ...visit, retries }, around };
      const task = await callbackOf(arrival, node.task.input ?? null);
      return { change: this.#after(ended, visit.place, { id: `${node.id}/callback`, task }), output: result };
    }
    if (visit.isCallback === true && visit.token !== undefined) throwIfFailed(result);
    const wrapped = state.integration === 'invoke' && visit.isCallback !== true ? wrap(result) : result;
    return this.#move(ended, await leaveWork(around, wrapped), state.next);
  }

  /** What follows a state that was left: the next one, the next item, the join, or the end of the run. */
  async #move(ended: Ended, { output, variables }: Left, next: string | undefined): Promise<Effect> {
    const { visit, at, run, node } = ended;
    if (next !== undefined) {
      const event = eventAfter(node, visit, this.#find);
      const spec = await this.#arrive(run, { name: next, input: output, variables, place: visit.place, at, event });
      return { change: this.#after(ended, visit.place, spec), output };
    }
    if (visit.place === undefined) {
      const stop = this.#machine.timeoutSeconds === undefined ? {} : { stop: [LIMIT] };
      return { output, isResult: true, ...stop };
    }
    const change = await this.#nextBranch(ended, visit.place);
    return change === null ? { output } : { change, output };
  }

  #after({ node }: Ended, place: Place | undefined, spec: NodeSpec): { nodes: NodeSpec[]; edges: EdgeSpec[] } {
    const edges = place === undefined ? [] : [{ from: spec.id, to: place.join }];
    return { nodes: [{ ...spec, dependencies: [node.id] }], edges };
  }

  // --- failure -----------------------------------------------------------------------------------

  async #fail(ended: Ended, given: Outcome, first: TaskError): Promise<{ outcome: Outcome; effect?: Effect }> {
    const { run, state, visit, around } = ended;
    const again = await this.#again(ended, first);
    if (again !== null) return { outcome: given, effect: this.#checked(run, ended.node, again) };
    let outcome = given;
    const catcher = state.catch?.find(({ errors }) => takes(errors, first));
    if (catcher !== undefined) {
      try {
        const caught = await this.#move(ended, await leaveCaught(around, catcher, first), catcher.next);
        return { outcome, effect: { ...this.#checked(run, ended.node, caught), handled: true } };
      } catch (error) {
        outcome = { result: 'Failure', error: errorOf(error, visit.state, visit.event) };
      }
    }
    if (visit.place === undefined) return { outcome };
    return { outcome, effect: await this.#branchFailed(ended, visit.place) };
  }

  /** A Parallel, a Map or a Task whose callback went wrong begins anew as a visit of its own, when its rules say so. */
  async #again({ run, node, visit, state, around, at }: Ended, error: TaskError): Promise<Effect | null> {
    const rules = state.retry ?? [];
    // Of other tasks the kernel counts the retries.
    const isOurs = state.type === 'Parallel' || state.type === 'Map' || node.task.retry === undefined;
    const index = isOurs ? matchRule(rules, error.type) : -1;
    const rule = rules[index];
    const used = visit.retries?.[index] ?? 0;
    if (rule === undefined || used >= rule.maxAttempts) return null;
    const retries = rules.map((_, at_) => (visit.retries?.[at_] ?? 0) + (at_ === index ? 1 : 0));
    const delaySeconds = retryDelayMs(rule, used + 1, `${run.uid}/${node.id}/${used}`) / 1000;
    const { variables } = around;
    const event = visit.event ?? FIRST_EVENT;
    const { place } = visit;
    const step = { name: visit.state, input: around.raw, variables, place, at, event, retries, delaySeconds };
    const spec = await this.#arrive(run, step);
    const ended = { run, node, visit, state, around, at };
    return { change: this.#after(ended, visit.place, spec), handled: true };
  }

  async #branchFailed(ended: Ended, place: Place): Promise<Effect> {
    const { run, node } = ended;
    const join = run.nodes.get(place.join);
    const own = visitOf(join)?.join;
    if (join === undefined || own === undefined) return {};
    const frame = this.#frames.of(run, join);
    frame.failed += 1;
    if (isTooMany(own, frame.failed)) return { handled: true, stop: living(join).filter((id) => id !== node.id) };
    const change = await this.#nextBranch(ended, place);
    return change === null ? { handled: true } : { handled: true, change };
  }

  // --- branches ----------------------------------------------------------------------------------

  async #split(ended: Ended): Promise<Effect> {
    const { node, visit, state, around } = ended;
    const id = `${node.id}/join`;
    const shape =
      state.type === 'Map' ? await itemsFor(around) : await parallelShape(around, state.branches?.length ?? 0);
    const join: Join = { split: node.id, ...shape };
    const begun = await this.#branches(ended, { id, join, variables: around.variables, count: join.lanes });
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
  async #branches(
    ended: Ended,
    { id, join, variables, count }: { id: string; join: Join; variables: JsonObject; count: number },
  ): Promise<{ nodes: NodeSpec[]; edges: EdgeSpec[] }> {
    const nodes: NodeSpec[] = [];
    const edges: EdgeSpec[] = [];
    for (let index = 0; index < Math.min(count, join.inputs.length); index += 1) {
      const place = { join: id, index };
      const spec = await this.#arrive(ended.run, this.#branchStep(ended, join, place, variables), join);
      nodes.push({ ...spec, dependencies: [ended.node.id] });
      edges.push({ from: spec.id, to: id });
    }
    return { nodes, edges };
  }

  #branchStep({ at, visit, run }: Ended, join: Join, place: Place, variables: JsonObject): Step {
    const owner = visitOf(run.nodes.get(join.split)) ?? visit;
    const branches = this.#state(owner.state).branches ?? [];
    const name = branches[branches.length === 1 ? 0 : place.index] ?? '';
    const event = eventInside(owner, this.#state(owner.state));
    return { name, input: join.inputs[place.index] ?? null, variables, place, at, event };
  }

  async #nextBranch(ended: Ended, { join: id }: Place): Promise<{ nodes: NodeSpec[]; edges: EdgeSpec[] } | null> {
    const { run } = ended;
    const join = run.nodes.get(id);
    const owner = visitOf(join);
    if (join === undefined || owner?.join === undefined) return null;
    const index = beginNext(this.#frames.of(run, join), owner.join.inputs.length);
    if (index === null) return null;
    const place = { join: id, index };
    const spec = await this.#arrive(run, this.#branchStep(ended, owner.join, place, owner.variables ?? {}));
    return this.#after(ended, place, spec);
  }

  async #gathered(ended: Ended): Promise<Effect> {
    const { node, state, around } = ended;
    const isEnd = (visit: Visit): boolean => this.#isEnd(visit);
    const gathered = gather(node, isEnd);
    if ('outputs' in gathered) return this.#move(ended, await leaveWork(around, gathered.outputs), state.next);
    if (state.isDistributed !== true) throw new StateError(gathered.failed.type, gathered.failed.message);
    throw new StateError(
      'States.ExceedToleratedFailureThreshold',
      'The specified tolerated failure threshold was exceeded',
    );
  }

  /** Does a visit that ended well end its branch? The first half of a state in two halves does not. */
  #isEnd(visit: Visit): boolean {
    const state = this.#state(visit.state);
    if (state.end !== true || visit.isPause === true) return false;
    if (state.type === 'Parallel' || state.type === 'Map') return visit.join !== undefined;
    return state.signal === undefined || visit.isCallback === true;
  }

  // --- arrivals ----------------------------------------------------------------------------------

  /** `beginning`: the join of the place, when it is not in the graph yet. */
  async #arrive(run: Run | null, step: Step, beginning?: Join): Promise<NodeSpec> {
    const { name, input, variables, place, at, event, retries, delaySeconds } = step;
    const state = this.#state(name);
    const visit: Visit = {
      state: name,
      at,
      ...(this.#machine.isAsl ? { event } : {}),
      ...(Object.keys(variables).length === 0 ? {} : { variables }),
      ...(place === undefined ? {} : { place }),
      ...(retries === undefined ? {} : { retries }),
      ...(state.signal === TOKEN ? { token: newToken(this.#registration.name, this.#ports.random) } : {}),
    };
    const around = this.#around(run, state, visit, input);
    const context =
      beginning === undefined || place === undefined
        ? around.context
        : withItem(around.context, this.#machine, beginning, place, run);
    return enter(this.#machine, {
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
    let count = this.#visits.get(base) ?? 1;
    const id = (): string => (count === 1 ? base : `${base}#${count}`);
    while (run?.nodes.has(id()) === true) count += 1;
    this.#visits.set(base, count);
    return id();
  }
}

function withItem(context: JsonObject, machine: Machine, join: Join, place: Place, run: Run | null): JsonObject {
  const owner = visitOf(run?.nodes.get(join.split));
  const isMap = owner !== null && machine.states[owner.state]?.type === 'Map';
  return isMap
    ? { ...context, Map: { Item: { Index: place.index, Value: (join.items ?? join.inputs)[place.index] ?? null } } }
    : context;
}

async function parallelShape(around: Around, count: number): Promise<Omit<Join, 'split'>> {
  const input = await argumentsOf(around);
  return { inputs: Array.from({ length: count }, () => input), lanes: count };
}

/** What `lambda:invoke` answers. */
function wrap(result: Json): Json {
  return { ExecutedVersion: '$LATEST', Payload: result, StatusCode: 200 };
}

/** The answer to a token may be a failure: `{error, cause}` and nothing else. */
function throwIfFailed(data: Json): void {
  if (!isObject(data)) return;
  const { error, cause, ...rest } = data;
  if (typeof error !== 'string' || Object.keys(rest).length > 0) return;
  throw new StateError(error, typeof cause === 'string' ? cause : '');
}

/** Retries by one rule, in this visit and before it. */
function usedBy(node: Node, visit: Visit, index: number): number {
  return (visit.retries?.[index] ?? 0) + (node.retriesUsed[index] ?? 0);
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
