// `graph`, `history` and `describe` of a run that grows: before, during and after, by the number of an event and by time.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../kernel/events.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { cli, type CliResult } from '../../support/cli.ts';
import { COMMAND, registration, WALL } from '../../support/graph-text.ts';

const SPEC: JsonObject = {
  tasks: [
    { id: 'A', python: { code: 'pass' } },
    { id: 'B', command: 'true', dependencies: ['A'] },
  ],
  templates: [{ id: 'M', command: 'true' }],
  promises: [{ shape: 'A -> M* -> B' }],
};

const stamp = (after: number): { at: number; time: number } => ({ at: WALL + after * 1000, time: after * 1000 });

const EVENTS: readonly RunEvent[] = [
  {
    ...stamp(0),
    type: 'Registered',
    registration: {
      ...registration(
        {
          nodes: [
            { id: 'A', task: { executor: { type: 'python', code: 'pass' } } },
            { id: 'B', task: { executor: COMMAND }, dependencies: ['A'] },
          ],
          promises: [{ shape: 'A -> M* -> B' }],
        },
        { templates: { M: { executor: COMMAND } } },
      ),
      name: 'm1',
    },
  },
  { ...stamp(1), type: 'Offered', node: 'A', attempt: 1, fence: '1', worker: 'w' },
  { ...stamp(1), type: 'Claimed', node: 'A', fence: '1', slot: 's', since: WALL + 1000 },
  {
    ...stamp(2),
    type: 'GraphChanged',
    by: 'A',
    change: { nodes: [{ id: 'M-1', task: 'M', dependencies: ['A'] }], edges: [{ from: 'M-1', to: 'B' }] },
  },
];

let root: string;
let store: Store;
const run = (...argv: string[]): Promise<CliResult> =>
  // The verb closes what it is given.
  cli(argv, { openStore: () => Promise.resolve({ ...store, close: () => Promise.resolve() }) });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'oarlock-graph-'));
  store = await openStore(`file:${root}`);
  const head = { apiVersion: 'oarlock.dev/v1' as const };
  await store.resources.create({ ...head, kind: 'Workflow', metadata: { name: 'map' }, spec: SPEC });
  const made = {
    ...head,
    kind: 'WorkflowRun' as const,
    metadata: { name: 'm1' },
    spec: { workflowRef: { name: 'map' } },
  };
  const object = await store.resources.create(made);
  const journal = await store.runs.open({ name: 'm1', uid: object.metadata.uid }, 1);
  journal.append(EVENTS);
  await journal.recorded(EVENTS.length);
  await journal.close();
});

afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true });
});

describe('graph', () => {
  const before = ['     ┌▷ ◌ M* (any number) ┈┬▶ ○ B', '○ A ─┴─────────────────────┘'];

  test.each([
    { argv: ['map'], shows: before },
    { argv: ['workflow/map'], shows: before },
    { argv: ['m1', '--at', '1'], shows: before },
    { argv: ['m1', '--at', '2030-01-01T00:00:01.5Z'], shows: [before[0] ?? '', '● A ─┴─────────────────────┘'] },
  ])('$argv', async ({ argv, shows }) => {
    const { exitCode, stdout } = await run('graph', ...argv);
    expect([exitCode, stdout.split('\n').slice(0, shows.length)]).toEqual([0, shows]);
  });

  test('of now shows what has been added and what still may be', async () => {
    const { stdout } = await run('graph', 'm1');
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      '     ┌▶ ○ M-1 ─────────────┬▶ ○ B',
      '● A ─┴▷ ◌ M* (any number) ┈┘',
    ]);
  });

  test('as JSON says who added what, ghosts with their bounds', async () => {
    const { nodes } = JSON.parse((await run('graph', 'm1', '-o', 'json')).stdout) as { nodes: JsonObject[] };
    expect(
      nodes.map(({ id, state, createdBy, ghost }) => [id, state, createdBy, (ghost as JsonObject | null)?.['kind']]),
    ).toEqual([
      ['A', 'RUNNING', null, undefined],
      ['B', 'PENDING', null, undefined],
      ['M-1', 'PENDING', 'A', undefined],
      ['?M', null, null, 'many'],
    ]);
  });

  test.each([
    { argv: ['map', '--at', '1'], code: 2, says: 'which has no past' },
    {
      argv: ['m1', '--at', '5'],
      code: 2,
      says: 'expected the number of an event from 1 to 4, found 5\n`oarlock history m1` shows',
    },
    { argv: ['m1', '--at', 'soon'], code: 2, says: 'or an instant as 2030-01-31T12:00:00Z, found "soon"' },
    { argv: ['m1', '-o', 'png'], code: 2, says: 'Allowed choices are text, dot, svg, json' },
    { argv: ['task/map'], code: 2, says: 'expected a run or a workflow' },
    { argv: ['none'], code: 1, says: 'no run or workflow "none"' },
  ])('$argv ends with exit code $code', async ({ argv, code, says }) => {
    const { exitCode, stdout, stderr } = await run('graph', ...argv);
    expect([exitCode, stdout]).toEqual([code, '']);
    expect(stderr).toContain(says);
  });
});

test.each(['flow.yaml', './flow.yaml', '/far/away/flow.json'])(
  'graph of a file, %s, says how to make a workflow of it',
  async (file) => {
    const { exitCode, stderr } = await run('graph', file);
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain(`oarlock apply -f ${file}`);
  },
);

test('history numbers events as graph --at takes them', async () => {
  const { stdout } = await run('history', 'm1');
  expect(stdout.split('\n').map((line) => line.replace(/\d\d:\d\d:\d\d /, ''))).toEqual([
    '1 run  Running: 2 tasks',
    '3 A    PENDING → RUNNING (attempt 1, worker w)',
    '4 M-1  PENDING (added by A)',
    '4 A    RUNNING, added M-1 -> B',
    '',
  ]);
  const items = JSON.parse((await run('history', 'm1', '-o', 'json')).stdout) as { seq: number }[];
  expect(items.map(({ seq }) => seq)).toEqual([1, 3, 4, 4]);
});

test('describe says who added a node, and what may still come', async () => {
  const { stdout } = await run('describe', 'run', 'm1');
  expect(stdout).toMatch(/NODE .*ADDED BY/);
  expect(stdout).toMatch(/May still come\n.*TASK.*\n +◌ M\* +may come, any number +A\n/);
});
