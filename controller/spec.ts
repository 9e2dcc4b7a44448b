// What a person asks of a run by editing its spec, as events.

import { createHash } from 'node:crypto';
import type { RunEvent } from '../kernel/events.ts';
import { isObject, type Json, type JsonObject, textAt } from '../kernel/json.ts';
import type { Now } from '../kernel/ports.ts';
import type { Restart, Run } from '../kernel/run.ts';

/** Digest of what must not change once the run has started: all of spec but suspend, cancel and restart. */
export function digestSpec(spec: JsonObject): string {
  const { suspend: _suspend, cancel: _cancel, restart: _restart, ...pinned } = spec;
  return createHash('sha256').update(canonical(pinned)).digest('hex');
}

/** JSON with sorted members. Depth is bounded by admission. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`).join(',')}}`;
}

export function restartsOf(spec: JsonObject): Restart[] {
  const list = Array.isArray(spec['restart']) ? spec['restart'] : [];
  return list.map((item) => ({ node: textAt(item, 'node'), nonce: textAt(item, 'nonce') }));
}

/** The difference between what is asked and what the run knows. A cancel is never taken back. */
export function requestsOf(run: Run, spec: JsonObject, now: Now): RunEvent[] {
  const stamp = { at: now.wall, time: now.time };
  const events: RunEvent[] = [];
  for (const restart of restartsOf(spec)) {
    if (!run.nonces.has(restart.nonce)) events.push({ ...stamp, type: 'RestartRequested', ...restart });
  }
  const isOver = run.end !== null && events.length === 0;
  const isSuspended = spec['suspend'] === true;
  if (!isOver && isSuspended !== run.isSuspended)
    events.push({ ...stamp, type: isSuspended ? 'Suspended' : 'Resumed' });
  if (!isOver && spec['cancel'] === true && !run.isCancelRequested) events.push({ ...stamp, type: 'CancelRequested' });
  return events;
}
