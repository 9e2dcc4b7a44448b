// `oarlock up` in one terminal and every other verb in another.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Command, Place, until } from '../support/oarlock.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(async () => {
  await place.close();
});

async function up(...args: string[]): Promise<Command> {
  const command = place.start('up', ...args);
  await command.says('ready: ');
  return command;
}

/** Waits for a signal between two commands. */
const GATE = `
id: gate
tasks:
  - {id: before, command: "echo before"}
  - {id: gate, signal: {name: open}, dependencies: [before]}
  - {id: after, command: "echo after; echo again >&2", dependencies: [gate]}
`;

const RUN = (name: string): string => `
apiVersion: oarlock.dev/v1
kind: WorkflowRun
metadata: {name: ${name}, labels: {team: data}}
spec: {workflowRef: {name: gate}}
`;

describe('up', () => {
  test('says what it started, serves, and drains on SIGTERM', async () => {
    const serving = await up('--workers', '2', '--slots', '3');
    expect(serving.stderr).toContain(`state directory ${place.directory}/state\n`);
    expect(serving.stderr).toMatch(/controller started, pid \d+\n/);
    expect(serving.stderr).toMatch(/worker w1 started, pid \d+\n/);
    expect(serving.stderr).toContain('ready: 2 workers with 3 slots each; Ctrl-C ends it\n');
    const workers = await place.oarlock('get', 'workers');
    expect(workers.stdout).toMatch(/^w1 +ready +0 +3 +\d+\nw2 +ready/m);

    place.file('flow.json', '{"id": "flow", "tasks": [{"id": "A", "command": "sleep 1; echo done"}]}');
    const run = place.start('run', 'flow.json', '--name', 'one');
    await run.says('A  PENDING → RUNNING');
    serving.child.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
    expect((await place.run('one')).status.nodes['A']?.state).toBe('SUCCESS');
    expect((await run.ended).code).toBe(0);
    await place.isQuiet();
  });

  test('starts again what dies, and the run goes on', async () => {
    const serving = await up('--workers', '1');
    place.file(
      'flow.json',
      '{"id": "flow", "tasks": [{"id": "A", "command": "sleep 2"}, {"id": "B", "command": "true", "dependencies": ["A"]}]}',
    );
    const run = place.start('run', 'flow.json', '--name', 'one');
    await run.says('A  PENDING → RUNNING');
    process.kill(place.pidOf(/main\.js worker/), 'SIGKILL');
    process.kill(place.pidOf(/main\.js controller/), 'SIGKILL');
    await serving.says(/worker w1 died \(SIGKILL\); it is started again/);
    await serving.says(/controller died \(SIGKILL\); it is started again/);
    const { code, stdout } = await run.ended;
    expect(stdout).toContain('2 tasks: 2 SUCCESS');
    expect(code).toBe(0);
    expect((await place.run('one')).status.nodes['A']?.attempts).toBe(1);
  });

  test('takes its children with it when it is killed, and what they ran ends by itself', async () => {
    const serving = await up('--workers', '2');
    place.file('flow.json', '{"id": "flow", "tasks": [{"id": "A", "command": "sleep 1; echo finished"}]}');
    await place.oarlock('apply', '-f', 'flow.json');
    place.file('run.yaml', RUN('one').replace('gate', 'flow'));
    await place.oarlock('apply', '-f', 'run.yaml');
    await until(
      () => place.processes().some(({ command }) => command.includes('sleep 1')),
      () => 'the task runs',
    );
    serving.child.kill('SIGKILL');
    await until(
      () => !place.processes().some(({ command }) => /main\.js (controller|worker)/.test(command)),
      () => 'controller and workers have ended',
    );
    await place.isQuiet();
    await up();
    await place.phaseIs('one', 'Succeeded');
    const { nodes } = (await place.run('one')).status;
    expect(nodes['A']).toMatchObject({ state: 'SUCCESS', attempts: 1 });
    expect((await place.oarlock('logs', 'one', 'A')).stdout).toBe('finished\n');
  });

  test('a second one adds workers under other names', async () => {
    await up('--workers', '1');
    const second = await up('--workers', '1');
    expect(second.stderr).toContain('worker w2 started');
    expect((await place.oarlock('get', 'workers', '-o', 'name')).stdout).toBe('worker/w1\nworker/w2\n');
  });
});

describe('with a directory that is served', () => {
  beforeEach(async () => {
    await up('--workers', '1', '--slots', '2');
    place.file('gate.yaml', GATE);
    place.file('run.yaml', RUN('one'));
  });

  async function begin(): Promise<void> {
    await place.oarlock('apply', '-f', 'gate.yaml', '-f', 'run.yaml');
    await until(
      async () => (await place.oarlock('why', 'one', 'gate')).stdout.includes('waits for the signal "open"'),
      () => 'the run waits for its signal',
    );
  }

  test('apply tells what it did, and get shows it in every form', async () => {
    expect((await place.oarlock('apply', '-f', 'gate.yaml')).stdout).toBe('workflow/gate created\n');
    expect((await place.oarlock('apply', '-f', 'gate.yaml')).stdout).toBe('workflow/gate unchanged\n');
    place.file('gate.yaml', GATE.replace('echo before', 'echo earlier'));
    expect((await place.oarlock('apply', '-f', 'gate.yaml')).stdout).toBe('workflow/gate configured\n');
    expect((await place.oarlock('get', 'wf')).stdout).toMatch(
      /^NAME +FORM +TASKS +STATUS +AGE\ngate +tasks +3 +Accepted +\d+s\n$/,
    );
    expect((await place.oarlock('get', 'workflow/gate', '-o', 'name')).stdout).toBe('workflow/gate\n');
    const yaml = (await place.oarlock('get', 'workflow', 'gate', '-o', 'yaml')).stdout;
    expect(yaml).toContain('kind: Workflow\n');
    expect(yaml).toContain('command: echo earlier');
    const again = await place.startWith(yaml, 'apply', '-f', '-').ended;
    expect(again.stdout).toBe('workflow/gate unchanged\n');
  });

  test('a signal lets a run go on, why and history and logs tell about it', async () => {
    await begin();
    expect((await place.oarlock('why', 'one', 'after')).stdout).toBe(
      'after is PENDING\n  waits for gate, which is WAITING\n',
    );
    const follow = place.start('logs', 'one', '-f');
    await follow.says('before | before');
    const sent = await place.oarlock('signal', 'one', 'open', '--data', '{"by": "ann"}');
    expect(sent.stdout).toMatch(/^signal\/one-open-[0-9a-f]{5} created\n$/);
    const followed = await follow.ended;
    expect(followed.code).toBe(0);
    expect(followed.stdout).toBe('before | before\nafter  | after\nafter  | again\n');
    await place.phaseIs('one', 'Succeeded');
    expect((await place.run('one')).status.nodes['gate']?.output).toEqual({ by: 'ann' });
    const history = await place.oarlock('history', 'one', '-o', 'json');
    const told = (JSON.parse(history.stdout) as { node: string | null; to: string }[]).map(
      ({ node, to }) => `${node} ${to}`,
    );
    expect(told).toEqual([
      'null Running',
      'before RUNNING',
      'before SUCCESS',
      'gate WAITING',
      'gate SUCCESS',
      'after RUNNING',
      'after SUCCESS',
      'null Succeeded',
    ]);
    const described = (await place.oarlock('describe', 'run', 'one')).stdout;
    expect(described).toMatch(/^Phase: +Succeeded$/m);
    expect(described).toMatch(/^ +gate +SUCCESS +1/m);
  });

  test('suspend, resume, cancel and restart', async () => {
    await begin();
    expect((await place.oarlock('suspend', 'one')).stdout).toBe('workflowrun/one suspended\n');
    await place.phaseIs('one', 'Suspended');
    expect((await place.oarlock('suspend', 'one')).stdout).toBe('workflowrun/one unchanged\n');
    await place.oarlock('resume', 'one');
    await place.phaseIs('one', 'Running');
    await place.oarlock('signal', 'one', 'open');
    await place.phaseIs('one', 'Succeeded');
    const late = await place.oarlock('cancel', 'one');
    expect(late).toMatchObject({ code: 1, stderr: 'error: run "one" has already ended: Succeeded\n' });
    expect((await place.oarlock('restart', 'one', 'nobody')).stderr).toContain(
      'has no node "nobody"\nits nodes are before, gate, after',
    );
    await place.oarlock('restart', 'one', 'gate');
    await place.phaseIs('one', 'Running');
    await place.oarlock('cancel', 'one');
    await place.phaseIs('one', 'Cancelled');
    const { nodes } = (await place.run('one')).status;
    expect(nodes['before']?.attempts).toBe(1);
    expect((await place.oarlock('restart', 'one', 'gate')).code).toBe(1);
  });

  test('get -w prints what changes', async () => {
    const watching = place.start('get', 'runs', '-w', '-l', 'team=data');
    await begin();
    await watching.says(/^one +gate +Running/m);
    await place.oarlock('signal', 'one', 'open');
    await watching.says(/^one +gate +Succeeded +3\/3/m);
    watching.child.kill('SIGINT');
    expect((await watching.ended).code).toBe(0);
  });

  test('delete stops a run that is active, and what is not there is told', async () => {
    await begin();
    expect((await place.oarlock('delete', '-f', 'run.yaml')).stdout).toBe('workflowrun/one deleted\n');
    await until(
      async () => (await place.oarlock('get', 'run', 'one')).code === 1,
      () => 'the run is gone',
    );
    const again = await place.oarlock('delete', 'run/one', 'wf/gate');
    expect(again.stdout).toBe('workflow/gate deleted\n');
    expect(again).toMatchObject({
      code: 1,
      stderr: 'error: no workflowrun "one"\n`oarlock get workflowruns` lists them\n',
    });
    expect((await place.oarlock('delete', 'run/one', '--ignore-not-found')).code).toBe(0);
  });

  test('deleting and editing files under state/ is the same as the verbs', async () => {
    await begin();
    const files = join(place.directory, 'state', 'workflowruns');
    expect(readdirSync(files)).toEqual(['one.yaml']);
    rmSync(join(files, 'one.yaml'));
    await until(
      async () => (await place.oarlock('get', 'run', 'one')).code === 1,
      () => 'the run is gone',
    );
    place.file('state/workflowruns/two.yaml', RUN('two'));
    await place.phaseIs('two', 'Running');
    place.file('state/workflowruns/two.yaml', `${RUN('two').trim().slice(0, -1)}, cancel: true}\n`);
    await place.phaseIs('two', 'Cancelled');
  });

  test.each([
    { args: ['get', 'run', 'nope'], says: 'no workflowrun "nope"' },
    { args: ['get', 'worker', 'nope'], says: 'no worker "nope"' },
    { args: ['describe', 'wf/nope'], says: 'no workflow "nope"' },
    { args: ['logs', 'nope'], says: 'no run "nope"' },
    { args: ['why', 'nope', 'x'], says: 'no run "nope"' },
    { args: ['history', 'nope'], says: 'no run "nope"' },
    { args: ['graph', 'nope'], says: 'no run or workflow "nope"' },
    { args: ['suspend', 'nope'], says: 'no run "nope"' },
    { args: ['restart', 'nope', 'x'], says: 'no run "nope"' },
    { args: ['signal', 'nope', 'x'], says: 'no run "nope"' },
    { args: ['delete', 'task', 'nope'], says: 'no task "nope"' },
  ])('$args: what is not there is exit code 1 and a sentence', async ({ args, says }) => {
    const { code, stdout, stderr } = await place.oarlock(...args);
    expect(stderr).toContain(says);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });
});
