// What is wrong with a state machine before it runs: names that lead nowhere, and states nothing leads to.

import { isObject, type JsonObject } from '../../kernel/json.ts';
import { didYouMean, type Findings, type Path, quote } from '../problems.ts';

/** The state machine in `spec` once the schema has passed. */
export function checkStates(spec: JsonObject, path: Path, findings: Findings, _warnings: Findings): void {
  const statesField = spec['states'] === undefined ? 'States' : 'states';
  const startField = spec['startAt'] === undefined && spec['StartAt'] !== undefined ? 'StartAt' : 'startAt';
  const states = spec[statesField];
  const start = spec[startField];
  if (start === undefined) findings.add([...path, 'startAt'], 'Required', 'required, and not there');
  else if (isObject(states) && !Object.hasOwn(states, String(start))) {
    const hint = didYouMean(String(start), Object.keys(states));
    findings.add(
      [...path, startField],
      'NotFound',
      `expected the name of a state, found ${quote(String(start))}${hint}`,
    );
  }
}
