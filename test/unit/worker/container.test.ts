// Containers without an engine: the command line that would be run, and the guard with an engine that a test plays.

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../support/slot-place.ts';
import { clientEnvironment, containerArguments, containerName } from '../../../worker/container.ts';
import type { Offer } from '../../../store/store.ts';

const image = 'tools:1';

function offer(more: Partial<Offer> = {}): Offer {
  const given = { run: 'r', uid: '0123456789', node: 'a b', workingDir: '/srv', ...more };
  return given as Offer;
}

describe('the command line', () => {
  const ofRun = (container: object, more: Partial<Offer> = {}): string[] =>
    containerArguments({ type: 'container', image, ...container }, offer(more)).slice(4);

  test('names the container after run and node, whatever the attempt', () => {
    const [name, first] = ofRun({});
    expect(name).toBe(containerName({ uid: '0123456789', node: 'a b' }));
    expect(name).toMatch(/^oarlock-01234567-a-b-[0-9a-f]{12}$/);
    expect(first).toBe(image);
    expect(ofRun({}, { attempt: 2 })[0]).toBe(name);
    expect(containerName({ uid: '0123456789', node: 'a-b' })).not.toBe(name);
  });

  test('has a flag for each limit, and the values of variables nowhere', () => {
    const container = {
      command: ['sh', '-c', 'x'],
      limits: { cpus: 0.5, memoryMiB: 64 },
      workdir: '/w',
      network: 'none',
      pull: 'never' as const,
      volumes: ['./data:/data:ro', 'cache:/cache', '/abs:/abs'],
    };
    expect(ofRun(container, { env: { TOKEN: 'secret' }, messages: true }).slice(2)).toEqual([
      '--label=dev.oarlock.run=r',
      '--label=dev.oarlock.node=a b',
      '--cpus=0.5',
      '--memory=64m',
      '--workdir=/w',
      '--network=none',
      '--pull=never',
      '--interactive',
      ...['RUN', 'NODE', 'ATTEMPT', 'FENCE', 'IDEMPOTENCY_KEY', 'MESSAGES'].flatMap((word) => [
        '--env',
        `OARLOCK_${word}`,
      ]),
      '--env',
      'TOKEN',
      '--volume=/srv/data:/data:ro',
      '--volume=cache:/cache',
      '--volume=/abs:/abs',
      image,
      'sh',
      '-c',
      'x',
    ]);
  });

  test('the client finds its engine by variables of the worker, and gets no others', () => {
    const own = { DOCKER_HOST: 'tcp://x', CONTAINERS_CONF: '/c', XDG_RUNTIME_DIR: '/run', DB_PASSWORD: 'p' };
    expect(clientEnvironment(own)).toEqual({ DOCKER_HOST: 'tcp://x', CONTAINERS_CONF: '/c', XDG_RUNTIME_DIR: '/run' });
  });
});

describe('the guard', () => {
  let place = '';
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'oarlock-guard-'));
    mkdirSync(join(place, 'scratch'));
    writeFileSync(join(place, 'input'), '{"n":1}');
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  /** An engine that notes what it is told; `script` is what it does. */
  function engine(script: string): string {
    const path = join(place, 'docker');
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$1 $2" >>'${place}/told'\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  const told = (): string[] => readFileSync(join(place, 'told'), 'utf8').trim().split('\n');
  const output = (): unknown => JSON.parse(readFileSync(join(place, 'output'), 'utf8'));

  function guard(program: string, attempt = 1): { pid: () => number; ended: Promise<number | null> } {
    const [shell = '', ...args] = containerArguments({ type: 'container', image }, offer());
    const child = spawn(shell, args, {
      stdio: 'ignore',
      env: {
        PATH: '/usr/bin:/bin',
        OARLOCK_CONTAINER_ENGINE: program,
        OARLOCK_ATTEMPT: String(attempt),
        OARLOCK_FENCE: 'f1',
        OARLOCK_INPUT: join(place, 'input'),
        OARLOCK_OUTPUT: join(place, 'output'),
        OARLOCK_SCRATCH: join(place, 'scratch'),
      },
    });
    return { pid: () => child.pid ?? 0, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
  }

  test('hands over input and output, and the exit code', async () => {
    const own = join(place, 'scratch/.container-f1');
    const program = engine(`cat '${own}/input' >'${own}/output'; exit 4`);
    expect(await guard(program).ended).toBe(4);
    expect(output()).toEqual({ n: 1 });
    expect(told()).toEqual(['run --rm']);
  });

  test('removes first what an attempt before may have left', async () => {
    await guard(engine('exit 0'), 2).ended;
    expect(told().map((line) => line.split(' ')[0])).toEqual(['kill', 'rm', 'run']);
  });

  const failures: readonly { name: string; script: string; says: string }[] = [
    {
      name: 'an engine that does not answer',
      script: 'case $1 in run) exit 125;; *) exit 1;; esac',
      says: 'container: docker is there, but its engine does not answer: start it, or name another program in OARLOCK_CONTAINER_ENGINE',
    },
    {
      name: 'an image that is not there',
      script: 'case $1 in run) exit 125;; image) exit 1;; esac',
      says: 'container: image tools:1 is not here and was not pulled; what docker said is in the log',
    },
    {
      name: 'a container that cannot be started',
      script: 'case $1 in run) exit 125;; esac',
      says: 'container: docker did not start it; what it said is in the log',
    },
  ];
  test.each(failures)('says so: $name', async ({ script, says }) => {
    expect(await guard(engine(script)).ended).toBe(125);
    expect(output()).toEqual({ message: says });
  });

  test('says so when no engine is installed', async () => {
    expect(await guard('no-such-engine').ended).toBe(127);
    expect(output()).toEqual({ message: 'container: the program that OARLOCK_CONTAINER_ENGINE names was not found' });
  });

  test('told to end, it ends the container first, then itself', async () => {
    const program = engine(
      `case $1 in run) echo $$ >'${place}/c' && mv '${place}/c' '${place}/client'; exec sleep 1000;; stop) kill -9 $(cat '${place}/client');; esac`,
    );
    const { pid, ended } = guard(program);
    await until('the client', () => existsSync(join(place, 'client')));
    process.kill(pid(), 'SIGTERM');
    expect(await ended).toBe(143);
    // It may look once more before the death of the client is seen.
    expect([...new Set(told().map((line) => line.split(' ')[0]))]).toEqual(['run', 'stop', 'kill', 'rm']);
  });
});
