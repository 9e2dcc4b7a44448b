// The rules of a Choice state: a comparison, or rules joined by and, or, not. In our letters a rule may carry its
// comparison as `condition: {variable, ...}`.

import { isObject, type Json } from '../../kernel/json.ts';
import { Fields } from './fields.ts';
import { didYouMean, type Findings, type Path, show } from '../problems.ts';
import { instantProblem } from '../executors.ts';
import { pathProblem } from './paths.ts';

type Operand = 'string' | 'number' | 'boolean' | 'timestamp' | 'path';

const COMPARISONS = ['Equals', 'LessThan', 'GreaterThan', 'LessThanEquals', 'GreaterThanEquals'];

/** Comparison operators in our letters, with what they compare to. */
const OPERATORS: ReadonlyMap<string, Operand> = new Map<string, Operand>([
  ...operators('string', 'string'),
  ...operators('numeric', 'number'),
  ...operators('timestamp', 'timestamp'),
  ['booleanEquals', 'boolean'],
  ['booleanEqualsPath', 'path'],
  ['stringMatches', 'string'],
  ...['isNull', 'isPresent', 'isNumeric', 'isString', 'isBoolean', 'isTimestamp'].map((name): [string, Operand] => [
    name,
    'boolean',
  ]),
]);

function operators(prefix: string, operand: Operand): [string, Operand][] {
  return COMPARISONS.flatMap((name): [string, Operand][] => [
    [prefix + name, operand],
    [`${prefix}${name}Path`, 'path'],
  ]);
}

/** Fields of a rule that are not its comparison. */
const AROUND = new Set(['next', 'comment', 'assign', 'output', 'condition', 'variable', 'and', 'or', 'not']);

/** Checks the comparison of a rule; `next` is checked by whoever knows the states. */
export function checkRule(rule: Fields, isJsonata: boolean, findings: Findings): void {
  const condition = rule.get('condition');
  if (isObject(condition?.value)) {
    checkRule(new Fields(condition.value, condition.path, findings), isJsonata, findings);
    return;
  }
  if (isJsonata || condition !== undefined) {
    checkJsonataCondition(rule, isJsonata, findings);
    return;
  }
  const joined = ['and', 'or', 'not'].filter((name) => rule.has(name));
  const compared = rule.names().filter((name) => OPERATORS.has(name));
  const unknown = rule.names().filter((name) => !OPERATORS.has(name) && !AROUND.has(name));
  for (const name of unknown) {
    findings.add(rule.pathOf(name), 'Unknown', `unknown field in a choice rule${didYouMean(name, OPERATORS.keys())}`, {
      atKey: true,
    });
  }
  if (unknown.length > 0) return;
  if (joined.length + compared.length !== 1) {
    const found = [...joined, ...compared].join(' and ') || 'none';
    findings.add(rule.path, 'Invalid', `expected exactly one comparison, or one of and, or, not; found ${found}`);
  } else if (joined[0] !== undefined) checkJoined(joined[0], rule, findings);
  else if (compared[0] !== undefined) checkComparison(compared[0], rule, findings);
}

function checkJsonataCondition(rule: Fields, isJsonata: boolean, findings: Findings): void {
  const condition = rule.get('condition');
  if (condition === undefined)
    findings.add(rule.pathOf('condition'), 'Required', 'required with JSONata, and not there');
  else if (!isJsonata)
    findings.add(
      condition.path,
      'Invalid',
      `expected a mapping with variable and a comparison, found ${show(condition.value)}`,
    );
  else if (typeof condition.value !== 'boolean' && !isJsonataText(condition.value)) {
    findings.add(
      condition.path,
      'Invalid',
      `expected "{% expression %}" or true or false, found ${show(condition.value)}`,
    );
  }
}

export function isJsonataText(value: Json | undefined): boolean {
  return typeof value === 'string' && value.startsWith('{%') && value.endsWith('%}') && value.length >= 4;
}

function checkJoined(name: string, rule: Fields, findings: Findings): void {
  const field = rule.get(name);
  if (field === undefined) return;
  const inner: readonly (readonly [Json, Path])[] =
    name === 'not'
      ? [[field.value, field.path]]
      : Array.isArray(field.value)
        ? field.value.map((value, index) => [value, [...field.path, index]] as const)
        : [];
  if (inner.length === 0)
    findings.add(field.path, 'Invalid', `expected a list of rules that is not empty, found ${show(field.value)}`);
  for (const [value, path] of inner) {
    if (!isObject(value)) findings.add(path, 'TypeInvalid', `expected a rule as a mapping, found ${show(value)}`);
    else {
      const nested = new Fields(value, path, findings);
      if (nested.has('next'))
        findings.add(nested.pathOf('next'), 'Forbidden', 'only the outermost rule may have next', { atKey: true });
      checkRule(nested, false, findings);
    }
  }
}

function checkComparison(name: string, rule: Fields, findings: Findings): void {
  const variable = rule.get('variable');
  if (variable === undefined) findings.add(rule.pathOf('variable'), 'Required', 'required, and not there');
  else reportPath(variable.value, variable.path, findings);
  const field = rule.get(name);
  const operand = OPERATORS.get(name);
  if (field === undefined || operand === undefined) return;
  if (operand === 'path') reportPath(field.value, field.path, findings);
  else if (operand === 'timestamp') {
    const problem =
      typeof field.value === 'string' ? instantProblem(field.value) : `expected an instant, found ${show(field.value)}`;
    if (problem !== undefined) findings.add(field.path, 'Invalid', problem);
  } else if (typeof field.value !== operand) {
    findings.add(
      field.path,
      'TypeInvalid',
      `expected a ${operand === 'string' ? 'text' : operand}, found ${show(field.value)}`,
    );
  }
}

function reportPath(value: Json, path: Path, findings: Findings): void {
  const problem = typeof value === 'string' ? pathProblem(value) : 'expected a path as a text';
  if (problem !== undefined) findings.add(path, 'Invalid', `${problem}, found ${show(value)}`);
}
