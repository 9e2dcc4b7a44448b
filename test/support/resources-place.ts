// A state directory for tests of resources on files: a fresh place, handles to it, what stands in it, and a clock that runs in the
// background of waits that would take real time.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../kernel/ports.ts';
import type { Manifest } from '../../manifests/model.ts';
import { createClock } from '../../runtime/clock.ts';
import { createRandom } from '../../runtime/random.ts';
import { Disk } from '../../store/file/disk.ts';
import { Paths } from '../../store/file/paths.ts';
import { createFileResources, type FileResources } from '../../store/file/resources.ts';
import { createFileRuns, type FileRuns } from '../../store/file/runs.ts';

export interface HandleOptions {
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly bootId?: string;
  readonly lockless?: boolean;
  readonly builtins?: readonly Manifest[];
}

export class ResourcesPlace {
  readonly root = fs.mkdtempSync(join(tmpdir(), 'oarlock-resources-'));
  readonly #handles: { close(): Promise<void> }[] = [];

  /** A handle, as a process of its own would have one. */
  open(options: HandleOptions = {}): FileResources {
    const { disk = new Disk(), clock = createClock(0), builtins = [], ...rest } = options;
    const resources = createFileResources({
      disk,
      paths: new Paths(this.root),
      clock,
      random: createRandom(),
      builtins: new Map(builtins.map((manifest) => [manifest.metadata.name, manifest])),
      ...rest,
    });
    this.#handles.push(resources);
    return resources;
  }

  runs(resources: FileResources): FileRuns {
    const runs = createFileRuns({
      disk: new Disk(),
      paths: new Paths(this.root),
      clock: createClock(0),
      recordStatus: (ref, status, text) => resources.recordStatus(ref, status, text),
    });
    this.#handles.push(runs);
    return runs;
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  read(...names: string[]): string {
    return fs.readFileSync(this.path(...names), 'utf8');
  }

  /** By hand, as an editor would that writes in place. */
  write(name: string, text: string): void {
    fs.writeFileSync(this.path(name), text);
  }

  /** Names in a directory, sorted; empty when there is none. */
  names(...directory: string[]): string[] {
    const path = this.path(...directory);
    return fs.existsSync(path) ? fs.readdirSync(path).sort() : [];
  }

  async dispose(): Promise<void> {
    for (const handle of this.#handles.splice(0)) await handle.close();
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}
