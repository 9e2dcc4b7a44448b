// The resources that the API serves: their names, what can be done with them, and the fields by which they can be selected.
//
// Discovery, OpenAPI and the routes are all made from this one list.

import { API_GROUP, type Kind, KINDS } from '../../manifests/model.ts';

export interface SubResource {
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: 'v1';
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  readonly verbs: readonly string[];
  readonly subResources: readonly SubResource[];
  /** Field selectors besides those of metadata. */
  readonly fields: readonly string[];
}

export interface StoredType extends ResourceType {
  readonly kind: Kind;
}

const WRITABLE = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const LISTED = ['get', 'list'];
const WATCHED = ['get', 'list', 'watch'];

const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  Workflow: [],
  WorkflowRun: ['status.phase', 'status.workflow', 'spec.workflowRef.name', 'spec.suspend'],
  Task: [],
  Signal: ['spec.run', 'spec.name'],
};

const RUN_SUB_RESOURCES = ['log', 'graph', 'journal'];

export const STORED_TYPES: readonly StoredType[] = KINDS.map((info) => ({
  ...info,
  group: API_GROUP,
  version: 'v1',
  categories: ['all'],
  isNamespaced: false,
  verbs: WRITABLE,
  subResources: [
    { name: 'status', kind: info.kind, verbs: ['get'] },
    ...(info.kind === 'WorkflowRun'
      ? RUN_SUB_RESOURCES.map((name) => ({ name, kind: info.kind, verbs: ['get'] }))
      : []),
  ],
  fields: FIELDS[info.kind],
}));

export const VIEW_TYPES: readonly ResourceType[] = [
  readOnly({ kind: 'Worker', plural: 'workers', singular: 'worker', fields: ['status.state'] }),
  readOnly({
    kind: 'TaskLease',
    plural: 'taskleases',
    singular: 'tasklease',
    fields: ['spec.worker', 'spec.run', 'spec.node', 'status.state'],
  }),
];

/** What kubectl has compiled in: shown so that `logs`, `describe` and `cluster-info` work. */
export const CORE_TYPES: readonly ResourceType[] = [
  core({ kind: 'Pod', plural: 'pods', shortNames: ['po'], verbs: WATCHED, fields: ['status.phase', 'spec.nodeName'] }),
  core({
    kind: 'Event',
    plural: 'events',
    shortNames: ['ev'],
    verbs: WATCHED,
    fields: [
      ...['kind', 'name', 'namespace', 'uid', 'apiVersion', 'fieldPath'].map((field) => `involvedObject.${field}`),
      'type',
      'reason',
    ],
  }),
  core({ kind: 'Service', plural: 'services', shortNames: ['svc'], verbs: LISTED, fields: [] }),
];

function readOnly(type: Pick<ResourceType, 'kind' | 'plural' | 'singular' | 'fields'>): ResourceType {
  return {
    ...type,
    group: API_GROUP,
    version: 'v1',
    shortNames: [],
    categories: [],
    isNamespaced: false,
    verbs: LISTED,
    subResources: [],
  };
}

function core(type: Pick<ResourceType, 'kind' | 'plural' | 'shortNames' | 'verbs' | 'fields'>): ResourceType {
  return {
    ...type,
    singular: type.kind.toLowerCase(),
    group: '',
    version: 'v1',
    categories: [],
    isNamespaced: true,
    subResources: type.kind === 'Pod' ? [{ name: 'log', kind: 'Pod', verbs: ['get'] }] : [],
  };
}

/** `oarlock.dev/v1`, or `v1` for the core group. */
export function groupVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}
