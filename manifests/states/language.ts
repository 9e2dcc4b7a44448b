// What goes into a state and comes out of it, in the two query languages: JSONPath (InputPath, Parameters, ResultSelector, ResultPath,
// OutputPath) and JSONata (Arguments, Output). Assign in both.
//
// Owns: the order in which these fields apply. Does not own: how they are evaluated (scope.ts, jsonata.ts).

import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import type { Random } from '../../kernel/ports.ts';
import type { TaskError } from '../../kernel/task.ts';
import type { Catcher, Choice, State } from './machine.ts';
import { ruleHolds } from './compare.ts';
import { evaluateText, fillTemplate, findAt, placeAt, type Scope, selectBy } from './scope.ts';
import { queryError, runtimeError } from './state-error.ts';

export type EvaluateJsonata = (template: Json, field: string, bindings: JsonObject) => Promise<Json>;

export interface Ports {
  readonly random: Random;
  readonly jsonata: EvaluateJsonata;
}

/** Where a state stands: what all of its fields may look at. */
export interface Around {
  /** Wall ms at which the state was entered. */
  readonly visitAt: number;
  readonly state: State;
  readonly raw: Json;
  readonly context: JsonObject;
  readonly variables: JsonObject;
  readonly ports: Ports;
}

export interface Left {
  readonly output: Json;
  readonly variables: JsonObject;
}

function scopeOf({ context, variables, ports }: Around, data: Json): Scope {
  return { data, context, variables, random: ports.random };
}

/** A field of JSONata, with `$states` as it is at that point. */
function compute(around: Around, template: Json, field: string, more: JsonObject = {}): Promise<Json> {
  const states = { input: around.raw, context: around.context, ...more };
  return around.ports.jsonata(template, field, { ...around.variables, states });
}

// --- in ------------------------------------------------------------------------------------------

/** The input after InputPath. */
export function selected(around: Around): Json {
  if (around.state.isJsonata) return around.raw;
  return selectBy(around.state.fields['inputPath'], scopeOf(around, around.raw));
}

/** What a Task, a branch or a Pass is given. */
export async function argumentsOf(around: Around): Promise<Json> {
  const { fields, isJsonata } = around.state;
  if (isJsonata) {
    const given = fields['arguments'];
    return given === undefined ? around.raw : compute(around, given, 'Arguments');
  }
  const data = selected(around);
  const { parameters } = fields;
  return parameters === undefined ? data : fillTemplate(parameters, scopeOf(around, data));
}

/**
 * A number (or an instant) that may be written as it is, as a path (`NAMEPath`) or as an expression; undefined when it is not there.
 * Only of an expression it is known here to be of the right type.
 */
export async function numberOf(
  around: Around,
  name: string,
  expected: 'number' | 'string' = 'number',
  fields: JsonObject = around.state.fields,
): Promise<Json | undefined> {
  const { isJsonata } = around.state;
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  const value = fields[name];
  if (value !== undefined) {
    const computed = isJsonata ? await compute(around, value, title) : value;
    if (isJsonata && typeof computed !== expected) throw wrongType(value, title, expected, computed);
    return computed;
  }
  const path = fields[`${name}Path`];
  if (path === undefined) return undefined;
  const found = findAt(textOf(path), scopeOf(around, selected(around)));
  if (found === undefined)
    throw runtimeError(`The ${title}Path parameter does not reference an input value: ${textOf(path)}`);
  return found;
}

export async function itemsOf(around: Around): Promise<readonly Json[]> {
  const { fields, isJsonata } = around.state;
  let items: Json;
  if (isJsonata) {
    const given = fields['items'];
    items = given === undefined ? around.raw : await compute(around, given, 'Items');
    if (Array.isArray(items)) return items;
    if (given === undefined) throw queryError(`Map state input must be an array but was: ${JSON.stringify(items)}`);
    throw wrongType(given, 'Items', 'array', items);
  }
  const scope = scopeOf(around, selected(around));
  const path = fields['itemsPath'];
  items = path === undefined ? scope.data : evaluateText(textOf(path), 'ItemsPath', scope);
  if (Array.isArray(items)) return items;
  // AWS shows a path into the context object with one dollar sign.
  throw runtimeError(`Reference path "${textOf(path ?? '$').replace(/^\$\$/, '$')}" must point to array.`);
}

function wrongType(expression: Json, field: string, expected: string, found: Json): Error {
  const kind = found === null ? 'null' : Array.isArray(found) ? 'array' : typeof found;
  const where = `The JSONata expression '${textOf(expression).replace(/^\{%\s*|\s*%\}$/g, '')}' specified for the field '${field}'`;
  const what = `Expected '${expected}', but was '${kind}' for value: ${JSON.stringify(found)}`;
  return queryError(`${where} returned an unexpected result type. ${what}`);
}

/** ItemSelector (once Parameters) for one item; the context says which. */
export async function itemInput(around: Around, item: Json): Promise<Json> {
  const { fields, isJsonata } = around.state;
  const selector = fields['itemSelector'] ?? (isJsonata ? undefined : fields['parameters']);
  if (selector === undefined) return item;
  if (isJsonata) return compute(around, selector, 'ItemSelector');
  return fillTemplate(selector, scopeOf(around, selected(around)));
}

/** A template that stands beside the items, such as BatchInput. */
export async function template(around: Around, value: Json, field: string): Promise<Json> {
  return around.state.isJsonata
    ? compute(around, value, field)
    : fillTemplate(value, scopeOf(around, selected(around)));
}

// --- out -----------------------------------------------------------------------------------------

/** A state without a result of its own: Wait, Choice, Succeed. */
export function leavePlain(around: Around): Promise<Left> {
  if (around.state.isJsonata) return leaveJsonata(around, around.state.fields, around.raw, {});
  const data = selected(around);
  return leaveJsonpath(around, around.state.fields, data, data);
}

/** Task, Parallel, Map. */
export async function leaveWork(around: Around, result: Json): Promise<Left> {
  const { fields, isJsonata } = around.state;
  if (isJsonata) return leaveJsonata(around, fields, result, { result });
  const { resultSelector, resultPath } = fields;
  const chosen = resultSelector === undefined ? result : fillTemplate(resultSelector, scopeOf(around, result));
  return leaveJsonpath(around, fields, chosen, placeAt(resultPath, around.raw, chosen));
}

export async function leavePass(around: Around): Promise<Left> {
  const { fields, isJsonata } = around.state;
  if (isJsonata) return leaveJsonata(around, fields, around.raw, {});
  const given = await argumentsOf(around);
  const result = fields['result'] === undefined ? given : fields['result'];
  return leaveJsonpath(around, fields, result, placeAt(fields['resultPath'], around.raw, result));
}

export async function leaveChoice(around: Around, choice: Choice | null): Promise<Left> {
  if (around.state.isJsonata) {
    const own = choice?.fields ?? {};
    const fields =
      choice === null
        ? around.state.fields
        : { output: own['output'] ?? around.state.fields['output'], assign: own['assign'] };
    return leaveJsonata(around, withoutAbsent(fields), around.raw, {});
  }
  const data = selected(around);
  const assign = (choice?.fields ?? around.state.fields)['assign'];
  return leaveJsonpath(around, withoutAbsent({ ...around.state.fields, assign }), data, data);
}

function withoutAbsent(fields: { [name: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

/** A failure that a rule of `catch` takes. */
export async function leaveCaught(around: Around, catcher: Catcher, error: TaskError): Promise<Left> {
  const errorOutput: JsonObject = { ...(error.type === '' ? {} : { Error: error.type }), Cause: error.message };
  if (around.state.isJsonata) return leaveJsonata(around, catcher.fields, errorOutput, { errorOutput });
  const { resultPath, assign } = catcher.fields;
  const placed = placeAt(resultPath, around.raw, errorOutput);
  return leaveJsonpath(around, withoutAbsent({ assign }), errorOutput, placed);
}

async function leaveJsonata(around: Around, fields: JsonObject, fallback: Json, more: JsonObject): Promise<Left> {
  const { output, assign } = fields;
  return {
    output: output === undefined ? fallback : await compute(around, output, 'Output', more),
    variables: assigned(around, assign === undefined ? undefined : await compute(around, assign, 'Assign', more)),
  };
}

/** `data` is what Assign sees as `$`, `placed` what OutputPath chooses from. */
async function leaveJsonpath(around: Around, fields: JsonObject, data: Json, placed: Json): Promise<Left> {
  const { assign, outputPath } = fields;
  return {
    output: selectBy(outputPath, scopeOf(around, placed)),
    variables: assigned(around, assign === undefined ? undefined : fillTemplate(assign, scopeOf(around, data))),
  };
}

function assigned({ variables }: Around, values: Json | undefined): JsonObject {
  return isObject(values) ? { ...variables, ...values } : variables;
}

// --- decisions -----------------------------------------------------------------------------------

/** The rule that holds first; null when none does. */
export async function choose(around: Around): Promise<Choice | null> {
  const { state, raw } = around;
  for (const [index, choice] of (state.choices ?? []).entries()) {
    if (state.isJsonata) {
      const field = `Choices[${index}]/Condition`;
      const holds = await compute(around, choice.rule, field);
      if (typeof holds !== 'boolean') throw wrongType(choice.rule, field, 'boolean', holds);
      if (holds) return choice;
    } else {
      const scope = scopeOf(around, selectBy(state.fields['inputPath'], scopeOf(around, raw)));
      if (ruleHolds(choice.rule, (path) => findAt(path, scope))) return choice;
    }
  }
  return null;
}

/** Error and Cause of a Fail: texts, or not there. */
export async function failureOf(around: Around): Promise<TaskError> {
  return { type: await textOfField(around, 'error', 'Error'), message: await textOfField(around, 'cause', 'Cause') };
}

async function textOfField(around: Around, name: string, title: string): Promise<string> {
  const { fields, isJsonata } = around.state;
  const written = fields[name];
  const path = fields[`${name}Path`];
  if (written === undefined && path === undefined) return '';
  if (written !== undefined) {
    const value = isJsonata ? await compute(around, written, title) : written;
    if (isJsonata && typeof value !== 'string') throw wrongType(written, title, 'string', value);
    return textOf(value);
  }
  const value = evaluateText(textOf(path), `${title}Path`, scopeOf(around, around.raw));
  if (typeof value === 'string') return value;
  throw runtimeError(`The ${title}Path '${textOf(path)}' must point to a string, but was: ${JSON.stringify(value)}`);
}
