// What running tasks say, and what they are told: lines of JSON-RPC 2.0 become journaled events, and journaled events answers.
//
// Owns: how far each attempt was read, what is being admitted, what is still to be sent. Does not own: what a change does (kernel/change.ts),
// whether it is well formed (manifests/growth.ts), where the bytes stand (store). docs/protocols/messages.md is the protocol.
//
// G1  whole lines only, in order; an event holds the offset behind its line, so that after a crash each is taken once.
// G2  an answer is written after its event is journaled; a new controller writes all answers of an attempt again.
// G3  an outcome counts only once all that was said before it is consumed.
// G4  only attempts that speak cost anything, and of these only what they say: bounded work in a pass, the rest in the next.

import { checkChange } from '../kernel/change.ts';
import type { MessageStamp, RunEvent } from '../kernel/events.ts';
import { inputOf } from '../kernel/input.ts';
import { isObject, type Json } from '../kernel/json.ts';
import { answerLine, CODES, errorLine, METHODS, type Method } from '../kernel/message.ts';
import { isSpeaking, type Node } from '../kernel/node.ts';
import type { Now } from '../kernel/ports.ts';
import {
  type Admitted,
  type Asker,
  describeChangeProblems,
  type Heard,
  hearInThread,
  hearNow,
} from '../manifests/growth.ts';
import { type Line, LineSplitter, MESSAGE_LIMIT_BYTES } from '../runtime/message-line.ts';
import type { ActiveRun } from './active-run.ts';
import type { ControllerDeps } from './deps.ts';

/** Read at once. */
const READ_BYTES = 1024 * 1024;
/** So many messages of one attempt are taken in a pass, or as many as fit in this time. */
const MESSAGES_AT_ONCE = 2000;
const WORK_MS = 40;
/** Larger messages are read and admitted in a thread of their own. */
const LARGE_BYTES = 1024 * 1024;
/** Log lines alone are journaled as heard only so often: after a crash as many may stand in the log twice. */
const UNRECORDED_BYTES = 64 * 1024;
/** Written to a task at once. */
const SEND_BYTES = 64 * 1024;
/** A task that does not read is tried again after so long, then twice as long. */
const FIRST_WAIT_MS = 4;
const LONGEST_WAIT_MS = 256;
/** While a continuation computes, nothing may change its run. */
const BUSY_WAIT_MS = 20;
/** An unreadable line that looks like this was meant to be a message. */
const MEANT_AS_MESSAGE = '{"jsonrpc"';

interface Pending extends Line {
  /** Offset behind it. */
  readonly end: number;
}

/** How far an attempt was heard. */
export interface Hearing {
  /** Something happened to the run. */
  readonly isChanged: boolean;
  /** There is nothing more to hear now. */
  readonly isAll: boolean;
}

interface Conversation {
  readonly active: ActiveRun;
  readonly node: Node;
  readonly worker: string;
  readonly fence: string;
  readonly splitter: LineSplitter;
  /** Lines that were read and not yet taken, oldest first; `next` is the first of them. */
  lines: Pending[];
  next: number;
  /** Bytes read. */
  readTo: number;
  /** Offset behind the last line that was taken. */
  heardTo: number;
  /** A large line, being understood; then what it says. */
  thought: { heard: Heard | null } | 'thinking' | null;
  /** For the log, since the last look. */
  text: Buffer[];
  /** Said without asking for an answer, since the last event. */
  report: { output?: Json; progress?: Json } | null;
  /** Answers of the attempt that were put into `outbox`. */
  answered: number;
  outbox: Buffer[];
  waitMs: number;
  dueAt: number;
  isDeaf: boolean;
}

export class Conversations {
  readonly #deps: ControllerDeps;
  /** Calls for another look at an inbox. */
  readonly #again: (worker: string) => void;
  readonly #byFence = new Map<string, Conversation>();
  /** Those that may have to be told something. */
  readonly #toTell = new Set<Conversation>();

  constructor(deps: ControllerDeps, again: (worker: string) => void) {
    this.#deps = deps;
    this.#again = again;
  }

  open(active: ActiveRun, node: Node, worker: string, fence: string): void {
    if (!isSpeaking(node.task)) return;
    const conversation: Conversation = {
      active,
      node,
      worker,
      fence,
      splitter: new LineSplitter(),
      lines: [],
      next: 0,
      readTo: node.current?.heard ?? 0,
      heardTo: node.current?.heard ?? 0,
      thought: null,
      text: [],
      report: null,
      answered: 0,
      // A line of an earlier controller may have been cut by its death.
      outbox: (node.current?.answers?.length ?? 0) > 0 ? [Buffer.from('\n')] : [],
      waitMs: 0,
      dueAt: 0,
      isDeaf: false,
    };
    this.#byFence.set(fence, conversation);
    if (conversation.outbox.length > 0) this.#toTell.add(conversation);
  }

  close(fence: string): void {
    const conversation = this.#byFence.get(fence);
    if (conversation === undefined) return;
    this.#byFence.delete(fence);
    this.#toTell.delete(conversation);
  }

  /** Takes in what an attempt has said since. `isOver`: it says nothing more, so a last line without an end is one, too. */
  async hear(fence: string, now: Now, isOver: boolean): Promise<Hearing> {
    const conversation = this.#byFence.get(fence);
    if (conversation === undefined || conversation.node.current?.fence !== fence)
      return { isChanged: false, isAll: true };
    if (conversation.active.isComputing) {
      this.#deps.clock.after(BUSY_WAIT_MS, () => this.#again(conversation.worker));
      return { isChanged: false, isAll: false };
    }
    const before = conversation.active.taken;
    const isAll = await this.#takeLines(conversation, now, isOver);
    if (conversation.report !== null) this.#take(conversation, now, { type: 'Reported', ...conversation.report });
    else if (conversation.heardTo - (conversation.node.current.heard ?? 0) >= unrecordedBytes(conversation.node))
      this.#take(conversation, now, { type: 'Reported' });
    await this.#writeLog(conversation);
    if (!isAll && conversation.thought !== 'thinking') this.#again(conversation.worker);
    const isChanged = conversation.active.taken > before;
    if (isChanged) this.#toTell.add(conversation);
    return { isChanged, isAll };
  }

  /** False when there is more than a pass may take. */
  async #takeLines(conversation: Conversation, now: Now, isOver: boolean): Promise<boolean> {
    const until = performance.now() + WORK_MS;
    for (let count = 0; ; count += 1) {
      if (conversation.next >= conversation.lines.length && !(await this.#read(conversation, isOver))) return true;
      if (count >= MESSAGES_AT_ONCE || performance.now() > until) return false;
      const line = conversation.lines[conversation.next];
      // Bytes came, and no end of a line with them.
      if (line === undefined) continue;
      if (!this.#takeLine(conversation, line, now)) return false;
      conversation.next += 1;
      conversation.heardTo = line.end;
    }
  }

  /** False when nothing more stands there. */
  async #read(conversation: Conversation, isOver: boolean): Promise<boolean> {
    const { worker, fence, splitter, readTo } = conversation;
    let bytes: Uint8Array;
    try {
      bytes = await this.#deps.store.leases.readMessages(worker, fence, readTo, READ_BYTES);
    } catch (error) {
      this.#deps.log.warn('cannot read what a task says', { worker, fence, error: String(error) });
      return false;
    }
    let end = readTo - splitter.size;
    const toPending = ({ line, isCut, size }: Line): Pending => ({ line, isCut, size, end: (end += size + 1) });
    conversation.next = 0;
    conversation.readTo += bytes.length;
    conversation.lines = splitter.add(Buffer.from(bytes)).map(toPending);
    if (bytes.length > 0) return true;
    const rest = isOver ? splitter.end() : null;
    if (rest !== null) conversation.lines = [{ ...rest, end: readTo }];
    return rest !== null;
  }

  // --- one line ----------------------------------------------------------------------------------

  /** False when it takes its time to be understood. */
  #takeLine(conversation: Conversation, { line, isCut, size, end }: Pending, now: Now): boolean {
    if (isCut) {
      this.#takeNonsense(conversation, line, `a line of ${size} bytes, expected at most ${MESSAGE_LIMIT_BYTES}`);
      return true;
    }
    const heard = size <= LARGE_BYTES ? hearNow(line, () => askerOf(conversation)) : this.#ponder(conversation, line);
    if (heard === 'thinking') return false;
    if (heard === null) this.#takeNonsense(conversation, line, null);
    else this.#takeMessage(conversation, heard, end, now);
    return true;
  }

  /** What a large line says, once a thread has understood it. */
  #ponder(conversation: Conversation, line: Buffer): Heard | null | 'thinking' {
    const { thought } = conversation;
    if (thought === 'thinking') return 'thinking';
    if (thought !== null) {
      conversation.thought = null;
      return thought.heard;
    }
    conversation.thought = 'thinking';
    void this.#think(conversation, line);
    return 'thinking';
  }

  async #think(conversation: Conversation, line: Buffer): Promise<void> {
    let heard: Heard | null = null;
    try {
      heard = await hearInThread(line, askerOf(conversation));
    } catch (error) {
      const { worker, fence } = conversation;
      this.#deps.log.error('cannot admit a change', { worker, fence, error: String(error) });
    }
    conversation.thought = { heard };
    this.#again(conversation.worker);
  }

  /** What is no message is printed: it goes to the log. */
  #takeNonsense(conversation: Conversation, line: Buffer, problem: string | null): void {
    const isMeant = line.subarray(0, MEANT_AS_MESSAGE.length).toString() === MEANT_AS_MESSAGE;
    conversation.text.push(line, Buffer.from(problem === null ? '\n' : `... (oarlock: ${problem})\n`));
    if (isMeant) this.#tellNow(conversation, errorLine(null, CODES.parse, problem ?? 'expected a line of JSON'));
  }

  #takeMessage(conversation: Conversation, { message, admitted }: Heard, end: number, now: Now): void {
    const { id, method, params } = message;
    const isAsking = typeof id === 'string' || typeof id === 'number';
    const stamp: Stamped = { offset: end, ...(isAsking ? { id } : {}) };
    if (!isAsking && id !== undefined) {
      const text = 'id: expected a text or a number, or none';
      this.#tellNow(conversation, errorLine(null, CODES.invalidRequest, text));
    } else if (message['jsonrpc'] !== '2.0' || typeof method !== 'string') {
      const text = 'expected a request of JSON-RPC 2.0: {"jsonrpc": "2.0", "id": ..., "method": ..., "params": {...}}';
      this.#refuse(conversation, now, stamp, text, CODES.invalidRequest);
    } else if (!isMethod(method)) {
      const text = `method "${method.slice(0, 100)}": expected one of ${METHODS.join(', ')}`;
      this.#refuse(conversation, now, stamp, text, CODES.unknownMethod);
    } else if (method === 'graph.change') {
      this.#change(conversation, now, stamp, admitted ?? { problems: [] });
    } else this.#report(conversation, now, stamp, method, params);
  }

  #change(conversation: Conversation, now: Now, stamp: Stamped, admitted: Admitted): void {
    const { active, node } = conversation;
    if ('problems' in admitted)
      return this.#refuse(conversation, now, stamp, describeChangeProblems(admitted.problems), CODES.invalidParams);
    const { change, named } = admitted;
    const from = named > (node.current?.named ?? 0) ? { ...stamp, named } : stamp;
    const refusal = checkChange(active.run, change, node.id);
    if (refusal === null) this.#take(conversation, now, { type: 'GraphChanged', change }, from);
    else if (refusal.promise === undefined) this.#refuse(conversation, now, from, refusal.message);
    else {
      const { promise, message: reason } = refusal;
      this.#take(conversation, now, { type: 'PromiseBroken', promise, reason }, from);
    }
  }

  #refuse(conversation: Conversation, now: Now, stamp: Stamped, reason: string, code?: number): void {
    this.#take(conversation, now, { type: 'ChangeRefused', reason, ...(code === undefined ? {} : { code }) }, stamp);
    const what = code === undefined ? 'a change was refused' : 'a message was refused';
    conversation.text.push(Buffer.from(`oarlock: ${what}: ${reason}\n`));
  }

  #report(conversation: Conversation, now: Now, stamp: Stamped, method: Method, given: Json | undefined): void {
    const params = isObject(given) ? given : {};
    const field = method === 'log' ? 'message' : 'value';
    const value = params[field];
    if (method !== 'run.input' && value === undefined)
      return this.#refuse(conversation, now, stamp, `params.${field}: required, and not there`, CODES.invalidParams);
    if (method === 'log')
      conversation.text.push(Buffer.from(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`));
    else if (value !== undefined && method !== 'run.input')
      conversation.report = { ...conversation.report, [method]: value };
    if (stamp.id === undefined) return;
    const asks = method === 'run.input' ? ({ asks: 'input' } as const) : {};
    this.#take(conversation, now, { type: 'Reported', ...conversation.report, ...asks }, stamp);
  }

  /** Folds an event; what was said before it without asking for an answer is in it, or goes before it. */
  #take(conversation: Conversation, now: Now, event: Said, given?: Stamped): void {
    const { active, node, fence, report } = conversation;
    const message: MessageStamp = { fence, ...(given ?? { offset: conversation.heardTo }) };
    const stamp = { at: now.wall, time: now.time };
    conversation.report = null;
    if (event.type === 'Reported') active.take([{ ...stamp, ...event, node: node.id, message }]);
    else {
      if (report !== null) {
        const before = { fence, offset: message.offset };
        active.take([{ ...stamp, type: 'Reported', ...report, node: node.id, message: before }]);
      }
      active.take([{ ...stamp, ...event, by: node.id, message } as RunEvent]);
    }
  }

  async #writeLog(conversation: Conversation): Promise<void> {
    const { active, node, text } = conversation;
    if (text.length === 0) return;
    conversation.text = [];
    try {
      await this.#deps.store.runs.appendLog(active.ref, node.id, node.attempts, Buffer.concat(text));
    } catch (error) {
      // A full disk costs lines of a log, as it does for a task that writes there itself.
      this.#deps.log.warn('cannot write a log', { run: active.ref.name, node: node.id, error: String(error) });
    }
  }

  // --- answers -----------------------------------------------------------------------------------

  /** An answer to what no event can stand for: who asked is not known. */
  #tellNow(conversation: Conversation, line: string): void {
    conversation.outbox.push(Buffer.from(line));
    this.#toTell.add(conversation);
  }

  /** Writes the answers whose events are journaled by now. */
  async tell(now: Now): Promise<void> {
    for (const conversation of this.#toTell) {
      this.#fillOutbox(conversation);
      if (conversation.outbox.length > 0 && conversation.dueAt <= now.time) await this.#send(conversation, now);
      if (conversation.outbox.length === 0) this.#toTell.delete(conversation);
    }
  }

  /** When to try again; undefined: nobody waits to be told something. */
  waitMs(now: Now): number | undefined {
    let wait: number | undefined;
    for (const { dueAt } of this.#toTell) wait = Math.min(wait ?? LONGEST_WAIT_MS, Math.max(0, dueAt - now.time));
    return wait;
  }

  #fillOutbox(conversation: Conversation): void {
    const { active, node, fence } = conversation;
    const answers = node.current?.fence === fence ? (node.current.answers ?? []) : [];
    const lines: string[] = [];
    const input = (): Json => inputOf(active.run, node) ?? active.run.registration.input;
    for (; conversation.answered < answers.length; conversation.answered += 1) {
      const answer = answers[conversation.answered];
      if (answer !== undefined) lines.push(answerLine(answer, input));
    }
    if (lines.length > 0) conversation.outbox.push(Buffer.from(lines.join('')));
  }

  async #send(conversation: Conversation, now: Now): Promise<void> {
    const { worker, fence } = conversation;
    let rest = Buffer.concat(conversation.outbox);
    conversation.outbox = [];
    while (rest.length > 0) {
      const taken = await this.#deps.store.leases.answer(worker, fence, rest.subarray(0, SEND_BYTES));
      if (taken === null) return this.#complain(conversation);
      conversation.waitMs = taken > 0 ? 0 : Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, 2 * conversation.waitMs));
      if (taken === 0) break;
      rest = rest.subarray(taken);
    }
    conversation.dueAt = now.time + conversation.waitMs;
    if (rest.length > 0) conversation.outbox = [rest];
  }

  /** Usually it just ended. */
  #complain(conversation: Conversation): void {
    if (conversation.isDeaf) return;
    conversation.isDeaf = true;
    const { active, node, fence } = conversation;
    this.#deps.log.debug('nobody reads the answers', { run: active.ref.name, node: node.id, fence });
  }
}

type Stamped = Omit<MessageStamp, 'fence'>;

/** An event about a message, before it is known whose and when. */
type Said =
  | { readonly type: 'GraphChanged'; readonly change: Extract<RunEvent, { type: 'GraphChanged' }>['change'] }
  | { readonly type: 'ChangeRefused'; readonly reason: string; readonly code?: number }
  | { readonly type: 'PromiseBroken'; readonly promise: string; readonly reason: string }
  | { readonly type: 'Reported'; readonly output?: Json; readonly progress?: Json; readonly asks?: 'input' };

function askerOf({ active, node }: Conversation): Asker {
  const { templates = {} } = active.run.registration;
  return { node: node.id, round: node.round, named: node.current?.named ?? 0, templates };
}

function isMethod(method: string): method is Method {
  return (METHODS as readonly string[]).includes(method);
}

/** How much may be heard before it is recorded. Whoever must give signs of life has each of them recorded. */
function unrecordedBytes(node: Node): number {
  return node.task.heartbeatSeconds === undefined ? UNRECORDED_BYTES : 1;
}
