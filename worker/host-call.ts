// `call`: finds a function of a JavaScript module, gives it its input, and makes an output of what comes back.
//
// false is a failure, nothing is success without an output, anything else that JSON can hold is the output.
// A module is read once; when its file was changed it is read anew (not the modules that it imports: those when the host is replaced).

import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import type { Executor } from '../kernel/task.ts';
import type { Disk } from '../store/file/disk.ts';
import { readInput, writeOutput } from './host-data.ts';
import type { HostLog } from './host-log.ts';
import type { HostMessage } from './host-message.ts';
import { Speech } from './host-speech.ts';
import { TaskFailure } from './task-failure.ts';

type Call = Extract<Executor, { type: 'call' }>;

/** What a task function is called with. */
export interface TaskContext {
  readonly input: Json;
  /** Name of the run. */
  readonly run: string;
  readonly node: string;
  /** From 1. */
  readonly attempt: number;
  /** The same for every attempt of a node: for effects that must not happen twice. */
  readonly key: string;
  /** Aborted when the attempt is being ended. */
  readonly signal: AbortSignal;
  /** Of a task with `messages: true`: changes the graph, whole, or rejects with the reason. Resolves with the ids of its nodes. */
  readonly change: (change: JsonObject) => Promise<readonly string[]>;
  /** How far it is, for people; likewise only with `messages: true`. */
  readonly progress: (value: Json) => void;
  /** A line for the task's log. */
  readonly log: (...values: unknown[]) => void;
}

/** Modules that come with the engine. */
const BUILTIN = 'oarlock:builtin';

export async function runFunction(
  message: HostMessage,
  call: Call,
  disk: Disk,
  log: HostLog,
  signal: AbortSignal,
): Promise<number> {
  const { run, node, attempt, key } = message;
  const task = await findFunction(message, call, disk);
  const speech = new Speech(message, disk);
  const context: TaskContext = {
    input: readInput(message, disk),
    run,
    node,
    attempt,
    key,
    signal,
    change: async (change) => {
      const result = await speech.request('graph.change', change);
      return isObject(result) && Array.isArray(result['nodes']) ? result['nodes'].map(String) : [];
    },
    progress: (value) => speech.notify('progress', { value }),
    log: (...values) => log.write(`${format(...values)}\n`),
  };
  let value: unknown;
  try {
    value = await withEnvironment(message, () => task(context));
  } finally {
    speech.close();
  }
  if (value === undefined) return 0;
  if (value === false) throw new TaskFailure('TaskFailed', 'returned false');
  writeOutput(message, disk, value);
  return 0;
}

type TaskFunction = (context: TaskContext) => unknown;

async function findFunction(message: HostMessage, call: Call, disk: Disk): Promise<TaskFunction> {
  const found = await load(message, call, disk);
  const inner = found['default'];
  const value =
    found[call.export] ??
    (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[call.export] : undefined);
  if (typeof value === 'function') return value as TaskFunction;
  const offered = Object.keys(found).filter((name) => typeof found[name] === 'function');
  const names = offered.length === 0 ? 'none' : offered.slice(0, 10).join(', ');
  throw new TaskFailure('TaskFailed', `module ${call.module}: expected a function ${call.export}, found ${names}`);
}

async function load(message: HostMessage, call: Call, disk: Disk): Promise<Record<string, unknown>> {
  if (call.module === BUILTIN) return (await import('../manifests/builtin/tasks.ts')) as Record<string, unknown>;
  const path = resolveModule(message, call.module);
  const changed = path === null ? undefined : disk.stat(path)?.mtimeMs;
  const url = path === null ? call.module : `${pathToFileURL(path).href}?v=${changed ?? 0}`;
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if (changed === undefined && path !== null)
      throw new TaskFailure('TaskFailed', `module ${call.module}: no such file: ${path}`);
    throw error;
  }
}

/** A path, or null for a module of Node. Packages are looked for from the working directory. */
function resolveModule(message: HostMessage, module: string): string | null {
  if (module.startsWith('node:')) return null;
  if (module.startsWith('./') || module.startsWith('../') || isAbsolute(module))
    return resolve(message.workingDir, module);
  try {
    const found = createRequire(resolve(message.workingDir, 'task.js')).resolve(module);
    return isAbsolute(found) ? found : null;
  } catch {
    throw new TaskFailure(
      'TaskFailed',
      `module ${module}: expected a package that is found from ${message.workingDir}, or a path that starts with ./`,
    );
  }
}

/** The function sees the variables of its task; they are gone before the next attempt. */
async function withEnvironment<T>(message: HostMessage, body: () => Promise<T> | T): Promise<T> {
  const names = Object.keys(message.env);
  const before = names.map((name) => process.env[name]);
  Object.assign(process.env, message.env);
  const directory = process.cwd();
  process.chdir(message.workingDir);
  try {
    return await body();
  } finally {
    process.chdir(directory);
    names.forEach((name, index) => {
      const value = before[index];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    });
  }
}
