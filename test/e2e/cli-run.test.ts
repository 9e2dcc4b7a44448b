// `oarlock run` as a user meets it: a command that needs nothing else, says what happens, and leaves nothing behind.

import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Place, type RunObject } from '../support/oarlock.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(async () => {
  await place.close();
});

function workflow(...tasks: object[]): string {
  return JSON.stringify({ id: 'flow', tasks });
}

const DIAMOND = workflow(
  { id: 'A', command: 'echo A' },
  { id: 'B', command: 'echo B', dependencies: ['A'] },
  { id: 'C', command: 'echo C', dependencies: ['A'] },
  { id: 'D', command: 'echo D', dependencies: ['B', 'C'] },
);

describe('a run that ends well', () => {
  test('is told line by line on stdout, exits with 0, and leaves no process behind', async () => {
    place.file('flow.json', DIAMOND);
    const { code, stdout, stderr } = await place.oarlock('run', 'flow.json', '--name', 'one');
    expect(stderr).toBe('workflow/flow created\n');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d run {2}Running: one of workflow flow, 4 tasks$/);
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d A {2}PENDING → RUNNING \(attempt 1, worker run-1\)$/);
    expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d A {2}RUNNING → SUCCESS \((\d+ms|[\d.]+s)\)$/);
    expect(lines.at(-2)).toMatch(/^one Succeeded in /);
    expect(lines.at(-1)).toBe('  4 tasks: 4 SUCCESS');
    expect(lines).toHaveLength(1 + 8 + 2);
    expect(code).toBe(0);
    await place.isQuiet();
  });

  test('with -o json is the finished object on stdout and nothing else', async () => {
    place.file('flow.json', DIAMOND);
    const { code, stdout, stderr } = await place.oarlock('run', 'flow.json', '-o', 'json');
    const run = JSON.parse(stdout) as RunObject;
    expect(run.metadata.name).toMatch(/^flow-[0-9a-f]{5}$/);
    expect(run.status.phase).toBe('Succeeded');
    expect(Object.entries(run.status.nodes).map(([id, { state }]) => `${id} ${state}`)).toEqual([
      'A SUCCESS',
      'B SUCCESS',
      'C SUCCESS',
      'D SUCCESS',
    ]);
    expect(stderr).toContain('Succeeded in');
    expect(code).toBe(0);
  });

  test('takes its input from the command line or a file', async () => {
    place.file('flow.json', workflow({ id: 'A', command: 'cat "$OARLOCK_INPUT" > "$OARLOCK_OUTPUT"' }));
    place.file('input.json', '{"from": "file"}');
    await place.oarlock('run', 'flow.json', '--name', 'inline', '--input', '{"from": "words"}');
    await place.oarlock('run', 'flow', '--name', 'file', '--input', '@input.json');
    expect((await place.run('inline')).status.nodes['A']?.output).toEqual({ from: 'words' });
    expect((await place.run('file')).status.nodes['A']?.output).toEqual({ from: 'file' });
  });

  test('a WorkflowRun in a file runs under its own name', async () => {
    const spec = { workflow: { tasks: [{ id: 'A', command: 'true' }] } };
    place.file(
      'r.json',
      JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind: 'WorkflowRun', metadata: { name: 'mine' }, spec }),
    );
    expect((await place.oarlock('run', 'r.json')).code).toBe(0);
    expect((await place.run('mine')).status.phase).toBe('Succeeded');
  });

  test('comes from a pipe, too', async () => {
    const { code, stdout } = await place.startWith(DIAMOND, 'run', '-').ended;
    expect(stdout).toContain('4 tasks: 4 SUCCESS');
    expect(code).toBe(0);
  });
});

describe('a run that fails', () => {
  test('shows what failed, why, and what the task wrote last; exits with 1', async () => {
    const failing = { id: 'B', command: 'seq 1 30; echo oh no >&2; exit 3', dependencies: ['A'] };
    place.file(
      'flow.json',
      workflow({ id: 'A', command: 'true' }, failing, { id: 'C', command: 'true', dependencies: ['B'] }),
    );
    const { code, stdout } = await place.oarlock('run', 'flow.json', '--name', 'bad');
    const lines = stdout.trimEnd().split('\n');
    const at = lines.findIndex((line) => line.includes('RUNNING → FAILED'));
    expect(lines[at]).toMatch(/B {2}RUNNING → FAILED \(.*\): TaskFailed: .*3/);
    const tail = [...Array.from({ length: 9 }, (_, index) => String(22 + index)), 'oh no'];
    expect(lines.slice(at + 1, at + 11)).toEqual(tail.map((line) => `    | ${line}`));
    expect(stdout).toMatch(/bad Failed in .*: task "B" failed/);
    expect(stdout).toContain('  3 tasks: 1 SUCCESS, 1 FAILED, 1 SKIPPED');
    expect(stdout).toContain('`oarlock logs bad B` shows all it wrote');
    expect(code).toBe(1);
  });
});

describe('what cannot run', () => {
  test.each([
    { name: 'an unknown workflow', args: ['run', 'nothing'], code: 1, says: 'no workflow "nothing"' },
    { name: 'a missing file', args: ['run', 'nothing.yaml'], code: 1, says: 'file nothing.yaml does not exist' },
    { name: 'a bad name', args: ['run', 'flow.json', '--name', '../up'], code: 2, says: 'metadata.name' },
    {
      name: 'a file of two workflows',
      args: ['run', 'two.yaml'],
      code: 2,
      says: 'expected one Workflow or one WorkflowRun',
    },
    { name: 'a cycle', args: ['run', 'cycle.json'], code: 2, says: 'cycle.json:1:' },
    { name: 'a Task that is not there', args: ['run', 'lost.json'], code: 2, says: 'tasks[0].taskRef' },
    { name: 'no YAML at all', args: ['run', 'broken.yaml'], code: 2, says: 'broken.yaml:1:' },
  ])('$name is refused with exit code $code', async ({ args, code, says }) => {
    place.file('flow.json', DIAMOND);
    place.file('two.yaml', `${DIAMOND}\n---\n${DIAMOND.replace('flow', 'other')}\n`);
    place.file('cycle.json', workflow({ id: 'A', command: 'true', dependencies: ['A'] }));
    place.file('lost.json', workflow({ id: 'A', taskRef: 'nowhere' }));
    place.file('broken.yaml', '{');
    const ended = await place.oarlock(...args);
    expect(ended.stderr).toContain(says);
    expect(ended.stdout).toBe('');
    expect(ended.code).toBe(code);
    expect((await place.oarlock('get', 'runs')).stdout).toBe('');
  });

  test('a name that is taken is told', async () => {
    place.file('flow.json', workflow({ id: 'A', command: 'true' }));
    await place.oarlock('run', 'flow.json', '--name', 'one');
    const { code, stderr } = await place.oarlock('run', 'flow', '--name', 'one');
    expect(stderr).toBe('error: run "one" exists already\ngive another --name, or none\n');
    expect(code).toBe(1);
  });
});

describe('Ctrl-C', () => {
  test('cancels the run, and the command ends with it', async () => {
    place.file('flow.json', workflow({ id: 'A', command: 'exec sleep 1000' }));
    const command = place.start('run', 'flow.json', '--name', 'one');
    await command.says('A  PENDING → RUNNING');
    expect(place.processes().map(({ command: line }) => line)).toContain('sleep 1000');
    command.child.kill('SIGINT');
    const { code, stdout, stderr } = await command.ended;
    expect(stderr).toContain('cancelling one; once more leaves at once');
    expect(stdout).toMatch(/one Cancelled in /);
    expect(code).toBe(1);
    await place.isQuiet();
  });

  test('a second one leaves at once', async () => {
    // A task that does not listen makes the cancel take its grace.
    place.file('flow.json', workflow({ id: 'A', command: "trap '' TERM; echo deaf; while :; do sleep 1; done" }));
    const command = place.start('run', 'flow.json', '--name', 'one');
    await command.says('A  PENDING → RUNNING');
    command.child.kill('SIGINT');
    await command.says('cancelling one');
    command.child.kill('SIGINT');
    expect((await command.ended).code).toBe(130);
    // Nobody has published anything since, perhaps.
    expect((await place.oarlock('get', 'run', 'one')).stdout).toMatch(/Running|Pending/);
  });
});

describe('two commands on one directory', () => {
  test('the second one goes on when the first is killed, and both runs end well', async () => {
    place.file(
      'flow.json',
      workflow({ id: 'A', command: 'sleep 1' }, { id: 'B', command: 'sleep 1', dependencies: ['A'] }),
    );
    const first = place.start('run', 'flow.json', '--name', 'first');
    await first.says('A  PENDING → RUNNING');
    const second = place.start('run', 'flow', '--name', 'second');
    await second.says('A  PENDING → RUNNING');
    first.child.kill('SIGKILL');
    const { code, stdout, stderr } = await second.ended;
    expect(stderr).toContain('the controller has gone; this command goes on in its place');
    expect(stdout).toContain('2 tasks: 2 SUCCESS');
    expect(code).toBe(0);
    // The killed one's run goes on where it was, when somebody serves the directory.
    const third = await place.oarlock('run', 'flow', '--name', 'third');
    expect(third.code).toBe(0);
    await place.phaseIs('first', 'Succeeded');
    const { nodes } = (await place.run('first')).status;
    expect([nodes['A']?.attempts, nodes['B']?.attempts]).toEqual([1, 1]);
  });
});

describe('large output', () => {
  test('reaches a slow reader whole', async () => {
    const tasks = Array.from({ length: 300 }, (_, index) => ({
      id: `task-${index}`,
      mock: { output: 'x'.repeat(500) },
    }));
    place.file('flow.json', workflow(...tasks));
    await place.oarlock('run', 'flow.json', '--name', 'one');
    const main = process.env['OARLOCK_MAIN'] ?? 'dist/cli/main.js';
    const line = `"${process.execPath}" "${main}" --state "${place.directory}/state" get run one -o json | (sleep 1; cat)`;
    const { stdout } = spawnSync('sh', ['-c', line], { encoding: 'utf8', maxBuffer: 2 ** 26 });
    const run = JSON.parse(stdout) as RunObject;
    expect(Object.keys(run.status.nodes)).toHaveLength(300);
  });
});
