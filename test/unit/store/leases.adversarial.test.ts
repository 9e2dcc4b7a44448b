// Lease files that were cut, spoiled, removed or put back by hand, and processes that died around any single operation.

import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProcessIdentity, Processes } from '../../../kernel/ports.ts';
import { createProcesses } from '../../../runtime/processes.ts';
import { formatSlotLine } from '../../../runtime/slot-line.ts';
import { bootPrefix, formatSlot } from '../../../runtime/slot-token.ts';
import { Disk, type DiskHooks } from '../../../store/file/disk.ts';
import { FileLeases } from '../../../store/file/leases.ts';
import type { LeaseView, SettledOutcome } from '../../../store/store.ts';
import { fenceOf, SlotPlace, WORKER } from '../../support/slot-place.ts';

const COMMAND = { type: 'command', command: 'true' } as const;
const DEAD_SLOT = 's1999999999-1-0badb007';
const LOST: SettledOutcome = { outcome: { result: 'Lost', message: 'its slot is gone' } };

describe('lease files', () => {
  let place: SlotPlace;
  beforeEach(() => {
    place = new SlotPlace();
  });
  afterEach(() => place.dispose());

  const fence = fenceOf(1);
  const boot = (): string => bootPrefix(place.processes.bootId());
  const livingSlot = (): string => formatSlot('s', place.processes.self());
  const lease = async (leases = place.leases()): Promise<LeaseView | undefined> =>
    (await leases.inbox(WORKER)).find((view) => view.fence === fence);
  const write = (name: string, content: string | Uint8Array): void => fs.writeFileSync(place.inbox(name), content);
  const age = (name: string): void => fs.utimesSync(place.inbox(name), new Date(0), new Date(0));
  const claimed = async (slot = DEAD_SLOT): Promise<FileLeases> => {
    const leases = place.leases();
    await leases.offer(WORKER, place.offer(1, COMMAND));
    await leases.claim(WORKER, fence, slot);
    return leases;
  };
  const slotLine = (more: Partial<Parameters<typeof formatSlotLine>[0]> = {}): string =>
    formatSlotLine({ boot: boot(), fence, exitCode: 0, start: '100.00', end: '100.25', hasOutput: false, ...more });

  test('an offer that is cut at any byte is not taken, and goes to quarantine once it stays so', async () => {
    await place.leases().offer(WORKER, place.offer(1, COMMAND));
    const whole = fs.readFileSync(place.inbox(`${fence}.offer`));
    for (let length = 0; length < whole.length; length += 1) {
      write(`${fence}.offer`, whole.subarray(0, length));
      expect(await place.leases().offers(WORKER)).toEqual([]);
      expect(place.names()).toEqual([`${fence}.offer`]);
    }
    age(`${fence}.offer`);
    expect(await place.leases().offers(WORKER)).toEqual([]);
    expect(place.names()).toEqual([]);
    expect(place.quarantined()).toEqual([`leases.w1.${fence}.offer`, `leases.w1.${fence}.offer.reason.txt`]);
  });

  test('an offer with any bit turned is not taken', async () => {
    await place.leases().offer(WORKER, place.offer(1, COMMAND));
    const whole = fs.readFileSync(place.inbox(`${fence}.offer`));
    for (let index = 0; index < whole.length - 1; index += 3) {
      const spoiled = Buffer.from(whole);
      spoiled[index] = (spoiled[index] ?? 0) ^ (1 << (index % 8));
      write(`${fence}.offer`, spoiled);
      expect(await place.leases().offers(WORKER)).toEqual([]);
    }
  });

  test("an outcome of a controller is read whole or not at all, and a dead slot's torn one is replaced", async () => {
    await claimed();
    const whole = await readSettled();
    for (let length = 0; length < whole.length; length += 1) {
      write(`${fence}.outcome`, whole.subarray(0, length));
      const leases = place.leases();
      expect((await lease(leases))?.outcome).toBeNull();
      if (length % 16 === 0) {
        expect(await leases.settle(WORKER, fence, LOST)).toEqual(LOST);
        expect((await lease())?.outcome).toEqual(LOST);
      }
    }
  });

  const readSettled = async (): Promise<Buffer> => {
    await place
      .leases()
      .settle(WORKER, fence, { outcome: { result: 'Success', output: { a: 1 } }, since: 1, until: 2 });
    return fs.readFileSync(place.inbox(`${fence}.outcome`));
  };

  test("a slot's line that is cut at any byte, or has any digit changed, is no outcome", async () => {
    await claimed();
    const whole = slotLine();
    for (let length = 0; length < whole.length; length += 1) {
      write(`${fence}.outcome`, whole.slice(0, length));
      expect((await lease())?.outcome).toBeNull();
    }
    for (let index = 0; index < whole.length; index += 1) {
      const digit = whole[index] ?? '';
      if (!/[0-9]/.test(digit)) continue;
      write(`${fence}.outcome`, `${whole.slice(0, index)}${(Number(digit) + 1) % 10}${whole.slice(index + 1)}`);
      expect((await lease())?.outcome, `digit ${index} of ${whole}`).toBeNull();
    }
    write(`${fence}.outcome`, `${whole}what a second writer appended`);
    expect((await lease())?.outcome?.outcome).toEqual({ result: 'Success', exitCode: 0 });
  });

  test('a torn outcome of a slot that lives is left alone at first, and replaced when it stays torn', async () => {
    const leases = await claimed(livingSlot());
    write(`${fence}.outcome`, '1 ');
    await expect(leases.settle(WORKER, fence, LOST)).rejects.toMatchObject({ code: 'Unavailable' });
    expect((await lease())?.outcome).toBeNull();
    age(`${fence}.outcome`);
    expect((await lease())?.outcome).toBeNull();
    expect((await lease())?.outcome?.outcome).toEqual({ result: 'Lost', message: 'its outcome file was spoiled' });
  });

  test.each([
    ['a directory', (path: string) => fs.mkdirSync(path)],
    ['a link to nowhere', (path: string) => fs.symlinkSync('/nowhere/at/all', path)],
    ['a link to a file', (path: string) => fs.symlinkSync('/etc/hostname', path)],
  ])('%s in the place of an outcome is replaced', async (_what, make) => {
    const leases = await claimed();
    make(place.inbox(`${fence}.outcome`));
    expect((await lease(leases))?.outcome).toBeNull();
    expect(await leases.settle(WORKER, fence, LOST)).toEqual(LOST);
    expect((await lease())?.outcome).toEqual(LOST);
  });

  test('names that are not of the protocol go to quarantine, hidden ones stay', async () => {
    await place.leases().offer(WORKER, place.offer(1, COMMAND));
    for (const name of ['notes.txt', `${fence}.claim.me`, `${fence}.unknown`, '.hidden', `${fence}.offer~`])
      write(name, 'x');
    expect((await place.leases().inbox(WORKER)).map((view) => view.fence)).toEqual([fence]);
    expect(place.names()).toEqual([`.hidden`, `${fence}.offer`]);
    expect(place.quarantined().filter((name) => !name.endsWith('.txt'))).toHaveLength(3);
  });

  test('a copy of a taken offer that somebody puts back is no offer (P6)', async () => {
    const leases = place.leases();
    await leases.offer(WORKER, place.offer(1, COMMAND));
    const copy = fs.readFileSync(place.inbox(`${fence}.offer`));
    await leases.claim(WORKER, fence, DEAD_SLOT);
    write(`${fence}.offer`, copy);
    expect(await place.leases().offers(WORKER)).toEqual([]);
    expect((await place.leases().standing(WORKER)).offered).toEqual([]);
  });

  test('a removed inbox comes back with the next offer, and is watched again', async () => {
    const leases = place.leases();
    await leases.offer(WORKER, place.offer(1, COMMAND));
    fs.rmSync(place.paths.inbox(WORKER), { recursive: true });
    expect(await leases.inbox(WORKER)).toEqual([]);
    await leases.offer(WORKER, place.offer(2, COMMAND));
    expect((await place.leases().offers(WORKER)).map(({ node }) => node)).toEqual(['node 2']);
  });

  test('after a reboot nothing stands but claims of slots that are dead', async () => {
    const leases = await claimed(livingSlot());
    await leases.offer(WORKER, place.offer(2, COMMAND));
    await leases.settle(WORKER, fence, LOST);
    await leases.stop(WORKER, fenceOf(3), 'Timeout');
    const rebooted = new FileLeases(
      new Disk(),
      place.paths,
      ofBoot(place.processes, '99999999-0000-4000-8000-000000000000'),
    );
    expect(await rebooted.inbox(WORKER)).toEqual([
      { fence, offered: false, claim: livingSlot(), stop: null, outcome: null },
    ]);
    expect(rebooted.slotLiveness(livingSlot())).toBe('dead');
    expect(await rebooted.offers(WORKER)).toEqual([]);
    expect(await rebooted.settle(WORKER, fence, LOST)).toEqual(LOST);
  });

  const outputs: readonly { name: string; exitCode?: number; output: string | Uint8Array; outcome: object }[] = [
    {
      name: 'JSON is the output',
      output: '{"rows": [1, 2]}\n',
      outcome: { result: 'Success', exitCode: 0, output: { rows: [1, 2] } },
    },
    {
      name: 'a bare false is an output too',
      output: 'false',
      outcome: { result: 'Success', exitCode: 0, output: false },
    },
    {
      name: 'a missing value is said with its place',
      output: '{"rows": }',
      outcome: invalid("output: line 1, column 10: expected JSON: unexpected token '}'"),
    },
    {
      name: 'a place in a later line is found',
      output: '{\n  "a": 1\n  "b": 2\n}',
      outcome: invalid("output: line 3, column 3: expected JSON: expected ',' or '}' after property value"),
    },
    {
      name: 'a place in a long text is found',
      output: `[\n${'1,\n'.repeat(500)}x]`,
      outcome: invalid("output: line 502, column 1: expected JSON: unexpected token 'x'"),
    },
    {
      name: 'a text that ends too early is said so',
      output: '{"a": [1, 2',
      outcome: invalid("output: line 1, column 12: expected JSON: expected ',' or ']' after array element"),
    },
    {
      name: 'plain words are no JSON',
      output: 'done',
      outcome: invalid("output: line 1, column 1: expected JSON: unexpected token 'd'"),
    },
    {
      name: 'bytes that are no text are said so',
      output: Buffer.from([0x22, 0xff, 0xfe, 0x22]),
      outcome: invalid('output: expected UTF-8 text, found other bytes'),
    },
    {
      name: 'nesting that would break a writer is refused',
      output: '['.repeat(5000) + ']'.repeat(5000),
      outcome: invalid('output: expected at most 200 levels of nesting'),
    },
    {
      name: 'a failed task may name its error',
      exitCode: 4,
      output: '{"errorType": "ValidationError", "message": "row 7 is empty", "row": 7}',
      outcome: {
        result: 'Failure',
        exitCode: 4,
        error: { type: 'ValidationError', message: 'row 7 is empty' },
        output: { errorType: 'ValidationError', message: 'row 7 is empty', row: 7 },
      },
    },
    {
      name: 'a failed task may only say a message',
      exitCode: 4,
      output: '{"message": "no rows"}',
      outcome: {
        result: 'Failure',
        exitCode: 4,
        error: { type: 'TaskFailed', message: 'no rows' },
        output: { message: 'no rows' },
      },
    },
    {
      name: 'what a failed task leaves half-written is not held against it',
      exitCode: 4,
      output: '{"mess',
      outcome: { result: 'Failure', exitCode: 4, error: { type: 'TaskFailed', message: 'exit code 4' } },
    },
    {
      name: 'a killed task is said to be',
      exitCode: 137,
      output: '',
      outcome: {
        result: 'Failure',
        exitCode: 137,
        error: { type: 'TaskFailed', message: 'killed by signal 9 (SIGKILL)' },
      },
    },
  ];
  test.each(outputs)('output: $name', async ({ exitCode = 0, output, outcome }) => {
    await claimed();
    write(`${fence}.output`, output);
    write(`${fence}.outcome`, slotLine({ exitCode, hasOutput: output.length > 0 }));
    expect((await lease())?.outcome?.outcome).toEqual(outcome);
  });

  test('an output that is gone when it is read fails the attempt and nothing else', async () => {
    await claimed();
    write(`${fence}.outcome`, slotLine({ hasOutput: true }));
    expect((await lease())?.outcome?.outcome).toMatchObject({ result: 'Failure', error: { type: 'OutputInvalid' } });
  });

  test('times are wall times, a hundredth of a second exact', async () => {
    await claimed();
    const uptime = Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    write(`${fence}.outcome`, slotLine({ start: uptime.toFixed(2), end: (uptime + 2.5).toFixed(2) }));
    const settled = (await lease())?.outcome;
    expect(Math.abs((settled?.since ?? 0) - Date.now())).toBeLessThan(500);
    expect((settled?.until ?? 0) - (settled?.since ?? 0)).toBe(2500);
  });

  test('whoever dies before or after any file operation leaves nothing that stops the others', async () => {
    const total = await runCrashing(Number.POSITIVE_INFINITY);
    expect(total).toBeGreaterThan(10);
    for (let at = 0; at < total; at += 1) await runCrashing(at);
  });

  /** One life of a lease by processes of which one dies at operation `at`; whoever comes after finishes it. Returns the operations. */
  async function runCrashing(at: number): Promise<number> {
    const own = new SlotPlace();
    let count = 0;
    const hooks: DiskHooks = {
      onOperation: () => {
        count += 1;
        if (count - 1 === at) throw new Crash();
      },
    };
    let isClaimed = false;
    try {
      const controller = own.leases(hooks);
      await controller.offer(WORKER, own.offer(1, COMMAND));
      isClaimed = await own.leases(hooks).claim(WORKER, fence, DEAD_SLOT);
      await controller.stop(WORKER, fence, 'Timeout');
      await controller.settle(WORKER, fence, LOST);
      await controller.clear(WORKER, [fence]);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    const next = own.leases();
    const seen = (await next.inbox(WORKER)).find((view) => view.fence === fence);
    if (seen?.offered === true) expect(await next.withdraw(WORKER, fence)).toBe(true);
    if (isClaimed)
      expect(seen === undefined || seen.claim === DEAD_SLOT || seen.outcome !== null || seen.stop !== null).toBe(true);
    expect((await next.settle(WORKER, fence, LOST)).outcome).toEqual(LOST.outcome);
    await next.clear(WORKER, [fence]);
    expect(await next.inbox(WORKER)).toEqual([]);
    expect(own.names().filter((name) => !name.startsWith('.'))).toEqual([]);
    own.dispose();
    return count;
  }

  test('whoever dies while it writes an offer into a spare file leaves none that a later offer would spoil', async () => {
    for (let at = 0; ; at += 1) {
      const own = new SlotPlace();
      await claimAndClear(own);
      let count = 0;
      const hooks: DiskHooks = {
        onOperation: () => {
          count += 1;
          if (count - 1 === at) throw new Crash();
        },
      };
      const isWritten = await own
        .leases(hooks)
        .offer(WORKER, own.offer(2, COMMAND))
        .then(
          () => true,
          () => false,
        );
      const next = own.leases();
      await next.offer(WORKER, own.offer(3, COMMAND));
      await next.offer(WORKER, own.offer(4, COMMAND));
      const nodes = (await own.leases().offers(WORKER)).map(({ node }) => node);
      expect(nodes, `death at operation ${at}`).toEqual(
        nodes.includes('node 2') || isWritten ? ['node 2', 'node 3', 'node 4'] : ['node 3', 'node 4'],
      );
      expect(own.quarantined()).toEqual([]);
      own.dispose();
      if (isWritten) return;
    }
  });

  async function claimAndClear(own: SlotPlace): Promise<void> {
    const leases = own.leases();
    await leases.offer(WORKER, own.offer(1, COMMAND));
    await leases.claim(WORKER, fence, DEAD_SLOT);
    await leases.clear(WORKER, [fence]);
    expect(own.names()).toEqual([`.spare-${fence}`]);
  }

  test('a full disk is said to be full, and leaves no part of a file', async () => {
    const leases = place.leases({
      onOperation: (moment, operation) => {
        if (moment === 'before' && operation === 'create')
          throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
      },
    });
    await expect(leases.offer(WORKER, place.offer(1, COMMAND))).rejects.toMatchObject({ code: 'NoSpace' });
    await expect(leases.settle(WORKER, fence, LOST)).rejects.toMatchObject({ code: 'NoSpace' });
    expect(place.names()).toEqual([]);
  });
});

class Crash extends Error {}

function invalid(message: string): object {
  return { result: 'Failure', exitCode: 0, error: { type: 'OutputInvalid', message } };
}

function ofBoot(processes: Processes, bootId: string): Processes {
  const own = createProcesses();
  return {
    ...processes,
    bootId: () => bootId,
    liveness: (identity: ProcessIdentity) => (identity.bootId === bootPrefix(bootId) ? own.liveness(identity) : 'dead'),
  };
}
