import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProcessIdentity } from '../../../kernel/ports.ts';
import { createProcesses } from '../../../runtime/processes.ts';
import { bootPrefix, formatSlot, parseSlot } from '../../../runtime/slot-token.ts';
import { until } from '../../support/slot-place.ts';

describe('processes', () => {
  const processes = createProcesses();
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ProcessIdentity => {
    const child = spawn(program, args, { detached: true, stdio: 'ignore', env });
    children.push(child);
    const identity = processes.identify(child.pid ?? 0);
    if (identity === null) throw new Error('expected a process');
    return identity;
  };
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = new Promise((resolve) => child.once('exit', resolve));
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await exited;
    }
  });

  test('this process lives; who has its pid and another start, or is of another boot, is dead', () => {
    const self = processes.self();
    expect(self.pid).toBe(process.pid);
    expect(processes.liveness(self)).toBe('alive');
    expect(processes.liveness({ ...self, startTicks: self.startTicks + 1 })).toBe('dead');
    expect(processes.liveness({ ...self, bootId: '00000000-0000-4000-8000-000000000000' })).toBe('dead');
    expect(processes.liveness({ ...self, pid: 4_999_999 })).toBe('dead');
    expect(processes.liveness({ ...self, bootId: bootPrefix(self.bootId) })).toBe('alive');
  });

  test('a zombie is dead (L11), and owns no signal', async () => {
    // The shell starts a child, becomes a program that never waits, and so leaves it a zombie.
    const parent = start('/bin/sh', ['-c', 'sleep 0 & exec sleep 100']);
    const zombie = await until('a zombie', () => {
      const text = fs.readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim();
      const stat = text === '' ? '' : fs.readFileSync(`/proc/${text}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? { ...parent, pid: Number(text), startTicks: Number(fields[19]) } : null;
    });
    expect(processes.liveness(zombie)).toBe('dead');
    expect(processes.identify(zombie.pid)).toBeNull();
    expect(processes.membersOf('', parent.pid)).toEqual([parent]);
  });

  test('a stopped process lives', async () => {
    const child = start('sleep', ['100']);
    process.kill(child.pid, 'SIGSTOP');
    expect(processes.liveness(child)).toBe('alive');
  });

  test('a signal reaches the group of the one who is meant, and nobody whose identity differs', async () => {
    const leader = start('/bin/sh', ['-c', 'sleep 100 & sleep 100']);
    await until('two children', () => processes.membersOf('', leader.pid).length === 3);
    processes.signalGroup({ ...leader, startTicks: leader.startTicks - 1 }, 'SIGKILL');
    processes.signal({ ...leader, startTicks: leader.startTicks - 1 }, 'SIGKILL');
    expect(processes.membersOf('', leader.pid)).toHaveLength(3);
    processes.signalGroup(leader, 'SIGKILL');
    await until('all dead', () => processes.membersOf('', leader.pid).length === 0);
  });

  test('nothing is ever sent to the first process, to itself or to its own group (P6)', () => {
    const boot = processes.bootId();
    const first = processes.identify(1) ?? { pid: 1, startTicks: 0, bootId: boot };
    processes.signal(first, 'SIGKILL');
    processes.signalGroup(first, 'SIGKILL');
    processes.signal(processes.self(), 'SIGKILL');
    const fields = fs
      .readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const ownLeader = processes.identify(Number(fields[2]));
    if (ownLeader !== null) processes.signalGroup(ownLeader, 'SIGTERM');
    expect(processes.liveness(processes.self())).toBe('alive');
  });

  test('members are those of the session and those that carry the mark', async () => {
    const place = '/a/state/leases/w1/000009-00000042.output';
    const mark = `OARLOCK_OUTPUT=${place}`;
    const marked = start('sleep', ['100'], { ...process.env, OARLOCK_OUTPUT: place });
    const similar = start('sleep', ['100'], { ...process.env, OARLOCK_OUTPUT: `${place}1`, XOARLOCK_OUTPUT: place });
    expect(processes.membersOf(mark, null)).toEqual([marked]);
    expect(processes.membersOf(mark, similar.pid).sort((a, b) => a.pid - b.pid)).toEqual(
      [marked, similar].sort((a, b) => a.pid - b.pid),
    );
    expect(processes.membersOf('', null)).toEqual([]);
  });

  test('whether a process has children', async () => {
    const parent = start('/bin/sh', ['-c', 'sleep 100; true']);
    await until('a child', () => processes.hasChildren(parent) === true);
    expect(processes.hasChildren(start('sleep', ['100']))).toBe(false);
    expect(processes.hasChildren({ ...parent, startTicks: 1 })).toBe(false);
  });

  describe('from the words of /proc', () => {
    const fake = (stat: string): { root: string; identity: ProcessIdentity } => {
      const root = fs.mkdtempSync(join(tmpdir(), 'oarlock-proc-'));
      const write = (path: string, text: string): void => {
        fs.mkdirSync(join(root, path, '..'), { recursive: true });
        fs.writeFileSync(join(root, path), text);
      };
      write('sys/kernel/random/boot_id', '0badb007-0000-4000-8000-000000000000\n');
      write('self/stat', 'x');
      write(`${process.pid}/stat`, `${process.pid} (node) S 1 2 3 ${'0 '.repeat(15)}77 0`);
      write('500/stat', stat);
      return { root, identity: { pid: 500, startTicks: 4242, bootId: '0badb007-0000-4000-8000-000000000000' } };
    };
    const tailWith = (threads: number): string => `1 500 500 ${'0 '.repeat(13)}${threads} 0 4242 0 0`;
    const tail = tailWith(1);
    test.each([
      { name: 'a plain name', stat: `500 (sh) S ${tail}`, liveness: 'alive' },
      { name: 'a name with spaces and parentheses', stat: `500 (a) Z 1 (b)) R ${tail}`, liveness: 'alive' },
      { name: 'a zombie', stat: `500 (sh) Z ${tail}`, liveness: 'dead' },
      { name: 'a zombie of which another thread lives', stat: `500 (node) Z ${tailWith(3)}`, liveness: 'alive' },
      { name: 'one that is being removed', stat: `500 (sh) X ${tail}`, liveness: 'dead' },
      { name: 'words that cannot be read', stat: '500 (sh', liveness: 'unknown' },
      { name: 'another start time', stat: `500 (sh) S ${tail.replace('4242', '4243')}`, liveness: 'dead' },
    ])('$name is $liveness', ({ stat, liveness }) => {
      const { root, identity } = fake(stat);
      expect(createProcesses(root).liveness(identity)).toBe(liveness);
      fs.rmSync(root, { recursive: true });
    });

    test('without /proc nothing is said', () => {
      const { root, identity } = fake(`500 (sh) S ${tail}`);
      const blind = createProcesses(root);
      fs.rmSync(root, { recursive: true });
      expect(blind.liveness(identity)).toBe('unknown');
    });
  });
});

describe('the name of a slot', () => {
  test('says who it is', () => {
    const identity = { pid: 4711, startTicks: 90210, bootId: '1a2b3c4d-5e6f-4000-8000-000000000000' };
    expect(formatSlot('s', identity)).toBe('s4711-90210-1a2b3c4d');
    expect(parseSlot('j4711-90210-1a2b3c4d')).toEqual({ ...identity, bootId: '1a2b3c4d' });
  });

  test.each([
    '',
    's',
    '4711-90210-1a2b3c4d',
    's-1-1-1a2b3c4d',
    's1-2-3',
    's1-2-1a2b3c4d.x',
    'ss1-2-1a2b3c4d',
    's1-2-1A2B3C4D',
  ])('%j is none', (token) => {
    expect(parseSlot(token)).toBeNull();
  });
});
