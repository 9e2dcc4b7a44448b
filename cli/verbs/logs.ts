// `logs RUN [NODE]`: what tasks wrote, byte for byte for one node, with the name of the node before each line for a whole run.
//
// While following, a log is read on from where it ended; whether the attempt has ended is asked before the last read, so that
// nothing written in between is lost.

import type { Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { RunRef, Store } from '../../store/store.ts';
import { Failure, type ExitCode } from '../failure.ts';
import { clean, displayWidth, padEnd } from '../output/text.ts';
import { noNode, openRun, openStartedRun } from '../runs.ts';
import type { Session } from '../session.ts';
import { pause } from '../wait.ts';

const CHUNK_BYTES = 256 * 1024;
const LONGEST_ID = 32;
const SHORTEST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1_000;

export interface LogsOptions {
  readonly run: string;
  readonly node: string | null;
  readonly isFollow: boolean;
  readonly attempt: number | undefined;
}

export async function logs(session: Session, options: LogsOptions): Promise<ExitCode> {
  if (options.node === null && options.attempt !== undefined) {
    throw new Failure(2, '--attempt needs a node', '`oarlock logs RUN NODE --attempt N`');
  }
  const store = await session.store();
  const { run, ref } = options.isFollow
    ? await whenStarted(session, store, options.run)
    : await openStartedRun(store, options.run);
  const printer = new LogPrinter(session, store, ref);
  if (options.node === null) await printer.wholeRun(run, options.isFollow);
  else await printer.oneNode(run, options.node, options.attempt, options.isFollow);
  return 0;
}

async function whenStarted(session: Session, store: Store, name: string): Promise<{ run: Run; ref: RunRef }> {
  const clock = await session.clock();
  for (;;) {
    const { run, ref, broken } = await openRun(store, name);
    if (run !== null) return { run, ref };
    if (broken !== null) throw new Failure(1, `run "${name}": ${broken}`);
    await pause(clock, SHORTEST_WAIT_MS);
  }
}

class LogPrinter {
  readonly #session: Session;
  readonly #store: Store;
  readonly #ref: RunRef;

  constructor(session: Session, store: Store, ref: RunRef) {
    this.#session = session;
    this.#store = store;
    this.#ref = ref;
  }

  async oneNode(run: Run, id: string, wanted: number | undefined, isFollow: boolean): Promise<void> {
    const node = run.nodes.get(id);
    if (node === undefined) throw noNode(run, id);
    if (wanted !== undefined && wanted > node.attempts) {
      throw new Failure(1, `node "${id}" has no attempt ${wanted}`, `its attempts so far: ${node.attempts}`);
    }
    if (!isFollow && wanted === undefined && this.#sayWhenEmpty(node)) return;
    let attempt = wanted ?? Math.max(1, node.attempts);
    let offset = 0;
    const end = new End(this.#session, this.#store, this.#ref, run);
    for (;;) {
      const now = end.run.nodes.get(id);
      const isOver = !isFollow || now === undefined || now.attempts > attempt || isStill(now) || end.run.end !== null;
      const read = await this.#copy(id, attempt, offset);
      offset += read;
      if (!isOver) {
        await end.look(read > 0);
      } else if (isFollow && wanted === undefined && now !== undefined && now.attempts > attempt) {
        attempt += 1;
        offset = 0;
        this.#session.say(`--- ${id}: attempt ${attempt}`);
      } else return;
    }
  }

  async wholeRun(run: Run, isFollow: boolean): Promise<void> {
    const end = new End(this.#session, this.#store, this.#ref, run);
    const readers = new Map<string, PrefixedLog>();
    const done = new Set<string>();
    let width = 1;
    for (const id of run.nodes.keys()) width = Math.max(width, Math.min(LONGEST_ID, displayWidth(clean(id))));
    for (;;) {
      const isLast = !isFollow || end.run.end !== null;
      let read = 0;
      for (const node of inStartOrder(end.run)) {
        for (let attempt = isFollow ? 1 : node.attempts; attempt <= node.attempts; attempt += 1) {
          const key = `${attempt}/${node.id}`;
          if (done.has(key)) continue;
          const log = readers.get(key) ?? new PrefixedLog(padEnd(clean(node.id), width));
          readers.set(key, log);
          const isOver = isLast || attempt < node.attempts || isStill(node);
          read += await this.#copyLines(node.id, attempt, log, isOver);
          if (!isOver) continue;
          done.add(key);
          readers.delete(key);
        }
      }
      if (isLast) return;
      await end.look(read > 0);
    }
  }

  /** Says why there is nothing to print. */
  #sayWhenEmpty(node: Node): boolean {
    if (node.attempts > 0 && !node.isInline) return false;
    const why = node.isInline
      ? `is a ${node.task.executor.type}, which writes nothing`
      : `has not run (${node.state}); \`oarlock why ${this.#ref.name} ${node.id}\` says why`;
    this.#session.say(`node "${clean(node.id)}" ${why}`);
    return true;
  }

  async #copy(node: string, attempt: number, offset: number): Promise<number> {
    let read = 0;
    for (;;) {
      const chunk = await this.#store.runs.readLog(this.#ref, node, attempt, offset + read, CHUNK_BYTES);
      if (chunk.length === 0) return read;
      read += chunk.length;
      this.#session.io.stdout.write(chunk);
    }
  }

  async #copyLines(node: string, attempt: number, log: PrefixedLog, isOver: boolean): Promise<number> {
    let read = 0;
    for (;;) {
      const chunk = await this.#store.runs.readLog(this.#ref, node, attempt, log.offset, CHUNK_BYTES);
      const lines = log.take(chunk, isOver && chunk.length === 0);
      if (lines !== '') this.#session.io.stdout.write(lines);
      if (chunk.length === 0) return read;
      read += chunk.length;
    }
  }
}

/** Knows how far the run is, and looks again at a pace that follows what happens and what looking costs. */
class End {
  run: Run;
  readonly #session: Session;
  readonly #store: Store;
  readonly #ref: RunRef;
  #waitMs = SHORTEST_WAIT_MS;

  constructor(session: Session, store: Store, ref: RunRef, run: Run) {
    this.#session = session;
    this.#store = store;
    this.#ref = ref;
    this.run = run;
  }

  async look(isBusy: boolean): Promise<void> {
    const clock = await this.#session.clock();
    this.#waitMs = isBusy ? SHORTEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, this.#waitMs * 1.5);
    await pause(clock, this.#waitMs);
    const before = clock.now().time;
    const opened = await openRun(this.#store, this.#ref.name);
    if (opened.ref.uid !== this.#ref.uid) throw new Failure(1, `run "${this.#ref.name}" was deleted and made again`);
    if (opened.run !== null) this.run = opened.run;
    // A run of 100,000 nodes takes a while to load; most of the time is left to those who work on it.
    this.#waitMs = Math.max(this.#waitMs, 5 * (clock.now().time - before));
  }
}

/** Whole lines of one log, each with the name of its node before it. */
export class PrefixedLog {
  offset = 0;
  readonly #prefix: string;
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The lines that `chunk` completes; with `isEnd` also what is left without a newline. */
  take(chunk: Uint8Array, isEnd: boolean): string {
    this.offset += chunk.length;
    const text = this.#rest + this.#decoder.decode(chunk, { stream: !isEnd });
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    this.#rest = isEnd ? '' : last;
    if (isEnd && last !== '') lines.push(last);
    return lines.map((line) => `${this.#prefix} | ${line}\n`).join('');
  }
}

/** Nothing more will be written under its newest attempt. */
function isStill(node: Node): boolean {
  return node.isTerminal || node.isInline;
}

function inStartOrder(run: Run): Node[] {
  const started = [...run.nodes.values()].filter((node) => node.attempts > 0 && !node.isInline);
  return started.sort((left, right) => (left.startedAt ?? Infinity) - (right.startedAt ?? Infinity));
}
