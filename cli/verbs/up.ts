// `up`: controller, workers and API as processes of their own, started again when they die.
//
// P1  children live no longer than `up`: each holds a pipe that ends with it (lifeline.ts), also after kill -9.
// P2  Ctrl-C or SIGTERM drains: first the workers, so that the controller still sees how their tasks end, then the controller.

import { spawn } from 'node:child_process';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import type { Store, WorkerView } from '../../store/store.ts';
import type { ExitCode } from '../failure.ts';
import { count } from '../output/text.ts';
import { hidePassword, type Session } from '../session.ts';
import { type Child, type ChildSpec, Supervisor } from '../supervisor.ts';
import { pause } from '../wait.ts';

const LOOK_MS = 50;

export interface UpOptions {
  readonly workers: number;
  readonly slots: number | undefined;
  /** What the API is told on its command line. */
  readonly apiWords: readonly string[];
}

export async function up(session: Session, options: UpOptions): Promise<ExitCode> {
  const slots = options.slots ?? Math.max(2, availableParallelism());
  // Refuses a directory that cannot be served before any child does, with one message.
  const store = await session.store();
  const say = (text: string): void => session.say(text);
  const isHere = session.storeUrl.startsWith('file:');
  say(isHere ? `state directory ${session.stateDir}` : `store ${hidePassword(session.storeUrl)}`);
  const deciding = new Supervisor({ clock: store.clock, say });
  const working = new Supervisor({ clock: store.clock, say });
  const names = await freeNames(store, isHere ? 'w' : `${machineName()}-w`, options.workers);
  await forgetDeadEndpoint(session);
  const decided = [
    deciding.keep(childOf(session, 'controller', ['controller'])),
    deciding.keep(childOf(session, 'api', ['api', ...options.apiWords])),
  ];
  const worked = names.map((name) =>
    working.keep(childOf(session, `worker ${name}`, ['worker', '--name', name, '--slots', String(slots)])),
  );
  const interrupted = untilInterrupted(session);
  await Promise.race([interrupted, untilServing(store, names)]);
  say(`ready: ${count(names.length, 'worker')} with ${count(slots, 'slot')} each; Ctrl-C ends it`);
  await interrupted;
  working.stop();
  await Promise.all(worked);
  deciding.stop();
  await Promise.all(decided);
  return 0;
}

/** Machines that share a database name their workers after themselves. */
function machineName(): string {
  return hostname().replaceAll(/[^A-Za-z0-9-]/g, '-') || 'host';
}

/** Names that no living worker has, so that a second `up` on the same directory adds to the first. */
async function freeNames(store: Store, prefix: string, wanted: number): Promise<string[]> {
  const known = new Map((await store.seats.workers()).map((worker) => [worker.name, worker]));
  const names: string[] = [];
  for (let number = 1; names.length < wanted; number += 1) {
    const name = `${prefix}${number}`;
    const worker = known.get(name);
    if (worker === undefined || !worker.alive || (await isLeft(store, worker))) names.push(name);
  }
  return names;
}

/** Died here a moment ago, so that the database still believes in it: whoever has its name next takes up what it was doing. */
async function isLeft(store: Store, { name, slots, pid }: WorkerView): Promise<boolean> {
  if (isAlive(pid)) return false;
  const seat = await store.seats.takeWorker(name, slots);
  await seat?.release();
  return seat !== null;
}

async function untilServing(store: Store, names: readonly string[]): Promise<void> {
  for (;;) {
    const workers = await store.seats.workers();
    const alive = new Set(workers.filter((worker) => worker.alive).map(({ name }) => name));
    if (names.every((name) => alive.has(name)) && (await store.seats.isControllerAlive())) return;
    await pause(store.clock, LOOK_MS);
  }
}

function untilInterrupted(session: Session): Promise<void> {
  return new Promise((resolve) => {
    let times = 0;
    session.io.onInterrupt(() => {
      times += 1;
      if (times > 1) return session.io.leave(130);
      session.say('ending: waiting for running tasks; Ctrl-C again leaves at once, and they go on to their end');
      resolve();
    });
  });
}

/** What an API that was killed has left must not be taken for the one that is about to listen. */
async function forgetDeadEndpoint(session: Session): Promise<void> {
  const { openKeys } = await import('../../store/open.ts');
  const keys = await openKeys(session.storeUrl, session.stateDir);
  const endpoint = await keys.endpoint();
  if (endpoint !== null && !isAlive(endpoint.pid)) await keys.clearEndpoint(endpoint.pid);
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    // Somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const MAIN = join(import.meta.dirname, '..', import.meta.filename.endsWith('.ts') ? 'main.ts' : 'main.js');

function childOf(session: Session, label: string, words: readonly string[]): ChildSpec {
  const args = [...process.execArgv, MAIN, ...words, '--lifeline', '--state', session.stateDir];
  return { label, start: () => startChild(args, session.io.workingDir, session.storeUrl) };
}

/** Its standard input is the lifeline; what it says goes where `up` says things. */
function startChild(args: readonly string[], workingDir: string, storeUrl: string): Child {
  // Not on the command line: the address may hold a password, and everybody sees command lines.
  const env = { ...process.env, OARLOCK_STORE: storeUrl };
  const child = spawn(process.execPath, args, { cwd: workingDir, env, stdio: ['pipe', 'ignore', 'inherit'] });
  // Writing to it is not what the pipe is for, and its end is told by `exit`.
  child.stdin.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    ended: new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code ?? 0}` : signal));
    }),
    terminate: () => void child.kill('SIGTERM'),
  };
}
