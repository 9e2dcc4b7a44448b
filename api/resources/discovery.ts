// Discovery: which groups, versions and kinds there are, in the plain form that every client reads.

import type { JsonObject } from '../../kernel/json.ts';
import { API_GROUP, API_VERSION } from '../../manifests/model.ts';
import { CORE_TYPES, type ResourceType, STORED_TYPES, VIEW_TYPES } from './types.ts';

/** What kubectl compares itself with; a version further than one minor from it makes `kubectl version` warn. */
const KUBERNETES = { major: '1', minor: '32' };

export function apiVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'] };
}

export function apiGroups(): JsonObject {
  const version = { groupVersion: API_VERSION, version: 'v1' };
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [{ name: API_GROUP, versions: [version], preferredVersion: version }],
  };
}

export function apiGroup(): JsonObject {
  const version = { groupVersion: API_VERSION, version: 'v1' };
  return { kind: 'APIGroup', apiVersion: 'v1', name: API_GROUP, versions: [version], preferredVersion: version };
}

export function coreResources(): JsonObject {
  return resourceList('v1', CORE_TYPES);
}

export function ownResources(): JsonObject {
  return resourceList(API_VERSION, [...STORED_TYPES, ...VIEW_TYPES]);
}

function resourceList(groupVersion: string, types: readonly ResourceType[]): JsonObject {
  const resources = types.flatMap((type): JsonObject[] => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.isNamespaced,
      kind: type.kind,
      shortNames: [...type.shortNames],
      categories: [...type.categories],
      verbs: [...type.verbs],
    },
    ...type.subResources.map(({ name, kind, verbs }) => ({
      name: `${type.plural}/${name}`,
      singularName: '',
      namespaced: type.isNamespaced,
      kind,
      verbs: [...verbs],
    })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

export function versionInfo(version: string): JsonObject {
  const { major, minor } = KUBERNETES;
  return {
    major,
    minor,
    gitVersion: `v${major}.${minor}.0+oarlock.${version}`,
    platform: `${process.platform}/${process.arch}`,
  };
}
