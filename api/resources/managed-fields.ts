// Who owns which field: metadata.managedFields, and what server-side apply makes of it.
//
// F1  a leaf is what stands at the end of a path of keys; a list is one leaf. An entry is a manager, an operation and a sub-resource.
// F2  a write that changes a value takes its leaf from all others; equal values are owned together.
// F3  an apply that leaves out what it owned before removes it, unless somebody else owns it, too.

import { isSame } from '../../kernel/expression.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../kernel/json.ts';
import { API_VERSION } from '../../manifests/model.ts';

type Path = readonly string[];

/** By its keys, joined so that equal paths are equal texts. */
type Leaves = ReadonlyMap<string, Path>;

interface Entry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly time: string;
  readonly leaves: Leaves;
}

export interface FieldConflict {
  readonly manager: string;
  readonly isApply: boolean;
  /** `.spec.x` */
  readonly field: string;
}

export interface Applied {
  readonly object: JsonObject;
  readonly managedFields: Json[];
  readonly conflicts: readonly FieldConflict[];
}

const NEVER_OWNED = new Set(['apiVersion', 'kind', 'status']);
const NEVER_OWNED_METADATA = new Set(
  'name namespace uid resourceVersion generation selfLink creationTimestamp deletionTimestamp managedFields generateName'.split(
    ' ',
  ),
);

const SEPARATOR = '\u0000';

// --- leaves --------------------------------------------------------------------------------------

function leavesOf(object: JsonObject): Leaves {
  const leaves = new Map<string, Path>();
  const open: { path: Path; value: Json }[] = [];
  for (const [key, value] of Object.entries(object)) {
    if (!NEVER_OWNED.has(key)) open.push({ path: [key], value });
  }
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value } = next;
    const entries = isObject(value) ? Object.entries(value) : [];
    const owned =
      path[0] === 'metadata' && path.length === 1 ? entries.filter(([key]) => !NEVER_OWNED_METADATA.has(key)) : entries;
    if (owned.length > 0) for (const [key, inner] of owned) open.push({ path: [...path, key], value: inner });
    else if (path.length > 1) leaves.set(path.join(SEPARATOR), path);
  }
  return leaves;
}

function valueAt(object: Json | undefined, path: Path): Json | undefined {
  let at = object;
  for (const key of path) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

function withValue(object: JsonObject, path: Path, value: Json): void {
  let at = object;
  for (const key of path.slice(0, -1)) {
    const inner = Object.hasOwn(at, key) ? at[key] : undefined;
    const next = isObject(inner) ? inner : {};
    at[key] = next;
    at = next;
  }
  at[path.at(-1) ?? ''] = value;
}

function withoutValue(object: JsonObject, path: Path): void {
  const parents: JsonObject[] = [object];
  for (const key of path.slice(0, -1)) {
    const inner = parents.at(-1)?.[key];
    if (!isObject(inner)) return;
    parents.push(inner);
  }
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = parents[depth];
    if (parent === undefined) return;
    delete parent[path[depth] ?? ''];
    // What becomes empty by this goes, too, but not what an object must have.
    if (depth <= 1 || Object.keys(parent).length > 0) return;
  }
}

// --- entries -------------------------------------------------------------------------------------

function readEntries(managed: Json | undefined): Entry[] {
  return (Array.isArray(managed) ? managed : []).flatMap((value) => {
    const operation = textAt(value, 'operation');
    if (!isObject(value) || (operation !== 'Apply' && operation !== 'Update')) return [];
    return [
      {
        manager: textAt(value, 'manager'),
        operation,
        time: textAt(value, 'time'),
        leaves: readLeaves(value['fieldsV1']),
      },
    ];
  });
}

function readLeaves(fields: Json | undefined): Leaves {
  const leaves = new Map<string, Path>();
  const open: { path: Path; value: Json }[] = [{ path: [], value: fields ?? {} }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value } = next;
    const keys = isObject(value) ? Object.keys(value).filter((key) => key.startsWith('f:')) : [];
    for (const key of keys) open.push({ path: [...path, key.slice(2)], value: (value as JsonObject)[key] ?? {} });
    if (keys.length === 0 && path.length > 0) leaves.set(path.join(SEPARATOR), path);
  }
  return leaves;
}

function writeEntry({ manager, operation, time, leaves }: Entry): JsonObject {
  const fields: JsonObject = {};
  for (const path of [...leaves.values()].sort((a, b) => (a.join(SEPARATOR) < b.join(SEPARATOR) ? -1 : 1))) {
    withValue(
      fields,
      path.map((key) => `f:${key}`),
      valueAt(
        fields,
        path.map((key) => `f:${key}`),
      ) ?? {},
    );
  }
  return { manager, operation, apiVersion: API_VERSION, time, fieldsType: 'FieldsV1', fieldsV1: fields };
}

function without(leaves: Leaves, gone: Leaves): Leaves {
  return new Map([...leaves].filter(([key]) => !gone.has(key)));
}

function only(leaves: Leaves, kept: Leaves): Leaves {
  return new Map([...leaves].filter(([key]) => kept.has(key)));
}

function isOf(entry: Entry, manager: string, operation: Entry['operation']): boolean {
  return entry.manager === manager && entry.operation === operation;
}

function sameLeaves(a: Leaves, b: Leaves): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}

// --- writes --------------------------------------------------------------------------------------

/** Fields after any write but an apply. `before` null: it was created. Equal to what stood when nothing changed. */
export function afterUpdate(
  before: JsonObject | null,
  after: JsonObject,
  standing: Json | undefined,
  manager: string,
  time: string,
): Json[] {
  const leaves = leavesOf(after);
  const changed = new Map(
    [...leaves].filter(([, path]) => {
      const old = before === null ? undefined : valueAt(before, path);
      return old === undefined || !isSame(old, valueAt(after, path) ?? null);
    }),
  );
  const entries = readEntries(standing);
  const isUntouched =
    changed.size === 0 && entries.every((entry) => only(entry.leaves, leaves).size === entry.leaves.size);
  if (isUntouched) return Array.isArray(standing) ? standing : [];
  const own = entries.find((entry) => isOf(entry, manager, 'Update'));
  const kept = entries
    .filter((entry) => entry !== own)
    .map((entry) => ({ ...entry, leaves: only(without(entry.leaves, changed), leaves) }));
  const mine = new Map([...only(own?.leaves ?? new Map(), leaves), ...changed]);
  const updated: Entry = {
    manager,
    operation: 'Update',
    time: changed.size === 0 ? (own?.time ?? time) : time,
    leaves: mine,
  };
  return [...kept, updated].filter((entry) => entry.leaves.size > 0).map(writeEntry);
}

/** What an apply by `manager` makes of the object. With conflicts (and no force) nothing is to be stored. */
export function applyFields(
  live: JsonObject,
  body: JsonObject,
  standing: Json | undefined,
  manager: string,
  options: { force: boolean; time: string },
): Applied {
  const wanted = leavesOf(body);
  const entries = readEntries(standing);
  const own = entries.find((entry) => isOf(entry, manager, 'Apply'));
  const others = entries.filter((entry) => entry !== own);
  const differing = new Map(
    [...wanted].filter(([, path]) => !isSame(valueAt(live, path) ?? null, valueAt(body, path) ?? null)),
  );
  const conflicts = others.flatMap((entry) =>
    [...entry.leaves.values()]
      .filter((path) => clashes(path, differing))
      .map((path) => ({ manager: entry.manager, isApply: entry.operation === 'Apply', field: `.${path.join('.')}` })),
  );
  const object = structuredClone(live);
  for (const [key, path] of own?.leaves ?? []) {
    const isOwnedStill = wanted.has(key) || others.some((entry) => entry.leaves.has(key));
    if (!isOwnedStill) withoutValue(object, path);
  }
  for (const path of wanted.values()) withValue(object, path, structuredClone(valueAt(body, path) ?? null));
  const remaining = leavesOf(object);
  const kept = others.map((entry) => ({
    ...entry,
    leaves: only(options.force ? without(entry.leaves, differing) : entry.leaves, remaining),
  }));
  const isSameOwner = own !== undefined && sameLeaves(own.leaves, wanted);
  const mine: Entry = { manager, operation: 'Apply', time: isSameOwner ? own.time : options.time, leaves: wanted };
  const isChanged =
    !isSameOwner ||
    differing.size > 0 ||
    kept.some((entry, i) => !sameLeaves(entry.leaves, others[i]?.leaves ?? new Map()));
  const managedFields = isChanged
    ? [...kept, mine].filter((entry) => entry.leaves.size > 0).map(writeEntry)
    : Array.isArray(standing)
      ? standing
      : [];
  return { object, managedFields, conflicts: options.force ? [] : conflicts };
}

/** Does a leaf that somebody owns stand at, above or below one of these? */
function clashes(path: Path, leaves: Leaves): boolean {
  if (leaves.has(path.join(SEPARATOR))) return true;
  for (let length = 1; length < path.length; length += 1) {
    if (leaves.has(path.slice(0, length).join(SEPARATOR))) return true;
  }
  const prefix = `${path.join(SEPARATOR)}${SEPARATOR}`;
  return [...leaves.keys()].some((key) => key.startsWith(prefix));
}
