// Ends an attempt on this host, in the one order that leaves no second live copy: stop, SIGTERM, grace, SIGKILL, seen dead, outcome.
//
// Owns: that order. Does not own: when an attempt is to end (kernel), who waits for it (controller).
//
// E1  FENCE.stop stands before any signal: a slot that has the attempt still before it then does not start it.
// E2  a slot's group is signalled only if it had no outcome when the stop stood: after one it may run something else.
// E3  nothing is decided before every process of the attempt was seen dead, those that left the group included (by `taskMark`).
// E4  an outcome that stood before the stop is what it is; one that came after has the reason of the stop. A loss changes no outcome.

import type { Clock, ProcessIdentity, Processes } from '../kernel/ports.ts';
import type { Outcome, StopReason } from '../kernel/task.ts';
import { parseSlot } from './slot-token.ts';

interface Settled {
  readonly outcome: Outcome;
  readonly since?: number;
  readonly until?: number;
}

interface Lease {
  readonly fence: string;
  readonly claim: string | null;
  readonly stop: StopReason | null;
  readonly outcome: Settled | null;
}

/** What of the store's leases this needs (store/store.ts). */
interface EndingLeases {
  inbox(worker: string): Promise<readonly Lease[]>;
  withdraw(worker: string, fence: string): Promise<boolean>;
  stop(worker: string, fence: string, reason: StopReason): Promise<void>;
  settle(worker: string, fence: string, outcome: Settled): Promise<Settled>;
  places(worker: string, fence: string): { readonly output: string };
}

export interface EndingTools {
  readonly leases: EndingLeases;
  readonly processes: Processes;
  readonly clock: Clock;
  /** From SIGTERM to SIGKILL: time for a task to clean up. */
  readonly graceMs: number;
}

const FIRST_WAIT_MS = 3;
const LONGEST_WAIT_MS = 250;

/**
 * What the processes of an attempt, and no others on this host, carry in their environment. Not OARLOCK_FENCE: a fence is unique in its
 * state directory, and another engine may be at the same one now; the path of the output holds directory, worker and fence.
 */
export function taskMark(places: { readonly output: string }): string {
  return `OARLOCK_OUTPUT=${places.output}`;
}

/** Resolves when nothing of the attempt lives and its outcome stands. May be called again after a crash at any point. */
export async function endAttempt(
  tools: EndingTools,
  worker: string,
  view: Lease,
  reason: StopReason,
): Promise<Settled> {
  if (view.outcome !== null && view.stop === null) return view.outcome;
  const { leases, clock } = tools;
  const { fence } = view;
  await leases.stop(worker, fence, reason);
  const isWithdrawn = view.claim === null && view.outcome === null && (await leases.withdraw(worker, fence));
  if (!isWithdrawn) {
    const found = await find(leases, worker, fence);
    const slot = parseSlot(found?.claim ?? view.claim ?? '');
    await endProcesses(tools, worker, fence, found?.outcome == null ? slot : null);
  }
  const until = clock.now().wall;
  const stopped: Outcome =
    reason === 'Lost' ? { result: 'Lost', message: 'its slot is gone' } : { result: 'Stopped', reason };
  const settled = await leases.settle(worker, fence, { outcome: stopped, until });
  return reason === 'Lost' ? settled : { ...settled, outcome: stopped };
}

/** `slot`: the leader of a group that is the attempt's alone, its keeper included; null when there is none or it has gone on. */
async function endProcesses(
  tools: EndingTools,
  worker: string,
  fence: string,
  slot: ProcessIdentity | null,
): Promise<void> {
  const { processes, clock, leases, graceMs } = tools;
  const group = slot?.pid ?? null;
  const mark = taskMark(leases.places(worker, fence));
  const living = (): ProcessIdentity[] => processes.membersOf(mark, group);
  const isKeeper = ({ pid, startTicks }: ProcessIdentity): boolean =>
    pid === slot?.pid && startTicks === slot.startTicks;
  const send = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    if (slot !== null) processes.signalGroup(slot, signal);
    // Those that made a group of their own, and all of them when the leader is gone.
    for (const member of living()) if (!isKeeper(member)) processes.signal(member, signal);
  };

  send('SIGTERM');
  const deadline = clock.now().time + graceMs;
  let waitMs = FIRST_WAIT_MS;
  let signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM';
  for (;;) {
    const members = living();
    const others = members.filter((member) => !isKeeper(member));
    if (members.length === 0) return;
    // The keeper outlives SIGTERM, to say how the task ended.
    if (others.length === 0 && signal === 'SIGTERM' && (await find(leases, worker, fence))?.outcome != null) return;
    if (clock.now().time >= deadline) signal = 'SIGKILL';
    if (signal === 'SIGKILL') send(signal);
    await pause(clock, waitMs);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

async function find(leases: EndingLeases, worker: string, fence: string): Promise<Lease | undefined> {
  return (await leases.inbox(worker)).find((lease) => lease.fence === fence);
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}
