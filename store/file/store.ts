// A state directory: checked, made where it is missing, and opened as a Store.
//
// S1  one host per directory: file systems whose locks, links and renames mean something else are refused.
// S2  a directory that a newer version has written is refused, never written to.
// S3  private: directories 0700, files 0600; one that others may write to is refused.

import { StoreError } from '../../kernel/errors.ts';
import { isObject, type Json } from '../../kernel/json.ts';
import type { Processes, Random } from '../../kernel/ports.ts';
import { BUILTIN_TASKS } from '../../manifests/builtin/manifests.ts';
import { createClock, monotonicMs, wallMs } from '../../runtime/clock.ts';
import type { Store } from '../store.ts';
import { loadClockOffset } from './clock-file.ts';
import { Disk, type DiskHooks } from './disk.ts';
import { greatestEpoch } from './known-epoch.ts';
import { FileLeases } from './leases.ts';
import { Paths } from './paths.ts';
import { checkPrivate } from './privacy.ts';
import { Quarantine } from './quarantine.ts';
import { createFileResources } from './resources.ts';
import { createFileRuns } from './runs.ts';
import { FileSeats } from './seats.ts';

export interface FileStoreOptions {
  readonly processes: Processes;
  readonly random: Random;
  /** For tests: stops or fails any single file operation. */
  readonly hooks?: DiskHooks;
}

const FORMAT = 1;

/** f_type of statfs: NFS, SMB, CIFS, SMB2, FUSE, 9p, Ceph, AFS, Lustre, GPFS. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);

export function networkFileSystem(type: number): string | null {
  return NETWORK_FILE_SYSTEMS.get(type) ?? null;
}

export async function openFileStore(root: string, options: FileStoreOptions): Promise<Store> {
  const { processes, random, hooks = {} } = options;
  const disk = new Disk(hooks);
  // One spelling for all processes, whatever links they came by: tasks are found by paths in it (runtime/ending.ts).
  disk.makeDirectory(root);
  const paths = new Paths(disk.realPath(root));
  prepare(disk, paths);
  const offset = loadClockOffset(disk, paths, {
    bootId: processes.bootId(),
    monotonicMs: monotonicMs(),
    wallMs: wallMs(),
  });
  const clock = createClock(offset);
  const resources = createFileResources({ disk, paths, clock, random, builtins: BUILTIN_TASKS });
  const runs = createFileRuns({
    disk,
    paths,
    clock,
    recordStatus: (ref, status, text) => resources.recordStatus(ref, status, text),
  });
  const leases = new FileLeases(disk, paths, processes);
  return {
    resources,
    runs,
    leases,
    seats: new FileSeats(disk, paths, processes, { knownEpoch: () => greatestEpoch(disk, paths) }),
    clock,
    leasesAt: () => leases,
    close: () => resources.close(),
  };
}

function prepare(disk: Disk, paths: Paths): void {
  disk.makeDirectory(paths.root);
  const network = networkFileSystem(disk.space(paths.root).type);
  if (network !== null) {
    throw new StoreError(
      'Unavailable',
      paths.root,
      `state directory "${paths.root}": expected a local file system, found ${network}`,
    );
  }
  checkPrivate(disk, paths, process.getuid?.() ?? 0);
  checkFormat(disk, paths);
  for (const kind of ['Workflow', 'WorkflowRun', 'Task', 'Signal'] as const) disk.makeDirectory(paths.desired(kind));
}

function checkFormat(disk: Disk, paths: Paths): void {
  const text = `${JSON.stringify({ format: FORMAT })}\n`;
  new Quarantine(disk, paths).clearWay(paths.format, 'format.json');
  const bytes = disk.read(paths.format, 4096);
  if (bytes === null) {
    disk.createNew(paths.format, text);
    return;
  }
  const found = formatOf(bytes);
  if (found === FORMAT) return;
  if (found !== null && found > FORMAT) {
    throw new StoreError(
      'Unavailable',
      paths.format,
      `state directory "${paths.root}": written by a newer version (format ${found}, this one knows ${FORMAT})`,
    );
  }
  // Spoiled by hand; there is only one format so far.
  disk.unlink(paths.format);
  disk.createNew(paths.format, text);
}

function formatOf(bytes: Buffer): number | null {
  try {
    const value = JSON.parse(bytes.toString()) as Json;
    return isObject(value) && typeof value['format'] === 'number' ? value['format'] : null;
  } catch {
    return null;
  }
}
