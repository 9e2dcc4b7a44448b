// `retry` and `catch` of a state: a list of rules, or in our letters a single one; which errors each is for, and where a
// caught failure goes on.

import { isObject, type Json } from '../../kernel/json.ts';
import { type Findings, type Path, show } from '../problems.ts';
import { Fields, words } from './fields.ts';
import { checkNumber, checkTarget } from './checks.ts';
import { pathProblem } from './paths.ts';
import { checkVariables } from './payload.ts';

const COUNT_LIMIT = 99_999_999;
const DELAY_LIMIT_SECONDS = 31_622_400;

const RETRY_FIELDS = new Set(
  words('errorEquals errorType maxAttempts intervalSeconds backoffRate maxDelaySeconds jitterStrategy jitter comment'),
);
const CATCH_FIELDS = new Set(['errorEquals', 'errorType', 'next', 'resultPath', 'comment', 'assign', 'output']);

/** Returns the names of the states that a caught failure leads to. */
export function checkFailures(
  state: Fields,
  names: ReadonlyMap<string, number>,
  isJsonata: boolean,
  findings: Findings,
): string[] {
  const context = { isJsonata, findings };
  checkNumber(state, 'maxRetries', 0, COUNT_LIMIT, context);
  for (const rule of rulesOf(state, 'retry', findings)) {
    rule.refuseOthers(RETRY_FIELDS, 'a retry rule', findings);
    checkErrors(rule, findings, state.path.length);
    checkNumber(rule, 'maxAttempts', 0, COUNT_LIMIT, context);
    for (const name of ['intervalSeconds', 'maxDelaySeconds']) {
      const isAsl = rule.written(name).startsWith(name.charAt(0).toUpperCase());
      // In our letters a retry may come at once, or after part of a second.
      if (isAsl) checkNumber(rule, name, 1, DELAY_LIMIT_SECONDS, context);
      else checkNumber(rule, name, 0, DELAY_LIMIT_SECONDS, context, 'any');
    }
    checkNumber(rule, 'backoffRate', 1, COUNT_LIMIT, context, 'any');
    const jitter = rule.get('jitterStrategy');
    if (jitter !== undefined && jitter.value !== 'FULL' && jitter.value !== 'NONE') {
      findings.add(jitter.path, 'NotSupported', `expected FULL or NONE, found ${show(jitter.value)}`);
    }
  }
  const targets: string[] = [];
  for (const rule of rulesOf(state, 'catch', findings)) {
    rule.refuseOthers(CATCH_FIELDS, 'a catch rule', findings);
    checkErrors(rule, findings, state.path.length);
    checkResultPath(rule, findings);
    checkVariables(rule, findings);
    const next = rule.get('next');
    if (next === undefined) findings.add(rule.pathOf('next'), 'Required', 'required, and not there');
    else targets.push(...checkTarget(next.value, next.path, names, findings));
  }
  return targets;
}

function rulesOf(state: Fields, name: string, findings: Findings): Fields[] {
  const field = state.get(name);
  if (field === undefined) return [];
  if (!Array.isArray(field.value) && /^[A-Z]/.test(String(field.path.at(-1)))) {
    findings.add(field.path, 'TypeInvalid', `expected a list of rules, found ${show(field.value)}`);
    return [];
  }
  const rules: readonly (readonly [Json, Path])[] = Array.isArray(field.value)
    ? field.value.map((value, index) => [value, [...field.path, index]] as const)
    : [[field.value, field.path]];
  const all = rules.findIndex(([rule]) => isForAll(rule));
  if (all !== -1 && all < rules.length - 1)
    findings.add(
      [...field.path, all],
      'Invalid',
      `expected the rule for States.ALL to be the last, found ${rules.length - 1 - all} behind it`,
    );
  return rules.flatMap(([value, path]) => {
    if (isObject(value)) return [new Fields(value, path, findings)];
    findings.add(path, 'TypeInvalid', `expected a rule as a mapping, found ${show(value)}`);
    return [];
  });
}

function isForAll(rule: Json): boolean {
  const names = isObject(rule) ? (rule['ErrorEquals'] ?? rule['errorEquals']) : undefined;
  return Array.isArray(names) && names.includes('States.ALL');
}

/** A list under errorEquals, or one name under errorType. A rule without either, in our letters, is for all errors. */
function checkErrors(rule: Fields, findings: Findings, stateDepth: number): void {
  const list = rule.get('errorEquals');
  const single = rule.get('errorType');
  if (list !== undefined && single !== undefined) {
    findings.add(single.path, 'Invalid', 'expected errorEquals or errorType, found both', { atKey: true });
  }
  if (single !== undefined && (typeof single.value !== 'string' || single.value === '')) {
    findings.add(single.path, 'TypeInvalid', `expected the name of an error, found ${show(single.value)}`);
  }
  if (list === undefined) {
    const isListed = typeof rule.path[stateDepth + 1] === 'number';
    const isAsl = rule.path[stateDepth] === 'Retry' || rule.path[stateDepth] === 'Catch';
    if (single === undefined && isAsl && isListed)
      findings.add(rule.pathOf('ErrorEquals'), 'Required', 'required, and not there');
  } else if (!Array.isArray(list.value) || list.value.length === 0) {
    findings.add(
      list.path,
      'Invalid',
      `expected a list of names of errors, non-empty required, found ${show(list.value)}`,
    );
  } else {
    for (const [index, name] of list.value.entries()) {
      if (typeof name !== 'string' || name === '') {
        findings.add([...list.path, index], 'TypeInvalid', `expected the name of an error, found ${show(name)}`);
      }
    }
    if (list.value.length > 1 && list.value.includes('States.ALL')) {
      findings.add(list.path, 'Invalid', 'expected States.ALL to stand alone, found other errors beside it');
    }
  }
}

function checkResultPath(rule: Fields, findings: Findings): void {
  const field = rule.get('resultPath');
  if (field === undefined || field.value === null) return;
  const problem = typeof field.value === 'string' ? pathProblem(field.value, 'reference') : 'expected a path as a text';
  if (problem !== undefined) findings.add(field.path, 'Invalid', `${problem}, found ${show(field.value)}`);
}
