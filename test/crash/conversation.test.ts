// Real Python tasks in conversation with a controller that is killed in the middle of it: every change is made once, every answer arrives, and the
// task goes on as if nothing had been. The ledger is written by the tasks themselves.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { readJournal } from '../support/crash/checks.ts';
import { Engine, kill, until } from '../support/crash/engine.ts';

const isPythonHere = spawnSync('python3', ['--version']).status === 0;
if (!isPythonHere) console.log('test/crash/conversation: skipped, there is no python3');

/** Adds nodes one by one, and books each once it is told that it is there. */
const TALKER = `
import oarlock, os, sys
book = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i in range(int(sys.argv[2])):
    id = oarlock.add("M", id=f"{oarlock.node}-{i}", input={"index": i})
    os.write(book, (id + "\\n").encode())
    if i % 50 == 0:
        try:
            oarlock.edge(id, oarlock.node)
            os.write(book, b"refused: not at all\\n")
        except oarlock.Refused:
            pass
        print("printed", i)
oarlock.output({"added": int(sys.argv[2])})
`;

/** Adds nodes one by one, by this line of Python, until it is refused one; then it waits to be stopped. */
const breaker = (act: string): string => `
import oarlock, os, sys, time
book = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
own = "MN"[oarlock.node == "B"]
def add(task=own, after=()):
    return oarlock.add(task, id=f"{oarlock.node}-{i}", after=list(after))
for i in range(int(sys.argv[2])):
    try:
        id = ${act}
    except oarlock.Refused as error:
        os.write(book, f"refused: {type(error).__name__}\\n".encode())
        time.sleep(3600)
    os.write(book, (id + "\\n").encode())
`;

interface JournalEvent {
  readonly type: string;
  readonly promise?: string;
  readonly by?: string;
  readonly message?: { readonly fence: string; readonly offset: number; readonly id?: number };
  readonly change?: { readonly nodes?: readonly { readonly id: string }[]; readonly promises?: readonly object[] };
}

interface RunStatus {
  readonly phase: string;
  readonly conditions: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
  readonly nodes: {
    readonly [id: string]: { readonly attempts: number; readonly output: unknown; readonly state: string };
  };
}

describe.runIf(isPythonHere)('a conversation', () => {
  let engine: Engine;
  afterEach(() => engine.close());

  const start = async (
    talkers: readonly string[],
    count: number,
    code = TALKER,
    promises: readonly object[] = [],
  ): Promise<(node: string) => string[]> => {
    engine = new Engine();
    writeFileSync(join(engine.directory, 'talk.py'), code);
    await engine.up('--workers', '1', '--slots', '2', '--port', '0');
    const tasks = talkers.map((id) => ({
      id,
      python: { script: join(engine.directory, 'talk.py'), args: [join(engine.directory, id), String(count)] },
    }));
    const templates = ['M', 'N'].map((id) => ({ id, mock: {} }));
    const workflow = { tasks, templates, promises };
    const document = {
      apiVersion: 'oarlock.dev/v1',
      kind: 'WorkflowRun',
      metadata: { name: 'talk' },
      spec: { workflow },
    };
    engine.submit({ name: 'talk', phase: 'Succeeded', nodes: [], text: JSON.stringify(document) });
    return (node) => {
      const path = join(engine.directory, node);
      return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    };
  };

  const ended = async (): Promise<RunStatus> => {
    await engine.untilOver([{ name: 'talk', phase: 'Failed', nodes: [], text: '' }]);
    const get = engine.start(['get', 'run', 'talk', '-o', 'json']);
    expect(await get.ended).toBe('exit code 0');
    return (JSON.parse(get.output) as { status: RunStatus }).status;
  };

  const journal = (): readonly JournalEvent[] =>
    readJournal(engine.state, 'talk').map((line) => line as unknown as JournalEvent);

  /** Of its journal, what a node added. */
  const changesBy = (node: string): readonly JournalEvent[] =>
    journal().filter(({ type, by }) => type === 'GraphChanged' && by === node);

  const check = async (talkers: readonly string[], count: number, book: (node: string) => string[]): Promise<void> => {
    const { phase, nodes } = await ended();
    expect(phase).toBe('Succeeded');
    expect(Object.keys(nodes)).toHaveLength(talkers.length * (count + 1));
    for (const talker of talkers) {
      const wanted = Array.from({ length: count }, (_, index) => `${talker}-${index}`);
      expect(book(talker)).toEqual(wanted);
      expect(nodes[talker]).toMatchObject({ state: 'SUCCESS', attempts: 1, output: { added: count } });
      const own = changesBy(talker);
      expect(own.map(({ change }) => change?.nodes?.[0]?.id)).toEqual(wanted);
      const offsets = own.map(({ message }) => message?.offset ?? 0);
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    }
  };

  test('survives kill -9 of the controller and of the worker, again and again: nothing lost, nothing doubled', async () => {
    const count = 600;
    const book = await start(['A'], count);
    for (const [at, role] of [
      [50, 'controller'],
      [150, 'worker'],
      [250, 'controller'],
      [251, 'controller'],
      [350, 'worker'],
      [450, 'controller'],
    ] as const) {
      await until(
        () => book('A').length >= at,
        () => `${at} changes, found ${book('A').length}:\n${engine.report()}`,
      );
      const [victim] = engine.pids(role);
      if (victim !== undefined) kill(victim, 'SIGKILL');
    }
    await check(['A'], count, book);
  });

  test('of two tasks at once is kept apart, with the controller killed meanwhile', async () => {
    const count = 300;
    const book = await start(['A', 'B'], count);
    for (const at of [40, 150, 260]) {
      await until(
        () => book('A').length >= at && book('B').length >= at,
        () => `${at} changes of both:\n${engine.report()}`,
      );
      for (const victim of engine.pids('controller')) kill(victim, 'SIGKILL');
    }
    await check(['A', 'B'], count, book);
  });

  interface Race {
    readonly name: string;
    readonly promises?: readonly object[];
    readonly act?: string;
    /** The controller is killed when so many were added by one of them. */
    readonly kills?: readonly number[];
    /** What must hold of the ids of nodes that were added, and of the journal. */
    readonly holds: (added: readonly string[], events: readonly JournalEvent[]) => void;
  }
  const makers = (added: readonly string[]): Set<string | undefined> => new Set(added.map((id) => id[0]));
  const races: readonly Race[] = [
    {
      name: 'a bound that they share',
      promises: [{ only: { atMost: 120 } }],
      kills: [20, 50],
      holds: (added) => expect(added).toHaveLength(120),
    },
    {
      name: 'an alternative that each takes otherwise',
      promises: [{ shape: 'A & B & (M* | N*)' }],
      holds: (added) => expect(makers(added).size).toBe(1),
    },
    {
      name: 'no new nodes, made by one of them on the way',
      act: 'add() if i != 30 else (oarlock.promise(noNewNodes=True), add())[1]',
      kills: [15],
      holds: (_, events) => {
        const made = events.findIndex(({ change }) => change?.promises !== undefined);
        expect(made).toBeGreaterThan(0);
        expect(events.slice(made).filter(({ change }) => change?.nodes !== undefined)).toEqual([]);
      },
    },
    {
      name: 'no new edges',
      promises: [{ noNewEdges: true }],
      act: 'add(after=[f"{oarlock.node}-{i - 1}"] if i == 30 else ())',
      kills: [15],
      holds: (added) => expect(added.filter((id) => id.endsWith('-30'))).toEqual([]),
    },
    {
      name: 'no edges from here to there',
      promises: [{ noEdges: { from: { task: 'N' }, to: { task: 'N' } } }],
      act: 'add(after=[f"{oarlock.node}-{i - 1}"] if i >= 30 else ())',
      kills: [15],
      holds: (added) => expect(added.filter((id) => /^B-[3-9]\d/.test(id))).toEqual([]),
    },
    {
      name: 'only these',
      promises: [{ only: { nodes: [{ task: 'M' }] } }],
      act: 'add(own if i >= 30 else "M")',
      kills: [15],
      holds: (added) => expect(added.filter((id) => /^B-[3-9]\d/.test(id))).toEqual([]),
    },
  ];

  test.each(races)(
    'of two tasks that break a promise, $name, ends the run once, through kill -9',
    async ({ promises = [], act = 'add()', kills = [], holds }) => {
      const book = await start(['A', 'B'], 1000, breaker(act), promises);
      for (const at of kills) {
        await until(
          () => book('A').length >= at || book('B').length >= at,
          () => `${at} changes:\n${engine.report()}`,
        );
        for (const victim of engine.pids('controller')) kill(victim, 'SIGKILL');
      }
      await until(
        () => journal().some(({ type }) => type === 'PromiseBroken'),
        () => `a promise to be broken:\n${engine.report()}`,
      );
      for (const victim of engine.pids('controller')) kill(victim, 'SIGKILL');

      const { phase, nodes, conditions } = await ended();
      expect(phase).toBe('Failed');
      expect(conditions.find(({ type }) => type === 'Succeeded')).toMatchObject({ reason: 'PromiseBroken' });
      const broken = journal().filter(({ type }) => type === 'PromiseBroken');
      expect(broken).toHaveLength(1);
      expect(['A', 'B']).toContain(broken[0]?.by);
      const added = ['A', 'B'].flatMap((node) =>
        changesBy(node).flatMap(({ change }) => change?.nodes?.map(({ id }) => id) ?? []),
      );
      expect(new Set(Object.keys(nodes))).toEqual(new Set(['A', 'B', ...added]));
      holds(added, journal());
      for (const node of ['A', 'B']) {
        expect(nodes[node]).toMatchObject({ state: 'CANCELLED', attempts: 1 });
        for (const line of book(node).filter((one) => !one.startsWith('refused'))) expect(added).toContain(line);
      }
      await until(
        () => engine.pids('task').length === 0,
        () => `no task left:\n${JSON.stringify(engine.survey())}`,
      );
    },
  );
});
