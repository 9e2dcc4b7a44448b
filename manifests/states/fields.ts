// The two ways of writing a state machine as one: Amazon States Language (`StartAt`, `Next`, `Succeed`) and our own
// letters (`startAt`, `next`, `Success`). Readers ask for a field by its name in our letters and get its value and its path
// as it was written.
//
// Owns: which fields there are, for each type of state. Does not own: what is legal in them (lint.ts).

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { EXECUTOR_FIELDS } from '../executors.ts';
import { didYouMean, type Findings, type Path, show } from '../problems.ts';

export interface Field {
  readonly value: Json;
  /** As it was written. */
  readonly path: Path;
}

/** An object of a state machine: fields by their name in our letters. */
export class Fields {
  readonly path: Path;
  readonly #fields = new Map<string, Field>();
  readonly #isAsl: boolean;

  /** Fields that came in both letters are findings. */
  constructor(object: JsonObject, path: Path, findings: Findings) {
    this.path = path;
    this.#isAsl = Object.keys(object).some((key) => /^[A-Z]/.test(key));
    for (const [key, value] of Object.entries(object)) {
      const name = canonicalName(key);
      if (this.#fields.has(name)) {
        findings.add([...path, key], 'Duplicate', `expected one of ${name} and ${key}, found both`, { atKey: true });
      }
      this.#fields.set(name, { value, path: [...path, key] });
    }
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  get(name: string): Field | undefined {
    return this.#fields.get(name);
  }

  names(): readonly string[] {
    return [...this.#fields.keys()];
  }

  pathOf(name: string): Path {
    return this.#fields.get(name)?.path ?? [...this.path, this.written(name)];
  }

  /** The name as it is, or would be, written here. */
  written(name: string): string {
    const key = this.#fields.get(name)?.path.at(-1);
    if (typeof key === 'string') return key;
    return this.#isAsl ? name.charAt(0).toUpperCase() + name.slice(1) : name;
  }

  /** Adds a finding for each field that is not known here. */
  refuseOthers(known: ReadonlySet<string>, where: string, findings: Findings): void {
    for (const [name, field] of this.#fields) {
      if (known.has(name)) continue;
      const message = `unknown field in ${where}${didYouMean(
        String(field.path.at(-1)),
        [...known].map((other) => this.written(other)),
      )}`;
      findings.add(field.path, 'Unknown', message, { atKey: true });
    }
  }
}

/** `StartAt` is `startAt`; everything else is as it stands. */
function canonicalName(key: string): string {
  const name = key.charAt(0).toLowerCase() + key.slice(1);
  return SYNONYMS.get(name) ?? name;
}

const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['timeout', 'timeoutSeconds'],
  ['max_retries', 'maxRetries'],
  ['backoffMultiplier', 'backoffRate'],
]);

export type StateType = 'Task' | 'Choice' | 'Wait' | 'Parallel' | 'Map' | 'Pass' | 'Succeed' | 'Fail';

/** The type of a state, `Success` being `Succeed`; undefined with a finding when it has none. */
export function typeOf(state: Fields, findings: Findings): StateType | undefined {
  const field = state.get('type');
  const type = field?.value === 'Success' ? 'Succeed' : field?.value;
  if (typeof type === 'string' && STATE_FIELDS.has(type as StateType)) return type as StateType;
  const known = [...STATE_FIELDS.keys()];
  const hint = typeof type === 'string' ? didYouMean(type, known) : '';
  if (field === undefined)
    findings.add(state.pathOf('type'), 'Required', `required, expected one of ${known.join(', ')}`);
  else
    findings.add(field.path, 'NotSupported', `expected one of ${known.join(', ')}, found ${show(field.value)}${hint}`);
  return undefined;
}

const ALL = 'type comment queryLanguage display';
const LEAVES = 'output assign';
const MOVES = `next end ${LEAVES}`;
const IO = 'inputPath outputPath';
const WORK = `${MOVES} ${IO} parameters arguments resultPath resultSelector retry catch maxRetries`;
const LIMITS = 'timeoutSeconds timeoutSecondsPath heartbeatSeconds heartbeatSecondsPath';
const TASK = `resource credentials ${LIMITS} ${EXECUTOR_FIELDS.join(' ')} env workingDir inputSchema outputSchema compensate waitForSignal`;
const MAP = `itemProcessor iterator itemsPath items itemSelector maxConcurrency maxConcurrencyPath itemReader itemBatcher
  resultWriter label toleratedFailurePercentage toleratedFailurePercentagePath toleratedFailureCount toleratedFailureCountPath`;

const ROWS: readonly (readonly [StateType, string])[] = [
  ['Pass', `${MOVES} ${IO} parameters result resultPath`],
  ['Task', `${WORK} ${TASK}`],
  ['Choice', `${IO} ${LEAVES} choices default`],
  ['Wait', `${MOVES} ${IO} seconds secondsPath timestamp timestampPath`],
  ['Succeed', `${IO} output`],
  ['Fail', 'error errorPath cause causePath'],
  ['Parallel', `${WORK} branches`],
  ['Map', `${WORK} ${MAP}`],
];

export function words(text: string): string[] {
  return text.split(/\s+/);
}

/** Fields of each type of state, in our letters. */
export const STATE_FIELDS: ReadonlyMap<StateType, ReadonlySet<string>> = new Map(
  ROWS.map(([type, fields]) => [type, new Set(words(`${ALL} ${fields}`))]),
);

/** The states of a machine in order; entries that are no mappings are findings. */
export function statesOf(machine: Fields, findings: Findings): { name: string; state: Fields }[] {
  const field = machine.get('states');
  if (!isObject(field?.value)) {
    if (field === undefined) findings.add(machine.pathOf('states'), 'Required', 'required, and not there');
    else findings.add(field.path, 'TypeInvalid', `expected a mapping of states by name, found ${show(field.value)}`);
    return [];
  }
  const states: { name: string; state: Fields }[] = [];
  for (const [name, value] of Object.entries(field.value)) {
    const path = [...field.path, name];
    if (isObject(value)) states.push({ name, state: new Fields(value, path, findings) });
    else findings.add(path, 'TypeInvalid', `expected a state as a mapping, found ${show(value)}`);
  }
  return states;
}
