// OpenAPI 3.0 of the resources, made from the JSON Schemas that admission itself uses, so that `kubectl explain` tells the truth.
//
// O1  what only JSON Schema 2020-12 can say is left out, never turned into something else.

import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import { API_GROUP } from '../manifests/model.ts';
import { commonSchema, schemaOf } from '../manifests/schema.ts';
import { groupVersionOf, type ResourceType, STORED_TYPES, type StoredType } from './resources/types.ts';

const PREFIX = 'dev.oarlock.v1.';
const METADATA = `${PREFIX}ObjectMeta`;
const PICTURE = `${PREFIX}Graph`;
/** Words of JSON Schema that OpenAPI 3.0 has, too. */
const KEPT = new Set(
  (
    'description title type required enum pattern default format minimum maximum ' +
    'minLength maxLength minItems maxItems minProperties maxProperties'
  ).split(' '),
);

export interface OpenApiDocuments {
  /** By path below /openapi/v3/: `apis/oarlock.dev/v1`. */
  readonly documents: ReadonlyMap<string, string>;
  readonly index: JsonObject;
}

export function openApiDocuments(version: string): OpenApiDocuments {
  const own = JSON.stringify(document(version, STORED_TYPES));
  const documents = new Map([[`apis/${API_GROUP}/v1`, own]]);
  const paths = Object.fromEntries(
    [...documents].map(([path, text]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${digest(text)}` }]),
  );
  return { documents, index: { paths } };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32).toUpperCase();
}

function document(version: string, types: readonly StoredType[]): JsonObject {
  return {
    openapi: '3.0.0',
    info: { title: 'Oarlock', version },
    paths: Object.fromEntries(types.flatMap(pathsOf)),
    components: { schemas: schemas(types) },
  };
}

// --- paths ---------------------------------------------------------------------------------------

function pathsOf(type: StoredType): [string, JsonObject][] {
  const base = `/apis/${API_GROUP}/v1/${type.plural}`;
  const name = { name: 'name', in: 'path', required: true, schema: { type: 'string' } };
  const write = ['dryRun', 'fieldManager', 'fieldValidation'];
  const lists = ['labelSelector', 'fieldSelector', 'limit', 'continue', 'watch', 'resourceVersion', 'timeoutSeconds'];
  const operation = (action: string, id: string, query: readonly string[], body?: string): JsonObject => ({
    operationId: `${id}${type.kind}`,
    tags: [type.kind],
    parameters: query.map((parameter) => ({ name: parameter, in: 'query', schema: { type: 'string' } })),
    ...(body === undefined ? {} : { requestBody: { content: { [body]: { schema: refTo(type) } } } }),
    responses: { '200': { description: 'OK', content: { 'application/json': { schema: refTo(type) } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': versionKind(type),
  });
  const json = 'application/json';
  return [
    [
      base,
      {
        get: operation('list', 'list', lists),
        post: operation('post', 'create', write, json),
        delete: operation('deletecollection', 'deleteAll', ['labelSelector', 'fieldSelector', 'dryRun']),
      },
    ],
    [
      `${base}/{name}`,
      {
        parameters: [name],
        get: operation('get', 'read', []),
        put: operation('put', 'replace', write, json),
        patch: operation('patch', 'patch', [...write, 'force'], 'application/merge-patch+json'),
        delete: operation('delete', 'delete', ['dryRun', 'propagationPolicy']),
      },
    ],
    [`${base}/{name}/status`, { parameters: [name], get: operation('get', 'readStatusOf', []) }],
    ...graphPath(type, `${base}/{name}/graph`, name),
  ];
}

/** The picture of a run, or of what a run of a workflow could become. */
function graphPath(type: StoredType, path: string, name: JsonObject): [string, JsonObject][] {
  if (type.kind !== 'Workflow' && type.kind !== 'WorkflowRun') return [];
  const text = (parameter: string, description: string, schema: JsonObject = { type: 'string' }): JsonObject => ({
    name: parameter,
    in: 'query',
    description,
    schema,
  });
  const at = 'The run as it was after the event of this number, or at this instant (RFC 3339).';
  const parameters = [
    text('format', 'Default: by the Accept header, else json.', { type: 'string', enum: ['json', 'dot', 'svg'] }),
    text('expand', 'A box for every node. Default: true for json; else what is alike is one box.', { type: 'boolean' }),
    ...(type.kind === 'WorkflowRun' ? [text('at', at)] : []),
  ];
  const drawing = { schema: { type: 'string' } };
  const content = {
    'application/json': { schema: { $ref: `#/components/schemas/${PICTURE}` } },
    'text/vnd.graphviz': drawing,
    'image/svg+xml': drawing,
  };
  const get = {
    operationId: `readGraphOf${type.kind}`,
    tags: [type.kind],
    parameters,
    responses: { '200': { description: 'What was done, is done and may still come.', content } },
  };
  return [[path, { parameters: [name], get }]];
}

function versionKind({ group, version, kind }: ResourceType): JsonObject {
  return { group, version, kind };
}

function refTo(type: ResourceType): JsonObject {
  return { $ref: `#/components/schemas/${PREFIX}${type.kind}` };
}

// --- schemas -------------------------------------------------------------------------------------

function schemas(types: readonly StoredType[]): JsonObject {
  const definitions = commonSchema()['$defs'];
  const common = Object.entries(isObject(definitions) ? definitions : {}).map(([name, schema]): [string, Json] => [
    `${PREFIX}${name}`,
    convert(schema),
  ]);
  return {
    ...Object.fromEntries(common),
    [METADATA]: metadataSchema(definitions),
    [PICTURE]: pictureSchema(),
    ...Object.fromEntries(types.map((type) => [`${PREFIX}${type.kind}`, kindSchema(type)])),
  };
}

function kindSchema(type: StoredType): JsonObject {
  const { description, properties } = schemaOf(type.kind);
  const own = isObject(properties) ? properties : {};
  return {
    description: description ?? '',
    type: 'object',
    properties: {
      apiVersion: { description: `${groupVersionOf(type)}.`, type: 'string' },
      kind: { description: `${type.kind}.`, type: 'string' },
      metadata: {
        allOf: [{ $ref: `#/components/schemas/${METADATA}` }],
        description: 'What identifies the object, and notes of its owner.',
      },
      spec: convert(own['spec'] ?? {}),
      status: statusSchema(type),
    },
    required: ['spec'],
    'x-kubernetes-group-version-kind': [versionKind(type)],
  };
}

function pictureSchema(): JsonObject {
  const text = (description: string): JsonObject => ({ description, type: 'string' });
  const ghost = {
    description:
      'Set when it is not there and may still come: its kind, how many more must come, and how many may (null: no bound).',
    type: 'object',
    nullable: true,
    properties: {
      kind: { type: 'string', enum: ['wildcard', 'many', 'oneOf', 'next'] },
      atLeast: { type: 'integer' },
      atMost: { type: 'integer', nullable: true },
    },
  };
  const list = (properties: JsonObject): JsonObject => ({ type: 'array', items: { type: 'object', properties } });
  return {
    description: 'The picture of a run: its nodes and edges, and those that may still come.',
    type: 'object',
    properties: {
      nodes: list({
        id: text('Of the node, or of the ghost.'),
        task: text('Task or template that it is of.'),
        state: text('State of the node; null for a ghost.'),
        ghost,
        look: text('done, failed, skipped, cancelled, running, waiting, certain, possible or impossible.'),
        label: text('What people read.'),
        createdBy: text('Node that added it.'),
      }),
      edges: list({ from: text('Id.'), to: text('Id.'), ghost, look: text('made, certain, possible or impossible.') }),
    },
  };
}

function metadataSchema(definitions: Json | undefined): JsonObject {
  const written = isObject(definitions) ? convert(definitions['metadata'] ?? {}) : {};
  const properties = isObject(written['properties']) ? written['properties'] : {};
  const text = (description: string): JsonObject => ({ description, type: 'string' });
  return {
    description: 'What identifies the object, and notes of its owner.',
    type: 'object',
    properties: {
      ...properties,
      uid: text('Never used twice; the engine gives it.'),
      resourceVersion: text('Grows with every change of anything in the engine; what a watch goes on from.'),
      generation: { description: 'Grows by one with every change of spec.', type: 'integer' },
      creationTimestamp: text('When it was made, RFC 3339.'),
      deletionTimestamp: text(
        'When its deletion was asked for; it goes once its processes are dead and its finalizers are taken off.',
      ),
      managedFields: { description: 'Who owns which field.', type: 'array', items: { type: 'object' } },
    },
  };
}

const CONDITIONS: JsonObject = {
  description: 'What is true of it, by type.',
  type: 'array',
  items: {
    type: 'object',
    properties: {
      type: { description: 'What it is about.', type: 'string' },
      status: { description: 'True, False or Unknown.', type: 'string', enum: ['True', 'False', 'Unknown'] },
      reason: { description: 'One word for machines.', type: 'string' },
      message: { description: 'A sentence for people.', type: 'string' },
      lastTransitionTime: { description: 'When its status changed last, RFC 3339.', type: 'string' },
      observedGeneration: { description: 'Generation of the object that it speaks of.', type: 'integer' },
    },
  },
};

function statusSchema({ kind }: StoredType): JsonObject {
  const observed: JsonObject = {
    observedGeneration: { description: 'Generation of the object that the engine has seen.', type: 'integer' },
    conditions: CONDITIONS,
  };
  const description = 'What the engine found; nobody else writes it.';
  if (kind !== 'WorkflowRun') return { description, type: 'object', properties: observed };
  const text = (words: string): JsonObject => ({ description: words, type: 'string' });
  return {
    description,
    type: 'object',
    properties: {
      ...observed,
      phase: {
        ...text('Where the run stands, for people.'),
        enum: ['Pending', 'Running', 'Suspended', 'Compensating', 'Succeeded', 'Failed', 'Cancelled'],
      },
      workflow: text('Name of the Workflow that it runs.'),
      message: text('What there is to say about it.'),
      startTime: text('When it began, RFC 3339.'),
      completionTime: text('When it ended, RFC 3339.'),
      output: { description: 'What it brought: any JSON.' },
      error: {
        description: 'Why it failed.',
        type: 'object',
        properties: { type: text('Type of the error.'), message: text('What went wrong.') },
      },
      counts: {
        description: 'How many tasks there are, in all and in each state.',
        type: 'object',
        additionalProperties: { type: 'integer' },
      },
      workers: { description: 'How many workers have tasks of it; of an active run only.', type: 'integer' },
      nodes: {
        description: 'Every task of the run by its id; in an answer about one run only.',
        type: 'object',
        additionalProperties: { type: 'object', properties: nodeFields(text) },
      },
    },
  };
}

function nodeFields(text: (words: string) => JsonObject): JsonObject {
  return {
    state: {
      ...text('Where the task stands.'),
      enum: ['PENDING', 'RUNNING', 'RETRYING', 'WAITING', 'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED'],
    },
    attempts: { description: 'How often it was tried.', type: 'integer' },
    startTime: text('When the newest attempt began.'),
    finishTime: text('When it ended.'),
    worker: text('Who ran it.'),
    output: { description: 'What it brought: any JSON.' },
    error: {
      description: 'Why it failed.',
      type: 'object',
      properties: { type: text('Type.'), message: text('What went wrong.') },
    },
    dependencies: { description: 'Ids of the tasks before it.', type: 'array', items: { type: 'string' } },
    createdBy: text('Id of the task that added it.'),
    task: text('Name of the Task that it is.'),
  };
}

/** As much of a JSON Schema as OpenAPI 3.0 can say. */
function convert(schema: Json): JsonObject {
  if (!isObject(schema)) return {};
  const result: JsonObject = {};
  for (const [word, value] of Object.entries(schema)) if (KEPT.has(word)) result[word] = value;
  if (Array.isArray(schema['type'])) delete result['type'];
  if (schema['const'] !== undefined) result['enum'] = [schema['const']];
  if (isObject(schema['properties'])) {
    result['properties'] = Object.fromEntries(
      Object.entries(schema['properties']).map(([name, inner]) => [name, convert(inner)]),
    );
    result['type'] ??= 'object';
  }
  if (schema['items'] !== undefined) result['items'] = convert(schema['items']);
  if (isObject(schema['additionalProperties']))
    result['additionalProperties'] = convert(schema['additionalProperties']);
  const parts = Array.isArray(schema['allOf']) ? [...schema['allOf']] : [];
  const reference = schema['$ref'];
  if (typeof reference === 'string') parts.unshift({ $ref: reference });
  return flatten(result, parts);
}

/**
 * Parts that only add fields are merged in, because kubectl explains the fields of an object itself and not those of the parts that
 * stand beside them; a lone reference stays one.
 */
function flatten(result: JsonObject, parts: readonly Json[]): JsonObject {
  const references = parts.flatMap((part) => (isObject(part) && typeof part['$ref'] === 'string' ? part['$ref'] : []));
  if (references.length === 0) return result;
  const [first] = references;
  if (references.length === 1 && result['properties'] === undefined && first !== undefined) {
    return { ...result, allOf: [{ $ref: `#/components/schemas/${PREFIX}${nameOf(first)}` }] };
  }
  const merged: JsonObject = {};
  for (const reference of references) {
    const target = convert(resolve(reference));
    Object.assign(merged, fieldsOf(target));
  }
  const own = isObject(result['properties']) ? result['properties'] : {};
  return { ...result, type: 'object', properties: { ...merged, ...own } };
}

function fieldsOf(schema: JsonObject): JsonObject {
  return isObject(schema['properties']) ? schema['properties'] : {};
}

function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

function resolve(reference: string): Json {
  const definitions = commonSchema()['$defs'];
  return (isObject(definitions) ? definitions[nameOf(reference)] : undefined) ?? {};
}
