import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningWorker, startWorker } from '../../support/running-worker.ts';

describe('a worker', () => {
  let worker: RunningWorker;
  beforeEach(async () => {
    worker = await startWorker(2, { ...process.env, TOKEN_SOURCE: 's3cret-value', OTHER_SECRET: 'never' });
  });
  afterEach(() => worker.end());

  test('runs a command and keeps its output in the log', async () => {
    const { outcome, log } = await worker.perform({ type: 'command', command: 'echo hello; echo oops >&2' });
    expect(outcome).toEqual({ result: 'Success', exitCode: 0 });
    expect(log).toBe('hello\noops\n');
  });

  test('masks secrets', async () => {
    const { outcome, log } = await worker.perform(
      { type: 'command', command: 'printf s3cret-; sleep 0.01; echo "value $TOKEN $OTHER_SECRET"; exit 3' },
      { env: { TOKEN: { fromEnv: 'TOKEN_SOURCE' } } },
    );
    expect(outcome).toMatchObject({
      result: 'Failure',
      exitCode: 3,
      error: { type: 'TaskFailed', message: 'exit code 3' },
    });
    expect(log).toBe('*** *** \n');
  });

  test('calls a function', async () => {
    fs.writeFileSync(
      join(worker.place.root, 'tasks.mjs'),
      'export async function add({input, run, node, attempt, key, log}) { log("adding", input); console.log("out"); return {sum: input.a + input.b, run, node, attempt, key}; }',
    );
    const { outcome, log } = await worker.perform(
      { type: 'call', module: './tasks.mjs', export: 'add' },
      { input: { a: 1, b: 2 } },
    );
    expect(outcome).toEqual({
      result: 'Success',
      exitCode: 0,
      output: { sum: 3, run: 'etl', node: 'node 1', attempt: 1, key: 'key-1' },
    });
    expect(log).toBe('adding { a: 1, b: 2 }\nout\n');
  });
});
