// What store/store.ts promises about runs and journals (P1, P4, P5), held against every implementation with two handles to
// one place: each test plays two processes.

import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../kernel/events.ts';
import type { Json, JsonObject } from '../../kernel/json.ts';
import type { TaskSpec } from '../../kernel/task.ts';
import type { Journal, RunRef, Runs } from '../../store/store.ts';

export interface RunsPair {
  readonly handles: readonly [Runs, Runs];
  /** Appends to a log as a worker does. */
  readonly writeLog: (ref: RunRef, node: string, attempt: number, text: string) => void | Promise<void>;
  /** What was published, in order, as the resources half was told. */
  readonly published: readonly { readonly ref: RunRef; readonly status: Json }[];
  /** Who opens a journal shuts out older writers at once, not only with its first line. */
  readonly refusesAtOpen?: true;
  readonly dispose: () => Promise<void>;
}

export const REF: RunRef = { name: 'etl', uid: '6f1c2a90-0000-4000-8000-000000000001' };
const AGAIN: RunRef = { name: 'etl', uid: '7a2d3b81-0000-4000-8000-000000000002' };

export function registered(input: Json = null, ref: RunRef = REF): RunEvent {
  const change = { nodes: [{ id: 'A', task: { executor: { type: 'command' as const, command: 'true' } } }] };
  const registration = { name: ref.name, uid: ref.uid, workflow: null, workflowGeneration: 0, input, change };
  return { at: 1, time: 1, type: 'Registered', registration };
}

export function due(node: string): RunEvent {
  return { at: 2, time: 2, type: 'RetryDue', nodes: [node] };
}

export function ended(output: Json): RunEvent {
  const outcome = { result: 'Success' as const, output };
  return { at: 3, time: 3, type: 'Ended', node: 'A', fence: '0000000001-0000000001', outcome };
}

function nextTask(input: Json): TaskSpec {
  return { executor: { type: 'inline', name: 'Pass' }, input, memo: { raw: input } };
}

function nested(depth: number): Json {
  let value: Json = 'p'.repeat(70_000);
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { $data: value };
  return value;
}

/** `histories`: how many random ones are tried. */
export function describeRuns(name: string, open: () => Promise<RunsPair>, histories = 40): void {
  describe(`runs (${name})`, () => {
    let pair: RunsPair | null = null;
    const start = async (): Promise<RunsPair> => {
      pair = await open();
      return pair;
    };
    afterEach(async () => {
      await pair?.dispose();
      pair = null;
    });

    test('a run that was never opened has no place', async () => {
      const [one] = (await start()).handles;
      expect(await one.load(REF)).toBeNull();
      expect(await one.list()).toEqual([]);
      expect(await one.status(REF)).toBeNull();
    });

    test('what one handle appends the other reads, in order and with its numbers', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      expect(journal.lastSeq).toBe(0);
      const events = [registered({ deep: [1, 'ü', null] }), due('A'), due('B')];
      expect(journal.append(events.slice(0, 1))).toBe(1);
      expect(journal.append(events.slice(1))).toBe(3);
      expect(journal.append([])).toBe(3);
      expect(journal.lastSeq).toBe(3);
      await journal.recorded(3);
      expect(await other.load(REF)).toEqual({ snapshot: null, snapshotSeq: 0, events, lastSeq: 3 });
      expect(await other.list()).toEqual([REF]);
    });

    test('an opened run without events has a place and number 0', async () => {
      const [one, other] = (await start()).handles;
      await one.open(REF, 1);
      expect(await other.load(REF)).toEqual({ snapshot: null, snapshotSeq: 0, events: [], lastSeq: 0 });
      expect(await other.list()).toEqual([REF]);
    });

    test('who opens a journal again goes on behind its last event', async () => {
      const [one, other] = (await start()).handles;
      const first = await one.open(REF, 1);
      first.append([registered(), due('A')]);
      await first.close();
      const second = await other.open(REF, 2);
      expect(second.lastSeq).toBe(2);
      expect(second.append([due('B')])).toBe(3);
      expect((await one.load(REF))?.events).toEqual([registered(), due('A'), due('B')]);
    });

    test('a closed journal takes nothing more, and what it took is recorded', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      const recorded = journal.recorded(journal.append([registered()]));
      await journal.close();
      await recorded;
      expect(() => journal.append([due('A')])).toThrow(expect.objectContaining({ code: 'Unavailable' }));
      expect((await other.load(REF))?.lastSeq).toBe(1);
    });

    test('waiters for one number and for several are all answered', async () => {
      const [one] = (await start()).handles;
      const journal = await one.open(REF, 1);
      const waits: Promise<void>[] = [];
      for (let count = 0; count < 50; count += 1) {
        const seq = journal.append([due(`n${count}`)]);
        waits.push(journal.recorded(seq), journal.recorded(Math.ceil(seq / 2)));
      }
      await Promise.all(waits);
      await journal.recorded(0);
      expect(journal.lastSeq).toBe(50);
    });

    test('an older epoch than one that wrote cannot open', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 5);
      await journal.recorded(journal.append([registered()]));
      await expect(other.open(REF, 4)).rejects.toMatchObject({ code: 'Expired' });
    });

    test('lines of a deposed writer count until the new one has written, and never after', async () => {
      const { handles, refusesAtOpen } = await start();
      const [one, other] = handles;
      const old = await one.open(REF, 1);
      old.append([registered(), due('A')]);
      await old.recorded(2);
      const fresh = await other.open(REF, 2);
      old.append([due('late'), due('later')]);
      expect((await other.load(REF))?.lastSeq).toBe(refusesAtOpen === true ? 2 : 4);
      expect(fresh.append([due('B')])).toBe(3);
      const expected = [registered(), due('A'), due('B')];
      expect(await one.load(REF)).toEqual({ snapshot: null, snapshotSeq: 0, events: expected, lastSeq: 3 });
      expect(() => old.append([due('zombie')])).toThrow(expect.objectContaining({ code: 'Expired' }));
      await expect(old.snapshot({ of: 'zombie' }, 4)).rejects.toMatchObject({ code: 'Expired' });
      expect(fresh.append([due('C')])).toBe(4);
      expect((await one.load(REF))?.events).toEqual([...expected, due('C')]);
    });

    test('a snapshot of a deposed writer is not taken for the history that counts', async () => {
      const { handles, refusesAtOpen } = await start();
      const [one, other] = handles;
      const old = await one.open(REF, 1);
      old.append([registered()]);
      await old.recorded(1);
      const fresh = await other.open(REF, 2);
      old.append([due('late')]);
      const snapshot = old.snapshot({ of: 'late' }, 2);
      if (refusesAtOpen === true) await expect(snapshot).rejects.toMatchObject({ code: 'Expired' });
      else await snapshot;
      fresh.append([due('A')]);
      const loaded = await one.load(REF);
      expect(loaded).toEqual({ snapshot: null, snapshotSeq: 0, events: [registered(), due('A')], lastSeq: 2 });
    });

    test('a load begins at the newest snapshot, or at the first line when asked', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      journal.append([registered(), due('A')]);
      await journal.snapshot({ nodes: { A: 'old' } }, 2);
      journal.append([due('B')]);
      await journal.snapshot({ nodes: { A: 'new' } }, 3);
      journal.append([due('C'), due('D')]);
      const tail = { snapshot: { nodes: { A: 'new' } }, snapshotSeq: 3, events: [due('C'), due('D')], lastSeq: 5 };
      expect(await other.load(REF)).toEqual(tail);
      const all = [registered(), due('A'), due('B'), due('C'), due('D')];
      expect(await other.load(REF, { ignoreSnapshot: true })).toMatchObject({
        snapshot: null,
        snapshotSeq: 0,
        events: all,
      });
      await journal.close();
      expect((await other.open(REF, 2)).lastSeq).toBe(5);
    });

    test('a snapshot of an earlier event than the last one is taken as such', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      journal.append([registered(), due('A'), due('B')]);
      await journal.snapshot({ upTo: 2 }, 2);
      const loaded = await other.load(REF);
      expect(loaded).toEqual({ snapshot: { upTo: 2 }, snapshotSeq: 2, events: [due('B')], lastSeq: 3 });
    });

    test('repair of an untouched run changes nothing', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      journal.append([registered()]);
      await journal.repair(() => ({ unexpected: true }));
      expect(await other.load(REF)).toEqual({ snapshot: null, snapshotSeq: 0, events: [registered()], lastSeq: 1 });
    });

    test.each([
      ['an output of 200 KB', 'x'.repeat(200_000)],
      ['an output of 64 KiB to the byte', 'y'.repeat(64 * 1024 - 2)],
      ['an output one byte longer', 'y'.repeat(64 * 1024 - 1)],
      ['an output of many wide characters', '字'.repeat(30_000)],
      ['an output that looks like a name of a file', { $data: 'a'.repeat(64) }],
      ['an output that looks like a wrapped one', { $data: { value: 1 } }],
      ['a large output that looks like a name', { $data: 'z'.repeat(100_000) }],
      ['a large text inside', { small: 1, list: [{ big: 'x'.repeat(200_000) }, { big: 'x'.repeat(200_000) }] }],
      [
        'large texts inside large lists',
        [Array.from({ length: 90 }, (_, index) => 'w'.repeat(900 + index)), 'v'.repeat(70_000)],
      ],
      [
        'what looks like a name inside',
        { a: { $data: 'a'.repeat(64) }, b: [{ $data: { text: '1' } }, 'u'.repeat(70_000)] },
      ],
      ['what is nested deeply', nested(300)],
      ['an output with a key __proto__', JSON.parse('{"__proto__": {"a": 1}}') as Json],
    ])('%s comes back as it was, wherever an event carries one', async (_name, value) => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      const stamp = { at: 4, time: 4 };
      const events: RunEvent[] = [
        registered(value),
        ended(value),
        {
          ...stamp,
          type: 'InlineEnded',
          node: 'B',
          outcome: { result: 'Success' },
          effect: { output: value, change: { nodes: [{ id: 'C', task: nextTask(value) }] } },
        },
        { ...stamp, type: 'RunEnded', phase: 'Succeeded', reason: 'Completed', message: '', output: value },
      ];
      await journal.recorded(journal.append(events));
      expect(JSON.stringify((await other.load(REF))?.events)).toBe(JSON.stringify(events));
    });

    test('a snapshot comes back as it was, with data of any size in it', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      const seq = journal.append([registered(), due('A')]);
      const big: JsonObject = { small: 1, big: 'x'.repeat(200_000) };
      const snapshot: JsonObject = {
        registration: { input: big, change: { nodes: [{ id: 'A', task: { input: [big] } }] } },
        growth: [
          { change: { nodes: [{ id: 'B', task: { input: null, memo: { raw: big, variables: { v: big } } } }] } },
        ],
        nodes: [['A', { output: [big, { $data: 'no name' }] }]],
        end: null,
      };
      await journal.snapshot(snapshot, seq);
      expect(JSON.stringify((await other.load(REF))?.snapshot)).toBe(JSON.stringify(snapshot));
    });

    test('any JSON comes back as it was', async () => {
      const [one, other] = (await start()).handles;
      const journal = await one.open(REF, 1);
      let seq = 0;
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }), async (value) => {
          const event = JSON.parse(JSON.stringify(ended(value as Json))) as RunEvent;
          seq = journal.append([event]);
          expect((await other.load(REF))?.events[seq - 1]).toEqual(event);
        }),
        { numRuns: 60 },
      );
    });

    test('a status is published, told, and read by others', async () => {
      const { handles, published } = await start();
      const journal = await handles[0].open(REF, 1);
      await journal.recorded(journal.append([registered()]));
      await handles[0].publish(REF, { phase: 'Running', conditions: [] });
      await handles[0].publish(REF, { phase: 'Succeeded' });
      expect(await handles[1].status(REF)).toEqual({ phase: 'Succeeded' });
      expect(published.map((entry) => entry.status)).toEqual([
        { phase: 'Running', conditions: [] },
        { phase: 'Succeeded' },
      ]);
      expect(published[0]?.ref).toEqual(REF);
    });

    test('a status may be published before the run is opened', async () => {
      const [one, other] = (await start()).handles;
      await one.publish(REF, { phase: 'Pending' });
      expect(await other.status(REF)).toEqual({ phase: 'Pending' });
      expect(await other.load(REF)).toEqual({ snapshot: null, snapshotSeq: 0, events: [], lastSeq: 0 });
      const journal = await one.open(REF, 1);
      expect(journal.append([registered()])).toBe(1);
    });

    test('two runs of one name never meet', async () => {
      const { handles, writeLog } = await start();
      const [one, other] = handles;
      (await one.open(REF, 1)).append([registered()]);
      await writeLog(REF, 'A', 1, 'of the first\n');
      await one.publish(REF, { phase: 'Running' });
      expect(await other.load(AGAIN)).toBeNull();
      const second = await one.open(AGAIN, 1);
      second.append([registered(null, AGAIN), due('A')]);
      expect(await other.status(AGAIN)).toBeNull();
      expect(await other.logAttempts(AGAIN, 'A')).toEqual([]);
      expect((await other.load(REF))?.lastSeq).toBe(1);
      await one.remove(REF);
      expect(await other.load(REF)).toBeNull();
      expect((await other.load(AGAIN))?.lastSeq).toBe(2);
      expect(second.append([due('B')])).toBe(3);
    });

    test('a removed run is gone for all, also while its journal is open', async () => {
      const { handles, writeLog } = await start();
      const [one, other] = handles;
      const journal = await one.open(REF, 1);
      journal.append([registered()]);
      await writeLog(REF, 'A', 1, 'text\n');
      await one.publish(REF, { phase: 'Running' });
      expect(await other.list()).toEqual([REF]);
      await one.remove(REF);
      expect(() => journal.append([due('A')])).toThrow(expect.objectContaining({ code: 'NotFound' }));
      await expect(journal.repair(() => ({}))).rejects.toMatchObject({ code: 'NotFound' });
      expect(await other.list()).toEqual([]);
      expect(await other.load(REF)).toBeNull();
      expect(await other.status(REF)).toBeNull();
      expect(await other.logAttempts(REF, 'A')).toEqual([]);
      await one.remove(REF);
      expect((await other.open(REF, 2)).lastSeq).toBe(0);
    });

    test('what is added to a log stands behind what was there', async () => {
      const { handles, writeLog } = await start();
      const [one, other] = handles;
      await one.open(REF, 1);
      await one.appendLog(REF, 'A', 1, Buffer.from('one\n'));
      await writeLog(REF, 'A', 1, 'two\n');
      await other.appendLog(REF, 'A', 1, Buffer.from('three\n'));
      expect(Buffer.from(await one.readLog(REF, 'A', 1, 0, 100)).toString()).toBe('one\ntwo\nthree\n');
    });

    test('logs are read by attempt, in parts, and to the end', async () => {
      const { handles, writeLog } = await start();
      const [one, other] = handles;
      await one.open(REF, 1);
      const node = 'extract/part one.β';
      for (const attempt of [2, 10, 1]) await writeLog(REF, node, attempt, `attempt ${attempt}\n`);
      await writeLog(REF, 'extract', 1, 'of another node\n');
      expect(await other.logAttempts(REF, node)).toEqual([1, 2, 10]);
      const read = async (attempt: number, offset: number, limit: number): Promise<string> =>
        Buffer.from(await other.readLog(REF, node, attempt, offset, limit)).toString();
      expect(await read(10, 0, 100)).toBe('attempt 10\n');
      expect(await read(10, 8, 2)).toBe('10');
      expect(await read(10, 11, 100)).toBe('');
      expect(await read(3, 0, 100)).toBe('');
      await writeLog(REF, node, 10, 'more\n');
      expect(await read(10, 11, 100)).toBe('more\n');
    });

    test('any history of appends, snapshots and changes of writers reads back as a plain list would', async () => {
      const command = fc.oneof(
        {
          weight: 5,
          arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }),
        },
        fc.record({ do: fc.constant('snapshot' as const) }),
        fc.record({ do: fc.constant('reopen' as const), handle: fc.nat(1) }),
        fc.record({ do: fc.constant('depose' as const), late: fc.nat(3) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
          const { handles, dispose } = await open();
          try {
            await follow(handles, commands);
          } finally {
            await dispose();
          }
        }),
        { numRuns: histories },
      );
    });
  });
}

type Command =
  | { do: 'append'; count: number }
  | { do: 'snapshot' }
  | { do: 'reopen'; handle: number }
  | { do: 'depose'; late: number };

/** Carries the commands out and compares every load with the list that the events should make. */
async function follow(handles: readonly [Runs, Runs], commands: readonly Command[]): Promise<void> {
  const model: RunEvent[] = [];
  let handle = 0;
  let epoch = 1;
  let count = 0;
  let journal: Journal = await handles[handle as 0 | 1].open(REF, epoch);
  const append = (): void => {
    count += 1;
    const event = due(`n${count}`);
    model.push(event);
    expect(journal.append([event])).toBe(model.length);
  };
  for (const command of commands) {
    if (command.do === 'append') for (let left = command.count; left > 0; left -= 1) append();
    else if (command.do === 'snapshot') await journal.snapshot({ count: model.length }, model.length);
    else if (command.do === 'reopen') {
      await journal.close();
      handle = command.handle;
      journal = await handles[handle as 0 | 1].open(REF, epoch);
    } else {
      const old = journal;
      handle = 1 - handle;
      epoch += 1;
      journal = await handles[handle as 0 | 1].open(REF, epoch);
      for (let late = 0; late < command.late; late += 1) old.append([due(`late${late}`)]);
      append();
      await old.close();
    }
    const loaded = await handles[(1 - handle) as 0 | 1].load(REF);
    const snapshotSeq = loaded?.snapshotSeq ?? 0;
    expect(loaded?.lastSeq).toBe(model.length);
    expect(loaded?.events).toEqual(model.slice(snapshotSeq));
    expect(loaded?.snapshot).toEqual(snapshotSeq === 0 ? (loaded?.snapshot ?? null) : { count: snapshotSeq });
  }
  await journal.close();
}
