// Resources on files through crashes: a process that dies before or after any single file operation, a disk that is full at any of
// them, a sync that fails. Another handle opens the directory afterwards and finds the old or the new, whole.

import { afterEach, describe, expect, test } from 'vitest';
import type { Resource } from '../../../manifests/model.ts';
import { Disk, type DiskMoment } from '../../../store/file/disk.ts';
import type { FileResources } from '../../../store/file/resources.ts';
import type { Resources } from '../../../store/store.ts';
import { failure, follow, run, workflow } from '../../contract/resources-contract.ts';
import { ResourcesPlace } from '../../support/resources-place.ts';

class Crash extends Error {}

/** Nothing happens any more from the `at`-th moment on: what a kill looks like from outside. */
class Fuse {
  count = 0;
  at = Number.POSITIVE_INFINITY;
  readonly seen: string[] = [];

  disk(): Disk {
    return new Disk({
      onOperation: (moment, operation, path) => {
        this.count += 1;
        this.seen.push(`${moment} ${operation} ${path.slice(path.lastIndexOf('/') + 1)}`);
        if (this.count >= this.at) throw new Crash('killed');
      },
    });
  }
}

interface Scenario {
  readonly name: string;
  readonly prepare: (resources: FileResources, place: ResourcesPlace) => Promise<void>;
  readonly act: (resources: FileResources, place: ResourcesPlace) => Promise<unknown>;
  /** Names and commands of the workflows before and after. */
  readonly before: string;
  readonly after: string;
}

const nothing = async (): Promise<void> => undefined;

const scenarios: readonly Scenario[] = [
  {
    name: 'create',
    prepare: nothing,
    act: (resources) => resources.create(workflow('etl', 'new')),
    before: '',
    after: 'etl=new',
  },
  {
    name: 'update',
    prepare: async (resources) => void (await resources.create(workflow('etl', 'old'))),
    act: (resources) => resources.update(workflow('etl', 'new')),
    before: 'etl=old',
    after: 'etl=new',
  },
  {
    name: 'delete',
    prepare: async (resources) => void (await resources.create(workflow('etl', 'old'))),
    act: (resources) => resources.delete('Workflow', 'etl'),
    before: 'etl=old',
    after: '',
  },
  {
    name: 'a hand edit',
    prepare: async (resources, place) => {
      await resources.create(workflow('etl', 'old'));
      place.write('workflows/etl.yaml', place.read('workflows', 'etl.yaml').replace('old', 'new'));
    },
    act: (resources) => resources.scan(),
    before: 'etl=new',
    after: 'etl=new',
  },
];

async function told(resources: Resources): Promise<string> {
  const { items } = await resources.list('Workflow');
  return items.map((item) => `${item.metadata.name}=${commandOf(item)}`).join(' ');
}

function commandOf(object: Resource): string {
  return (object.spec['tasks'] as { command: string }[] | undefined)?.[0]?.command ?? 'none';
}

describe('resources on files, killed', () => {
  let place = new ResourcesPlace();
  afterEach(() => place.dispose());

  async function attempt(scenario: Scenario, at: number): Promise<{ fuse: Fuse; isDone: boolean }> {
    await place.dispose();
    place = new ResourcesPlace();
    const first = place.open();
    await first.scan();
    await scenario.prepare(first, place);
    await first.close();
    const fuse = new Fuse();
    const doomed = place.open({ disk: fuse.disk() });
    await doomed.revision();
    fuse.count = 0;
    fuse.seen.length = 0;
    fuse.at = at;
    let isDone = true;
    await scenario.act(doomed, place).catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
      isDone = false;
    });
    return { fuse, isDone };
  }

  test.each(scenarios)('at any operation of $name, leave the old or the new, and go on', async (scenario) => {
    const whole = await attempt(scenario, Number.POSITIVE_INFINITY);
    expect(whole.fuse.count).toBeGreaterThan(6);
    const outcomes = new Set<string>();
    for (let at = 1; at <= whole.fuse.count; at += 1) {
      const { fuse, isDone } = await attempt(scenario, at);
      const where = `${at}: ${fuse.seen.at(-1)}`;
      const second = place.open();
      const state = await told(second);
      outcomes.add(state);
      if (isDone) expect(state, where).toBe(scenario.after);
      else expect([scenario.before, scenario.after], where).toContain(state);

      await second.create(workflow('next'));
      const revision = await second.revision();
      expect(await follow(second, 0, revision), where).toHaveLength(revision);
      const third = place.open();
      expect(await told(third), where).toBe(
        [state, 'next=true']
          .filter((part) => part !== '')
          .sort()
          .join(' '),
      );
      await expectInPlace(place, third);
    }
    expect(outcomes).toEqual(new Set([scenario.before, scenario.after]));
  });

  test('at any operation of whoever finishes what another left, lose nothing either', async () => {
    const scenario = scenarios[1];
    if (scenario === undefined) throw new Error('no scenario');
    const whole = await attempt(scenario, Number.POSITIVE_INFINITY);
    const linked = whole.fuse.seen.findIndex((operation) => operation.startsWith('after link'));
    for (let at = 1; at <= 6; at += 1) {
      await attempt(scenario, linked + 1);
      const fuse = new Fuse();
      fuse.at = at;
      const finisher = place.open({ disk: fuse.disk() });
      await told(finisher).catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
      const last = place.open();
      expect(await told(last), `${at}: ${fuse.seen.at(-1)}`).toBe('etl=new');
      await expectInPlace(place, last);
    }
  });

  test('before the document was moved, leave a hand edit that came then in place, on top of the write', async () => {
    const scenario = scenarios[1];
    if (scenario === undefined) throw new Error('no scenario');
    const whole = await attempt(scenario, Number.POSITIVE_INFINITY);
    await attempt(scenario, whole.fuse.seen.findIndex((operation) => operation.startsWith('after link')) + 1);
    place.write('workflows/etl.yaml', place.read('workflows', 'etl.yaml').replace('old', 'hand'));
    const last = place.open();
    expect(await told(last)).toBe('etl=hand');
    expect(await follow(last, 1, 2)).toEqual(['2 Modified Workflow/etl', '3 Modified Workflow/etl']);
    expect(place.read('workflows', 'etl.yaml')).toContain('hand');
  });

  test('and a writer that was only stopped, and wakes when all has moved on, changes nothing', async () => {
    const sleeper = place.open();
    await sleeper.create(workflow('etl', 'old'));
    let wake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let isStopped = false;
    const stop = async (disk: Disk, path: string): Promise<void> => {
      await Disk.prototype.sync.call(disk, path);
      if (isStopped) return;
      isStopped = true;
      await asleep;
    };
    const disk = new Disk();
    disk.sync = (path) => stop(disk, path);
    const stopped = place.open({ disk });
    const late = failure(stopped.update(workflow('etl', 'late'), { expected: '1' }));
    const other = place.open();
    await until(() => isStopped);
    await other.update(workflow('etl', 'newer'));
    await other.delete('Workflow', 'etl');
    await other.create(workflow('etl', 'newest'));
    wake();
    expect(await late).toBe('Conflict');
    expect(await told(place.open())).toBe('etl=newest');
    expect(place.names('changes', 'stage')).toEqual([]);
  });
});

describe('a full disk', () => {
  let place = new ResourcesPlace();
  afterEach(() => place.dispose());

  test.each(scenarios.slice(0, 3))(
    'at any operation of $name is NoSpace or no error, and leaves nothing half done',
    async (scenario) => {
      for (let at = 1; ; at += 1) {
        await place.dispose();
        place = new ResourcesPlace();
        const first = place.open();
        await scenario.prepare(first, place);
        let count = 0;
        let isFull = true;
        const needsRoom = new Set(['create', 'link', 'rename', 'mkdir']);
        const onOperation = (moment: DiskMoment, operation: string): void => {
          if (moment !== 'before' || !needsRoom.has(operation)) return;
          count += 1;
          if (isFull && count >= at) throw noSpace(operation);
        };
        const disk = new Disk({ onOperation });
        isFull = false;
        const resources = place.open({ disk });
        await resources.revision();
        count = 0;
        isFull = true;
        const result = await failure(scenario.act(resources, place));
        expect(['NoSpace', 'no error']).toContain(result);
        const state = await told(resources);
        expect(state).toBe(result === 'no error' ? scenario.after : scenario.before);
        if (result === 'no error' && count < at) return;
        if (result !== 'no error') expect(place.names('changes', 'stage')).toEqual([]);
        expect(place.names('workflows').every((name) => name === 'etl.yaml')).toBe(true);

        isFull = false;
        await resources.create(workflow('next'));
        expect(await told(place.open())).toBe(
          [state, 'next=true']
            .filter((part) => part !== '')
            .sort()
            .join(' '),
        );
        expect(place.names('changes', 'stage')).toEqual([]);
      }
    },
  );
});

test('nothing gets a number while the newest change waits for room', async () => {
  const place = new ResourcesPlace();
  let isFull = false;
  const onOperation = (moment: DiskMoment, operation: string): void => {
    if (isFull && moment === 'before' && operation === 'rename') throw noSpace(operation);
  };
  const resources = place.open({ disk: new Disk({ onOperation }) });
  await resources.create(workflow('etl', 'old'));
  isFull = true;
  await resources.update(workflow('etl', 'new'));
  expect(await told(resources)).toBe('etl=new');
  expect(place.read('workflows', 'etl.yaml')).toContain('old');
  expect(await failure(resources.recordStatus({ name: 'r', uid: 'u' }, {}))).toBe('NoSpace');
  expect(await failure(resources.create(workflow('next')))).toBe('NoSpace');
  isFull = false;
  await resources.create(workflow('next'));
  expect(place.read('workflows', 'etl.yaml')).toContain('new');
  expect(await resources.revision()).toBe(3);
  await place.dispose();
});

describe('a failed sync', () => {
  let place = new ResourcesPlace();
  afterEach(() => place.dispose());

  test.each(['of a staged file', 'of the directory of changes'])(
    '%s ends the handle, and is not tried again',
    async (which) => {
      const disk = new Disk();
      let syncs = 0;
      const resources = place.open({ disk });
      await resources.create(workflow('etl', 'old'));
      disk.sync = async (path) => {
        const isDirectory = path.endsWith('/changes');
        if (isDirectory !== (which === 'of the directory of changes')) return;
        syncs += 1;
        throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
      };
      expect(await failure(resources.update(workflow('etl', 'new')))).toBe('Unavailable');
      const failed = syncs;
      expect(await failure(resources.update(workflow('etl', 'newer')))).toBe('Unavailable');
      expect(await failure(resources.get('Workflow', 'etl'))).toBe('Unavailable');
      expect(syncs).toBe(failed);
      const [state] = [await told(place.open())];
      expect(['etl=old', 'etl=new']).toContain(state);
    },
  );
});

/** The desired files say what the objects say, and nothing waits. */
async function expectInPlace(place: ResourcesPlace, resources: Resources): Promise<void> {
  const { items } = await resources.list('Workflow');
  expect(place.names('workflows')).toEqual(items.map(({ metadata }) => `${metadata.name}.yaml`));
  for (const item of items) {
    expect(place.read('workflows', `${item.metadata.name}.yaml`)).toContain(
      `command: "${commandOf(item)}"`.replaceAll('"', commandOf(item) === 'true' ? '"' : ''),
    );
    expect(item.status?.['conditions']).toMatchObject([{ status: 'True' }]);
  }
}

function noSpace(operation: string): Error {
  return Object.assign(new Error(`ENOSPC: no space left on device, ${operation}`), {
    code: 'ENOSPC',
    syscall: operation,
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('deadline');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a status that is published', () => {
  test('stands whole and under one revision wherever its writer dies, in every handle', async () => {
    for (let at = 1; ; at += 1) {
      const place = new ResourcesPlace();
      const first = place.open();
      const ref = { name: 'r', uid: (await first.create(run('r'))).metadata.uid };
      await place.runs(first).publish(ref, { phase: 'Running', n: 1 });
      const fuse = new Fuse();
      const writer = place.open({ disk: fuse.disk() });
      await writer.revision();
      const text = (revision: number): string =>
        JSON.stringify({ phase: 'Running', n: 2, recorded: { uid: ref.uid, seq: 0, revision } });
      fuse.count = 0;
      fuse.at = at;
      const isDone = await writer.recordStatus(ref, { n: 2 }, text).then(
        () => true,
        () => false,
      );
      const [one, other] = [await first.get('WorkflowRun', 'r'), await place.open().get('WorkflowRun', 'r')];
      expect(other, `killed at ${fuse.seen.at(-1)}`).toEqual(one);
      const isNew = Number(one?.metadata.resourceVersion) > 2;
      expect([one?.metadata.resourceVersion, one?.status?.['n']]).toEqual(isNew ? ['3', 2] : ['2', 1]);
      if (isDone) expect(one?.metadata.resourceVersion).toBe('3');
      await place.dispose();
      if (isDone && fuse.count < at) return;
    }
  });
});
