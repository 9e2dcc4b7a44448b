// What people do to desired files with an editor, and what becomes of it: the file is never written, nothing else is disturbed, and
// what is wrong is said with its place.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Condition, Kind, Resource } from '../../../manifests/model.ts';
import { Disk } from '../../../store/file/disk.ts';
import type { FileResources } from '../../../store/file/resources.ts';
import { failure, follow, run, withFinalizers, workflow } from '../../contract/resources-contract.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { ResourcesPlace } from '../../support/resources-place.ts';

const GOOD =
  'apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata: {name: etl}\nspec:\n  tasks:\n    - {id: A, command: old}\n';
const NEW = GOOD.replace('old', 'new');

let place: ResourcesPlace;
let clock: HandClock;
let resources: FileResources;

beforeEach(async () => {
  place = new ResourcesPlace();
  clock = new HandClock();
  resources = place.open({ clock });
  await resources.scan();
});
afterEach(() => place.dispose());

function accepted(object: Resource | null): Condition {
  const conditions = (object?.status?.['conditions'] ?? []) as unknown as Condition[];
  const found = conditions.find(({ type }) => type === 'Accepted');
  if (found === undefined) throw new Error('no condition Accepted');
  return found;
}

function commandOf(object: Resource | null): string {
  return (object?.spec['tasks'] as { command: string }[] | undefined)?.[0]?.command ?? 'none';
}

async function scanned(name = 'etl', kind: Kind = 'Workflow'): Promise<Resource | null> {
  await resources.scan();
  return resources.get(kind, name);
}

interface Bad {
  readonly name: string;
  readonly text: string;
  readonly reason: string;
  readonly message: RegExp;
}

const bad: readonly Bad[] = [
  {
    name: 'no YAML',
    text: 'spec:\n  tasks: [\n',
    reason: 'InvalidManifest',
    message: /^workflows\/etl\.yaml:\d+:\d+: /,
  },
  { name: 'empty', text: '', reason: 'InvalidManifest', message: /^workflows\/etl\.yaml/ },
  { name: 'a text', text: 'hello\n', reason: 'InvalidManifest', message: /^workflows\/etl\.yaml:1:1: / },
  { name: 'a tab', text: 'tasks:\n\t- {id: A}\n', reason: 'InvalidManifest', message: /^workflows\/etl\.yaml:2:\d+: / },
  {
    name: 'an unknown field',
    text: GOOD.replace('command:', 'comand:'),
    reason: 'InvalidManifest',
    message: /^workflows\/etl\.yaml:6:\d+: spec\.tasks\[0\]\.comand: /,
  },
  {
    name: 'a cycle',
    text: `${GOOD}    - {id: B, command: x, dependencies: [C]}\n    - {id: C, command: x, dependencies: [B]}\n`,
    reason: 'InvalidManifest',
    message: /^workflows\/etl\.yaml:\d+:\d+: .*B/,
  },
  { name: 'two documents', text: `${GOOD}---\n${GOOD}`, reason: 'InvalidManifest', message: /one document/ },
  {
    name: 'another kind',
    text: 'apiVersion: oarlock.dev/v1\nkind: Task\nmetadata: {name: etl}\nspec: {command: x}\n',
    reason: 'InvalidManifest',
    message: /^workflows\/etl\.yaml:2:\d+: kind: expected Workflow, found Task/,
  },
  {
    name: 'another name',
    text: GOOD.replace('etl', 'other'),
    reason: 'NameMismatch',
    message: /^workflows\/etl\.yaml:3:18: metadata\.name: expected "etl", the name of the file, found "other"$/,
  },
  { name: 'bytes that are no text', text: '\0\0\0', reason: 'InvalidManifest', message: /^workflows\/etl\.yaml/ },
];

describe('a file with', () => {
  test.each(bad)(
    '$name, dropped in, is an object without a spec that says what is wrong',
    async ({ text, reason, message }) => {
      place.write('workflows/etl.yaml', text);
      const object = await scanned();
      expect(object?.spec).toEqual({});
      expect(accepted(object)).toMatchObject({ status: 'False', reason });
      expect(accepted(object).message).toMatch(message);
      expect(place.read('workflows', 'etl.yaml')).toBe(text);
      expect((await resources.list('Workflow')).items).toEqual([object]);
    },
  );

  test.each(bad)('$name, edited in, leaves the last good version in force', async ({ text, reason, message }) => {
    await resources.create(workflow('other'));
    const made = await resources.create(workflow('etl', 'old'));
    place.write('workflows/etl.yaml', text);
    const object = await scanned();
    expect(object?.spec).toEqual(made.spec);
    expect(object?.metadata).toMatchObject({ uid: made.metadata.uid, generation: 1, resourceVersion: '3' });
    expect(accepted(object)).toMatchObject({ status: 'False', reason });
    expect(accepted(object).message).toMatch(message);
    expect(accepted(await resources.get('Workflow', 'other')).status).toBe('True');
    expect(await place.open().get('Workflow', 'etl')).toEqual(object);

    place.write('workflows/etl.yaml', NEW);
    const mended = await scanned();
    expect(commandOf(mended)).toBe('new');
    expect(mended?.metadata).toMatchObject({ uid: made.metadata.uid, generation: 2, resourceVersion: '4' });
    expect(accepted(mended).status).toBe('True');
  });
});

describe('a name with something else than a file', () => {
  const outside = (): string => place.path('outside.yaml');
  const strange: readonly { name: string; make: (path: string) => void; message: RegExp }[] = [
    { name: 'a directory', make: (path) => fs.mkdirSync(path), message: /expected a regular file, found a directory/ },
    {
      name: 'a symbolic link',
      make: (path) => {
        fs.writeFileSync(outside(), NEW);
        fs.symlinkSync(outside(), path);
      },
      message: /expected a regular file, found a link/,
    },
    {
      name: 'a pipe',
      make: (path) => execFileSync('mkfifo', [path]),
      message: /expected a regular file, found a link, a pipe/,
    },
    {
      name: 'a huge file',
      make: (path) => {
        fs.writeFileSync(path, NEW);
        fs.truncateSync(path, 65 * 1024 * 1024);
      },
      message: /68157440 bytes, expected at most 67108864/,
    },
  ];

  test.each(strange)('($name) says so, keeps what was in force, and can be replaced', async ({ make, message }) => {
    const path = place.path('workflows', 'etl.yaml');
    make(path);
    const fresh = await scanned();
    expect(fresh?.spec).toEqual({});
    expect(accepted(fresh)).toMatchObject({ status: 'False', reason: 'InvalidManifest' });
    expect(accepted(fresh).message).toMatch(message);
    expect(accepted(fresh).message).toMatch(/^workflows\/etl\.yaml: /);

    const mended = await resources.update(workflow('etl', 'old'));
    expect(accepted(mended).status).toBe('True');
    expect(place.read('workflows', 'etl.yaml')).toContain('command: old');
    fs.rmSync(path);
    fs.rmSync(outside(), { force: true });
    make(path);
    const object = await scanned();
    expect(commandOf(object)).toBe('old');
    expect(accepted(object).message).toMatch(message);
    await resources.delete('Workflow', 'etl');
    expect(await scanned()).toBe(null);
    expect(fs.lstatSync(path, { throwIfNoEntry: false })).toBe(undefined);
    if (fs.existsSync(outside())) expect(fs.readFileSync(outside(), 'utf8')).toBe(NEW);
  });

  test('that may not be read says so, and is read once it may', async () => {
    let isForbidden = true;
    const disk = new Disk();
    disk.read = (path) => {
      if (isForbidden && path.endsWith('etl.yaml')) {
        throw Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES', syscall: 'open' });
      }
      return Disk.prototype.read.call(disk, path);
    };
    resources = place.open({ clock, disk });
    place.write('workflows/etl.yaml', GOOD);
    expect(accepted(await scanned()).message).toMatch(/^workflows\/etl\.yaml: .*permission denied/);
    isForbidden = false;
    expect(commandOf(await scanned())).toBe('old');
  });
});

describe('a good file', () => {
  test('dropped in is a new object, and stays as it was written', async () => {
    const text = `# mine\n${GOOD}`;
    place.write('workflows/etl.yaml', text);
    const object = await scanned();
    expect(object?.metadata).toMatchObject({ name: 'etl', generation: 1, resourceVersion: '1' });
    expect(commandOf(object)).toBe('old');
    expect(place.read('workflows', 'etl.yaml')).toBe(text);
    expect(await follow(resources, 0, 1)).toEqual(['1 Added Workflow/etl']);
  });

  test.each(['etl.yaml', 'etl.yml', 'etl.json'])('may be called %s', async (file) => {
    const text = file.endsWith('json') ? JSON.stringify(workflow('etl', 'old')) : GOOD;
    place.write(`workflows/${file}`, text);
    expect(commandOf(await scanned())).toBe('old');
    await resources.update(workflow('etl', 'new'));
    expect(place.names('workflows')).toEqual([file]);
    expect(commandOf(await scanned())).toBe('new');
    await resources.delete('Workflow', 'etl');
    expect(place.names('workflows')).toEqual([]);
  });

  test('without a name has the name of the file', async () => {
    place.write('tasks/load.yaml', 'apiVersion: oarlock.dev/v1\nkind: Task\nspec: {command: x}\n');
    const object = await scanned('load', 'Task');
    expect(object?.metadata.name).toBe('load');
    expect(accepted(object).status).toBe('True');
  });

  test('that is bare, as the seeds write it, is taken and not rewritten', async () => {
    const text = '# three tasks\nid: etl\ntasks:\n  - {id: A, command: old}\n';
    place.write('workflows/etl.yaml', text);
    const object = await scanned();
    expect(object).toMatchObject({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', spec: { tasks: [{ id: 'A' }] } });
    expect(place.read('workflows', 'etl.yaml')).toBe(text);
  });

  test('is found by get and list alone, without a scan, also by a process that has just started', async () => {
    place.write('workflows/etl.yaml', GOOD);
    const fresh = place.open();
    expect(commandOf(await fresh.get('Workflow', 'etl'))).toBe('old');
    place.write('workflows/other.yaml', GOOD.replace('etl', 'other'));
    place.write('workflows/etl.yaml', NEW);
    const { items } = await fresh.list('Workflow');
    expect(items.map(commandOf)).toEqual(['new', 'old']);
  });

  test('whose comments alone change keeps its generation', async () => {
    place.write('workflows/etl.yaml', GOOD);
    await scanned();
    place.write('workflows/etl.yaml', `# why\n${GOOD}`);
    expect((await scanned())?.metadata).toMatchObject({ generation: 1, resourceVersion: '2' });
  });

  test('that is touched, or replaced by the same text, takes no revision', async () => {
    place.write('workflows/etl.yaml', GOOD);
    await scanned();
    fs.utimesSync(place.path('workflows', 'etl.yaml'), 1e9, 1e9);
    await scanned();
    fs.rmSync(place.path('workflows', 'etl.yaml'));
    place.write('workflows/etl.yaml', GOOD);
    await scanned();
    expect(await resources.revision()).toBe(1);
  });

  test.each([
    '.etl.yaml.swp',
    '.etl.yaml',
    'etl.yaml~',
    '#etl.yaml#',
    '4913',
    'etl.yaml.tmp',
    'etl.yaml.bak',
    'README.md',
    '.yaml',
  ])('called %s is an editor’s, and ignored', async (file) => {
    place.write(`workflows/${file}`, GOOD);
    await resources.scan();
    expect((await resources.list('Workflow')).items).toEqual([]);
    expect(await resources.revision()).toBe(0);
  });

  test('under a name that no object may have is shown with what is wrong', async () => {
    place.write('workflows/my flow.yaml', GOOD.replace('name: etl', 'labels: {a: b}'));
    const object = await scanned('my flow');
    expect(object?.spec).toEqual({});
    expect(accepted(object)).toMatchObject({ status: 'False', reason: 'InvalidManifest' });
  });
});

describe('two files for one name', () => {
  test('are a Duplicate: the first counts, until one of them goes', async () => {
    place.write('workflows/etl.yml', GOOD);
    await scanned();
    place.write('workflows/etl.yaml', NEW);
    const object = await scanned();
    expect(commandOf(object)).toBe('old');
    expect(accepted(object)).toMatchObject({ status: 'False', reason: 'Duplicate' });
    expect(accepted(object).message).toMatch(/^workflows\/etl\.yaml: .*workflows\/etl\.yml/);
    const { resourceVersion } = object?.metadata ?? {};
    expect((await scanned())?.metadata.resourceVersion).toBe(resourceVersion);

    fs.rmSync(place.path('workflows', 'etl.yaml'));
    expect(accepted(await scanned()).status).toBe('True');
    place.write('workflows/etl.yaml', NEW);
    await scanned();
    fs.rmSync(place.path('workflows', 'etl.yml'));
    expect(commandOf(await scanned())).toBe('old');
    clock.advance(300);
    const moved = await scanned();
    expect(commandOf(moved)).toBe('new');
    expect(accepted(moved).status).toBe('True');
    expect(moved?.metadata.uid).toBe(object?.metadata.uid);
  });
});

describe('editors', () => {
  const path = (name: string): string => place.path('workflows', name);
  const saves: readonly { name: string; save: () => Promise<void> }[] = [
    {
      name: 'vim: rename away, write anew, remove the backup',
      save: async () => {
        fs.writeFileSync(path('4913'), '');
        fs.rmSync(path('4913'));
        fs.renameSync(path('etl.yaml'), path('etl.yaml~'));
        await resources.scan();
        fs.writeFileSync(path('etl.yaml'), NEW);
        await resources.scan();
        fs.rmSync(path('etl.yaml~'));
      },
    },
    { name: 'nano: write in place', save: async () => fs.writeFileSync(path('etl.yaml'), NEW) },
    { name: 'sed -i', save: async () => void execFileSync('sed', ['-i', 's/old/new/', path('etl.yaml')]) },
    {
      name: 'write a new file, rename it over',
      save: async () => {
        fs.writeFileSync(path('.etl.yaml.tmp'), NEW);
        await resources.scan();
        fs.renameSync(path('.etl.yaml.tmp'), path('etl.yaml'));
      },
    },
    {
      name: 'a shell’s >: truncate, then write',
      save: async () => {
        fs.truncateSync(path('etl.yaml'), 0);
        await resources.scan();
        fs.writeFileSync(path('etl.yaml'), NEW);
      },
    },
    {
      name: 'unlink, then write',
      save: async () => {
        fs.rmSync(path('etl.yaml'));
        await resources.scan();
        clock.advance(200);
        await resources.scan();
        fs.writeFileSync(path('etl.yaml'), NEW);
      },
    },
  ];

  test.each(saves)('$name: ends with the new version of the same object', async ({ save }) => {
    place.write('workflows/etl.yaml', GOOD);
    const before = await scanned();
    await save();
    const after = await scanned();
    expect(commandOf(after)).toBe('new');
    expect(after?.metadata).toMatchObject({ uid: before?.metadata.uid, generation: 2 });
    expect(accepted(after).status).toBe('True');
    expect((await resources.list('Workflow')).items).toHaveLength(1);
  });

  test('a file that was written a moment ago may be half of it: it is read once it rests', async () => {
    const whole = `${NEW}    - {id: B, command: x}\n`;
    let waits = 0;
    const eager = place.open({
      clock: {
        // It is always a millisecond after the file was written.
        now: () => ({ time: 0, wall: (fs.statSync(path('etl.yaml'), { throwIfNoEntry: false })?.mtimeMs ?? 0) + 1 }),
        after: (_delayMs, callback) => {
          waits += 1;
          if (waits === 1) place.write('workflows/etl.yaml', whole);
          setImmediate(callback);
          return () => undefined;
        },
      },
    });
    place.write('workflows/etl.yaml', whole.slice(0, NEW.length));
    expect((await eager.get('Workflow', 'etl'))?.spec['tasks']).toHaveLength(2);
    expect(await eager.revision()).toBe(1);
  });

  test('a file that never rests is taken as it is at last', async () => {
    const disk = new Disk();
    let writes = 0;
    disk.read = (file) => {
      const bytes = Disk.prototype.read.call(disk, file);
      if (file.endsWith('etl.yaml')) {
        writes += 1;
        fs.appendFileSync(file, `# ${writes}\n`);
      }
      return bytes;
    };
    place.write('workflows/etl.yaml', GOOD);
    expect(commandOf(await place.open({ disk, clock }).get('Workflow', 'etl'))).toBe('old');
  });

  test('a write in place right after one of the store, of the same length, is seen', async () => {
    const eager = place.open();
    for (let n = 10; n < 40; n += 1) {
      const manifest = workflow('etl', `old${n}`);
      const written = await (n === 10 ? eager.create(manifest) : eager.update(manifest));
      place.write('workflows/etl.yaml', place.read('workflows', 'etl.yaml').replace('old', 'new'));
      expect(commandOf(written)).toBe(`old${n}`);
      expect(commandOf(await eager.get('Workflow', 'etl'))).toBe(`new${n}`);
    }
  });

  test('a document of the store is dated back, so that no later write can have its time', async () => {
    const before = Date.now();
    await place.open().create(workflow('etl'));
    expect(fs.statSync(path('etl.yaml')).mtimeMs).toBeLessThan(before);
  });

  test('a file cut at any byte leaves the last good version or makes a whole one, and says so', async () => {
    place.write('workflows/etl.yaml', GOOD);
    const before = await scanned();
    for (let length = 0; length < GOOD.length; length += 1) {
      place.write('workflows/etl.yaml', GOOD.slice(0, length));
      const object = await scanned();
      expect(object?.metadata.uid).toBe(before?.metadata.uid);
      if (accepted(object).status === 'False') expect(accepted(object).message).toMatch(/^workflows\/etl\.yaml/);
    }
  });
});

describe('a file that is gone', () => {
  test('in two looks 300 ms apart is a deletion', async () => {
    place.write('workflows/etl.yaml', GOOD);
    const first = await scanned();
    fs.rmSync(place.path('workflows', 'etl.yaml'));
    expect(await scanned()).toEqual(first);
    clock.advance(299);
    expect(await scanned()).toEqual(first);
    clock.advance(1);
    expect(await scanned()).toBe(null);
    expect(await follow(resources, 1, 1)).toEqual(['2 Deleted Workflow/etl']);
    place.write('workflows/etl.yaml', GOOD);
    expect((await scanned())?.metadata.uid).not.toBe(first?.metadata.uid);
  });

  test('for a moment only is no deletion, and the time counts from the last moment', async () => {
    place.write('workflows/etl.yaml', GOOD);
    const first = await scanned();
    const path = place.path('workflows', 'etl.yaml');
    fs.rmSync(path);
    await scanned();
    clock.advance(200);
    fs.writeFileSync(path, GOOD);
    await scanned();
    fs.rmSync(path);
    clock.advance(200);
    expect(await scanned()).toEqual(first);
    clock.advance(200);
    expect(await scanned()).toEqual(first);
  });

  test('for a moment and then the very same file again, counts from anew', async () => {
    place.write('workflows/etl.yaml', GOOD);
    const first = await scanned();
    const path = place.path('workflows', 'etl.yaml');
    for (let round = 0; round < 3; round += 1) {
      fs.renameSync(path, `${path}~`);
      expect(await scanned()).toEqual(first);
      clock.advance(200);
      fs.renameSync(`${path}~`, path);
      expect(await scanned()).toEqual(first);
    }
  });

  test('is waited for by a process that only asks once', async () => {
    const asking = place.open();
    await asking.create(workflow('etl'));
    fs.rmSync(place.path('workflows', 'etl.yaml'));
    expect(await place.open().get('Workflow', 'etl')).toBe(null);
    expect((await place.open().list('Workflow')).items).toEqual([]);
  });

  test('while its run is active leaves the run visible, with a deletion timestamp, until it is finished', async () => {
    const runs = place.runs(resources);
    const made = await resources.create(run('r'));
    const ref = { name: 'r', uid: made.metadata.uid };
    await runs.publish(ref, { phase: 'Running', startTime: '2026-11-20T12:00:00Z' });
    fs.rmSync(place.path('workflowruns', 'r.yaml'));
    await resources.scan();
    clock.advance(300);
    expect((await scanned('r', 'WorkflowRun'))?.metadata).toMatchObject({
      uid: ref.uid,
      deletionTimestamp: '2030-01-01T00:00:00Z',
    });

    place.write(
      'workflowruns/r.yaml',
      'apiVersion: oarlock.dev/v1\nkind: WorkflowRun\nspec: {workflowRef: {name: etl}}\n',
    );
    expect((await scanned('r', 'WorkflowRun'))?.metadata.uid).toBe(ref.uid);
    await resources.finishDelete('r', ref.uid);
    expect(place.names('runs')).toEqual([]);
    const next = await scanned('r', 'WorkflowRun');
    expect(next?.metadata.uid).not.toBe(ref.uid);
    expect(next?.metadata.deletionTimestamp).toBe(undefined);
  });

  test('with its whole directory deletes what stood in it and nothing else', async () => {
    await resources.create(workflow('etl'));
    await resources.create(run('r'));
    fs.rmSync(place.path('workflows'), { recursive: true });
    await resources.scan();
    clock.advance(300);
    expect(await scanned()).toBe(null);
    expect((await resources.list('WorkflowRun')).items).toHaveLength(1);
    await resources.create(workflow('etl'));
    expect(place.names('workflows')).toEqual(['etl.yaml']);
  });
});

describe('a deleted object that finalizers hold', () => {
  const HELD = GOOD.replace('{name: etl}', '{name: etl, finalizers: [x/keep]}');

  test('keeps its file, and goes when they are taken off there', async () => {
    place.write('workflows/etl.yaml', HELD);
    const uid = (await scanned())?.metadata.uid;
    await resources.delete('Workflow', 'etl');
    expect(place.names('workflows')).toEqual(['etl.yaml']);
    place.write('workflows/etl.yaml', HELD.replace('old', 'new'));
    const edited = await scanned();
    expect(edited?.metadata).toMatchObject({ uid, deletionTimestamp: '2030-01-01T00:00:00Z' });
    expect(commandOf(edited)).toBe('new');
    place.write('workflows/etl.yaml', 'tasks: [\n');
    expect((await scanned())?.metadata.uid).toBe(uid);
    place.write('workflows/etl.yaml', GOOD);
    expect(await scanned()).toBe(null);
    expect(place.names('workflows')).toEqual([]);
    expect(await resources.revision()).toBe(5);
  });

  test('is held when its file is removed by hand, too, and its file may come back', async () => {
    place.write('workflows/etl.yaml', HELD);
    const uid = (await scanned())?.metadata.uid;
    fs.rmSync(place.path('workflows', 'etl.yaml'));
    await resources.scan();
    clock.advance(300);
    expect((await scanned())?.metadata).toMatchObject({ uid, deletionTimestamp: '2030-01-01T00:00:00Z' });
    const revision = await resources.revision();
    clock.advance(300);
    await scanned();
    expect(await resources.revision()).toBe(revision);
    place.write('workflows/etl.yaml', GOOD);
    clock.advance(300);
    await resources.scan();
    clock.advance(300);
    expect(await scanned()).toBe(null);
    expect(place.names('workflows')).toEqual([]);
  });

  test('without a file goes by an update', async () => {
    await resources.create(withFinalizers(workflow('etl'), ['x/keep']));
    fs.rmSync(place.path('workflows', 'etl.yaml'));
    await resources.scan();
    clock.advance(300);
    expect((await scanned())?.metadata.deletionTimestamp).toMatch(/Z$/);
    await resources.update(workflow('etl'));
    expect(await scanned()).toBe(null);
  });
});

describe('writes through the store', () => {
  test('keep comments and order of the document that stands', async () => {
    const text = `# of the data team\n${GOOD.replace('    - ', '    # the only one\n    - ')}`;
    place.write('workflows/etl.yaml', text);
    await resources.update(workflow('etl', 'new'));
    expect(place.read('workflows', 'etl.yaml')).toBe(text.replace('old', 'new'));
  });

  test('keep the text they come with to the letter when it says the same, and not when it does not', async () => {
    const text = `# as I like it\n${GOOD}`;
    await resources.create(workflow('etl', 'old'), { text });
    expect(place.read('workflows', 'etl.yaml')).toBe(text);
    const again = `# once more\n${GOOD}`;
    const object = await resources.update(workflow('etl', 'old'), { text: again });
    expect(object.metadata).toMatchObject({ generation: 1, resourceVersion: '2' });
    expect(place.read('workflows', 'etl.yaml')).toBe(again);
    expect((await resources.update(workflow('etl', 'old'), { text: again })).metadata.resourceVersion).toBe('2');
    await resources.update(workflow('etl', 'new'), { text: again });
    expect(place.read('workflows', 'etl.yaml')).toBe(again.replace('old', 'new'));
  });

  test('bring in a hand edit first, and are refused when they expected what was before it', async () => {
    await resources.create(workflow('etl', 'old'));
    place.write('workflows/etl.yaml', NEW);
    expect(await failure(resources.update(workflow('etl', 'other'), { expected: '1' }))).toBe('Conflict');
    expect(commandOf(await resources.get('Workflow', 'etl'))).toBe('new');
    expect(await failure(resources.delete('Workflow', 'etl', { expected: '1' }))).toBe('Conflict');
    const last = await resources.update(workflow('etl', 'other'), { expected: '2' });
    expect(last.metadata).toMatchObject({ generation: 3, resourceVersion: '3' });
  });

  test('find the name taken by a file that was dropped in', async () => {
    place.write('workflows/etl.yaml', GOOD);
    expect(await failure(resources.create(workflow('etl', 'other')))).toBe('AlreadyExists');
    expect(place.read('workflows', 'etl.yaml')).toBe(GOOD);
  });

  test('put a good document in the place of one that does not parse', async () => {
    await resources.create(workflow('etl', 'old'));
    place.write('workflows/etl.yaml', 'spec: [');
    expect(accepted(await scanned()).status).toBe('False');
    const mended = await resources.update(workflow('etl', 'old'));
    expect(accepted(mended).status).toBe('True');
    expect(mended.metadata.generation).toBe(1);
    expect(place.read('workflows', 'etl.yaml')).toContain('command: old');
  });

  test('keep files private', async () => {
    await resources.create(workflow('etl'));
    for (const directory of ['changes', 'changes/stage', 'meta', 'meta/Workflow', 'workflows']) {
      expect(fs.statSync(place.path(directory)).mode & 0o777, directory).toBe(0o700);
    }
    for (const file of ['workflows/etl.yaml', 'meta/Workflow/etl.json', 'changes/0000000000000001.json']) {
      expect(fs.statSync(place.path(file)).mode & 0o777, file).toBe(0o600);
    }
  });
});

describe('a scan', () => {
  test('of what did not change writes nothing', async () => {
    const operations: string[] = [];
    const disk = new Disk({
      onOperation: (moment, operation, path) => void operations.push(`${moment} ${operation} ${path}`),
    });
    resources = place.open({ clock, disk });
    place.write('workflows/etl.yaml', GOOD);
    place.write('workflows/bad.yaml', 'spec: [');
    await resources.create(run('r'));
    await resources.scan();
    operations.length = 0;
    await resources.scan();
    await resources.list('Workflow');
    clock.advance(120_000);
    await resources.scan();
    expect(operations).toEqual([]);
  });

  test('sees an ended run again after a minute, and by a get at once', async () => {
    const runs = place.runs(resources);
    const made = await resources.create(run('r'));
    await runs.publish({ name: 'r', uid: made.metadata.uid }, { phase: 'Succeeded' });
    await resources.scan();
    const edited = (n: number): string =>
      place.read('workflowruns', 'r.yaml').replace(/spec:\n( {2}input: \d\n)?/, `spec:\n  input: ${n}\n`);
    place.write('workflowruns/r.yaml', edited(1));
    await resources.scan();
    const before = await resources.revision();
    clock.advance(60_000);
    await resources.scan();
    expect(await resources.revision()).toBe(before + 1);
    place.write('workflowruns/r.yaml', edited(2));
    expect((await resources.get('WorkflowRun', 'r'))?.spec['input']).toBe(2);
  });
});
