// Damage in the files that only the engine writes: garbage, cuts, deletions and odd things in place of changes, views and staged files;
// and what a power loss leaves. Nothing is disturbed but what the file was about, and the evidence is kept.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Resource } from '../../../manifests/model.ts';
import { DesiredFiles } from '../../../store/file/desired.ts';
import { Disk } from '../../../store/file/disk.ts';
import { MetaFiles } from '../../../store/file/meta.ts';
import { Paths } from '../../../store/file/paths.ts';
import { Quarantine } from '../../../store/file/quarantine.ts';
import { changeFile, parseChange } from '../../../store/file/records.ts';
import { Stage } from '../../../store/file/stage.ts';
import type { Resources } from '../../../store/store.ts';
import { failure, follow, run, workflow } from '../../contract/resources-contract.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { ResourcesPlace } from '../../support/resources-place.ts';

let place: ResourcesPlace;
beforeEach(() => {
  place = new ResourcesPlace();
});
afterEach(() => place.dispose());

function commandOf(object: Resource | null): string {
  return (object?.spec['tasks'] as { command: string }[] | undefined)?.[0]?.command ?? 'none';
}

async function told(resources: Resources): Promise<string> {
  const { items } = await resources.list('Workflow');
  return items.map((item) => `${item.metadata.name}=${commandOf(item)} ${item.metadata.uid}`).join('\n');
}

/** Three objects, five changes. Returns what a list says. */
async function fill(): Promise<string> {
  const resources = place.open();
  await resources.create(workflow('a', 'one'));
  await resources.create(workflow('b', 'one'));
  await resources.update(workflow('b', 'two'));
  await resources.create(workflow('c', 'one'));
  await resources.update(workflow('a', 'two'));
  return told(resources);
}

type Damage = (path: string) => void;

const damages: readonly { name: string; damage: Damage }[] = [
  { name: 'empty', damage: (path) => fs.writeFileSync(path, '') },
  { name: 'cut in the middle', damage: (path) => fs.truncateSync(path, Math.floor(fs.statSync(path).size / 2)) },
  { name: 'cut by its last two bytes', damage: (path) => fs.truncateSync(path, fs.statSync(path).size - 2) },
  { name: 'garbage', damage: (path) => fs.writeFileSync(path, '\0\x01\xff{{{') },
  { name: 'another JSON', damage: (path) => fs.writeFileSync(path, '{"verb":"Added","kind":"../../x"}') },
  { name: 'a list', damage: (path) => fs.writeFileSync(path, '[]') },
  {
    name: 'a directory',
    damage: (path) => {
      fs.rmSync(path);
      fs.mkdirSync(path);
    },
  },
  {
    name: 'a link to itself',
    damage: (path) => {
      fs.rmSync(path);
      fs.symlinkSync(path, path);
    },
  },
  {
    name: 'a pipe',
    damage: (path) => {
      fs.rmSync(path);
      execFileSync('mkfifo', [path]);
    },
  },
];

describe('a view in meta/ that is', () => {
  test.each([...damages, { name: 'gone', damage: (path: string) => fs.rmSync(path) }])(
    '$name is made again from changes/, with the same uid',
    async ({ name, damage }) => {
      const before = await fill();
      damage(place.path('meta', 'Workflow', 'b.json'));
      const resources = place.open();
      expect(await told(resources)).toBe(before);
      expect(await resources.revision()).toBe(5);
      expect((await resources.update(workflow('b', 'three'))).metadata).toMatchObject({
        generation: 3,
        resourceVersion: '6',
      });
      expect(place.names('meta', 'Workflow')).toEqual(['a.json', 'b.json', 'c.json']);
      if (name !== 'gone') {
        expect(place.names('quarantine')).toEqual(['meta.Workflow.b.json', 'meta.Workflow.b.json.reason.txt']);
      }
    },
  );

  test('gone while changes/ does not know the object any more, makes a run that has a directory the same run', async () => {
    const first = place.open();
    const runs = place.runs(first);
    const { uid } = (await first.create(run('r'))).metadata;
    await runs.publish({ name: 'r', uid }, { phase: 'Succeeded' });
    for (const file of place.names('changes')) if (file.endsWith('.json')) fs.rmSync(place.path('changes', file));
    fs.rmSync(place.path('meta', 'WorkflowRun', 'r.json'));
    expect((await place.open().get('WorkflowRun', 'r'))?.metadata.uid).toBe(uid);
  });

  test('gone under a handle that knows it, is put back by the next full scan', async () => {
    const clock = new HandClock();
    const resources = place.open({ clock });
    await resources.create(workflow('a'));
    await resources.scan();
    fs.rmSync(place.path('meta', 'Workflow', 'a.json'));
    clock.advance(60_000);
    await resources.scan();
    expect(place.names('meta', 'Workflow')).toEqual(['a.json']);
  });

  test('gone under a handle that let its content go, is found again by a get and by a list', async () => {
    const resources = place.open();
    const runs = place.runs(resources);
    for (const name of ['one', 'two']) {
      const { uid } = (await resources.create(run(name))).metadata;
      await runs.publish({ name, uid }, { phase: 'Succeeded' });
    }
    const before = (await resources.list('WorkflowRun')).items;
    for (const name of ['one', 'two']) fs.rmSync(place.path('meta', 'WorkflowRun', `${name}.json`));
    expect(await resources.get('WorkflowRun', 'one')).toEqual(before[0]);
    expect((await resources.list('WorkflowRun')).items).toEqual(before);
    expect(place.names('meta', 'WorkflowRun')).toEqual(['one.json', 'two.json']);
  });

  test('of something else entirely is an object of no file, and goes', async () => {
    await fill();
    fs.writeFileSync(place.path('meta', 'Workflow', 'ghost.json'), '{}');
    expect(await place.open().get('Workflow', 'ghost')).toBe(null);
    expect((await place.open().list('Workflow')).items).toHaveLength(3);
  });
});

describe('a change that is', () => {
  const revisions = [1, 3, 5];
  const cases = damages.flatMap(({ name, damage }) => revisions.map((revision) => ({ name, damage, revision })));

  test.each(cases)(
    '$name, at revision $revision, costs watchers a new list and nobody else anything',
    async ({ damage, revision }) => {
      const before = await fill();
      damage(place.path('changes', changeFile(revision)));
      const resources = place.open();
      expect(await told(resources)).toBe(before);
      expect(await failure(follow(resources, revision - 1, 1))).toBe('Expired');
      expect(await follow(resources, revision, 5 - revision)).toHaveLength(5 - revision);
      expect((await resources.create(workflow('d'))).metadata.resourceVersion).toBe('6');
      const [kept, reason] = [`changes.${changeFile(revision)}`, `changes.${changeFile(revision)}.reason.txt`];
      expect(place.names('quarantine')).toContain(reason);
      if (fs.existsSync(place.path('quarantine', kept))) expect(place.read('quarantine', reason)).not.toBe('');
      expect(await told(place.open())).toContain('d=true');
    },
  );

  test('gone in the middle is a gap that watchers are told of', async () => {
    const before = await fill();
    fs.rmSync(place.path('changes', changeFile(3)));
    const resources = place.open();
    expect(await told(resources)).toBe(before);
    expect(await failure(follow(resources, 1, 3))).toBe('Expired');
    expect(await follow(resources, 3, 2)).toHaveLength(2);
    expect((await resources.create(workflow('d'))).metadata.resourceVersion).toBe('6');
  });

  test('gone at the end is not numbered again by a handle that saw it, nor by one that meets its object', async () => {
    const resources = place.open();
    await resources.create(workflow('a', 'one'));
    await resources.update(workflow('a', 'two'));
    fs.rmSync(place.path('changes', changeFile(2)));
    expect((await resources.update(workflow('a', 'three'))).metadata.resourceVersion).toBe('3');
    fs.rmSync(place.path('changes', changeFile(3)));
    const fresh = place.open();
    expect((await fresh.update(workflow('a', 'four'))).metadata.resourceVersion).toBe('4');
    expect(commandOf(await resources.get('Workflow', 'a'))).toBe('four');
  });

  test('gone with all others leaves the objects and the count', async () => {
    const before = await fill();
    const watching = place.open();
    const watch = follow(watching, 5, 1);
    await watching.revision();
    fs.rmSync(place.path('changes'), { recursive: true });
    const resources = place.open();
    expect(await told(resources)).toBe(before);
    expect(await resources.revision()).toBe(5);
    expect((await resources.create(workflow('d'))).metadata.resourceVersion).toBe('6');
    expect(await failure(watch)).toMatch(/Expired|no error/);
    expect(await told(watching)).toBe(await told(resources));
  });

  test('a stranger in the directory is left alone', async () => {
    const before = await fill();
    fs.writeFileSync(place.path('changes', 'notes.txt'), 'mine');
    fs.writeFileSync(place.path('changes', '7.json'), '{}');
    expect(await told(place.open())).toBe(before);
    expect(place.read('changes', 'notes.txt')).toBe('mine');
  });
});

describe('staged files', () => {
  test('of dead writers go when they are old, and a deletion that was cut short is put right', async () => {
    const before = await fill();
    const old = new Date(Date.now() - 3_600_000);
    for (const name of ['x.doc', 'x.json', 'x.meta', 'y.gone', 'z.restored']) {
      fs.writeFileSync(place.path('changes', 'stage', name), 'left');
      fs.utimesSync(place.path('changes', 'stage', name), old, old);
    }
    fs.writeFileSync(place.path('changes', 'stage', 'young.doc'), 'at work');
    // The times of the inode itself cannot be set: the handle's clock is an hour ahead instead.
    const ahead = new HandClock();
    const clock = { now: () => ({ time: 0, wall: Date.now() + 3_600_000 }), after: ahead.after.bind(ahead) };
    expect(await told(place.open())).toBe(before);
    expect(place.names('changes', 'stage')).toContain('x.doc');
    expect(await told(place.open({ clock }))).toBe(before);
    expect(place.names('changes', 'stage')).toEqual([]);
  });

  test.each(['the same', 'other'])(
    'a late deleter takes nothing of the next object of the name, with %s text',
    async (which) => {
      const first = place.open();
      await first.create(workflow('a', 'same'));
      await first.delete('Workflow', 'a');
      const next = await first.create(workflow('a', which));
      const disk = new Disk();
      const paths = new Paths(place.root);
      const quarantine = new Quarantine(disk, paths);
      const meta = new MetaFiles(disk, paths, quarantine);
      const desired = new DesiredFiles(disk, paths);
      const stage = new Stage({ disk, paths, desired, meta, quarantine, uniq: () => 'late' });
      stage.finish(2, parseChange(fs.readFileSync(place.path('changes', changeFile(2)))));
      expect(place.names('workflows')).toEqual(['a.yaml']);
      expect(place.names('meta', 'Workflow')).toEqual(['a.json']);
      expect(place.names('changes', 'stage')).toEqual([]);
      expect(await place.open().get('Workflow', 'a')).toEqual(next);
    },
  );

  test('a late mover of an older document finds nothing to move', async () => {
    const first = place.open();
    await first.create(workflow('a', 'old'));
    await first.update(workflow('a', 'new'));
    const disk = new Disk();
    const paths = new Paths(place.root);
    const quarantine = new Quarantine(disk, paths);
    const meta = new MetaFiles(disk, paths, quarantine);
    const desired = new DesiredFiles(disk, paths);
    const stage = new Stage({ disk, paths, desired, meta, quarantine, uniq: () => 'late' });
    stage.finish(1, parseChange(fs.readFileSync(place.path('changes', changeFile(1)))));
    expect(commandOf(await place.open().get('Workflow', 'a'))).toBe('new');
  });

  test('a newer document that a late deleter had taken away comes back', async () => {
    const resources = place.open();
    await resources.create(workflow('a', 'old'));
    await resources.delete('Workflow', 'a');
    const second = await resources.create(workflow('a', 'new'));
    fs.renameSync(place.path('workflows', 'a.yaml'), place.path('changes', 'stage', '2.abc.deleted'));
    const found = await place.open().get('Workflow', 'a');
    expect(found).toEqual(second);
    expect(place.names('workflows')).toEqual(['a.yaml']);
    expect(place.names('changes', 'stage')).toEqual([]);
  });
});

describe('after a power loss', () => {
  const lost: readonly { name: string; lose: () => void }[] = [
    { name: 'the moves into place', lose: () => restoreOld() },
    { name: 'the moves and the staged files', lose: () => restoreOld() },
    { name: 'the views alone', lose: () => fs.rmSync(place.path('meta', 'Workflow'), { recursive: true }) },
    { name: 'what was in the views', lose: () => fs.truncateSync(place.path('meta', 'Workflow', 'a.json'), 0) },
    { name: 'everything but the changes', lose: () => loseAllButChanges() },
  ];
  let old: string[] = [];

  /** The names stand for the files that they stood for before. */
  function restoreOld(): void {
    for (const path of old) fs.renameSync(`${path}.kept`, path);
  }

  function loseAllButChanges(): void {
    for (const directory of ['meta', 'workflows']) fs.rmSync(place.path(directory), { recursive: true });
  }

  test.each(lost)('that took $name, every acknowledged write is there', async ({ lose }) => {
    const first = place.open({ bootId: 'one' });
    await first.create(workflow('a', 'old'));
    await first.create(workflow('gone', 'old'));
    old = ['workflows/a.yaml', 'workflows/gone.yaml', 'meta/Workflow/a.json', 'meta/Workflow/gone.json'].map((name) =>
      place.path(name),
    );
    for (const path of old) fs.linkSync(path, `${path}.kept`);
    await first.update(workflow('a', 'new'));
    await first.create(workflow('b', 'new'));
    await first.delete('Workflow', 'gone');
    const before = await told(first);
    lose();
    for (const path of old) fs.rmSync(`${path}.kept`, { force: true });
    const second = place.open({ bootId: 'two' });
    expect(await told(second)).toBe(before);
    expect(place.names('workflows')).toEqual(['a.yaml', 'b.yaml']);
    expect(place.read('workflows', 'a.yaml')).toContain('command: new');
    expect(await second.revision()).toBe(5);
    expect(await told(place.open({ bootId: 'two' }))).toBe(before);
  });

  test('a hand edit made before it is kept', async () => {
    const first = place.open({ bootId: 'one' });
    await first.create(workflow('a', 'old'));
    place.write('workflows/a.yaml', place.read('workflows', 'a.yaml').replace('old', 'by hand'));
    expect(commandOf(await place.open({ bootId: 'two' }).get('Workflow', 'a'))).toBe('by hand');
  });
});
