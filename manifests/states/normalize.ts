// From the states of a workflow, in either way of writing, to the machine that the engine runs (machine.ts).
//
// Owns: defaults, names in our letters, rules of retry and catch in one form. Does not own: what is legal (lint.ts has said so), what
// resources stand for (resources.ts).

import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { RetryRule, TaskSpec } from '../../kernel/task.ts';
import { EXECUTOR_FIELDS } from '../executors.ts';
import { Findings, type Path } from '../problems.ts';
import { Fields, statesOf, typeOf } from './fields.ts';
import type { Catcher, Choice, Machine, State } from './machine.ts';
import { isInvoke, waitsForToken } from './resources.ts';
import { TIMEOUTS, UNCATCHABLE } from './state-error.ts';

/** What stands behind the Task state at `path`, written as `task`: its own executor, or what its resource names. */
export type ResolveTask = (task: JsonObject, path: Path) => TaskSpec | undefined;

export interface Resolve {
  readonly task: ResolveTask;
  /** What `compensate` says. */
  readonly compensation: (value: Json, path: Path) => TaskSpec | undefined;
}

export function machineOf(spec: JsonObject, path: Path, resolve: Resolve): Omit<Machine, 'tasks'> {
  const states: [string, State][] = [];
  const startAt = collect(new Fields(spec, path, new Findings()), false, states, resolve);
  const limit = new Fields(spec, path, new Findings()).get('timeoutSeconds')?.value;
  return {
    startAt,
    states: Object.fromEntries(states),
    ...(typeof limit === 'number' ? { timeoutSeconds: limit } : {}),
    isAsl: Object.hasOwn(spec, 'StartAt'),
    version: 1,
  };
}

/** Adds the states of a machine and of those inside it; returns its first. */
function collect(machine: Fields, outer: boolean, states: [string, State][], resolve: Resolve): string {
  const isJsonata = languageOf(machine, outer);
  for (const { name, state } of statesOf(machine, new Findings())) {
    states.push([name, normalizeState(state, languageOf(state, isJsonata), states, resolve)]);
  }
  return textOf(machine.get('startAt')?.value);
}

function languageOf(fields: Fields, outer: boolean): boolean {
  const language = fields.get('queryLanguage')?.value;
  return language === undefined ? outer : language === 'JSONata';
}

/** Fields that have a form of their own in a State. */
const STRUCTURE = new Set([
  'type',
  'queryLanguage',
  'next',
  'end',
  'retry',
  'catch',
  'choices',
  'default',
  'branches',
  'itemProcessor',
  'iterator',
  'maxRetries',
  'waitForSignal',
  'comment',
  'compensate',
  ...EXECUTOR_FIELDS,
]);

function normalizeState(state: Fields, isJsonata: boolean, states: [string, State][], resolve: Resolve): State {
  const type = typeOf(state, new Findings()) ?? 'Fail';
  const text = (name: string): string | undefined => {
    const value = state.get(name)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const branches = branchesOf(state).map((inner) => collect(inner, isJsonata, states, resolve));
  const resource = text('resource');
  const task = type === 'Task' ? resolve.task(plainOf(state), state.path) : undefined;
  const undo = state.get('compensate');
  const compensate = undo === undefined ? undefined : resolve.compensation(undo.value, undo.path);
  const signal = signalOf(state);
  return {
    type,
    isJsonata,
    ...optional('next', text('next')),
    ...(state.get('end')?.value === true || type === 'Succeed' ? { end: true } : {}),
    ...optional('retry', retryOf(state)),
    ...optional('catch', catchersOf(state)),
    ...optional('choices', choicesOf(state)),
    ...optional('default', text('default')),
    ...(branches.length === 0 ? {} : { branches }),
    ...(isDistributed(state) ? { isDistributed: true } : {}),
    ...(resource !== undefined && isInvoke(resource) ? { integration: 'invoke' as const } : {}),
    ...optional('task', task),
    ...optional('compensate', compensate),
    ...optional('signal', signal ?? (resource !== undefined && waitsForToken(resource) ? TOKEN : undefined)),
    ...optional('form', formOf(state)),
    fields: Object.fromEntries(
      state.names().flatMap((name) => (STRUCTURE.has(name) ? [] : [[name, state.get(name)?.value ?? null]])),
    ),
  };
}

/** Stands for the name of a Signal that is made up for each visit. */
export const TOKEN = '$token';

function optional<Name extends string, T>(name: Name, value: T | undefined): { [name in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]: T });
}

function plainOf(state: Fields): JsonObject {
  return Object.fromEntries(state.names().map((name) => [name, state.get(name)?.value ?? null]));
}

function signalOf(state: Fields): string | undefined {
  const value = state.get('waitForSignal')?.value;
  if (typeof value === 'string') return value;
  return isObject(value) && typeof value['name'] === 'string' ? value['name'] : undefined;
}

function formOf(state: Fields): JsonObject | undefined {
  const value = state.get('waitForSignal')?.value;
  return isObject(value) && isObject(value['schema']) ? value['schema'] : undefined;
}

function branchesOf(state: Fields): Fields[] {
  const branches = state.get('branches')?.value;
  const inner = state.get('itemProcessor') ?? state.get('iterator');
  const all = Array.isArray(branches) ? branches : inner === undefined ? [] : [inner.value];
  return all.flatMap((machine) => (isObject(machine) ? [new Fields(machine, state.path, new Findings())] : []));
}

function isDistributed(state: Fields): boolean {
  const processor = (state.get('itemProcessor') ?? state.get('iterator'))?.value;
  const config = isObject(processor) ? (processor['ProcessorConfig'] ?? processor['processorConfig']) : undefined;
  return isObject(config) && (config['Mode'] ?? config['mode']) === 'DISTRIBUTED';
}

// --- failures ------------------------------------------------------------------------------------

function rulesOf(state: Fields, name: string): Fields[] {
  const field = state.get(name);
  const rules = field === undefined ? [] : Array.isArray(field.value) ? field.value : [field.value];
  return rules.flatMap((rule) => (isObject(rule) ? [new Fields(rule, state.path, new Findings())] : []));
}

/** As in the Amazon States Language, in both ways of writing. */
const RETRY_DEFAULTS = { maxAttempts: 3, intervalSeconds: 1, backoffRate: 2 };

function retryOf(state: Fields): RetryRule[] | undefined {
  const short = state.get('maxRetries')?.value;
  const rules = rulesOf(state, 'retry').map((rule): RetryRule => {
    const number = (name: string): number | undefined => {
      const value = rule.get(name)?.value;
      return typeof value === 'number' ? value : undefined;
    };
    const hasJitter = rule.get('jitterStrategy')?.value === 'FULL' || rule.get('jitter')?.value === true;
    return {
      ...errorsOf(namesOf(rule)),
      maxAttempts: number('maxAttempts') ?? (typeof short === 'number' ? short : RETRY_DEFAULTS.maxAttempts),
      intervalSeconds: number('intervalSeconds') ?? RETRY_DEFAULTS.intervalSeconds,
      backoffRate: number('backoffRate') ?? RETRY_DEFAULTS.backoffRate,
      ...optional('maxDelaySeconds', number('maxDelaySeconds')),
      ...(hasJitter ? { jitter: true } : {}),
    };
  });
  if (rules.length === 0 && typeof short === 'number') return [{ ...errorsOf(undefined), maxAttempts: short }];
  return rules.length === 0 ? undefined : rules;
}

function namesOf(rule: Fields): string[] | undefined {
  const list = rule.get('errorEquals')?.value;
  if (Array.isArray(list)) return list.map(String);
  const single = rule.get('errorType')?.value;
  return typeof single === 'string' ? [single] : undefined;
}

/** Names that stand for many errors, as the kernel has them. */
function errorsOf(names: readonly string[] | undefined): Pick<RetryRule, 'errors' | 'except'> {
  if (names === undefined || names.includes('States.ALL')) return { errors: ['*'], except: UNCATCHABLE };
  const errors = names.flatMap((name) => {
    if (name === 'States.TaskFailed') return ['*'];
    return name === 'States.Timeout' || name === 'Timeout' ? TIMEOUTS : [name];
  });
  return errors.includes('*') ? { errors, except: [...UNCATCHABLE, ...TIMEOUTS] } : { errors };
}

function catchersOf(state: Fields): Catcher[] | undefined {
  const rules = rulesOf(state, 'catch').map(
    (rule): Catcher => ({
      ...optional('errors', namesOf(rule)),
      next: textOf(rule.get('next')?.value),
      fields: pick(rule, ['resultPath', 'assign', 'output']),
    }),
  );
  return rules.length === 0 ? undefined : rules;
}

function pick(rule: Fields, names: readonly string[]): JsonObject {
  const found = names.flatMap((name): [string, Json][] => {
    const field = rule.get(name);
    return field === undefined ? [] : [[name, field.value]];
  });
  return Object.fromEntries(found);
}

// --- choices -------------------------------------------------------------------------------------

function choicesOf(state: Fields): Choice[] | undefined {
  const field = state.get('choices');
  if (field === undefined) return undefined;
  return rulesOf(state, 'choices').map((rule) => ({
    next: textOf(rule.get('next')?.value),
    rule: ruleOf(rule),
    fields: pick(rule, ['assign', 'output']),
  }));
}

const AROUND = new Set(['next', 'comment', 'assign', 'output', 'condition']);

/** Depth is that of the document, which is bounded. */
function ruleOf(rule: Fields): Json {
  const condition = rule.get('condition')?.value;
  if (condition !== undefined) return isObject(condition) ? ruleOf(fieldsOf(condition)) : condition;
  const parts = rule.names().flatMap((name): [string, Json][] => {
    const value = rule.get(name)?.value ?? null;
    if (AROUND.has(name)) return [];
    if (name === 'not' && isObject(value)) return [[name, ruleOf(fieldsOf(value))]];
    if ((name === 'and' || name === 'or') && Array.isArray(value)) {
      return [[name, value.map((inner) => (isObject(inner) ? ruleOf(fieldsOf(inner)) : inner))]];
    }
    return [[name, value]];
  });
  return Object.fromEntries(parts);
}

function fieldsOf(object: JsonObject): Fields {
  return new Fields(object, [], new Findings());
}
