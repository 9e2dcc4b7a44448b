// The controller on the memory store, with workers that do what a test tells them.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../kernel/task.ts';
import { MemoryEngine } from '../../support/memory-engine.ts';

const success: Outcome = { result: 'Success', output: { ok: true } };
const failure: Outcome = { result: 'Failure', error: { type: 'TaskFailed', message: 'exit code 1' }, exitCode: 1 };
const diamond = {
  tasks: [
    { id: 'a', command: 'true' },
    { id: 'b', command: 'true', dependencies: ['a'] },
    { id: 'c', command: 'true', dependencies: ['a'] },
    { id: 'd', command: 'true', dependencies: ['b', 'c'] },
  ],
};

describe('a controller', () => {
  let engine: MemoryEngine;
  const workers: (() => Promise<void>)[] = [];
  beforeEach(() => {
    engine = new MemoryEngine();
  });
  afterEach(async () => {
    await engine.stopController();
    for (const stop of workers.splice(0)) await stop();
    await engine.store.close();
  });

  test('brings a run from its manifest to its end, each node after those before it', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    await engine.run('r', diamond);
    await engine.phaseIs('r', 'Succeeded');
    expect(engine.claimed[0]).toBe('a.1');
    expect(engine.claimed.slice(1, 3).sort()).toEqual(['b.1', 'c.1']);
    expect(engine.claimed[3]).toBe('d.1');
    expect(await engine.status('r')).toMatchObject({ output: { d: { ok: true } }, counts: { total: 4, SUCCESS: 4 } });
  });

  test('leaves nothing in an inbox once the end is recorded', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    await engine.run('r', diamond);
    await engine.phaseIs('r', 'Succeeded');
    await engine.until('the inbox is empty', async () => (await engine.store.leases.inbox('w1')).length === 0);
  });

  test('goes on where another controller left off, without starting anything again', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 1, (offer) => (offer.node === 'b' ? undefined : success)));
    await engine.run('r', diamond);
    await engine.until('b runs', () => engine.claimed.includes('b.1'));
    await engine.stopController();
    await engine.startController();
    const [lease] = (await engine.store.leases.inbox('w1')).filter(
      ({ claim, outcome }) => claim !== null && outcome === null,
    );
    await engine.store.leases.settle('w1', lease?.fence ?? '', { outcome: success });
    await engine.phaseIs('r', 'Succeeded');
    expect(engine.claimed.filter((attempt) => attempt.startsWith('b'))).toEqual(['b.1']);
  });

  test('tries a failed task again as often as it may, and then fails the run', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, (offer) => (offer.node === 'b' ? failure : success)));
    await engine.run('r', {
      tasks: diamond.tasks.map((task) => (task.id === 'b' ? { ...task, maxRetries: 2 } : task)),
    });
    await engine.phaseIs('r', 'Failed');
    expect(engine.claimed.filter((attempt) => attempt.startsWith('b'))).toEqual(['b.1', 'b.2', 'b.3']);
    expect(await engine.states('r')).toMatchObject({ a: 'SUCCESS', b: 'FAILED', d: 'SKIPPED' });
    expect((await engine.status('r'))['error']).toEqual({ type: 'TaskFailed', message: 'exit code 1' });
  });

  test('starts nothing in a suspended run, and goes on when it is resumed', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    await engine.run('r', diamond, { suspend: true });
    await engine.phaseIs('r', 'Suspended');
    expect(engine.claimed).toEqual([]);
    await engine.edit('r', { suspend: false });
    await engine.phaseIs('r', 'Succeeded');
  });

  test('takes a run that waits for its workflow as soon as that is there', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    const spec = { workflowRef: { name: 'later' } };
    await engine.store.resources.create({
      apiVersion: 'oarlock.dev/v1',
      kind: 'WorkflowRun',
      metadata: { name: 'r' },
      spec,
    });
    await engine.until('it says what is missing', async () =>
      JSON.stringify(await engine.status('r')).includes('later'),
    );
    await engine.store.resources.create({
      apiVersion: 'oarlock.dev/v1',
      kind: 'Workflow',
      metadata: { name: 'later' },
      spec: diamond,
    });
    await engine.phaseIs('r', 'Succeeded');
  });

  test('gives a Signal to the node that waits for it, once, and removes it', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    await engine.run('r', {
      tasks: [
        { id: 'ask', signal: { name: 'go' } },
        { id: 'then', command: 'true', dependencies: ['ask'] },
      ],
    });
    await engine.until('it waits', async () => (await engine.states('r'))['ask'] === 'WAITING');
    const spec = { run: 'r', name: 'go', data: { by: 'Ada' } };
    await engine.store.resources.create({
      apiVersion: 'oarlock.dev/v1',
      kind: 'Signal',
      metadata: { name: 's' },
      spec,
    });
    await engine.phaseIs('r', 'Succeeded');
    await engine.until('the Signal is gone', async () => (await engine.store.resources.get('Signal', 's')) === null);
  });

  test('keeps a Signal that came before its node began to wait', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 1, () => undefined));
    const tasks = [
      { id: 'work', mock: { delaySeconds: 0.1 } },
      { id: 'ask', signal: { name: 'go' }, dependencies: ['work'] },
    ];
    await engine.run('r', { tasks });
    await engine.store.resources.create({
      apiVersion: 'oarlock.dev/v1',
      kind: 'Signal',
      metadata: { name: 'early' },
      spec: { run: 'r', name: 'go', data: 1 },
    });
    await engine.phaseIs('r', 'Succeeded');
    expect(await engine.status('r')).toMatchObject({ output: { ask: 1 } });
  });

  test('says of a Signal for a run that does not exist that there is none', async () => {
    await engine.startController();
    const spec = { run: 'nobody', name: 'go' };
    await engine.store.resources.create({
      apiVersion: 'oarlock.dev/v1',
      kind: 'Signal',
      metadata: { name: 's' },
      spec,
    });
    await engine.until('its condition says so', async () => {
      const signal = await engine.store.resources.get('Signal', 's');
      return JSON.stringify(signal?.status ?? {}).includes('NoSuchRun');
    });
  });

  test('restarts a node of a finished run and what follows it, nothing else', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    await engine.run('r', diamond);
    await engine.phaseIs('r', 'Succeeded');
    engine.claimed.length = 0;
    await engine.edit('r', { restart: [{ node: 'b', nonce: '1' }] });
    await engine.until('d ran again', () => engine.claimed.includes('d.2'));
    await engine.phaseIs('r', 'Succeeded');
    expect(engine.claimed).toEqual(['b.2', 'd.2']);
  });

  test('removes a deleted run and its files', async () => {
    await engine.startController();
    workers.push(await engine.startWorker('w1', 2, () => success));
    await engine.run('r', diamond);
    await engine.phaseIs('r', 'Succeeded');
    await engine.store.resources.delete('WorkflowRun', 'r');
    await engine.until('its place is gone', async () => (await engine.store.runs.list()).length === 0);
  });

  test('gives turns to all runs that have ready nodes', async () => {
    const wide = { tasks: Array.from({ length: 20 }, (_, at) => ({ id: `t${at}`, command: 'true' })) };
    await engine.run('long', wide);
    await engine.run('short', { tasks: [{ id: 's', command: 'true' }] });
    workers.push(await engine.startWorker('w1', 1, () => success));
    await engine.startController();
    await engine.phaseIs('long', 'Succeeded');
    await engine.phaseIs('short', 'Succeeded');
    expect(engine.claimed.indexOf('s.1')).toBeLessThan(5);
  });
});
