// What is wrong with a Map state, but for the machine in it: how its items are read, chosen, put together, and how many may fail.

import { isObject } from '../../kernel/json.ts';
import { type Findings, show } from '../problems.ts';
import { checkNumber, checkOneOf } from './checks.ts';
import { SECONDS_LIMIT } from './check-task.ts';
import { Fields, words } from './fields.ts';

interface Context {
  readonly isJsonata: boolean;
  readonly findings: Findings;
}

export function checkMap(state: Fields, context: Context): void {
  const { findings } = context;
  checkOneOf(state, ['itemProcessor', 'iterator'], findings, true);
  for (const name of ['maxConcurrency', 'toleratedFailureCount', 'toleratedFailurePercentage'])
    checkOneOf(state, [name, `${name}Path`], findings, false);
  checkOneOf(state, ['itemSelector', 'parameters'], findings, false);
  checkNumber(state, 'maxConcurrency', 0, SECONDS_LIMIT, context);
  checkNumber(state, 'toleratedFailureCount', 0, SECONDS_LIMIT, context);
  checkNumber(state, 'toleratedFailurePercentage', 0, 100, context, 'any');
  checkProcessor(state, findings);
  checkBatcher(state, context);
  checkReader(state, context);
  const label = state.get('label');
  if (label !== undefined && (typeof label.value !== 'string' || label.value === '' || label.value.length > 40))
    findings.add(label.path, 'Invalid', `expected a text of at most 40 characters, found ${show(label.value)}`);
}

/** The mapping under a name; what is none is a finding. */
function inner(fields: Fields, name: string, findings: Findings): Fields | undefined {
  const field = fields.get(name);
  if (field === undefined) return undefined;
  if (isObject(field.value)) return new Fields(field.value, field.path, findings);
  findings.add(field.path, 'TypeInvalid', `expected a mapping, found ${show(field.value)}`);
  return undefined;
}

function checkWord(fields: Fields, name: string, words: readonly string[], findings: Findings): void {
  const field = fields.get(name);
  if (field === undefined || (typeof field.value === 'string' && words.includes(field.value))) return;
  findings.add(field.path, 'NotSupported', `expected one of ${words.join(', ')}, found ${show(field.value)}`);
}

function checkProcessor(state: Fields, findings: Findings): void {
  for (const name of ['itemProcessor', 'iterator']) {
    const processor = state.get(name);
    if (!isObject(processor?.value)) continue;
    const config = inner(new Fields(processor.value, processor.path, findings), 'processorConfig', findings);
    if (config === undefined) continue;
    checkWord(config, 'mode', ['INLINE', 'DISTRIBUTED'], findings);
    checkWord(config, 'executionType', ['STANDARD', 'EXPRESS'], findings);
  }
}

const BATCHER_FIELDS = new Set(
  words('batchInput maxItemsPerBatch maxItemsPerBatchPath maxInputBytesPerBatch maxInputBytesPerBatchPath'),
);

/** Each number as it is or by a path, not both. */
function checkBatcher(state: Fields, context: Context): void {
  const batcher = inner(state, 'itemBatcher', context.findings);
  if (batcher === undefined) return;
  batcher.refuseOthers(BATCHER_FIELDS, 'an ItemBatcher', context.findings);
  for (const name of ['maxItemsPerBatch', 'maxInputBytesPerBatch']) {
    checkOneOf(batcher, [name, `${name}Path`], context.findings, false);
    checkNumber(batcher, name, 1, SECONDS_LIMIT, context);
  }
}

function checkReader(state: Fields, context: Context): void {
  const { findings } = context;
  const reader = inner(state, 'itemReader', findings);
  if (reader === undefined) return;
  if (!reader.has('resource')) findings.add(reader.pathOf('resource'), 'Required', 'required, and not there');
  const config = inner(reader, 'readerConfig', findings);
  if (config === undefined) return;
  checkOneOf(config, ['maxItems', 'maxItemsPath'], findings, false);
  checkNumber(config, 'maxItems', 0, SECONDS_LIMIT, context);
  checkWord(config, 'inputType', ['CSV', 'JSON', 'JSONL', 'MANIFEST', 'PARQUET'], findings);
  checkWord(config, 'cSVHeaderLocation', ['FIRST_ROW', 'GIVEN'], findings);
}
