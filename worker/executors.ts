// Which kind of slot runs which executor: the place where new kinds of tasks join.
//
// A shell keeps what a program writes in a file, untouched. Whatever needs more between program and log, such as the masking of
// secrets, is run by a JavaScript host.

import type { Executor } from '../kernel/task.ts';
import type { Offer } from '../store/store.ts';

export type SlotKind = 'shell' | 'host';

const KINDS: Readonly<Partial<Record<Executor['type'], SlotKind>>> = {
  command: 'shell',
  exec: 'shell',
  python: 'shell',
  container: 'shell',
  call: 'host',
  connector: 'host',
};

export function slotKindOf(offer: Offer): SlotKind {
  const hasSecrets = Object.values(offer.env ?? {}).some((value) => typeof value !== 'string');
  return hasSecrets ? 'host' : (KINDS[offer.executor.type] ?? 'host');
}
