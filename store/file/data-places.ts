// Where data of users stands in what is written of a run: in its events, and in its snapshots.
//
// Owns: these places. Everything else there is the engine's own, and small. Does not own: what becomes of large data (data.ts).

import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';

export type MapData = (value: Json) => Json;

/** The event with its data mapped; the same value when nothing changed. */
export function mapEvent(event: JsonObject, map: MapData): JsonObject {
  const { type } = event;
  if (type === 'Registered') return at(event, 'registration', (value) => mapRegistration(value, map));
  if (type === 'GraphChanged') return at(event, 'change', (value) => mapChange(value, map));
  if (type !== 'Ended' && type !== 'InlineEnded' && type !== 'RunEnded' && type !== 'Reported') return event;
  const own = at(at(event, 'output', map), 'progress', map);
  const outcome = at(own, 'outcome', (value) => at(value, 'output', map));
  return at(outcome, 'effect', (value) =>
    at(at(at(value, 'output', map), 'input', map), 'change', (change) => mapChange(change, map)),
  );
}

/** What kernel/snapshot.ts makes of a run. */
export function mapSnapshot(data: JsonObject, map: MapData): JsonObject {
  const registered = at(data, 'registration', (value) => mapRegistration(value, map));
  const grown = at(registered, 'growth', (growth) =>
    each(growth, (one) => at(one, 'change', (change) => mapChange(change, map))),
  );
  const ended = at(grown, 'end', (end) => at(end, 'output', map));
  return at(ended, 'nodes', (nodes) => each(nodes, (entry) => each(entry, (part) => mapNode(part, map))));
}

function mapRegistration(registration: Json, map: MapData): Json {
  return at(at(registration, 'input', map), 'change', (change) => mapChange(change, map));
}

function mapChange(change: Json, map: MapData): Json {
  return at(change, 'nodes', (nodes) =>
    each(nodes, (node) => at(node, 'task', (task) => at(at(task, 'input', map), 'memo', map))),
  );
}

function mapNode(record: Json, map: MapData): Json {
  return at(at(at(record, 'output', map), 'input', map), 'current', (attempt) =>
    at(attempt, 'reported', (reported) => at(at(reported, 'output', map), 'progress', map)),
  );
}

/** The holder with what stands under the key mapped; anything but an object stays as it is. */
function at<Holder extends Json>(holder: Holder, key: string, map: MapData): Holder {
  const object: Json = holder;
  const before = isObject(object) ? object[key] : undefined;
  if (!isObject(object) || before === undefined) return holder;
  const after = map(before);
  return after === before ? holder : ({ ...object, [key]: after } as unknown as Holder);
}

function each(list: Json, map: MapData): Json {
  if (!Array.isArray(list)) return list;
  let changed: Json[] | null = null;
  for (const [index, item] of list.entries()) {
    const after = map(item);
    if (after === item) continue;
    changed ??= [...list];
    changed[index] = after;
  }
  return changed ?? list;
}
