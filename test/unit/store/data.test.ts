// Large data beside the journal (store/file/data.ts): what is handed on is written once, and comes back as one value.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunEvent } from '../../../kernel/events.ts';
import type { Json, JsonObject } from '../../../kernel/json.ts';
import { DataFiles } from '../../../store/file/data.ts';
import { Disk } from '../../../store/file/disk.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'oarlock-data-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function dataFiles(): DataFiles {
  return new DataFiles(new Disk(), directory, (name, reason) => {
    throw new Error(`${name}: ${reason}`);
  });
}

/** A state that ends, and the one that comes next with its output for input. */
function step(index: number, output: Json): RunEvent {
  const executor = { type: 'inline' as const, name: 'Pass' };
  const change = {
    nodes: [{ id: `s${index + 1}`, task: { executor, input: output, memo: { variables: { v: output } } } }],
  };
  const outcome = { result: 'Success' as const };
  return { at: 1, time: 1, type: 'InlineEnded', node: `s${index}`, outcome, effect: { output, change } };
}

test('1 MiB that goes through 1,000 states with something small changed beside it is written once', () => {
  const files = dataFiles();
  const big = 'x'.repeat(1024 * 1024);
  let journaled = 0;
  for (let index = 0; index < 1000; index += 1) {
    const [text = ''] = files.encode([step(index, { index, carried: { big, list: [big] } })]);
    journaled += text.length;
  }
  expect(journaled).toBeLessThan(1024 * 1024);
  const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
  expect(sizes).toEqual([big.length + 2]);
});

test('one file is one value in memory, however often it is named', () => {
  const big = { text: 'x'.repeat(100_000), more: 'y'.repeat(100_000) };
  const texts = dataFiles().encode([step(1, { a: big }), step(2, { b: big })]);
  const reader = dataFiles();
  const [first, second] = texts.map((text) => reader.decode(JSON.parse(text) as JsonObject)) as {
    effect: { output: Json };
  }[];
  expect(first?.effect.output).toEqual({ a: big });
  expect(second?.effect.output).toEqual({ b: big });
});

test('a file that somebody deleted is written again when its data comes by', () => {
  const files = dataFiles();
  const event = step(1, 'x'.repeat(100_000));
  files.encode([event]);
  const [name = ''] = readdirSync(directory);
  rmSync(join(directory, name));
  files.encode([event]);
  expect(readdirSync(directory)).toEqual([name]);
});
