// The name by which a claim says who runs it: LETTER PID - STARTTICKS - BOOT8, as in `s4711-90210-1a2b3c4d`.
//
// It stands in the claim's file name and in the journal, so that liveness can be told without reading anything else, and still
// after a reboot, when the same pid and start time may belong to a stranger.

import type { ProcessIdentity } from '../kernel/ports.ts';

/** `s`: a resident shell; `j`: a resident JavaScript host. */
export type SlotLetter = 's' | 'j';

const TOKEN = /^[a-z](\d{1,10})-(\d{1,18})-([0-9a-f]{8})$/;

/** The first eight hex digits of a boot id. */
export function bootPrefix(bootId: string): string {
  return bootId.replace(/-/g, '').slice(0, 8).toLowerCase();
}

export function formatSlot(letter: SlotLetter, identity: ProcessIdentity): string {
  return `${letter}${identity.pid}-${identity.startTicks}-${bootPrefix(identity.bootId)}`;
}

/** Null when it is no such token. The boot id is only the eight digits; `Processes` takes them for the whole. */
export function parseSlot(token: string): ProcessIdentity | null {
  const match = TOKEN.exec(token);
  if (match === null) return null;
  return { pid: Number(match[1]), startTicks: Number(match[2]), bootId: match[3] ?? '' };
}
