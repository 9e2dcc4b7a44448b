// Where a demo plays: the real command line, in a temporary state directory that is removed at the end.
//
// Owns: that directory, calls of the command line, and how a demo is stopped. Does not own: what is played.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { Disk } from '../../store/file/disk.ts';

/** The package: examples are named from here. */
export const ROOT = join(import.meta.dirname, '..', '..', '..');
export const EXAMPLES = join('manifests', 'examples');
const MAIN = join(import.meta.dirname, '..', 'main.js');

/** Exit code of what was told to end, as shells give it. */
export const STOPPED = 130;
const LOOK_MS = 100;
const LIMIT_MS = 30_000;

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
}

export interface Call {
  /** `all` goes to the terminal as it is; of `talk` only what is said for people, and stdout is for us; default `all`. */
  readonly shows?: 'all' | 'talk' | 'nothing';
  readonly env?: NodeJS.ProcessEnv;
}

export class Stage {
  readonly disk = new Disk();
  readonly state = join(tmpdir(), `oarlock-demo-${randomUUID()}`);
  readonly #env: NodeJS.ProcessEnv;
  readonly #terminated = new AbortController();
  readonly #interrupted = new AbortController();

  /** `env`: for all calls, beside our own. */
  constructor(env: NodeJS.ProcessEnv = {}) {
    this.#env = env;
    this.disk.makeDirectory(this.state);
    process.once('SIGTERM', () => this.#terminated.abort());
    process.once('SIGINT', () => this.#interrupted.abort());
  }

  get isStopped(): boolean {
    return this.#terminated.signal.aborted || this.#interrupted.signal.aborted;
  }

  oarlock(args: readonly string[], call: Call = {}): Promise<Ended> {
    return this.start(args, call).ended;
  }

  /** Ctrl-C reaches it from the terminal by itself, so only SIGTERM is passed on. */
  start(
    args: readonly string[],
    { shows = 'all', env = {} }: Call = {},
  ): { readonly ended: Promise<Ended>; kill(signal: 'SIGTERM' | 'SIGKILL'): void } {
    const child = spawn(process.execPath, [MAIN, '--state', this.state, ...args], {
      cwd: ROOT,
      env: { ...process.env, ...this.#env, ...env },
      // What it says for people goes where our words go, so that all stands in order.
      stdio: ['ignore', shows === 'all' ? 1 : 'pipe', shows === 'nothing' ? 'ignore' : 1],
    });
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const end = (): boolean => child.kill('SIGTERM');
    this.#terminated.signal.addEventListener('abort', end);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        this.#terminated.signal.removeEventListener('abort', end);
        resolve({ code: code ?? STOPPED, stdout });
      });
    });
    return { ended, kill: (signal) => void child.kill(signal) };
  }

  /** The status of a run as it stands. */
  async statusOf(run: string): Promise<JsonObject> {
    const { stdout } = await this.oarlock(['get', 'run', run, '-o', 'json'], { shows: 'nothing' });
    const status = statusIn(stdout);
    return isObject(status) ? status : {};
  }

  /** True when it came to hold; false when it took too long, or the demo was stopped. */
  async until(condition: () => Promise<boolean> | boolean, limitMs = LIMIT_MS): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    while (!(await condition())) {
      if (this.isStopped || performance.now() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return true;
  }

  /** A database server ends by itself when nobody uses it; what it writes until then must not stand in the way. */
  async clean(): Promise<void> {
    const postgres = join(this.state, 'postgres');
    this.disk.unlink(join(postgres, 'users'));
    await this.until(() => this.disk.stat(join(postgres, 'data', 'postmaster.pid')) === null);
    this.disk.removeTree(this.state);
  }
}

/** Of a run as `-o json` prints it. */
export function statusIn(text: string): Json | undefined {
  const run = parse(text);
  return isObject(run) ? run['status'] : undefined;
}

/** Null for what is no JSON. */
export function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** The states in which the nodes of a run ended, and how many in each. */
export function countsOf(status: JsonObject): Readonly<Record<string, number>> {
  const nodes = isObject(status['nodes']) ? Object.values(status['nodes']) : [];
  const counts: Record<string, number> = {};
  for (const node of nodes) {
    const state = isObject(node) && typeof node['state'] === 'string' ? node['state'] : 'unknown';
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}
