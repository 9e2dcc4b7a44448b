// The Processes port on Linux: who a process is, whether it lives, and signals that reach nobody else.
//
// Reads /proc and nothing else of the file system. A pid alone says nothing (it may have been given to a stranger), `kill -0` calls a
// zombie alive; so identity is pid, start time and boot, and the state letter is looked at.
//
// R1  no signal without the identity checked just before; never to pid or group 0 or 1, to this process or to its own group.
// R2  'dead' is said only of what cannot come back: another boot, no such pid, another start time, zombie. A zombie of which other
//     threads live is none: those still hold what is open, such as a seat.

import * as fs from 'node:fs';
import type { Liveness, ProcessIdentity, Processes } from '../kernel/ports.ts';
import { bootPrefix } from './slot-token.ts';

interface Stat {
  readonly state: string;
  readonly threads: number;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
}

export function createProcesses(root = '/proc'): Processes {
  const bootId = fs.readFileSync(`${root}/sys/kernel/random/boot_id`, 'utf8').trim();
  const namespaces = { pid: readLink(`${root}/self/ns/pid`), net: readLink(`${root}/self/ns/net`) };

  const identify = (pid: number): ProcessIdentity | null => {
    const stat = readStat(root, pid);
    return stat === 'gone' || stat === 'unknown' || isOver(stat) ? null : { pid, startTicks: stat.startTicks, bootId };
  };
  const liveness = (identity: ProcessIdentity): Liveness => {
    if (!isThisBoot(identity.bootId, bootId)) return 'dead';
    const stat = readStat(root, identity.pid);
    if (stat === 'unknown') return 'unknown';
    return stat === 'gone' || stat.startTicks !== identity.startTicks || isOver(stat) ? 'dead' : 'alive';
  };
  /** Also a zombie still owns its number. */
  const owns = (identity: ProcessIdentity): boolean => {
    if (!isThisBoot(identity.bootId, bootId)) return false;
    const stat = readStat(root, identity.pid);
    return typeof stat === 'object' && stat.startTicks === identity.startTicks;
  };
  const self = identify(process.pid);
  if (self === null)
    throw new Error(`${root}/${process.pid}/stat: expected this process, found nothing that can be read`);
  const own = readStat(root, process.pid);
  const ownGroup = typeof own === 'object' ? own.group : 0;

  return {
    self: () => self,
    bootId: () => bootId,
    namespaces: () => namespaces,
    identify,
    liveness,
    signalGroup(leader, signal) {
      if (leader.pid <= 1 || leader.pid === ownGroup || !owns(leader)) return;
      send(-leader.pid, signal);
    },
    signal(target, signal) {
      if (target.pid <= 1 || target.pid === process.pid || liveness(target) !== 'alive') return;
      send(target.pid, signal);
    },
    hasChildren(target) {
      if (liveness(target) !== 'alive') return false;
      try {
        return fs.readFileSync(`${root}/${target.pid}/task/${target.pid}/children`, 'latin1') !== '';
      } catch {
        return 'unknown';
      }
    },
    membersOf(mark, group) {
      return [...living(root)]
        .filter(({ pid, stat }) => {
          const inGroup = group !== null && group > 1 && (stat.group === group || stat.session === group);
          return inGroup || (mark !== '' && hasMark(root, pid, mark));
        })
        .map(({ pid, stat }) => ({ pid, startTicks: stat.startTicks, bootId }));
    },
    membersOfSessions(sessions) {
      const found = new Map<number, ProcessIdentity[]>();
      for (const { pid, stat } of living(root)) {
        if (!sessions.has(stat.session)) continue;
        const members = found.get(stat.session) ?? [];
        members.push({ pid, startTicks: stat.startTicks, bootId });
        found.set(stat.session, members);
      }
      return found;
    },
  };
}

/** Every process that lives, but the first and this one. */
function* living(root: string): Generator<{ pid: number; stat: Stat }> {
  for (const name of fs.readdirSync(root)) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) continue;
    const stat = readStat(root, pid);
    if (typeof stat === 'object' && !isOver(stat)) yield { pid, stat };
  }
}

/** Boot ids are compared by what a slot token holds of them. */
function isThisBoot(found: string, bootId: string): boolean {
  return found === bootId || found === bootPrefix(bootId);
}

function isOver(stat: Stat): boolean {
  return (stat.state === 'Z' && stat.threads <= 1) || stat.state === 'X' || stat.state === 'x';
}

function readStat(root: string, pid: number): Stat | 'gone' | 'unknown' {
  let text: string;
  try {
    text = fs.readFileSync(`${root}/${pid}/stat`, 'latin1');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ESRCH') return 'gone';
    // Without /proc itself nothing can be said of anybody.
    return code === 'ENOENT' && fs.existsSync(`${root}/self/stat`) ? 'gone' : 'unknown';
  }
  // The name of the program stands in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[19]);
  if (!Number.isSafeInteger(startTicks)) return 'unknown';
  return {
    state: fields[0] ?? '',
    threads: Number(fields[17]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks,
  };
}

function hasMark(root: string, pid: number, mark: string): boolean {
  try {
    const text = fs.readFileSync(`${root}/${pid}/environ`, 'latin1');
    return text.startsWith(`${mark}\0`) || text.includes(`\0${mark}\0`);
  } catch {
    // Another user's process, or gone since.
    return false;
  }
}

function readLink(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return '';
  }
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
