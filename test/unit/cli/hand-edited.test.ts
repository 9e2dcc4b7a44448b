// Verbs that write, over a file that somebody is in the middle of editing: what cannot be read is not written over.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openStore } from '../../../store/open.ts';
import { cli } from '../../support/cli.ts';

const directory = mkdtempSync(join(tmpdir(), 'oarlock-hand-edited-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const oarlock = (...args: string[]) => cli(args, { workingDir: directory, openStore: (url) => openStore(url) });
const BROKEN = 'spec: {tasks: [\n# half a thought';

test('apply refuses, says where it is broken and what helps, and leaves the file alone', async () => {
  writeFileSync(join(directory, 'w.yaml'), 'id: w\ntasks: [{id: A, command: "true"}]\n');
  expect(await oarlock('apply', '-f', 'w.yaml')).toMatchObject({ exitCode: 0, stdout: 'workflow/w created\n' });
  const file = join(directory, 'state', 'workflows', 'w.yaml');
  writeFileSync(file, BROKEN);
  const refused = await oarlock('apply', '-f', 'w.yaml');
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /workflow\/w: its file was edited by hand and cannot be read: workflows\/w.yaml:\d+:\d+: /,
  );
  expect(refused.stderr).toContain('oarlock delete workflow w');
  expect(readFileSync(file, 'utf8')).toBe(BROKEN);

  expect((await oarlock('delete', 'workflow', 'w')).exitCode).toBe(0);
  expect(await oarlock('apply', '-f', 'w.yaml')).toMatchObject({ exitCode: 0, stdout: 'workflow/w created\n' });
});

test('an edit of a run refuses as well', async () => {
  writeFileSync(
    join(directory, 'r.yaml'),
    'apiVersion: oarlock.dev/v1\nkind: WorkflowRun\nmetadata: {name: r}\nspec: {workflow: {tasks: [{id: A, command: "true"}]}}\n',
  );
  expect((await oarlock('apply', '-f', 'r.yaml')).exitCode).toBe(0);
  const file = join(directory, 'state', 'workflowruns', 'r.yaml');
  writeFileSync(file, BROKEN);
  expect(await oarlock('suspend', 'r')).toMatchObject({ exitCode: 1 });
  expect(readFileSync(file, 'utf8')).toBe(BROKEN);
});
