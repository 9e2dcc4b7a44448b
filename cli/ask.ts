// Asks for the data of a Signal on a terminal, field by field, from the schema of the node that waits for it.
//
// Owns: how an answer is read. Does not own: what the fields are (kernel/form.ts), whether the whole is right (manifests/signal-form.ts).
//
// Q1  an answer that does not fit is told at once, and the same question comes again.

import { askWords, fieldsOf, type FormField } from '../kernel/form.ts';
import type { Json, JsonObject } from '../kernel/json.ts';
import { type DataChecks, dataMessage } from '../manifests/data-checks.ts';
import { clean } from './output/text.ts';

/** Null: nobody answers any more (Ctrl-C, Ctrl-D). */
export type Prompt = (question: string) => Promise<string | null>;

type Answer = { readonly value: Json } | { readonly problem: string } | 'skip';

/** Null when it was broken off. */
export async function askFor(
  schema: JsonObject,
  prompt: Prompt,
  checks: Pick<DataChecks, 'check'>,
): Promise<Json | null> {
  const data: [string, Json][] = [];
  for (const field of fieldsOf(schema)) {
    const answer = await askField(field, prompt, checks);
    if (answer === null) return null;
    if (field.name === null) return answer === 'skip' ? null : answer.value;
    if (answer !== 'skip') data.push([field.name, answer.value]);
  }
  return Object.fromEntries(data);
}

async function askField(
  field: FormField,
  prompt: Prompt,
  checks: Pick<DataChecks, 'check'>,
): Promise<Exclude<Answer, { problem: string }> | null> {
  let told = '';
  for (;;) {
    const line = await prompt(`${told}${questionOf(field)}`);
    if (line === null) return null;
    const answer = answerOf(field, line.trim());
    if (answer === 'skip') return answer;
    const problem = 'problem' in answer ? answer.problem : await problemOf(field, answer.value, checks);
    if (problem === null && 'value' in answer) return answer;
    told = `  ${clean(problem ?? '')}\n`;
  }
}

function questionOf(field: FormField): string {
  const label = field.label === '' ? '' : `${clean(field.label)}\n  `;
  return `${label}${clean(field.name ?? 'data')} (${clean(askWords(field))}): `;
}

/** References lead into the whole schema: such a field is checked with the whole. */
async function problemOf(field: FormField, value: Json, checks: Pick<DataChecks, 'check'>): Promise<string | null> {
  if (JSON.stringify(field.schema).includes('"$ref"')) return null;
  const problem = await checks.check(field.schema, value);
  return problem === undefined ? null : dataMessage(field.name ?? 'data', problem);
}

function answerOf(field: FormField, text: string): Answer {
  if (text === '') {
    if (field.default !== undefined) return { value: field.default };
    return field.isRequired ? { problem: 'an answer is required' } : 'skip';
  }
  switch (field.kind) {
    case 'text':
      return { value: text };
    case 'number':
    case 'integer': {
      const value = Number(text);
      return Number.isFinite(value) ? { value } : { problem: `expected a number, found ${JSON.stringify(text)}` };
    }
    case 'boolean':
      if (/^(y|yes|true)$/i.test(text)) return { value: true };
      return /^(n|no|false)$/i.test(text)
        ? { value: false }
        : { problem: `expected yes or no, found ${JSON.stringify(text)}` };
    case 'choice':
      return choiceOf(field, text);
    case 'texts':
      return {
        value: text
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== ''),
      };
    case 'json':
      return jsonOf(text);
  }
}

/** One of them in full, or as much of it as tells it from the others. */
function choiceOf({ choices }: FormField, text: string): Answer {
  const words = choices.map((choice) => (typeof choice === 'string' ? choice : JSON.stringify(choice)));
  const exact = words.indexOf(text);
  const near = words.flatMap((word, index) => (word.toLowerCase().startsWith(text.toLowerCase()) ? [index] : []));
  const found = choices[exact === -1 && near.length === 1 ? (near[0] ?? -1) : exact];
  return found === undefined
    ? { problem: `expected one of ${words.join(', ')}, found ${JSON.stringify(text)}` }
    : { value: found };
}

function jsonOf(text: string): Answer {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    return { problem: `expected JSON, such as "a text", 3 or ["a", "b"], found ${text.slice(0, 60)}` };
  }
}
