// Looks after what runs, while something runs: logs that grow too large, and processes that an attempt left behind.
//
// A task writes its log itself, through no pipe, so the cap is kept by cutting (log-cap.ts). What outlives its attempt in a slot's session
// gets SIGTERM, later SIGKILL, and a line in that attempt's log.
//
// V1  a process is left behind when it started before the attempt that its slot runs now, or when the slot runs none.
// V2  nothing is done while nothing runs.

import { uptime } from 'node:os';
import type { Clock, ProcessIdentity, Processes } from '../kernel/ports.ts';
import type { Log } from '../runtime/log.ts';
import type { Disk } from '../store/file/disk.ts';
import { capLog } from './log-cap.ts';

export interface SweepOptions {
  readonly disk: Disk;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
  /** Default SPEECH_LIMIT_BYTES. */
  readonly speechLimitBytes?: number;
}

/** An attempt in a slot. */
export interface Sweepable {
  readonly logPath: string;
  readonly slot: ProcessIdentity;
  /** When it was given to the slot, in ticks since boot. */
  readonly ticks: number;
  /** Of a task that speaks: what it says, and where it reports. */
  readonly speech?: { readonly messages: string; readonly output: string };
}

/** What a task may say in one attempt. */
export const SPEECH_LIMIT_BYTES = 1024 * 1024 * 1024;

/** How often logs are looked at: a task can write hundreds of megabytes a second. */
const SWEEP_MS = 200;
const FAST_SWEEP_MS = 50;
/** Rounds between two looks at processes, which cost more. */
const PROCESS_ROUNDS = 5;
/** Attempts of a slot that are remembered, to tell whose process was left behind. */
const HISTORY_LIMIT = 100;
/** Looks at processes from SIGTERM to SIGKILL. */
const PATIENCE = 2;
const FINISH_MS = 1_000;
const FINISH_STEP_MS = 20;

/** Ticks since boot, as start times of processes are counted. */
export function ticksNow(): number {
  return Math.floor(uptime() * 100);
}

interface SlotRecord {
  readonly slot: ProcessIdentity;
  /** Attempts that ended, oldest first. */
  readonly history: Sweepable[];
  running: Sweepable | null;
  /** Something ended since the last look, or was there that may be left behind. */
  isSuspect: boolean;
}

export class Sweep {
  readonly #options: SweepOptions;
  readonly #slots = new Map<number, SlotRecord>();
  /** Processes that were told to go, and how often they were found again. */
  readonly #told = new Map<string, number>();
  /** Logs of attempts that ended since the last round. */
  #endedLogs: string[] = [];
  #rounds = 0;
  #isHasty = false;
  #cancel: (() => void) | null = null;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  started(attempt: Sweepable): void {
    this.#record(attempt).running = attempt;
    this.#schedule();
  }

  ended(attempt: Sweepable): void {
    const record = this.#record(attempt);
    record.running = null;
    record.isSuspect = true;
    this.#endedLogs.push(attempt.logPath);
    record.history.push(attempt);
    if (record.history.length > HISTORY_LIMIT) record.history.shift();
    this.#schedule();
  }

  /** Nothing runs any more: ends at once what is left behind. */
  async finish(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    const { clock } = this.#options;
    const deadline = clock.now().time + FINISH_MS;
    while (this.#endLeftBehind(clock.now().time >= deadline) > 0) {
      await new Promise<void>((resolve) => void clock.after(FINISH_STEP_MS, resolve));
    }
  }

  #record({ slot }: Sweepable): SlotRecord {
    const known = this.#slots.get(slot.pid);
    if (known !== undefined && known.slot.startTicks === slot.startTicks) return known;
    const record: SlotRecord = { slot, history: [], running: null, isSuspect: false };
    this.#slots.set(slot.pid, record);
    return record;
  }

  #schedule(): void {
    const hasWork = [...this.#slots.values()].some(({ running, isSuspect }) => running !== null || isSuspect);
    if (this.#cancel !== null || !hasWork) return;
    this.#cancel = this.#options.clock.after(this.#isHasty ? FAST_SWEEP_MS : SWEEP_MS, () => {
      this.#cancel = null;
      this.#round();
      this.#schedule();
    });
  }

  #round(): void {
    const running = [...this.#slots.values()].flatMap((slot) => (slot.running === null ? [] : [slot.running.logPath]));
    const logs = [...this.#endedLogs, ...running];
    this.#endedLogs = [];
    this.#isHasty = logs.map((path) => this.#cap(path)).includes(true);
    for (const { running: attempt } of this.#slots.values()) if (attempt?.speech !== undefined) this.#endFlood(attempt);
    this.#rounds += 1;
    if (this.#rounds % PROCESS_ROUNDS === 0) this.#endLeftBehind(false);
  }

  /** A file of messages cannot be cut: somebody reads it from an offset. So the task is ended, with a report in its name. */
  #endFlood({ slot, speech }: Sweepable): void {
    const { disk, processes, speechLimitBytes = SPEECH_LIMIT_BYTES } = this.#options;
    if (speech === undefined || (disk.stat(speech.messages)?.size ?? 0) <= speechLimitBytes) return;
    const message = `expected at most ${speechLimitBytes} bytes of messages in one attempt, found more`;
    disk.unlink(speech.output);
    disk.createNew(speech.output, JSON.stringify({ errorType: 'TaskFailed', message }));
    const members = processes.membersOfSessions(new Set([slot.pid])).get(slot.pid) ?? [];
    for (const member of members) if (member.pid !== slot.pid) processes.signal(member, 'SIGKILL');
  }

  /** True when it was cut: it grows fast. */
  #cap(path: string): boolean {
    try {
      return capLog(this.#options.disk, path);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.log.warn('a log could not be cut', { path, error: message });
      return false;
    }
  }

  /** How many there are still. */
  #endLeftBehind(isUrgent: boolean): number {
    const suspects = [...this.#slots.values()].filter(({ isSuspect }) => isSuspect);
    if (suspects.length === 0) return 0;
    let count = 0;
    const found = new Set<string>();
    const members = this.#options.processes.membersOfSessions(new Set(suspects.map(({ slot }) => slot.pid)));
    for (const record of suspects) {
      const { slot, running } = record;
      const others = (members.get(slot.pid) ?? []).filter(({ pid }) => pid !== slot.pid);
      const left = others.filter(({ startTicks }) => running === null || startTicks < running.ticks);
      // One that started in the same tick as what runs now cannot be told from it: looked at again.
      record.isSuspect = left.length > 0 || others.some(({ startTicks }) => startTicks === running?.ticks);
      count += left.length;
      for (const process of left) found.add(this.#end(record, process, isUrgent));
    }
    for (const key of this.#told.keys()) if (!found.has(key)) this.#told.delete(key);
    for (const [pid, { slot, running, isSuspect }] of this.#slots) {
      if (running === null && !isSuspect && this.#options.processes.liveness(slot) === 'dead') this.#slots.delete(pid);
    }
    return count;
  }

  #end({ history }: SlotRecord, process: ProcessIdentity, isUrgent: boolean): string {
    const { disk, processes } = this.#options;
    const key = `${process.pid}-${process.startTicks}`;
    const rounds = this.#told.get(key) ?? 0;
    this.#told.set(key, rounds + 1);
    if (rounds > 0) {
      if (isUrgent || rounds >= PATIENCE) processes.signal(process, 'SIGKILL');
      return key;
    }
    processes.signal(process, isUrgent ? 'SIGKILL' : 'SIGTERM');
    const owner = history.findLast(({ ticks }) => ticks <= process.startTicks) ?? history[0];
    if (owner !== undefined && disk.stat(owner.logPath) !== null) {
      try {
        const handle = disk.openAppend(owner.logPath);
        disk.append(handle, owner.logPath, `oarlock: process ${process.pid} was left behind and is ended\n`);
        disk.close(handle);
      } catch {
        // The note is lost (a full disk), the process is ended all the same.
      }
    }
    return key;
  }
}
