// What a task can do: one row for each executor of the manifests, with the rules that no schema can say
// and the way to the kernel's form. A new executor is a row here and a field in schemas/common.json.

import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import type { Executor } from '../kernel/task.ts';
import { type Findings, type Path, quote } from './problems.ts';
import { schemaProblem } from './schema.ts';

interface ExecutorRow {
  /** Why the value is refused though it has the right shape. */
  readonly problem?: (value: Json) => string | undefined;
  readonly compile: (value: Json) => Executor;
}

/** The longest single argument that Linux passes to a program, its end mark left out. */
const ARGUMENT_LIMIT_BYTES = 131_071;

const ROWS: ReadonlyMap<string, ExecutorRow> = new Map<string, ExecutorRow>([
  [
    'command',
    {
      problem: (value) => argumentProblem(value as string),
      compile: (value) => ({ type: 'command', command: value as string }),
    },
  ],
  [
    'exec',
    {
      problem: (value) => (value as string[]).map(argumentProblem).find((problem) => problem !== undefined),
      compile: (value) => ({ type: 'exec', argv: value as string[] }),
    },
  ],
  ['call', { compile: (value) => ({ type: 'call', ...(value as { module: string; export: string }) }) }],
  [
    'python',
    {
      problem: (value) => pythonProblem(value as { code?: string; args?: string[] }),
      compile: (value) => ({ type: 'python', ...(value as { script?: string; code?: string; args?: string[] }) }),
    },
  ],
  [
    'container',
    {
      problem: (value) => containerProblem(value as { command?: string[]; volumes?: string[] }),
      compile: (value) => ({ type: 'container', ...(value as { image: string }) }),
    },
  ],
  ['connector', { compile: (value) => ({ type: 'connector', action: value as string }) }],
  ['mock', { compile: (value) => ({ type: 'mock', ...(value as JsonObject) }) }],
  [
    'wait',
    {
      problem: (value) => (isObject(value) ? instantProblem(value['until']) : undefined),
      compile: (value) => ({ type: 'wait', ...(value as { seconds?: number; until?: string }) }),
    },
  ],
  [
    'signal',
    {
      problem: (value) => formProblem(value),
      compile: (value) => ({ type: 'signal', ...(value as { name: string; schema?: JsonObject }) }),
    },
  ],
]);

export const EXECUTOR_FIELDS: readonly string[] = [...ROWS.keys()];

/** The executor of a task as written; undefined when it has none (it names a Task). */
export function executorOf(task: JsonObject): Executor | undefined {
  for (const [field, row] of ROWS) {
    const value = task[field];
    if (value !== undefined) return row.compile(value);
  }
  return undefined;
}

export function checkExecutor(task: JsonObject, path: Path, findings: Findings): void {
  for (const [field, row] of ROWS) {
    const value = task[field];
    const problem = value === undefined ? undefined : row.problem?.(value);
    if (problem !== undefined) findings.add([...path, field], 'Invalid', problem);
  }
  checkSpeaks(task, path, findings);
}

function pythonProblem({ code, args = [] }: { code?: string; args?: string[] }): string | undefined {
  return [code ?? '', ...args].map(argumentProblem).find((problem) => problem !== undefined);
}

/** Places that the task needs for itself. */
const TAKEN = /^\/(oarlock|scratch)(\/|$)/;

function containerProblem({
  command = [],
  volumes = [],
}: {
  command?: string[];
  volumes?: string[];
}): string | undefined {
  const taken = volumes.find((volume) => TAKEN.test(volume.split(':')[1] ?? ''));
  if (taken !== undefined) return `volumes: expected another place than /oarlock and /scratch, found ${quote(taken)}`;
  return command.map(argumentProblem).find((problem) => problem !== undefined);
}

/** Programs and functions; what the controller runs itself says nothing. */
const SPEAKERS = ['command', 'exec', 'python', 'call', 'container', 'taskRef', 'task'];

function checkSpeaks(task: JsonObject, path: Path, findings: Findings): void {
  const { messages } = task;
  if (messages === undefined || messages === null) return;
  if (messages === true && !SPEAKERS.some((field) => task[field] !== undefined))
    findings.add([...path, 'messages'], 'Invalid', 'expected only with command, exec, python, call or container');
  if (messages === false && task['python'] !== undefined)
    findings.add([...path, 'messages'], 'Invalid', 'expected true: python always speaks; for a plain program use exec');
}

function formProblem(value: Json): string | undefined {
  const schema = isObject(value) ? value['schema'] : undefined;
  const problem = isObject(schema) ? schemaProblem(schema) : undefined;
  return problem === undefined ? undefined : `schema: expected a JSON Schema: ${problem.slice(0, 300)}`;
}

function argumentProblem(text: string): string | undefined {
  if (text.length * 3 <= ARGUMENT_LIMIT_BYTES) return undefined;
  const bytes = new TextEncoder().encode(text).length;
  return bytes <= ARGUMENT_LIMIT_BYTES
    ? undefined
    : `expected at most ${ARGUMENT_LIMIT_BYTES} bytes, found ${bytes}; put it into a file`;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Why a text is no instant in RFC 3339, or undefined. */
export function instantProblem(value: Json | undefined): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (INSTANT.test(value) && !Number.isNaN(Date.parse(value))) return undefined;
  return `expected an instant as 2030-01-31T12:00:00Z, found ${JSON.stringify(value.slice(0, 40))}`;
}
