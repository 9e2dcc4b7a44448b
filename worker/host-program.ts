// A program under a JavaScript host: for tasks with secrets, whose output passes through us to be masked.
//
// It stays in the host's session and group, so that ending the attempt reaches it. The attempt ends when the program exits; what a process
// that it left behind still holds open is not waited for.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Disk } from '../store/file/disk.ts';
import type { HostLog } from './host-log.ts';
import type { HostMessage } from './host-message.ts';
import { MessageSieve, openAnswers } from './host-speech.ts';
import { TaskFailure } from './task-failure.ts';

/** How long output that is on its way is read after the exit. */
const DRAIN_MS = 100;

/** The exit code, 128 and the signal's number for one that was killed. */
export function runProgram(message: HostMessage, argv: readonly string[], disk: Disk, log: HostLog): Promise<number> {
  const [program = '', ...args] = argv;
  const answers = openAnswers(message, disk);
  const out = message.messagesPath === undefined ? log : new MessageSieve(message.messagesPath, disk, log);
  return new Promise<number>((resolve, reject) => {
    const env = { ...process.env, ...message.env, PWD: message.workingDir };
    const child = spawn(program, args, { cwd: message.workingDir, env, stdio: [answers ?? 'ignore', 'pipe', 'pipe'] });
    child.stdout?.on('data', (data: Buffer) => out.write(data));
    child.stderr?.on('data', (data: Buffer) => log.write(data));
    child.once('error', (error) => reject(describeStart(message, program, error)));
    child.once('exit', (code, signal) => {
      const exitCode = code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 9);
      const end = (): void => {
        clearTimeout(timer);
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve(exitCode);
      };
      const timer = setTimeout(end, DRAIN_MS);
      child.once('close', end);
    });
  }).finally(() => {
    if (answers !== null) disk.close(answers);
    if (out !== log) out.close();
  });
}

function describeStart(message: HostMessage, program: string, error: Error): TaskFailure {
  const code = 'code' in error ? error.code : '';
  if (code === 'E2BIG')
    return new TaskFailure('TaskFailed', `${program}: its arguments and environment are larger than the system allows`);
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new TaskFailure(
      'TaskFailed',
      `${program}: not found, or working directory ${message.workingDir} cannot be entered`,
    );
  return new TaskFailure('TaskFailed', `${program}: cannot be started: ${error.message}`);
}
