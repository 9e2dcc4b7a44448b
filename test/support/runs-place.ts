// A state directory for tests of runs on files: a fresh place, handles to it, and what stands in it.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../../kernel/events.ts';
import type { Clock } from '../../kernel/ports.ts';
import { Disk } from '../../store/file/disk.ts';
import { Paths } from '../../store/file/paths.ts';
import { createFileRuns, type FileRuns } from '../../store/file/runs.ts';
import type { RunRef } from '../../store/store.ts';
import { HandClock } from './hand-clock.ts';

export const ETL: RunRef = { name: 'etl', uid: '6f1c2a90-0000-4000-8000-000000000001' };

export class RunsPlace {
  readonly root = fs.mkdtempSync(join(tmpdir(), 'oarlock-runs-'));
  readonly clock = new HandClock();
  readonly #handles: FileRuns[] = [];

  /** A handle, as a process of its own would have one. */
  runs(disk: Disk = new Disk(), clock: Clock = this.clock): FileRuns {
    const runs = createFileRuns({ disk, paths: new Paths(this.root), clock, recordStatus: async () => 0 });
    this.#handles.push(runs);
    return runs;
  }

  /** A path inside the run's directory. */
  file(...names: string[]): string {
    return join(this.root, 'runs', `etl.${ETL.uid.slice(0, 8)}`, ...names);
  }

  read(...names: string[]): string {
    return fs.readFileSync(this.file(...names), 'utf8');
  }

  /** Names in quarantine, sorted. */
  quarantined(): string[] {
    const directory = join(this.root, 'quarantine');
    return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
  }

  reason(name: string): string {
    return fs.readFileSync(join(this.root, 'quarantine', `${name}.reason.txt`), 'utf8');
  }

  async dispose(): Promise<void> {
    for (const runs of this.#handles) await runs.close();
    fs.rmSync(this.root, { recursive: true });
  }
}

export function registered(input: string): RunEvent {
  const registration = { name: ETL.name, uid: ETL.uid, workflow: null, workflowGeneration: 0, input, change: {} };
  return { at: 1, time: 1, type: 'Registered', registration };
}

export function due(node: string): RunEvent {
  return { at: 2, time: 2, type: 'RetryDue', nodes: [node] };
}

export function ended(output: string): RunEvent {
  const outcome = { result: 'Success' as const, output };
  return { at: 3, time: 3, type: 'Ended', node: 'A', fence: '0000000001-0000000001', outcome };
}
