// The real command line in processes of its own, on a state directory that goes away with the test, and with it every process
// that the test has left behind.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
/** Another build can be tested by naming its entry. */
const MAIN = process.env['OARLOCK_MAIN'] ?? join(ROOT, 'dist', 'cli', 'main.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command under way. */
export class Command {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(cwd: string, args: readonly string[], stdin: string) {
    // Its environment is that of a user who has set nothing.
    const { OARLOCK_STATE: _state, ...env } = process.env;
    this.child = spawn(process.execPath, [MAIN, ...args], { cwd, env });
    this.child.stdin.on('error', () => undefined).end(stdin);
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => void (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => void (this.stderr += text));
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Once stdout or stderr holds it. */
  async says(text: string | RegExp): Promise<void> {
    const isSaid = (): boolean => {
      const all = this.stdout + this.stderr;
      return typeof text === 'string' ? all.includes(text) : text.test(all);
    };
    await until(isSaid, () => `"${String(text)}" in:\n${this.stdout}\n${this.stderr}`);
  }
}

export class Place {
  /** Working directory of every command; the state directory is ./state inside it. */
  readonly directory = mkdtempSync(join(tmpdir(), 'oarlock-e2e-'));
  readonly #commands: Command[] = [];

  file(name: string, content: string): string {
    writeFileSync(join(this.directory, name), content);
    return name;
  }

  start(...args: string[]): Command {
    return this.startWith('', ...args);
  }

  startWith(stdin: string, ...args: string[]): Command {
    const command = new Command(this.directory, args, stdin);
    this.#commands.push(command);
    return command;
  }

  oarlock(...args: string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** The run as `get -o json` prints it. */
  async run(name: string): Promise<RunObject> {
    const { stdout } = await this.oarlock('get', 'run', name, '-o', 'json');
    return JSON.parse(stdout) as RunObject;
  }

  async phaseIs(name: string, phase: string): Promise<void> {
    let found = '';
    await until(
      async () => {
        found = (await this.oarlock('get', 'run', name)).stdout;
        return found.includes(phase);
      },
      () => `run "${name}" is ${phase}, found:\n${found}`,
    );
  }

  /** Processes that were started for this place and still live: commands, their children, slots and tasks. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc').flatMap((name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) return [];
      try {
        const isOver = /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const traces = [command, environment, readlinkSync(`/proc/${pid}/cwd`)];
        const isOurs = traces.some((text) => text.includes(this.directory));
        return isOurs && !isOver ? [{ pid, command }] : [];
      } catch {
        return [];
      }
    });
  }

  /** Exactly one process whose command line matches. */
  pidOf(pattern: RegExp): number {
    const found = this.processes().filter(({ command }) => pattern.test(command));
    const [only, second] = found;
    if (only === undefined || second !== undefined)
      throw new Error(`${String(pattern)}: found ${found.length} processes`);
    return only.pid;
  }

  async isQuiet(): Promise<void> {
    const listed = (): string =>
      this.processes()
        .map(({ pid, command }) => `${pid} ${command}`)
        .join('\n');
    await until(
      () => this.processes().length === 0,
      () => `no process is left, found:\n${listed()}`,
    );
  }

  async close(): Promise<void> {
    for (const { child } of this.#commands) child.kill('SIGKILL');
    await Promise.all(this.#commands.map(({ ended }) => ended.catch(() => undefined)));
    for (const { pid } of this.processes()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface RunObject {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase: string;
    readonly nodes: {
      readonly [id: string]: { readonly state: string; readonly attempts: number; readonly output?: unknown };
    };
  };
}

const DEADLINE_MS = 30_000;

/** Waits for a condition, with a deadline that says what was waited for. */
export async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what()}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
