// Tasks that wait for somebody: a Signal by name, or a token that whoever answers was given.

import { describe, expect, test } from 'vitest';
import { consumeSignals } from '../../../kernel/decide.ts';
import { type Json, type JsonObject, textAt } from '../../../kernel/json.ts';
import type { Outcome } from '../../../kernel/task.ts';
import { runOfToken } from '../../../manifests/states/token.ts';
import { MachineDriver, runMachine } from '../../support/state-machine-run.ts';

async function send(driver: MachineDriver, name: string, data: Json, uid = 'signal-1'): Promise<void> {
  const now = { time: driver.run.time, wall: driver.run.updatedAt };
  for (const event of consumeSignals(driver.run, [{ uid, name, data }], now)) await driver.take(event);
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

describe('a Task that is tried again', () => {
  const task = {
    Type: 'Task',
    Resource: 'ask',
    Parameters: { 'count.$': '$$.State.RetryCount', 'input.$': '$.x' },
    Retry: [
      { ErrorEquals: ['A'], MaxAttempts: 1, IntervalSeconds: 1 },
      { ErrorEquals: ['States.ALL'], MaxAttempts: 2, IntervalSeconds: 1 },
    ],
    End: true,
  };

  test('is told anew how often it was tried, and its rules count for themselves', async () => {
    const given: Json[] = [];
    const ask = (input: Json): Outcome => {
      given.push(input);
      return { result: 'Failure', error: { type: given.length === 2 ? 'B' : 'A', message: '' } };
    };
    const definition = { StartAt: 'Ask', States: { Ask: task } };
    const { run } = await runMachine({ definition, input: { x: 7 }, functions: { ask } });
    expect(run.end?.error?.type).toBe('A');
    expect(given).toEqual([0, 1, 2].map((count) => ({ count, input: 7 })));
  });

  test('asks anew, with another token, when the answer was a failure', async () => {
    const tokens: string[] = [];
    const ask = (input: Json): Outcome => {
      tokens.push(textAt(input, 'token'));
      return { result: 'Success' };
    };
    const asks = {
      ...task,
      Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
      Parameters: { FunctionName: 'ask', Payload: { 'token.$': '$$.Task.Token', 'count.$': '$$.State.RetryCount' } },
    };
    const definition = { StartAt: 'Ask', States: { Ask: asks } };
    const driver = await MachineDriver.start({ definition, input: { x: 7 }, functions: { ask } });
    await driver.toEnd();
    for (const [count, error] of ['A', 'B', 'B'].entries())
      await send(driver, tokens.at(-1) ?? '', { error, cause: 'no' }, `signal-${count}`);
    await send(driver, tokens.at(-1) ?? '', 'yes', 'signal-yes');
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: 'yes' });
    expect(new Set(tokens).size).toBe(4);
    expect([...driver.run.nodes.keys()]).toContain('Ask#2/pause');
  });
});

describe('a Task that must give signs of life', () => {
  const ask = (): Outcome => ({ result: 'Success' });
  const beats = {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Parameters: { FunctionName: 'ask', Payload: { 'token.$': '$$.Task.Token' } },
    TimeoutSeconds: 100,
    HeartbeatSecondsPath: '$.beat',
    Catch: [{ ErrorEquals: ['States.HeartbeatTimeout'], Next: 'Silent', ResultPath: null }],
    End: true,
  };
  const definition = { StartAt: 'Ask', States: { Ask: beats, Silent: { Type: 'Pass', Result: 'silent', End: true } } };

  async function waiting(beat: number): Promise<MachineDriver> {
    const driver = await MachineDriver.start({ definition, input: { beat }, functions: { ask } });
    while ((await driver.settle()) || (await driver.work()));
    return driver;
  }

  test('is given up when it is silent for too long', async () => {
    const driver = await waiting(10);
    await driver.toEnd();
    expect(driver.run.end).toMatchObject({ phase: 'Succeeded', output: 'silent' });
    expect(driver.run.time).toBe(10_000);
  });

  test('has its time again with every sign, but no more than it may take in all', async () => {
    const driver = await waiting(60);
    const name = nameOfSignal(driver);
    driver.pass(50_000);
    await beat(driver, name);
    expect(driver.run.nodes.get('Ask/callback')?.state).toBe('WAITING');
    await driver.toEnd();
    expect(driver.run.time).toBe(100_000);
    expect(driver.run.end).toMatchObject({ phase: 'Failed', error: { type: 'States.Timeout' } });
  });

  test('cannot ask for more silence than it has time', async () => {
    const definition_ = { StartAt: 'A', States: { A: { ...task(5, 5), End: true } } };
    await expect(MachineDriver.start({ definition: definition_, input: {} })).rejects.toThrow(
      /HeartbeatSeconds: expected less/,
    );
  });

  function task(timeout: number, heartbeat: number): JsonObject {
    return { Type: 'Task', Resource: 'ask', TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat };
  }

  function nameOfSignal(driver: MachineDriver): string {
    const executor = driver.run.nodes.get('Ask/callback')?.task.executor;
    return executor?.type === 'signal' ? executor.name : '';
  }

  async function beat(driver: MachineDriver, name: string): Promise<void> {
    const now = { time: driver.time, wall: driver.time };
    const events = consumeSignals(driver.run, [{ uid: 'beat-1', name, data: { heartbeat: true } }], now);
    expect(events).toMatchObject([{ type: 'Beat', node: 'Ask/callback' }]);
    for (const event of events) await driver.take(event);
  }
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
