// Payload templates of a state: data in which a field whose name ends in `.$` holds a path or a call of an intrinsic
// function (JSONPath), or a text `{% ... %}` an expression (JSONata).

import { isObject, type Json } from '../../kernel/json.ts';
import { type Findings, type Path, show } from '../problems.ts';
import { isJsonataText } from './choice.ts';
import type { Fields } from './fields.ts';
import { expressionProblem } from './jsonata.ts';
import { intrinsicProblem, isIntrinsic } from './calls.ts';
import { pathProblem } from './paths.ts';

/** Fields with states of their own. */
const MACHINES = new Set(['branches', 'itemProcessor', 'iterator']);
const TEMPLATES = ['parameters', 'resultSelector', 'itemSelector', 'assign', 'credentials'];

/** Depth is that of the document, which is bounded. */
export function checkPayloads(state: Fields, isJsonata: boolean, findings: Findings): void {
  if (isJsonata) {
    for (const name of state.names()) {
      const field = state.get(name);
      if (field !== undefined && !MACHINES.has(name)) checkExpressions(field.value, field.path, findings);
    }
    return;
  }
  for (const name of TEMPLATES) {
    const field = state.get(name);
    if (field !== undefined) checkTemplate(field.value, field.path, findings);
  }
}

const VARIABLE = /^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u;

/** The names of variables, of a state or of one of its rules. */
export function checkVariables(fields: Fields, findings: Findings): void {
  const assign = fields.get('assign');
  if (assign === undefined || isJsonataText(assign.value)) return;
  if (!isObject(assign.value)) {
    findings.add(assign.path, 'TypeInvalid', `expected a mapping of variables, found ${show(assign.value)}`);
    return;
  }
  for (const key of Object.keys(assign.value)) {
    const name = key.endsWith('.$') ? key.slice(0, -2) : key;
    const problem = VARIABLE.test(name)
      ? name === 'states'
        ? 'another name than states'
        : null
      : 'letters, digits and _, at most 80';
    if (problem !== null)
      findings.add([...assign.path, key], 'Invalid', `expected ${problem} for a variable, found ${show(name)}`, {
        atKey: true,
      });
  }
}

function checkExpressions(value: Json, path: Path, findings: Findings): void {
  if (findings.isFull) return;
  if (Array.isArray(value)) value.forEach((item, index) => checkExpressions(item, [...path, index], findings));
  else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) checkExpressions(inner, [...path, key], findings);
  } else if (typeof value === 'string' && isJsonataText(value)) {
    const problem = /^\{%\s.*\s%\}$/s.test(value)
      ? expressionProblem(value)
      : 'expected blanks behind {% and before %}';
    if (problem !== undefined) findings.add(path, 'Invalid', `${problem}, found ${show(value)}`);
  }
}

function checkTemplate(value: Json, path: Path, findings: Findings): void {
  if (findings.isFull) return;
  if (Array.isArray(value)) value.forEach((item, index) => checkTemplate(item, [...path, index], findings));
  if (!isObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!key.endsWith('.$')) checkTemplate(inner, [...path, key], findings);
    else {
      checkQuery(inner, [...path, key], findings);
      const name = key.slice(0, -2);
      if (Object.hasOwn(value, name))
        findings.add([...path, key], 'Duplicate', `expected one of ${name} and ${key}, found both`, { atKey: true });
    }
  }
}

function checkQuery(value: Json, path: Path, findings: Findings): void {
  let problem: string | undefined;
  if (typeof value !== 'string') problem = 'expected a path or a call of an intrinsic function';
  else if (isIntrinsic(value)) problem = intrinsicProblem(value);
  else if (value.startsWith('$')) problem = pathProblem(value);
  else problem = 'expected a path or a call, not a JSONPath or intrinsic function expression';
  if (problem !== undefined) findings.add(path, 'Invalid', `${problem}, found ${show(value)}`);
}
