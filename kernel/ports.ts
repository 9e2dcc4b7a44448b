// The outside world as the engine sees it: the only doors to time, chance and other processes.
// Production gives the ones of runtime/, tests and the simulator give hand-driven ones. The disk has
// a seam of its own (store/file/disk.ts), because only the store touches it.

/** An instant, read once for a whole decision. */
export interface Now {
  /**
   * Engine time in milliseconds: never goes back, runs with the monotonic clock within a boot. All
   * durations (timeouts, back-off, waits in seconds) are counted on it.
   */
  readonly time: number;
  /** Wall time in Unix milliseconds: for people, and for `until`. May jump. */
  readonly wall: number;
}

export interface Clock {
  now(): Now;
  /** Calls back once after about `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface Random {
  /** Lower-case hexadecimal, `digits` long. */
  hex(digits: number): string;
  uuid(): string;
}

/** Who a process is. A pid alone may have been given to a stranger since. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  readonly bootId: string;
}

export type Liveness = 'alive' | 'dead' | 'unknown';

export interface Processes {
  self(): ProcessIdentity;
  bootId(): string;
  /** Names of the pid and network namespaces of this process. */
  namespaces(): { pid: string; net: string };
  identify(pid: number): ProcessIdentity | null;
  /** Zombies are dead; another boot is dead; 'unknown' when /proc cannot tell: then wait, never take. */
  liveness(identity: ProcessIdentity): Liveness;
  /** Signals the whole process group led by `leader`, only while `leader` is who it was. */
  signalGroup(leader: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Live processes that carry `mark` (NAME=VALUE; '' for none) in their environment or belong to `group`. */
  membersOf(mark: string, group: number | null): ProcessIdentity[];
  /** Live processes of these sessions, by session. One look at all processes, however many sessions. */
  membersOfSessions(sessions: ReadonlySet<number>): ReadonlyMap<number, readonly ProcessIdentity[]>;
  /** Has it a child that lives? 'unknown' when /proc cannot tell. */
  hasChildren(process: ProcessIdentity): boolean | 'unknown';
  signal(process: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void;
}
