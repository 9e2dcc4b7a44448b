// The shape of manifests: JSON Schemas (schemas/*.json, the ones that editors use), and the words in which a
// manifest learns that it does not fit. Also the schemas that users write for inputs and outputs.
//
// The only door to ajv. Schemas of ours are code; those of users are compiled apart, without any reference to
// the outside.
//
// I1  the number of errors is bounded: ajv stops at the first, and each task of a list is asked on its own. (Of a choice
//     it lists why each alternative failed, and last that none fits: the last error is the one to tell.)

import { createRequire } from 'node:module';
import type { Ajv2020, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import type Standalone from 'ajv/dist/standalone/index.js';
import { isObject, type JsonObject } from '../kernel/json.ts';
import { lazy } from './lazy.ts';
import type { Kind } from './model.ts';
import { didYouMean, Findings, quote, show, type Path } from './problems.ts';

const require = createRequire(import.meta.url);

const FILES = ['common', 'workflow', 'workflowrun', 'task', 'signal'] as const;

const schemas = lazy(
  () => new Map(FILES.map((name) => [`${name}.json`, require(`./schemas/${name}.json`) as JsonObject])),
);

interface AjvUse {
  /** Whose schemas: ours are strict. */
  readonly isOurs: boolean;
  /** Knows the schema of schemas, which costs more to compile than all of ours (a test holds ours against it). */
  readonly hasMeta?: boolean;
  /** Keep the source of validators, to print them. */
  readonly keepSource?: boolean;
}

function newAjv({ isOurs, hasMeta, keepSource }: AjvUse): Ajv2020 {
  const { Ajv2020: Ajv } = require('ajv/dist/2020.js') as { Ajv2020: typeof Ajv2020 };
  return new Ajv({
    strict: isOurs,
    ...(hasMeta === true ? {} : { meta: false, validateSchema: false }),
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: false,
    ownProperties: true,
    verbose: true,
    // A part that several schemas share is compiled once, not into each of them.
    inlineRefs: false,
    validateFormats: false,
    logger: false,
    ...(keepSource === true ? { code: { source: true } } : {}),
  });
}

/** Validators by the name under which they are printed, with the schema each is for. */
const VALIDATORS = {
  Workflow: 'workflow.json',
  WorkflowRun: 'workflowrun.json',
  Task: 'task.json',
  Signal: 'signal.json',
  name: 'common.json#/$defs/name',
  workflowTask: 'common.json#/$defs/workflowTask',
  step: 'common.json#/$defs/step',
  stepTask: 'common.json#/$defs/stepTask',
  template: 'common.json#/$defs/template',
  graphChange: 'common.json#/$defs/graphChange',
  changeNode: 'common.json#/$defs/changeNode',
} as const;

type ValidatorName = keyof typeof VALIDATORS;

function loadOurs(use: Omit<AjvUse, 'isOurs'> = {}): Ajv2020 {
  const ajv = newAjv({ isOurs: true, ...use });
  for (const [name, schema] of schemas()) ajv.addSchema(schema, name);
  return ajv;
}

/** From what the build printed ('print-validators.ts'), or from the schemas when this runs from the sources. */
const validators = lazy((): ((name: ValidatorName) => ValidateFunction) => {
  const printed = loadPrinted();
  if (printed !== undefined) return (name) => printed[name];
  const ajv = loadOurs();
  return (name) => {
    const validate = ajv.getSchema(VALIDATORS[name]);
    if (validate === undefined) throw new Error(`invariant broken: no schema ${VALIDATORS[name]}`);
    return validate;
  };
});

function loadPrinted(): Record<ValidatorName, ValidateFunction> | undefined {
  try {
    return require('./schemas/validators.cjs') as Record<ValidatorName, ValidateFunction>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** The source of a CommonJS module with all validators. */
export function printValidators(): string {
  const { default: print } = require('ajv/dist/standalone/index.js') as { default: typeof Standalone.default };
  return print(loadOurs({ keepSource: true }), { ...VALIDATORS });
}

/** The JSON Schema of a kind, as it is shipped for editors and published by the API. */
export function schemaOf(kind: Kind): JsonObject {
  return schemas().get(`${kind.toLowerCase()}.json`) ?? {};
}

/** What the schemas of the kinds refer to as `common.json`. */
export function commonSchema(): JsonObject {
  return schemas().get('common.json') ?? {};
}

/** Adds findings unless the manifest has the shape of its kind, or a change that of a change. */
export function checkShape(kind: Kind | 'graphChange', manifest: unknown, findings: Findings): void {
  const validate = validators()(kind);
  if (validate(manifest)) return;
  const error = validate.errors?.at(-1);
  if (error === undefined) return;
  const path = pathOf(error.instancePath, manifest);
  const list = taskListAround(path, manifest);
  if (list === undefined) report(error, manifest, [], findings);
  else checkEach(list, findings);
}

interface TaskList {
  readonly path: Path;
  readonly items: readonly unknown[];
  readonly schema: 'workflowTask' | 'step' | 'stepTask' | 'template' | 'changeNode';
}

/** Lists of tasks by the field that holds them. */
const LISTS: ReadonlyMap<unknown, TaskList['schema']> = new Map([
  ['tasks', 'workflowTask'],
  ['steps', 'step'],
  ['steps.tasks', 'stepTask'],
  ['templates', 'template'],
  ['nodes', 'changeNode'],
] as const);

/** The list of tasks that holds what `path` names, so that every task in it gets a message of its own. */
function taskListAround(path: Path, manifest: unknown): TaskList | undefined {
  for (let depth = path.length - 2; depth >= 0; depth -= 1) {
    const key = path[depth];
    if (typeof path[depth + 1] !== 'number') continue;
    const listPath = path.slice(0, depth + 1);
    const parent = path[depth - 1];
    const isStepTasks = key === 'tasks' && typeof parent === 'number' && path[depth - 2] === 'steps';
    // An error of a step itself is told by the step, one inside its tasks by the task.
    const schema = LISTS.get(isStepTasks ? 'steps.tasks' : key);
    const items = valueAt(manifest, listPath);
    // `nodes` of a change, not of what a promise selects.
    if (schema === 'changeNode' && depth > 0) continue;
    if (schema !== undefined && Array.isArray(items)) return { path: listPath, items, schema };
  }
  return undefined;
}

function checkEach(list: TaskList, findings: Findings): void {
  const validate = validators()(list.schema);
  const known = knownFields(VALIDATORS[list.schema]);
  for (const [index, item] of list.items.entries()) {
    if (findings.isFull) return;
    // A step may name a Task instead of writing it out; the name's own form is checked with the names.
    if (validate(item) || (list.schema === 'stepTask' && typeof item === 'string' && isShortName(item))) continue;
    const path = [...list.path, index];
    const unknown = isObject(item) ? Object.keys(item).filter((key) => !known.has(key)) : [];
    for (const key of unknown.slice(0, 10)) addUnknownField(path, key, known, findings);
    const error = validate.errors?.at(-1);
    if (error !== undefined && (unknown.length === 0 || !isAboutFields(error))) report(error, item, path, findings);
  }
}

function isShortName(text: string): boolean {
  return validators()('name')(text);
}

const FIELD_KEYWORDS = new Set(['additionalProperties', 'unevaluatedProperties', 'oneOf']);

/** A misspelt field also makes the right one missing: then the misspelling is message enough. */
function isAboutFields(error: ErrorObject): boolean {
  return FIELD_KEYWORDS.has(error.keyword) && error.instancePath === '';
}

/** Names of all fields that a schema of ours gives an object, those of its parts included. */
function knownFields(reference: string): Set<string> {
  return fieldsOf(resolve(reference));
}

function fieldsOf(schema: JsonObject): Set<string> {
  const fields = new Set(Object.keys(isObject(schema['properties']) ? schema['properties'] : {}));
  const parts = Array.isArray(schema['allOf']) ? schema['allOf'] : [];
  for (const part of parts) {
    if (!isObject(part) || typeof part['$ref'] !== 'string') continue;
    for (const field of knownFields(part['$ref'])) fields.add(field);
  }
  return fields;
}

function resolve(reference: string): JsonObject {
  const [file = '', pointer = ''] = reference.split('#/');
  const schema = valueAt(schemas().get(file === '' ? 'common.json' : file), pointer === '' ? [] : pointer.split('/'));
  return isObject(schema) ? schema : {};
}

function addUnknownField(path: Path, key: string, known: Iterable<string>, findings: Findings): void {
  findings.add([...path, key], 'Unknown', `unknown field${didYouMean(key, known)}`, { atKey: true });
}

/** One error of ajv, in our words. `value` is what was validated and stands at `base`; `isWritten`: in a manifest, by a person. */
function report(error: ErrorObject, value: unknown, base: Path, findings: Findings, isWritten = true): void {
  const path = [...base, ...pathOf(error.instancePath, value)];
  const found = show(error.data);
  const parent = (error.parentSchema ?? {}) as JsonObject;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'required':
      findings.add([...path, String(params['missingProperty'])], 'Required', 'required, and not there');
      return;
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      const properties = parent['properties'];
      addUnknownField(path, key, isObject(properties) ? Object.keys(properties) : [], findings);
      return;
    }
    case 'propertyNames':
      findings.add([...path, String(params['propertyName'])], 'Invalid', expectedName(parent), { atKey: true });
      return;
    case 'type':
      findings.add(
        path,
        'TypeInvalid',
        `expected ${typeWords(params['type'])}, found ${found}${isWritten ? typeHint(path, params['type'], error.data) : ''}`,
      );
      return;
    case 'enum':
      findings.add(path, 'NotSupported', `expected ${oneOfWords(params['allowedValues'])}, found ${found}`);
      return;
    case 'const':
      findings.add(path, 'NotSupported', `expected ${quote(String(params['allowedValue']))}, found ${found}`);
      return;
    case 'oneOf':
      if (!isObject(error.data)) findings.add(path, 'TypeInvalid', `expected a mapping, found ${found}`);
      else findings.add(path, 'Invalid', exactlyOne(error, parent));
      return;
    default:
      findings.add(path, 'Invalid', `expected ${limitWords(error, parent, params)}, found ${found}`);
  }
}

function expectedName(parent: JsonObject): string {
  const names = parent['propertyNames'];
  const comment = isObject(names) ? names['$comment'] : undefined;
  return `expected ${typeof comment === 'string' ? comment : 'a shorter name'} as the name of this field`;
}

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a mapping'],
  ['null', 'nothing'],
]);

/** `a text or a number`, from the names of JSON Schema. */
export function typeWords(type: unknown): string {
  const names = Array.isArray(type) ? type : [type];
  return names.map((name) => TYPE_WORDS.get(String(name)) ?? String(name)).join(' or ');
}

function typeHint(path: Path, wanted: unknown, data: unknown): string {
  if (path.at(-1) === 'command' && Array.isArray(data)) return '; for a list of arguments use exec';
  const isText = [wanted].flat().includes('string') && (typeof data === 'number' || typeof data === 'boolean');
  return isText ? '; put it in quotes if it is meant as text' : '';
}

function oneOfWords(values: unknown): string {
  const words = (Array.isArray(values) ? values : []).map((value) => quote(String(value)));
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : words.join('');
}

/** For `oneOf` over fields that must be there: which of them are. */
function exactlyOne(error: ErrorObject, parent: JsonObject): string {
  const choices = choicesOf(parent);
  const data = error.data;
  const found = choices.filter((choice) => isObject(data) && Object.hasOwn(data, choice));
  if (found.length > 0) return `expected exactly one of ${choices.join(', ')}, found ${found.join(' and ')}`;
  const known = fieldsOf(parent);
  const strange = isObject(data) ? Object.keys(data).find((name) => !known.has(name)) : undefined;
  const hint = strange === undefined ? '' : didYouMean(strange, choices);
  return `expected exactly one of ${choices.join(', ')}, found none${hint}`;
}

/** A choice may be one of several of another schema: of those, the ones that are fields here. */
function choicesOf(schema: JsonObject): string[] {
  const known = fieldsOf(schema);
  return (Array.isArray(schema['oneOf']) ? schema['oneOf'] : []).flatMap((choice) => {
    if (!isObject(choice)) return [];
    if (typeof choice['$ref'] === 'string') return choicesOf(resolve(choice['$ref'])).filter((name) => known.has(name));
    return Array.isArray(choice['required']) ? choice['required'].map(String) : [];
  });
}

function limitWords(error: ErrorObject, parent: JsonObject, params: Record<string, unknown>): string {
  const comment = parent['$comment'];
  if (typeof comment === 'string') return comment;
  const limit = String(params['limit']);
  switch (error.keyword) {
    case 'minimum':
      return `at least ${limit}`;
    case 'exclusiveMinimum':
      return `more than ${limit}`;
    case 'maximum':
      return `at most ${limit}`;
    case 'minLength':
      return 'a text that is not empty';
    case 'maxLength':
      return `at most ${limit} characters`;
    case 'minItems':
      return 'a list that is not empty';
    case 'maxItems':
      return `a list of at most ${limit}`;
    case 'minProperties':
      return 'a mapping that is not empty';
    case 'maxProperties':
      return `a mapping of at most ${limit} fields`;
    default:
      return error.message ?? error.keyword;
  }
}

/** A JSON pointer as a path; indexes are told from keys by what stands there. */
function pathOf(pointer: string, value: unknown): Path {
  const path: (string | number)[] = [];
  let at = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(at) ? Number(key) : key);
    at = valueAt(at, [path.at(-1) ?? key]);
  }
  return path;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    if (Array.isArray(at) && typeof part === 'number') at = at[part];
    else if (isObject(at) && typeof part === 'string' && Object.hasOwn(at, part)) at = at[part];
    else return undefined;
  }
  return at;
}

const schemaOfSchemas = lazy(() => newAjv({ isOurs: false, hasMeta: true }));

/** Why a user's inputSchema or outputSchema is no JSON Schema, or undefined when it is one. */
export function schemaProblem(schema: JsonObject): string | undefined {
  try {
    const meta = schemaOfSchemas();
    if (meta.validateSchema(schema) !== true) return meta.errorsText(meta.errors, { dataVar: 'schema' });
    newAjv({ isOurs: false }).compile(schema);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What is wrong with data, and where. */
export interface DataProblem {
  readonly path: Path;
  readonly message: string;
}

/** Checks data against a user's schema: undefined when it fits. May take as long as the schema is bad: data-checks.ts bounds it. */
export function compileDataCheck(schema: JsonObject): (data: unknown) => DataProblem | undefined {
  const validate = newAjv({ isOurs: false }).compile(schema);
  return (data) => {
    if (validate(data)) return undefined;
    const findings = new Findings();
    const error = validate.errors?.at(-1);
    if (error !== undefined) report(error, data, [], findings, false);
    return findings.list()[0] ?? { path: [], message: 'does not satisfy its schema' };
  };
}

/** The same in one line. Throws when the schema is none; admission has refused such manifests. */
export type DataCheck = (data: unknown) => string | undefined;

export function compileDataSchema(schema: JsonObject): DataCheck {
  const check = compileDataCheck(schema);
  return (data) => {
    const problem = check(data);
    if (problem === undefined) return undefined;
    return problem.path.length === 0 ? problem.message : `${problem.path.join('.')}: ${problem.message}`;
  };
}
