// Every file under manifests/examples/ through the real command line, in a state directory of its own, with the end that
// its comments promise. A file that is added without a row here fails the first test.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const main = join(root, 'dist', 'cli', 'main.js');
const examples = join(root, 'manifests', 'examples');

type States = Readonly<Record<string, string>>;

interface Row {
  readonly file: string;
  readonly exitCode: number;
  readonly phase: 'Succeeded' | 'Failed';
  /** State of every node; a number stands for so many nodes, all SUCCESS. */
  readonly nodes: States | number;
  readonly attempts?: Readonly<Record<string, number>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

const rows: readonly Row[] = [
  { file: 'hello.yaml', exitCode: 0, phase: 'Succeeded', nodes: { hello: 'SUCCESS' } },
  { file: 'diamond.yaml', exitCode: 0, phase: 'Succeeded', nodes: 4 },
  { file: 'seed-example.json', exitCode: 0, phase: 'Succeeded', nodes: 4 },
  { file: 'steps.yaml', exitCode: 0, phase: 'Succeeded', nodes: 3 },
  { file: 'science.yaml', exitCode: 0, phase: 'Succeeded', nodes: 25 },
  { file: 'long.yaml', exitCode: 0, phase: 'Succeeded', nodes: 6 },
  {
    file: 'retries.yaml',
    exitCode: 0,
    phase: 'Succeeded',
    nodes: { flaky: 'SUCCESS', hangs_once: 'SUCCESS', after_both: 'SUCCESS' },
    attempts: { flaky: 3, hangs_once: 2, after_both: 1 },
  },
  {
    file: 'failure.yaml',
    exitCode: 1,
    phase: 'Failed',
    nodes: { load: 'SUCCESS', check: 'FAILED', slow: 'SUCCESS', publish: 'SKIPPED', announce: 'SKIPPED' },
    attempts: { check: 2 },
  },
  {
    file: 'continue.yaml',
    exitCode: 1,
    phase: 'Failed',
    nodes: {
      north: 'SUCCESS',
      south: 'FAILED',
      north_report: 'SUCCESS',
      south_report: 'SKIPPED',
      full_report: 'SKIPPED',
      first_answer: 'SUCCESS',
      alarm: 'SUCCESS',
      clean_up: 'SUCCESS',
    },
  },
  {
    file: 'outputs.yaml',
    exitCode: 0,
    phase: 'Succeeded',
    nodes: { measure: 'SUCCESS', judge: 'SUCCESS', alarm: 'SUCCESS', all_well: 'SKIPPED', report: 'SUCCESS' },
    outputs: { judge: { celsius: 31, place: 'cellar', limit: 30 }, report: { place: 'cellar' } },
  },
];

interface NodeStatus {
  readonly state: string;
  readonly attempts: number;
  readonly output?: unknown;
}

interface RunObject {
  /** Absent until the controller has seen the run. */
  readonly status?: { readonly phase: string; readonly nodes: Readonly<Record<string, NodeStatus>> };
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const children = new Set<ChildProcess>();

function oarlock(state: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, '--state', state, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
}

function parsed(ended: Ended): RunObject {
  try {
    return JSON.parse(ended.stdout) as RunObject;
  } catch {
    throw new Error(`expected a run as JSON, found ${JSON.stringify(ended.stdout)}; stderr: ${ended.stderr}`);
  }
}

function valuesOf<T>(run: RunObject, pick: (node: NodeStatus) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(run.status?.nodes ?? {}).map(([id, node]) => [id, pick(node)]));
}

async function waits(state: string, run: string, node: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const seen = await oarlock(state, 'get', 'run', run, '-o', 'json');
    if (seen.code === 0 && parsed(seen).status?.nodes[node]?.state === 'WAITING') return;
    if (Date.now() > deadline) throw new Error(`${node} is not WAITING after 30 s: ${seen.stdout}${seen.stderr}`);
  }
}

const APPROVAL = 'approval.yaml';
const FORM = 'form.yaml';
/** Have tests of their own. */
const ELSEWHERE = ['crawler', 'growth', 'map', 'order-processing', 'purchase-order', 'test-run'];

describe('examples', () => {
  let base = '';
  beforeAll(() => {
    if (!existsSync(main)) throw new Error('dist/ is not there; npm run build makes it');
    base = mkdtempSync(join(tmpdir(), 'oarlock-examples-'));
  });
  afterAll(async () => {
    const left = [...children];
    await Promise.all(left.map((child) => new Promise((resolve) => child.once('close', resolve).kill('SIGKILL'))));
    rmSync(base, { recursive: true, force: true });
    expect(left.map(({ spawnargs }) => spawnargs)).toEqual([]);
  });

  test('every example has a row here', () => {
    expect([...rows.map(({ file }) => file), APPROVAL, FORM, ...ELSEWHERE].sort()).toEqual(
      readdirSync(examples).sort(),
    );
  });

  test('every example is valid', async () => {
    const ended = await oarlock(base, 'validate', '-f', examples);
    expect(ended).toMatchObject({ code: 0 });
  });

  test.each(rows)('$file ends as its comments say', async ({ file, exitCode, phase, nodes, attempts, outputs }) => {
    const ended = await oarlock(join(base, file), 'run', join(examples, file), '-o', 'json');
    const run = parsed(ended);
    expect({ code: ended.code, phase: run.status?.phase }).toEqual({ code: exitCode, phase });
    const states = valuesOf(run, ({ state }) => state);
    if (typeof nodes === 'number') {
      expect(Object.values(states)).toEqual(Array.from({ length: nodes }, () => 'SUCCESS'));
    } else {
      expect(states).toEqual(nodes);
    }
    if (attempts !== undefined) expect(valuesOf(run, (node) => node.attempts)).toMatchObject(attempts);
    if (outputs !== undefined) expect(valuesOf(run, ({ output }) => output)).toMatchObject(outputs);
  });

  test('outputs.yaml with the input that silences the alarm skips it', async () => {
    const args = ['run', join(examples, 'outputs.yaml'), '--input', '{"quiet": true}', '-o', 'json'];
    const run = parsed(await oarlock(join(base, 'quiet'), ...args));
    expect(valuesOf(run, ({ state }) => state)).toMatchObject({ alarm: 'SKIPPED', report: 'SUCCESS' });
  });

  test(`${APPROVAL} waits for the signal and hands its data on`, async () => {
    const state = join(base, APPROVAL);
    const running = oarlock(state, 'run', join(examples, APPROVAL), '--name', 'order-1', '-o', 'json');
    await waits(state, 'order-1', 'approval');
    const data = { by: 'Ada', ok: true };
    expect(await oarlock(state, 'signal', 'order-1', 'approved', '--data', JSON.stringify(data))).toMatchObject({
      code: 0,
    });
    const run = parsed(await running);
    expect(run.status?.phase).toBe('Succeeded');
    expect(run.status?.nodes['approval']?.output).toEqual(data);
    expect(run.status?.nodes['send']?.state).toBe('SUCCESS');
  });

  test(`${FORM} takes no answer but one that fits, and says what is asked for`, async () => {
    const state = join(base, FORM);
    const running = oarlock(state, 'run', join(examples, FORM), '--name', 'order-2', '-o', 'json');
    await waits(state, 'order-2', 'review');
    expect((await oarlock(state, 'why', 'order-2', 'review')).stdout).toContain('asks for amount: a whole number');
    const bad = await oarlock(state, 'signal', 'order-2', 'review', '--data', '{"decision": "accept", "amount": 0}');
    expect(bad).toMatchObject({ code: 2, stdout: '' });
    expect(bad.stderr).toContain('data.amount: expected at least 1, found the number 0');
    const data = { decision: 'accept', amount: 3 };
    await oarlock(state, 'signal', 'order-2', 'review', '--data', JSON.stringify(data));
    const run = parsed(await running);
    expect(valuesOf(run, ({ output }) => output)).toEqual({ review: data, order: { amount: 3 } });
  });
});
