// FENCE.outcome as a file: read, and settled exactly once.
//
// I1  settle links a complete file, so that only a slot that died while it wrote can leave a torn one.
// I2  a torn one is replaced by rename, by one process at a time (a lock that the kernel holds) and only once nobody writes it any
//     more; the bytes go to quarantine.

import { uptime } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { StoreError } from '../../kernel/errors.ts';
import { monotonicMs, wallMs } from '../../runtime/clock.ts';
import { parseSlotLine } from '../../runtime/slot-line.ts';
import type { LeasePlaces, SettledOutcome } from '../store.ts';
import type { Disk } from './disk.ts';
import { KernelLock } from './kernel-lock.ts';
import { formatOutcome, type OutcomeContext, parseOutcome } from './outcome-file.ts';
import type { Quarantine } from './quarantine.ts';

/** How long the difference between uptime and the monotonic clock (time asleep) is taken for constant. */
const ASLEEP_CACHE_MS = 1_000;

export class OutcomeFiles {
  readonly #disk: Disk;
  readonly #quarantine: Quarantine;
  readonly #boot: string;
  #asleepMs = 0;
  #asleepReadAt = Number.NEGATIVE_INFINITY;
  #temporaries = 0;

  constructor(disk: Disk, quarantine: Quarantine, boot: string) {
    this.#disk = disk;
    this.#quarantine = quarantine;
    this.#boot = boot;
  }

  read(places: LeasePlaces, fence: string): SettledOutcome | null | 'torn' | 'of another boot' {
    let bytes: Buffer | null;
    try {
      bytes = this.#disk.read(places.outcome);
    } catch {
      return 'torn';
    }
    if (bytes === null) return null;
    const found = parseOutcome(bytes, this.#context(places, fence, this.#boot));
    if (found !== null) return found;
    const boot =
      bytes[0] === 0x31
        ? bytes.subarray(2, 10).toString()
        : (/"boot":"([0-9a-f]{8})"/.exec(bytes.toString())?.[1] ?? this.#boot);
    const isWhole =
      boot !== this.#boot &&
      parseOutcome(bytes, { ...this.#context(places, fence, boot), readOutput: () => null }) !== null;
    return isWhole ? 'of another boot' : 'torn';
  }

  /** What a slot appended to its claim, under the fence and the boot that count; null when there is no whole line of it. */
  readClaim(path: string, places: LeasePlaces, fence: string): SettledOutcome | null {
    let bytes: Buffer | null;
    try {
      bytes = this.#disk.read(path);
    } catch {
      return null;
    }
    const lines = bytes?.toString('latin1').split('\n').slice(0, -1) ?? [];
    const last = lines.findLast((line) => parseSlotLine(`${line}\n`)?.fence === fence);
    return last === undefined ? null : parseOutcome(Buffer.from(`${last}\n`), this.#context(places, fence, this.#boot));
  }

  /** `isOver`: whoever could still be writing the outcome is dead. */
  async settle(places: LeasePlaces, fence: string, settled: SettledOutcome, isOver: boolean): Promise<SettledOutcome> {
    this.#temporaries += 1;
    const temporary = join(
      dirname(places.outcome),
      `.${basename(places.outcome)}-${this.#temporaries}.${process.pid}.tmp`,
    );
    this.#disk.unlink(temporary);
    this.#disk.createNew(temporary, formatOutcome(fence, this.#boot, settled));
    try {
      if (this.#disk.link(temporary, places.outcome)) return settled;
      const found = this.read(places, fence);
      if (isSettled(found)) return found;
      if (found === null) return await this.settle(places, fence, settled, isOver);
      if (!isOver && found === 'torn')
        throw new StoreError('Unavailable', places.outcome, `lease ${fence}: its slot is still writing the outcome`);
      return await this.#replace(places, fence, settled, temporary);
    } finally {
      this.#disk.unlink(temporary);
    }
  }

  async #replace(
    places: LeasePlaces,
    fence: string,
    settled: SettledOutcome,
    temporary: string,
  ): Promise<SettledOutcome> {
    const lock = await KernelLock.wait(this.#disk, dirname(places.outcome), `settle-${fence}`);
    try {
      const found = this.read(places, fence);
      if (isSettled(found)) return found;
      const stat = this.#disk.stat(places.outcome);
      if (stat !== null && !stat.isFile)
        this.#quarantine.move(places.outcome, this.#label(places), 'expected an outcome, found no regular file');
      else this.#keep(places, found === 'torn');
      this.#disk.rename(temporary, places.outcome);
      return settled;
    } finally {
      await lock.release();
    }
  }

  #keep(places: LeasePlaces, isTorn: boolean): void {
    const bytes = this.#disk.read(places.outcome);
    if (bytes !== null && isTorn)
      this.#quarantine.keep(
        this.#label(places),
        bytes,
        `${places.outcome}: expected a whole outcome, found ${bytes.length} bytes that are none`,
      );
  }

  #label(places: LeasePlaces): string {
    return `leases.${basename(dirname(places.outcome))}.${basename(places.outcome)}`;
  }

  #context(places: LeasePlaces, fence: string, boot: string): OutcomeContext {
    return {
      fence,
      boot,
      wallOf: (seconds) => this.#wallOf(seconds),
      readOutput: () => this.#disk.read(places.output),
    };
  }

  /** Slots count from boot with the time asleep; hundredths, so the result may be up to 10 ms early, in the same way for all. */
  #wallOf(seconds: number): number {
    const now = monotonicMs();
    if (now - this.#asleepReadAt > ASLEEP_CACHE_MS) {
      const asleep = uptime() * 1000 - monotonicMs();
      this.#asleepMs = asleep > 50 ? asleep : 0;
      this.#asleepReadAt = now;
    }
    return Math.round(wallMs() - (now + this.#asleepMs - seconds * 1000));
  }
}

function isSettled(found: SettledOutcome | null | 'torn' | 'of another boot'): found is SettledOutcome {
  return found !== null && typeof found === 'object';
}
