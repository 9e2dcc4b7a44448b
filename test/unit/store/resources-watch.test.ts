// Resources on files over time and between threads: hints, the tail of changes, letting old changes go, and many writers at once.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Kind } from '../../../manifests/model.ts';
import { Disk } from '../../../store/file/disk.ts';
import { crowdless } from '../../../store/file/lock.ts';
import { failure, follow, run, signal, task, workflow } from '../../contract/resources-contract.ts';
import { ResourcesPlace } from '../../support/resources-place.ts';

let place: ResourcesPlace;
beforeEach(() => {
  place = new ResourcesPlace();
});
afterEach(() => place.dispose());

const DEADLINE_MS = 10_000;

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('deadline');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('hints', () => {
  const files: readonly { kind: Kind; file: string; text: string }[] = [
    { kind: 'Workflow', file: 'workflows/x.yaml', text: JSON.stringify(workflow('x')) },
    { kind: 'Task', file: 'tasks/x.yaml', text: JSON.stringify(task('x')) },
    { kind: 'WorkflowRun', file: 'workflowruns/x.yaml', text: JSON.stringify(run('x')) },
    { kind: 'Signal', file: 'signals/x.yaml', text: JSON.stringify(signal('x')) },
  ];

  test('come for a file of each kind that is written by hand, and for its removal', async () => {
    const resources = place.open();
    await resources.scan();
    const hinted: Kind[] = [];
    const end = resources.onHint((kind) => void hinted.push(kind));
    // chokidar needs a moment until it watches; until then a regular scan finds what is new.
    await until(async () => {
      fs.rmSync(place.path('workflows', 'probe.yaml'), { force: true });
      place.write('workflows/probe.yaml', 'x');
      return hinted.includes('Workflow');
    });
    for (const { kind, file, text } of files) {
      await resources.scan();
      hinted.length = 0;
      place.write(file, text);
      await until(() => hinted.includes(kind));
      await resources.scan({ kinds: [kind] });
      expect(await resources.get(kind, 'x')).not.toBe(null);
      hinted.length = 0;
      fs.rmSync(place.path(file));
      await until(() => hinted.includes(kind));
    }
    end();
  });

  const pairs = ['workflows', 'workflowruns'].flatMap((directory) =>
    [5, 15, 30, 45, 70].map((apartMs) => ({ directory, apartMs })),
  );
  test.each(pairs)('lead to the last of two writes $apartMs ms apart in $directory', async ({ directory, apartMs }) => {
    const resources = place.open();
    await resources.scan();
    let scanning: Promise<void> = Promise.resolve();
    const end = resources.onHint((kind) => {
      scanning = scanning.then(() => resources.scan({ kinds: [kind] }));
    });
    // Looks at what was recorded and never at the file, which would be a scan of its own.
    let recorded: string | undefined;
    const abort = new AbortController();
    const watching = (async () => {
      for await (const { object } of place.open().watch(0, abort.signal)) recorded = object.metadata.labels?.['n'];
    })();
    const write = (n: number): void => {
      const manifest = directory === 'workflows' ? workflow('x') : run('x');
      manifest.metadata.labels = { n: String(n) };
      place.write(`${directory}/x.yaml`, JSON.stringify(manifest));
    };
    let next = 0;
    // chokidar needs a moment until it watches.
    await until(() => {
      if (performance.now() >= next) {
        next = performance.now() + 100;
        write(0);
      }
      return recorded === '0';
    });
    for (let n = 1; n <= 5; n += 1) {
      write(-n);
      const second = performance.now() + apartMs;
      await until(() => performance.now() >= second);
      write(n);
      await until(() => recorded === String(n));
    }
    end();
    abort.abort();
    await Promise.all([scanning, watching]);
  });

  test('do not come for what the store writes itself', async () => {
    const resources = place.open();
    await resources.scan();
    const hinted: Kind[] = [];
    const end = resources.onHint((kind) => void hinted.push(kind));
    for (let n = 0; n < 10; n += 1) await resources.create(run(`r${n}`));
    place.write('workflowruns/last.yaml', JSON.stringify(run('last')));
    await until(() => hinted.length > 0);
    expect(hinted).toEqual(['WorkflowRun']);
    end();
  });

  test('are not needed: without any watch a scan finds everything', async () => {
    const disk = new Disk();
    disk.watch = () => null;
    const resources = place.open({ disk });
    const end = resources.onHint(() => undefined);
    await resources.scan();
    for (const { file, text } of files) place.write(file, text);
    await resources.scan();
    for (const { kind } of files) expect((await resources.list(kind)).items).toHaveLength(1);
    end();
  });
});

describe('the tail of changes', () => {
  test('is followed across handles without any event', async () => {
    const disk = new Disk();
    disk.watch = () => null;
    const watching = place.open({ disk });
    await watching.revision();
    const following = follow(watching, 0, 1);
    await place.open().create(workflow('etl'));
    expect(await following).toEqual(['1 Added Workflow/etl']);
  });

  test('a burst of changes is told whole and in order, while the event loop is busy', async () => {
    const watching = place.open();
    const following = follow(watching, 0, 62);
    const writer = place.open();
    await writer.revision();
    const { uid } = (await writer.create(run('r'))).metadata;
    for (let n = 1; n < 300; n += 1) await writer.recordStatus({ name: `r${n}`, uid: `${uid}${n}` }, { n });
    await writer.create(workflow('end'));
    for (let n = 0; n < 60; n += 1) await writer.update(workflow('end', String(n)));
    const told = await following;
    expect(told[0]).toBe('1 Added WorkflowRun/r');
    expect(told[1]).toBe('301 Added Workflow/end');
    expect(told.slice(2)).toEqual(Array.from({ length: 60 }, (_, n) => `${302 + n} Modified Workflow/end`));
  });

  test('closing the store ends those who watch', async () => {
    const resources = place.open();
    await resources.create(workflow('x'));
    const told: string[] = [];
    const watching = (async () => {
      for await (const { name } of resources.watch(0, new AbortController().signal)) told.push(name);
    })();
    await until(() => told.length === 1);
    await resources.close();
    await watching;
    expect(await failure(resources.get('Workflow', 'x'))).toBe('Unavailable');
  });
});

describe('a run whose status was published', () => {
  test('has one revision in all handles, those that are opened later as well', async () => {
    const first = place.open();
    const ref = { name: 'r', uid: (await first.create(run('r'))).metadata.uid };
    const runs = place.runs(first);
    await runs.publish(ref, { phase: 'Running', startTime: '2026-11-20T12:00:00Z' });
    await first.create(workflow('between'));
    await runs.publish(ref, { phase: 'Succeeded' });
    await first.create(workflow('after'));
    const shown = await first.get('WorkflowRun', 'r');
    expect(shown?.metadata.resourceVersion).toBe('4');
    expect(await place.open().get('WorkflowRun', 'r')).toEqual(shown);
    expect((await place.open().list('WorkflowRun')).items).toEqual([shown]);
    const update = place.open().update(run('r', { suspend: true }), { expected: '4' });
    expect((await update).metadata.resourceVersion).toBe('6');
    expect((await place.open().get('WorkflowRun', 'r'))?.metadata.resourceVersion).toBe('6');
  });
});

describe('old changes', () => {
  test('go once 11,000 have gathered; objects stay, and who asks for them is told', { timeout: 60_000 }, async () => {
    const operations: string[] = [];
    const onOperation = (moment: string, operation: string, path: string): void => {
      const isChange = path.includes('/changes/0');
      if (moment === 'after' && (operation === 'sync' || (operation === 'unlink' && isChange))) {
        operations.push(`${operation} ${path.slice(place.root.length + 1)}`);
      }
    };
    const resources = place.open({ disk: new Disk({ onOperation }) });
    const kept = await resources.create(workflow('kept', 'old'));
    await resources.create(workflow('deleted'));
    await resources.delete('Workflow', 'deleted');
    const ref = { name: 'r', uid: (await resources.create(run('r'))).metadata.uid };
    for (let n = 0; n < 11_000; n += 1) await resources.recordStatus(ref, { n });
    const changes = (): string[] => place.names('changes').filter((name) => name.endsWith('.json'));
    await until(() => changes().length < 11_000);
    await resources.create(workflow('last'));
    expect(changes()[0]).toBe('0000000000001001.json');
    const removed = operations.indexOf('unlink changes/0000000000000001.json');
    expect(operations.slice(0, removed)).toContain('sync meta/Workflow/kept.json');
    expect(operations.slice(0, removed)).toContain('sync meta/Workflow');
    const fresh = place.open();
    expect(await fresh.get('Workflow', 'kept')).toEqual(kept);
    expect(await fresh.get('Workflow', 'deleted')).toBe(null);
    expect(await failure(follow(fresh, 4, 1))).toBe('Expired');
    expect(await follow(fresh, 11_003, 2)).toEqual(['11004 Status WorkflowRun/r', '11005 Added Workflow/last']);
    expect((await fresh.update(workflow('kept', 'new'), { expected: '1' })).metadata.resourceVersion).toBe('11006');
  });
});

describe('many writers', () => {
  test('in threads of their own and without the lock: one winner a revision, no step lost', async () => {
    const first = place.open();
    await first.create(workflow('count', '0'));
    const threads = 8;
    const steps = 4;
    const results = await Promise.all(
      Array.from({ length: threads }, (_, thread) => inThread(place.root, thread, steps)),
    );
    const fresh = place.open();
    const counter = await fresh.get('Workflow', 'count');
    const [counted] = (counter?.spec['tasks'] ?? []) as { command: string }[];
    expect(counted?.command).toBe(String(threads * steps));
    const revisions = results.flat().sort((a, b) => a - b);
    // Every thread made `steps` objects and as many steps of the counter; the first revision is the counter's.
    expect(revisions).toEqual(Array.from({ length: 2 * threads * steps }, (_, n) => n + 2));
    expect(await follow(fresh, 0, revisions.length + 1)).toHaveLength(revisions.length + 1);
    expect((await fresh.list('Task')).items).toHaveLength(threads * steps);
    expect(place.names('changes', 'stage')).toEqual([]);
  });

  test('the lock that spares them races is no error when it cannot be had', async () => {
    const path = place.path('changes');
    fs.mkdirSync(path);
    fs.mkdirSync(`${path}.lock`);
    expect(await crowdless(path, async () => 'done')).toBe('done');
    fs.rmdirSync(`${path}.lock`);
    expect(await crowdless(path, async () => fs.existsSync(`${path}.lock`))).toBe(true);
    expect(fs.existsSync(`${path}.lock`)).toBe(false);
  });
});

/** Runs test/support/resources-writer.ts in a thread; resolves with the revisions that it was given. */
function inThread(root: string, thread: number, steps: number): Promise<number[]> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('dist/esm/api/index.mjs', tsx).href;
  const script = new URL('../../support/resources-writer.ts', import.meta.url).href;
  const code = `import { register } from '${loader}'; register(); await import('${script}');`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: { root, thread, steps },
    execArgv: [],
  });
  return new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}
