// The command line through the API: every verb says with --server what it says on the state directory.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, Place, until } from '../support/oarlock.ts';

const WORKFLOW = `# a comment that stays
id: etl
tasks:
  - {id: A, command: "echo from A"}
  - {id: B, command: "echo from B", dependencies: [A]}
`;

describe('with --server', () => {
  const place = new Place();
  let endpoint: { url: string; tlsUrl: string };
  let token: string;

  beforeAll(async () => {
    const engine = place.start('up', '--workers', '1', '--port', '0');
    const file = join(place.directory, 'state', 'endpoint.json');
    await until(
      () => existsSync(file),
      () => `state/endpoint.json; the engine said ${engine.stderr}`,
    );
    endpoint = JSON.parse(readFileSync(file, 'utf8')) as typeof endpoint;
    token = (await place.oarlock('token', 'create')).stdout.trim();
    place.file('etl.yaml', WORKFLOW);
  });
  afterAll(() => place.close());

  const far = (...args: string[]): Promise<Ended> => place.oarlock(...args, '--server', endpoint.url, '--token', token);

  test('apply, then run to the end, with the exit code of the run', async () => {
    expect(await far('apply', '-f', 'etl.yaml')).toMatchObject({ code: 0, stdout: 'workflow/etl created\n' });
    expect(await far('apply', '-f', 'etl.yaml')).toMatchObject({ code: 0, stdout: 'workflow/etl unchanged\n' });
    expect(readFileSync(join(place.directory, 'state', 'workflows', 'etl.yaml'), 'utf8')).toContain(
      '# a comment that stays',
    );
    const run = await far('run', 'etl', '--name', 'r1');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('r1 Succeeded');
    place.file('bad.yaml', 'id: bad\ntasks:\n  - {id: A, command: "exit 3"}\n');
    expect((await far('run', 'bad.yaml', '--name', 'r2')).code).toBe(1);
  });

  /** A process that has just begun knows the revision of an object's last edit, a longer one also that of its last status. */
  const unversioned = ({ stdout, ...ended }: Ended): Ended => ({
    ...ended,
    stdout: stdout.replaceAll(/"resourceVersion": "\d+"/g, ''),
  });

  test.each([
    [['get', 'workflow', 'etl', '-o', 'yaml']],
    [['get', 'run', 'r1', '-o', 'json']],
    [['get', 'all', '-o', 'name']],
    [['get', 'workers']],
    [['logs', 'r1']],
    [['logs', 'r1', 'A']],
    [['history', 'r2']],
    [['graph', 'r1', '-o', 'json']],
    [['graph', 'etl']],
    [['graph', 'r1', '--at', '2', '-o', 'svg']],
    [['why', 'r2', 'A']],
  ])('%j prints the same', async (args) => {
    const [here, there] = [await place.oarlock(...args), await far(...args)];
    expect(unversioned(there)).toEqual(unversioned(here));
    expect(here.stdout).not.toBe('');
  });

  test.each([
    { args: ['get', 'run', 'nobody'], code: 1, text: 'no workflowrun "nobody"' },
    { args: ['cancel', 'r1'], code: 1, text: 'already' },
    { args: ['apply', '-f', 'wrong.yaml'], code: 2, text: 'wrong.yaml:3' },
    { args: ['token', 'create'], code: 2, text: 'needs the state directory' },
  ])('$args: exit code $code', async ({ args, code, text }) => {
    place.file('wrong.yaml', 'id: wrong\ntasks:\n  - {id: A, command: "true", dependencies: [Z]}\n');
    const ended = await far(...args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(text);
  });

  test('suspend, resume, signal and delete reach the run', async () => {
    place.file('open.yaml', 'id: open\ntasks:\n  - {id: W, signal: {name: go}}\n');
    await far('apply', '-f', 'open.yaml');
    const following = place.start('run', 'open', '--name', 'r3', '--server', endpoint.url, '--token', token);
    await place.phaseIs('r3', 'Running');
    expect((await far('suspend', 'r3')).code).toBe(0);
    await place.phaseIs('r3', 'Suspended');
    expect((await far('resume', 'r3')).code).toBe(0);
    expect((await far('signal', 'r3', 'go', '--data', '{"x":1}')).code).toBe(0);
    expect((await following.ended).code).toBe(0);
    expect(await far('delete', 'run', 'r3')).toMatchObject({ code: 0 });
    expect((await place.oarlock('get', 'run', 'r3')).code).toBe(1);
  });

  test('over https with the authority of the engine', async () => {
    const open = ['get', 'wf', '-o', 'name', '--server', endpoint.tlsUrl, '--token', token];
    expect((await place.oarlock(...open)).stderr).toContain('--ca');
    expect(await place.oarlock(...open, '--ca', 'state/keys/ca.pem')).toMatchObject({ code: 0 });
  });

  test('a token that is wrong and a server that is not there: a line that says so', async () => {
    const wrong = await place.oarlock('get', 'wf', '--server', endpoint.url, '--token', 'x.y.z');
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toContain('does not accept the token');
    const absent = await place.oarlock('get', 'wf', '--server', 'http://127.0.0.1:1', '--token', token);
    expect(absent.stderr).toContain('cannot reach http://127.0.0.1:1');
    expect((await place.oarlock('get', 'wf', '--server', endpoint.url)).code).toBe(2);
  });
});
