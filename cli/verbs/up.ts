// `up`: the controller and workers as processes of their own, started again when they die.
//
// P1  children live no longer than `up`: each holds a pipe that ends with it (lifeline.ts), also after kill -9.
// P2  Ctrl-C or SIGTERM drains: first the workers, so that the controller still sees how their tasks end, then the controller.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type ExitCode } from '../failure.ts';
import type { Session } from '../session.ts';
import { type Child, type ChildSpec, Supervisor } from '../supervisor.ts';

export interface UpOptions {
  readonly workers: number;
  readonly slots: number | undefined;
}

export async function up(session: Session, options: UpOptions): Promise<ExitCode> {
  const slots = options.slots ?? Math.max(2, availableParallelism());
  const clock = await session.clock();
  // Refuses a directory that cannot be served before any child does, with one message.
  await session.store();
  session.say(`state directory ${session.stateDir}`);
  const say = (text: string): void => session.say(text);
  const deciding = new Supervisor({ clock, say });
  const working = new Supervisor({ clock, say });
  const decided = deciding.keep(childOf(session, 'controller', ['controller']));
  const worked: Promise<void>[] = [];
  for (let number = 1; number <= options.workers; number += 1) {
    const name = `w${number}`;
    worked.push(working.keep(childOf(session, `worker ${name}`, ['worker', '--name', name, '--slots', String(slots)])));
  }
  session.say('ready: Ctrl-C ends it, once running tasks have ended');
  await new Promise<void>((resolve) => {
    let times = 0;
    session.io.onInterrupt(() => {
      times += 1;
      if (times > 1) return session.io.leave(130);
      session.say('ending: waiting for running tasks; Ctrl-C again leaves at once (they go on to their end)');
      resolve();
    });
  });
  working.stop();
  await Promise.all(worked);
  deciding.stop();
  await decided;
  return 0;
}

const MAIN = join(import.meta.dirname, '..', import.meta.filename.endsWith('.ts') ? 'main.ts' : 'main.js');

function childOf(session: Session, label: string, words: readonly string[]): ChildSpec {
  const args = [...process.execArgv, MAIN, ...words, '--lifeline', '--state', session.stateDir];
  return { label, start: () => startChild(args, session.io.workingDir) };
}

/** Its standard input is the lifeline; what it says goes where `up` says things. */
function startChild(args: readonly string[], workingDir: string): Child {
  const child = spawn(process.execPath, args, { cwd: workingDir, stdio: ['pipe', 'ignore', 'inherit'] });
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
