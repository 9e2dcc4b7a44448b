// What is on the platter before what, seen from the operations that reach the disk: a power loss between any two of them must
// not leave a line that names nothing, a snapshot of events that are gone, or a run without its name.

import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Disk } from '../../../store/file/disk.ts';
import { due, ended, ETL, registered, RunsPlace } from '../../support/runs-place.ts';

let place: RunsPlace;
/** Operations that ended, as `sync journal.ndjson`; names of temporary and hashed files are shortened. */
let done: string[];
let disk: Disk;
beforeEach(() => {
  place = new RunsPlace();
  done = [];
  disk = new Disk({
    onOperation: (moment, operation, path) => {
      const name = path
        .replace(/.*\//, '')
        .replace(/\.\d+\.tmp$/, '.tmp')
        .replace(/[0-9a-f]{64}/, 'HASH');
      if (moment === 'after') done.push(`${operation} ${name}`);
    },
  });
});
afterEach(() => place.dispose());

/** These stand in `done` in this order, with others between them. */
function expectInOrder(...operations: string[]): void {
  let from = 0;
  for (const operation of operations) {
    const at = done.indexOf(operation, from);
    expect(at, `"${operation}" behind ${from} in ${JSON.stringify(done)}`).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
}

describe('the first event that is recorded', () => {
  test('has its journal, its input and all names on the way synced', async () => {
    const journal = await place.runs(disk).open(ETL, 1);
    const seq = journal.append([registered('in')]);
    expectInOrder('rename input.json', 'append journal.ndjson');
    await journal.recorded(seq);
    for (const name of ['journal.ndjson', 'input.json', 'data', 'etl.6f1c2a90', 'runs']) {
      expectInOrder('append journal.ndjson', `sync ${name}`);
    }
    done.length = 0;
    await journal.recorded(journal.append([due('A')]));
    expect(done).toEqual(['append journal.ndjson', 'sync journal.ndjson']);
  });

  test('in a file that was put back has the new names synced', async () => {
    const journal = await place.runs(disk).open(ETL, 1);
    await journal.recorded(journal.append([registered('in')]));
    done.length = 0;
    fs.unlinkSync(place.file('journal.ndjson'));
    await journal.recorded(journal.append([due('A')]));
    expectInOrder('rename journal.ndjson', 'append journal.ndjson', 'sync journal.ndjson', 'sync etl.6f1c2a90');
  });
});

describe('a large output', () => {
  test('is synced with its name before the line that names it', async () => {
    const journal = await place.runs(disk).open(ETL, 1);
    journal.append([registered('in')]);
    done.length = 0;
    journal.append([ended('x'.repeat(70_000))]);
    expect(done).toEqual([
      'mkdir data',
      'create .HASH.json.tmp',
      'sync .HASH.json.tmp',
      'rename HASH.json',
      'sync data',
      'append journal.ndjson',
    ]);
    done.length = 0;
    journal.append([ended('x'.repeat(70_000))]);
    expect(done).toEqual(['append journal.ndjson']);
    await journal.close();
    const next = await place.runs(disk).open(ETL, 2);
    done.length = 0;
    // It stands there already, but whoever did not write it cannot know whether its name was synced.
    next.append([ended('x'.repeat(70_000))]);
    expect(done).toEqual(['sync data', 'append journal.ndjson']);
  });
});

describe('a snapshot', () => {
  test('is written after its events were synced, and without a sync of its own', async () => {
    const journal = await place.runs(disk).open(ETL, 1);
    journal.append([registered('in')]);
    await journal.snapshot({ events: [] }, 1);
    expectInOrder('append journal.ndjson', 'sync journal.ndjson', 'create .snapshot.json.tmp', 'rename snapshot.json');
    expect(done).not.toContain('sync .snapshot.json.tmp');
  });

  test('is synced where the journal does not begin at event 1', async () => {
    const journal = await place.runs(disk).open(ETL, 1);
    journal.append([registered('in')]);
    await journal.snapshot({ events: [registered('in') as never] }, 1);
    await journal.close();
    fs.unlinkSync(place.file('journal.ndjson'));
    for (const epoch of [2, 3]) {
      const next = await place.runs(disk).open(ETL, epoch);
      next.append([due('A')]);
      done.length = 0;
      await next.snapshot({ events: [] }, next.lastSeq);
      expectInOrder(
        'create .snapshot.json.tmp',
        'sync .snapshot.json.tmp',
        'rename snapshot.json',
        'sync etl.6f1c2a90',
      );
      await next.close();
    }
  });

  test('takes the place of a cut journal only when it is synced', async () => {
    const journal = await place.runs(disk).open(ETL, 1);
    await journal.recorded(journal.append([registered('in'), due('A')]));
    fs.truncateSync(place.file('journal.ndjson'), 10);
    done.length = 0;
    await journal.repair(() => ({ events: [] }));
    expectInOrder(
      'sync .snapshot.json.tmp',
      'rename snapshot.json',
      'sync etl.6f1c2a90',
      'rename etl.6f1c2a90.journal.ndjson',
      'rename journal.ndjson',
    );
  });
});
