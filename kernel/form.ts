// What a node that waits for a Signal asks people for: the fields of its schema, in words.
//
// A schema can say more than a form can ask; what is not understood here is asked for as JSON, and the whole is checked in the end.

import { isObject, type Json, type JsonObject, textAt } from './json.ts';
import type { Node } from './node.ts';
import type { Run } from './run.ts';

export interface FormField {
  /** Null: the answer as a whole, not a field of it. */
  readonly name: string | null;
  readonly label: string;
  readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'texts' | 'json';
  /** For `choice`. */
  readonly choices: readonly Json[];
  readonly isRequired: boolean;
  /** Absent: none. */
  readonly default?: Json;
  readonly schema: JsonObject;
}

export function fieldsOf(schema: JsonObject): FormField[] {
  const { properties } = schema;
  if (!isObject(properties)) return [fieldOf(null, schema, true)];
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  return Object.entries(properties).flatMap(([name, inner]) =>
    isObject(inner) ? [fieldOf(name, inner, required.has(name))] : [],
  );
}

function fieldOf(name: string | null, schema: JsonObject, isRequired: boolean): FormField {
  const { enum: choices } = schema;
  const label = textAt(schema, 'title') || textAt(schema, 'description');
  const kind = Array.isArray(choices) ? 'choice' : kindOf(schema);
  const given = schema['default'];
  return {
    name,
    label,
    kind,
    choices: Array.isArray(choices) ? choices : [],
    isRequired,
    ...(given === undefined ? {} : { default: given }),
    schema,
  };
}

function kindOf(schema: JsonObject): Exclude<FormField['kind'], 'choice'> {
  switch (schema['type']) {
    case 'string':
      return 'text';
    case 'number':
    case 'integer':
    case 'boolean':
      return schema['type'];
    case 'array':
      return textAt(schema['items'], 'type') === 'string' ? 'texts' : 'json';
    default:
      return 'json';
  }
}

const WORDS: Readonly<Record<FormField['kind'], string>> = {
  text: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'yes or no',
  choice: '',
  texts: 'texts, with commas between them',
  json: 'JSON',
};

/** `yes or no, required`: what may be answered. */
export function askWords({ kind, choices, isRequired, default: given }: FormField): string {
  const what = kind === 'choice' ? choices.map(plain).join(', ') : WORDS[kind];
  const need = given !== undefined ? `default ${plain(given)}` : isRequired ? '' : 'optional';
  return need === '' ? what : `${what}; ${need}`;
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A line for each field that a node asks for; none when anything will do. */
export function formLines(node: Node): string[] {
  const { executor } = node.task;
  if (executor.type !== 'signal' || executor.schema === undefined) return [];
  return fieldsOf(executor.schema).map((field) => {
    const label = field.label === '' ? '' : `  ${field.label}`;
    return `${field.name ?? 'data'}: ${askWords(field)}${label}`;
  });
}

/** Nodes that wait for a Signal of that name, or will. */
function asking(run: Run, name: string): Node[] {
  return [...run.nodes.values()].filter(
    ({ isTerminal, task: { executor } }) => !isTerminal && executor.type === 'signal' && executor.name === name,
  );
}

/** Does a sign of life that is no answer have a use there? */
export function hearsBeats(run: Run, name: string): boolean {
  return asking(run, name).some(({ task }) => task.heartbeatSeconds !== undefined);
}

/** What a Signal of that name must say, by the nodes that wait for it or will, those that wait first. Empty: anything will do. */
export function formsOf(run: Run, name: string): JsonObject[] {
  const nodes = asking(run, name);
  nodes.sort((left, right) => Number(right.state === 'WAITING') - Number(left.state === 'WAITING'));
  const forms = nodes.map(({ task: { executor } }) => (executor.type === 'signal' ? executor.schema : undefined));
  return forms.every((form) => form !== undefined) ? forms : [];
}
