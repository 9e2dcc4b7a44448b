// The spool of a host: a directory in which the workers of this machine keep what their attempts need and say, as lease files, until the
// database has it. Slots, and what they run, know nothing else.
//
// Owns: the layout, the host's name, who holds a worker's place. Does not own what goes in and out (host.ts).
//
//   spool/host             the name of this host
//   spool/leases/WORKER/   lease files, as under a state directory (docs/protocols/leases.md)
//   spool/runs/UID/        input, scratch and logs of a run, as long as something of it may run here

import { join } from 'node:path';
import type { Processes, Random } from '../../kernel/ports.ts';
import { Disk } from '../file/disk.ts';
import { KernelLock } from '../file/kernel-lock.ts';
import { FileLeases } from '../file/leases.ts';
import { encodeId, Paths } from '../file/paths.ts';
import type { Offer } from '../store.ts';

export class Spool {
  readonly disk: Disk;
  readonly root: string;
  readonly host: string;
  readonly #processes: Processes;

  private constructor(disk: Disk, root: string, host: string, processes: Processes) {
    this.disk = disk;
    this.root = root;
    this.host = host;
    this.#processes = processes;
  }

  static open(directory: string, processes: Processes, random: Random, disk = new Disk()): Spool {
    disk.makeDirectory(directory);
    const root = disk.realPath(directory);
    const file = join(root, 'host');
    disk.createNew(file, random.uuid());
    return new Spool(disk, root, disk.read(file)?.toString() ?? random.uuid(), processes);
  }

  /** The place of a worker; null while another process of this host holds it. */
  async take(name: string): Promise<WorkerPlace | null> {
    const lock = await KernelLock.take(this.disk, this.root, `worker-${name}`);
    return lock === null ? null : new WorkerPlace(this, name, this.#processes, lock);
  }

  runs(): string[] {
    return this.disk.names(join(this.root, 'runs'));
  }

  run(uid: string): string {
    return join(this.root, 'runs', uid);
  }
}

export class WorkerPlace {
  readonly spool: Spool;
  readonly name: string;
  readonly inbox: string;
  readonly leases: FileLeases;
  readonly #lock: KernelLock;
  readonly #bootId: string;

  constructor(spool: Spool, name: string, processes: Processes, lock: KernelLock) {
    const paths = new Paths(spool.root);
    this.spool = spool;
    this.name = name;
    this.inbox = paths.inbox(name);
    this.leases = new FileLeases(spool.disk, paths, processes);
    this.#bootId = processes.bootId();
    this.#lock = lock;
    spool.disk.makeDirectory(this.inbox);
  }

  get host(): string {
    return this.spool.host;
  }

  /** The offer with the places of this host. */
  localOffer(offer: Offer): Offer {
    const run = this.spool.run(offer.uid);
    return {
      ...offer,
      bootId: this.#bootId,
      inputPath: join(run, 'input.json'),
      scratch: join(run, 'scratch'),
      logPath: join(run, 'logs', `${encodeId(offer.node)}.${offer.attempt}.log`),
    };
  }

  release(): Promise<void> {
    return this.#lock.release();
  }
}
