// A journal on files under the hands of people: deleted, cut, replaced and scribbled on, while its writer lives and while not.

import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../kernel/events.ts';
import type { LoadedRun } from '../../../store/store.ts';
import { due, ended, ETL, registered, RunsPlace } from '../../support/runs-place.ts';

let place: RunsPlace;
beforeEach(() => {
  place = new RunsPlace();
});
afterEach(() => place.dispose());

const EVENTS: readonly RunEvent[] = [registered('in'), due('A'), due('B'), due('C')];
const LATER = due('later');

async function load(): Promise<LoadedRun | null> {
  return place.runs().load(ETL);
}

/** Events as a plain list, snapshot included, when snapshots are `{events: [...]}`. */
async function history(): Promise<unknown[]> {
  const loaded = await load();
  expect(loaded?.broken).toBeUndefined();
  return [...((loaded?.snapshot?.['events'] ?? []) as unknown[]), ...(loaded?.events ?? [])];
}

interface Hand {
  readonly name: string;
  readonly edit: (journal: string) => void;
}

const EDITS: readonly Hand[] = [
  { name: 'deleted', edit: (path) => fs.unlinkSync(path) },
  { name: 'renamed', edit: (path) => fs.renameSync(path, `${path}.bak`) },
  {
    name: 'replaced by another file',
    edit: (path) => {
      fs.writeFileSync(`${path}.new`, 'what is this?\n');
      fs.renameSync(`${path}.new`, path);
    },
  },
  {
    name: 'replaced by a directory',
    edit: (path) => {
      fs.unlinkSync(path);
      fs.mkdirSync(path);
    },
  },
  {
    name: 'replaced by a link',
    edit: (path) => {
      fs.unlinkSync(path);
      fs.symlinkSync('/dev/null', path);
    },
  },
  {
    name: 'deleted with its directory',
    edit: (path) => fs.rmSync(path.replace(/\/journal.ndjson$/, ''), { recursive: true }),
  },
  { name: 'appended to', edit: (path) => fs.appendFileSync(path, 'scribble') },
  { name: 'appended to with whole lines', edit: (path) => fs.appendFileSync(path, '{"seq":9}\n\n') },
];

const LOSSES: readonly Hand[] = [
  { name: 'emptied', edit: (path) => fs.truncateSync(path, 0) },
  { name: 'cut in the middle of a line', edit: (path) => fs.truncateSync(path, 300) },
  {
    name: 'overwritten in its place by a longer text',
    edit: (path) => fs.writeFileSync(path, `${'scribble\n'.repeat(200)}`),
  },
];

describe('a journal that is edited while its writer lives', () => {
  test.each(EDITS)('$name: the next append goes on, and nothing is lost', async ({ edit }) => {
    const journal = await place.runs().open(ETL, 1);
    journal.append(EVENTS);
    edit(place.file('journal.ndjson'));
    expect(journal.append([LATER])).toBe(5);
    await journal.recorded(5);
    expect(await history()).toEqual([...EVENTS, LATER]);
  });

  test.each(EDITS)('$name: repair alone puts it back', async ({ edit }) => {
    const journal = await place.runs().open(ETL, 1);
    journal.append(EVENTS);
    edit(place.file('journal.ndjson'));
    await journal.repair(() => ({ unexpected: true }));
    expect(await history()).toEqual(EVENTS);
    expect(fs.existsSync(place.file('snapshot.json'))).toBe(false);
    expect(fs.existsSync(place.file('logs'))).toBe(true);
  });

  test.each(LOSSES)('$name: appending is refused until a repair, and then goes on', async ({ edit }) => {
    const journal = await place.runs().open(ETL, 1);
    await journal.recorded(journal.append(EVENTS));
    edit(place.file('journal.ndjson'));
    expect(() => journal.append([LATER])).toThrow(expect.objectContaining({ code: 'Conflict' }));
    expect(journal.lastSeq).toBe(4);
    await journal.repair(() => ({ events: EVENTS as never }));
    expect(journal.append([LATER])).toBe(5);
    await journal.recorded(5);
    expect(await history()).toEqual([...EVENTS, LATER]);
    expect(place.quarantined()).toContain('etl.6f1c2a90.journal.ndjson');
    // And it stays readable for those who come later.
    await journal.close();
    const next = await place.runs().open(ETL, 2);
    expect(next.append([due('last')])).toBe(6);
    expect(await history()).toEqual([...EVENTS, LATER, due('last')]);
    expect(await place.runs().load(ETL, { ignoreSnapshot: true })).toEqual(await load());
  });

  test('waiters whose events were lost with the file are answered by the repair', async () => {
    const journal = await place.runs().open(ETL, 1);
    journal.append(EVENTS);
    fs.truncateSync(place.file('journal.ndjson'), 10);
    await journal.repair(() => ({ events: EVENTS as never }));
    await journal.recorded(4);
    expect(await history()).toEqual(EVENTS);
  });

  test('what stood in its place goes to quarantine with the reason', async () => {
    const journal = await place.runs().open(ETL, 1);
    journal.append(EVENTS);
    const path = place.file('journal.ndjson');
    fs.unlinkSync(path);
    fs.writeFileSync(path, 'mine\n');
    journal.append([LATER]);
    expect(place.quarantined()).toEqual(['etl.6f1c2a90.journal.ndjson', 'etl.6f1c2a90.journal.ndjson.reason.txt']);
    expect(place.reason('etl.6f1c2a90.journal.ndjson')).toContain('stood in the place of a journal');
  });

  test('snapshot, status, identity, input and directories come back equal', async () => {
    const runs = place.runs();
    const journal = await runs.open(ETL, 1);
    await journal.recorded(journal.append(EVENTS));
    await journal.snapshot({ events: EVENTS as never }, 4);
    await runs.publish(ETL, { phase: 'Running' });
    const names = ['snapshot.json', 'status.json', 'run.json', 'data/input.json'];
    const before = names.map((name) => place.read(name));
    for (const name of names) fs.unlinkSync(place.file(name));
    for (const name of ['data', 'logs', 'scratch']) fs.rmSync(place.file(name), { recursive: true });
    await journal.repair(() => ({ events: EVENTS as never }));
    expect(names.map((name) => place.read(name))).toEqual(before);
    expect(fs.readdirSync(place.file()).sort()).toEqual([
      'data',
      'journal.ndjson',
      'logs',
      'run.json',
      'scratch',
      'snapshot.json',
      'status.json',
    ]);
  });

  test.each(['snapshot.json', 'status.json'])('a scribble over %s is repaired', async (name) => {
    const runs = place.runs();
    const journal = await runs.open(ETL, 1);
    await journal.recorded(journal.append(EVENTS));
    await journal.snapshot({ events: EVENTS as never }, 4);
    await runs.publish(ETL, { phase: 'Running' });
    fs.writeFileSync(place.file(name), '{"half');
    if (name === 'status.json') expect(await runs.status(ETL)).toBeNull();
    expect(await history()).toEqual(EVENTS);
    await journal.repair(() => ({ events: EVENTS as never }));
    expect(await runs.status(ETL)).toEqual({ phase: 'Running' });
    expect((await load())?.snapshotSeq).toBe(4);
  });
});

describe('a journal that is edited while nobody writes', () => {
  async function written(withSnapshotAt: number | null): Promise<void> {
    const runs = place.runs();
    const journal = await runs.open(ETL, 1);
    for (const [index, event] of EVENTS.entries()) {
      journal.append([event]);
      if (withSnapshotAt === index + 1)
        await journal.snapshot({ events: EVENTS.slice(0, index + 1) as never }, index + 1);
    }
    await journal.recorded(4);
    await runs.publish(ETL, { phase: 'Running' });
    await journal.close();
  }

  test('gone, with a snapshot: the run goes on from the snapshot, also after the next restart', async () => {
    await written(3);
    fs.unlinkSync(place.file('journal.ndjson'));
    expect(await load()).toEqual({ snapshot: { events: EVENTS.slice(0, 3) }, snapshotSeq: 3, events: [], lastSeq: 3 });
    const journal = await place.runs().open(ETL, 2);
    expect(journal.append([LATER])).toBe(4);
    expect(await history()).toEqual([...EVENTS.slice(0, 3), LATER]);
    await journal.snapshot({ events: [...EVENTS.slice(0, 3), LATER] as never }, 4);
    await journal.close();
    const next = await place.runs().open(ETL, 3);
    expect(next.append([due('last')])).toBe(5);
    expect(await history()).toEqual([...EVENTS.slice(0, 3), LATER, due('last')]);
  });

  test('cut before the snapshot: the run goes on from the snapshot', async () => {
    await written(4);
    fs.truncateSync(place.file('journal.ndjson'), 300);
    expect(await history()).toEqual(EVENTS);
    const journal = await place.runs().open(ETL, 2);
    expect(journal.append([LATER])).toBe(5);
    expect(await history()).toEqual([...EVENTS, LATER]);
  });

  test.each([
    ['gone, and no snapshot', null, () => fs.unlinkSync(place.file('journal.ndjson'))],
    ['emptied, and no snapshot', null, () => fs.truncateSync(place.file('journal.ndjson'), 0)],
    [
      'gone, and the snapshot unreadable',
      3,
      () => {
        fs.unlinkSync(place.file('journal.ndjson'));
        fs.truncateSync(place.file('snapshot.json'), 20);
      },
    ],
  ] as const)('%s: the run is lost, and says so', async (_name, snapshotAt, edit) => {
    await written(snapshotAt);
    edit();
    const loaded = await load();
    expect(loaded?.broken).toMatchObject({ reason: 'JournalLost', message: expect.stringContaining('journal.ndjson') });
    expect(loaded?.events).toEqual([]);
    await expect(place.runs().open(ETL, 2)).rejects.toMatchObject({ code: 'Corrupt' });
  });

  test('begun anew behind a snapshot that is then lost: the run is lost, and says so', async () => {
    await written(3);
    fs.unlinkSync(place.file('journal.ndjson'));
    const journal = await place.runs().open(ETL, 2);
    journal.append([LATER]);
    await journal.close();
    fs.unlinkSync(place.file('snapshot.json'));
    expect((await load())?.broken).toMatchObject({
      reason: 'JournalLost',
      message: expect.stringContaining('event 3'),
    });
  });

  test('a bad line in the middle breaks that run alone, with file and line, and a copy in quarantine', async () => {
    await written(null);
    const lines = place.read('journal.ndjson').split('\n');
    lines[2] = lines[2]?.replace('"B"', '"X"') ?? '';
    fs.writeFileSync(place.file('journal.ndjson'), lines.join('\n'));
    const loaded = await load();
    expect(loaded?.broken?.reason).toBe('JournalCorrupt');
    expect(loaded?.broken?.message).toContain(`${place.file('journal.ndjson')}:3: `);
    await expect(place.runs().open(ETL, 2)).rejects.toMatchObject({ code: 'Corrupt' });
    expect(place.quarantined()).toEqual(['etl.6f1c2a90.journal.ndjson', 'etl.6f1c2a90.journal.ndjson.reason.txt']);
    expect(place.reason('etl.6f1c2a90.journal.ndjson')).toContain(
      'journal.ndjson:3: expected a line with a matching checksum',
    );
    expect(place.read('journal.ndjson')).toBe(lines.join('\n'));
    const other = { name: 'other', uid: 'ffffffff-0000' };
    (await place.runs().open(other, 1)).append([due('A')]);
    expect((await place.runs().load(other))?.lastSeq).toBe(1);
  });

  test.each([
    ['a line is missing', (lines: string[]) => lines.splice(1, 1)],
    ['two lines changed places', (lines: string[]) => lines.splice(1, 2, lines[2] ?? '', lines[1] ?? '')],
    ['a line stands twice', (lines: string[]) => lines.splice(1, 0, lines[1] ?? '')],
    ['the first line is missing', (lines: string[]) => lines.splice(0, 1)],
  ] as const)('%s: corrupt', async (_name, edit) => {
    await written(null);
    const lines = place.read('journal.ndjson').split('\n');
    edit(lines);
    fs.writeFileSync(place.file('journal.ndjson'), lines.join('\n'));
    expect((await load())?.broken?.reason).toBe('JournalCorrupt');
  });

  test('a bad line before the snapshot: the run goes on, and its snapshots are synced from then on', async () => {
    await written(3);
    const lines = place.read('journal.ndjson').split('\n');
    lines.splice(1, 1);
    fs.writeFileSync(place.file('journal.ndjson'), lines.join('\n'));
    expect(await history()).toEqual(EVENTS);
    const journal = await place.runs().open(ETL, 2);
    journal.append([LATER]);
    expect(await history()).toEqual([...EVENTS, LATER]);
    expect(await place.runs().load(ETL, { ignoreSnapshot: true })).toEqual(await load());
  });

  test('a journal of another run is not taken for this one', async () => {
    await written(null);
    const other = { name: 'etl', uid: 'ffffffff-0000' };
    await (await place.runs().open(other, 1)).close();
    fs.copyFileSync(place.file('journal.ndjson'), place.file('..', 'etl.ffffffff', 'journal.ndjson'));
    expect((await place.runs().load(other))?.broken?.message).toContain(`uid is ${ETL.uid}, expected ${other.uid}`);
  });

  test('a snapshot of another run, an older one, and none are all as good as the journal', async () => {
    await written(2);
    const old = place.read('snapshot.json');
    expect((await load())?.snapshotSeq).toBe(2);
    fs.writeFileSync(place.file('snapshot.json'), old.replace(ETL.uid, 'ffffffff'));
    expect(await load()).toMatchObject({ snapshotSeq: 0, events: EVENTS });
    expect(place.quarantined()).toContain('etl.6f1c2a90.snapshot.json');
    fs.unlinkSync(place.file('snapshot.json'));
    expect(await load()).toMatchObject({ snapshotSeq: 0, events: EVENTS });
  });

  test('an unreadable snapshot is rebuilt by the first repair', async () => {
    await written(2);
    fs.truncateSync(place.file('snapshot.json'), 40);
    const journal = await place.runs().open(ETL, 2);
    await journal.repair(() => ({ events: EVENTS as never }));
    expect(await load()).toMatchObject({ snapshot: { events: EVENTS }, snapshotSeq: 4, events: [] });
  });

  test('a torn end is cut, kept, and written over', async () => {
    await written(null);
    fs.appendFileSync(place.file('journal.ndjson'), '{"seq":5,"epoch":1,"ty');
    expect((await load())?.lastSeq).toBe(4);
    const journal = await place.runs().open(ETL, 2);
    expect(place.quarantined()).toEqual(['etl.6f1c2a90.torn', 'etl.6f1c2a90.torn.reason.txt']);
    expect(journal.append([LATER])).toBe(5);
    expect(await history()).toEqual([...EVENTS, LATER]);
  });

  test('a large output whose file is gone or changed reads as null, and the run goes on', async () => {
    const journal = await place.runs().open(ETL, 1);
    journal.append([registered('x'.repeat(70_000)), ended('y'.repeat(70_000)), ended('z'.repeat(70_000))]);
    await journal.close();
    const files = fs.readdirSync(place.file('data')).filter((name) => name !== 'input.json');
    expect(files).toHaveLength(3);
    expect(place.read('journal.ndjson').length).toBeLessThan(2_000);
    for (const file of files) expect(place.read('data', file)).toMatch(/^"(x{70000}|y{70000}|z{70000})"$/);
    const [gone, changed] = files.filter((name) => !place.read('data', name).startsWith('"x'));
    fs.unlinkSync(place.file('data', gone ?? ''));
    fs.writeFileSync(place.file('data', changed ?? ''), '"other"');
    expect((await load())?.events).toMatchObject([
      registered('x'.repeat(70_000)),
      { outcome: { result: 'Success', output: null } },
      { outcome: { result: 'Success', output: null } },
    ]);
    expect(place.quarantined().filter((name) => name.endsWith('reason.txt'))).toHaveLength(2);
    expect((await place.runs().open(ETL, 2)).append([LATER])).toBe(4);
  });

  test('the input stands in a file before the run begins, whatever its size', async () => {
    const runs = place.runs();
    (await runs.open(ETL, 1)).append([registered('x'.repeat(70_000))]);
    expect(JSON.parse(fs.readFileSync(runs.places(ETL).input, 'utf8'))).toBe('x'.repeat(70_000));
  });
});
