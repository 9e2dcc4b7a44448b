// The resource model: what stands in files under state/, goes through the API and comes out of `get`.
// Group and version oarlock.dev/v1; every object has apiVersion, kind, metadata, spec, status and
// nothing else at the top.

import type { Json, JsonObject } from '../kernel/json.ts';

export const API_GROUP = 'oarlock.dev';
export const API_VERSION = 'oarlock.dev/v1';

/** Kinds that people write. */
export type Kind = 'Workflow' | 'WorkflowRun' | 'Task' | 'Signal';

export interface KindInfo {
  readonly kind: Kind;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
}

export const KINDS: readonly KindInfo[] = [
  { kind: 'Workflow', plural: 'workflows', singular: 'workflow', shortNames: ['wf'] },
  { kind: 'WorkflowRun', plural: 'workflowruns', singular: 'workflowrun', shortNames: ['run', 'runs'] },
  { kind: 'Task', plural: 'tasks', singular: 'task', shortNames: [] },
  { kind: 'Signal', plural: 'signals', singular: 'signal', shortNames: ['sig'] },
];

/** What a person may write under metadata. */
export interface ManifestMetadata {
  name: string;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  finalizers?: string[];
}

/** A desired object as a person wrote it, in canonical form: admitted, defaults not filled in. */
export interface Manifest {
  apiVersion: typeof API_VERSION;
  kind: Kind;
  metadata: ManifestMetadata;
  spec: JsonObject;
}

/** metadata of a stored object: what the person wrote and what the store knows. */
export interface ObjectMetadata extends ManifestMetadata {
  uid: string;
  /** One counter for the whole store; a string, as in Kubernetes. */
  resourceVersion: string;
  /** Plus one when `spec` changes. */
  generation: number;
  /** RFC 3339, whole seconds. */
  creationTimestamp: string;
  deletionTimestamp?: string;
  managedFields?: Json[];
}

export interface Resource {
  apiVersion: typeof API_VERSION;
  kind: Kind;
  metadata: ObjectMetadata;
  spec: JsonObject;
  status?: JsonObject;
}

/** As in the Kubernetes API conventions. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  /** RFC 3339. */
  lastTransitionTime: string;
  observedGeneration?: number;
}
