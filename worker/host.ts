// The program of a JavaScript host: a resident process that runs one attempt at a time and is its keeper.
//
// Runs functions of modules (`call`), actions of connectors, and programs whose output must be masked. Told by its worker through stdin, one JSON line an
// attempt; on the end of stdin it finishes what it runs, writes the outcome and exits.
//
// H1  the outcome is appended to the claim once, in the form of every slot (runtime/slot-line.ts).
// H2  signals to its group end the task and not the host.
// H3  whatever a function does (throws later, calls process.exit) ends its attempt with an outcome.

import { createInterface } from 'node:readline';
import { uptime } from 'node:os';
import { formatSlotLine } from '../runtime/slot-line.ts';
import { Disk } from '../store/file/disk.ts';
import { pythonArguments } from './keeper.ts';
import { runFunction } from './host-call.ts';
import { runConnector } from './host-connector.ts';
import { HostLog } from './host-log.ts';
import type { HostMessage } from './host-message.ts';
import { runProgram } from './host-program.ts';
import { TaskFailure } from './task-failure.ts';
import { shownStack } from './shown-stack.ts';

/** Where our own modules are. */
const OWN = new URL('.', import.meta.url).href;
const RETRY_MS = 1_000;

interface Attempt {
  readonly message: HostMessage;
  readonly start: string;
  readonly log: HostLog;
  readonly stop: AbortController;
  /** Ends the attempt from outside of it: an error that nobody caught. */
  readonly fail: (error: unknown) => void;
}

class Host {
  readonly #disk = new Disk();
  /** What the host says itself goes to its worker, whatever a task makes of process.stdout. */
  readonly #tell = process.stdout.write.bind(process.stdout);
  readonly #exit = process.exit.bind(process);
  #attempt: Attempt | null = null;

  async run(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => this.#signalled(signal));
    process.on('uncaughtException', (error) => this.#attempt?.fail(error));
    process.on('exit', (code) => this.#exiting(code));
    process.stdout.on('error', () => {});
    this.#captureOutput();
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      const message = parseMessage(line);
      // A line that was cut by the death of the worker runs not at all.
      if (message === null) break;
      await this.#runAttempt(message);
      this.#tell(`${message.fence}\n`);
    }
    this.#exit(0);
  }

  async #runAttempt(message: HostMessage): Promise<void> {
    const start = uptimeText();
    const log = new HostLog(this.#disk, message.logPath, message.secrets);
    const stop = new AbortController();
    let exitCode: number;
    try {
      exitCode = await new Promise<number>((resolve, reject) => {
        this.#attempt = { message, start, log, stop, fail: reject };
        this.#perform(message, log, stop.signal).then(resolve, reject);
      });
    } catch (error) {
      exitCode = this.#explain(message, log, error);
    }
    this.#attempt = null;
    log.close();
    await this.#end(message, start, exitCode);
  }

  async #perform(message: HostMessage, log: HostLog, signal: AbortSignal): Promise<number> {
    // Looked for by the keeper of the attempt itself: whoever wrote the stop did so before it signalled.
    if (this.#disk.stat(message.stopPath) !== null) return 143;
    if (message.executor.type === 'call') return runFunction(message, message.executor, this.#disk, log, signal);
    if (message.executor.type === 'connector') return runConnector(message, message.executor, this.#disk, log, signal);
    if (message.executor.type === 'command')
      return runProgram(message, ['/bin/sh', '-c', message.executor.command], this.#disk, log);
    if (message.executor.type === 'exec') return runProgram(message, message.executor.argv, this.#disk, log);
    if (message.executor.type === 'python')
      return runProgram(message, pythonArguments(message.executor), this.#disk, log);
    throw new TaskFailure('TaskFailed', `executor ${message.executor.type}: no worker of this version can run it`);
  }

  /** What went wrong, for the outcome (as the task's own report) and for the log. */
  #explain(message: HostMessage, log: HostLog, error: unknown): number {
    const failure = TaskFailure.of(error);
    if (error instanceof Error && !(error instanceof TaskFailure)) log.write(`${shownStack(error, OWN)}\n`);
    this.#disk.unlink(message.outputPath);
    const report = { errorType: failure.type, message: log.mask(failure.message) };
    this.#disk.createNew(
      message.outputPath,
      JSON.stringify(failure.isPermanent ? { ...report, permanent: true } : report),
    );
    return 1;
  }

  async #end(message: HostMessage, start: string, exitCode: number): Promise<void> {
    for (;;) {
      try {
        this.#writeOutcome(message, start, exitCode);
        return;
      } catch {
        // A full disk: the attempt is over and nobody else knows how.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #writeOutcome({ boot, fence, outcomePath, outputPath }: HostMessage, start: string, exitCode: number): void {
    const hasOutput = (this.#disk.stat(outputPath)?.size ?? 0) > 0;
    const line = formatSlotLine({ boot, fence, exitCode, start, end: uptimeText(), hasOutput });
    const claim = this.#disk.openAppend(outcomePath);
    try {
      this.#disk.append(claim, outcomePath, `\n${line}`);
    } finally {
      this.#disk.close(claim);
    }
  }

  #signalled(signal: string): void {
    this.#attempt?.stop.abort(new Error(`stopped by ${signal}`));
  }

  /** A function called process.exit: that is its end, and ours. */
  #exiting(code: number): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    attempt.log.write(`oarlock: the function called process.exit(${code})\n`);
    attempt.log.close();
    this.#writeOutcome(attempt.message, attempt.start, code & 255);
  }

  /** What a function prints is its log. */
  #captureOutput(): void {
    const write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      this.#attempt?.log.write(typeof chunk === 'string' ? chunk : Buffer.from(chunk));
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') queueMicrotask(() => callback());
      return true;
    }) as typeof process.stdout.write;
    process.stdout.write = write;
    process.stderr.write = write;
  }
}

function parseMessage(line: string): HostMessage | null {
  try {
    return JSON.parse(line) as HostMessage;
  } catch {
    return null;
  }
}

/** Seconds since boot with two decimals, cut as /proc/uptime cuts them. */
function uptimeText(): string {
  return (Math.floor(uptime() * 100 + 1e-6) / 100).toFixed(2);
}

await new Host().run();
