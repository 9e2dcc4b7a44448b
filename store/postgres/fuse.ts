// The fuse of a worker: a small shell process beside it that ends every attempt of it on this host when the worker has not been heard by
// the database for its lease. So what a machine runs that was cut off, or whose worker is gone, is over before the controller, a margin
// later, may start it elsewhere: two live copies never run.
//
// F1  it kills by the mark that all processes of an attempt carry (their OARLOCK_OUTPUT), so none escapes by a session of its own.
// F2  it outlives its worker, and ends when the worker has said goodbye, is gone after it has killed, or its directory is.
// F3  one burns at a time: the next one on the same inbox ends at once.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Disk } from '../file/disk.ts';

const DEADLINE = '.deadline';
const BYE = 'bye 0';
const RESTART_MS = 2_000;

/** `$1`: the inbox. Its file says until when (seconds since boot) the worker's lease goes, and who the worker is. */
const SCRIPT = `
cd "$1" || exit 1
exec 9>.fuse && flock -n 9 || exit 0
while sleep 0.5; do
  read -r until worker < ${DEADLINE} || exit 0
  [ "$until" = bye ] && exit 0
  [ -n "$until" ] || continue
  read -r now rest < /proc/uptime
  [ "\${now%.*}" -lt "$until" ] && continue
  # What grep returns says nothing: some files are never readable.
  while pids=$(grep -lsz "^OARLOCK_OUTPUT=$1/" /proc/[0-9]*/environ); [ -n "$pids" ]; do
    for pid in $pids; do pid=\${pid#/proc/}; kill -KILL "\${pid%/environ}" 2>/dev/null; done
    sleep 0.1
  done
  kill -0 "$worker" 2>/dev/null || exit 0
done
`;

export class Fuse {
  readonly #disk: Disk;
  readonly #inbox: string;
  #child: ChildProcess | null = null;
  #isOver = false;

  constructor(disk: Disk, inbox: string) {
    this.#disk = disk;
    this.#inbox = inbox;
  }

  /** Until when the last worker's lease went, seconds since boot; null when none is known. */
  lastDeadline(): number | null {
    const until = Number(this.#disk.read(join(this.#inbox, DEADLINE))?.toString().split(' ')[0]);
    return Number.isFinite(until) && until > 0 ? until : null;
  }

  /** The lease goes until then, in seconds since boot. */
  renew(until: number): void {
    this.#write(`${Math.floor(until)} ${process.pid}`);
    if (this.#child === null) this.#light();
  }

  /** Nothing runs here any more. */
  put(): void {
    this.#isOver = true;
    this.#write(BYE);
  }

  #write(text: string): void {
    const path = join(this.#inbox, DEADLINE);
    if (!this.#disk.overwrite(path, `${text}\n`)) this.#disk.createNew(path, `${text}\n`);
  }

  /** Again when somebody ended it; one that finds another burning ends at once, so not too often. */
  #light(): void {
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'oarlock-fuse', this.#inbox], { detached: true, stdio: 'ignore' });
    this.#child = child;
    child.unref();
    const again = (): void => {
      const timer = setTimeout(() => {
        if (!this.#isOver) this.#light();
      }, RESTART_MS);
      timer.unref();
    };
    child.once('error', again);
    child.once('exit', again);
  }
}
