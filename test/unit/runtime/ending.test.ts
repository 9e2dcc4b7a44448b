// Endings of real attempts in real slots.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StopReason } from '../../../kernel/task.ts';
import { createClock } from '../../../runtime/clock.ts';
import { endAttempt, taskMark } from '../../../runtime/ending.ts';
import { Disk } from '../../../store/file/disk.ts';
import type { FileLeases } from '../../../store/file/leases.ts';
import type { LeaseView, SettledOutcome } from '../../../store/store.ts';
import { baseEnvironment, prepareJob } from '../../../worker/job.ts';
import { Slot } from '../../../worker/slot.ts';
import { fenceOf, settledLease, SlotPlace, until, WORKER } from '../../support/slot-place.ts';

describe('ending an attempt', () => {
  let place: SlotPlace;
  let leases: FileLeases;
  const slots: Slot[] = [];

  beforeEach(() => {
    place = new SlotPlace();
    leases = place.leases();
    fs.mkdirSync(place.paths.inbox(WORKER), { recursive: true });
  });
  afterEach(async () => {
    for (const slot of slots.splice(0)) {
      place.processes.signalGroup(slot.identity, 'SIGKILL');
      await slot.exited;
    }
    place.dispose();
  });

  const startSlot = (): Slot => {
    const slot = Slot.shell({
      processes: place.processes,
      inbox: place.paths.inbox(WORKER),
      env: baseEnvironment(process.env),
      onDone: () => undefined,
    });
    slots.push(slot);
    return slot;
  };
  const claim = async (slot: Slot, counter: number, command: string): Promise<() => void> => {
    const offer = place.offer(counter, { type: 'command', command });
    await leases.offer(WORKER, offer);
    await leases.claim(WORKER, offer.fence, slot.token);
    const job = prepareJob(offer, leases.places(WORKER, offer.fence, slot.token), new Disk(), process.env);
    if ('type' in job) throw new Error(job.message);
    return () => slot.run(job);
  };
  /** Runs a command until it says `ready`. */
  const begin = async (slot: Slot, counter: number, command: string): Promise<void> => {
    (await claim(slot, counter, command))();
    await until('the task is ready', () => place.readLog(counter).includes('ready'));
  };
  const view = async (counter: number): Promise<LeaseView> => {
    const found = (await place.leases().inbox(WORKER)).find(({ fence }) => fence === fenceOf(counter));
    if (found === undefined) throw new Error('expected a lease');
    return found;
  };
  const end = async (counter: number, reason: StopReason, graceMs = 5_000): Promise<SettledOutcome> =>
    endAttempt(
      { leases: place.leases(), processes: place.processes, clock: createClock(0), graceMs },
      WORKER,
      await view(counter),
      reason,
    );
  const markOf = (counter: number): string => taskMark(place.leases().places(WORKER, fenceOf(counter)));
  const pidIn = (counter: number): number => Number(/pid (\d+)/.exec(place.readLog(counter))?.[1]);
  const isGone = (pid: number): boolean => place.processes.identify(pid) === null;

  test('a task that heeds SIGTERM is over at once, its slot lives and has said how it ended', async () => {
    const slot = startSlot();
    await begin(slot, 1, 'echo ready; sleep 100');
    const before = performance.now();
    expect(await end(1, 'Timeout')).toMatchObject({ outcome: { result: 'Stopped', reason: 'Timeout' } });
    expect(performance.now() - before).toBeLessThan(5_000);
    expect((await view(1)).outcome?.outcome).toMatchObject({ result: 'Failure', exitCode: 143 });
    expect(place.processes.membersOf(markOf(1), slot.identity.pid)).toEqual([slot.identity]);
  });

  test('a task may clean up within the grace', async () => {
    const slot = startSlot();
    await begin(slot, 1, "trap 'sleep 0.1; echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.02; done");
    expect(await end(1, 'Cancelled')).toMatchObject({ outcome: { result: 'Stopped', reason: 'Cancelled' } });
    expect(place.readLog(1)).toContain('cleaned');
  });

  test('a task that ignores SIGTERM is killed after the grace, with its slot', async () => {
    const slot = startSlot();
    await begin(slot, 1, "trap '' TERM; echo ready; while :; do sleep 0.02; done");
    expect(await end(1, 'Timeout', 100)).toMatchObject({ outcome: { result: 'Stopped', reason: 'Timeout' } });
    expect(place.processes.membersOf(markOf(1), slot.identity.pid)).toEqual([]);
    await slot.exited;
    expect((await view(1)).outcome?.outcome).toEqual({ result: 'Stopped', reason: 'Timeout' });
  });

  test('a process that left the session is found by its environment', async () => {
    const slot = startSlot();
    await begin(
      slot,
      1,
      'setsid sh -c \'echo "pid $$"; echo ready; trap "" TERM; while :; do sleep 0.02; done\' & wait',
    );
    const pid = pidIn(1);
    await end(1, 'Cancelled', 100);
    expect(isGone(pid)).toBe(true);
  });

  test('a task of another engine that is at the same fence just now is left alone', async () => {
    const other = spawn('sleep', ['100'], {
      env: { ...process.env, OARLOCK_FENCE: fenceOf(1), OARLOCK_OUTPUT: `/other/state/leases/w1/${fenceOf(1)}.output` },
    });
    try {
      const slot = startSlot();
      await begin(slot, 1, 'echo ready; sleep 100');
      await end(1, 'Cancelled', 100);
      expect(other.signalCode).toBeNull();
      expect(place.processes.identify(other.pid ?? 0)).not.toBeNull();
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('a process that was left in the background is ended too', async () => {
    const slot = startSlot();
    await begin(slot, 1, '(trap \'\' TERM; while :; do sleep 0.02; done) & echo "pid $!"; echo ready; sleep 100');
    const pid = pidIn(1);
    await end(1, 'Cancelled', 100);
    expect(isGone(pid)).toBe(true);
  });

  test('an outcome that stood before the stop stays what it is', async () => {
    const slot = startSlot();
    (await claim(slot, 1, 'exit 3'))();
    await settledLease(leases, 1);
    expect((await end(1, 'Timeout')).outcome).toMatchObject({ result: 'Failure', exitCode: 3 });
    expect(place.names()).not.toContain(`${fenceOf(1)}.stop`);
  });

  test('what the slot runs after an attempt that is over is not hit', async () => {
    const slot = startSlot();
    const first = await claim(slot, 1, 'true');
    const stale = await view(1);
    first();
    await settledLease(leases, 1);
    await begin(slot, 2, 'echo ready; sleep 0.3; echo done');
    const tools = { leases: place.leases(), processes: place.processes, clock: createClock(0), graceMs: 50 };
    expect((await endAttempt(tools, WORKER, stale, 'Timeout')).outcome).toEqual({
      result: 'Stopped',
      reason: 'Timeout',
    });
    expect((await settledLease(leases, 2)).outcome?.outcome).toMatchObject({ result: 'Success' });
    expect(place.readLog(2)).toContain('done');
  });

  test('an offer that nobody claimed is taken back', async () => {
    await leases.offer(WORKER, place.offer(1, { type: 'command', command: 'true' }));
    expect((await end(1, 'Cancelled')).outcome).toEqual({ result: 'Stopped', reason: 'Cancelled' });
    expect(await leases.offers(WORKER)).toEqual([]);
  });

  test('a slot that has not begun when the stop stands does not begin', async () => {
    const slot = startSlot();
    const run = await claim(slot, 1, `touch ${join(place.root, 'began')}`);
    await leases.stop(WORKER, fenceOf(1), 'Cancelled');
    run();
    expect((await settledLease(leases, 1)).outcome?.outcome).toMatchObject({ exitCode: 143 });
    expect((await end(1, 'Cancelled')).outcome).toEqual({ result: 'Stopped', reason: 'Cancelled' });
    expect(fs.existsSync(join(place.root, 'began'))).toBe(false);
  });

  test('what a killed slot leaves running is ended before the attempt is lost', async () => {
    const slot = startSlot();
    await begin(slot, 1, 'sh -c \'echo "pid $$"; echo ready; exec sleep 100\'; true');
    const pid = pidIn(1);
    place.processes.signal(slot.identity, 'SIGKILL');
    await slot.exited;
    expect(isGone(pid)).toBe(false);
    expect((await end(1, 'Lost')).outcome).toMatchObject({ result: 'Lost' });
    expect(isGone(pid)).toBe(true);
  });

  test('a loss changes no outcome that the slot had written', async () => {
    const slot = startSlot();
    (await claim(slot, 1, 'exit 0'))();
    await settledLease(leases, 1);
    place.processes.signal(slot.identity, 'SIGKILL');
    await slot.exited;
    expect((await end(1, 'Lost')).outcome).toMatchObject({ result: 'Success' });
  });

  test('a slot that is stopped, task and all, is ended all the same', async () => {
    const slot = startSlot();
    await begin(slot, 1, 'echo ready; sleep 100');
    process.kill(-slot.identity.pid, 'SIGSTOP');
    expect((await end(1, 'Timeout', 50)).outcome).toEqual({ result: 'Stopped', reason: 'Timeout' });
    expect(place.processes.membersOf(markOf(1), slot.identity.pid)).toEqual([]);
  });

  test('an ending that was cut off is taken up by the next one', async () => {
    const slot = startSlot();
    await begin(slot, 1, 'echo ready; sleep 100');
    await leases.stop(WORKER, fenceOf(1), 'Timeout');
    process.kill(-slot.identity.pid, 'SIGTERM');
    await settledLease(leases, 1);
    expect((await end(1, 'Timeout')).outcome).toEqual({ result: 'Stopped', reason: 'Timeout' });
  });

  test('files that somebody removed meanwhile do not save the task', async () => {
    const slot = startSlot();
    await begin(slot, 1, 'echo ready; exec sleep 100');
    const known = await view(1);
    fs.rmSync(place.paths.inbox(WORKER), { recursive: true });
    const tools = { leases: place.leases(), processes: place.processes, clock: createClock(0), graceMs: 2_000 };
    expect((await endAttempt(tools, WORKER, known, 'Cancelled')).outcome).toEqual({
      result: 'Stopped',
      reason: 'Cancelled',
    });
    expect(place.processes.membersOf(markOf(1), null)).toEqual([]);
  });
});
