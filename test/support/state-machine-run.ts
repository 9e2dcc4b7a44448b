// Runs a state machine to its end in memory: the kernel, the continuation and a play of the functions, without a store, a controller or a
// worker. Time jumps to whatever is due next.

import { apply, newRun } from '../../kernel/apply.ts';
import type { Continuation } from '../../kernel/continuation.ts';
import { decide, msUntilDue } from '../../kernel/decide.ts';
import type { RunEvent } from '../../kernel/events.ts';
import { inputOf } from '../../kernel/input.ts';
import type { Json, JsonObject } from '../../kernel/json.ts';
import type { Node } from '../../kernel/node.ts';
import type { Now, Random } from '../../kernel/ports.ts';
import { nextStartable, type Run } from '../../kernel/run.ts';
import type { Outcome } from '../../kernel/task.ts';
import { admitNow } from '../../manifests/admit.ts';
import { compile } from '../../manifests/compile.ts';
import { continuationOf } from '../../manifests/states/continuation.ts';
import { evaluateTemplate } from '../../manifests/states/jsonata.ts';

export interface MachineToRun {
  readonly definition: JsonObject;
  readonly input: Json;
  readonly name?: string;
  /** What functions do, by the resource that names them. */
  readonly functions?: { readonly [resource: string]: (input: Json, attempt: number) => Outcome | Promise<Outcome> };
  /** Wall time at the start. */
  readonly startsAt?: number;
}

export interface MachineRun {
  readonly run: Run;
  readonly events: readonly RunEvent[];
}

/** A run that needs more events than this does not end. */
const EVENT_LIMIT = 20_000;

export async function runMachine(machine: MachineToRun): Promise<MachineRun> {
  const driver = await MachineDriver.start(machine);
  await driver.toEnd();
  return { run: driver.run, events: driver.events };
}

export class MachineDriver {
  readonly run: Run;
  readonly events: RunEvent[];
  readonly #continuation: Continuation;
  readonly #machine: MachineToRun;
  #now: Now;
  #fences = 0;

  private constructor(machine: MachineToRun, run: Run, first: RunEvent, continuation: Continuation) {
    this.#machine = machine;
    this.run = run;
    this.events = [first];
    this.#continuation = continuation;
    this.#now = { time: 0, wall: first.at };
  }

  static async start(machine: MachineToRun): Promise<MachineDriver> {
    const names = Object.keys(machine.functions ?? {});
    const taskRefs = Object.fromEntries(names.map((name, index) => [name, `function-${index}`]));
    const { manifests } = admitNow({
      name: 'test',
      text: JSON.stringify(machine.definition),
      defaultName: machine.name ?? 'machine',
    });
    const spec = manifests[0]?.manifest.spec ?? {};
    const at = machine.startsAt ?? Date.parse('2030-01-01T00:00:00Z');
    const name = `${machine.name ?? 'machine'}-run`;
    const registration = compile(
      {
        manifest: {
          apiVersion: 'oarlock.dev/v1',
          kind: 'WorkflowRun',
          metadata: { name },
          spec: { input: machine.input, taskRefs },
        },
        name,
        uid: 'uid-1',
      },
      { name: machine.name ?? 'machine', generation: 1, spec },
      (task) => {
        const index = Number(/^function-(\d+)$/.exec(task)?.[1] ?? '-1');
        return names[index] === undefined ? undefined : { call: { module: 'functions', export: names[index] } };
      },
    );
    const random = countingRandom();
    const ports = {
      random,
      jsonata: (template: Json, field: string, bindings: JsonObject) =>
        evaluateTemplate(template, field, bindings, random),
    };
    const continuation = continuationOf(registration, ports);
    if (continuation === null) throw new Error('expected a state machine');
    const first = {
      at,
      time: 0,
      type: 'Registered' as const,
      registration: await continuation.begin(registration, at),
    };
    return new MachineDriver(machine, newRun(first), first, continuation);
  }

  get time(): number {
    return this.#now.time;
  }

  pass(ms: number): void {
    this.#now = { time: this.#now.time + ms, wall: this.#now.wall + ms };
  }

  /** Until the run has ended, or nothing is due and nothing can start. */
  async toEnd(): Promise<void> {
    while (await this.step());
  }

  /** Whatever comes next; false when nothing does. */
  async step(): Promise<boolean> {
    if (this.run.end !== null || this.events.length >= EVENT_LIMIT) return false;
    if ((await this.settle()) || (await this.work())) return true;
    const wait = msUntilDue(this.run, this.#now);
    if (wait === undefined) return false;
    this.#now = { time: this.#now.time + wait, wall: this.#now.wall + wait };
    return true;
  }

  async settle(): Promise<boolean> {
    const events = decide(this.run, this.#now);
    for (const event of events) await this.take(event);
    return events.length > 0;
  }

  async take(event: RunEvent): Promise<void> {
    const isEnd = event.type === 'Ended' || event.type === 'InlineEnded';
    const done = isEnd ? await this.#continuation.complete(this.run, event) : event;
    apply(this.run, done);
    this.events.push(JSON.parse(JSON.stringify(done)) as RunEvent);
  }

  /** Gives the next ready task to the function that it names. */
  async work(): Promise<boolean> {
    const node = nextStartable(this.run);
    if (node === null) return false;
    this.#fences += 1;
    const stamp = { at: this.#now.wall, time: this.#now.time, node: node.id, fence: String(this.#fences) };
    await this.take({ ...stamp, type: 'Offered', attempt: node.attempts + 1, worker: 'w' });
    const outcome = await this.#outcomeOf(node);
    await this.take({ ...stamp, type: 'Ended', outcome, slot: 's', since: this.#now.wall });
    return true;
  }

  #outcomeOf(node: Node): Outcome | Promise<Outcome> {
    const { executor } = node.task;
    const name = executor.type === 'call' ? executor.export : '';
    const play = this.#machine.functions?.[name];
    if (play === undefined) return { result: 'Failure', error: { type: 'NoSuchFunction', message: name } };
    return play(inputOf(this.run, node) ?? null, node.attempts - node.attemptsBefore);
  }
}

function countingRandom(): Random {
  let count = 0;
  const hex = (digits: number): string => {
    count += 1;
    return count.toString(16).padStart(digits, '0').slice(-digits);
  };
  return { hex, uuid: () => `00000000-0000-4000-8000-${hex(12)}` };
}
