// State machines against a real engine: the plain REST endpoints show them, and tasks that must give signs of life do so by what they say.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Place, until } from '../support/oarlock.ts';

const place = new Place();
let url: string;
let token: string;

const MACHINE = `
name: order
startAt: validate
states:
  validate: {type: Task, mock: {output: {ok: true}, fail: {times: 1}}, retry: {maxAttempts: 2, intervalSeconds: 0}, next: decide}
  decide:
    type: Choice
    choices: [{condition: {variable: "$.ok", booleanEquals: true}, next: approve}]
    default: refused
  approve: {type: Task, waitForSignal: approval, resultPath: $.by, next: done}
  done: {type: Success}
  refused: {type: Fail, error: Refused, cause: not ok}
`;

beforeAll(async () => {
  place.start('up', '--workers', '1', '--port', '0');
  const file = join(place.directory, 'state', 'endpoint.json');
  await until(
    () => existsSync(file),
    () => 'state/endpoint.json',
  );
  ({ url } = JSON.parse(readFileSync(file, 'utf8')) as { url: string });
  token = (await place.oarlock('token', 'create')).stdout.trim();
});
afterAll(() => place.close());

interface Reply {
  readonly code: number;
  readonly body: { readonly [name: string]: unknown };
}

async function ask(method: string, path: string, body?: string): Promise<Reply> {
  const type = body?.startsWith('{') === true ? 'application/json' : 'application/yaml';
  const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) };
  const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  return { code: response.status, body: (await response.json()) as Reply['body'] };
}

async function stateIs(id: string, state: string): Promise<Reply['body']> {
  let execution: Reply['body'] = {};
  const deadline = Date.now() + 20_000;
  while (execution['currentState'] !== state && Date.now() < deadline)
    ({ body: execution } = await ask('GET', `/workflow-executions/${id}`));
  expect(execution['currentState']).toBe(state);
  return execution;
}

describe('the plain endpoints', () => {
  test('show where an execution stands, what its steps were given and gave, and how it came to that', async () => {
    expect((await ask('POST', '/workflows', MACHINE)).code).toBe(201);
    const started = JSON.stringify({ workflowId: 'order', name: 'order-1', input: { id: 7 } });
    expect((await ask('POST', '/workflow-executions', started)).code).toBe(201);
    expect(await stateIs('order-1', 'approve')).toMatchObject({ status: 'RUNNING', input: { id: 7 } });

    const validate = await ask('GET', '/workflow-executions/order-1/steps/validate');
    expect(validate.body).toMatchObject({ status: 'SUCCESS', attempts: 2, input: { id: 7 }, output: { ok: true } });
    expect((validate.body['history'] as { to: string }[]).map(({ to }) => to)).toEqual([
      'RUNNING',
      'RETRYING',
      'RUNNING',
      'SUCCESS',
    ]);
    expect((await ask('GET', '/workflow-executions/order-1/steps/nobody')).code).toBe(404);

    await place.oarlock('signal', 'order-1', 'approval', '--data', '"me"');
    const ended = await stateIs('order-1', 'done');
    expect(ended).toMatchObject({ status: 'SUCCESS', output: { ok: true, by: 'me' } });
    const { body } = await ask('GET', '/workflow-executions/order-1/history');
    expect((body['history'] as { step: string }[]).map(({ step }) => step)).toContain('decide');
  });

  test('list executions by workflow, status and time', async () => {
    const ids = async (query: string): Promise<string[]> => {
      const { body } = await ask('GET', `/workflow-executions?${query}`);
      return (body['executions'] as { id: string }[]).map(({ id }) => id);
    };
    // A list shows what was published, which an end is a moment after it was journaled.
    const isListed = async (): Promise<boolean> => (await ids('workflowId=order&status=SUCCESS')).includes('order-1');
    await until(isListed, () => 'order-1 is listed as SUCCESS');
    expect(await ids('workflowId=order&status=FAILED')).toEqual([]);
    expect(await ids('workflowId=other')).toEqual([]);
    expect(await ids('workflowId=order&startedBefore=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await ids('workflowId=order&startedAfter=2020-01-01T00:00:00Z')).toEqual(['order-1']);
    expect((await ask('GET', '/workflow-executions?startedAfter=soon')).code).toBe(400);
  });
});

describe('a task that must give signs of life', () => {
  const machine = (name: string, code: string): string => `
name: ${name}
startAt: work
states:
  work:
    type: Task
    heartbeatSeconds: 2
    python:
      code: |
${code.replaceAll(/^/gm, '        ')}
    catch: [{errorType: HeartbeatTimeout, next: silent}]
    end: true
  silent: {type: Pass, result: silent, end: true}
`;

  test('goes on as long as it says something', async () => {
    const code = 'import time\nfor i in range(6):\n  print("still here", flush=True)\n  time.sleep(0.6)';
    const ran = await place.oarlock('run', place.file('talks.yaml', machine('talks', code)), '-o', 'json');
    expect(ran.code).toBe(0);
    expect((JSON.parse(ran.stdout) as { status: { output: unknown } }).status.output).not.toBe('silent');
  }, 40_000);

  test('is ended when it is silent for too long, and the failure can be caught', async () => {
    const silent = place.file('hangs.yaml', machine('hangs', 'import time\ntime.sleep(60)'));
    const ran = await place.oarlock('run', silent, '-o', 'json');
    expect((JSON.parse(ran.stdout) as { status: { output: unknown } }).status.output).toBe('silent');
  }, 40_000);

  test('is told so at the address of its callback, and answered there', async () => {
    const asks = `
name: asks
startAt: ask
states:
  ask:
    type: Task
    Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
    Parameters: {FunctionName: keep, Payload: {"token.$": "$$.Task.Token"}}
    heartbeatSeconds: 30
    end: true
taskRefs: {keep: keep}
---
{apiVersion: oarlock.dev/v1, kind: Task, metadata: {name: keep}, spec: {command: 'cp "$OARLOCK_INPUT" kept.json'}}
`;
    await place.oarlock('apply', '-f', place.file('asks.yaml', asks));
    place.start('run', 'asks', '--name', 'asks-1');
    const waiting = async (): Promise<boolean> =>
      (await ask('GET', '/workflow-executions/asks-1/steps/ask%2Fcallback')).body['status'] === 'WAITING';
    await until(waiting, () => 'the callback is waited for');
    await stateIs('asks-1', 'ask');
    const kept = readFileSync(join(place.directory, 'kept.json'), 'utf8');
    const secret = (JSON.parse(kept) as { token: string }).token;
    for (let beat = 0; beat < 2; beat += 1)
      expect((await ask('POST', `/hooks/${secret}`, '{"heartbeat": true}')).code).toBe(202);
    const standing = async (): Promise<string> => (await place.oarlock('get', 'signals', '-o', 'name')).stdout;
    await until(
      async () => (await standing()) === '',
      () => 'the signs of life are taken',
    );
    expect((await ask('POST', `/hooks/${secret}`, '{"done": 1}')).code).toBe(202);
    await place.phaseIs('asks-1', 'Succeeded');
    expect((await place.run('asks-1')).status).toMatchObject({ output: { done: 1 } });
  });
});
