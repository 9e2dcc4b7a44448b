// The continuation of a state machine: from a node that ended to what comes next (kernel/continuation.ts).
//
// Owns: which state follows, and what becomes of a failure. Does not own: data (language.ts), visits and their nodes (visits.ts, enter.ts),
// how branches begin and come together (branches.ts).
//
// M1  the answer follows from the machine, the graph and the outcome; only chance (UUIDs, tokens) comes from outside, and is journaled.
// M2  a failure inside a branch is dealt with (`handled`): it ends the branch, and what comes of that is for the join to say.
// M3  a node that was stopped, or whose run is being cancelled, leads nowhere.

import { foresee } from '../../kernel/apply.ts';
import { checkChange } from '../../kernel/change.ts';
import type { Continuation, EndEvent } from '../../kernel/continuation.ts';
import type { Effect } from '../../kernel/events.ts';
import { isObject, type Json } from '../../kernel/json.ts';
import { wasSilent } from '../../kernel/limits.ts';
import type { Node } from '../../kernel/node.ts';
import { matchRule, retryDelayMs } from '../../kernel/retry.ts';
import type { Run } from '../../kernel/run.ts';
import type { NodeSpec, Outcome, Registration, TaskError } from '../../kernel/task.ts';
import { Branches } from './branches.ts';
import { callbackOf, nextInput } from './enter.ts';
import { eventAfter, FIRST_EVENT } from './event-ids.ts';
import {
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
import type { Machine } from './machine.ts';
import { EngineError, errorOf, runtimeError, StateError, takes } from './state-error.ts';
import { rawInput, type Visit, visitOf } from './visit.ts';
import { after, type Ended, Visits } from './visits.ts';

export function continuationOf(registration: Registration, ports: Ports): Continuation | null {
  const machine = registration.continuation as unknown as Machine | undefined;
  return machine === undefined ? null : new StatesContinuation(machine, new Visits(machine, registration, ports));
}

/** As AWS says it. */
const NO_CHOICE = 'Failed to transition out of the state. The state does not point to a next state.';

/** The node whose end is that of the time that the run may take. */
const LIMIT = '(time limit)';

class StatesContinuation implements Continuation {
  readonly #machine: Machine;
  readonly #visits: Visits;
  readonly #branches: Branches;

  constructor(machine: Machine, visits: Visits) {
    this.#machine = machine;
    this.#visits = visits;
    this.#branches = new Branches(visits);
  }

  async begin(registration: Registration, at: number): Promise<Registration> {
    const { startAt } = this.#machine;
    const first = await this.#visits.arrive(null, {
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
    const state = this.#visits.state(visit.state);
    const ended: Ended = {
      run,
      node,
      visit,
      state,
      at,
      around: this.#visits.around(run, state, visit, rawInput(node, visit), sumOf(node.retriesUsed)),
    };
    let outcome = given;
    if (given.result === 'Success') {
      try {
        return { outcome, effect: this.#checked(run, node, await this.#succeed(ended, given.output ?? null)) };
      } catch (error) {
        this.#branches.forget();
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
      const input = await nextInput(this.#visits.around(run, state, visit, rawInput(node, visit), tried));
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

  // --- success -----------------------------------------------------------------------------------

  async #succeed(ended: Ended, result: Json): Promise<Effect> {
    const { visit, state, around } = ended;
    if (visit.failure !== undefined) throw new StateError(visit.failure.type, visit.failure.message);
    if (visit.join !== undefined)
      return this.#move(ended, await leaveWork(around, this.#branches.outputs(ended)), state.next);
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
        return this.#branches.split(ended);
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
    return { change: after(ended, place, await this.#visits.arrive(run, step)), output: null };
  }

  async #worked(ended: Ended, result: Json): Promise<Effect> {
    const { node, visit, state, around } = ended;
    if (state.signal !== undefined && visit.isCallback !== true) {
      const retries = (state.retry ?? []).map((_, index) => usedBy(node, visit, index));
      const arrival = { id: '', name: visit.state, visit: { ...visit, retries }, around };
      const task = await callbackOf(arrival, node.task.input ?? null);
      return { change: after(ended, visit.place, { id: `${node.id}/callback`, task }), output: result };
    }
    if (visit.isCallback === true && visit.token !== undefined) throwIfFailed(result);
    const wrapped = state.integration === 'invoke' && visit.isCallback !== true ? wrap(result) : result;
    return this.#move(ended, await leaveWork(around, wrapped), state.next);
  }

  /** What follows a state that was left: the next one, the next item, the join, or the end of the run. */
  async #move(ended: Ended, { output, variables }: Left, next: string | undefined): Promise<Effect> {
    const { visit, at, run, node } = ended;
    if (next !== undefined) {
      const event = eventAfter(node, visit, this.#visits.state);
      const spec = await this.#visits.arrive(run, {
        name: next,
        input: output,
        variables,
        place: visit.place,
        at,
        event,
      });
      return { change: after(ended, visit.place, spec), output };
    }
    if (visit.place === undefined) {
      const stop = this.#machine.timeoutSeconds === undefined ? {} : { stop: [LIMIT] };
      return { output, isResult: true, ...stop };
    }
    const change = await this.#branches.next(ended, visit.place);
    return change === null ? { output } : { change, output };
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
    return { outcome, effect: await this.#branches.failed(ended, visit.place) };
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
    const spec = await this.#visits.arrive(run, step);
    const ended = { run, node, visit, state, around, at };
    return { change: after(ended, visit.place, spec), handled: true };
  }
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
