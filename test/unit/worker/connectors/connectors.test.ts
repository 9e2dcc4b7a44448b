// Connectors through a real worker and its host: what goes in and comes out, what is refused, and a connector of the user's own.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Executor } from '../../../../kernel/task.ts';
import type { Offer } from '../../../../store/store.ts';
import { type RunningWorker, startWorker } from '../../../support/running-worker.ts';

let worker: RunningWorker;
beforeAll(async () => {
  worker = await startWorker(1, { ...process.env, SECRET_SOURCE: 'swordfish' });
  fs.mkdirSync(join(worker.place.root, 'connectors'));
  write('greeter.mjs', GREETER);
  write('wrong.mjs', 'export default 17;');
  write('wrong-class.mjs', 'export default () => class {};');
  write('file.mjs', 'export default 17;');
});
afterAll(() => worker.end());

const GREETER = `
export default ({ Connector, ConnectorError, action }) => class extends Connector {
  actions = {
    greet: action({
      description: 'Says hello.',
      input: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false },
      output: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
      async run({ name }, { key, attempt, log, env }) {
        log('greeting', name, env.TOKEN ?? '');
        if (name === 'nobody') throw new ConnectorError('NobodyThere', 'nobody is there', 'permanent');
        if (name === 'odd') return { text: 17 };
        return { text: 'hello ' + name, key, attempt };
      },
    }),
  };
};`;

function write(name: string, text: string): void {
  fs.writeFileSync(join(worker.place.root, 'connectors', name), text);
}

function perform(action: string, input: unknown, more: Partial<Offer> = {}): ReturnType<RunningWorker['perform']> {
  const executor: Executor = { type: 'connector', action };
  return worker.perform(executor, { input: input as never, ...more });
}

describe('a connector', () => {
  test('of the user runs with the key and the attempt of its node, and its output is the output of the task', async () => {
    const { outcome, log, counter } = await perform('greeter.greet', { name: 'Ada' });
    expect(outcome).toEqual({
      result: 'Success',
      exitCode: 0,
      output: { text: 'hello Ada', key: `key-${counter}`, attempt: 1 },
    });
    expect(log).toBe('greeting Ada \n');
  });

  test('sees the secrets of its task, and they are masked in the log', async () => {
    const { log } = await perform('greeter.greet', { name: 'Ada' }, { env: { TOKEN: { fromEnv: 'SECRET_SOURCE' } } });
    expect(log).toBe('greeting Ada ***\n');
  });

  test('is read anew when its module was changed', async () => {
    write('greeter.mjs', GREETER.replace('hello ', 'hallo '));
    fs.utimesSync(join(worker.place.root, 'connectors', 'greeter.mjs'), 1, 2);
    expect((await perform('greeter.greet', { name: 'Ada' })).outcome).toMatchObject({ output: { text: 'hallo Ada' } });
  });

  test('that comes with the engine reads and writes the files of its task', async () => {
    expect((await perform('file.write', { path: 'out/a.txt', text: 'one' })).outcome).toMatchObject({
      output: { path: 'out/a.txt', sizeBytes: 3 },
    });
    expect((await perform('file.read', { path: 'out/a.txt' })).outcome).toMatchObject({ output: { content: 'one' } });
  });
});

const refused: readonly { name: string; action: string; input: unknown; error: { type: string; message: RegExp } }[] = [
  {
    name: 'an unknown connector is told with those that there are',
    action: 'slack.post',
    input: {},
    error: {
      type: 'UnknownConnector',
      message:
        /^connector slack: expected one of email, file, http, postgres, purchaseOrder, greeter, wrong-class, wrong, /,
    },
  },
  {
    name: 'an unknown action is told with those that there are',
    action: 'file.remove',
    input: {},
    error: {
      type: 'UnknownConnector',
      message: /^connector file: expected one of its actions \(list, read, write\), found remove$/,
    },
  },
  {
    name: 'an action is no name of a method of objects',
    action: 'greeter.constructor',
    input: {},
    error: { type: 'UnknownConnector', message: /expected one of its actions \(greet\), found constructor/ },
  },
  {
    name: 'an input that does not fit is refused before the action runs',
    action: 'greeter.greet',
    input: { nam: 'Ada' },
    error: { type: 'InvalidInput', message: /^greeter\.greet: input: / },
  },
  {
    name: 'an output that does not fit fails the attempt',
    action: 'greeter.greet',
    input: { name: 'odd' },
    error: { type: 'OutputInvalid', message: /^greeter\.greet: output: text: / },
  },
  {
    name: 'an error of the connector keeps its type',
    action: 'greeter.greet',
    input: { name: 'nobody' },
    error: { type: 'NobodyThere', message: /^nobody is there$/ },
  },
  {
    name: 'a module that exports something else says what was expected',
    action: 'wrong.x',
    input: {},
    error: { type: 'UnknownConnector', message: /wrong\.mjs: expected a default export .*, found number$/ },
  },
  {
    name: 'a class that is no connector is refused',
    action: 'wrong-class.x',
    input: {},
    error: { type: 'UnknownConnector', message: /wrong-class\.mjs: expected a default export/ },
  },
];

test.each(refused)('$name', async ({ action, input, error }) => {
  const { outcome } = await perform(action, input);
  expect(outcome).toMatchObject({
    result: 'Failure',
    error: { type: error.type, message: expect.stringMatching(error.message), permanent: true },
  });
});
