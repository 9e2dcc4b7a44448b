// What a task wrote, as one answer or for as long as it writes.
//
// L1  whether a task has ended is asked before its log is read for the last time, so nothing that it wrote is left out.
// L2  a client that does not read is let go after a while; nobody else waits for it.

import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { isTerminal, type Node } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import type { Resource } from '../../manifests/model.ts';
import type { RunRef } from '../../store/store.ts';
import type { ApiDeps } from '../deps.ts';
import { type ApiError, badRequest } from '../problem.ts';
import { openStream } from '../resources/watch.ts';
import { findRun, foldedRun } from './runs.ts';

const CHUNK_BYTES = 256 * 1024;
const LOOK_MS = 200;
/** Share of the time that looking at the run may take, as one part of so many. */
const LOOKING_SHARE = 10;
const STALLED_MS = 60_000;
const LINE_FEED = 0x0a;

export interface LogRequest {
  readonly object: Resource;
  /** Undefined: the one that people most likely want. */
  readonly node: string | undefined;
  /** Undefined: the newest. */
  readonly attempt: number | undefined;
  /** The attempt before the newest. */
  readonly isPrevious: boolean;
  readonly isFollow: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  /** Wall ms: nothing of attempts that ended before. */
  readonly since: number | undefined;
  readonly hasTimestamps: boolean;
}

export async function sendLog(deps: ApiDeps, ctx: Context, request: LogRequest, main: (run: Run) => Node | undefined) {
  const { name, uid } = request.object.metadata;
  const run = await foldedRun(deps.store, request.object);
  const id = request.node ?? (run === null ? undefined : main(run)?.id);
  if (run === null && !request.isFollow) throw notStarted(name);
  if (run !== null && (id === undefined || !run.nodes.has(id))) {
    throw badRequest(`container ${JSON.stringify(id ?? '')} is not valid for pod ${JSON.stringify(name)}`);
  }
  ctx.set('X-Accel-Buffering', 'no');
  const response = openStream(ctx, 'text/plain; charset=utf-8');
  const log = new LogAnswer(deps, response, request, { name, uid });
  try {
    await log.send(run, id, main);
  } catch (error) {
    deps.log.debug('a log was cut off', { run: name, error: String(error) });
    response.destroy();
  } finally {
    response.end();
  }
}

export function notStarted(name: string): ApiError {
  return badRequest(`run ${JSON.stringify(name)} has not started yet`);
}

class LogAnswer {
  readonly #deps: ApiDeps;
  readonly #response: ServerResponse;
  readonly #request: LogRequest;
  readonly #ref: RunRef;
  readonly #closed = new AbortController();
  #left: number;
  /** What the last look at the run cost. */
  #lookMs = 0;
  #isLineStart = true;

  constructor(deps: ApiDeps, response: ServerResponse, request: LogRequest, ref: RunRef) {
    this.#deps = deps;
    this.#response = response;
    this.#request = request;
    this.#ref = ref;
    this.#left = request.limitBytes ?? Number.POSITIVE_INFINITY;
    response.on('close', () => this.#closed.abort());
    response.on('error', () => this.#closed.abort());
  }

  async send(first: Run | null, wanted: string | undefined, main: (run: Run) => Node | undefined): Promise<void> {
    let run = first;
    while (run === null) {
      await this.#pause();
      if (this.#isOver) return;
      const object = await findRun(this.#deps.store, this.#ref.name);
      if (object === null || object.metadata.uid !== this.#ref.uid) return;
      run = await foldedRun(this.#deps.store, object);
    }
    const id = wanted ?? main(run)?.id ?? '';
    await this.#sendNode(run, id);
  }

  async #sendNode(first: Run, id: string): Promise<void> {
    const { attempt: wanted, isPrevious, isFollow, tailLines, since } = this.#request;
    let run = first;
    let node = run.nodes.get(id);
    let attempt = wanted ?? Math.max(1, (node?.attempts ?? 0) - (isPrevious ? 1 : 0));
    if (since !== undefined && node?.finishedAt != null && node.finishedAt < since) return;
    if (isPrevious && (node?.attempts ?? 0) < 2) return;
    let offset = tailLines === undefined ? 0 : await this.#tail(id, attempt, tailLines);
    const isPinned = wanted !== undefined || isPrevious;
    let seen = '';
    for (;;) {
      const isDone = !isFollow || node === undefined || isStill(run, node) || node.attempts > attempt;
      offset = await this.#copy(id, attempt, offset, node);
      if (this.#isOver) return;
      if (isDone && (isPinned || !isFollow || node === undefined || node.attempts <= attempt)) return;
      if (isDone) {
        attempt += 1;
        offset = 0;
        continue;
      }
      await this.#pause();
      const object = await findRun(this.#deps.store, this.#ref.name);
      if (object === null || object.metadata.uid !== this.#ref.uid || this.#isOver) return;
      if (object.metadata.resourceVersion === seen) continue;
      seen = object.metadata.resourceVersion;
      run = (await this.#look(object)) ?? run;
      node = run.nodes.get(id);
    }
  }

  async #look(object: Resource): Promise<Run | null> {
    const { clock } = this.#deps.store;
    const begun = clock.now().time;
    const run = await foldedRun(this.#deps.store, object);
    this.#lookMs = clock.now().time - begun;
    return run;
  }

  get #isOver(): boolean {
    return this.#closed.signal.aborted || this.#deps.stop.aborted || this.#left <= 0;
  }

  /** Copies what is there from `offset`; returns where that ends. */
  async #copy(id: string, attempt: number, offset: number, node: Node | undefined): Promise<number> {
    for (let at = offset; ; ) {
      if (this.#isOver) return at;
      const chunk = await this.#deps.store.runs.readLog(this.#ref, id, attempt, at, CHUNK_BYTES);
      if (chunk.length === 0) return at;
      at += chunk.length;
      const text = this.#request.hasTimestamps ? this.#withTimes(chunk, node) : chunk;
      await this.#write(text.subarray(0, Math.min(text.length, this.#left)));
    }
  }

  /** Where the last lines begin. Reads the log once through, in pieces. */
  async #tail(id: string, attempt: number, lines: number): Promise<number> {
    const starts: number[] = [0];
    let at = 0;
    for (;;) {
      const chunk = await this.#deps.store.runs.readLog(this.#ref, id, attempt, at, CHUNK_BYTES);
      if (chunk.length === 0) break;
      for (let feed = chunk.indexOf(LINE_FEED); feed >= 0; feed = chunk.indexOf(LINE_FEED, feed + 1)) {
        starts.push(at + feed + 1);
        // A last line start that is the end of the log begins no line, so one more is kept.
        if (starts.length > lines + 1) starts.shift();
      }
      at += chunk.length;
    }
    const last = starts.at(-1) === at ? starts.slice(0, -1) : starts;
    return lines === 0 ? at : (last.at(-lines) ?? last[0] ?? 0);
  }

  /** The time of the attempt before each line: lines have no times of their own. */
  #withTimes(chunk: Uint8Array, node: Node | undefined): Uint8Array {
    const time = `${new Date(node?.startedAt ?? 0).toISOString()} `;
    const text = Buffer.from(chunk).toString('latin1');
    const prefixed = (this.#isLineStart ? time : '') + text.replaceAll(/\n(?!$)/g, `\n${time}`);
    this.#isLineStart = text.endsWith('\n');
    return Buffer.from(prefixed, 'latin1');
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#left -= bytes.length;
    if (this.#response.write(bytes)) return;
    const giveUp = this.#deps.store.clock.after(STALLED_MS, () => this.#response.destroy());
    await new Promise<void>((resolve) => {
      this.#response.once('drain', resolve);
      this.#response.once('close', resolve);
    });
    giveUp();
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const leave = (): void => {
        cancel();
        this.#closed.signal.removeEventListener('abort', leave);
        resolve();
      };
      const cancel = this.#deps.store.clock.after(Math.max(LOOK_MS, LOOKING_SHARE * this.#lookMs), leave);
      this.#closed.signal.addEventListener('abort', leave, { once: true });
    });
  }
}

/** Nothing more will be written for this node. */
function isStill(run: Run, node: Node): boolean {
  return isTerminal(node.state) || run.end !== null;
}
