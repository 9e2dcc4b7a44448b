// A task that speaks, under a JavaScript host: its files as a shell slot makes them, and the protocol for functions.
//
// What it says is appended to a file, what it is told comes from a FIFO that is open here for reading and writing, so that nothing is lost
// and nobody waits when the controller dies (docs/protocols/messages.md).

import { spawnSync } from 'node:child_process';
import { isObject, type Json, type JsonObject, textAt } from '../kernel/json.ts';
import { parseMessage } from '../kernel/message.ts';
import { LineSplitter, MESSAGE_LIMIT_BYTES } from '../runtime/message-line.ts';
import type { Disk } from '../store/file/disk.ts';
import type { HostLog } from './host-log.ts';
import type { HostMessage } from './host-message.ts';
import { TaskFailure } from './task-failure.ts';

/** The FIFO, made when it is not there; close it. */
export function openAnswers(message: HostMessage, disk: Disk): number | null {
  const path = message.answersPath;
  if (path === undefined) return null;
  if (disk.stat(path) === null && spawnSync('mkfifo', [path]).status !== 0)
    throw new TaskFailure('TaskFailed', 'messages: the FIFO for answers cannot be made');
  return disk.openPipe(path);
}

/** Takes what a program prints: messages go on as they are, all else is log, where secrets are masked. */
export class MessageSieve {
  readonly #lines = new LineSplitter();
  readonly #disk: Disk;
  readonly #log: HostLog;
  readonly #path: string;
  readonly #handle: number;

  constructor(path: string, disk: Disk, log: HostLog) {
    this.#path = path;
    this.#disk = disk;
    this.#log = log;
    this.#handle = disk.openAppend(path);
  }

  write(data: Buffer): void {
    for (const { line, isCut } of this.#lines.add(data)) {
      if (isCut) this.#log.write(`${line.toString()}... (a line of more than ${MESSAGE_LIMIT_BYTES} bytes)\n`);
      else if (parseMessage(line.toString()) !== null)
        this.#disk.append(this.#handle, this.#path, Buffer.concat([line, NEWLINE]));
      else this.#log.write(Buffer.concat([line, NEWLINE]));
    }
  }

  close(): void {
    const rest = this.#lines.end();
    if (rest !== null) this.#log.write(rest.line);
    this.#disk.close(this.#handle);
  }
}

const NEWLINE = Buffer.from('\n');

interface Waiting {
  readonly resolve: (value: Json) => void;
  readonly reject: (error: Error) => void;
}

/** The protocol as a function uses it. Opened by its first request, closed with the attempt. */
export class Speech {
  readonly #message: HostMessage;
  readonly #disk: Disk;
  readonly #waiting = new Map<number, Waiting>();
  #handle: number | null = null;
  #unread: (() => void) | null = null;
  #last = 0;

  constructor(message: HostMessage, disk: Disk) {
    this.#message = message;
    this.#disk = disk;
  }

  notify(method: string, params: JsonObject): void {
    this.#write({ jsonrpc: '2.0', method, params });
  }

  request(method: string, params: JsonObject): Promise<Json> {
    this.#listen();
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#write({ jsonrpc: '2.0', id, method, params });
    });
  }

  close(): void {
    if (this.#handle !== null) this.#disk.close(this.#handle);
    this.#unread?.();
    for (const { reject } of this.#waiting.values()) reject(new TaskFailure('TaskFailed', 'the attempt is over'));
    this.#waiting.clear();
  }

  #write(value: JsonObject): void {
    const path = this.#message.messagesPath;
    if (path === undefined)
      throw new TaskFailure('TaskFailed', 'this task does not speak: say `messages: true` in its definition');
    this.#handle ??= this.#disk.openAppend(path);
    this.#disk.append(this.#handle, path, `${JSON.stringify(value)}\n`);
  }

  #listen(): void {
    if (this.#unread !== null) return;
    const fd = openAnswers(this.#message, this.#disk);
    if (fd === null) return;
    const lines = new LineSplitter();
    this.#unread = this.#disk.readPipe(fd, (data) => {
      for (const { line } of lines.add(data)) this.#take(line);
    });
  }

  #take(line: Buffer): void {
    const answer = parseMessage(line.toString());
    // A new controller answers everything again: what is known already is nobody's.
    const id = isObject(answer) ? Number(answer['id']) : Number.NaN;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || !isObject(answer)) return;
    this.#waiting.delete(id);
    const { error } = answer;
    if (!isObject(error)) return waiting.resolve(answer['result'] ?? null);
    const reason = isObject(error['data']) ? textAt(error['data'], 'reason') : '';
    waiting.reject(new TaskFailure(reason === '' ? 'Refused' : reason, textAt(error, 'message')));
  }
}
