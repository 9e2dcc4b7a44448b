// A person with an editor and nothing else: runs are made, paused, cancelled, restarted and deleted, workflows changed and
// removed, by what is done to files under state/ while an engine serves it.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Place, until } from '../support/oarlock.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

let place: Place;
const path = (file: string): string => join(place.directory, 'state', file);
const write = (file: string, text: string): void => writeFileSync(path(file), text);
const edit = (file: string, from: string, to: string): void => {
  const text = readFileSync(path(file), 'utf8');
  expect(text).toContain(from);
  write(file, text.replace(from, to));
};

/** The first task waits for a file of the run's name in the working directory. */
const FLOW = `spec:
  tasks:
    - {id: gate, command: "while ! test -f open-$OARLOCK_RUN; do sleep 0.05; done"}
    - {id: say, command: "echo old", dependencies: [gate]}
`;
const WORKFLOW = `apiVersion: oarlock.dev/v1\nkind: Workflow\n${FLOW}`;
const run = (workflow: string): string =>
  `apiVersion: oarlock.dev/v1\nkind: WorkflowRun\nspec:\n  workflowRef: {name: ${workflow}} # which one\n`;
const open = (name: string): void => void place.file(`open-${name}`, '');

async function conditionOf(kind: string, name: string, type: string): Promise<Condition | undefined> {
  const { stdout } = await place.oarlock('get', kind, name, '-o', 'json');
  const object = JSON.parse(stdout) as { status?: { conditions?: Condition[] } };
  return object.status?.conditions?.find((condition) => condition.type === type);
}

async function conditionIs(kind: string, name: string, type: string, status: string): Promise<Condition> {
  let found: Condition | undefined;
  await until(
    async () => {
      found = await conditionOf(kind, name, type);
      return found?.status === status;
    },
    () => `${kind} "${name}" has ${type}=${status}, found ${JSON.stringify(found)}`,
  );
  if (found === undefined) throw new Error('no condition');
  return found;
}

async function isGone(kind: string, name: string): Promise<void> {
  await until(
    async () => (await place.oarlock('get', kind, name)).code === 1,
    () => `${kind} "${name}" is gone`,
  );
}

/** Dropped in, and its first task runs. */
async function begun(name: string, workflow: string): Promise<void> {
  write(`workflowruns/${name}.yaml`, run(workflow));
  await until(
    async () => (await place.oarlock('why', name, 'gate')).stdout.includes('runs on worker'),
    () => `the gate of "${name}" runs`,
  );
}

async function said(name: string): Promise<string> {
  return (await place.oarlock('logs', name, 'say')).stdout;
}

beforeAll(async () => {
  place = new Place();
  await place.start('up', '--workers', '1', '--slots', '4', '--port', '0').says('ready: ');
  write('workflows/flow.yaml', WORKFLOW);
});
afterAll(async () => {
  await place.close();
});

describe('a run file', () => {
  test('that is dropped in starts a run of its name, and stays as it was written', async () => {
    await begun('made', 'flow');
    open('made');
    await place.phaseIs('made', 'Succeeded');
    expect(await said('made')).toBe('old\n');
    expect(readFileSync(path('workflowruns/made.yaml'), 'utf8')).toBe(run('flow'));
  });

  test('that gets and loses `suspend: true` pauses the run and lets it go on', async () => {
    await begun('paused', 'flow');
    edit('workflowruns/paused.yaml', 'spec:\n', 'spec:\n  suspend: true\n');
    await place.phaseIs('paused', 'Suspended');
    open('paused');
    await until(
      async () => (await place.run('paused')).status.nodes['gate']?.state === 'SUCCESS',
      () => 'what runs ends by itself',
    );
    expect((await place.oarlock('why', 'paused', 'say')).stdout).toContain('the run is suspended');
    expect((await place.run('paused')).status.nodes['say']?.state).toBe('PENDING');
    edit('workflowruns/paused.yaml', '  suspend: true\n', '');
    await place.phaseIs('paused', 'Succeeded');
  });

  test('that gets `cancel: true` ends the run and the processes of its tasks', async () => {
    await begun('stopped', 'flow');
    edit('workflowruns/stopped.yaml', 'spec:\n', 'spec:\n  cancel: true\n');
    await place.phaseIs('stopped', 'Cancelled');
    const { nodes } = (await place.run('stopped')).status;
    expect(nodes).toMatchObject({ gate: { state: 'CANCELLED' }, say: { state: 'CANCELLED' } });
    expect(place.processes().filter(({ command }) => command.includes('open-$OARLOCK_RUN'))).toEqual([]);
  });

  test('that gets a `restart` does that part again, once for each nonce', async () => {
    await begun('again', 'flow');
    open('again');
    await place.phaseIs('again', 'Succeeded');
    edit('workflowruns/again.yaml', 'spec:\n', 'spec:\n  restart: [{node: say, nonce: "1"}]\n');
    const attempts = async (): Promise<number | undefined> => (await place.run('again')).status.nodes['say']?.attempts;
    await until(
      async () => (await attempts()) === 2,
      () => 'a second attempt',
    );
    await place.phaseIs('again', 'Succeeded');
    // A comment is no new wish.
    edit('workflowruns/again.yaml', 'spec:\n', 'spec: # done\n');
    edit('workflowruns/again.yaml', 'nonce: "1"}]', 'nonce: "1"}, {node: say, nonce: "2"}]');
    await until(
      async () => (await attempts()) === 3,
      () => 'a third attempt',
    );
    await place.phaseIs('again', 'Succeeded');
    expect((await place.run('again')).status.nodes['gate']?.attempts).toBe(1);
  });

  test('that is deleted takes the run with it, processes and all', async () => {
    await begun('dropped', 'flow');
    rmSync(path('workflowruns/dropped.yaml'));
    await isGone('run', 'dropped');
    expect(place.processes().filter(({ command }) => command.includes('open-$OARLOCK_RUN'))).toEqual([]);
    write('workflowruns/dropped.yaml', run('flow'));
    await until(
      async () => (await place.oarlock('why', 'dropped', 'gate')).stdout.includes('runs on worker'),
      () => 'the name is free again',
    );
    open('dropped');
    await place.phaseIs('dropped', 'Succeeded');
  });

  test('that is spoiled while it runs changes nothing until it is mended', async () => {
    await begun('spoiled', 'flow');
    edit('workflowruns/spoiled.yaml', 'spec:\n', 'spec: [\n');
    const refused = await conditionIs('run', 'spoiled', 'Accepted', 'False');
    expect(refused.message).toMatch(/^workflowruns\/spoiled\.yaml:\d+:\d+: /);
    edit('workflowruns/spoiled.yaml', 'spec: [\n', 'spec:\n');
    open('spoiled');
    await place.phaseIs('spoiled', 'Succeeded');
    expect(await conditionOf('run', 'spoiled', 'Accepted')).toBe(undefined);
  });

  test('that holds nothing but a spec says what to add, and is started once that is there', async () => {
    const body = run('flow').slice(run('flow').indexOf('spec:'));
    write('workflowruns/headless.yaml', body);
    const refused = await conditionIs('run', 'headless', 'Accepted', 'False');
    expect(refused.message).toBe(
      'workflowruns/headless.yaml:1:1: apiVersion: required, and not there; add "apiVersion: oarlock.dev/v1"; ' +
        'workflowruns/headless.yaml:1:1: kind: required, and not there; add "kind: WorkflowRun"',
    );
    const listed = (await place.oarlock('get', 'runs', '-o', 'wide')).stdout;
    expect(listed).toMatch(/^headless +InvalidManifest .*add "kind: WorkflowRun"$/m);
    for (const words of [
      ['why', 'headless', 'gate'],
      ['cancel', 'headless'],
      ['logs', 'headless'],
      ['history', 'headless'],
    ]) {
      const { code, stderr } = await place.oarlock(...words);
      const told =
        words[0] === 'cancel'
          ? `error: workflowrun/headless: its file was edited by hand and cannot be read: ${refused.message}\n` +
            'put it right, or `oarlock delete workflowrun headless` first\n'
          : `error: run "headless" cannot be read\n${refused.message}\n`;
      expect({ code, stderr }).toEqual({ code: 1, stderr: told });
    }
    expect(readFileSync(path('workflowruns/headless.yaml'), 'utf8')).toBe(body);
    open('headless');
    write('workflowruns/headless.yaml', run('flow'));
    await place.phaseIs('headless', 'Succeeded');
  });

  test('with a second one beside it is a Duplicate, and the first counts', async () => {
    await begun('double', 'flow');
    write('workflowruns/double.yml', run('flow').replace('spec:\n', 'spec:\n  cancel: true\n'));
    const refused = await conditionIs('run', 'double', 'Accepted', 'False');
    expect(refused.reason).toBe('Duplicate');
    expect(refused.message).toContain('workflowruns/double.yml');
    open('double');
    await place.phaseIs('double', 'Succeeded');
    rmSync(path('workflowruns/double.yml'));
    await until(
      async () => (await conditionOf('run', 'double', 'Accepted')) === undefined,
      () => 'the complaint goes with the file',
    );
  });

  test('that is renamed is another run', async () => {
    await begun('before', 'flow');
    renameSync(path('workflowruns/before.yaml'), path('workflowruns/behind.yaml'));
    await isGone('run', 'before');
    open('behind');
    await place.phaseIs('behind', 'Succeeded');
  });

  test('whose inline workflow is edited after the start says so, and the run is pinned', async () => {
    const inline = FLOW.replace('spec:', '  workflow:').replaceAll('\n  ', '\n    ');
    write('workflowruns/inline.yaml', run('flow').replace(/ {2}workflowRef.*\n/, inline));
    await until(
      async () => (await place.oarlock('why', 'inline', 'gate')).stdout.includes('runs on worker'),
      () => 'the gate runs',
    );
    edit('workflowruns/inline.yaml', 'echo old', 'echo new');
    const ignored = await conditionIs('run', 'inline', 'SpecIgnored', 'True');
    expect(ignored.message).toContain('changed after the start');
    open('inline');
    await place.phaseIs('inline', 'Succeeded');
    expect(await said('inline')).toBe('old\n');
  });
});

describe('a workflow file', () => {
  test('that is edited is for later runs; one that is going on is pinned', async () => {
    write('workflows/edited.yaml', WORKFLOW);
    await begun('pinned', 'edited');
    edit('workflows/edited.yaml', 'echo old', 'echo new');
    open('later');
    write('workflowruns/later.yaml', run('edited'));
    await place.phaseIs('later', 'Succeeded');
    expect(await said('later')).toBe('new\n');
    open('pinned');
    await place.phaseIs('pinned', 'Succeeded');
    expect(await said('pinned')).toBe('old\n');
  });

  test('that is deleted lets the run that is going on end, and a later one says what it misses', async () => {
    write('workflows/short-lived.yaml', WORKFLOW);
    await begun('orphan', 'short-lived');
    rmSync(path('workflows/short-lived.yaml'));
    await isGone('workflow', 'short-lived');
    write('workflowruns/late.yaml', run('short-lived'));
    await until(
      async () => (await place.oarlock('why', 'late', 'gate')).stderr.includes('there is no workflow "short-lived"'),
      () => 'the run says that its workflow is not there',
    );
    open('orphan');
    await place.phaseIs('orphan', 'Succeeded');
    // The workflow comes back, and with it the run that waited for it.
    open('late');
    write('workflows/short-lived.yaml', WORKFLOW);
    await place.phaseIs('late', 'Succeeded');
  });

  test('with the name of another inside says so', async () => {
    write('workflows/mine.yaml', WORKFLOW.replace('spec:', 'metadata: {name: yours}\nspec:'));
    const refused = await conditionIs('workflow', 'mine', 'Accepted', 'False');
    expect(refused).toMatchObject({ reason: 'NameMismatch' });
    expect(refused.message).toMatch(/^workflows\/mine\.yaml:\d+:\d+: .*"mine".*"yours"/);
    const listed = (await place.oarlock('get', 'workflows')).stdout;
    expect(listed).toMatch(/^flow +tasks +2 +Accepted +\d+s$/m);
    expect(listed).toMatch(/^mine +NameMismatch +\d+s$/m);
    renameSync(path('workflows/mine.yaml'), path('workflows/yours.yaml'));
    await isGone('workflow', 'mine');
    expect(await conditionIs('workflow', 'yours', 'Accepted', 'True')).toMatchObject({ reason: 'Accepted' });
    expect(existsSync(path('meta/Workflow/mine.json'))).toBe(false);
  });
});
