// A state directory for tests of leases, slots and workers: handles to it, offers for it, and waiting without sleeping.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Executor } from '../../kernel/task.ts';
import type { Processes } from '../../kernel/ports.ts';
import { createProcesses } from '../../runtime/processes.ts';
import { Disk, type DiskHooks } from '../../store/file/disk.ts';
import { FileLeases } from '../../store/file/leases.ts';
import { Paths } from '../../store/file/paths.ts';
import { FileSeats } from '../../store/file/seats.ts';
import type { LeaseView, Offer } from '../../store/store.ts';

export const WORKER = 'w1';

export function fenceOf(counter: number): string {
  return `000001-${String(counter).padStart(8, '0')}`;
}

export class SlotPlace {
  readonly root = fs.mkdtempSync(join(tmpdir(), 'oarlock-slots-'));
  readonly processes: Processes = createProcesses();
  readonly paths = new Paths(this.root);

  leases(hooks: DiskHooks = {}): FileLeases {
    return new FileLeases(new Disk(hooks), this.paths, this.processes);
  }

  seats(hooks: DiskHooks = {}): FileSeats {
    return new FileSeats(new Disk(hooks), this.paths, this.processes);
  }

  offer(counter: number, executor: Executor, more: Partial<Offer> = {}): Offer {
    return {
      fence: fenceOf(counter),
      run: 'etl',
      uid: '6f1c2a90-0000-4000-8000-000000000001',
      node: `node ${counter}`,
      attempt: 1,
      key: `key-${counter}`,
      bootId: this.processes.bootId(),
      executor,
      inputPath: join(this.root, 'input.json'),
      logPath: this.log(counter),
      scratch: join(this.root, 'scratch'),
      workingDir: this.root,
      ...more,
    };
  }

  log(counter: number): string {
    return join(this.root, 'logs', `${counter}.log`);
  }

  readLog(counter: number): string {
    return fs.existsSync(this.log(counter)) ? fs.readFileSync(this.log(counter), 'utf8') : '';
  }

  inbox(name: string): string {
    return join(this.paths.inbox(WORKER), name);
  }

  names(): string[] {
    const directory = this.paths.inbox(WORKER);
    return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
  }

  quarantined(): string[] {
    const directory = join(this.root, 'quarantine');
    return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
  }

  dispose(): void {
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
}

const STEP_MS = 2;

/** Waits for a condition, up to a deadline. */
export async function until<T>(what: string, look: () => T | Promise<T>, deadlineMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`${what}: not seen within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

/** The lease once it has an outcome. */
export function settledLease(leases: FileLeases, counter: number, deadlineMs = 10_000): Promise<LeaseView> {
  return until(
    `outcome of ${fenceOf(counter)}`,
    async () =>
      (await leases.inbox(WORKER)).find(({ fence, outcome }) => fence === fenceOf(counter) && outcome !== null),
    deadlineMs,
  );
}
