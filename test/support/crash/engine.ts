// An engine in processes of its own, to be killed. Everything that it starts is found again in /proc by the directory that it was started
// for, and told apart by what it is.
//
// Owns: starting, finding, killing; the directory. Does not own: what is run (flows.ts), what must hold (checks.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOver, readJournal } from './checks.ts';
import type { PlannedRun } from './flows.ts';
import { Ledger } from './ledger.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Another build can be tested by naming its entry. */
const MAIN = process.env['OARLOCK_MAIN'] ?? join(ROOT, 'dist', 'cli', 'main.js');

export type Role = 'up' | 'run' | 'controller' | 'worker' | 'api' | 'shell' | 'host' | 'task' | 'postgres' | 'other';

export interface Found {
  readonly pid: number;
  readonly role: Role;
  readonly command: string;
  /** Of a task. */
  readonly run: string;
  readonly node: string;
  readonly fence: string;
}

/** A process that the test started itself. */
export class Started {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  output = '';
  how: string | null = null;

  constructor(child: ChildProcess) {
    this.child = child;
    const take = (text: string): void => void (this.output += text);
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    this.ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.how = signal ?? `exit code ${code ?? 0}`;
        resolve(this.how);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async says(text: string): Promise<void> {
    await until(
      () => this.output.includes(text) || this.how !== null,
      () => `"${text}" in:\n${this.output}`,
    );
    if (!this.output.includes(text)) throw new Error(`expected "${text}", it ended with ${this.how}:\n${this.output}`);
  }
}

export class Engine {
  readonly directory: string;
  readonly state: string;
  readonly ledger: Ledger;
  readonly started: Started[] = [];
  /** For every process of it. */
  readonly env: Readonly<Record<string, string>>;

  /** `state`: another place for the state directory. */
  constructor(state?: string, env: Readonly<Record<string, string>> = {}) {
    this.env = env;
    this.directory = mkdtempSync(join(tmpdir(), 'oarlock-crash-'));
    this.state = state ?? join(this.directory, 'state');
    this.ledger = new Ledger(this.directory);
    mkdirSync(join(this.state, 'workflowruns'), { recursive: true, mode: 0o700 });
  }

  /** One command line. TMPDIR is passed on to slots and tasks, and is what they are found by. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
    const { OARLOCK_STATE: _state, ...own } = process.env;
    const child = spawn(process.execPath, [MAIN, ...args, '--state', this.state], {
      cwd: this.directory,
      env: { ...own, ...this.env, TMPDIR: this.directory, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = new Started(child);
    this.started.push(started);
    return started;
  }

  async up(...args: readonly string[]): Promise<Started> {
    const up = this.start(['up', ...args]);
    await up.says('ready: ');
    return up;
  }

  /** As an editor or a script would do it: complete, by one rename. */
  submit(plan: PlannedRun): void {
    const directory = join(this.state, 'workflowruns');
    const temporary = join(this.directory, `${plan.name}.yaml`);
    writeFileSync(temporary, plan.text);
    try {
      renameSync(temporary, join(directory, `${plan.name}.yaml`));
    } catch {
      // Another file system.
      writeFileSync(join(directory, `.${plan.name}`), plan.text);
      renameSync(join(directory, `.${plan.name}`), join(directory, `${plan.name}.yaml`));
    }
  }

  /** Names of all runs that somebody asked for. */
  wanted(): string[] {
    const names = readdirSync(join(this.state, 'workflowruns'));
    return names.filter((name) => /^[^.].*\.yaml$/.test(name)).map((name) => name.slice(0, -'.yaml'.length));
  }

  /** A file for a command line. */
  write(name: string, text: string): string {
    writeFileSync(join(this.directory, name), text);
    return name;
  }

  async untilOver(plans: readonly PlannedRun[], deadlineMs = DEADLINE_MS): Promise<void> {
    let open = [...plans];
    await until(
      () => {
        open = open.filter(({ name }) => !isOver(this.state, name));
        return open.length === 0;
      },
      () =>
        `${open.length} more runs have ended:\n${open.map(({ name }) => this.#told(name)).join('\n')}\n${this.report()}`,
      deadlineMs,
    );
  }

  /** Where a run stands. */
  #told(name: string): string {
    const lines = readJournal(this.state, name).slice(-4);
    const book = this.ledger.read(name).slice(-4);
    return [`${name} (${this.state})`, ...lines, ...book].map((part) => JSON.stringify(part)).join('\n  ');
  }

  /** The last that the engine's processes said, for messages. */
  report(): string {
    return this.started.map(({ pid, output }) => `${pid}: ${output.slice(-1500)}`).join('\n');
  }

  /** Living processes that were started for this directory, and what they started. */
  survey(): Found[] {
    return readdirSync('/proc').flatMap((name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) return [];
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state = '', , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const traces = [command, environment, readlinkSync(`/proc/${pid}/cwd`)];
        if ('ZXx'.includes(state) || !traces.some((text) => text.includes(this.directory))) return [];
        const variable = (word: string): string =>
          new RegExp(`(?:^|\\0)${word}=([^\\0]*)`).exec(environment)?.[1] ?? '';
        const fence = variable('OARLOCK_FENCE');
        const role = roleOf(command, fence, Number(group) === pid);
        return [{ pid, role, command, run: variable('OARLOCK_RUN'), node: variable('OARLOCK_NODE'), fence }];
      } catch {
        return [];
      }
    });
  }

  pids(role: Role): number[] {
    return this.survey().flatMap((found) => (found.role === role ? [found.pid] : []));
  }

  async isQuiet(): Promise<void> {
    const listed = (): string =>
      this.survey()
        .map(({ pid, role, command }) => `${pid} ${role} ${command}`)
        .join('\n');
    await until(
      () => this.survey().length === 0,
      () => `no process is left, found:\n${listed()}`,
    );
  }

  /** Files that nobody will ever need again: temporary ones, and leases of attempts that are over (I14). */
  leftovers(): string[] {
    return readdirSync(this.state, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name).slice(this.state.length + 1);
      const isLease = path.startsWith('leases/') && !entry.isDirectory();
      const isTemporary = entry.name.startsWith('.') || entry.name.endsWith('.tmp');
      return (isLease || isTemporary) && !KEPT.test(path) ? [path] : [];
    });
  }

  /** Asks all that serves to end, waits until it has. */
  async end(): Promise<void> {
    for (const { child, how } of this.started) if (how === null) child.kill('SIGTERM');
    await Promise.all(this.started.map(({ ended }) => ended));
  }

  /** Whatever happened: nothing stays behind. */
  async close(): Promise<void> {
    await until(
      () => {
        const living = this.survey();
        for (const { pid } of living) kill(pid, 'SIGKILL');
        return living.length === 0;
      },
      () => 'everything is dead',
    );
    if (process.env['OARLOCK_CRASH_KEEP'] === undefined) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Spare lease files; the staged change of a writer that died, which goes after some minutes; the view of a run that had ended. */
const KEPT = /^(leases\/[^/]+\/\.spare-|changes\/stage\/|runs\/[^/]+\/\.snapshot\.json\.)/;

function roleOf(command: string, fence: string, isLeader: boolean): Role {
  if (fence !== '') return 'task';
  const verb = /main\.(?:js|ts) (up|run|controller|worker|api)\b/.exec(command)?.[1];
  if (verb !== undefined) return verb as Role;
  if (/\/host\.(js|ts)$/.test(command)) return 'host';
  if (/\/postgres -D data/.test(command)) return 'postgres';
  // Its subshells have the same name, and are no leaders.
  return command === '/bin/sh' && isLeader ? 'shell' : 'other';
}

/** False when it had gone already. */
export function kill(pid: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

const DEADLINE_MS = 60_000;

/** Waits for a condition, with a deadline that says what was waited for; returns the ms that it took. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  deadlineMs = DEADLINE_MS,
): Promise<number> {
  const since = performance.now();
  while (!(await condition())) {
    if (performance.now() - since > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what()}`);
    await tick(10);
  }
  return performance.now() - since;
}

/** The next moment of a random sequence; conditions are waited for with `until`. */
export function tick(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
