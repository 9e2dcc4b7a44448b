// Tasks in containers, with a real engine (podman or docker) and an image made here of a static busybox. Where there is none, one line says
// so and nothing else is tested: the command line without an engine is held by test/unit/worker/container.test.ts.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  copyFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/slot-place.ts';

const main = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js');
const IMAGE = 'localhost/oarlock-busybox:1';
const base = mkdtempSync(join(tmpdir(), 'oarlock-container-'));

function engineCall(engine: string, ...args: string[]): { status: number | null; stdout: string } {
  return spawnSync(engine, args, { encoding: 'utf8', timeout: 60_000 });
}

/** An engine that runs things here, with our image in it; null when there is none. */
function findEngine(): string | null {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (busybox === undefined) return null;
  const root = join(base, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(busybox, join(root, 'bin', 'busybox'));
  for (const name of ['sh', 'cat', 'sleep', 'ls', 'id']) symlinkSync('busybox', join(root, 'bin', name));
  spawnSync('tar', ['-C', root, '-cf', join(base, 'image.tar'), '.']);
  const runs = (engine: string): boolean =>
    engineCall(engine, 'import', join(base, 'image.tar'), IMAGE).status === 0 &&
    engineCall(engine, 'run', '--rm', '--network=none', IMAGE, 'sh', '-c', 'exit 3').status === 3;
  return [process.env['OARLOCK_CONTAINER_ENGINE'] ?? 'podman', 'docker'].find(runs) ?? null;
}

const engine = findEngine();
if (engine === null) console.log('containers: neither podman nor docker runs a static busybox here; not tested');

const WAIT_MS = 40_000;
const children = new Set<ChildProcess>();

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function oarlock(state: string, ...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const env = { ...process.env, OARLOCK_CONTAINER_ENGINE: engine ?? '' };
  const child = spawn(process.execPath, [main, '--state', state, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code, ...texts });
    });
  });
  return { child, ended };
}

interface NodeStatus {
  readonly state: string;
  readonly attempts: number;
  readonly output?: unknown;
  readonly error?: { readonly type: string; readonly message: string };
}

function containersOf(run: string): string[] {
  const { stdout } = engineCall(engine ?? '', 'ps', '-aq', '--filter', `label=dev.oarlock.run=${run}`);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Pid of the guard of an attempt in this state directory. */
function guardIn(state: string): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words[3] !== 'oarlock-container' || !words[2]?.includes('OARLOCK_SCRATCH')) continue;
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`OARLOCK_OUTPUT=${state}/`)) return Number(pid);
    } catch {
      // It is gone by now.
    }
  }
  return undefined;
}

const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe.skipIf(engine === null)('a task in a container', () => {
  beforeAll(() => {
    if (!existsSync(main)) throw new Error('dist/ is not there; npm run build makes it');
  });
  afterAll(async () => {
    await Promise.all([...children].map((child) => new Promise((end) => child.once('close', end).kill('SIGKILL'))));
    rmSync(base, { recursive: true, force: true });
  });

  async function nodeOf(state: string, run: string): Promise<NodeStatus | undefined> {
    const { code, stdout } = await oarlock(state, 'get', 'run', run, '-o', 'json').ended;
    if (code !== 0) return undefined;
    return (JSON.parse(stdout) as { status?: { nodes?: { a?: NodeStatus } } }).status?.nodes?.a;
  }

  /** A run named like its state directory, of one task. */
  function start(name: string, task: object): { state: string; child: ChildProcess; ended: Promise<Ended> } {
    const state = join(base, name);
    const file = join(base, `${name}.json`);
    writeFileSync(file, JSON.stringify({ tasks: [{ id: 'a', ...task }] }));
    return { state, ...oarlock(state, 'run', file, '--name', name) };
  }

  const inContainer = (script: string, more: object = {}): object => ({
    container: { image: IMAGE, command: ['sh', '-c', script], network: 'none', ...more },
  });

  test('has its input, its variables and its limits, and gives its output', async () => {
    const script =
      'cat "$OARLOCK_INPUT"; echo "{\\"word\\": \\"$WORD\\", \\"node\\": \\"$OARLOCK_NODE\\"}" > "$OARLOCK_OUTPUT"';
    const run = start('plain', {
      ...inContainer(script, { limits: { memoryMiB: 64 }, workdir: '/bin' }),
      env: { WORD: 'hello' },
      with: { n: 1 },
    });
    expect((await run.ended).code).toBe(0);
    expect(await nodeOf(run.state, 'plain')).toMatchObject({ state: 'SUCCESS', output: { word: 'hello', node: 'a' } });
    expect((await oarlock(run.state, 'logs', 'plain').ended).stdout).toContain('{"n":1}');
    expect(
      readdirSync(join(run.state, 'runs')).flatMap((one) => readdirSync(join(run.state, 'runs', one, 'scratch'))),
    ).toEqual([]);
    expect(containersOf('plain')).toEqual([]);
  });

  test('fails with its exit code, and says when there is no such image', async () => {
    const failing = start('failing', inContainer('exit 9'));
    await failing.ended;
    expect(await nodeOf(failing.state, 'failing')).toMatchObject({ error: { message: 'exit code 9' } });
    const missing = start('missing', { container: { image: 'localhost/no-such-image:1', pull: 'never' } });
    await missing.ended;
    const node = await nodeOf(missing.state, 'missing');
    expect(node?.error?.message).toMatch(/^container: image localhost\/no-such-image:1 is not here and was not pulled/);
  });

  // Deaf to SIGTERM, as the first process of a container is by itself.
  const FOR_EVER = 'trap "" TERM; sleep 1000 & wait; wait';

  test('is gone when its time is over', async () => {
    const run = start('late', { ...inContainer(FOR_EVER), timeoutSeconds: 1 });
    await run.ended;
    expect(await nodeOf(run.state, 'late')).toMatchObject({ state: 'FAILED', error: { type: 'Timeout' } });
    expect(containersOf('late')).toEqual([]);
  });

  test('is gone when its run is cancelled', async () => {
    const run = start('cancelled', inContainer(FOR_EVER));
    await until('a container', () => containersOf('cancelled')[0], WAIT_MS);
    await oarlock(run.state, 'cancel', 'cancelled').ended;
    expect((await run.ended).code).toBe(1);
    expect(await nodeOf(run.state, 'cancelled')).toMatchObject({ state: 'CANCELLED' });
    expect(containersOf('cancelled')).toEqual([]);
  });

  test('is gone, and run again, when the slot that ran it was killed', async () => {
    const script = '[ "$OARLOCK_ATTEMPT" = 1 ] && sleep 1000; ls /scratch';
    const run = start('lost', inContainer(script));
    const first = await until('a container', () => containersOf('lost')[0], WAIT_MS);
    process.kill(parentOf(await until('the guard', () => guardIn(run.state), WAIT_MS)), 'SIGKILL');
    expect((await run.ended).code).toBe(0);
    expect(await nodeOf(run.state, 'lost')).toMatchObject({ state: 'SUCCESS', attempts: 2 });
    expect(containersOf('lost')).not.toContain(first);
    expect(containersOf('lost')).toEqual([]);
  });

  test('goes on when everything of ours but its slot was killed, and is run once', async () => {
    const run = start('orphan', inContainer('echo x >> /scratch/runs; sleep 2; cat /scratch/runs'));
    await until('a container', () => containersOf('orphan')[0], WAIT_MS);
    run.child.kill('SIGKILL');
    await run.ended;
    const served = oarlock(run.state, 'up', '--port', '0');
    const node = await until(
      'the end',
      async () => {
        const found = await nodeOf(run.state, 'orphan');
        return found?.state === 'SUCCESS' ? found : undefined;
      },
      WAIT_MS,
    );
    expect(node.attempts).toBe(1);
    served.child.kill('SIGTERM');
    await served.ended;
    expect((await oarlock(run.state, 'logs', 'orphan').ended).stdout).toMatch(/^[^x]*x\n$/);
  });
});
