// `run FILE|WORKFLOW`: applies the file, creates a run, follows it to its end; the exit code is its result.
//
// When nobody serves the state directory this process takes the controller's seat and serves it, with a worker, for as long as
// the run lasts; otherwise it follows, and takes the seat over when it becomes free meanwhile.
//
// R1  with -o json nothing but the finished run goes to stdout.
// R2  the first Ctrl-C cancels the run, the second leaves at once.

import type { JsonObject } from '../../kernel/json.ts';
import { nodeStatuses } from '../../kernel/status.ts';
import type { Resource } from '../../manifests/model.ts';
import { createLog } from '../../runtime/log.ts';
import type { ControllerSeat, RunRef, Store } from '../../store/store.ts';
import type { ExitCode } from '../failure.ts';
import { Follower } from '../follow/follower.ts';
import { LinesView } from '../follow/lines.ts';
import { LiveView } from '../follow/live.ts';
import { readTail } from '../follow/log-tail.ts';
import { untilEnded, Wake } from '../follow/until-ended.ts';
import type { RunView } from '../follow/view.ts';
import { endLines } from '../follow/words.ts';
import type { OutputStream } from '../io.ts';
import { jsonArgument } from '../json-argument.ts';
import { phaseOfRun, refOf } from '../objects.ts';
import { colorsFor } from '../output/colors.ts';
import { createRun, planRun } from '../plan-run.ts';
import { defaultSlots, serve, type Serving } from '../serve.ts';
import type { Session } from '../session.ts';
import { pause } from '../wait.ts';
import { plainObject } from './get.ts';
import { steerRun } from './steer.ts';

const TAKE_OVER_AFTER_MS = 500;

export interface RunOptions {
  readonly target: string;
  readonly input: string | undefined;
  readonly name: string | undefined;
  readonly slots: number | undefined;
  readonly isJson: boolean;
}

export async function run(session: Session, options: RunOptions): Promise<ExitCode> {
  const input = options.input === undefined ? undefined : await jsonArgument(session.io, '--input', options.input);
  const store = await session.store();
  const plan = await planRun(session, store, { ...options, input });
  return new RunCommand(session, store, options).execute(plan);
}

class RunCommand {
  readonly #session: Session;
  readonly #store: Store;
  readonly #options: RunOptions;
  readonly #out: OutputStream;
  readonly #wake = new Wake();
  #serving: Serving | null = null;
  /** Events arrive from the controller in this process, from the first one on. */
  #isFed = false;
  #toldOfWorkers = false;

  constructor(session: Session, store: Store, options: RunOptions) {
    this.#session = session;
    this.#store = store;
    this.#options = options;
    this.#out = options.isJson ? session.io.stderr : session.io.stdout;
  }

  async execute(plan: Awaited<ReturnType<typeof planRun>>): Promise<ExitCode> {
    const store = this.#store;
    const from = await store.resources.revision();
    const seat = await store.seats.takeController();
    let isSeatOurs = seat !== null;
    try {
      const object = await createRun(this.#session, store, plan);
      const ref = refOf(object);
      const view = await this.#openView(ref);
      const follower = new Follower(view);
      const release = this.#session.io.onInterrupt(this.#interrupt(ref, view));
      try {
        if (seat !== null) {
          isSeatOurs = false;
          this.#isFed = true;
          await this.#serve(seat, view, (of, events) => {
            if (of.uid !== ref.uid) return;
            follower.accept(events);
            if (follower.run?.end != null) this.#wake.set();
          });
        }
        const ended = await this.#follow(ref, from, follower, view);
        await view.close();
        return this.#finish(ended, follower);
      } catch (error) {
        view.abandon();
        throw error;
      } finally {
        release();
      }
    } finally {
      await this.#serving?.stop();
      if (isSeatOurs) await seat?.release();
    }
  }

  async #openView(ref: RunRef): Promise<RunView> {
    const options = {
      out: this.#out,
      talk: this.#session.io.stderr,
      colors: colorsFor(this.#out.isTerminal, this.#session.io.env),
      clock: await this.#session.clock(),
      readTail: (node: string, attempt: number) => readTail(this.#store.runs, ref, node, attempt),
    };
    const canRedraw = this.#out.isTerminal && this.#session.io.env['TERM'] !== 'dumb';
    return canRedraw ? new LiveView(options) : new LinesView(options);
  }

  async #serve(
    seat: ControllerSeat,
    view: RunView,
    onEvents?: NonNullable<Parameters<typeof serve>[1]['onEvents']>,
  ): Promise<void> {
    const log = createLog({ level: 'warn', write: (line) => view.note(line.trimEnd()) });
    const slots = this.#options.slots ?? defaultSlots();
    this.#serving = await serve(this.#session, { seat, slots, log, ...(onEvents === undefined ? {} : { onEvents }) });
  }

  async #follow(ref: RunRef, from: number, follower: Follower, view: RunView): Promise<Resource> {
    const done = new AbortController();
    const takingOver = this.#serving === null ? this.#takeOver(view, done.signal) : null;
    try {
      const ended = untilEnded({
        store: this.#store,
        ref,
        from,
        clock: await this.#session.clock(),
        follower,
        isFed: () => this.#isFed,
        note: (text) => view.note(text),
        onLook: (object) => this.#lookForWorkers(object, view),
        wake: this.#wake,
      });
      const failures = [this.#serving?.failed, takingOver].filter((part) => part != null);
      return await Promise.race([ended, ...failures]);
    } finally {
      done.abort();
    }
  }

  /** Whoever served the directory has gone: serve it ourselves. Only ever rejects. */
  async #takeOver(view: RunView, signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#store.seats.controllerGone(signal);
      // `up` starts its controller again by itself, and then nothing has to change hands.
      await pause(this.#store.clock, TAKE_OVER_AFTER_MS, signal);
      if (signal.aborted) return new Promise<never>(() => undefined);
      const seat = await this.#store.seats.takeController();
      if (seat === null) continue;
      view.note('the controller has gone; this command goes on in its place');
      await this.#serve(seat, view);
      this.#wake.set();
      if (this.#serving !== null) return this.#serving.failed;
    }
  }

  async #lookForWorkers(object: Resource, view: RunView): Promise<void> {
    if (this.#serving !== null || this.#toldOfWorkers || phaseOfRun(object) === 'Suspended') return;
    const workers = await this.#store.seats.workers();
    if (workers.some(({ alive }) => alive)) return;
    this.#toldOfWorkers = true;
    view.note('no worker is running; `oarlock worker` starts one');
  }

  #interrupt(ref: RunRef, view: RunView): () => void {
    let times = 0;
    return () => {
      times += 1;
      if (times > 1) {
        view.abandon();
        this.#session.io.leave(130);
        return;
      }
      view.note(`cancelling ${ref.name}; once more leaves at once`);
      steerRun(this.#store, 'cancel', ref.name).catch((error: unknown) => {
        view.note(`cannot cancel ${ref.name}: ${error instanceof Error ? error.message : String(error)}`);
      });
    };
  }

  #finish(object: Resource, follower: Follower): ExitCode {
    const { run: ended } = follower;
    const phase = phaseOfRun(object);
    const colors = colorsFor(this.#out.isTerminal, this.#session.io.env);
    if (ended !== null) this.#out.write(`${endLines(ended, colors).join('\n')}\n`);
    else this.#out.write(`${object.metadata.name} ${phase}\n`);
    if (this.#options.isJson) {
      const plain = plainObject(object);
      const status = { ...(object.status as JsonObject), ...(ended === null ? {} : { nodes: nodeStatuses(ended) }) };
      this.#session.print(JSON.stringify({ ...plain, status } satisfies JsonObject, null, 2));
    }
    return phase === 'Succeeded' ? 0 : 1;
  }
}
