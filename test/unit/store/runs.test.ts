// Which runs there are on files, and what stands beside their journals: identity, status, logs, trash.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { due, ETL, registered, RunsPlace } from '../../support/runs-place.ts';

let place: RunsPlace;
beforeEach(() => {
  place = new RunsPlace();
});
afterEach(() => place.dispose());

function put(path: string, content = ''): void {
  fs.mkdirSync(join(path, '..'), { recursive: true });
  fs.writeFileSync(path, content);
}

describe('the list of runs', () => {
  test('takes 10,000 directories, and finds the same the second time', async () => {
    const uid = (index: number): string => `${index.toString(16).padStart(8, '0')}-0000-4000-8000-000000000001`;
    for (let index = 0; index < 10_000; index += 1) {
      const directory = join(place.root, 'runs', `run-${index}.${uid(index).slice(0, 8)}`);
      fs.mkdirSync(directory, { recursive: true });
      fs.writeFileSync(join(directory, 'run.json'), `{"format":1,"name":"run-${index}","uid":"${uid(index)}"}\n`);
    }
    const runs = place.runs();
    const first = await runs.list();
    const again = await runs.list();
    expect(first).toHaveLength(10_000);
    expect(again).toEqual(first);
    expect(first).toContainEqual({ name: 'run-77', uid: uid(77) });
  });

  test('names with dots keep them', async () => {
    const ref = { name: 'a.b.12345678', uid: 'abcdef01-0000' };
    await (await place.runs().open(ref, 1)).close();
    expect(await place.runs().list()).toEqual([ref]);
  });

  test('leaves what is no run where it is, with a note in quarantine, once', async () => {
    await (await place.runs().open(ETL, 1)).close();
    put(join(place.root, 'runs', 'readme.txt'), 'mine');
    put(join(place.root, 'runs', 'no-uid.12345678', 'note.txt'), 'mine');
    put(join(place.root, 'runs', 'other.aaaaaaaa', 'run.json'), '{"uid":"bbbbbbbb-1"}');
    put(join(place.root, 'runs', 'odd name €.', 'x'), 'mine');
    for (let look = 0; look < 3; look += 1) expect(await place.runs().list()).toEqual([ETL]);
    expect(fs.readdirSync(join(place.root, 'runs'))).toHaveLength(5);
    expect(place.quarantined()).toHaveLength(4);
    const reasons = place.quarantined().map((name) => fs.readFileSync(join(place.root, 'quarantine', name), 'utf8'));
    expect(reasons).toContain('runs/readme.txt: expected a directory called NAME.UID8; left where it is\n');
  });

  test('knows a run whose identity file is gone by its journal', async () => {
    const journal = await place.runs().open(ETL, 1);
    journal.append([registered('in')]);
    await journal.close();
    fs.unlinkSync(place.file('run.json'));
    expect(await place.runs().list()).toEqual([ETL]);
  });

  test('removes what a crash left of a removal, and does not show it', async () => {
    await (await place.runs().open(ETL, 1)).close();
    fs.renameSync(place.file(), join(place.root, 'runs', '.trash-etl.6f1c2a90'));
    fs.mkdirSync(join(place.root, 'runs', '.new-etl.6f1c2a90'));
    expect(await place.runs().list()).toEqual([]);
    expect(fs.readdirSync(join(place.root, 'runs'))).toEqual(['.new-etl.6f1c2a90']);
    await (await place.runs().open(ETL, 2)).close();
    expect(fs.readdirSync(join(place.root, 'runs'))).toEqual(['etl.6f1c2a90']);
  });

  test('forgets a run that was removed behind its back', async () => {
    const runs = place.runs();
    await (await runs.open(ETL, 1)).close();
    expect(await runs.list()).toEqual([ETL]);
    fs.rmSync(place.file(), { recursive: true });
    expect(await runs.list()).toEqual([]);
  });
});

describe('a published status', () => {
  test.each([
    ['no JSON', '{"phase": "Run'],
    ['no object', '[1]'],
    ['nothing', ''],
  ])('that reads as %s is null', async (_name, text) => {
    const runs = place.runs();
    await runs.publish(ETL, { phase: 'Running' });
    fs.writeFileSync(place.file('status.json'), text);
    expect(await runs.status(ETL)).toBeNull();
  });

  test('is replaced also where a directory or a link stands in its place', async () => {
    const runs = place.runs();
    await runs.publish(ETL, { phase: 'Running' });
    fs.unlinkSync(place.file('status.json'));
    fs.mkdirSync(place.file('status.json'));
    expect(await runs.status(ETL)).toBeNull();
    await runs.publish(ETL, { phase: 'Running' });
    expect(await runs.status(ETL)).toEqual({ phase: 'Running' });
    fs.unlinkSync(place.file('status.json'));
    const elsewhere = join(place.root, 'elsewhere.json');
    fs.writeFileSync(elsewhere, '{"phase":"Stolen"}');
    fs.symlinkSync(elsewhere, place.file('status.json'));
    expect(await runs.status(ETL)).toBeNull();
    await runs.publish(ETL, { phase: 'Succeeded' });
    expect(fs.readFileSync(elsewhere, 'utf8')).toBe('{"phase":"Stolen"}');
    expect(await runs.status(ETL)).toEqual({ phase: 'Succeeded' });
  });

  test('says how much was recorded, and keeps saying so when the run is closed', async () => {
    const runs = place.runs();
    const journal = await runs.open(ETL, 1);
    await journal.recorded(journal.append([registered('in'), due('A')]));
    await runs.publish(ETL, { phase: 'Running' });
    await journal.close();
    await place.runs().publish(ETL, { phase: 'Failed' });
    const recorded = { uid: ETL.uid, seq: 2, revision: 0 };
    expect(JSON.parse(place.read('status.json'))).toEqual({ phase: 'Failed', recorded });
  });
});

describe('a log', () => {
  test('is not read through a link, and garbage beside it is no attempt', async () => {
    const runs = place.runs();
    await (await runs.open(ETL, 1)).close();
    fs.symlinkSync('/etc/hostname', runs.places(ETL).log('A', 1));
    fs.writeFileSync(runs.places(ETL).log('A', 2), 'text');
    for (const name of ['A.log', 'A.x.log', 'A.0.log', 'A.1.log.bak', 'AB.1.log'])
      fs.writeFileSync(place.file('logs', name), '');
    expect(await runs.logAttempts(ETL, 'A')).toEqual([1, 2]);
    await expect(runs.readLog(ETL, 'A', 1, 0, 100)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(Buffer.from(await runs.readLog(ETL, 'A', 2, 0, 100)).toString()).toBe('text');
  });
});
