// Payload templates of a state: data in which a field whose name ends in `.$` holds a path or a call of an intrinsic
// function (JSONPath), or a text `{% ... %}` an expression (JSONata).

import { isObject, type Json } from '../../kernel/json.ts';
import { type Findings, type Path, show } from '../problems.ts';
import { isJsonataText } from './choice.ts';
import type { Fields } from './fields.ts';
import { expressionProblem } from './jsonata.ts';
import { intrinsicProblem, isIntrinsic, pathProblem } from './query.ts';

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

function checkExpressions(value: Json, path: Path, findings: Findings): void {
  if (findings.isFull) return;
  if (Array.isArray(value)) value.forEach((item, index) => checkExpressions(item, [...path, index], findings));
  else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) checkExpressions(inner, [...path, key], findings);
  } else if (typeof value === 'string' && isJsonataText(value)) {
    const problem = expressionProblem(value);
    if (problem !== undefined) findings.add(path, 'Invalid', `${problem}, found ${show(value)}`);
  }
}

function checkTemplate(value: Json, path: Path, findings: Findings): void {
  if (findings.isFull) return;
  if (Array.isArray(value)) value.forEach((item, index) => checkTemplate(item, [...path, index], findings));
  if (!isObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key.endsWith('.$')) checkQuery(inner, [...path, key], findings);
    else checkTemplate(inner, [...path, key], findings);
  }
}

function checkQuery(value: Json, path: Path, findings: Findings): void {
  let problem: string | undefined;
  if (typeof value !== 'string') problem = 'expected a path or a call of an intrinsic function';
  else problem = isIntrinsic(value) ? intrinsicProblem(value) : pathProblem(value);
  if (problem !== undefined) findings.add(path, 'Invalid', `${problem}, found ${show(value)}`);
}
