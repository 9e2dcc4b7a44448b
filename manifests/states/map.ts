// How a Map begins: its items, what each is given, batches, how many run side by side, how many may fail.

import { isObject, type Json, type JsonObject, textOf } from '../../kernel/json.ts';
import { problemOf } from './enter.ts';
import { type Around, itemInput, itemsOf, numberOf, template } from './language.ts';
import type { Join } from './visit.ts';
import { itemOf } from './visit.ts';

export async function itemsFor(around: Around): Promise<Omit<Join, 'split'>> {
  const items = await itemsOf(around);
  const lanes = await whole(around, 'maxConcurrency', 'integer');
  const toleratedCount = await whole(around, 'toleratedFailureCount', 'integer');
  const toleratedPercentage = await whole(around, 'toleratedFailurePercentage', 'float');
  if (toleratedPercentage !== undefined && toleratedPercentage > 100)
    throw problemOf(around.state, 'ToleratedFailurePercentage must be between 0 and 100.');
  const made = await inputsOf(around, items);
  const inputs = await batched(around, made);
  return {
    inputs,
    ...(inputs === items ? {} : { items }),
    lanes: lanes === undefined || lanes === 0 ? inputs.length : lanes,
    ...(toleratedCount === undefined ? {} : { toleratedCount }),
    ...(toleratedPercentage === undefined ? {} : { toleratedPercentage }),
  };
}

/** What each item is given; the items themselves when nothing is made of them. */
async function inputsOf(around: Around, items: readonly Json[]): Promise<readonly Json[]> {
  const { fields, isJsonata } = around.state;
  if (fields['itemSelector'] === undefined && (isJsonata || fields['parameters'] === undefined)) return items;
  const inputs: Json[] = [];
  for (const [index, item] of items.entries()) {
    const context: JsonObject = { ...around.context, Map: itemOf({ inputs: items }, index) };
    inputs.push(await itemInput({ ...around, context }, item));
  }
  return inputs;
}

async function whole(
  around: Around,
  name: string,
  kind: 'integer' | 'float',
  fields: JsonObject = around.state.fields,
): Promise<number | undefined> {
  const value = await numberOf(around, name, 'number', fields);
  if (value === undefined) return undefined;
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  if (typeof value === 'number' && value >= 0 && (kind === 'float' || Number.isInteger(value))) return value;
  if (typeof value === 'number' && kind === 'integer' && Number.isInteger(value))
    throw problemOf(around.state, `Expected non-negative integer for ${title}, got '${value}' instead.`);
  if (typeof value === 'number' && kind === 'float')
    throw problemOf(around.state, `${title} must be between 0 and 100.`);
  const place = textOf(fields[`${name}Path`] ?? title);
  throw problemOf(
    around.state,
    `The ${title}Path field refers to value "${textOf(value)}" which is not a valid ${kind}: ${place}`,
  );
}

/** ItemBatcher: several items go through the machine as one. */
async function batched(around: Around, inputs: readonly Json[]): Promise<readonly Json[]> {
  const written = around.state.fields['itemBatcher'];
  if (!isObject(written)) return inputs;
  const batcher = lowered(written);
  const { batchInput } = batcher;
  const shared = batchInput === undefined ? undefined : await template(around, batchInput, 'BatchInput');
  const limit = await batchLimit(around, 'maxItemsPerBatch', batcher);
  const bytes = await batchLimit(around, 'maxInputBytesPerBatch', batcher);
  const batches: Json[][] = [];
  let size = 0;
  for (const input of inputs) {
    const length = Number.isFinite(bytes) ? Buffer.byteLength(JSON.stringify(input)) : 0;
    const batch = batches.at(-1);
    if (batch === undefined || batch.length >= limit || size + length > bytes) {
      batches.push([input]);
      size = length;
    } else {
      batch.push(input);
      size += length;
    }
  }
  return batches.map((Items) => (shared === undefined ? { Items } : { BatchInput: shared, Items }));
}

/** 0 is no limit, as if it were not there. */
async function batchLimit(around: Around, name: string, batcher: JsonObject): Promise<number> {
  const limit = await whole(around, name, 'integer', batcher);
  return limit === undefined || limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

function lowered(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  );
}
