// Tasks that wait for somebody: a Signal by name, or a token that whoever answers was given.

import { describe, expect, test } from 'vitest';
import { consumeSignals } from '../../../kernel/decide.ts';
import { type Json, textAt } from '../../../kernel/json.ts';
import { runOfToken } from '../../../manifests/states/token.ts';
import { MachineDriver } from '../../support/state-machine-run.ts';

async function send(driver: MachineDriver, name: string, data: Json): Promise<void> {
  const now = { time: driver.run.time, wall: driver.run.updatedAt };
  for (const event of consumeSignals(driver.run, [{ uid: 'signal-1', name, data }], now)) await driver.take(event);
  await driver.toEnd();
}

describe('a Task with waitForSignal', () => {
  const definition = {
    startAt: 'approve',
    states: { approve: { type: 'Task', waitForSignal: 'approval', resultPath: '$.answer', end: true } },
  };

  test('waits without a worker and takes the data for its result', async () => {
    const driver = await MachineDriver.start({ definition, input: { order: 1 } });
    await driver.toEnd();
    expect(driver.run.end).toBeNull();
    expect(driver.run.counts.WAITING).toBe(1);
    await send(driver, 'approval', { ok: true });
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: { order: 1, answer: { ok: true } } });
  });

  test('runs its function first, when it has one', async () => {
    const asked: Json[] = [];
    const state = { ...definition.states.approve, resource: 'ask' };
    const ask = (input: Json): { result: 'Success' } => {
      asked.push(input);
      return { result: 'Success' };
    };
    const driver = await MachineDriver.start({
      definition: { startAt: 'approve', states: { approve: state } },
      input: { order: 1 },
      functions: { ask },
    });
    await driver.toEnd();
    expect(asked).toEqual([{ order: 1 }]);
    expect(driver.run.nodes.get('approve/callback')?.state).toBe('WAITING');
    await send(driver, 'approval', 'yes');
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: { order: 1, answer: 'yes' } });
  });

  test('gives up when its time is over', async () => {
    const state = { ...definition.states.approve, timeout: 60, catch: { errorType: 'Timeout', next: 'late' } };
    const { end: _end, ...waits } = { ...state, next: 'late' };
    const late = { type: 'Pass', result: 'late', end: true };
    const driver = await MachineDriver.start({
      definition: { startAt: 'approve', states: { approve: waits, late } },
      input: {},
    });
    await driver.toEnd();
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: 'late' });
  });
});

describe('a Task that waits for its token', () => {
  const definition = {
    StartAt: 'Ask',
    States: {
      Ask: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Parameters: { FunctionName: 'ask', Payload: { 'token.$': '$$.Task.Token' } },
        Catch: [{ ErrorEquals: ['Refused'], Next: 'No' }],
        End: true,
      },
      No: { Type: 'Pass', End: true },
    },
  };

  async function asked(): Promise<{ driver: MachineDriver; token: string }> {
    let token = '';
    const ask = (input: Json): { result: 'Success' } => {
      token = textAt(input, 'token');
      return { result: 'Success' };
    };
    const driver = await MachineDriver.start({ definition, input: {}, functions: { ask } });
    await driver.toEnd();
    return { driver, token };
  }

  test('gives its function a token that names the run, and takes what comes under it', async () => {
    const { driver, token } = await asked();
    expect(runOfToken(token)).toBe(driver.run.name);
    await send(driver, token, { answer: 42 });
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: { answer: 42 } });
  });

  test('fails when the answer is an error', async () => {
    const { driver, token } = await asked();
    await send(driver, token, { error: 'Refused', cause: 'no' });
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: { Error: 'Refused', Cause: 'no' } });
  });
});

describe('a machine with a time limit', () => {
  const states = { ask: { type: 'Task', waitForSignal: 'answer', end: true } };
  const definition = { startAt: 'ask', timeoutSeconds: 60, states };

  test('fails when the time is over, and what runs is stopped', async () => {
    const driver = await MachineDriver.start({ definition, input: {} });
    await driver.toEnd();
    expect(driver.run.end).toMatchObject({ phase: 'Failed', error: { type: 'Timeout' } });
    expect(driver.run.nodes.get('ask')?.state).toBe('CANCELLED');
  });

  test('ends like any other when it is in time', async () => {
    const driver = await MachineDriver.start({ definition, input: {} });
    while (await driver.settle());
    await send(driver, 'answer', 7);
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: 7 });
  });
});
