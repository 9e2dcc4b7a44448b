// What is wrong with a Task state: what it runs, its limits, what it waits for, what undoes it.

import { isObject, type Json } from '../../kernel/json.ts';
import { checkExecutor, EXECUTOR_FIELDS } from '../executors.ts';
import { type Findings, show } from '../problems.ts';
import { schemaProblem } from '../schema.ts';
import { checkNumber, checkOneOf } from './checks.ts';
import { isJsonataText } from './choice.ts';
import { Fields } from './fields.ts';

export const SECONDS_LIMIT = 99_999_999;

interface Context {
  readonly isJsonata: boolean;
  readonly findings: Findings;
}

export function checkTask(state: Fields, context: Context): void {
  const { findings } = context;
  checkOneOf(state, ['resource', ...EXECUTOR_FIELDS], findings, !state.has('waitForSignal'));
  const resource = state.get('resource');
  const problem = resource === undefined ? undefined : resourceProblem(resource.value);
  if (resource !== undefined && problem !== undefined) findings.add(resource.path, 'Invalid', problem);
  for (const name of ['timeoutSeconds', 'heartbeatSeconds']) {
    checkOneOf(state, [name, `${name}Path`], findings, false);
    checkNumber(state, name, 1, SECONDS_LIMIT, context);
  }
  const [timeout, heartbeat] = [state.get('timeoutSeconds'), state.get('heartbeatSeconds')];
  if (typeof timeout?.value === 'number' && typeof heartbeat?.value === 'number' && heartbeat.value >= timeout.value)
    findings.add(
      heartbeat.path,
      'Invalid',
      `expected less than the ${timeout.value} s that it may take, found ${heartbeat.value}`,
    );
  checkSignal(state, findings);
  checkCompensation(state, findings);
  const credentials = state.get('credentials');
  if (credentials !== undefined && !isObject(credentials.value) && !isJsonataText(credentials.value)) {
    findings.add(credentials.path, 'TypeInvalid', `expected a mapping, found ${show(credentials.value)}`);
  }
  const command = state.get('command');
  if (command !== undefined && typeof command.value !== 'string') {
    findings.add(command.path, 'TypeInvalid', `expected a text, found ${show(command.value)}`);
  } else if (command !== undefined) checkExecutor({ command: command.value }, state.path, findings);
}

/** The name of a resource, or a mapping that says what to run. */
function checkCompensation(state: Fields, findings: Findings): void {
  const field = state.get('compensate');
  if (field === undefined || (typeof field.value === 'string' && field.value !== '')) return;
  if (!isObject(field.value)) {
    findings.add(field.path, 'TypeInvalid', `expected a resource or a mapping, found ${show(field.value)}`);
    return;
  }
  const task = new Fields(field.value, field.path, findings);
  checkOneOf(task, ['resource', 'taskRef', ...EXECUTOR_FIELDS], findings, true);
  checkExecutor(field.value, field.path, findings);
}

/** A name, or a mapping with one, and with what its data must be. */
function checkSignal(state: Fields, findings: Findings): void {
  const field = state.get('waitForSignal');
  if (field === undefined) return;
  const name = isObject(field.value) ? field.value['name'] : field.value;
  if (typeof name !== 'string' || name === '')
    findings.add(field.path, 'TypeInvalid', `expected the name of a Signal, found ${show(field.value)}`);
  const schema = isObject(field.value) ? field.value['schema'] : undefined;
  if (schema === undefined) return;
  const problem = isObject(schema) ? schemaProblem(schema) : `found ${show(schema)}`;
  if (problem !== undefined)
    findings.add([...field.path, 'schema'], 'Invalid', `expected a JSON Schema: ${problem.slice(0, 300)}`);
}

/** What may stand behind the name of a function: a version or an alias. */
const QUALIFIED = /^arn:[^:]*:lambda:[^:]*:[^:]*:function:[A-Za-z0-9_.${}-]+(:([A-Za-z0-9_${}-]+|\$LATEST))?$/;

/** Why a value is no resource, or undefined. A reference of CloudFormation is one, though it stands for nothing before it is replaced. */
function resourceProblem(value: Json): string | undefined {
  if (isObject(value)) {
    const [name, ...more] = Object.keys(value);
    if (more.length === 0 && name !== undefined && /^(Ref|Fn::[A-Za-z0-9]+)$/.test(name)) return undefined;
  }
  if (typeof value !== 'string' || value === '') return `expected the name of a Task, found ${show(value)}`;
  if (/\$\{[^}]*$/.test(value)) return `expected a closing brace for "\${", found ${show(value)}`;
  const isFunction = /^arn:[^:]*:lambda:[^:]*:[^:]*:function:/.test(value);
  return isFunction && !QUALIFIED.test(value)
    ? `expected the ARN of a function, with or without a version or an alias, found ${show(value)}`
    : undefined;
}
