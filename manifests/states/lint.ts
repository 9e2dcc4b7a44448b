// What is wrong with a state machine before it runs: fields that are not there or not legal, names that lead
// nowhere, paths that are none, states that nothing leads to.
//
// Owns: the rules for machines and states, in both ways of writing (fields.ts). Comparisons are in choice.ts, the
// syntax of paths in query.ts. Nothing here runs anything.
//
// L1  recursion follows machines inside machines only, which admission bounds by the depth of documents.

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { instantProblem } from '../executors.ts';
import { type Findings, type Path, quote, show } from '../problems.ts';
import { checkRule, isJsonataText } from './choice.ts';
import { checkNumber, checkOneOf, checkTarget, type Names } from './checks.ts';
import { checkMap } from './check-map.ts';
import { checkTask } from './check-task.ts';
import { checkFailures } from './failures.ts';
import { Fields, STATE_FIELDS, type StateType, statesOf, typeOf, words } from './fields.ts';
import { checkPayloads, checkVariables } from './payload.ts';
import { intrinsicProblem, isIntrinsic } from './calls.ts';
import { pathProblem } from './paths.ts';

interface Context {
  readonly findings: Findings;
  readonly warnings: Findings;
  /** Names of all states, of the machines inside machines too: they must differ. */
  readonly names: Set<string>;
  readonly isJsonata: boolean;
  /** The whole document is JSONata: no state of it may be JSONPath. */
  readonly isJsonataOnly: boolean;
}

/** The state machine in the spec of a Workflow. */
export function checkStates(spec: JsonObject, path: Path, findings: Findings, warnings: Findings): void {
  const machine = new Fields(spec, path, findings);
  const isJsonata = machine.get('queryLanguage')?.value === 'JSONata';
  checkMachine(machine, { findings, warnings, names: new Set(), isJsonata, isJsonataOnly: isJsonata });
}

function checkMachine(machine: Fields, context: Context): void {
  const { findings } = context;
  const states = statesOf(machine, findings);
  const names = new Map(states.map(({ name }, index) => [name, index]));
  const start = machine.get('startAt');
  if (start === undefined) findings.add(machine.pathOf('startAt'), 'Required', 'required, and not there');
  else checkTarget(start.value, start.path, names, findings);
  const targets: string[][] = [];
  let hasEnd = false;
  for (const { name, state } of states) {
    if (findings.isFull) return;
    if (context.names.has(name)) {
      findings.add(state.path, 'Duplicate', `expected names of states to be different, found ${quote(name)} again`, {
        atKey: true,
      });
    }
    context.names.add(name);
    const checked = checkState(state, names, context);
    targets.push(checked.targets);
    hasEnd ||= checked.isEnd;
  }
  if (!findings.isEmpty || states.length === 0) return;
  if (!hasEnd)
    findings.add(
      machine.pathOf('states'),
      'Invalid',
      'expected a state that ends (Success, Fail, or end: true), found none',
    );
  // AWS refuses such a document; in our letters it may be one that is being written.
  const isAsl = machine.written('states') === 'States';
  sayUnreachable(states, String(start?.value as string), names, targets, isAsl ? findings : context.warnings);
}

function sayUnreachable(
  states: readonly { name: string; state: Fields }[],
  start: string,
  names: Names,
  targets: readonly (readonly string[])[],
  findings: Findings,
): void {
  const reached = new Set([start]);
  for (const name of reached) for (const target of targets[names.get(name) ?? -1] ?? []) reached.add(target);
  for (const { name, state } of states) {
    if (!reached.has(name))
      findings.add(state.path, 'Invalid', `nothing leads to the state ${quote(name)}`, { atKey: true });
  }
}

interface CheckedState {
  /** Names of the states that may come next. */
  readonly targets: string[];
  readonly isEnd: boolean;
}

function checkState(state: Fields, names: Names, outer: Context): CheckedState {
  const { findings } = outer;
  const language = state.get('queryLanguage')?.value;
  if (language !== undefined && language !== 'JSONata' && (language !== 'JSONPath' || outer.isJsonataOnly)) {
    findings.add(
      state.pathOf('queryLanguage'),
      'NotSupported',
      `expected JSONata${outer.isJsonataOnly ? '' : ' or JSONPath'}, found ${show(language)}`,
    );
  }
  const context = language === undefined ? outer : { ...outer, isJsonata: language === 'JSONata' };
  const type = typeOf(state, findings);
  if (type === undefined) return { targets: [], isEnd: true };
  state.refuseOthers(fieldsFor(type, context.isJsonata), `a state of type ${type}`, findings);
  const targets = [
    ...checkMoves(state, type, names, findings),
    ...checkFailures(state, names, context.isJsonata, findings),
  ];
  checkPathFields(state, findings);
  checkPayloads(state, context.isJsonata, findings);
  checkVariables(state, findings);
  checkByType(state, type, context);
  if (type === 'Choice') targets.push(...checkChoices(state, names, context));
  return { targets, isEnd: type === 'Succeed' || type === 'Fail' || state.get('end')?.value === true };
}

const ONLY_JSONPATH = new Set(
  words(`inputPath outputPath resultPath parameters resultSelector result secondsPath timestampPath
    timeoutSecondsPath heartbeatSecondsPath itemsPath maxConcurrencyPath errorPath causePath
    toleratedFailurePercentagePath toleratedFailureCountPath`),
);
const ONLY_JSONATA = new Set(['arguments', 'output', 'items']);

function fieldsFor(type: StateType, isJsonata: boolean): ReadonlySet<string> {
  const fields = [...(STATE_FIELDS.get(type) ?? [])];
  return new Set(fields.filter((field) => !(isJsonata ? ONLY_JSONPATH : ONLY_JSONATA).has(field)));
}

function checkMoves(state: Fields, type: StateType, names: Names, findings: Findings): string[] {
  if (type === 'Choice' || type === 'Succeed' || type === 'Fail') return [];
  const next = state.get('next');
  const end = state.get('end');
  if (end !== undefined && typeof end.value !== 'boolean')
    findings.add(end.path, 'TypeInvalid', `expected true or false, found ${show(end.value)}`);
  if (next === undefined && end?.value !== true)
    findings.add(state.pathOf('next'), 'Required', 'required unless end is true, and not there');
  else if (next !== undefined && end?.value === true)
    findings.add(next.path, 'Invalid', 'expected next or end: true, found both', { atKey: true });
  return next === undefined ? [] : checkTarget(next.value, next.path, names, findings);
}

/** Fields that hold a path; the value says whether it must name one place, and whether null or an intrinsic will do. */
const PATHS: ReadonlyMap<string, { reference?: true; null?: true; intrinsic?: true }> = new Map([
  ['inputPath', { null: true }],
  ['outputPath', { null: true }],
  ['resultPath', { null: true, reference: true }],
  ['itemsPath', {}],
  ['secondsPath', {}],
  ['timestampPath', {}],
  ['timeoutSecondsPath', {}],
  ['heartbeatSecondsPath', {}],
  ['maxConcurrencyPath', {}],
  ['toleratedFailureCountPath', {}],
  ['toleratedFailurePercentagePath', {}],
  ['errorPath', { intrinsic: true }],
  ['causePath', { intrinsic: true }],
]);

function checkPathFields(state: Fields, findings: Findings): void {
  for (const [name, rules] of PATHS) {
    const field = state.get(name);
    if (field === undefined || (field.value === null && rules.null === true)) continue;
    const value = field.value;
    let problem: string | undefined;
    if (typeof value !== 'string') problem = 'expected a path as a text';
    else if (rules.intrinsic === true && isIntrinsic(value)) problem = intrinsicProblem(value);
    else problem = pathProblem(value, rules.reference === true ? 'reference' : 'path');
    if (problem !== undefined) findings.add(field.path, 'Invalid', `${problem}, found ${show(value)}`);
  }
}

const SECONDS_LIMIT = 99_999_999;

function checkByType(state: Fields, type: StateType, context: Context): void {
  const { findings } = context;
  switch (type) {
    case 'Wait':
      checkOneOf(state, ['seconds', 'secondsPath', 'timestamp', 'timestampPath'], findings, true);
      checkNumber(state, 'seconds', 0, SECONDS_LIMIT, context);
      if (!context.isJsonata || !isJsonataText(state.get('timestamp')?.value)) checkInstant(state, findings);
      return;
    case 'Task':
      checkTask(state, context);
      return;
    case 'Fail':
      checkOneOf(state, ['error', 'errorPath'], findings, false);
      checkOneOf(state, ['cause', 'causePath'], findings, false);
      for (const name of ['error', 'cause']) checkText(state, name, findings);
      return;
    case 'Parallel':
      checkBranches(state, context);
      return;
    case 'Map':
      checkMap(state, context);
      for (const name of ['itemProcessor', 'iterator']) {
        const field = state.get(name);
        if (field !== undefined) checkInner(field.value, field.path, context);
      }
      return;
    case 'Choice':
    case 'Pass':
    case 'Succeed':
      return;
  }
}

function checkText(state: Fields, name: string, findings: Findings): void {
  const field = state.get(name);
  if (field !== undefined && typeof field.value !== 'string')
    findings.add(field.path, 'TypeInvalid', `expected a text, found ${show(field.value)}`);
}

function checkInstant(state: Fields, findings: Findings): void {
  const field = state.get('timestamp');
  if (field === undefined) return;
  const problem =
    typeof field.value === 'string' ? instantProblem(field.value) : `expected an instant, found ${show(field.value)}`;
  if (problem !== undefined) findings.add(field.path, 'Invalid', problem);
}

function checkBranches(state: Fields, context: Context): void {
  const { findings } = context;
  const branches = state.get('branches');
  if (branches === undefined) findings.add(state.pathOf('branches'), 'Required', 'required, and not there');
  else if (!Array.isArray(branches.value) || branches.value.length === 0) {
    findings.add(
      branches.path,
      'Invalid',
      `expected a list of state machines that is not empty, found ${show(branches.value)}`,
    );
  } else branches.value.forEach((branch, index) => checkInner(branch, [...branches.path, index], context));
}

const MACHINE_FIELDS = new Set([
  'startAt',
  'states',
  'comment',
  'queryLanguage',
  'processorConfig',
  'timeoutSeconds',
  'version',
]);

/** A machine inside a state. */
function checkInner(value: Json, path: Path, context: Context): void {
  if (!isObject(value)) {
    context.findings.add(path, 'TypeInvalid', `expected a state machine as a mapping, found ${show(value)}`);
    return;
  }
  const machine = new Fields(value, path, context.findings);
  machine.refuseOthers(MACHINE_FIELDS, 'a state machine', context.findings);
  const language = machine.get('queryLanguage')?.value;
  const isJsonata = language === undefined ? context.isJsonata : language === 'JSONata';
  checkMachine(machine, { ...context, isJsonata });
}

function checkChoices(state: Fields, names: Names, context: Context): string[] {
  const { findings } = context;
  const targets: string[] = [];
  const choices = state.get('choices');
  if (choices === undefined) findings.add(state.pathOf('choices'), 'Required', 'required, and not there');
  else if (!Array.isArray(choices.value) || choices.value.length === 0) {
    findings.add(choices.path, 'Invalid', `expected a list of rules that is not empty, found ${show(choices.value)}`);
  } else {
    for (const [index, value] of choices.value.entries()) {
      const path = [...choices.path, index];
      if (!isObject(value)) {
        findings.add(path, 'TypeInvalid', `expected a rule as a mapping, found ${show(value)}`);
        continue;
      }
      const rule = new Fields(value, path, findings);
      const next = rule.get('next');
      if (next === undefined) findings.add(rule.pathOf('next'), 'Required', 'required, and not there');
      else targets.push(...checkTarget(next.value, next.path, names, findings));
      checkRule(rule, context.isJsonata, findings);
      checkVariables(rule, findings);
    }
  }
  const fallback = state.get('default');
  if (fallback !== undefined) targets.push(...checkTarget(fallback.value, fallback.path, names, findings));
  return targets;
}
