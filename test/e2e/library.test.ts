// Growth as people use it: a map as a library task, a crawler, a test run, alternatives, loops and looks, with their pictures before, during and
// after; and restart, suspension and parallel tasks in graphs that have grown.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Place, until } from '../support/oarlock.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const isPythonHere = spawnSync('python3', ['--version']).status === 0;
if (!isPythonHere) console.log('test/e2e/library: skipped, there is no python3');

interface Run {
  readonly status: {
    readonly phase: string;
    readonly output?: unknown;
    readonly conditions: readonly { readonly type: string; readonly reason: string }[];
    readonly nodes: {
      readonly [id: string]: {
        readonly state: string;
        readonly attempts: number;
        readonly output?: unknown;
        readonly createdBy?: string;
        readonly error?: { readonly type: string; readonly message: string };
      };
    };
  };
}

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.close());

/** An example, with its scripts found whatever the directory of the command is. */
function exampleFile(name: string): string {
  const text = readFileSync(join(ROOT, 'manifests', 'examples', name), 'utf8');
  mkdirSync(join(place.directory, 'files'), { recursive: true });
  return place.file('files/w.yaml', text.replaceAll('manifests/examples/', join(ROOT, 'manifests', 'examples', '/')));
}

async function example(name: string, input: object = {}): Promise<Run['status']> {
  const args = ['--name', 'r', '-o', 'json', '--input', JSON.stringify(input)];
  const { stdout, stderr } = await place.oarlock('run', exampleFile(name), ...args);
  if (stdout === '') throw new Error(stderr);
  return (JSON.parse(stdout) as Run).status;
}

async function picture(target: string, ...args: string[]): Promise<string> {
  return (await place.oarlock('graph', target, ...args)).stdout;
}

interface Drawn {
  readonly nodes: readonly { readonly id: string; readonly state: string; readonly ghost: unknown }[];
}

async function drawn(target: string, ...args: string[]): Promise<Drawn> {
  return JSON.parse(await picture(target, '-o', 'json', ...args)) as Drawn;
}

/** How the graph looked once that many nodes were there. */
async function whenGrownTo(size: number): Promise<string> {
  for (let seq = 4; ; seq += 3) {
    const { nodes } = await drawn('r', '--at', String(seq));
    if (nodes.filter(({ ghost }) => ghost === null).length >= size) return picture('r', '--at', String(seq));
  }
}

function statesOf({ nodes }: Run['status']): string[] {
  return Object.entries(nodes).map(([id, { state }]) => `${id} ${state}`);
}

describe.runIf(isPythonHere)('a map over a collection', () => {
  test.each(['python.yaml', 'javascript.yaml'])('in %s: a list in, a list out, in order', async (file) => {
    const status = await example(`map/${file}`, { numbers: [3, 1, 2] });
    expect(status.output).toEqual({ B: { squares: [9, 1, 4] } });
    expect(Object.keys(status.nodes)).toEqual(['A', 'B', 'A/0', 'A/1', 'A/2', 'squares']);
    expect(await picture(`map-in-${file.replace('.yaml', '')}`)).toMatch(/M \(up to 101\)/);
  });

  test('of nothing is an empty list', async () => {
    expect((await example('map/python.yaml', { numbers: [] })).output).toEqual({ B: { squares: [] } });
  });

  test('of what is no list says so', async () => {
    const A = {
      id: 'A',
      python: { code: 'import oarlock_map; oarlock_map.spread()' },
      with: { items: '$.input.none' },
    };
    const flow = { apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 'w' }, spec: { tasks: [A] } };
    const { stdout } = await place.oarlock('run', place.file('w.json', JSON.stringify(flow)));
    expect(stdout).toContain('items: expected a list, found None');
  });

  test('an item of the wrong type is told with its place, before anything runs for it', async () => {
    const status = await example('map/javascript.yaml', { numbers: [3, 'x'] });
    expect(status.nodes['A/1']).toMatchObject({ state: 'FAILED', attempts: 0 });
    expect(status.nodes['A/1']?.error).toMatchObject({ type: 'InputInvalid' });
    expect(status.nodes['B']).toMatchObject({ state: 'SKIPPED' });
  });
});

describe.runIf(isPythonHere)('examples', () => {
  const scripts: readonly [string, string, readonly string[]][] = [
    ['crawler', 'crawl.yaml', ['page.py', 'report.py', 'start.py']],
    ['test-run', 'test-run.yaml', ['plan.py', 'shard.py', 'suite.py', 'verdict.py']],
  ];
  test.each(scripts)('%s: all of its scripts are used', (directory, file, names) => {
    const folder = join(ROOT, 'manifests', 'examples', directory);
    const found = readdirSync(folder).filter((name) => name.endsWith('.py'));
    expect(found.sort()).toEqual(names);
    const texts = [file, ...names].map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    for (const name of names)
      expect(texts.includes(name) || texts.includes(`import ${name.slice(0, -3)}\n`)).toBe(true);
  });

  test('crawler: finds all pages and the link that leads nowhere', async () => {
    const status = await example('crawler/crawl.yaml');
    expect(status.nodes['report']?.output).toEqual({
      pages: ['about.html', 'guide/install.html', 'guide/start.html', 'index.html', 'team.html'],
      broken: [{ from: 'team.html', to: 'jobs.html' }],
    });
    expect(await picture('crawl')).toContain('page (up to 50)');
    const during = await whenGrownTo(5);
    expect(during).toMatch(/page\/about\.html|About us/);
    expect(during).toContain('page (up to 47)');
    expect(await picture('r')).not.toContain('up to');
  });

  test('test-run: splits by what failed', async () => {
    const status = await example('test-run/test-run.yaml', { perShard: 2 });
    expect(status.nodes['verdict']?.output).toEqual({
      passed: 4,
      flaky: ['suite.Orders.test_warm_cache'],
      broken: ['suite.Prices.test_rounding'],
    });
    expect(statesOf(status)).toContain('again: suite.Prices.test_rounding SUCCESS');
    expect(await picture('test-run')).toMatch(/shard \(up to 20\).*retest/);
    expect(await picture('r')).not.toContain('up to');
  });

  test('alternative: decided by the input, and what was not taken cannot come any more', async () => {
    const status = await example('growth/alternative.yaml', { careful: true });
    expect(Object.keys(status.nodes).sort()).toEqual(['A', 'B', 'M', 'N']);
    const before = await picture('alternative');
    for (const name of ['N', 'M', 'J', 'K']) expect(before).toContain(`${name} (one of several)`);
    expect(await picture('r')).toMatch(/× J/);
    expect(await picture('r')).not.toContain('one of several');
  });

  test('chain: a loop, one step after the other', async () => {
    const status = await example('growth/chain.yaml', { rounds: 4 });
    expect(status.nodes['step 4']?.output).toEqual({ left: 0 });
    expect(await picture('chain')).toContain('step (1 to 10)');
    expect(await picture('r')).toContain('begin ─▶ ✓ step 1 ─▶ ✓ step 2 ─▶ ✓ step 3 ─▶ ✓ step 4 ─▶ ✓ end');
  });

  test('a chain that is longer than it promised ends the run', async () => {
    const status = await example('growth/chain.yaml', { rounds: 11 });
    expect(status.phase).toBe('Failed');
    expect(status.conditions.find(({ type }) => type === 'Succeeded')?.reason).toBe('PromiseBroken');
  });

  test('loop: a state machine goes round', async () => {
    const status = await example('growth/loop.yaml', { rounds: 3 });
    expect(Object.keys(status.nodes)).toContain('work#3');
    const { nodes } = await drawn('loop');
    expect(nodes.filter(({ ghost }) => ghost !== null).map(({ id }) => id).length).toBeGreaterThan(0);
  });

  test('dress: looks change, and nothing else may', async () => {
    expect((await example('growth/dress.yaml')).phase).toBe('Succeeded');
    const dot = await picture('r', '-o', 'dot');
    expect(dot).toContain('Nothing to do');
    expect(dot).toContain('all is well');
  });

  test('who promised to leave looks alone and does not ends the run', async () => {
    const text = readFileSync(join(ROOT, 'manifests/examples/growth/dress.yaml'), 'utf8');
    const code = "import oarlock; oarlock.display('A', label='mine')";
    place.file('bad.yaml', text.replace(/code: "import oarlock; .*"/, `code: "${code}"`));
    const { stdout } = await place.oarlock('run', 'bad.yaml', '--name', 'r', '-o', 'json');
    const { status } = JSON.parse(stdout) as Run;
    expect(status.conditions.find(({ type }) => type === 'Succeeded')?.reason).toBe('PromiseBroken');
  });
});

describe.runIf(isPythonHere)('a graph that has grown', () => {
  const PLAN = `import oarlock, os
count = 2 if oarlock.key.endswith("/0") else 3
with oarlock.change() as change:
    for number in range(count):
        change.add("M", id=f"m{number}", before="B")
oarlock.output({"count": count})`;

  function workflow(template: object, more: object = {}): string {
    const spec = {
      tasks: [
        { id: 'A', python: { code: PLAN } },
        { id: 'B', command: 'echo done', dependencies: ['A'] },
      ],
      templates: [{ id: 'M', ...template }],
      promises: [{ shape: 'A -> M* -> B' }],
      ...more,
    };
    return JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 'w' }, spec });
  }

  async function get(): Promise<Run['status']> {
    return (JSON.parse((await place.oarlock('get', 'run', 'r', '-o', 'json')).stdout) as Run).status;
  }

  test('is withdrawn by a restart of who made it, and made anew', async () => {
    place.file('w.json', workflow({ command: 'echo x' }));
    await place.oarlock('run', 'w.json', '--name', 'r');
    expect(statesOf(await get())).toEqual(['A SUCCESS', 'B SUCCESS', 'm0 SUCCESS', 'm1 SUCCESS']);
    place.start('up', '--port', '0');
    await place.oarlock('restart', 'r', 'A');
    await until(
      async () => statesOf(await get()).join() === 'A SUCCESS,B SUCCESS,m0 SUCCESS,m1 SUCCESS,m2 SUCCESS',
      () => 'three parts, all done',
    );
    const { nodes } = await get();
    expect([nodes['A']?.attempts, nodes['B']?.attempts, nodes['m0']?.attempts]).toEqual([2, 2, 1]);
    expect((await place.oarlock('history', 'r')).stdout).toContain('WITHDRAWN');
  });

  test('of which one part is run again leaves the others alone', async () => {
    place.file('w.json', workflow({ command: 'echo x' }));
    await place.oarlock('run', 'w.json', '--name', 'r');
    place.start('up', '--port', '0');
    await place.oarlock('restart', 'r', 'm1');
    await until(
      async () => (await get()).nodes['B']?.attempts === 2 && (await get()).phase === 'Succeeded',
      () => 'B ran again',
    );
    const { nodes } = await get();
    expect([nodes['A']?.attempts, nodes['m0']?.attempts, nodes['m1']?.attempts]).toEqual([1, 1, 2]);
  });

  test('waits while it is suspended, and goes on', async () => {
    place.file('w.json', workflow({ signal: { name: 'go' } }));
    place.file(
      'r.json',
      JSON.stringify({
        apiVersion: 'oarlock.dev/v1',
        kind: 'WorkflowRun',
        metadata: { name: 'r' },
        spec: { workflowRef: { name: 'w' } },
      }),
    );
    place.start('up', '--port', '0');
    await place.oarlock('apply', '-f', 'w.json');
    await place.oarlock('apply', '-f', 'r.json');
    await until(
      async () => statesOf(await get()).filter((line) => line.endsWith('WAITING')).length === 2,
      () => 'two parts wait',
    );
    await place.oarlock('suspend', 'r');
    await place.oarlock('signal', 'r', 'go');
    await place.oarlock('signal', 'r', 'go');
    await until(
      async () => statesOf(await get()).join() === 'A SUCCESS,B PENDING,m0 SUCCESS,m1 SUCCESS',
      () => 'both parts are answered, and B does not start',
    );
    await place.oarlock('resume', 'r');
    await place.phaseIs('r', 'Succeeded');
  });

  test.each([1, 4])('runs as many tasks at a time as it may: %i', async (parallelism) => {
    const command = 'echo in >> $OARLOCK_SCRATCH/log; sleep 0.2; echo out >> $OARLOCK_SCRATCH/log';
    const collect = { id: 'B', command: 'cp $OARLOCK_SCRATCH/log "$OARLOCK_SCRATCH/../order"', dependencies: ['A'] };
    const spec = JSON.parse(workflow({ command }, { parallelism })) as { spec: { tasks: object[] } };
    spec.spec.tasks[1] = collect;
    place.file('w.json', JSON.stringify(spec));
    await place.oarlock('run', 'w.json', '--name', 'r');
    const [directory = ''] = readdirSync(join(place.directory, 'state/runs'));
    const order = readFileSync(join(place.directory, 'state/runs', directory, 'order'), 'utf8')
      .trim()
      .split('\n');
    expect(order).toEqual(parallelism === 1 ? ['in', 'out', 'in', 'out'] : ['in', 'in', 'out', 'out']);
  });
});
