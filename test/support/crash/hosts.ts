// Machines, as network namespaces of this one: a database in one of them, and hosts that reach it through links that can be cut. All see
// the same processes and files, so the ledger tells of two live copies wherever they are.
//
// Needs root and iproute2. Owns: namespaces, links, what runs in them. Does not own: what must hold (checks.ts).

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { kill, until } from './engine.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const MAIN = process.env['OARLOCK_MAIN'] ?? join(ROOT, 'dist', 'cli', 'main.js');
const PORT = 5432;

function ip(...words: string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** One line that says why not, or null. */
export function whyNoNamespaces(): string | null {
  if (process.getuid?.() !== 0) return 'several hosts are not tested: namespaces need root';
  const name = `oarl-${randomBytes(3).toString('hex')}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return null;
  } catch {
    return 'several hosts are not tested: network namespaces cannot be made here (iproute2, CAP_SYS_ADMIN)';
  }
}

/** What `node -e` runs beside the database: the way in from the other namespaces. */
const DOOR = `
const net = require('node:net');
net.createServer((near) => {
  const far = net.connect(process.argv[1]);
  near.pipe(far).pipe(near);
  for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });
}).listen(${PORT}, '0.0.0.0', () => process.stdout.write('open'));
`;

export class Network {
  readonly #name = `oarl${randomBytes(2).toString('hex')}`;
  readonly #hosts: Host[] = [];
  #door: ChildProcess | null = null;

  get #database(): string {
    return `${this.#name}-db`;
  }

  /** `socket`: where the server listens; it is reached through TCP and the links alone. */
  async open(socket: string): Promise<void> {
    ip('netns', 'add', this.#database);
    ip('-n', this.#database, 'link', 'set', 'lo', 'up');
    const door = spawn('ip', ['netns', 'exec', this.#database, process.execPath, '-e', DOOR, socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#door = door;
    await new Promise<void>((resolve) => door.stdout?.once('data', () => resolve()));
  }

  host(directory: string): Host {
    const number = this.#hosts.length + 1;
    const name = `${this.#name}-h${number}`;
    const link = `${this.#name}v${number}`;
    ip('netns', 'add', name);
    ip('link', 'add', link, 'netns', this.#database, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('-n', this.#database, 'addr', 'add', `10.99.${number}.1/24`, 'dev', link);
    ip('-n', this.#database, 'link', 'set', link, 'up');
    ip('-n', name, 'addr', 'add', `10.99.${number}.2/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    const url = `postgres://oarlock@10.99.${number}.1:${PORT}/postgres`;
    const setLink = (state: 'up' | 'down'): void => void ip('-n', this.#database, 'link', 'set', link, state);
    const host = new Host(name, url, join(directory, `host${number}`), setLink);
    this.#hosts.push(host);
    return host;
  }

  async close(): Promise<void> {
    for (const host of this.#hosts) await host.close();
    this.#door?.kill('SIGKILL');
    try {
      for (const pid of pidsIn(this.#database)) kill(pid, 'SIGKILL');
      ip('netns', 'del', this.#database);
    } catch {
      // It was never made.
    }
  }
}

export class Host {
  readonly name: string;
  readonly #url: string;
  readonly #state: string;
  readonly #setLink: (state: 'up' | 'down') => void;
  output = '';

  constructor(name: string, url: string, state: string, setLink: (state: 'up' | 'down') => void) {
    this.name = name;
    this.#url = url;
    this.#state = state;
    this.#setLink = setLink;
    mkdirSync(state, { mode: 0o700 });
  }

  start(...words: string[]): void {
    const { OARLOCK_STATE: _state, ...env } = process.env;
    const child = spawn('ip', ['netns', 'exec', this.name, process.execPath, MAIN, ...words, '--state', this.#state], {
      env: { ...env, OARLOCK_STORE: this.#url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (text: string): void => void (this.output += text);
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
  }

  cut(): void {
    this.#setLink('down');
  }

  mend(): void {
    this.#setLink('up');
  }

  /** The machine fails: everything that runs on it is gone at once. */
  async fail(): Promise<void> {
    await until(
      () => {
        const pids = pidsIn(this.name);
        for (const pid of pids) kill(pid, 'SIGKILL');
        return pids.length === 0;
      },
      () => `${this.name} is dead`,
    );
  }

  async close(): Promise<void> {
    await this.fail();
    ip('netns', 'del', this.name);
  }
}

function pidsIn(name: string): number[] {
  return ip('netns', 'pids', name).split('\n').filter(Boolean).map(Number);
}
