// An offer made ready to run: the environment resolved, limits checked, the files where a slot expects them.
//
// Owns: what a task may see of the worker's environment, and the errors of a task that cannot even start.
// Does not own: how it runs (keeper.ts, host.ts).
//
// J1  a task sees PATH, HOME, locale and what it names; never anything else of the worker's environment. Connectors, which are not the
//     workflow's own words, are also given DATABASE_URL.
// J2  values from fromEnv and fromFile are secrets: they are in the job, and in no file, no name and no title of a process.

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Executor, TaskError } from '../kernel/task.ts';
import { fenceSum } from '../runtime/slot-line.ts';
import type { Disk } from '../store/file/disk.ts';
import type { LeasePlaces, Offer } from '../store/store.ts';
import { clientEnvironment } from './container.ts';
import { ARGUMENT_LIMIT_BYTES, wayOf } from './keeper.ts';

export interface Job {
  readonly offer: Offer;
  readonly places: LeasePlaces;
  /** All that the task adds to the base environment, OARLOCK_* included. */
  readonly env: Readonly<Record<string, string>>;
  /** Values that must not stand in the log. */
  readonly secrets: readonly string[];
  /** What the fence adds to the sum of the slot's line. */
  readonly fenceSum: number;
}

const PASSED_ON = /^(PATH|HOME|USER|LOGNAME|SHELL|TZ|TMPDIR|LANG|LANGUAGE|LC_[A-Z]+)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SECRET_FILE_LIMIT_BYTES = 64 * 1024;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What slots are started with, and so what every task sees. */
export function baseEnvironment(own: NodeJS.ProcessEnv): Record<string, string> {
  const env: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const [name, value] of Object.entries(own)) if (value !== undefined && PASSED_ON.test(name)) env[name] = value;
  return env;
}

/** The job, or why the task cannot start. Writes FENCE.input when the offer has an input of its own. */
export function prepareJob(offer: Offer, places: LeasePlaces, disk: Disk, own: NodeJS.ProcessEnv): Job | TaskError {
  const secrets: string[] = [];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(offer.env ?? {})) {
    const resolved = NAME.test(name)
      ? resolveValue(value, disk, own)
      : { problem: 'expected a name of letters, digits and _' };
    if ('problem' in resolved) return failed(`env ${name}: ${resolved.problem}`);
    if (resolved.isSecret && resolved.value !== '') secrets.push(resolved.value);
    env[name] = resolved.value;
  }
  if (offer.executor.type === 'container') Object.assign(env, clientEnvironment(own));
  if (offer.executor.type === 'connector') passDatabaseUrl(own, env, secrets);
  Object.assign(env, {
    OARLOCK_FENCE: offer.fence,
    OARLOCK_RUN: offer.run,
    OARLOCK_NODE: offer.node,
    OARLOCK_ATTEMPT: String(offer.attempt),
    OARLOCK_IDEMPOTENCY_KEY: offer.key,
    OARLOCK_INPUT: offer.input === undefined ? offer.inputPath : places.input,
    OARLOCK_OUTPUT: places.output,
    OARLOCK_SCRATCH: offer.scratch,
  });
  if (offer.messages === true) Object.assign(env, speakingEnvironment(env), { OARLOCK_MESSAGES: offer.fence });
  const problem = limitProblem(offer, env);
  if (problem !== null) return failed(problem);
  makePlace(offer, disk);
  if (offer.input !== undefined) disk.createNew(places.input, JSON.stringify(offer.input));
  return { offer, places, env, secrets, fenceSum: fenceSum(offer.fence) };
}

/** Where `import oarlock` finds its file, behind what the task names itself; and what is printed shall not wait in a buffer. */
function speakingEnvironment(own: Readonly<Record<string, string>>): Record<string, string> {
  const path = own['PYTHONPATH'];
  const helper = fileURLToPath(new URL('./python', import.meta.url));
  return {
    PYTHONPATH: path === undefined || path === '' ? helper : `${path}:${helper}`,
    PYTHONUNBUFFERED: own['PYTHONUNBUFFERED'] ?? '1',
  };
}

/** The database that connectors use unless the task names another; its password is a secret in both forms. */
function passDatabaseUrl(own: NodeJS.ProcessEnv, env: Record<string, string>, secrets: string[]): void {
  const url = env['DATABASE_URL'] ?? own['DATABASE_URL'];
  if (url === undefined || url === '') return;
  env['DATABASE_URL'] = url;
  secrets.push(url);
  const password = URL.canParse(url) ? new URL(url).password : '';
  if (password === '') return;
  secrets.push(password);
  try {
    secrets.push(decodeURIComponent(password));
  } catch {
    // Not written as URLs write it: then it stands as it is.
  }
}

type Resolved = { readonly value: string; readonly isSecret: boolean } | { readonly problem: string };

function resolveValue(value: NonNullable<Offer['env']>[string], disk: Disk, own: NodeJS.ProcessEnv): Resolved {
  if (typeof value === 'string') return { value, isSecret: false };
  if ('fromEnv' in value) {
    const found = own[value.fromEnv];
    if (found === undefined)
      return { problem: `fromEnv ${value.fromEnv}: expected it in the worker's environment, found nothing` };
    return { value: found, isSecret: true };
  }
  try {
    // A secret file is often a link into a mounted volume.
    const bytes = disk.read(disk.realPath(value.fromFile), SECRET_FILE_LIMIT_BYTES);
    if (bytes === null) return { problem: `fromFile ${value.fromFile}: expected a file, found none` };
    return { value: bytes.toString().replace(/\r?\n$/, ''), isSecret: true };
  } catch (error) {
    return { problem: `fromFile ${value.fromFile}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** What the operating system would refuse, said better than it would say it. */
function limitProblem(offer: Offer, env: Readonly<Record<string, string>>): string | null {
  const { executor } = offer;
  for (const [name, value] of Object.entries(env)) {
    if (value.includes('\0')) return `env ${name}: expected text without a zero byte`;
    if (Buffer.byteLength(value) + name.length + 2 > ARGUMENT_LIMIT_BYTES)
      return `env ${name}: expected at most ${ARGUMENT_LIMIT_BYTES} bytes, found ${Buffer.byteLength(value)}`;
  }
  for (const word of wordsOf(executor)) {
    if (word.includes('\0')) return `${executor.type}: expected text without a zero byte`;
    const isArgument = executor.type !== 'command' || wayOf(word, env) === 'sh';
    if (isArgument && Buffer.byteLength(word) + 1 > ARGUMENT_LIMIT_BYTES)
      return `${executor.type}: expected at most ${ARGUMENT_LIMIT_BYTES - 1} bytes in one argument, found ${Buffer.byteLength(word)}; put it in a file`;
  }
  return executor.type === 'exec' && executor.argv.length === 0
    ? 'exec: expected a program, found an empty list'
    : null;
}

function wordsOf(executor: Executor): readonly string[] {
  if (executor.type === 'exec') return executor.argv;
  if (executor.type === 'command') return [executor.command];
  if (executor.type !== 'python') return [];
  return [executor.script, executor.code, ...(executor.args ?? [])].filter((word) => word !== undefined);
}

/** Directories for log and scratch, and no trap where the log shall stand: opening a FIFO would block the slot. */
function makePlace(offer: Offer, disk: Disk): void {
  for (const directory of [dirname(offer.logPath), offer.scratch])
    if (disk.stat(directory) === null) disk.makeDirectory(directory);
  const found = disk.stat(offer.logPath);
  if (found !== null && !found.isFile) disk.removeTree(offer.logPath);
}

function failed(message: string): TaskError {
  return { type: 'TaskFailed', message };
}
