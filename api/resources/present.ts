// Objects as clients read them.

import type { Json, JsonObject } from '../../kernel/json.ts';
import { nodeStatuses } from '../../kernel/status.ts';
import type { Resource } from '../../manifests/model.ts';
import { loadRun } from '../../store/load-run.ts';
import type { Store } from '../../store/store.ts';

/** As lists and watches have it: of a run, the summary. */
export function plain(object: Resource): JsonObject {
  return object as unknown as JsonObject;
}

/** As a get has it: of a run, with the state of every node. */
export async function whole(store: Store, object: Resource): Promise<JsonObject> {
  if (object.kind !== 'WorkflowRun') return plain(object);
  const { name, uid } = object.metadata;
  const loaded = await loadRun(store.runs, { name, uid });
  if (loaded?.run == null) return plain(object);
  return { ...plain(object), status: { ...object.status, nodes: nodeStatuses(loaded.run) } };
}

/** What went, or what a delete would have taken. */
export function deletedStatus(group: string, plural: string, name: string, uid: string): JsonObject {
  const details = { name, group, kind: plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

export function listOf(kind: string, apiVersion: string, items: readonly Json[], metadata: JsonObject): JsonObject {
  return { kind: `${kind}List`, apiVersion, metadata, items: [...items] };
}
