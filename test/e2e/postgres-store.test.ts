// The command line on the Postgres that comes with npm, as a user types it: what happened is there after everything was killed, people's
// queries work, and the API counts what the controller did.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Command, Place, until } from '../support/oarlock.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs', 'postgres.md');
const WORKFLOW = `
apiVersion: oarlock.dev/v1
kind: Workflow
metadata: {name: order}
spec:
  tasks:
    - {id: read, command: echo read it}
    - {id: approve, signal: {name: approve}, dependencies: [read]}
    - {id: ship, command: 'echo "{\\"shipped\\": true}" >"$OARLOCK_OUTPUT"', dependencies: [approve]}
`;

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.close());

const STORE = ['--store', 'embedded-postgres'];

async function up(): Promise<Command> {
  const command = place.start('up', ...STORE, '--workers', '1', '--port', '0');
  await command.says(/the API answers on/);
  await command.says(/ready: 1 worker/);
  return command;
}

async function oarlock(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.oarlock(...args, ...STORE);
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function rows(text: string): Promise<Record<string, unknown>[]> {
  const host = join(place.directory, 'state', 'postgres');
  const client = new pg.Client({ connectionString: `postgres://oarlock@/postgres?host=${encodeURIComponent(host)}` });
  await client.connect();
  try {
    await client.query('SET search_path = oarlock');
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function stateIs(node: string, state: string): Promise<void> {
  await until(
    async () =>
      (await rows('SELECT node, "to" FROM task_transitions')).some(
        (row) => row['node'] === node && row['to'] === state,
      ),
    () => `${node} is ${state}`,
  );
}

test('a run goes on after everything was killed, the server too, and every step of it is a row', async () => {
  await up();
  await oarlock('apply', '-f', place.file('order.yaml', WORKFLOW));
  const follower = place.start('run', 'order', '--name', 'o1', ...STORE);
  await stateIs('approve', 'WAITING');
  for (const { pid } of place.processes()) if (pid !== process.pid) process.kill(pid, 'SIGKILL');
  await follower.ended;
  const again = await up();
  // The name of the worker that was killed, and so all that it was doing.
  expect(again.stdout + again.stderr).toMatch(/worker \S+-w1 started/);
  await oarlock('signal', 'o1', 'approve');
  await stateIs('ship', 'SUCCESS');
  await until(
    async () => (await oarlock('get', 'runs')).includes('Succeeded'),
    () => 'o1 has succeeded',
  );
  expect(await oarlock('logs', 'o1', 'read')).toBe('read it\n');
  expect(JSON.parse(await oarlock('get', 'run', 'o1', '-o', 'json'))).toMatchObject({
    status: { nodes: { read: { attempts: 1 }, ship: { output: { shipped: true } } } },
  });
  const steps = await rows(`SELECT node, "to" FROM task_transitions WHERE run = 'o1' ORDER BY seq, place`);
  expect(steps.map(({ node, to }) => `${String(node)} ${String(to)}`).join(', ')).toBe(
    'read PENDING, approve PENDING, ship PENDING, read RUNNING, read SUCCESS, ' +
      'approve WAITING, approve SUCCESS, ship RUNNING, ship SUCCESS',
  );
  for (const query of readFileSync(DOCS, 'utf8').split('```sql')[1]?.split('```')[0]?.split(';\n') ?? [])
    await rows(query);
  const url = /http:\/\/\S+/.exec(again.stdout + again.stderr)?.[0] ?? '';
  const token = (await oarlock('token', 'create')).trim();
  let metrics = '';
  await until(
    async () => {
      metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
      return /\noarlock_journal_events_total [1-9]/.test(metrics);
    },
    () => `the controller has told what it counts:\n${metrics}`,
  );
  expect(metrics).toContain('oarlock_runs{phase="Succeeded"} 1');
});
