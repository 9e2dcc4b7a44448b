// A slot's process as the worker sees it: started in a session and group of its own, told what to run through its stdin, and left alone.
//
// Two kinds with one face: a resident shell (keeper.ts is its text) and a resident JavaScript host (host.ts is its program).
//
// S1  stdin is the only tie: when the worker dies it closes, and the slot finishes what it runs and exits.
// S2  what tasks write goes to files, so nothing that runs there can be hurt by the worker's death. Only a host has a pipe to us, for
//     saying that it is done, and it does not mind when nobody reads.
// S3  a slot is named by pid, start time and boot before it is given anything.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Processes, ProcessIdentity } from '../kernel/ports.ts';
import { bootPrefix, formatSlot, type SlotLetter } from '../runtime/slot-token.ts';
import { type ConnectorPlaces, hostMessage } from './host-message.ts';
import type { Job } from './job.ts';
import { keeperBlock, keeperSetup } from './keeper.ts';

export interface SlotSettings {
  readonly processes: Processes;
  /** Directory of the lease files. */
  readonly inbox: string;
  /** The environment that every task sees. */
  readonly env: Readonly<Record<string, string>>;
  /** A host is done with an attempt. */
  readonly onDone: () => void;
}

export class Slot {
  readonly token: string;
  readonly identity: ProcessIdentity;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #write: (job: Job) => string;
  readonly #processes: Processes;
  /** Of a host: what it said it is done with. */
  readonly #done: Set<string> | null;
  #isOver = false;

  private constructor(letter: SlotLetter, child: ChildProcess, settings: SlotSettings, write: (job: Job) => string) {
    const { processes, onDone } = settings;
    const identity = identify(child, processes);
    this.#child = child;
    this.#processes = processes;
    this.#done = letter === 'j' ? readDone(child, onDone) : null;
    this.#write = write;
    this.identity = identity;
    this.token = formatSlot(letter, identity);
    this.exited = new Promise((resolve) => {
      const end = (): void => {
        this.#isOver = true;
        resolve();
      };
      child.once('exit', end);
      child.once('error', end);
    });
    // A slot that died says so by its exit; what was written to it is of no use then.
    child.stdin?.on('error', () => {});
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  run(job: Job): void {
    this.#child.stdin?.write(this.#write(job));
  }

  /** Does it run that attempt still? A shell does while it has a child; a host says when it is done. Guarded against lost events only. */
  isRunning(fence: string): boolean {
    if (this.#isOver) return false;
    if (this.#done !== null) return !this.#done.has(fence);
    return this.#processes.hasChildren(this.identity) !== false;
  }

  /** A host that has not said yet that it is done, though the outcome stands: it may be about to exit. */
  isEnding(fence: string): boolean {
    return this.#done !== null && this.isRunning(fence);
  }

  /** It finishes what it runs and exits. */
  close(): void {
    this.#child.stdin?.end();
  }

  static shell(settings: SlotSettings): Slot {
    const umask = process.umask().toString(8).padStart(4, '0');
    const child = start('/bin/sh', [], settings, 'ignore');
    child.stdin?.write(keeperSetup(bootPrefix(settings.processes.bootId()), settings.inbox));
    return new Slot('s', child, settings, (job) => keeperBlock(job, umask));
  }

  static host(settings: SlotSettings, connectors: ConnectorPlaces): Slot {
    const child = start(process.execPath, hostArguments(), settings, 'pipe');
    const boot = bootPrefix(settings.processes.bootId());
    return new Slot('j', child, settings, (job) => hostMessage(job, boot, connectors));
  }
}

function start(
  program: string,
  args: readonly string[],
  settings: SlotSettings,
  output: 'ignore' | 'pipe',
): ChildProcess {
  return spawn(program, args, { detached: true, stdio: ['pipe', output, 'ignore'], env: settings.env, cwd: '/' });
}

/** Just started, it cannot be gone without a trace: a dead one stays a zombie until Node has seen its exit. */
function identify(child: ChildProcess, processes: Processes): ProcessIdentity {
  const identity = child.pid === undefined ? null : processes.identify(child.pid);
  if (identity !== null) return identity;
  child.once('error', () => {});
  child.stdin?.on('error', () => {});
  throw new Error(`slot: expected to start ${child.spawnfile}, found no process`);
}

/** Fences that the host said it is done with, one a line. Few are asked for, so the last ones are enough. */
function readDone(child: ChildProcess, onDone: () => void): Set<string> {
  const done = new Set<string>();
  let rest = '';
  child.stdout?.on('data', (data: Buffer) => {
    const lines = (rest + data.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const fence of lines) {
      done.add(fence);
      const oldest = done.size > 16 ? done.values().next().value : undefined;
      if (oldest !== undefined) done.delete(oldest);
    }
    onDone();
  });
  child.stdout?.on('error', () => {});
  return done;
}

function hostArguments(): string[] {
  const own = fileURLToPath(import.meta.url);
  // From source (development and tests) the host needs the same loader as we do.
  const isSource = own.endsWith('.ts');
  const program = fileURLToPath(new URL(isSource ? './host.ts' : './host.js', import.meta.url));
  return isSource ? ['--import', import.meta.resolve('tsx'), program] : [program];
}
