// What becomes of an attempt's end before it is folded: its output is checked, and the continuation says what follows; a Signal that does not say
// what its node asks for is no end at all. And what comes before an attempt begins: its input is checked.
//
// Owns: the verdicts. Does not own: how data is checked (manifests/data-checks.ts), when these are asked (active-run.ts).
//
// N1  a verdict is journaled as the end that it makes, or as InputChecked; until then a crash leaves the outcome, or the wait, as it was,
//     and it is found anew.
// N2  an attempt that is tried again because of its output has left no process behind.

import type { Continuation, EndEvent } from '../kernel/continuation.ts';
import { foresee } from '../kernel/apply.ts';
import type { RunEvent } from '../kernel/events.ts';
import { inputOf } from '../kernel/input.ts';
import type { Json, JsonObject } from '../kernel/json.ts';
import type { Node } from '../kernel/node.ts';
import type { Now, ProcessIdentity } from '../kernel/ports.ts';
import type { Run } from '../kernel/run.ts';
import { INPUT_INVALID, type Outcome, OUTPUT_INVALID } from '../kernel/task.ts';
import { dataMessage, type DataChecks } from '../manifests/data-checks.ts';
import { taskMark } from '../runtime/ending.ts';
import type { ControllerDeps } from './deps.ts';

const GRACE_MS = 5000;
const LOOK_MS = 50;

type Checks = Pick<DataChecks, 'check'>;

export class Ends {
  readonly #deps: ControllerDeps;
  readonly #checks: Checks;
  /** Null: the graph grows only as its tasks say. */
  readonly #continuation: Continuation | null;
  readonly #refuseSignal: (signal: string, node: string, message: string) => Promise<void>;

  constructor(
    deps: ControllerDeps,
    checks: Checks,
    continuation: Continuation | null,
    refuseSignal: (signal: string, node: string, message: string) => Promise<void>,
  ) {
    this.#deps = deps;
    this.#refuseSignal = refuseSignal;
    this.#checks = checks;
    this.#continuation = continuation;
  }

  /** Nothing is to be added to it: it may be folded as it is. */
  isPlain(run: Run, event: EndEvent): boolean {
    return this.#continuation === null && toCheck(run, event) === null && formFor(run, event) === null;
  }

  /** Null: it is no end, the wait goes on. */
  async complete(run: Run, event: EndEvent): Promise<EndEvent | null> {
    if (!(await this.#takesSignal(run, event))) return null;
    const checked = await this.#checkOutput(run, event);
    return this.#continuation === null ? checked : this.#continuation.complete(run, checked);
  }

  async #takesSignal(run: Run, event: EndEvent): Promise<boolean> {
    const form = formFor(run, event);
    if (form === null || event.type !== 'InlineEnded' || event.signal === undefined) return true;
    const data = event.outcome.result === 'Success' ? (event.outcome.output ?? null) : null;
    const problem = await this.#checks.check(form, data);
    if (problem === undefined) return true;
    await this.#refuseSignal(event.signal, event.node, dataMessage('data', problem));
    return false;
  }

  async #checkOutput(run: Run, event: EndEvent): Promise<EndEvent> {
    const asked = toCheck(run, event);
    if (asked === null) return event;
    const problem = await this.#checks.check(asked.schema, asked.output);
    if (problem === undefined) return event;
    const error = { type: OUTPUT_INVALID, message: dataMessage('output', problem) };
    const outcome: Outcome = { ...event.outcome, result: 'Failure', error, output: asked.output };
    if (event.type === 'Ended' && foresee(run, asked.node, outcome) === 'Again') await this.#leaveNothing(asked.node);
    return { ...event, outcome };
  }

  /** Is there a node whose input is to be looked at? */
  asks(run: Run): boolean {
    return run.isOpen && run.toCheck.size > 0;
  }

  /** The verdict about the first of them. */
  async checkInput(run: Run, now: Now): Promise<RunEvent | null> {
    const node = run.toCheck.first;
    if (node === null) throw new Error('invariant broken: there is an input to check');
    const stamp = { at: now.wall, time: now.time };
    const input = inputOf(run, node) ?? run.registration.input;
    const problem = await this.#checks.check(node.task.inputSchema ?? {}, input);
    if (problem === undefined) return { ...stamp, type: 'InputChecked', nodes: [node.id] };
    const error = { type: INPUT_INVALID, message: dataMessage('input', problem) };
    return this.complete(run, { ...stamp, type: 'InlineEnded', node: node.id, outcome: { result: 'Failure', error } });
  }

  /** What the attempt started and left is ended: no second copy of a task while something of the first one lives. */
  async #leaveNothing({ current }: Node): Promise<void> {
    const { processes, store, clock, graceMs = GRACE_MS } = this.#deps;
    if (current?.fence == null || current.worker === null) return;
    const mark = taskMark(store.leases.places(current.worker, current.fence));
    const living = (): readonly ProcessIdentity[] => processes.membersOf(mark, null);
    const since = clock.now().time;
    for (let left = living(), isTold = false; left.length > 0; left = living()) {
      const isOver = clock.now().time - since >= graceMs;
      if (!isTold || isOver) for (const one of left) processes.signal(one, isOver ? 'SIGKILL' : 'SIGTERM');
      isTold = true;
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
  }
}

interface Asked {
  readonly node: Node;
  readonly schema: JsonObject;
  readonly output: Json;
}

/** The output of a task that says what it gives, when this is the end of its attempt. */
function toCheck(run: Run, { node: id, outcome }: EndEvent): Asked | null {
  const node = run.nodes.get(id);
  if (outcome.result !== 'Success' || node?.task.outputSchema === undefined) return null;
  return { node, schema: node.task.outputSchema, output: outcome.output ?? node.current?.reported?.output ?? null };
}

/** What a Signal must say that would end the wait of this node. */
function formFor(run: Run, event: EndEvent): JsonObject | null {
  const executor = run.nodes.get(event.node)?.task.executor;
  return 'signal' in event && executor?.type === 'signal' ? (executor.schema ?? null) : null;
}
